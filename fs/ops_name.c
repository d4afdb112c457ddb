/* SPDX-License-Identifier: Apache-2.0 */
/* Names and attributes: what is there, and what it looks like. */
#include <limits.h>

#include "fs/ops_internal.h"

/* --- attributes --- */

bool row_is_there(const struct fs *fs, const struct file_row *row)
{
	return !(fs->read_only && row->store);
}

static mode_t row_mode(const struct fs *fs, const struct file_row *row)
{
	/* What the owner alone may do, the group of gid= may as well. */
	return row->mode | (fs->grouped ? (row->mode & 0700) >> 3 : 0);
}

void fill_dir(struct fs *fs, fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){
		.st_ino = ino,
		.st_mode = S_IFDIR | 0555,
		.st_nlink = 1, /* "not counted": the number of subdirectories is no promise */
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_blksize = 4096,
	};
}

/* A file's size is that of its text; of what must be asked for, of what was last opened. */
static off_t row_size(const struct file_row *row, fuse_ino_t ino, const void *view)
{
	AUTO_BUF struct buf text = BUF_INIT;
	off_t size = 0;

	if (row->ask)
		size = handle_size(ino);
	else if (!row->pending && row->show(view, &text) == 0)
		size = (off_t)text.len;
	return size;
}

static void fill_file(struct fs *fs, const struct node *n, const struct file_row *row, fuse_ino_t ino,
	const void *view, struct stat *st)
{
	fill_dir(fs, ino, st);
	st->st_mode = S_IFREG | row_mode(fs, row);
	st->st_size = row_size(row, ino, view);
	st->st_blocks = (st->st_size + 511) / 512;
	n->type->times(fs, view, row, st);
}

/* Sizes that are known only after opening, and control files, are asked for each time. */
static double attr_timeout(const struct file_row *row)
{
	return row && (row->ask || row->store) ? 0 : FOREVER;
}

static int fill(struct fs *fs, const struct node *n, const struct file_row *row, fuse_ino_t ino, struct stat *st)
{
	void *view;
	int r = get_view(fs, n, &view);

	if (r < 0)
		return r;
	if (row) {
		fill_file(fs, n, row, ino, view, st);
	} else {
		fill_dir(fs, ino, st);
		n->type->times(fs, view, NULL, st);
	}
	put_view(n, view);
	return 0;
}

void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(request);
	const struct node *n = nodes_get(fs->nodes, ino);
	const struct file_row *row = n ? node_row(n, ino) : NULL;
	struct stat st;
	int r = n ? fill(fs, n, row, ino, &st) : -ESTALE;

	(void)fi;
	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_attr(request, &st, attr_timeout(row));
}

/* Truncating a control file is what `>` does before it writes; nothing else can be set. */
void op_setattr(
	fuse_req_t request, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(request);
	const struct node *n = nodes_get(fs->nodes, ino);
	const struct file_row *row = n ? node_row(n, ino) : NULL;
	const int harmless = FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_CTIME | FUSE_SET_ATTR_MTIME |
			     FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW;

	(void)attr;
	if (!row || !row->store || to_set & ~harmless)
		fuse_reply_err(request, EPERM);
	else
		op_getattr(request, ino, fi);
}

/* --- names --- */

const struct file_row *find_row(const struct fs *fs, const struct dir_type *type, const char *name)
{
	for (const struct file_row *row = type->files; row && row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row_is_there(fs, row) ? row : NULL;
	return NULL;
}

const struct dir_type *find_dir(const struct dir_type *type, const char *name)
{
	for (const struct dir_type *const *d = type->dirs; d && *d; d++)
		if (strcmp((*d)->name, name) == 0)
			return *d;
	return NULL;
}

static unsigned row_slot(const struct dir_type *type, const struct file_row *row)
{
	return NODE_FIRST_ROW + (unsigned)(row - type->files);
}

int look_up_row(struct fs *fs, struct node *n, const struct file_row *row, struct fuse_entry_param *e)
{
	uint64_t number = n->number;
	int r;

	e->attr_timeout = attr_timeout(row);
	e->entry_timeout = row->store ? 0 : FOREVER;
	if (!row->store)
		nodes_hold(fs->nodes, n);
	else if (!(number = nodes_look_up(fs->nodes, n->type, node_key(n), NODE_ALONE)))
		return -ENOMEM;
	e->ino = node_ino(number, row_slot(n->type, row));
	r = fill(fs, n, row, e->ino, &e->attr);
	if (r < 0)
		nodes_forget(fs->nodes, e->ino, 1);
	return r;
}

int look_up_fixed(struct fs *fs, const struct dir_type *type, struct fuse_entry_param *e)
{
	e->ino = node_ino(nodes_fixed(type), NODE_DIR);
	e->attr_timeout = e->entry_timeout = FOREVER;
	return fill(fs, nodes_get(fs->nodes, e->ino), NULL, e->ino, &e->attr);
}

static int look_up_child(struct fs *fs, const struct dir_type *type, const char *name, struct fuse_entry_param *e)
{
	AUTO_BUF struct buf key = BUF_INIT;
	bool alias;
	uint64_t number;
	int r = type->child ? type->resolve(fs, name, &key, &alias) : -ENOENT;

	if (r < 0)
		return r;
	number = nodes_look_up(fs->nodes, type->child, buf_text(&key), alias ? NODE_ALIAS : NODE_LISTED);
	if (!number)
		return -ENOMEM;
	e->ino = node_ino(number, NODE_DIR);
	e->attr_timeout = FOREVER;
	e->entry_timeout = alias ? 0 : FOREVER;
	r = fill(fs, nodes_get(fs->nodes, e->ino), NULL, e->ino, &e->attr);
	if (r < 0)
		nodes_forget(fs->nodes, e->ino, 1);
	return r;
}

static int look_up(struct fs *fs, fuse_ino_t parent, const char *name, struct fuse_entry_param *e)
{
	struct node *n = nodes_get(fs->nodes, parent);
	const struct dir_type *dir;
	const struct file_row *row;

	if (!n)
		return -ESTALE;
	if (node_row(n, parent))
		return -ENOTDIR;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	dir = find_dir(n->type, name);
	if (dir)
		return look_up_fixed(fs, dir, e);
	row = find_row(fs, n->type, name);
	return row ? look_up_row(fs, n, row, e) : look_up_child(fs, n->type, name, e);
}

/* In a directory of files alone, what isn't there never will be. */
static bool remember_absence(struct fs *fs, fuse_ino_t parent, const char *name)
{
	const struct node *n = nodes_get(fs->nodes, parent);

	return n && (!n->type->child || n->type->absence_is_told(name));
}

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {0};
	struct fs *fs = fs_of(request);
	int r = look_up(fs, parent, name, &e);

	if (r == -ENOENT && remember_absence(fs, parent, name)) {
		e = (struct fuse_entry_param){.entry_timeout = FOREVER};
		fuse_reply_entry(request, &e);
	} else if (r < 0) {
		fuse_reply_err(request, -r);
	} else if (fuse_reply_entry(request, &e) == -ENOENT) {
		nodes_forget(fs->nodes, e.ino, 1); /* the caller was killed meanwhile */
	}
}

void op_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups)
{
	nodes_forget(fs_of(request)->nodes, ino, lookups);
	fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		nodes_forget(fs_of(request)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(request);
}
