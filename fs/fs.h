/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mount. Everything that a handler needs hangs off this struct; it is made once and outlives all threads.
 *
 * Locks, in the order in which they may be taken together; each is held for a few memory accesses only, never
 * across a call to a peer, a reply to the kernel or a notification:
 *
 *     calls->lock      the calls that are parked (call.c)
 *     node table       inode numbers (node.c)
 *     all open files   handle.c
 *     handle->lock     the text of one open file, and the line that is being written to it (handle.c)
 *     notify->lock     what is to be told to the kernel (notify.c)
 *     jobs->lock       backend/job/jobs.c
 *     catalog->lock    backend/engine/catalog.c
 */
#pragma once

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "engine/catalog.h"
#include "engine/engine.h"
#include "engine/follow.h"
#include "job/jobs.h"
#include "store/store.h"

struct journal;
struct calls;
struct nodes;
struct notify;

struct fs {
	struct fuse_session *session;
	struct engine *engine;
	struct catalog *catalog;
	struct follow *follow;
	struct jobs *jobs;
	struct journal *journal;
	struct buf journal_said; /* that it was damaged at start; for /status */
	struct store *stores[3]; /* NULL at the end */
	const char *default_store;

	struct calls *calls;
	struct nodes *nodes;
	struct notify *notify;

	uid_t uid;     /* who owns the tree */
	gid_t gid;
	bool grouped;  /* gid= was given: that group may use control files and read secrets */
	bool read_only;
	int64_t mounted;
	atomic_llong containers_changed, images_changed, jobs_changed; /* mtime of these directories */
};
