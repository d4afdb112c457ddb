/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "util/reference.h"

enum { CATALOG_TIMEOUT_MS = 5000 };

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
static int check_container(
	struct jobs *j, const struct container *c, const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf text = BUF_INIT;
	AUTO_JSON json_t *inspect = NULL;
	int r = engine_inspect_container(j->options.engine, c->id, &text, cancel, reterr);

	if (r == 0)
		r = json_read(&text, "the engine's description of the container", &inspect, reterr);
	return r < 0 ? r : check_state(json_text(inspect, "State.Status"), c->name, reterr);
}

static int check_same_container(const struct container *c, const char *said, struct err *reterr)
{
	size_t len = said ? strlen(said) : 0;

	if (!said || strcmp(said, c->name) == 0 || (len >= 12 && strncmp(said, c->id, len) == 0))
		return 0;
	return err_set(reterr, EINVAL, "the request is for container '%.64s', the file is that of '%s'",
		said, c->name);
}

int jobs_commit(struct jobs *j, const struct container *container, const struct request *request,
	const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(job_freep) struct job *job = NULL;
	int r = check_same_container(container, request->container, reterr);

	if (r == 0)
		r = check_container(j, container, cancel, reterr);
	if (r < 0)
		return r;
	job = job_new(j, request, reterr);
	if (!job)
		return -ENOMEM;
	job->commits = true;
	job->info.operation = JOB_COMMIT;
	snprintf(job->info.container_id, sizeof(job->info.container_id), "%s", container->id);
	snprintf(job->info.container_name, sizeof(job->info.container_name), "%s", container->name);
	if (request->push)
		r = push_prepare(j, job, request->push, cancel, reterr);
	if (r == 0)
		r = jobs_submit(j, job, reterr);
	if (r < 0) {
		push_abandon(j, job, 0);
		return r;
	}
	steal_pointer(&job);
	return 0;
}

int commit_run(struct jobs *j, struct job *job, struct err *reterr)
{
	AUTO_BUF struct buf id = BUF_INIT;
	struct reference ref;
	struct engine_commit commit = {
		.container = job->info.container_id,
		.repository = ref.repository,
		.tag = ref.tag,
		.author = job->author,
		.message = job->message,
		.changes = (const char *const *)job->changes,
		.pause = job->pause,
	};
	int r = reference_parse(job->info.reference, &ref, reterr);

	if (r < 0)
		return r;
	job_enter(j, job, JOB_COMMITTING);
	/* Not to be cancelled: the engine goes on with a commit whose client has left. */
	r = engine_commit(j->options.engine, &commit, &id, NULL, reterr);
	if (r < 0)
		return r;
	job_set_image(j, job, buf_text(&id));
	/* Whoever is told that it is committed shall find it in the tree. */
	catalog_wait_image(j->options.catalog, job->info.reference, buf_text(&id), CATALOG_TIMEOUT_MS);
	job_enter(j, job, JOB_COMMITTED);
	return 0;
}
