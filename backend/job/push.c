/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "store/target.h"
#include "util/reference.h"

enum { ABANDON_MS = 5000 };

static void fill_record(const struct job *job, const struct job_info *info, struct store_record *ret)
{
	*ret = (struct store_record){
		.id = info->target_id,
		.name = job->name.repository,
		.tag = job->name.tag,
		.container_id = info->container_id[0] ? info->container_id : NULL,
		.container_name = info->container_name[0] ? info->container_name : NULL,
		.host = job->host,
		.image_id = info->image_id[0] ? info->image_id : NULL,
	};
}

/* --- at the write --- */

/* Nobody can say whether a record was made whose answer didn't come. */
static bool is_open(int r, const struct err *e)
{
	return r == -ECANCELED || (e->passing && r != -ECONNREFUSED && r != -EHOSTUNREACH);
}

static int make_record(struct jobs *j, struct job *job, const struct cancel *cancel, struct err *reterr)
{
	struct store_record record;
	struct job_info info;
	int r;

	job_info_copy(j, job, &info);
	fill_record(job, &info, &record);
	r = job->store->ops->create(job->store, &record, cancel, reterr);
	keeper_note_store(j, job->store, r < 0 ? reterr : NULL);
	if (r < 0 && is_open(r, reterr))
		push_abandon(j, job, r == -EREMOTEIO ? ABANDON_MS : 0);
	else if (r < 0 && j->options.journal)
		journal_orphan_gone(j->options.journal, info.target_id, NULL);
	return r;
}

/* Until a job claims it, the journal knows the record as one to be removed. */
static int create_record(
	struct jobs *j, struct job *job, const struct cancel *cancel, struct err *reterr)
{
	char id[STORE_ID];
	int r = 0;

	store_new_id(id);
	if (j->options.journal)
		r = journal_orphan(j->options.journal, job->store->ops->name, id, reterr);
	if (r < 0)
		return r;
	job_set_target_id(j, job, id);
	r = make_record(j, job, cancel, reterr);
	if (r < 0)
		job_set_target_id(j, job, "");
	return r;
}

int push_prepare(struct jobs *j, struct job *job, const char *target, const struct cancel *cancel,
	struct err *reterr)
{
	struct target t;
	int r = target_parse(target, j->options.default_store, job->info.reference, &t, reterr);

	if (r < 0)
		return r;
	job->store = jobs_store(j, t.store);
	if (!job->store)
		return err_set(reterr, ENOENT,
			"no OpenStack cloud is configured: mount with cloud=NAME or the OS_* variables, or "
			"push to dir");
	job->name = t.name;
	snprintf(job->info.target, sizeof(job->info.target), "%s:%s:%s", t.store, t.name.repository,
		t.name.tag);
	return create_record(j, job, cancel, reterr);
}

void push_abandon(struct jobs *j, struct job *job, int timeout_ms)
{
	struct job_info info;
	struct err e = {0};

	job_info_copy(j, job, &info);
	if (!job->store || !info.target_id[0])
		return;
	if (!timeout_ms || job->store->ops->remove(job->store, info.target_id, timeout_ms, NULL, &e) < 0) {
		if (timeout_ms)
			job_say(j, job, "the record %s can't be removed yet: %s", info.target_id, e.text);
		keeper_adopt(j, job->store, info.target_id, false);
	} else if (j->options.journal) {
		journal_orphan_gone(j->options.journal, info.target_id, NULL);
	}
}

int push_submit(struct jobs *j, struct job **job, struct err *reterr)
{
	int r = jobs_submit(j, *job, reterr);

	if (r < 0)
		push_abandon(j, *job, 0);
	else
		*job = NULL; /* it is the queue's */
	return r;
}

