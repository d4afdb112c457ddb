/* SPDX-License-Identifier: Apache-2.0 */
/* What others want to know of jobs. */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "util/when.h"

enum { REJECTIONS_MAX = 1000 };

struct rejection {
	char *object;
	struct job_rejection what;
};

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

void jobs_free_rejections(struct jobs *j)
{
	struct rejection *rejection;

	for (size_t i = 0; (rejection = table_next(&j->rejections, &i));) {
		free(rejection->object);
		free(rejection);
	}
	table_done(&j->rejections);
}

/* --- reading --- */

bool jobs_get(struct jobs *j, uint64_t number, struct job_info *ret)
{
	struct job *job;

	pthread_mutex_lock(&j->lock);
	job = jobs_find_locked(j, number);
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
	job = jobs_find_locked(j, number);
	if (job)
		buf_add(out, buf_text(&job->log), job->log.len);
	pthread_mutex_unlock(&j->lock);
	return job ? buf_error(out) : -ENOENT;
}

int jobs_request_text(struct jobs *j, uint64_t number, struct buf *out)
{
	struct job *job;

	pthread_mutex_lock(&j->lock);
	job = jobs_find_locked(j, number);
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
