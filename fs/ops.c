/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fs/call.h"
#include "fs/control.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "job/request.h"
#include "util/log.h"

/* The kernel may remember what it was told until notify.c says otherwise. */
static const double FOREVER = 365.0 * 86400;

/* What the kernel takes for "ask if you want to know" in a listing (FUSE_UNKNOWN_INO of libfuse's own). */
static const fuse_ino_t UNKNOWN_INO = 0xffffffff;

static struct fs *fs_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

/* --- views --- */

static int get_view(struct fs *fs, const struct node *n, void **ret)
{
	*ret = NULL;
	return n->type->get ? n->type->get(fs, node_key(n), ret) : 0;
}

static void put_view(const struct node *n, void *view)
{
	if (view)
		n->type->put(view);
}

/* --- attributes --- */

static bool row_is_there(const struct fs *fs, const struct file_row *row)
{
	return !(fs->read_only && row->store);
}

static mode_t row_mode(const struct fs *fs, const struct file_row *row)
{
	/* What the owner alone may do, the group of gid= may as well. */
	return row->mode | (fs->grouped ? (row->mode & 0700) >> 3 : 0);
}

static void fill_dir(struct fs *fs, fuse_ino_t ino, struct stat *st)
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

static void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
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
static void op_setattr(
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

static const struct file_row *find_row(const struct fs *fs, const struct dir_type *type, const char *name)
{
	for (const struct file_row *row = type->files; row && row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row_is_there(fs, row) ? row : NULL;
	return NULL;
}

static const struct dir_type *find_dir(const struct dir_type *type, const char *name)
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

static int look_up_row(struct fs *fs, struct node *n, const struct file_row *row, struct fuse_entry_param *e)
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

static int look_up_fixed(struct fs *fs, const struct dir_type *type, struct fuse_entry_param *e)
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

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
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

static void op_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups)
{
	nodes_forget(fs_of(request)->nodes, ino, lookups);
	fuse_reply_none(request);
}

static void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		nodes_forget(fs_of(request)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(request);
}

/* --- directories --- */

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

static void op_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
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

static void op_readdir(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	read_dir(request, ino, size, from, fi, false);
}

static void op_readdirplus(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	read_dir(request, ino, size, from, fi, true);
}

/* --- opening and reading --- */

/* On a thread: asks for the text, then answers the open. */
static void ask_text(struct call *c)
{
	const struct node *n = nodes_get(c->fs->nodes, c->ino);
	struct handle *h = c->handle;
	struct err e = {0};
	void *view;
	int r = n ? get_view(c->fs, n, &view) : -ESTALE;

	if (r == 0) {
		r = h->row->ask(c->fs, view, &h->text, &c->cancel, &e);
		put_view(n, view);
	}
	if (r == 0)
		r = buf_error(&h->text);
	if (r < 0) {
		log_debug("%s: %s", h->row->name, e.text);
		handle_unref(h);
		call_reply_error(c, r);
		return;
	}
	pthread_mutex_lock(&h->lock);
	h->filled = true;
	pthread_mutex_unlock(&h->lock);
	call_reply_open(c);
}

static int show_text(struct fs *fs, const struct node *n, struct handle *h)
{
	void *view;
	int r = get_view(fs, n, &view);

	if (r == 0) {
		r = h->row->show(view, &h->text);
		put_view(n, view);
	}
	return r;
}

static void open_by_asking(struct fs *fs, fuse_req_t request, struct handle *h, struct fuse_file_info *fi)
{
	struct call *c = call_new(fs, request, h->ino);

	if (!c) {
		handle_unref(h);
		return;
	}
	c->handle = h;
	c->file = *fi;
	call_run(c, ask_text);
}

static int check_access(const struct file_row *row, int flags)
{
	if (!row)
		return -EISDIR;
	return (flags & O_ACCMODE) != O_RDONLY && !row->store ? -EPERM : 0;
}

static void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(request);
	const struct node *n = nodes_get(fs->nodes, ino);
	const struct file_row *row = n ? node_row(n, ino) : NULL;
	struct handle *h;
	int r = n ? check_access(row, fi->flags) : -ESTALE;

	if (r < 0) {
		fuse_reply_err(request, -r);
		return;
	}
	h = handle_new(ino, row);
	if (!h) {
		fuse_reply_err(request, ENOMEM);
		return;
	}
	/* Reads go by the open file, not by the inode's pages, which all who have it open would share. */
	fi->fh = (uint64_t)(uintptr_t)h;
	fi->direct_io = 1;
	fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY;
	if (row->ask) {
		open_by_asking(fs, request, h, fi);
		return;
	}
	if ((fi->flags & O_ACCMODE) != O_WRONLY && !row->pending)
		r = show_text(fs, n, h);
	if (r == 0)
		r = fuse_reply_open(request, fi) == -ENOENT ? -EINTR : 0;
	else
		fuse_reply_err(request, -r);
	if (r < 0)
		handle_unref(h);
}

