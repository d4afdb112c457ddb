/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of the kernel that is not answered by its handler. Either it runs on a thread of the pool, since a
 * peer has to be asked, or it is parked until something happens. It is answered exactly once, by whoever
 * finishes it; then it is freed. When the caller is interrupted (Ctrl-C), what runs is told through `cancel`,
 * and what does not run is answered with EINTR by the notifying thread.
 */
#pragma once

#include "fs/tree.h"
#include "util/pool.h"

struct handle;

struct call {
	struct pool_work work; /* first: the pool gives us this one back */
	fuse_req_t request;
	struct fs *fs;
	struct cancel cancel;
	atomic_bool interrupted;
	bool parked;
	void (*dropped)(struct call *c); /* it is answered without having run; may be NULL */
	struct call *next;

	/* What the call is about; the inode and its open file stay as long as it is not answered. */
	fuse_ino_t ino;
	struct fuse_file_info file;
	struct handle *handle;
	off_t offset; /* of a read */
	size_t size;  /* of a read or a write */
};

struct calls;

int calls_new(struct fs *fs, struct calls **ret);

/* Answers everything that is parked or waits with EINTR, tells what runs to end, waits for it, and frees. */
void calls_free(struct calls *c);

/* Makes a call of the request, which is the call's from then on. NULL: the request was answered with an error. */
struct call *call_new(struct fs *fs, fuse_req_t request, fuse_ino_t ino);

/* Runs `run` on a thread; it must end with one of the call_reply functions. */
void call_run(struct call *c, void (*run)(struct call *c));

/* Parks the call until calls_sweep() finds that `pending` of its row is false. */
void call_park(struct call *c);

/* Each answers the request and frees the call. `error`: 0 or a negative errno. */
void call_reply_error(struct call *c, int error);
void call_reply_open(struct call *c);
void call_reply_write(struct call *c, size_t bytes);

/* Answers what is parked and has no reason to wait any more, and what was interrupted before it could run. */
void calls_sweep(struct calls *c);
