/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine has, in memory: its containers and images. The objects are immutable and counted by
 * reference, so that whoever got one can read it without a lock while the engine goes on. One thread writes
 * (engine/follow.c); everybody reads.
 *
 * An object that changes is replaced by a new one. After each change, with no lock held, the listener is told.
 */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct container {
	atomic_uint refs;
	char *id;      /* 64 hex digits */
	char *name;    /* without the slash */
	char *image;   /* as it was given at create */
	char *image_id;
	char *state;   /* the engine's word: created running paused restarting removing exited dead */
	char *command;
	char **volumes; /* mount points, NULL at the end */
	int64_t created;
	int64_t changed; /* when we saw the last change */
	unsigned seen;	 /* the catalog's own */
};

struct image {
	atomic_uint refs;
	char *id;	   /* "sha256:…" */
	char **references; /* "foo-image:latest", NULL at the end; none: untagged */
	int64_t size;	   /* bytes, as the engine counts */
	int64_t created;
	int64_t changed;
	unsigned seen;
};

/* A reference and what it names now. */
struct tagged {
	const char *reference; /* lies in `image` */
	struct image *image;   /* a reference is held */
};

void container_unref(struct container *c);
void image_unref(struct image *i);
DEFINE_CLEANUP(struct container *, container_unref)
DEFINE_CLEANUP(struct image *, image_unref)

struct catalog_listener {
	/* A container came (`old` NULL), changed, or went (`new` NULL). */
	void (*container)(void *arg, const struct container *old, const struct container *new);
	/* What a reference names came, changed, or went. */
	void (*image)(void *arg, const char *reference, const struct image *old, const struct image *new);
	void *arg;
};

struct catalog;

int catalog_new(const struct catalog_listener *listener, struct catalog **ret);
void catalog_free(struct catalog *c);
DEFINE_CLEANUP(struct catalog *, catalog_free)

/* --- reading; each returns a new reference, or NULL --- */

struct container *catalog_container(struct catalog *c, const char *id);
struct container *catalog_container_named(struct catalog *c, const char *name);
/* An id prefix of any length that fits exactly one. */
struct container *catalog_container_prefixed(struct catalog *c, const char *prefix);
struct image *catalog_image(struct catalog *c, const char *id);
struct image *catalog_image_named(struct catalog *c, const char *reference);

/* Waits until the reference names that image, or the time is over; returns whether it does. An engine answers a
 * commit a moment before its event comes. */
bool catalog_wait_image(struct catalog *c, const char *reference, const char *id, int timeout_ms);

/* All of them, in no order; the caller releases with the functions below. Errors: -ENOMEM. */
int catalog_containers(struct catalog *c, struct container ***ret, size_t *ret_n);
void catalog_containers_free(struct container **list, size_t n);
int catalog_tags(struct catalog *c, struct tagged **ret, size_t *ret_n);
void catalog_tags_free(struct tagged *list, size_t n);

size_t catalog_container_count(struct catalog *c);
size_t catalog_image_count(struct catalog *c);

/* --- writing; from one thread --- */

/* An element of GET /containers/json or /images/json; /images/ID/json has the same fields by the same names
 * but for its time. Elements without an id are left alone. Errors: -ENOMEM. */
int catalog_put_container(struct catalog *c, const json_t *element);
int catalog_put_image(struct catalog *c, const json_t *element);

/* The answer of GET /containers/ID/json. */
int catalog_put_inspected(struct catalog *c, const json_t *inspect);

void catalog_remove_container(struct catalog *c, const char *id);
void catalog_remove_image(struct catalog *c, const char *id);

/* Between begin and end everything that the engine has is put; what wasn't is gone. Errors: -ENOMEM. */
void catalog_sync_begin(struct catalog *c);
int catalog_sync_end(struct catalog *c);
