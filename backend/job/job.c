/* SPDX-License-Identifier: Apache-2.0 */
/* One job: how it is made, how it changes, and who is told. */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "util/log.h"
#include "util/when.h"

enum {
	TELL_MS = 500,	       /* progress is told at most twice a second */
	LOG_LIMIT = 64 << 10, /* bytes of a job's log */
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

void job_tell(struct jobs *j, const struct job_info *info)
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

void job_log_locked(struct job *job, const char *format, ...)
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
	job_log_locked(job, "%s", job_state_word(state));
	info = job->info;
	pthread_mutex_unlock(&j->lock);
	job_tell(j, &info);
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
	job_log_locked(job, "%s", job_state_word(JOB_UPLOADING));
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
		job_tell(j, &info);
}

/* --- keeping --- */

void jobs_note_journal(struct jobs *j, const struct err *e)
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
	jobs_note_journal(j, &e);
	e.passing = true;
	if (e.code && reterr)
		*reterr = e;
	return -e.code;
}
