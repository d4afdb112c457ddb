/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where images go: Glance, a folder. A push is four steps, each of which can be repeated after a fault:
 *
 *     create    the record, with an id that we chose, so that it can be polled from then on
 *     upload    the bytes, hashed on the way
 *     verify    what the store says, or has, is what was sent: only now it is there
 *     remove    the record and the data of a push that came to nothing
 *
 * A store is shared by threads. Errors are those of http_perform(), or of the file system.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/http.h"
#include "util/buf.h"
#include "util/cancel.h"
#include "util/digest.h"
#include "util/err.h"

enum { STORE_ID = 37 }; /* bytes of a UUID with the NUL */

/* What a record says. All strings are borrowed; NULL: not known. */
struct store_record {
	const char *id;		    /* a UUID of our choosing */
	const char *name, *tag;	    /* the reference's repository and tag */
	const char *container_id, *container_name;
	const char *host;	    /* where the container ran */
	const char *image_id;	    /* the engine's; NULL while the image is not committed yet */
};

/* Where the bytes come from, and who wants to know how far they are. */
struct store_upload {
	struct http *engine;
	const char *export_path; /* of the engine: GET gives the docker-archive */
	const char *image_id;	 /* that the archive must hold */
	void (*moved)(void *arg, uint64_t bytes); /* bytes passed on since the beginning */
	void *arg;
	const struct cancel *cancel;
};

/* What was sent, as we saw it. */
struct store_sent {
	uint64_t bytes;
	char algorithm[DIGEST_NAME];
	char hash[DIGEST_HEX];
};

struct store;

struct store_ops {
	const char *name; /* the target's word: "glance", "dir" */

	/* Does it answer, and may we use it? Adds words for people ("http://…, project demo"). */
	int (*check)(struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr);

	/* May be repeated with the same id: a record of ours that exists already is success. */
	int (*create)(struct store *s, const struct store_record *record, const struct cancel *cancel,
		struct err *reterr);

	/* The record's image_id and the like, when they became known after create. May be NULL. */
	int (*describe)(struct store *s, const struct store_record *record, const struct cancel *cancel,
		struct err *reterr);

	/* -ESTALE: the record can take no data any more; remove it and create another id. */
	int (*upload)(struct store *s, const struct store_record *record, const struct store_upload *upload,
		struct store_sent *ret, struct err *reterr);

	/* -EBADMSG: what is there is not what was sent. */
	int (*verify)(struct store *s, const char *id, const struct store_sent *sent,
		const struct cancel *cancel, struct err *reterr);

	/* A record that is gone already is success. */
	int (*remove)(struct store *s, const char *id, int timeout_ms, const struct cancel *cancel,
		struct err *reterr);

	void (*free)(struct store *s);
};

struct store {
	const struct store_ops *ops;
};

/*
 * The transfer that uploads are made of: the engine's export goes to `to`'s `put`, or to `sink` if `to` is
 * NULL, hashed with `algorithm` on the way, and is refused at its end unless it is a whole archive with the
 * image in it (engine/archive.h).
 */
struct store_stream {
	const struct store_upload *upload;
	const char *algorithm;
	struct http *to;
	struct http_request put;
	int (*sink)(void *arg, const void *data, size_t len);
	void *sink_arg;
};
int store_stream(const struct store_stream *stream, struct store_sent *ret, struct err *reterr);

/* A random UUID (version 4), lower case with dashes. */
void store_new_id(char ret[static STORE_ID]);
