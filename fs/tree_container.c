/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/control.h"
#include "fs/tree.h"
#include "util/when.h"

struct container_view {
	struct container *c;
	struct job_info job; /* the newest; number 0: none */
	bool rejected;
	struct job_rejection rejection;
	struct buf commit, push; /* the last accepted requests */
};

/* --- values --- */

static int show_line(struct buf *out, const char *text)
{
	buf_printf(out, "%s\n", text);
	return buf_error(out);
}

static int show_id(const void *view, struct buf *out)
{
	return show_line(out, ((const struct container_view *)view)->c->id);
}

static int show_image(const void *view, struct buf *out)
{
	return show_line(out, ((const struct container_view *)view)->c->image);
}

static int show_state(const void *view, struct buf *out)
{
	return show_line(out, ((const struct container_view *)view)->c->state);
}

static int show_created(const void *view, struct buf *out)
{
	when_format(out, ((const struct container_view *)view)->c->created);
	return show_line(out, "");
}

static int show_command(const void *view, struct buf *out)
{
	return show_line(out, ((const struct container_view *)view)->c->command);
}

static int show_volumes(const void *view, struct buf *out)
{
	for (char **v = ((const struct container_view *)view)->c->volumes; *v; v++)
		show_line(out, *v);
	return buf_error(out);
}

static int show_status(const void *view, struct buf *out)
{
	const struct container_view *v = view;
	struct status s = {
		.job = &v->job,
		.container = v->c->name,
		.rejection = v->rejected ? &v->rejection : NULL,
	};

	return status_show(&s, out);
}

static int show_commit(const void *view, struct buf *out)
{
	const struct container_view *v = view;

	buf_add(out, buf_text(&v->commit), v->commit.len);
	return buf_error(out);
}

static int show_push(const void *view, struct buf *out)
{
	const struct container_view *v = view;

	buf_add(out, buf_text(&v->push), v->push.len);
	return buf_error(out);
}

/* --- what the engine is asked for --- */

static int ask_inspect(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	const struct container_view *v = view;
	int r = engine_inspect_container(fs->engine, v->c->id, out, cancel, reterr);

	if (r == 0 && out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	return r;
}

static int ask_changes(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	const struct container_view *v = view;

	return engine_container_changes(fs->engine, v->c->id, out, cancel, reterr);
}

/* --- requests --- */

static int store_commit(struct fs *fs, const void *view, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr)
{
	const struct container_view *v = view;

	return control_run(fs,
		&(struct control){REQUEST_COMMIT, jobs_commit, v->c, NULL}, text, len, cancel, reterr);
}

static int store_push(struct fs *fs, const void *view, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr)
{
	const struct container_view *v = view;

	return control_run(fs,
		&(struct control){REQUEST_PUSH, jobs_push, v->c, NULL}, text, len, cancel, reterr);
}

static bool pending(struct fs *fs, const void *view)
{
	return jobs_pending_for_container(fs->jobs, ((const struct container_view *)view)->c->id);
}

static int outcome(const void *view)
{
	return job_outcome(&((const struct container_view *)view)->job);
}

static const struct file_row container_files[] = {
	{.name = "id", .mode = 0444, .show = show_id},
	{.name = "image", .mode = 0444, .show = show_image, .live = true},
	{.name = "state", .mode = 0444, .show = show_state, .live = true},
	{.name = "created", .mode = 0444, .show = show_created},
	{.name = "command", .mode = 0444, .show = show_command},
	{.name = "inspect.json", .mode = 0400, .ask = ask_inspect},
	{.name = "changes", .mode = 0444, .ask = ask_changes},
	{.name = "volumes", .mode = 0444, .show = show_volumes, .live = true},
	{.name = "commit", .mode = 0600, .show = show_commit, .store = store_commit, .live = true},
	{.name = "push", .mode = 0600, .show = show_push, .store = store_push, .live = true},
	{.name = "status", .mode = 0444, .show = show_status, .live = true},
	{.name = "wait", .mode = 0444, .show = show_status, .pending = pending, .outcome = outcome},
	{0},
};

/* --- the directory of one --- */

static void container_put(void *view)
{
	struct container_view *v = view;

	container_unref(v->c);
	buf_done(&v->commit);
	buf_done(&v->push);
	free(v);
}

static void last_request(struct fs *fs, const char *id, enum job_operation operation, struct buf *out)
{
	struct job_info info;

	if (!jobs_newest_of_container(fs->jobs, id, 1u << operation, &info))
		return;
	if (jobs_request_text(fs->jobs, info.number, out) == 0)
		buf_addc(out, '\n');
}

static int container_get(struct fs *fs, const char *key, void **ret_view)
{
	struct container *c = catalog_container(fs->catalog, key);
	struct container_view *v;

	if (!c)
		return -ENOENT;
	v = calloc(1, sizeof(*v));
	if (!v) {
		container_unref(c);
		return -ENOMEM;
	}
	v->c = c;
	if (jobs_newest_of_container(fs->jobs, key, ~0u, &v->job)) {
		last_request(fs, key, JOB_COMMIT, &v->commit);
		last_request(fs, key, JOB_PUSH, &v->push);
	}
	v->rejected = jobs_rejection(fs->jobs, key, &v->rejection);
	*ret_view = v;
	return 0;
}

static void container_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	const struct container_view *v = view;
	int64_t t = v->c->created;

	(void)fs;
	if (row && row->live) {
		t = v->c->changed;
		if (v->job.started > t)
			t = v->job.ended ? v->job.ended : v->job.started;
	}
	times_set(st, t);
}

const struct dir_type container_type = {
	.name = "container",
	.letter = 'c',
	.files = container_files,
	.get = container_get,
	.put = container_put,
	.times = container_times,
};

/* --- containers/ --- */

static int containers_resolve(struct fs *fs, const char *name, struct buf *ret_key, bool *ret_alias)
{
	CLEANUP(container_unrefp) struct container *c = catalog_container_named(fs->catalog, name);

	*ret_alias = !c;
	if (!c)
		c = catalog_container_prefixed(fs->catalog, name);
	if (!c)
		return -ENOENT;
	buf_adds(ret_key, c->id);
	return buf_error(ret_key);
}

static int containers_list(struct fs *fs, struct dir_list *list)
{
	struct container **all;
	size_t n;
	int r = catalog_containers(fs->catalog, &all, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = dir_list_add(list, all[i]->name, all[i]->id, all[i]->created);
	catalog_containers_free(all, n);
	return r;
}

/* Hex digits alone may be the beginning of an id, and become one without an event about that name. */
static bool containers_absence_is_told(const char *name)
{
	return name[strspn(name, "0123456789abcdef")];
}

static void containers_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	(void)view;
	(void)row;
	times_set(st, atomic_load(&fs->containers_changed));
}

const struct dir_type containers_type = {
	.name = "containers",
	.letter = 'C',
	.child = &container_type,
	.resolve = containers_resolve,
	.list = containers_list,
	.absence_is_told = containers_absence_is_told,
	.times = containers_times,
};
