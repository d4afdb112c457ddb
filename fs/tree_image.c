/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/control.h"
#include "fs/tree.h"
#include "util/reference.h"
#include "util/when.h"

/* A reference: the image that it names, and the newest job on it. Either may be missing, but not both. */
struct image_view {
	struct image *i; /* NULL: it is being committed, or its commit has failed */
	char *reference;
	struct job_info job;
	bool rejected;
	struct job_rejection rejection;
	struct buf push; /* the last accepted request */
};

static const struct image_view *view_of(const void *view)
{
	return view;
}

/* --- values --- */

static int show_id(const void *view, struct buf *out)
{
	const struct image_view *v = view;

	buf_printf(out, "%s\n", v->i ? v->i->id : v->job.image_id);
	return buf_error(out);
}

static int show_size(const void *view, struct buf *out)
{
	const struct image_view *v = view;

	if (v->i)
		buf_printf(out, "%lld", (long long)v->i->size);
	buf_addc(out, '\n');
	return buf_error(out);
}

static int show_created(const void *view, struct buf *out)
{
	const struct image_view *v = view;

	if (v->i)
		when_format(out, v->i->created);
	buf_addc(out, '\n');
	return buf_error(out);
}

/* A job that has ended says nothing about an image that has taken the name since. */
static bool job_counts(const struct image_view *v)
{
	return v->job.number &&
	       (!v->job.finished || !v->i || !v->job.image_id[0] || strcmp(v->job.image_id, v->i->id) == 0);
}

static int show_state(const void *view, struct buf *out)
{
	const struct image_view *v = view;

	buf_printf(out, "%s\n", job_state_word(job_counts(v) ? v->job.state : JOB_COMMITTED));
	return buf_error(out);
}

static int show_status(const void *view, struct buf *out)
{
	static const struct job_info none;
	const struct image_view *v = view;
	struct status s = {
		.job = job_counts(v) ? &v->job : &none,
		.image = v->reference,
		.image_id = v->i ? v->i->id : NULL,
		.state = job_state_word(JOB_COMMITTED),
		.rejection = v->rejected ? &v->rejection : NULL,
	};

	return status_show(&s, out);
}

static int show_progress(const void *view, struct buf *out)
{
	return progress_show(&view_of(view)->job, out);
}

static int show_push(const void *view, struct buf *out)
{
	buf_add(out, buf_text(&view_of(view)->push), view_of(view)->push.len);
	return buf_error(out);
}

/* --- what the engine is asked for --- */

static int ask_inspect(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	const struct image_view *v = view;
	int r;

	if (!v->i)
		return err_set(reterr, ENOENT, "the image is not committed yet");
	r = engine_inspect_image(fs->engine, v->i->id, out, cancel, reterr);
	if (r == 0 && out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	return r;
}

static int ask_value(struct fs *fs, const void *view, const char *path, struct buf *out,
	const struct cancel *cancel, struct err *reterr)
{
	const struct image_view *v = view;
	int r;

	if (!v->i)
		return err_set(reterr, ENOENT, "the image is not committed yet");
	r = engine_image_text(fs->engine, v->i->id, path, out, cancel, reterr);
	buf_addc(out, '\n');
	return r;
}

static int ask_author(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	return ask_value(fs, view, "Author", out, cancel, reterr);
}

static int ask_comment(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	return ask_value(fs, view, "Comment", out, cancel, reterr);
}

static int ask_container(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
	struct err *reterr)
{
	return ask_value(fs, view, "Container", out, cancel, reterr);
}

/* --- requests --- */

static int store_push(struct fs *fs, const void *view, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr)
{
	const struct image_view *v = view;

	return control_run(fs,
		&(struct control){REQUEST_IMAGE_PUSH, jobs_push, NULL, v->reference}, text, len, cancel, reterr);
}

static bool pending(struct fs *fs, const void *view)
{
	return jobs_pending_for_image(fs->jobs, view_of(view)->reference);
}

static int outcome(const void *view)
{
	return job_counts(view) ? job_outcome(&view_of(view)->job) : 0;
}

static const struct file_row image_files[] = {
	{.name = "id", .mode = 0444, .show = show_id, .live = true},
	{.name = "size", .mode = 0444, .show = show_size, .live = true},
	{.name = "created", .mode = 0444, .show = show_created, .live = true},
	{.name = "author", .mode = 0444, .ask = ask_author},
	{.name = "comment", .mode = 0444, .ask = ask_comment},
	{.name = "container", .mode = 0444, .ask = ask_container},
	{.name = "inspect.json", .mode = 0400, .ask = ask_inspect},
	{.name = "state", .mode = 0444, .show = show_state, .live = true},
	{.name = "status", .mode = 0444, .show = show_status, .live = true},
	{.name = "progress", .mode = 0444, .show = show_progress, .live = true},
	{.name = "wait", .mode = 0444, .show = show_status, .pending = pending, .outcome = outcome},
	{.name = "push", .mode = 0600, .show = show_push, .store = store_push, .live = true},
	{0},
};

/* --- the directory of one --- */

static void image_put(void *view)
{
	struct image_view *v = view;

	if (v->i)
		image_unref(v->i);
	free(v->reference);
	buf_done(&v->push);
	free(v);
}

/* A commit that failed can still be asked for, until another job or the engine gives the name a new meaning. */
static int image_get(struct fs *fs, const char *key, void **ret_view)
{
	struct image_view *v = calloc(1, sizeof(*v));

	if (v)
		v->reference = strdup(key);
	if (!v || !v->reference) {
		free(v);
		return -ENOMEM;
	}
	v->i = catalog_image_named(fs->catalog, key);
	if (!jobs_newest_of_image(fs->jobs, key, &v->job) && !v->i) {
		image_put(v);
		return -ENOENT;
	}
	if (!v->i && v->job.finished && v->job.image_id[0]) {
		image_put(v); /* it was there, and was removed */
		return -ENOENT;
	}
	if (v->job.number && v->job.operation == JOB_PUSH &&
		jobs_request_text(fs->jobs, v->job.number, &v->push) == 0)
		buf_addc(&v->push, '\n');
	v->rejected = jobs_rejection(fs->jobs, key, &v->rejection);
	*ret_view = v;
	return 0;
}

static void image_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	const struct image_view *v = view;
	int64_t t = v->i ? v->i->created : v->job.created;

	(void)fs;
	if (row && row->live && v->job.number)
		t = v->job.ended ? v->job.ended : v->job.started ? v->job.started : v->job.created;
	times_set(st, t);
}

