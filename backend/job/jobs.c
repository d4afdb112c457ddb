/* SPDX-License-Identifier: Apache-2.0 */
/* All jobs: taking them in, loading them, stopping. */
#include "job/jobs.h"

#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "util/log.h"
#include "util/when.h"

enum { STOP_MS = 1000 /* what takes less is finished before the end */ };

/* --- the queue --- */

struct store *jobs_store(struct jobs *j, const char *word)
{
	for (struct store *const *s = j->options.stores; *s; s++)
		if (strcmp((*s)->ops->name, word) == 0)
			return *s;
	return NULL;
}

struct job *jobs_find_locked(struct jobs *j, uint64_t number)
{
	for (struct job *job = j->first; job; job = job->next)
		if (job->info.number == number)
			return job;
	return NULL;
}

/* Forgets the oldest finished jobs beyond what is kept; returns one to be told and freed, or NULL. */
static struct job *trim_locked(struct jobs *j)
{
	if (j->count <= JOBS_KEPT + j->unfinished)
		return NULL;
	for (struct job **p = &j->first; *p; p = &(*p)->next) {
		struct job *job = *p;

		if (!job->info.finished)
			continue;
		*p = job->next;
		if (j->last == &job->next)
			j->last = p;
		j->count--;
		return job;
	}
	return NULL;
}

void jobs_trim(struct jobs *j)
{
	struct job *old;

	for (;;) {
		struct job_info gone = {0};

		pthread_mutex_lock(&j->lock);
		old = trim_locked(j);
		pthread_mutex_unlock(&j->lock);
		if (!old)
			return;
		gone.number = old->info.number;
		if (j->options.journal)
			journal_forget(j->options.journal, gone.number, NULL);
		job_free(old);
		job_tell(j, &gone);
	}
}

static bool full(struct jobs *j)
{
	bool is;

	pthread_mutex_lock(&j->lock);
	is = j->unfinished >= JOBS_QUEUED_MAX || j->stopping;
	pthread_mutex_unlock(&j->lock);
	return is;
}

static void append_locked(struct jobs *j, struct job *job)
{
	*j->last = job;
	j->last = &job->next;
	j->count++;
	j->unfinished += !job->info.finished;
	pthread_cond_broadcast(&j->work);
}

/* Gives it its number; from here on it outlives us. */
static int accept_job(struct jobs *j, struct job *job, struct err *reterr)
{
	int r;

	if (!j->options.journal) {
		job->info.number = j->next_number++;
		return 0;
	}
	r = journal_add(j->options.journal, job, reterr);
	jobs_note_journal(j, r < 0 ? reterr : &(struct err){0});
	return r;
}

int jobs_submit(struct jobs *j, struct job *job, struct err *reterr)
{
	struct job_info info;
	int r;

	if (full(j))
		return err_set(reterr, EBUSY, "%d jobs are waiting already: try again later", JOBS_QUEUED_MAX);
	if (job->commits)
		job->info.state = JOB_COMMITTING;
	job_log_locked(job, "accepted: %s %s", job_operation_word(job->info.operation), job->info.reference);
	pthread_mutex_lock(&j->submitting);
	r = accept_job(j, job, reterr);
	if (r == 0) {
		pthread_mutex_lock(&j->lock);
		append_locked(j, job);
		info = job->info;
		pthread_mutex_unlock(&j->lock);
	}
	pthread_mutex_unlock(&j->submitting);
	if (r < 0)
		return r;
	job_tell(j, &info);
	jobs_trim(j);
	return 0;
}

/* --- what an earlier run left --- */

static int load_job(struct jobs *j, struct job *job)
{
	if (!job->info.finished) {
		job->info.state = job->commits && !job->info.image_id[0] ? JOB_COMMITTING : JOB_QUEUED;
		job->info.rate = 0;
		job_log_locked(job, "gone on with after a restart");
		if (job->cancel_asked)
			cancel_fire(&job->cancel);
	}
	append_locked(j, job); /* nobody else is there yet */
	j->next_number = job->info.number + 1;
	return 0;
}

static int load_orphan(struct jobs *j, const char *store, const char *id)
{
	struct store *s = jobs_store(j, store);

	if (s)
		keeper_adopt(j, s, id, true);
	else
		log_warning("the record %s may be left behind: '%s' is not configured", id, store);
	return 0;
}

