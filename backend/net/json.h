/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as peers send it. Lists and streams are split into their objects while they arrive, so that memory is
 * bounded by the largest object and not by the answer; each object is then read by jansson.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

#define AUTO_JSON CLEANUP(json_decrefp) /* jansson's own */

/* Looks into nested objects; never NULL. `path` is "HostConfig.AutoRemove"; "" if it is no string. */
const char *json_text(const json_t *object, const char *path);
int64_t json_number(const json_t *object, const char *path); /* 0 if it is none */
const json_t *json_at(const json_t *object, const char *path); /* borrowed; NULL if it is not there */

/* Reads one whole answer. `what` names it in the sentence. Errors: -EREMOTEIO (no JSON object). */
int json_read(const struct buf *text, const char *what, json_t **ret, struct err *reterr);

/* The message of an error answer in the shapes of Docker, Podman, Glance and Keystone, or plain text. */
void json_error_message(const struct buf *body, struct buf *out);

/* Called for each object; borrowed. A negative errno ends the stream with it. */
typedef int json_object_fn(void *arg, const json_t *object);

/* Splits either one array of objects, or objects one after the other (lines or not). */
struct json_split {
	json_object_fn *object;
	void *arg;
	size_t limit; /* bytes of one object */
	struct buf piece;
	unsigned depth; /* of braces, in the object */
	bool in_string, escaped;
	bool array, array_ended, comma;
	unsigned null_len; /* letters of a `null` instead of a list */
	uint64_t count; /* objects so far */
};

enum { JSON_SPLIT_LIMIT = 4 << 20 };

void json_split_init(struct json_split *s, json_object_fn *object, void *arg);
void json_split_done(struct json_split *s);

/* Errors: those of `object`; -EREMOTEIO for what is no JSON or an object beyond the limit; -ENOMEM. */
int json_split_feed(struct json_split *s, const char *data, size_t len);

/* The stream has ended: -EREMOTEIO if it was in the middle of something. */
int json_split_end(const struct json_split *s);
