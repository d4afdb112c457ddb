/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/events.h"

#include <string.h>

#include "fs/notify.h"
#include "fs/tree.h"
#include "util/reference.h"
#include "util/when.h"

static void root_changed(struct fs *fs)
{
	notify_changed(fs->notify, &root_type, "");
}

static void container_name(struct fs *fs, const struct container *c, bool gone)
{
	atomic_store(&fs->containers_changed, when_now());
	notify_entry(fs->notify, &containers_type, c->name, c->id, gone);
	root_changed(fs);
}

void events_container(void *arg, const struct container *old, const struct container *new)
{
	struct fs *fs = arg;
	bool renamed = old && new && strcmp(old->name, new->name) != 0;

	if (old && (!new || renamed))
		container_name(fs, old, !new);
	if (new && (!old || renamed))
		container_name(fs, new, false);
	if (old && new)
		notify_changed(fs->notify, &container_type, new->id);
	if (!new)
		notify_sweep(fs->notify); /* who waits for it need not wait any more */
}

static void image_name(struct fs *fs, const char *reference, bool gone)
{
	AUTO_BUF struct buf name = BUF_INIT;

	reference_to_name(reference, &name);
	atomic_store(&fs->images_changed, when_now());
	notify_entry(fs->notify, &images_type, buf_text(&name), reference, gone);
}

void events_image(void *arg, const char *reference, const struct image *old, const struct image *new)
{
	struct fs *fs = arg;

	if (!old || !new)
		image_name(fs, reference, !new);
	else
		notify_changed(fs->notify, &image_type, reference);
	root_changed(fs);
}

void events_link(void *arg, bool up)
{
	(void)up;
	root_changed(arg);
}

static void job_name(struct fs *fs, const char *number, bool gone)
{
	atomic_store(&fs->jobs_changed, when_now());
	notify_entry(fs->notify, &jobs_type, number, number, gone);
}

void events_job(void *arg, const struct job_info *info)
{
	struct fs *fs = arg;
	char number[24];
	bool forgotten = !info->reference[0], new = !info->attempt;

	if (!info->number) {
		root_changed(fs);
		return;
	}
	snprintf(number, sizeof(number), "%llu", (unsigned long long)info->number);
	if (forgotten || new)
		job_name(fs, number, forgotten);
	if (forgotten)
		return;
	/* The name of an image that is being committed comes with the job, and goes with one that failed. */
	if (info->operation == JOB_COMMIT && (new || info->finished))
		image_name(fs, info->reference, false);
	notify_changed(fs->notify, &job_type, number);
	notify_changed(fs->notify, &image_type, info->reference);
	if (info->container_id[0])
		notify_changed(fs->notify, &container_type, info->container_id);
	if (new || info->finished || info->attempt == 1)
		root_changed(fs);
	if (info->finished)
		notify_sweep(fs->notify);
}