int jobs_load(struct jobs *j, struct err *reterr)
{
	return j->options.journal ? journal_load(j->options.journal, j, load_job, load_orphan, reterr) : 0;
}

/* --- life --- */

int jobs_new(const struct jobs_options *options, struct jobs **ret, struct err *reterr)
{
	struct jobs *j = calloc(1, sizeof(*j));
	pthread_condattr_t monotonic;

	if (!j)
		return err_nomem(reterr);
	j->stop = (struct cancel)CANCEL_INIT;
	j->options = *options;
	j->last = &j->first;
	j->next_number = 1;
	if (gethostname(j->host, sizeof(j->host) - 1) < 0)
		j->host[0] = '\0';
	pthread_mutex_init(&j->lock, NULL);
	pthread_mutex_init(&j->submitting, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->work, &monotonic);
	pthread_cond_init(&j->chores, &monotonic);
	if (cancel_init(&j->stop) < 0) {
		jobs_free(j);
		return err_nomem(reterr);
	}
	*ret = j;
	return 0;
}

int jobs_start(struct jobs *j, struct err *reterr)
{
	j->threads = calloc(j->options.parallel, sizeof(*j->threads));
	if (!j->threads)
		return err_nomem(reterr);
	for (unsigned i = 0; i < j->options.parallel; i++) {
		int r = pthread_create(&j->threads[i], NULL, jobs_worker, j);

		if (r)
			return err_set(reterr, r, "the threads for jobs do not start: %s", strerror(r));
		j->thread_count++;
	}
	return keeper_start(j) < 0 ? err_nomem(reterr) : 0;
}

static bool any_running_locked(const struct jobs *j)
{
	for (const struct job *job = j->first; job; job = job->next)
		if (job->running)
			return true;
	return false;
}

/* What ends within a second ends well. */
static void wait_a_moment_locked(struct jobs *j)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	when_add_ms(&until, STOP_MS);
	while (r == 0 && any_running_locked(j))
		r = pthread_cond_timedwait(&j->work, &j->lock, &until);
}

void jobs_stop(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	pthread_cond_broadcast(&j->work);
	pthread_cond_broadcast(&j->chores);
	wait_a_moment_locked(j);
	for (struct job *job = j->first; job; job = job->next)
		if (job->running)
			cancel_fire(&job->cancel);
	pthread_mutex_unlock(&j->lock);
	cancel_fire(&j->stop);
	for (size_t i = 0; i < j->thread_count; i++)
		pthread_join(j->threads[i], NULL);
	j->thread_count = 0;
	keeper_stop(j);
}

void jobs_free(struct jobs *j)
{
	while (j->first) {
		struct job *job = j->first;

		j->first = job->next;
		job_free(job);
	}
	jobs_free_rejections(j);
	free(j->threads);
	cancel_done(&j->stop);
	pthread_cond_destroy(&j->work);
	pthread_cond_destroy(&j->chores);
	pthread_mutex_destroy(&j->submitting);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* Under the lock; returns whether there is something to be kept. */
static int ask_to_cancel_locked(struct jobs *j, struct job *job, struct err *reterr)
{
	if (job->running && job_needs_commit(job) && !job->store)
		return err_set(reterr, EBUSY, "the engine is in the middle of the commit and can't be stopped");
	if (job->info.finished || job->cancel_asked)
		return 0;
	job->cancel_asked = true;
	job_log_locked(job, "asked to cancel");
	cancel_fire(&job->cancel);
	pthread_cond_broadcast(&j->work);
	return 0;
}

int jobs_cancel(struct jobs *j, uint64_t number, struct err *reterr)
{
	struct job *job;
	int r;

	pthread_mutex_lock(&j->lock);
	job = jobs_find_locked(j, number);
	if (job)
		r = ask_to_cancel_locked(j, job, reterr);
	else
		r = err_set(reterr, ENOENT, "there is no job %llu", (unsigned long long)number);
	pthread_mutex_unlock(&j->lock);
	/* By its number: the job itself may have ended and be gone by now. */
	return r == 0 && j->options.journal ? journal_cancel(j->options.journal, number, reterr) : r;
}
