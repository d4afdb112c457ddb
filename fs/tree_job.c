/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/tree.h"

struct job_view {
	struct job_info job;
	struct buf log;
};

static const struct job_info *job_of(const void *view)
{
	return &((const struct job_view *)view)->job;
}

static int show_state(const void *view, struct buf *out)
{
	buf_printf(out, "%s\n", job_state_word(job_of(view)->state));
	return buf_error(out);
}

static int show_status(const void *view, struct buf *out)
{
	return status_show(&(struct status){.job = job_of(view)}, out);
}

static int show_progress(const void *view, struct buf *out)
{
	return progress_show(job_of(view), out);
}

static int show_log(const void *view, struct buf *out)
{
	const struct job_view *v = view;

	buf_add(out, buf_text(&v->log), v->log.len);
	return buf_error(out);
}

static bool pending(struct fs *fs, const void *view)
{
	(void)fs;
	return !job_of(view)->finished;
}

static int outcome(const void *view)
{
	return job_outcome(job_of(view));
}

static int store_cancel(struct fs *fs, const void *view, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr)
{
	(void)text;
	(void)len;
	(void)cancel;
	return jobs_cancel(fs->jobs, job_of(view)->number, reterr);
}

/* There is nothing to read in it. */
static int show_cancel(const void *view, struct buf *out)
{
	(void)view;
	return buf_error(out);
}

static const struct file_row job_files[] = {
	{.name = "state", .mode = 0444, .show = show_state, .live = true},
	{.name = "status", .mode = 0444, .show = show_status, .live = true},
	{.name = "progress", .mode = 0444, .show = show_progress, .live = true},
	{.name = "wait", .mode = 0444, .show = show_status, .pending = pending, .outcome = outcome},
	{.name = "log", .mode = 0444, .show = show_log, .live = true},
	{.name = "cancel", .mode = 0600, .show = show_cancel, .store = store_cancel},
	{0},
};

static void job_put(void *view)
{
	buf_done(&((struct job_view *)view)->log);
	free(view);
}

static int job_get(struct fs *fs, const char *key, void **ret_view)
{
	struct job_view *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	if (!jobs_get(fs->jobs, strtoull(key, NULL, 10), &v->job)) {
		free(v);
		return -ENOENT;
	}
	jobs_log(fs->jobs, v->job.number, &v->log);
	*ret_view = v;
	return 0;
}

static int64_t last_change(const struct job_info *job)
{
	if (job->ended)
		return job->ended;
	return job->started ? job->started : job->created;
}

static void job_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	const struct job_info *job = job_of(view);

	(void)fs;
	times_set(st, row && row->live ? last_change(job) : job->created);
}

const struct dir_type job_type = {
	.name = "job",
	.letter = 'j',
	.files = job_files,
	.get = job_get,
	.put = job_put,
	.times = job_times,
};

/* --- jobs/ --- */

static int jobs_resolve(struct fs *fs, const char *name, struct buf *ret_key, bool *ret_alias)
{
	struct job_info info;
	char *end;
	uint64_t number = strtoull(name, &end, 10);

	*ret_alias = false;
	buf_printf(ret_key, "%llu", (unsigned long long)number);
	/* Only as it is listed: not " 12", "+12" or "012". */
	if (*end || strcmp(buf_text(ret_key), name) != 0 || !jobs_get(fs->jobs, number, &info))
		return -ENOENT;
	return buf_error(ret_key);
}

static int jobs_list(struct fs *fs, struct dir_list *list)
{
	AUTO_FREE uint64_t *numbers = NULL;
	struct job_info info;
	char name[24];
	size_t n;
	int r = jobs_numbers(fs->jobs, &numbers, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!jobs_get(fs->jobs, numbers[i], &info))
			continue;
		snprintf(name, sizeof(name), "%llu", (unsigned long long)numbers[i]);
		r = dir_list_add(list, name, name, info.created);
	}
	return r;
}

static bool jobs_absence_is_told(const char *name)
{
	(void)name;
	return true;
}

static void jobs_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	(void)view;
	(void)row;
	times_set(st, atomic_load(&fs->jobs_changed));
}

const struct dir_type jobs_type = {
	.name = "jobs",
	.letter = 'J',
	.child = &job_type,
	.resolve = jobs_resolve,
	.list = jobs_list,
	.absence_is_told = jobs_absence_is_told,
	.times = jobs_times,
};
