/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree as tables. A kind of directory is a struct dir_type; a file in it is a struct file_row and a
 * function. Nowhere else does a file's name appear: lookup, getattr, readdir, open, read and write derive from
 * the rows.
 *
 * A directory that stands for an object (a container, an image, a job) has a key: what the object is known by
 * inside of commitfs, and what stays when it is renamed. `get` makes of it a view: everything that the
 * directory's files show, taken at one moment and never changed afterwards. `show` formats a view and does
 * nothing else.
 */
#pragma once

#include <sys/stat.h>

#include "fs/fs.h"
#include "util/buf.h"
#include "util/cancel.h"
#include "util/err.h"

struct file_row {
	const char *name;
	mode_t mode;
	bool live; /* its text changes while the object lives */

	/* Formats the text. */
	int (*show)(const void *view, struct buf *out);

	/* Instead: asks a peer for the text when the file is opened; runs on a thread of its own. */
	int (*ask)(struct fs *fs, const void *view, struct buf *out, const struct cancel *cancel,
		struct err *reterr);

	/* Takes one request, without its newline but whole; runs on a thread of its own. */
	int (*store)(struct fs *fs, const void *view, const char *text, size_t len,
		const struct cancel *cancel, struct err *reterr);

	/* A read waits as long as this is true; then it gets the text of `show`, or the errno of `outcome`. */
	bool (*pending)(struct fs *fs, const void *view);
	int (*outcome)(const void *view);
};

struct dir_list;

struct dir_type {
	const char *name; /* of a fixed directory; of a kind of object, what it is called in code */
	char letter;	  /* tells the kinds apart in keys */
	const struct file_row *files;	      /* name NULL at the end; may be NULL */
	const struct dir_type *const *dirs;   /* fixed directories in it, NULL at the end; may be NULL */
	const struct dir_type *child;	      /* the kind of the objects in it; may be NULL */

	/* The key of the child of that name; `ret_alias`: it is listed by another name. -ENOENT. */
	int (*resolve)(struct fs *fs, const char *name, struct buf *ret_key, bool *ret_alias);

	/* Adds all children with dir_list_add(). */
	int (*list)(struct fs *fs, struct dir_list *list);

	/* May a name that isn't there be remembered as such until an event says otherwise? */
	bool (*absence_is_told)(const char *name);

	/* A view of the object with that key; NULL and -ENOENT when it is gone. */
	int (*get)(struct fs *fs, const char *key, void **ret_view);
	void (*put)(void *view);

	/* Sets st_mtim and the like, of the directory (`row` NULL) or a file. */
	void (*times)(struct fs *fs, const void *view, const struct file_row *row, struct stat *st);
};

/* Adds a child: its name in the listing, its key, and its time of change (seconds). Strings are copied. */
int dir_list_add(struct dir_list *list, const char *name, const char *key, int64_t mtime);

extern const struct dir_type root_type, containers_type, container_type, images_type, image_type, jobs_type,
	job_type;

/* What the files of a status have in common: `KEY VALUE` lines of a job, SPEC section 4. */
struct status {
	const struct job_info *job;	    /* number 0: none */
	const char *container, *image, *image_id; /* where there is no job; NULL: not known */
	const char *state;		    /* likewise */
	const struct job_rejection *rejection; /* NULL: none */
};
int status_show(const struct status *s, struct buf *out);
int progress_show(const struct job_info *job, struct buf *out);

/* The errno of `wait` for a job that has ended: 0 or negative. */
int job_outcome(const struct job_info *job);

static inline void times_set(struct stat *st, int64_t t)
{
	st->st_mtim.tv_sec = st->st_ctim.tv_sec = st->st_atim.tv_sec = t;
}
