/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that hold the low-level operations share. Only they include it. */
#pragma once

#include <errno.h>
#include <string.h>

#include "fs/handle.h"
#include "fs/node.h"
#include "fs/ops.h"

/* The kernel may remember what it was told until notify.c says otherwise. */
#define FOREVER (365.0 * 86400)

/* What the kernel takes for "ask if you want to know" in a listing (FUSE_UNKNOWN_INO of libfuse's own). */
#define UNKNOWN_INO ((fuse_ino_t)0xffffffff)

static inline struct fs *fs_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

/* A view of the node's object; NULL with 0 returned where its kind has none. */
static inline int get_view(struct fs *fs, const struct node *n, void **ret)
{
	*ret = NULL;
	return n->type->get ? n->type->get(fs, node_key(n), ret) : 0;
}

static inline void put_view(const struct node *n, void *view)
{
	if (view)
		n->type->put(view);
}

/* --- ops_name.c --- */

bool row_is_there(const struct fs *fs, const struct file_row *row); /* not hidden by -o ro */
const struct file_row *find_row(const struct fs *fs, const struct dir_type *type, const char *name);
const struct dir_type *find_dir(const struct dir_type *type, const char *name);
void fill_dir(struct fs *fs, fuse_ino_t ino, struct stat *st);

/* An entry, with one lookup counted. Errors: -ENOENT, -ENOMEM. */
int look_up_row(struct fs *fs, struct node *n, const struct file_row *row, struct fuse_entry_param *e);
int look_up_fixed(struct fs *fs, const struct dir_type *type, struct fuse_entry_param *e);

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups);
void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t request, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi);

/* --- ops_dir.c --- */

void op_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi);

/* --- ops_file.c --- */

void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi);
void op_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t size, off_t offset,
	struct fuse_file_info *fi);
void op_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi);
void op_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi); /* of directories as well */