/* What the request names as the target: to=TARGET, or name=, tag= and registry=. */
static int target_of(const struct request *request, struct buf *target, struct err *reterr)
{
	if (request->push && (request->name || request->registry || request->tag))
		return err_set(reterr, EINVAL, "say to=TARGET, or name= and tag=, not both");
	if (request->registry)
		buf_printf(target, "docker://%s/%s:%s", request->registry,
			request->name ? request->name : "", request->tag ? request->tag : "latest");
	else if (request->name)
		buf_printf(target, "glance:%s:%s", request->name, request->tag ? request->tag : "latest");
	else if (request->tag)
		return err_set(reterr, EINVAL, "tag= needs name=");
	else if (request->push)
		buf_adds(target, request->push);
	return buf_error(target) ? err_nomem(reterr) : 0;
}

/* Which image: the one named, or the newest snapshot of the container. */
static int choose_image(struct jobs *j, const struct container *container, const struct request *request,
	struct job_info *snapshot, char reference[static 400], struct err *reterr)
{
	snapshot->number = 0;
	if (request->reference) {
		snprintf(reference, 400, "%s", request->reference);
		jobs_newest_of_image(j, reference, snapshot);
		return 0;
	}
	if (!container || !jobs_newest_of_container(j, container->id, 1u << JOB_COMMIT, snapshot) ||
		(snapshot->finished && !snapshot->image_id[0]))
		return err_set(reterr, ENOENT,
			"there is no snapshot of this container yet: write a name to commit first");
	snprintf(reference, 400, "%s", snapshot->reference);
	return 0;
}

/* An image that exists: its id and size. */
static int look_at_image(struct jobs *j, struct job *job, const struct cancel *cancel, struct err *reterr)
{
	AUTO_JSON json_t *image = NULL;
	const char *id;
	int r = engine_describe_image(j->options.engine,
		job->info.image_id[0] ? job->info.image_id : job->info.reference, &image, cancel, reterr);

	if (r < 0)
		return r;
	id = json_text(image, "Id");
	snprintf(job->info.image_id, sizeof(job->info.image_id), "%s%s", strchr(id, ':') ? "" : "sha256:", id);
	job->info.total = (uint64_t)json_number(image, "Size");
	return 0;
}

static int prepare_image(struct jobs *j, struct job *job, const struct job_info *snapshot,
	const struct cancel *cancel, struct err *reterr)
{
	bool coming = snapshot->number && !snapshot->finished && snapshot->operation == JOB_COMMIT &&
		      !snapshot->image_id[0];

	if (snapshot->number && snapshot->operation == JOB_COMMIT) {
		memcpy(job->info.container_id, snapshot->container_id, sizeof(job->info.container_id));
		memcpy(job->info.container_name, snapshot->container_name,
			sizeof(job->info.container_name));
	}
	if (coming) {
		job->after = snapshot->number;
		return 0;
	}
	return look_at_image(j, job, cancel, reterr);
}

int jobs_push(struct jobs *j, const struct container *container, const struct request *request,
	const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(job_freep) struct job *job = job_new(j, request, reterr);
	AUTO_BUF struct buf target = BUF_INIT;
	struct job_info snapshot;
	int r = 0;

	if (!job)
		return -ENOMEM;
	job->info.operation = JOB_PUSH;
	if (container)
		r = request_check_container(request, container->id, container->name, reterr);
	if (r == 0)
		r = target_of(request, &target, reterr);
	if (r == 0)
		r = choose_image(j, container, request, &snapshot, job->info.reference, reterr);
	if (r == 0)
		r = prepare_image(j, job, &snapshot, cancel, reterr);
	if (r == 0 && container) {
		snprintf(job->info.container_id, sizeof(job->info.container_id), "%s", container->id);
		snprintf(job->info.container_name, sizeof(job->info.container_name), "%s", container->name);
	}
	if (r == 0)
		r = push_prepare(j, job, buf_text(&target), cancel, reterr);
	return r < 0 ? r : push_submit(j, &job, reterr);
}

/* --- the job --- */

struct moving {
	struct jobs *j;
	struct job *job;
};

static void moved(void *arg, uint64_t bytes)
{
	struct moving *m = arg;

	job_moved(m->j, m->job, bytes);
}

/*
 * Under its name, so that the archive carries it, as long as that is the image; else by its id. Should the name
 * move on after this look, the archive is found to hold another image and the attempt fails.
 */
