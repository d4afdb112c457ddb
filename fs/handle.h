/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open file: the text as it was when it was opened, or the line that is being written to it. Owned by the
 * kernel's open file (fi->fh) from open to release.
 */
#pragma once

#include <pthread.h>

#include "fs/tree.h"

struct handle {
	fuse_ino_t ino;
	const struct file_row *row;
	pthread_mutex_t lock; /* line; and text while a read of `wait` fills it */
	struct buf text;      /* what reads see */
	bool filled;	      /* the text is final: of `wait`, that the wait is over */
	int outcome;	      /* of `wait`: 0 or a negative errno */
	struct buf line;      /* written, not run yet */
	bool busy;	      /* a request of it is being run: the rest is that writer's */
	struct handle *next;  /* of those whose size is known only here */
};

struct handle *handle_new(fuse_ino_t ino, const struct file_row *row);
void handle_free(struct handle *h);

static inline struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

/* Files whose text had to be asked for: how long it was when the file was last opened. */
void handle_remember_size(struct handle *h);
void handle_forget_size(struct handle *h);
bool handle_size(fuse_ino_t ino, off_t *ret);

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
