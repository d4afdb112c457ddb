/* SPDX-License-Identifier: Apache-2.0 */
#include "job/jobs.h"

#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "util/log.h"
#include "util/when.h"

enum {
	TELL_MS = 500,		/* progress is told at most twice a second */
	LOG_LIMIT = 64 << 10,	/* bytes of a job's log */
	REJECTIONS_MAX = 1000,
	ABANDON_MS = 10 * 1000,
	STOP_MS = 1000, /* what takes less is finished before the end */
};

struct rejection {
	char *object;
	struct job_rejection what;
};

const char *job_state_word(enum job_state state)
{
	static const char *const words[] = {"committing", "committed", "queued", "exporting", "uploading",
		"verifying", "active", "waiting", "failed", "cancelled"};

	return words[state];
}

const char *job_operation_word(enum job_operation operation)
{
	return operation == JOB_COMMIT ? "commit" : "push";
}

/* --- a job --- */

static char **copy_strings(char *const *list)
{
	size_t n = 0;
	char **copy;

	while (list && list[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(list[i]);
		if (!copy[i]) {
			while (i)
				free(copy[--i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

struct job *job_new(struct jobs *j, const struct request *request, struct err *reterr)
{
	CLEANUP(job_freep) struct job *job = calloc(1, sizeof(*job));

	if (!job) {
		err_nomem(reterr);
		return NULL;
	}
	job->cancel = (struct cancel)CANCEL_INIT;
	job->request_text = strdup(request->text);
	job->author = request->author ? strdup(request->author) : NULL;
	job->message = request->message ? strdup(request->message) : NULL;
	job->changes = copy_strings(request->changes);
	job->pause = request->pause;
	job->host = strdup(j->host);
	store_new_id(job->mark);
	job->info.state = JOB_QUEUED;
	job->info.created = when_now();
	if (request->reference)
		snprintf(job->info.reference, sizeof(job->info.reference), "%s", request->reference);
	if (!job->request_text || !job->changes || !job->host || (request->author && !job->author) ||
		(request->message && !job->message) || cancel_init(&job->cancel) < 0) {
		err_nomem(reterr);
		return NULL;
	}
	return steal_pointer(&job);
}

void job_free(struct job *job)
{
	for (char **c = job->changes; c && *c; c++)
		free(*c);
	free(job->changes);
	free(job->request_text);
	free(job->author);
	free(job->message);
	free(job->host);
	buf_done(&job->log);
	cancel_done(&job->cancel);
	free(job);
}

/* --- changes, each told with no lock held --- */

static void tell(struct jobs *j, const struct job_info *info)
{
	if (info->number && j->options.changed)
		j->options.changed(j->options.arg, info);
}

static void say_locked(struct job *job, const char *format, va_list ap)
{
	if (job->log.len > LOG_LIMIT)
		return;
	when_format(&job->log, when_now());
	buf_addc(&job->log, ' ');
	buf_vprintf(&job->log, format, ap);
	buf_addc(&job->log, '\n');
}

static void log_state_locked(struct job *job, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say_locked(job, format, ap);
	va_end(ap);
}

void job_say(struct jobs *j, struct job *job, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	pthread_mutex_lock(&j->lock);
	say_locked(job, format, ap);
	pthread_mutex_unlock(&j->lock);
	va_end(ap);
}

void job_info_copy(struct jobs *j, struct job *job, struct job_info *ret)
{
	pthread_mutex_lock(&j->lock);
	*ret = job->info;
	pthread_mutex_unlock(&j->lock);
}

void job_enter(struct jobs *j, struct job *job, enum job_state state)
{
	struct job_info info;

	pthread_mutex_lock(&j->lock);
	job->info.state = state;
	log_state_locked(job, "%s", job_state_word(state));
	info = job->info;
	pthread_mutex_unlock(&j->lock);
	tell(j, &info);
}

void job_set_image(struct jobs *j, struct job *job, const char *image_id)
{
	pthread_mutex_lock(&j->lock);
	snprintf(job->info.image_id, sizeof(job->info.image_id), "%s", image_id);
	pthread_cond_broadcast(&j->work); /* a push may have waited for it */
	pthread_mutex_unlock(&j->lock);
}

void job_set_target_id(struct jobs *j, struct job *job, const char *id)
{
	pthread_mutex_lock(&j->lock);
	snprintf(job->info.target_id, sizeof(job->info.target_id), "%s", id);
	pthread_mutex_unlock(&j->lock);
}

void job_set_total(struct jobs *j, struct job *job, uint64_t bytes, uint64_t total)
{
	pthread_mutex_lock(&j->lock);
	job->info.bytes = bytes;
	job->info.total = total;
	pthread_mutex_unlock(&j->lock);
}

/* A rate that follows changes within a few seconds and doesn't jump. */
static void update_rate(struct job *job, uint64_t bytes, int64_t now)
{
	int64_t ms = now - job->rated_ms;
	uint64_t recent;

	if (ms <= 0)
		return;
	recent = (bytes - job->rated_bytes) * 1000 / (uint64_t)ms;
	job->info.rate = job->info.rate ? (job->info.rate * 3 + recent) / 4 : recent;
	job->rated_ms = now;
	job->rated_bytes = bytes;
}

/* The first byte ends the engine's preparations. */
static void begin_uploading_locked(struct job *job, int64_t now)
{
	job->info.state = JOB_UPLOADING;
	job->info.rate = 0;
	job->rated_ms = now;
	job->rated_bytes = 0;
	job->told_ms = 0;
	log_state_locked(job, "%s", job_state_word(JOB_UPLOADING));
}

void job_moved(struct jobs *j, struct job *job, uint64_t bytes)
{
	int64_t now = when_monotonic_ms();
	struct job_info info;
	bool due;

	pthread_mutex_lock(&j->lock);
	if (job->info.state != JOB_UPLOADING)
		begin_uploading_locked(job, now);
	job->info.bytes = bytes;
	due = now - job->told_ms >= TELL_MS;
	if (due) {
		update_rate(job, bytes, now);
		job->told_ms = now;
		info = job->info;
	}
	pthread_mutex_unlock(&j->lock);
	if (due)
		tell(j, &info);
}

/* --- keeping --- */

static void note_journal(struct jobs *j, const struct err *e)
{
	struct job_info none = {0};
	bool changed;

	pthread_mutex_lock(&j->lock);
	changed = !j->journal_error.code != !e->code;
	j->journal_error = *e;
	pthread_mutex_unlock(&j->lock);
	if (changed && e->code)
		log_error("%s", e->text);
	if (changed && j->options.changed)
		j->options.changed(j->options.arg, &none);
}

struct err jobs_journal_error(struct jobs *j)
{
	struct err e;

	pthread_mutex_lock(&j->lock);
	e = j->journal_error;
	pthread_mutex_unlock(&j->lock);
	return e;
}

int job_keep(struct jobs *j, struct job *job, struct err *reterr)
{
	struct err e = {0};
	struct job copy;

	if (!j->options.journal || !job->info.number)
		return 0;
	pthread_mutex_lock(&j->lock);
	copy = *job;
	copy.log = (struct buf)BUF_INIT;
	buf_add(&copy.log, buf_text(&job->log), job->log.len);
	pthread_mutex_unlock(&j->lock);
	journal_claim(j->options.journal, &copy, &e);
	buf_done(&copy.log);
	note_journal(j, &e);
	e.passing = true;
	if (e.code && reterr)
		*reterr = e;
	return -e.code;
}

/* --- the queue --- */

struct store *jobs_store(struct jobs *j, const char *word)
{
	for (struct store *const *s = j->options.stores; *s; s++)
		if (strcmp((*s)->ops->name, word) == 0)
			return *s;
	return NULL;
}

static struct job *find_locked(struct jobs *j, uint64_t number)
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

static void trim(struct jobs *j)
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
		tell(j, &gone);
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
	note_journal(j, r < 0 ? reterr : &(struct err){0});
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
	log_state_locked(job, "accepted: %s %s", job_operation_word(job->info.operation), job->info.reference);
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
	tell(j, &info);
	trim(j);
	return 0;
}

/* --- what an earlier run left --- */

static int load_job(struct jobs *j, struct job *job)
{
	if (!job->info.finished) {
		job->info.state = job->commits && !job->info.image_id[0] ? JOB_COMMITTING : JOB_QUEUED;
		job->info.rate = 0;
		log_state_locked(job, "gone on with after a restart");
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

static bool needs_commit(const struct job *job)
{
	return job->commits && !job->info.image_id[0] && !job->info.finished;
}

/* Does something before it in the queue have to come first? */
static bool blocked_locked(struct jobs *j, struct job *job)
{
	for (struct job *other = j->first; other && other != job; other = other->next) {
		if (!needs_commit(other))
			continue;
		if (other->info.number == job->after)
			return true;
		if (needs_commit(job) && strcmp(other->info.container_id, job->info.container_id) == 0)
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
	other = find_locked(j, job->after);
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
		log_state_locked(job, "%s: %s", job_state_word(state), e->text);
	else if (job->info.state != state) /* a commit alone has said so already */
		log_state_locked(job, "%s", job_state_word(state));
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
	tell(j, &info);
	trim(j);
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
	log_state_locked(job, "waiting %lld ms after attempt %u: %s", (long long)ms, job->info.attempt, e->text);
	info = job->info;
	pthread_cond_broadcast(&j->work);
	pthread_mutex_unlock(&j->lock);
	job_keep(j, job, NULL);
	tell(j, &info);
}

/* The journal has it; the next run goes on with it. */
static void leave(struct jobs *j, struct job *job)
{
	pthread_mutex_lock(&j->lock);
	job->running = false;
	log_state_locked(job, "interrupted by the end of commitfs");
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

static void *worker(void *arg)
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
		int r = pthread_create(&j->threads[i], NULL, worker, j);

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
	struct rejection *rejection;

	while (j->first) {
		struct job *job = j->first;

		j->first = job->next;
		job_free(job);
	}
	for (size_t i = 0; (rejection = table_next(&j->rejections, &i));) {
		free(rejection->object);
		free(rejection);
	}
	table_done(&j->rejections);
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
	if (job->running && needs_commit(job) && !job->store)
		return err_set(reterr, EBUSY, "the engine is in the middle of the commit and can't be stopped");
	if (job->info.finished || job->cancel_asked)
		return 0;
	job->cancel_asked = true;
	log_state_locked(job, "asked to cancel");
	cancel_fire(&job->cancel);
	pthread_cond_broadcast(&j->work);
	return 0;
}

int jobs_cancel(struct jobs *j, uint64_t number, struct err *reterr)
{
	struct job *job;
	int r;

	pthread_mutex_lock(&j->lock);
	job = find_locked(j, number);
	if (job)
		r = ask_to_cancel_locked(j, job, reterr);
	else
		r = err_set(reterr, ENOENT, "there is no job %llu", (unsigned long long)number);
	pthread_mutex_unlock(&j->lock);
	/* By its number: the job itself may have ended and be gone by now. */
	return r == 0 && j->options.journal ? journal_cancel(j->options.journal, number, reterr) : r;
}

/* --- rejections --- */

static void drop_rejection_locked(struct jobs *j, const char *object)
{
	struct rejection *old = table_remove(&j->rejections, object);

	if (!old)
		return;
	free(old->object);
	free(old);
}

void jobs_note_rejection(struct jobs *j, const char *object, const struct err *error)
{
	struct rejection *new = error ? calloc(1, sizeof(*new)) : NULL;

	if (new) {
		new->object = strdup(object);
		new->what = (struct job_rejection){when_now(), *error};
	}
	pthread_mutex_lock(&j->lock);
	drop_rejection_locked(j, object);
	if (new && new->object && j->rejections.count < REJECTIONS_MAX &&
		table_put(&j->rejections, new->object, new, NULL) == 0)
		new = NULL;
	pthread_mutex_unlock(&j->lock);
	if (new)
		free(new->object);
	free(new);
}

bool jobs_rejection(struct jobs *j, const char *object, struct job_rejection *ret)
{
	struct rejection *found;

	pthread_mutex_lock(&j->lock);
	found = table_get(&j->rejections, object);
	if (found)
		*ret = found->what;
	pthread_mutex_unlock(&j->lock);
	return found;
}

/* --- reading --- */

bool jobs_get(struct jobs *j, uint64_t number, struct job_info *ret)
{
	struct job *job;

	pthread_mutex_lock(&j->lock);
	job = find_locked(j, number);
	if (job)
		*ret = job->info;
	pthread_mutex_unlock(&j->lock);
	return job;
}

typedef bool fits_fn(const struct job_info *info, const char *what);

static bool fits_container(const struct job_info *info, const char *id)
{
	return strcmp(info->container_id, id) == 0;
}

static bool fits_image(const struct job_info *info, const char *reference)
{
	return strcmp(info->reference, reference) == 0;
}

/* The newest of those that fit; with `unfinished`, of those that aren't done. */
static bool newest(struct jobs *j, fits_fn *fits, const char *what, unsigned operations, bool unfinished,
	struct job_info *ret)
{
	struct job *found = NULL;

	pthread_mutex_lock(&j->lock);
	for (struct job *job = j->first; job; job = job->next)
		if (fits(&job->info, what) && operations & 1u << job->info.operation &&
			!(unfinished && job->info.finished))
			found = job;
	if (found && ret)
		*ret = found->info;
	pthread_mutex_unlock(&j->lock);
	return found;
}

bool jobs_newest_of_container(struct jobs *j, const char *id, unsigned operations, struct job_info *ret)
{
	return newest(j, fits_container, id, operations, false, ret);
}

bool jobs_newest_of_image(struct jobs *j, const char *reference, struct job_info *ret)
{
	return newest(j, fits_image, reference, ~0u, false, ret);
}

bool jobs_pending_for_container(struct jobs *j, const char *id)
{
	return newest(j, fits_container, id, ~0u, true, NULL);
}

bool jobs_pending_for_image(struct jobs *j, const char *reference)
{
	return newest(j, fits_image, reference, ~0u, true, NULL);
}

int jobs_numbers(struct jobs *j, uint64_t **ret, size_t *ret_n)
{
	size_t n = 0;

	pthread_mutex_lock(&j->lock);
	*ret = calloc(j->count + 1, sizeof(**ret));
	for (struct job *job = j->first; *ret && job; job = job->next)
		(*ret)[n++] = job->info.number;
	pthread_mutex_unlock(&j->lock);
	*ret_n = n;
	return *ret ? 0 : -ENOMEM;
}

int jobs_coming_images(struct jobs *j, int (*one)(void *arg, const struct job_info *info), void *arg)
{
	AUTO_FREE uint64_t *numbers = NULL;
	struct job_info info;
	size_t n;
	int r = jobs_numbers(j, &numbers, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (jobs_get(j, numbers[i], &info) && !info.finished && info.operation == JOB_COMMIT)
			r = one(arg, &info);
	return r;
}

int jobs_log(struct jobs *j, uint64_t number, struct buf *out)
{
	struct job *job;

	pthread_mutex_lock(&j->lock);
	job = find_locked(j, number);
	if (job)
		buf_add(out, buf_text(&job->log), job->log.len);
	pthread_mutex_unlock(&j->lock);
	return job ? buf_error(out) : -ENOENT;
}

int jobs_request_text(struct jobs *j, uint64_t number, struct buf *out)
{
	struct job *job;

	pthread_mutex_lock(&j->lock);
	job = find_locked(j, number);
	if (job)
		buf_adds(out, job->request_text);
	pthread_mutex_unlock(&j->lock);
	return job ? buf_error(out) : -ENOENT;
}

void jobs_count(struct jobs *j, size_t *ret_running, size_t *ret_queued)
{
	size_t running = 0;

	pthread_mutex_lock(&j->lock);
	for (struct job *job = j->first; job; job = job->next)
		running += job->running;
	*ret_running = running;
	*ret_queued = j->unfinished - running;
	pthread_mutex_unlock(&j->lock);
}
