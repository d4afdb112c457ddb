/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open file: the text as it was when it was opened, or the line that is being written to it. The kernel's
 * open file (fi->fh) holds a reference from open to release; a read holds one until its answer has been handed
 * over, since the reader may close the file before the call that answers it has returned.
 */
#pragma once

#include <pthread.h>

#include "fs/tree.h"

struct handle {
	atomic_uint refs;
	fuse_ino_t ino;
	const struct file_row *row; /* NULL: a directory */
	struct handle *newer, *older; /* of all that are open */

	pthread_mutex_t lock;  /* all below */
	struct buf text;       /* what reads see; not changed any more once it is filled */
	bool filled;	       /* it was asked for, or the wait is over */
	int outcome;	       /* of `wait`: 0 or a negative errno */
	struct buf line;       /* written, not run yet */
	size_t before;	       /* bytes of it that were there before the last write */
	bool busy;	       /* it is being run: all of it is that writer's */
	struct dir_list *list; /* of a directory: its entries as they were when reading began */
};

struct handle *handle_new(fuse_ino_t ino, const struct file_row *row);
struct handle *handle_ref(struct handle *h);
void handle_unref(struct handle *h);

/* The length of the text of a file that had to be asked for, as it was last opened; 0 if it isn't open. */
off_t handle_size(fuse_ino_t ino);

/* At the end: what was open when the mount went, and of which the kernel sends no release any more. */
void handles_free(void);

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* A directory's children as they were when it was opened. */
struct dir_item {
	char *name, *key;
	int64_t mtime;
};

struct dir_list {
	struct dir_item *items;
	size_t count, room;
};

void dir_list_free(struct dir_list *l);