static int choose_export(struct jobs *j, const struct job_info *info, struct job *job, struct buf *path,
	struct err *reterr)
{
	CLEANUP(image_unrefp) struct image *now = catalog_image_named(j->options.catalog, info->reference);
	AUTO_JSON json_t *image = NULL;
	int r = engine_describe_image(j->options.engine, info->image_id, &image, &job->cancel, reterr);

	if (r < 0)
		return r;
	job_set_total(j, job, 0, (uint64_t)json_number(image, "Size"));
	engine_export_path(j->options.engine,
		now && strcmp(now->id, info->image_id) == 0 ? info->reference : info->image_id, path);
	return buf_error(path) ? err_nomem(reterr) : 0;
}

static int upload(struct jobs *j, struct job *job, struct store_sent *sent, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	struct moving m = {j, job};
	struct store_record record;
	struct job_info info;
	struct store_upload u = {
		.engine = engine_http(j->options.engine),
		.moved = moved,
		.arg = &m,
		.cancel = &job->cancel,
	};
	int r;

	job_info_copy(j, job, &info);
	fill_record(job, &info, &record);
	r = choose_export(j, &info, job, &path, reterr);
	if (r < 0)
		return r;
	u.export_path = buf_text(&path);
	u.image_id = info.image_id;
	job_enter(j, job, JOB_EXPORTING);
	if (job->commits || job->after) /* when the record was made, the image was not known yet */
		r = job->store->ops->describe(job->store, &record, &job->cancel, reterr);
	return r < 0 ? r : job->store->ops->upload(job->store, &record, &u, sent, reterr);
}

/* The record can take no data any more (a service that died in mid-upload leaves it so): a new one. */
static int renew_record(struct jobs *j, struct job *job, struct err *reterr)
{
	int r;

	job_say(j, job, "%s; trying with a new record", reterr->text);
	push_abandon(j, job, ABANDON_MS);
	r = create_record(j, job, &job->cancel, reterr);
	return r < 0 ? r : job_keep(j, job, reterr);
}

/* Leaves what was sent in `job->sent` and in the journal: from then on it only has to be verified. */
static int send(struct jobs *j, struct job *job, struct err *reterr)
{
	struct store_sent sent = {0};
	int r = upload(j, job, &sent, reterr);

	if (r == -ESTALE) {
		r = renew_record(j, job, reterr);
		if (r == 0)
			r = upload(j, job, &sent, reterr);
	}
	keeper_note_store(j, job->store, r < 0 ? reterr : NULL);
	if (r < 0)
		return r;
	job->sent = sent;
	job_set_total(j, job, sent.bytes, sent.bytes);
	job_keep(j, job, NULL);
	return 0;
}

static int verify(struct jobs *j, struct job *job, struct err *reterr)
{
	struct job_info info;

	job_info_copy(j, job, &info);
	job_enter(j, job, JOB_VERIFYING);
	return job->store->ops->verify(job->store, info.target_id, &job->sent, &job->cancel, reterr);
}

/* What an earlier attempt, perhaps of an earlier run, has sent. Returns 1 if it has to be sent again. */
static int verify_earlier(struct jobs *j, struct job *job, struct err *reterr)
{
	int r;

	if (!job->sent.bytes)
		return 1;
	r = verify(j, job, reterr);
	if (r == 0 || r == -ECANCELED || reterr->passing)
		return r;
	job_say(j, job, "what was sent earlier is not there: %s", reterr->text);
	job->sent = (struct store_sent){0};
	return 1;
}

int push_run(struct jobs *j, struct job *job, struct err *reterr)
{
	struct job_info info;
	int r = verify_earlier(j, job, reterr);

	if (r <= 0)
		return r;
	r = 0;
	job_info_copy(j, job, &info);
	if (!info.target_id[0]) {
		r = create_record(j, job, &job->cancel, reterr);
		if (r == 0)
			r = job_keep(j, job, reterr);
	}
	if (r == 0)
		r = send(j, job, reterr);
	return r < 0 ? r : verify(j, job, reterr);
}
