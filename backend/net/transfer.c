/* SPDX-License-Identifier: Apache-2.0 */
#include "net/transfer.h"

#include <errno.h>
#include <string.h>

/* A ring buffer between two calls that one thread drives. */
enum { RING_SIZE = 1 << 20 };

struct pipe {
	const struct transfer *t;
	struct http_request get, put;
	struct http_reply get_reply, put_reply;
	struct http_call *source, *target;
	char *ring;
	size_t head, fill; /* where the next byte is read; bytes in the ring */
	uint64_t bytes;
	bool closed; /* the source has ended well and is whole */
	bool taken;  /* and the target has taken everything to its end */
	bool early;  /* the target said that all is well before it had everything */
	struct err wrong; /* why the source is not to be trusted */
};

static void ring_put(struct pipe *p, const char *data, size_t len)
{
	size_t at = (p->head + p->fill) % RING_SIZE;
	size_t first = len < RING_SIZE - at ? len : RING_SIZE - at;

	memcpy(p->ring + at, data, first);
	memcpy(p->ring, data + first, len - first);
	p->fill += len;
}

static size_t ring_get(struct pipe *p, char *data, size_t len)
{
	size_t n = len < p->fill ? len : p->fill;
	size_t first = n < RING_SIZE - p->head ? n : RING_SIZE - p->head;

	memcpy(data, p->ring + p->head, first);
	memcpy(data + first, p->ring, n - first);
	p->head = (p->head + n) % RING_SIZE;
	p->fill -= n;
	return n;
}

static void passed_on(struct pipe *p, size_t len)
{
	p->bytes += len;
	if (p->t->moved)
		p->t->moved(p->t->arg, p->bytes);
}

/* The source has bytes for us. */
static int take(void *arg, const void *data, size_t len)
{
	struct pipe *p = arg;
	int r = 0;

	if (p->t->to && len > RING_SIZE - p->fill)
		return -EAGAIN;
	if (p->t->tap)
		r = p->t->tap(p->t->arg, data, len);
	if (r < 0)
		return r;
	if (p->t->to) {
		ring_put(p, data, len);
		return 0;
	}
	r = p->t->sink(p->t->arg, data, len);
	if (r == 0)
		passed_on(p, len);
	return r;
}

/* The target wants bytes of us. */
static int give(void *arg, void *data, size_t len)
{
	struct pipe *p = arg;
	size_t n = ring_get(p, data, len);

	if (n) {
		passed_on(p, n);
		return (int)n;
	}
	if (p->closed) {
		p->taken = true;
		return 0;
	}
	return http_call_ended(p->source) ? -EPIPE : -EAGAIN;
}

/* The target's good answer begins. */
static void answered(void *arg)
{
	struct pipe *p = arg;

	p->early = !p->taken;
}

/* When the source ends: is it whole? Sets closed or wrong. */
static void source_ended(struct pipe *p)
{
	if (http_call_result(p->source, &p->wrong) < 0)
		return;
	if (p->t->whole && p->t->whole(p->t->arg, &p->wrong) < 0)
		return;
	p->closed = true;
}

/* After each step: wake the side that can go on. Returns false when there is no use in going on. */
static bool turn(void *arg)
{
	struct pipe *p = arg;

	if (!p->closed && !p->wrong.code && http_call_ended(p->source))
		source_ended(p);
	if (p->wrong.code)
		return false;
	if (p->target && (http_call_ended(p->target) || p->early))
		return false; /* done, or refused: the source need not go on */
	if (p->target && (p->fill || p->closed))
		http_call_resume(p->target);
	if (p->fill < RING_SIZE / 2)
		http_call_resume(p->source);
	return true;
}

static int result(struct pipe *p, struct err *reterr)
{
	struct err e = {0};

	/* The side that failed first is the cause; the other one was then broken off by us. */
	if (p->wrong.code)
		e = p->wrong;
	else if (p->early || (p->target && http_call_result(p->target, &e) == 0 && !p->taken))
		err_set(&e, EREMOTEIO, "the receiver did not wait for the end of the data");
	if (e.code && reterr)
		*reterr = e;
	return -e.code;
}

static void run(struct pipe *p)
{
	struct http_call *calls[] = {p->source, p->target};

	if (p->target)
		http_call_hold(p->target); /* while the source prepares, the receiver is left alone */
	http_calls_run(calls, p->target ? 2 : 1, p->t->cancel, turn, p);
	if (!p->closed && !p->wrong.code && !p->target)
		source_ended(p);
}

static int prepare(struct pipe *p, struct err *reterr)
{
	const struct transfer *t = p->t;
	int r;

	p->get = t->get;
	p->get.write = take;
	p->get.arg = p;
	r = http_call_new(t->from, &p->get, &p->get_reply, &p->source, reterr);
	if (r < 0 || !t->to)
		return r;
	p->ring = malloc(RING_SIZE);
	if (!p->ring)
		return err_nomem(reterr);
	p->put = t->put;
	p->put.read = give;
	p->put.began = answered;
	p->put.arg = p;
	return http_call_new(t->to, &p->put, &p->put_reply, &p->target, reterr);
}

int transfer_run(const struct transfer *t, uint64_t *ret_bytes, struct err *reterr)
{
	struct pipe p = {.t = t};
	int r = prepare(&p, reterr);

	if (r == 0) {
		run(&p);
		r = result(&p, reterr);
	}
	*ret_bytes = p.bytes;
	http_call_freep(&p.source);
	http_call_freep(&p.target);
	http_reply_done(&p.get_reply);
	http_reply_done(&p.put_reply);
	free(p.ring);
	return r;
}
