/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted HTTP peer on a socket of its own. Each connection is served by a thread that runs the
 * script; cmocka's asserts belong to the test's thread alone, so scripts write down what they see.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

struct server;

struct conn {
	struct server *server;
	void *arg; /* as given to server_start() */
	int fd;
	struct buf head; /* of the request that was read last */
	struct buf rest; /* bytes after it */
	bool abrupt;     /* hang up without a word when the script ends */
};

typedef void script_fn(struct conn *c);

/* On a Unix socket, or with `tcp` on 127.0.0.1. Both exit the process if they can't. */
struct server *server_start(script_fn *script, void *arg);
struct server *server_start_tcp(script_fn *script, void *arg);
void server_stop(struct server *s); /* breaks off what goes on, and joins all threads */
const char *server_url(const struct server *s);
unsigned server_connections(struct server *s);
unsigned server_requests(struct server *s);

/* --- for scripts; each returns false when the peer is gone or the server is to stop --- */

bool conn_request(struct conn *c);         /* reads a request's head; answers Expect */
bool conn_request_quietly(struct conn *c); /* the same without that answer */
bool conn_is(const struct conn *c, const char *beginning); /* "GET /x" */
bool conn_has(const struct conn *c, const char *line);     /* a header, any case */
size_t conn_read(struct conn *c, void *data, size_t len);  /* 0: the end */
bool conn_body(struct conn *c, struct buf *out); /* whole, by its Content-Length or its chunks */
bool conn_write(struct conn *c, const void *data, size_t len);
bool conn_say(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool conn_chunk(struct conn *c, const void *data, size_t len); /* 0: the last one */
bool conn_sleep(struct conn *c, int ms);
void conn_hang(struct conn *c); /* until the peer hangs up, or the server stops */

/* An answer with a Content-Length. */
bool conn_answer(struct conn *c, int status, const char *body);
