/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the kernel what has changed, from a thread of its own: libfuse forbids it inside of a related request,
 * and the kernel may hold a directory's lock meanwhile. Whoever changes something only leaves a note here.
 *
 * Notes about one object are merged until the thread gets to them, so that a storm of events costs one round.
 * Nothing is sent for objects that nobody has looked up.
 */
#pragma once

#include "fs/tree.h"

int notify_new(struct fs *fs, struct notify **ret);
int notify_start(struct notify *n); /* after the fork and the mount */
void notify_stop(struct notify *n); /* before the session is destroyed */
void notify_free(struct notify *n);

/* The object's live files have other texts. */
void notify_changed(struct notify *n, const struct dir_type *type, const char *key);

/* A fixed directory has an entry more or less. `key`: of the object whose name it is (to be forgotten if
 * `gone`). Whatever the kernel remembers about the name is dropped. */
void notify_entry(struct notify *n, const struct dir_type *parent, const char *name, const char *key, bool gone);

/* Calls may have a reason to end: calls_sweep() is due. */
void notify_sweep(struct notify *n);
