/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "fs/tree.h"
#include "util/when.h"

/* What /status says, as it was at one moment. */
struct root_view {
	struct follow_state link;
	struct buf engine, engine_version, api_version;
	const char *store;
	struct job_store_state store_state;
	struct err journal;
	struct buf journal_said;
	size_t containers, images, running, queued;
};

static const char readme[] =
	"commitfs shows a container engine as files.\n"
	"\n"
	"  status                    the engine, the image service, how many jobs\n"
	"  containers/NAME/          a container (its id, or the beginning of one, works too)\n"
	"      id image state created command      one value a file\n"
	"      inspect.json          what the engine knows\n"
	"      changes               what a commit would add: A, C or D and a path\n"
	"      volumes               what a commit would leave out: mount points\n"
	"      commit                write a name: take a snapshot\n"
	"      push                  write a name: upload that snapshot\n"
	"      status                the newest job on this container\n"
	"      wait                  reading it ends when the jobs have ended\n"
	"  images/NAME:TAG/          an image ('/' is written %2F)\n"
	"      id size created author comment container inspect.json\n"
	"      state                 committing committed queued exporting uploading verifying\n"
	"                            active (it arrived, and was checked) waiting failed cancelled\n"
	"      status progress wait  the newest job on this image\n"
	"      push                  write a target, or an empty line: upload it\n"
	"  jobs/NUMBER/              state status progress wait log; write to cancel to stop it\n"
	"\n"
	"  echo foo-image > containers/web/commit        snapshot container 'web'\n"
	"  echo foo-image > containers/web/push          upload the snapshot\n"
	"  echo foo-image push=glance > containers/web/commit      both in one\n"
	"  cat images/foo-image:latest/progress          how far it is\n"
	"  cat images/foo-image:latest/wait              returns when it is done\n"
	"\n"
	"A write fails with what is known to be wrong at once; the sentence is in 'status'.\n"
	"The whole interface: man commitfs\n";

static int show_readme(const void *view, struct buf *out)
{
	(void)view;
	buf_adds(out, readme);
	return buf_error(out);
}

static const char *store_word(const struct job_store_state *s)
{
	if (!s->known)
		return "unknown";
	return s->error.code ? "failing" : "ok";
}

/* The one that keeps most from working. */
static const char *first_error(const struct root_view *v)
{
	const char *const errors[] = {v->link.up ? "" : v->link.lost.text, v->journal.text, v->store_state.error.text,
		buf_text(&v->journal_said)};
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(errors) && !*errors[i])
		i++;
	return errors[i];
}

static int show_status(const void *view, struct buf *out)
{
	const struct root_view *v = view;
	const char *error = first_error(v);

	buf_printf(out, "engine %s\n", buf_text(&v->engine));
	buf_printf(out, "engine-version %s\n", buf_text(&v->engine_version));
	buf_printf(out, "api-version %s\n", buf_text(&v->api_version));
	buf_printf(out, "engine-state %s\n", v->link.up ? "connected" : "lost");
	buf_adds(out, "engine-since ");
	when_format(out, v->link.since);
	buf_printf(out, "\nstore %s\nstore-state %s\n", v->store, store_word(&v->store_state));
	buf_printf(out, "containers %zu\nimages %zu\n", v->containers, v->images);
	buf_printf(out, "jobs-running %zu\njobs-queued %zu\n", v->running, v->queued);
	buf_printf(out, "error%s%s\n", *error ? " " : "", error);
	return buf_error(out);
}

static const struct file_row root_files[] = {
	{.name = "README", .mode = 0444, .show = show_readme},
	{.name = "status", .mode = 0444, .show = show_status, .live = true},
	{0},
};

static void root_put(void *view)
{
	struct root_view *v = view;

	buf_done(&v->engine);
	buf_done(&v->engine_version);
	buf_done(&v->api_version);
	buf_done(&v->journal_said);
	free(v);
}

static int root_get(struct fs *fs, const char *key, void **ret_view)
{
	struct root_view *v = calloc(1, sizeof(*v));

	(void)key;
	if (!v)
		return -ENOMEM;
	v->link = follow_state(fs->follow);
	buf_adds(&v->engine, engine_url(fs->engine));
	engine_server_version(fs->engine, &v->engine_version);
	engine_api_version(fs->engine, &v->api_version);
	v->store = fs->default_store;
	v->store_state = jobs_store_state(fs->jobs);
	v->journal = jobs_journal_error(fs->jobs);
	buf_add(&v->journal_said, buf_text(&fs->journal_said), fs->journal_said.len);
	v->containers = catalog_container_count(fs->catalog);
	v->images = catalog_image_count(fs->catalog);
	jobs_count(fs->jobs, &v->running, &v->queued);
	*ret_view = v;
	return 0;
}

static void root_times(struct fs *fs, const void *view, const struct file_row *row, struct stat *st)
{
	const struct root_view *v = view;

	times_set(st, row && row->live && v->link.since ? v->link.since : fs->mounted);
}

static const struct dir_type *const root_dirs[] = {&containers_type, &images_type, &jobs_type, NULL};

const struct dir_type root_type = {
	.name = "",
	.letter = '/',
	.files = root_files,
	.dirs = root_dirs,
	.get = root_get,
	.put = root_put,
	.times = root_times,
};
