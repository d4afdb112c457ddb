/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that carry jobs out: which is next, its steps, and what follows from how they went. */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "util/when.h"

enum { ABANDON_MS = 10 * 1000 };

/* --- which is next --- */

bool job_needs_commit(const struct job *job)
{
	return job->commits && !job->info.image_id[0] && !job->info.finished;
}

/* Does something before it in the queue have to come first? */
static bool blocked_locked(struct jobs *j, struct job *job)
{
	for (struct job *other = j->first; other && other != job; other = other->next) {
		if (!job_needs_commit(other))
			continue;
		if (other->info.number == job->after)
			return true;
		if (job_needs_commit(job) && strcmp(other->info.container_id, job->info.container_id) == 0)
			return true;
	}
	return false;
}

/* The next job that can run; *wait_ms is when to look again if there is none (-1: at the next change). */
static struct job *next_locked(struct jobs *j, int64_t *wait_ms)
{
	int64_t now = when_monotonic_ms();

	*wait_ms = -1;
	for (struct job *job = j->first; job; job = job->next) {
		if (job->running || job->info.finished)
			continue;
		if (job->cancel_asked)
			return job;
		if (blocked_locked(j, job))
			continue;
		if (job->not_before <= now)
			return job;
		if (*wait_ms < 0 || job->not_before - now < *wait_ms)
			*wait_ms = job->not_before - now;
	}
	return NULL;
}

/* --- running --- */

/* The image that another job commits for us. */
static int take_image(struct jobs *j, struct job *job, struct err *reterr)
{
	struct job *other;
	int r = 0;

	if (!job->after || job->info.image_id[0])
		return 0;
	pthread_mutex_lock(&j->lock);
	other = jobs_find_locked(j, job->after);
	if (other && other->info.image_id[0])
		memcpy(job->info.image_id, other->info.image_id, sizeof(job->info.image_id));
	else
		r = err_set(reterr, other && other->info.error.code ? other->info.error.code : ECANCELED,
			"the commit of the image came to nothing (job %llu)", (unsigned long long)job->after);
	pthread_mutex_unlock(&j->lock);
	return r;
}

static int run_steps(struct jobs *j, struct job *job, struct err *reterr)
{
	int r = take_image(j, job, reterr);

	if (r == 0 && job->store_missing) {
		err_set(reterr, ENOENT, "the store of this job (%s) is not configured any more", job->info.target);
		reterr->passing = true;
		return -ENOENT;
	}
	if (r == 0 && cancel_fired(&job->cancel))
		return err_set(reterr, ECANCELED, "cancelled");
	if (r == 0 && job->commits && !job->info.image_id[0])
		r = commit_run(j, job, reterr);
	if (r == 0 && job->store && cancel_fired(&job->cancel))
		return err_set(reterr, ECANCELED, "cancelled");
	if (r == 0 && job->store)
		r = push_run(j, job, reterr);
	return r;
}

static void finish(struct jobs *j, struct job *job, enum job_state state, const struct err *e)
{
	struct job_info info;

	if (state == JOB_FAILED || state == JOB_CANCELLED)
		push_abandon(j, job, ABANDON_MS);
	pthread_mutex_lock(&j->lock);
	if (e && e->code != ECANCELED)
		job_log_locked(job, "%s: %s", job_state_word(state), e->text);
	else if (job->info.state != state) /* a commit alone has said so already */
		job_log_locked(job, "%s", job_state_word(state));
	job->info.state = state;
	job->info.finished = true;
	job->info.ended = when_now();
	job->info.rate = 0;
	job->info.error = e ? *e : (struct err){0};
	job->running = false;
	j->unfinished--;
	info = job->info;
	pthread_cond_broadcast(&j->work);
	pthread_mutex_unlock(&j->lock);
	job_keep(j, job, NULL);
	job_tell(j, &info);
	jobs_trim(j);
}

/* 1, 2, 4 … 60 s, up to a quarter more so that many jobs don't come back at once; or what the peer asked. */
static int64_t pause_before(unsigned attempt, const struct err *e)
{
	int64_t ms = attempt < 7 ? 1000 << (attempt - 1) : 60000;

	if (ms > 60000)
		ms = 60000;
	ms += when_monotonic_ms() * 7919 % (ms / 4 + 1);
	if (e->retry_after && (int64_t)e->retry_after * 1000 > ms)
		ms = (e->retry_after < 3600 ? (int64_t)e->retry_after : 3600) * 1000;
	return ms;
}

static void retry_later(struct jobs *j, struct job *job, const struct err *e)
{
	int64_t ms = pause_before(job->info.attempt, e);
	struct job_info info;

	pthread_mutex_lock(&j->lock);
	job->info.state = JOB_WAITING;
	job->info.error = *e;
	job->info.next_attempt = when_now() + (ms + 999) / 1000;
	job->info.rate = 0;
	job->not_before = when_monotonic_ms() + ms;
	job->running = false;
	job_log_locked(job, "waiting %lld ms after attempt %u: %s", (long long)ms, job->info.attempt, e->text);
	info = job->info;
	pthread_cond_broadcast(&j->work);
	pthread_mutex_unlock(&j->lock);
	job_keep(j, job, NULL);
	job_tell(j, &info);
}

/* The journal has it; the next run goes on with it. */
static void leave(struct jobs *j, struct job *job)
{
	pthread_mutex_lock(&j->lock);
	job->running = false;
	job_log_locked(job, "interrupted by the end of commitfs");
	pthread_mutex_unlock(&j->lock);
	job_keep(j, job, NULL);
}

static bool told_to_cancel(struct jobs *j, const struct job *job)
{
	bool told;

	pthread_mutex_lock(&j->lock);
	told = job->cancel_asked;
	pthread_mutex_unlock(&j->lock);
	return told;
}

static void run_job(struct jobs *j, struct job *job)
{
	struct err e = {0};
	int r = run_steps(j, job, &e);

	if (r == 0)
		finish(j, job, job->store ? JOB_ACTIVE : JOB_COMMITTED, NULL);
	else if (cancel_fired(&job->cancel) && !told_to_cancel(j, job) && j->options.journal)
		leave(j, job);
	else if (cancel_fired(&job->cancel))
		finish(j, job, JOB_CANCELLED, &(struct err){.code = ECANCELED, .text = "cancelled"});
	else if (e.passing && job->info.attempt <= j->options.retries)
		retry_later(j, job, &e);
	else
		finish(j, job, JOB_FAILED, &e);
}

static void begin_locked(struct job *job)
{
	job->running = true;
	job->info.attempt++;
	job->info.next_attempt = 0;
	job->info.error = (struct err){0};
	if (!job->info.started)
		job->info.started = when_now();
}

static void wait_for_work(struct jobs *j, int64_t ms)
{
	struct timespec until;

	if (ms < 0) {
		pthread_cond_wait(&j->work, &j->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	when_add_ms(&until, ms);
	pthread_cond_timedwait(&j->work, &j->lock, &until);
}

void *jobs_worker(void *arg)
{
	struct jobs *j = arg;
	int64_t wait_ms;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping) {
		struct job *job = next_locked(j, &wait_ms);

		if (!job) {
			wait_for_work(j, wait_ms);
			continue;
		}
		begin_locked(job);
		pthread_mutex_unlock(&j->lock);
		run_job(j, job);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}
