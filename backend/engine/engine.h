/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of the Docker Engine API that commitfs uses (https://docs.docker.com/engine/api/, 1.40 and up).
 * A struct engine is one engine and is shared by threads; it keeps no state but what was negotiated.
 *
 * Errors are those of http_perform() unless said otherwise: an answer of the engine becomes the errno of SPEC
 * section 5 with the engine's own sentence.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"
#include "net/json.h"

struct engine;

struct engine_options {
	const char *url; /* unix://PATH, tcp://HOST:PORT, http(s)://…; NULL: as SPEC section 1 says */
	bool tlsverify;
	const char *tlscacert, *tlscert, *tlskey;
};

/* Finds the engine, asks for its version and agrees on one of the API. The caller frees. */
int engine_open(const struct engine_options *options, struct engine **ret, struct err *reterr);
void engine_free(struct engine *e);
DEFINE_CLEANUP(struct engine *, engine_free)

const char *engine_url(const struct engine *e);
void engine_api_version(struct engine *e, struct buf *out);    /* adds "1.41" */
void engine_server_version(struct engine *e, struct buf *out); /* adds "20.10.24" */

/* Asks for the versions again, after the engine was away: it may have been upgraded. */
int engine_renegotiate(struct engine *e, struct err *reterr);

/*
 * Lists containers, running or not, and images. Each element of the answer goes to `object`; memory doesn't
 * depend on their number.
 */
int engine_list_containers(struct engine *e, json_object_fn *object, void *arg, const struct cancel *cancel,
	struct err *reterr);
int engine_list_images(struct engine *e, json_object_fn *object, void *arg, const struct cancel *cancel,
	struct err *reterr);

/* Inspects; adds the engine's answer as it came to `ret`. */
int engine_inspect_container(struct engine *e, const char *id, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);
int engine_inspect_image(struct engine *e, const char *id_or_reference, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);

/* The same, read; the caller releases the object. */
int engine_describe_container(struct engine *e, const char *id, json_t **ret, const struct cancel *cancel,
	struct err *reterr);
int engine_describe_image(struct engine *e, const char *id_or_reference, json_t **ret,
	const struct cancel *cancel, struct err *reterr);

/* One text of an image's description, as json_text() finds it ("Author"); newlines become spaces. */
int engine_image_text(struct engine *e, const char *id, const char *path, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);

/* What the container's file system has beyond its image: adds lines "A PATH", "C PATH", "D PATH". */
int engine_container_changes(struct engine *e, const char *id, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);

/* Tags an image: `repository` and `tag` apart. */
int engine_tag_image(struct engine *e, const char *id, const char *repository, const char *tag,
	const struct cancel *cancel, struct err *reterr);

/* The id of an image that has the label with that value is added to `ret`; nothing if there is none. */
int engine_find_image(struct engine *e, const char *label, const char *value, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);

int engine_unpause(struct engine *e, const char *id, const struct cancel *cancel, struct err *reterr);

struct engine_commit {
	const char *container; /* an id */
	const char *repository, *tag;
	const char *author, *message; /* NULL: none */
	const char *const *changes;   /* Dockerfile instructions; NULL at the end; may be NULL */
	bool pause;		      /* the engine pauses during the commit unless the user has paused */
};

/* Commits; adds the id of the new image ("sha256:…") to `ret`. Takes as long as the container is large. */
int engine_commit(struct engine *e, const struct engine_commit *commit, struct buf *ret,
	const struct cancel *cancel, struct err *reterr);

/*
 * Follows the event stream of containers and images until it ends, which is an error, or `cancel` is fired.
 * `began` is called when the engine has begun to send; then `event` for each, and `turn` after each batch.
 */
int engine_follow(struct engine *e, void (*began)(void *arg), json_object_fn *event,
	bool (*turn)(void *arg), void *arg, const struct cancel *cancel, struct err *reterr);

/* The export of an image as a docker-archive, as the source of a transfer; `path` holds its path. */
struct http *engine_http(struct engine *e);
void engine_export_path(const struct engine *e, const char *id_or_reference, struct buf *path);