static void op_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	handle_unref(handle_of(fi));
	fuse_reply_err(request, 0);
}

static void reply_text(fuse_req_t request, const struct buf *text, size_t size, off_t from)
{
	size_t at = (size_t)from;
	size_t n = at < text->len ? text->len - at : 0;

	fuse_reply_buf(request, n ? text->data + at : NULL, n < size ? n : size);
}

static void park_read(struct fs *fs, fuse_req_t request, struct handle *h, size_t size, off_t from)
{
	struct call *c = call_new(fs, request, h->ino);

	if (!c)
		return;
	c->handle = h;
	c->size = size;
	c->offset = from;
	call_park(c);
}

static void op_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	struct handle *h = handle_ref(handle_of(fi));
	bool over;

	(void)ino;
	pthread_mutex_lock(&h->lock);
	over = !h->row->pending || (h->filled && h->outcome == 0);
	pthread_mutex_unlock(&h->lock);
	if (over)
		reply_text(request, &h->text, size, from);
	else
		park_read(fs_of(request), request, h, size, from);
	handle_unref(h);
}

/* --- control writes --- */

/* Takes the first request out of the line, which is `len` bytes of it. */
static int take_request(struct handle *h, size_t len, struct buf *ret)
{
	buf_add(ret, h->line.data, len);
	memmove(h->line.data, h->line.data + len, h->line.len - len);
	h->line.len -= len;
	h->line.data[h->line.len] = '\0';
	return buf_error(ret);
}

/* Runs it. The handle is not locked meanwhile: a handler that meets it must not wait for a peer. */
static int run_request(struct call *c, const struct node *n, const struct buf *text)
{
	struct err e = {0};
	void *view;
	int r = get_view(c->fs, n, &view);

	if (r < 0)
		return r;
	r = c->handle->row->store(c->fs, view, buf_text(text), text->len, &c->cancel, &e);
	put_view(n, view);
	control_note(c->fs, n->type, node_key(n), r < 0 ? &e : NULL);
	return r;
}

/* The first request of the line; with `rest`, all that is left counts as one. *ret_len is 0 if there is none. */
static int run_first(struct call *c, const struct node *n, bool rest, size_t *ret_len)
{
	struct handle *h = c->handle;
	AUTO_BUF struct buf text = BUF_INIT;
	int r = 0;

	pthread_mutex_lock(&h->lock);
	*ret_len = rest ? h->line.len : request_end(buf_text(&h->line), h->line.len);
	if (*ret_len)
		r = take_request(h, *ret_len, &text);
	h->busy = *ret_len > 0;
	pthread_mutex_unlock(&h->lock);
	if (r == 0 && *ret_len)
		r = run_request(c, n, &text);
	return r;
}

/* Nothing of the line is kept after an error. */
static void end_line(struct handle *h, int r)
{
	pthread_mutex_lock(&h->lock);
	h->busy = false;
	if (r < 0)
		buf_reset(&h->line);
	pthread_mutex_unlock(&h->lock);
}

