/* SPDX-License-Identifier: Apache-2.0 */
/* Listings. */
#include "fs/ops_internal.h"

static int add_rows(struct fs *fs, const struct dir_type *type, struct dir_list *list)
{
	int r = 0;

	for (const struct dir_type *const *d = type->dirs; r == 0 && d && *d; d++)
		r = dir_list_add(list, (*d)->name, "", 0);
	for (const struct file_row *row = type->files; r == 0 && row && row->name; row++)
		if (row_is_there(fs, row))
			r = dir_list_add(list, row->name, "", 0);
	return r;
}

static int read_list(struct fs *fs, const struct node *n, struct dir_list **ret)
{
	struct dir_list *list = calloc(1, sizeof(*list));
	void *view = NULL;
	int r = list ? get_view(fs, n, &view) : -ENOMEM; /* is it still there? */

	put_view(n, view);
	if (r == 0)
		r = dir_list_add(list, ".", "", 0);
	if (r == 0)
		r = dir_list_add(list, "..", "", 0);
	if (r == 0)
		r = add_rows(fs, n->type, list);
	if (r == 0 && n->type->list)
		r = n->type->list(fs, list);
	if (r < 0 && list)
		dir_list_free(list);
	else
		*ret = list;
	return r;
}

void op_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_new(ino, NULL);

	if (!h) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	if (fuse_reply_open(request, fi) == -ENOENT)
		handle_unref(h);
}

/* What an entry of a listing is, with a lookup counted unless it is not to be counted (ino 0). */
static int entry_plus(struct fs *fs, struct node *n, const struct dir_item *item, struct fuse_entry_param *e)
{
	const struct dir_type *dir = find_dir(n->type, item->name);
	const struct file_row *row = find_row(fs, n->type, item->name);
	uint64_t number;

	*e = (struct fuse_entry_param){.attr_timeout = FOREVER, .entry_timeout = FOREVER};
	fill_dir(fs, UNKNOWN_INO, &e->attr);
	if (dir)
		return look_up_fixed(fs, dir, e);
	if (row && row->store) {
		e->attr.st_mode = S_IFREG; /* it is another node each time it is looked up */
		return 0;
	}
	if (row)
		return look_up_row(fs, n, row, e);
	if (!*item->key)
		return 0; /* "." and ".." */
	number = nodes_look_up(fs->nodes, n->type->child, item->key, NODE_LISTED);
	if (!number)
		return -ENOMEM;
	e->ino = node_ino(number, NODE_DIR);
	fill_dir(fs, e->ino, &e->attr);
	times_set(&e->attr, item->mtime);
	return 0;
}

/* Without attributes only the kind counts. */
static void entry_plain(struct fs *fs, const struct node *n, const struct dir_item *item, struct stat *st)
{
	fill_dir(fs, UNKNOWN_INO, st);
	if (find_row(fs, n->type, item->name))
		st->st_mode = S_IFREG;
}

static size_t add_entry(fuse_req_t request, struct node *n, const struct dir_item *item, bool plus, char *at,
	size_t room, off_t next)
{
	struct fuse_entry_param e;
	struct stat st;

	if (!plus) {
		entry_plain(fs_of(request), n, item, &st);
		return fuse_add_direntry(request, at, room, item->name, &st, next);
	}
	/* Ask for the size first: a lookup that isn't delivered must not be counted. */
	if (fuse_add_direntry_plus(request, NULL, 0, item->name, NULL, next) > room)
		return room + 1;
	if (entry_plus(fs_of(request), n, item, &e) < 0)
		return 0; /* it went meanwhile */
	return fuse_add_direntry_plus(request, at, room, item->name, &e, next);
}

static size_t fill_entries(fuse_req_t request, struct node *n, const struct dir_list *list, bool plus, off_t from,
	char *data, size_t size)
{
	size_t used = 0;

	for (size_t i = (size_t)from; i < list->count; i++) {
		size_t len = add_entry(
			request, n, &list->items[i], plus, data + used, size - used, (off_t)i + 1);

		if (len > size - used)
			break;
		used += len;
	}
	return used;
}

static void read_dir(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi, bool plus)
{
	struct handle *d = handle_of(fi);
	struct fs *fs = fs_of(request);
	struct node *n = nodes_get(fs->nodes, ino);
	AUTO_FREE char *data = malloc(size);
	size_t used = 0;
	int r = n && data ? 0 : -ENOMEM;

	pthread_mutex_lock(&d->lock);
	/* A list from the time of the request, so that an event that comes later drops it from the kernel's cache. */
	if (r == 0 && (from == 0 || !d->list)) {
		if (d->list)
			dir_list_free(steal_pointer(&d->list));
		r = read_list(fs, n, &d->list);
	}
	if (r == 0)
		used = fill_entries(request, n, d->list, plus, from, data, size);
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		fuse_reply_err(request, -r);
	else
		fuse_reply_buf(request, data, used);
}

void op_readdir(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	read_dir(request, ino, size, from, fi, false);
}

void op_readdirplus(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	read_dir(request, ino, size, from, fi, true);
}
