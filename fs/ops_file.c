/* SPDX-License-Identifier: Apache-2.0 */
/* Open files: texts that are read, and requests that are written. */
#include <fcntl.h>

#include "fs/call.h"
#include "fs/control.h"
#include "fs/ops_internal.h"
#include "job/request.h"
#include "util/log.h"

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

static void drop_open(struct call *c)
{
	handle_unref(c->handle);
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
	c->dropped = drop_open;
	call_run(c, ask_text);
}

static int check_access(const struct file_row *row, int flags)
{
	if (!row)
		return -EISDIR;
	return (flags & O_ACCMODE) != O_RDONLY && !row->store ? -EPERM : 0;
}

void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
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

void op_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
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

void op_read(fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
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
	int r = cancel_fired(&c->cancel) ? -ECANCELED : get_view(c->fs, n, &view);

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
	size_t before = c->handle->before;
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

/* What was refused before it could run is not run when the file is closed either. */
static void drop_line(struct call *c)
{
	end_line(c->handle, -EINTR);
}

static void hand_on(struct fs *fs, fuse_req_t request, struct handle *h, size_t size, void (*run)(struct call *c))
{
	struct call *c = call_new(fs, request, h->ino);

	if (!c) {
		end_line(h, -ENOMEM);
		return;
	}
	c->handle = h;
	c->size = size;
	c->dropped = drop_line;
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
		h->before = h->line.len;
		buf_add(&h->line, data, size);
		r = buf_error(&h->line);
		if (r == 0)
			r = h->busy = request_end(buf_text(&h->line), h->line.len) > 0;
	}
	pthread_mutex_unlock(&h->lock);
	return r;
}

void op_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t size, off_t offset,
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

void op_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	bool nothing;

	(void)ino;
	pthread_mutex_lock(&h->lock);
	nothing = h->busy || blank(&h->line);
	h->busy |= !nothing;
	pthread_mutex_unlock(&h->lock);
	if (nothing)
		fuse_reply_err(request, 0);
	else
		hand_on(fs_of(request), request, h, 0, run_rest);
}