/*
 * Runs the whole requests that the line has. When one fails after others went well, the write is said to have
 * been short: the writer sends the rest again and gets its error.
 */
static void run_write(struct call *c)
{
	const struct node *n = nodes_get(c->fs->nodes, c->ino);
	size_t before = c->handle->line.len - c->size; /* left by earlier writes */
	size_t ran = 0, len = 0;
	int r = n ? 0 : -ESTALE;

	while (r == 0) {
		r = run_first(c, n, false, &len);
		if (r < 0 || !len)
			break;
		ran += len;
	}
	end_line(c->handle, r);
	if (r < 0 && ran <= before)
		call_reply_error(c, r);
	else
		call_reply_write(c, r < 0 ? ran - before : c->size);
}

static void hand_on(struct fs *fs, fuse_req_t request, struct handle *h, size_t size, void (*run)(struct call *c))
{
	struct call *c = call_new(fs, request, h->ino);

	if (!c)
		return;
	c->handle = h;
	c->size = size;
	call_run(c, run);
}

/* Adds to the line; returns 1 if there is a whole request in it. */
static int take_bytes(struct handle *h, const char *data, size_t size)
{
	int r;

	pthread_mutex_lock(&h->lock);
	if (h->line.len + size > REQUEST_LIMIT) {
		buf_reset(&h->line);
		r = -E2BIG;
	} else {
		buf_add(&h->line, data, size);
		r = buf_error(&h->line);
		if (r == 0)
			r = request_end(buf_text(&h->line), h->line.len) > 0;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

static void op_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t size, off_t offset,
	struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(request);
	struct handle *h = handle_of(fi);
	const struct node *n = nodes_get(fs->nodes, ino);
	int r = take_bytes(h, data, size);
	struct err e = {0};

	(void)offset; /* a control file is a stream: where in it is of no meaning */
	if (r == -E2BIG && n) {
		err_set(&e, E2BIG, "a request has at most %d KiB", REQUEST_LIMIT >> 10);
		control_note(fs, n->type, node_key(n), &e);
	}
	if (r < 0)
		fuse_reply_err(request, -r);
	else if (r == 0)
		fuse_reply_write(request, size);
	else
		hand_on(fs, request, h, size, run_write);
}

static bool blank(const struct buf *line)
{
	return strspn(buf_text(line), " \t\r\n") == line->len;
}

/* What was written without a newline runs when the file is closed. */
static void run_rest(struct call *c)
{
	const struct node *n = nodes_get(c->fs->nodes, c->ino);
	size_t len;
	int r = n ? run_first(c, n, true, &len) : -ESTALE;

	end_line(c->handle, r);
	call_reply_error(c, r);
}

static void op_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	bool nothing;

	(void)ino;
	pthread_mutex_lock(&h->lock);
	nothing = h->busy || blank(&h->line);
	pthread_mutex_unlock(&h->lock);
	if (nothing)
		fuse_reply_err(request, 0);
	else
		hand_on(fs_of(request), request, h, 0, run_rest);
}

/* --- what can't be done --- */

static void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent, (void)name, (void)mode, (void)device;
	fuse_reply_err(request, EPERM);
}

static void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(request, EPERM);
}

static void op_remove(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(request, EPERM);
}

static void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target, (void)parent, (void)name;
	fuse_reply_err(request, EPERM);
}

static void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	const char *new_name, unsigned flags)
{
	(void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
	fuse_reply_err(request, EPERM);
}

static void op_link(fuse_req_t request, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	(void)ino, (void)parent, (void)name;
	fuse_reply_err(request, EPERM);
}

static void op_create(
	fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	fuse_reply_err(request, EPERM);
}

static void op_statfs(fuse_req_t request, fuse_ino_t ino)
{
	struct statvfs s = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = NAME_MAX};

	(void)ino;
	fuse_reply_statfs(request, &s);
}

const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_remove,
	.rmdir = op_remove,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_release,
	.statfs = op_statfs,
};
