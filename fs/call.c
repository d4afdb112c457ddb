/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/call.h"

#include <errno.h>
#include <pthread.h>

#include "fs/handle.h"
#include "fs/node.h"
#include "fs/notify.h"

enum { THREADS_MAX = 160, WAITING_MAX = 4096, PARKED_MAX = 4096 };

struct calls {
	struct fs *fs;
	struct pool *pool;
	pthread_mutex_t lock; /* all below */
	struct call *parked;  /* also those that were given to the pool, until they are answered */
	size_t count;
};

int calls_new(struct fs *fs, struct calls **ret)
{
	struct calls *c = calloc(1, sizeof(*c));

	if (!c || pool_new(THREADS_MAX, WAITING_MAX, &c->pool) < 0) {
		free(c);
		return -ENOMEM;
	}
	c->fs = fs;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

/* --- the list of what is not answered --- */

static bool enlist(struct calls *l, struct call *c)
{
	bool room;

	pthread_mutex_lock(&l->lock);
	room = l->count < PARKED_MAX;
	if (room) {
		c->next = l->parked;
		l->parked = c;
		l->count++;
	}
	pthread_mutex_unlock(&l->lock);
	return room;
}

static void unlist(struct calls *l, struct call *c)
{
	pthread_mutex_lock(&l->lock);
	for (struct call **at = &l->parked; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		l->count--;
		break;
	}
	pthread_mutex_unlock(&l->lock);
}

/* --- interruption --- */

/* Called by libfuse with the request locked: the answer is left to others. */
static void on_interrupt(fuse_req_t request, void *data)
{
	struct call *c = data;

	(void)request;
	atomic_store(&c->interrupted, true);
	cancel_fire(&c->cancel);
	notify_sweep(c->fs->notify);
}

struct call *call_new(struct fs *fs, fuse_req_t request, fuse_ino_t ino)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c || cancel_init(&c->cancel) < 0) {
		free(c);
		fuse_reply_err(request, ENOMEM);
		return NULL;
	}
	c->fs = fs;
	c->request = request;
	c->ino = ino;
	return c;
}

/* --- answers --- */

/* From here on no interruption reaches the call, so that it can be answered and freed. */
static fuse_req_t end(struct call *c)
{
	fuse_req_t request = c->request;

	fuse_req_interrupt_func(request, NULL, NULL);
	unlist(c->fs->calls, c);
	cancel_done(&c->cancel);
	free(c);
	return request;
}

void call_reply_error(struct call *c, int error)
{
	if (error == -ECANCELED && atomic_load(&c->interrupted))
		error = -EINTR;
	fuse_reply_err(end(c), -error);
}

void call_reply_open(struct call *c)
{
	struct fuse_file_info file = c->file;
	struct handle *h = c->handle;

	/* The caller was interrupted meanwhile and will never release what it didn't get. */
	if (fuse_reply_open(end(c), &file) == -ENOENT)
		handle_unref(h);
}

void call_reply_write(struct call *c, size_t bytes)
{
	fuse_reply_write(end(c), bytes);
}

static void reply_wait(struct call *c)
{
	struct handle *h = handle_ref(c->handle);
	size_t len = h->text.len, at = (size_t)c->offset;
	size_t n = at < len ? len - at : 0;

	if (n > c->size)
		n = c->size;
	if (h->outcome < 0)
		call_reply_error(c, h->outcome);
	else
		fuse_reply_buf(end(c), n ? buf_text(&h->text) + at : NULL, n);
	handle_unref(h);
}

/* --- running --- */

static void drop(struct call *c, int error)
{
	if (c->dropped)
		c->dropped(c);
	call_reply_error(c, error);
}

void call_run(struct call *c, void (*run)(struct call *c))
{
	int r;

	/* A pool_work is the first member of a call. */
	c->work.run = (void (*)(struct pool_work *))(void *)run;
	if (!enlist(c->fs->calls, c)) {
		drop(c, -EAGAIN);
		return;
	}
	fuse_req_interrupt_func(c->request, on_interrupt, c);
	r = pool_submit(c->fs->calls->pool, &c->work);
	if (r < 0)
		drop(c, r);
}

/* --- waiting --- */

/* Whether a parked read can be answered; fills its handle if so. */
static bool over(struct call *c)
{
	const struct node *n = nodes_get(c->fs->nodes, c->ino);
	const struct file_row *row = c->handle->row;
	void *view = NULL;
	bool done = true;

	if (n && n->type->get(c->fs, node_key(n), &view) == 0) {
		done = !row->pending(c->fs, view);
		pthread_mutex_lock(&c->handle->lock);
		if (done && !c->handle->filled) {
			c->handle->outcome = row->outcome(view);
			row->show(view, &c->handle->text);
			c->handle->filled = true;
		}
		pthread_mutex_unlock(&c->handle->lock);
		n->type->put(view);
	} else if (!c->handle->filled) {
		c->handle->outcome = -ENOENT; /* the object went while we waited */
	}
	return done;
}

void call_park(struct call *c)
{
	struct fs *fs = c->fs;

	c->parked = true;
	fuse_req_interrupt_func(c->request, on_interrupt, c);
	if (!enlist(c->fs->calls, c)) {
		call_reply_error(c, -EAGAIN);
		return;
	}
	/* What happened before it was in the list has woken nobody. From here on it may be answered and gone. */
	notify_sweep(fs->notify);
}

/* Can it be answered now? `look`: what it waits for may have happened. */
static bool answerable(struct calls *l, struct call *c, bool look)
{
	if (atomic_load(&c->interrupted))
		return c->parked || pool_take_back(l->pool, &c->work);
	return c->parked && look && over(c);
}

static void sweep(struct calls *l, bool look)
{
	struct call *ready = NULL;

	pthread_mutex_lock(&l->lock);
	for (struct call **at = &l->parked; *at;) {
		struct call *c = *at;

		if (!answerable(l, c, look)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		l->count--;
		c->next = ready;
		ready = c;
	}
	pthread_mutex_unlock(&l->lock);
	while (ready) {
		struct call *c = ready;

		ready = c->next;
		if (atomic_load(&c->interrupted))
			drop(c, -EINTR);
		else
			reply_wait(c);
	}
}

void calls_sweep(struct calls *l)
{
	sweep(l, true);
}

void calls_free(struct calls *l)
{
	struct call *c;

	pthread_mutex_lock(&l->lock);
	for (c = l->parked; c; c = c->next) {
		atomic_store(&c->interrupted, true);
		cancel_fire(&c->cancel);
	}
	pthread_mutex_unlock(&l->lock);
	sweep(l, false);
	pool_free(l->pool);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
