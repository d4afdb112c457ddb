/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests to a peer: the engine, Keystone, Glance. The only place that includes curl.
 *
 * A struct http is one peer: where it is, how its certificate is checked, and its open connections. It is
 * shared by threads; each request runs in the thread that makes it, and ends at once when its struct cancel
 * is fired. No redirect is followed, so a token never goes to a host that we did not choose. Whatever a peer
 * sends is bounded: headers by 64 KiB, a body by the request's limit unless it is streamed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"
#include "util/cancel.h"
#include "util/cleanup.h"
#include "util/err.h"

struct http;
struct http_call;

struct http_tls {
	const char *cacert; /* a PEM file; NULL: the system's authorities */
	const char *cert;   /* the client's own certificate and key, PEM; NULL: none */
	const char *key;
	bool insecure; /* the user said that the peer's certificate is not to be checked */
};

/*
 * `name` is what sentences call the peer ("the engine"). `url` is http://, https:// or unix://PATH; with the
 * last, requests go to the socket PATH. A path in the URL is put before that of each request.
 * Strings are copied. Errors: -EINVAL (the URL), -ENOMEM. The caller frees with http_free().
 */
int http_new(const char *name, const char *url, const struct http_tls *tls, struct http **ret,
	struct err *reterr);
void http_free(struct http *h); /* no request may be under way */
DEFINE_CLEANUP(struct http *, http_free)

const char *http_url(const struct http *h); /* for people: without user and password */

struct http_request {
	const char *method;
	const char *path;	     /* begins with "/", escaped already */
	const char *const *headers;  /* "Name: value", NULL at the end; may be NULL */
	const void *body;	     /* the whole body; NULL: none, or `read` */
	size_t body_len;	     /* bytes */
	const char *body_type;	     /* its Content-Type; NULL: application/json */

	/* A streamed request body: fills `data`, returns bytes, 0 at the end, -EAGAIN: nothing yet (see
	 * http_call_resume()), or another negative errno, which breaks the connection off. */
	int (*read)(void *arg, void *data, size_t len);

	/* A streamed body of a 2xx answer: returns 0, -EAGAIN: no room, offer it again (see
	 * http_call_resume()), or another negative errno, which breaks the connection off. */
	int (*write)(void *arg, const void *data, size_t len);

	/* The headers of a 2xx answer are there, the body begins; may be NULL. */
	void (*began)(void *arg);
	void *arg;

	size_t limit;	  /* bytes of an answer that is not streamed; 0: 16 MiB */
	int timeout_ms;	  /* from start to end; 0: 30 s; negative: none */
	int stall_ms;	  /* without a byte in either direction; 0: none */
	int first_ms;	  /* the same before the answer begins; 0: as stall_ms */
	const struct cancel *cancel; /* may be NULL */
};

struct http_reply {
	int status;	    /* 0: no answer came */
	struct buf headers; /* as they came, a line each */
	struct buf body;    /* what was not streamed */
};

#define HTTP_REPLY_INIT {0}
void http_reply_done(struct http_reply *r);
#define AUTO_REPLY CLEANUP(http_reply_done)

/* The value of a header, added to `out`; false if it did not come. */
bool http_reply_header(const struct http_reply *r, const char *name, struct buf *out);

/*
 * Makes one request. Returns 0 for a 2xx answer; else the errno of SPEC section 5, with the peer's own words
 * in `reterr`, whose `passing` says if another try makes sense. `ret` is filled in either case (its status is
 * 0 if no answer came); the caller releases it with http_reply_done().
 */
int http_perform(struct http *h, const struct http_request *request, struct http_reply *ret,
	struct err *reterr);

/* As http_perform(), for an answer that is not needed. */
int http_command(struct http *h, const struct http_request *request, struct err *reterr);

/*
 * Several requests driven together by one thread; what transfer.c is made of. `request` and `reply` must
 * live as long as the call. http_calls_run() returns when all have ended, or when `turn` (called after each
 * step; may be NULL) returned false: what is unfinished is then broken off. Each call's own result is asked
 * for with http_call_result().
 */
int http_call_new(struct http *h, const struct http_request *request, struct http_reply *reply,
	struct http_call **ret, struct err *reterr);
void http_call_free(struct http_call *c);
DEFINE_CLEANUP(struct http_call *, http_call_free)
void http_calls_run(struct http_call *const *calls, size_t n, const struct cancel *cancel,
	bool (*turn)(void *arg), void *arg);
void http_call_hold(struct http_call *c);   /* before the run: it starts when it is resumed */
void http_call_resume(struct http_call *c); /* a callback that said -EAGAIN is asked again */
bool http_call_ended(const struct http_call *c);
int http_call_result(struct http_call *c, struct err *reterr); /* as http_perform() */

/* Once, before threads start. */
void http_global_init(void);
