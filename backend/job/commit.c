/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "util/reference.h"
#include "util/when.h"

#define COMMIT_LABEL "commitfs.job"

enum {
	CATALOG_TIMEOUT_MS = 5000,
	PAUSED_MS = 600 * 1000, /* how long a commit may take that we know of by the container's pause */
	UNKNOWN_MS = 20 * 1000, /* and one that nothing tells us about */
};

/* SPEC section 3: a commit is allowed of a container that is running, has exited or is paused. */
static int check_state(const char *state, const char *name, struct err *reterr)
{
	static const char *const allowed[] = {"running", "exited", "paused"};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (strcmp(state, allowed[i]) == 0)
			return 0;
	return err_set(reterr, EBUSY,
		"container %s is %s: only one that is running, paused or has exited can be committed",
		name, state);
}

/* The catalog may lag behind by an event; the engine itself is asked. */
static int check_container(struct jobs *j, const struct container *c, bool *ret_paused,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_JSON json_t *inspect = NULL;
	int r = engine_describe_container(j->options.engine, c->id, &inspect, cancel, reterr);

	*ret_paused = strcmp(json_text(inspect, "State.Status"), "paused") == 0;
	return r < 0 ? r : check_state(json_text(inspect, "State.Status"), c->name, reterr);
}

int jobs_commit(struct jobs *j, const struct container *container, const struct request *request,
	const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(job_freep) struct job *job = NULL;
	bool paused = false;
	int r = request_check_container(request, container->id, container->name, reterr);

	if (r == 0)
		r = check_container(j, container, &paused, cancel, reterr);
	if (r < 0)
		return r;
	job = job_new(j, request, reterr);
	if (!job)
		return -ENOMEM;
	job->commits = true;
	job->was_paused = paused;
	job->info.operation = JOB_COMMIT;
	snprintf(job->info.container_id, sizeof(job->info.container_id), "%s", container->id);
	snprintf(job->info.container_name, sizeof(job->info.container_name), "%s", container->name);
	if (request->push)
		r = push_prepare(j, job, request->push, cancel, reterr);
	return r < 0 ? r : push_submit(j, &job, reterr);
}

/* --- the job --- */

/* The user's changes and our label, by which the image is found again if the answer is lost. */
static char **changes_of(const struct job *job)
{
	size_t n = 0;
	char **list;

	while (job->changes[n])
		n++;
	list = calloc(n + 2, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++)
		list[i] = job->changes[i];
	if (asprintf(&list[n], "LABEL " COMMIT_LABEL "=%s", job->mark) < 0) {
		free(list);
		return NULL;
	}
	return list;
}

static int ask_engine(struct jobs *j, struct job *job, const struct reference *ref, struct buf *ret_id,
	struct err *reterr)
{
	char **changes = changes_of(job);
	struct engine_commit commit = {
		.container = job->info.container_id,
		.repository = ref->repository,
		.tag = ref->tag,
		.author = job->author,
		.message = job->message,
		.changes = (const char *const *)changes,
		.pause = job->pause,
	};
	size_t n;
	int r;

	if (!changes)
		return err_nomem(reterr);
	/* Not to be cancelled: the engine goes on with a commit whose client has left. */
	r = engine_commit(j->options.engine, &commit, ret_id, NULL, reterr);
	for (n = 0; changes[n + 1]; n++)
		;
	free(changes[n]); /* our own */
	free(changes);
	return r;
}

static int container_state(struct jobs *j, const char *id, struct buf *ret, struct err *reterr)
{
	AUTO_JSON json_t *inspect = NULL;
	int r = engine_describe_container(j->options.engine, id, &inspect, &j->stop, reterr);

	buf_reset(ret);
	if (r == 0)
		buf_adds(ret, json_text(inspect, "State.Status"));
	return r;
}

/*
 * The engine was asked to commit, and no answer came: it, or we, were gone. It goes on without a client, and
 * lets the container run again as its last step; so while the container is still paused by it, the image may be
 * about to come. Returns 1 with the image's id, 0 if there is none and none is to be expected.
 */
static int find_commit(struct jobs *j, struct job *job, struct buf *ret_id, struct err *reterr)
{
	AUTO_BUF struct buf state = BUF_INIT;
	int64_t end = when_monotonic_ms() + (job->pause && !job->was_paused ? PAUSED_MS : UNKNOWN_MS);
	bool ended;
	int r;

	job_say(j, job, "looking for the image of a commit whose answer was lost");
	do {
		r = container_state(j, job->info.container_id, &state, reterr);
		if (r < 0 && r != -ENOENT)
			return r;
		ended = r == -ENOENT || (job->pause && !job->was_paused && strcmp(buf_text(&state), "paused") != 0);
		r = engine_find_image(j->options.engine, COMMIT_LABEL, job->mark, ret_id, &job->cancel, reterr);
		if (r < 0)
			return r;
		if (ret_id->len)
			return 1;
	} while (!ended && when_monotonic_ms() < end && !cancel_sleep(&job->cancel, 250));
	return cancel_fired(&job->cancel) ? err_set(reterr, ECANCELED, "cancelled") : 0;
}

/* A pause that is neither the user's nor that of a commit under way was left behind. */
static int end_our_pause(struct jobs *j, struct job *job, struct err *reterr)
{
	AUTO_BUF struct buf state = BUF_INIT;
	int r = 0;

	if (!job->pause || job->was_paused)
		return 0;
	for (int i = 0; i < 8 && r == 0; i++) {
		r = container_state(j, job->info.container_id, &state, reterr);
		if (r < 0 || strcmp(buf_text(&state), "paused") != 0)
			return r == -ENOENT ? 0 : r;
		cancel_sleep(&j->stop, 250);
	}
	job_say(j, job, "ending the pause that the lost commit left behind");
	return engine_unpause(j->options.engine, job->info.container_id, &j->stop, reterr);
}

static int find_earlier(struct jobs *j, struct job *job, const struct reference *ref, struct buf *ret_id,
	struct err *reterr)
{
	int found, r;

	if (!job->begun)
		return 0;
	found = find_commit(j, job, ret_id, reterr);
	if (found < 0)
		return found;
	r = end_our_pause(j, job, reterr);
	if (r == 0 && found) /* it may have been stopped between the commit and the tag */
		r = engine_tag_image(j->options.engine, buf_text(ret_id), ref->repository, ref->tag, &job->cancel,
			reterr);
	return r < 0 ? r : found;
}

int commit_run(struct jobs *j, struct job *job, struct err *reterr)
{
	AUTO_BUF struct buf id = BUF_INIT;
	struct reference ref;
	int found, r = reference_parse(job->info.reference, &ref, reterr);

	if (r < 0)
		return r;
	job_enter(j, job, JOB_COMMITTING);
	found = find_earlier(j, job, &ref, &id, reterr);
	if (found < 0)
		return found;
	job->begun = true;
	r = found ? 0 : job_keep(j, job, reterr);
	if (r == 0 && !found)
		r = ask_engine(j, job, &ref, &id, reterr);
	if (r < 0)
		return r;
	job_set_image(j, job, buf_text(&id));
	job_keep(j, job, NULL);
	/* Whoever is told that it is committed shall find it in the tree. */
	catalog_wait_image(j->options.catalog, job->info.reference, buf_text(&id), CATALOG_TIMEOUT_MS);
	job_enter(j, job, JOB_COMMITTED);
	return 0;
}