const struct dir_type image_type = {
	.name = "image",
	.letter = 'i',
	.files = image_files,
	.get = image_get,
	.put = image_put,
	.times = image_times,
};

/* --- images/ --- */

static bool exists(struct fs *fs, const char *reference)
{
	void *view;

	if (image_get(fs, reference, &view) < 0)
		return false;
	image_put(view);
	return true;
}

/* "foo-image" stands for "foo-image:latest", as everywhere. */
static int images_resolve(struct fs *fs, const char *name, struct buf *ret_key, bool *ret_alias)
{
	AUTO_BUF struct buf reference = BUF_INIT, full = BUF_INIT;
	struct reference parsed;

	*ret_alias = false;
	if (reference_from_name(name, &reference) < 0)
		return -ENOENT;
	if (exists(fs, buf_text(&reference))) {
		buf_adds(ret_key, buf_text(&reference));
		return buf_error(ret_key);
	}
	if (reference_parse(buf_text(&reference), &parsed, NULL) < 0)
		return -ENOENT;
	reference_format(&parsed, &full);
	*ret_alias = true;
	if (strcmp(buf_text(&full), buf_text(&reference)) == 0 || !exists(fs, buf_text(&full)))
		return -ENOENT;
	buf_adds(ret_key, buf_text(&full));
	return buf_error(ret_key);
}

static int add_reference(struct dir_list *list, const char *reference, int64_t mtime)
{
	AUTO_BUF struct buf name = BUF_INIT;

	reference_to_name(reference, &name);
	return buf_error(&name) ? -ENOMEM : dir_list_add(list, buf_text(&name), reference, mtime);
}

struct coming {
	struct fs *fs;
	struct dir_list *list;
};

/* What a commit is about to make, unless the engine has the name already or another commit is to make it. */
static int add_coming(void *arg, const struct job_info *info)
{
	struct coming *c = arg;
	CLEANUP(image_unrefp) struct image *there = catalog_image_named(c->fs->catalog, info->reference);
	struct job_info newest;

	if (there || !jobs_newest_of_image(c->fs->jobs, info->reference, &newest) ||
		(newest.number != info->number && newest.operation == JOB_COMMIT))
		return 0;
	return add_reference(c->list, info->reference, info->created);
}

static int images_list(struct fs *fs, struct dir_list *list)
{
	struct coming coming = {fs, list};
	struct tagged *tags;
	size_t n;
	int r = catalog_tags(fs->catalog, &tags, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_reference(list, tags[i].reference, tags[i].image->created);
	catalog_tags_free(tags, n);
	return r < 0 ? r : jobs_coming_images(fs->jobs, add_coming, &coming);
}

/* A name without a tag may come to stand for one with it; what is no reference at all never comes. */
static bool images_absence_is_told(const char *name)
{
	AUTO_BUF struct buf reference = BUF_INIT;
	struct reference parsed;

	return reference_from_name(name, &reference) < 0 || strchr(buf_text(&reference), ':') ||
	       reference_parse(buf_text(&reference), &parsed, NULL) < 0;
}

static void images_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	(void)view;
	(void)row;
	times_set(st, atomic_load(&fs->images_changed));
}

const struct dir_type images_type = {
	.name = "images",
	.letter = 'I',
	.child = &image_type,
	.resolve = images_resolve,
	.list = images_list,
	.absence_is_told = images_absence_is_told,
	.times = images_times,
};
