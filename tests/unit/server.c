/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { THREADS_MAX = 256 };

struct server {
	script_fn *script;
	void *arg;
	int listener, stop[2];
	char folder[64], url[128];
	pthread_t thread, threads[THREADS_MAX];
	size_t count;
	atomic_uint connections, requests;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(99);
}

/* Waits until the descriptor is ready; false if the server is to stop. */
static bool ready(struct server *s, int fd, short events)
{
	struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = s->stop[0], .events = POLLIN}};

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	return !p[1].revents;
}

/* --- for scripts --- */

static ssize_t receive(struct conn *c, void *data, size_t len)
{
	return ready(c->server, c->fd, POLLIN) ? recv(c->fd, data, len, 0) : -1;
}

bool conn_request_quietly(struct conn *c)
{
	char data[4096];
	char *end;
	ssize_t n;

	buf_reset(&c->head);
	buf_add(&c->head, buf_text(&c->rest), c->rest.len);
	buf_reset(&c->rest);
	while (!(end = strstr(buf_text(&c->head), "\r\n\r\n"))) {
		n = receive(c, data, sizeof(data));
		if (n <= 0)
			return false;
		buf_add(&c->head, data, (size_t)n);
	}
	end += 4;
	buf_add(&c->rest, end, c->head.len - (size_t)(end - c->head.data));
	c->head.len = (size_t)(end - c->head.data);
	*end = '\0';
	atomic_fetch_add(&c->server->requests, 1);
	return true;
}

bool conn_request(struct conn *c)
{
	if (!conn_request_quietly(c))
		return false;
	return !conn_has(c, "Expect: 100-continue") || conn_say(c, "HTTP/1.1 100 Continue\r\n\r\n");
}

bool conn_is(const struct conn *c, const char *beginning)
{
	return strncmp(buf_text(&c->head), beginning, strlen(beginning)) == 0;
}

bool conn_has(const struct conn *c, const char *line)
{
	for (const char *p = buf_text(&c->head); (p = strstr(p, "\r\n")); p += 2)
		if (strncasecmp(p + 2, line, strlen(line)) == 0)
			return true;
	return false;
}

size_t conn_read(struct conn *c, void *data, size_t len)
{
	ssize_t n;

	if (c->rest.len) {
		len = len < c->rest.len ? len : c->rest.len;
		memcpy(data, c->rest.data, len);
		memmove(c->rest.data, c->rest.data + len, c->rest.len - len);
		c->rest.len -= len;
		return len;
	}
	n = receive(c, data, len);
	return n > 0 ? (size_t)n : 0;
}

static bool read_exactly(struct conn *c, size_t len, struct buf *out)
{
	char data[16384];

	while (len) {
		size_t n = conn_read(c, data, len < sizeof(data) ? len : sizeof(data));

		if (!n)
			return false;
		buf_add(out, data, n);
		len -= n;
	}
	return true;
}

static bool read_chunks(struct conn *c, struct buf *out)
{
	for (;;) {
		AUTO_BUF struct buf line = BUF_INIT, end = BUF_INIT;
		size_t len;

		while (!strstr(buf_text(&line), "\r\n"))
			if (!read_exactly(c, 1, &line))
				return false;
		len = strtoul(line.data, NULL, 16);
		if (!read_exactly(c, len, out) || !read_exactly(c, 2, &end))
			return false;
		if (!len)
			return strcmp(buf_text(&end), "\r\n") == 0;
	}
}

bool conn_body(struct conn *c, struct buf *out)
{
	const char *length = strcasestr(buf_text(&c->head), "\r\nContent-Length:");

	if (conn_has(c, "Transfer-Encoding: chunked"))
		return read_chunks(c, out);
	return !length || read_exactly(c, strtoul(length + 17, NULL, 10), out);
}

bool conn_write(struct conn *c, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		if (!ready(c->server, c->fd, POLLOUT))
			return false;
		n = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool conn_say(struct conn *c, const char *format, ...)
{
	AUTO_BUF struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, format);
	buf_vprintf(&text, format, ap);
	va_end(ap);
	return conn_write(c, buf_text(&text), text.len);
}

bool conn_chunk(struct conn *c, const void *data, size_t len)
{
	return conn_say(c, "%zx\r\n", len) && conn_write(c, data, len) && conn_write(c, "\r\n", 2);
}

bool conn_sleep(struct conn *c, int ms)
{
	struct pollfd p = {.fd = c->server->stop[0], .events = POLLIN};

	return poll(&p, 1, ms) == 0;
}

void conn_hang(struct conn *c)
{
	char data[16384];

	while (conn_read(c, data, sizeof(data)))
		;
}

bool conn_answer(struct conn *c, int status, const char *body)
{
	return conn_say(c, "HTTP/1.1 %d Words\r\nContent-Length: %zu\r\n\r\n%s", status,
		strlen(body), body);
}

/* --- the server --- */

static void *serve(void *arg)
{
	struct conn *c = arg;

	c->server->script(c);
	if (!c->abrupt) {
		shutdown(c->fd, SHUT_WR);
		conn_hang(c); /* so that what was said arrives */
	}
	close(c->fd);
	buf_done(&c->head);
	buf_done(&c->rest);
	free(c);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct server *s = arg;

	while (ready(s, s->listener, POLLIN)) {
		struct conn *c = calloc(1, sizeof(*c));

		must(c && s->count < THREADS_MAX, "a connection");
		c->server = s;
		c->arg = s->arg;
		c->fd = accept(s->listener, NULL, NULL);
		must(c->fd >= 0, "accept");
		atomic_fetch_add(&s->connections, 1);
		must(pthread_create(&s->threads[s->count++], NULL, serve, c) == 0, "a thread");
	}
	return NULL;
}

static void listen_unix(struct server *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	strcpy(s->folder, "/tmp/commitfs-unit-XXXXXX");
	must(mkdtemp(s->folder), "mkdtemp");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", s->folder);
	snprintf(s->url, sizeof(s->url), "unix://%s/socket", s->folder);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(s->listener, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
}

static void listen_tcp(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(s->listener, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	must(getsockname(s->listener, (struct sockaddr *)&a, &len) == 0, "getsockname");
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", ntohs(a.sin_port));
}

static struct server *start(script_fn *script, void *arg, void (*listen_on)(struct server *s))
{
	struct server *s = calloc(1, sizeof(*s));

	must(s, "memory");
	s->script = script;
	s->arg = arg;
	listen_on(s);
	must(listen(s->listener, 64) == 0, "listen");
	must(pipe(s->stop) == 0, "pipe");
	must(pthread_create(&s->thread, NULL, accept_all, s) == 0, "a thread");
	return s;
}

struct server *server_start(script_fn *script, void *arg)
{
	return start(script, arg, listen_unix);
}

struct server *server_start_tcp(script_fn *script, void *arg)
{
	return start(script, arg, listen_tcp);
}

void server_stop(struct server *s)
{
	char path[128];

	must(write(s->stop[1], "x", 1) == 1, "write");
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->count; i++)
		pthread_join(s->threads[i], NULL);
	close(s->listener);
	close(s->stop[0]);
	close(s->stop[1]);
	if (s->folder[0]) {
		snprintf(path, sizeof(path), "%s/socket", s->folder);
		unlink(path);
		rmdir(s->folder);
	}
	free(s);
}

const char *server_url(const struct server *s)
{
	return s->url;
}

unsigned server_connections(struct server *s)
{
	return atomic_load(&s->connections);
}

unsigned server_requests(struct server *s)
{
	return atomic_load(&s->requests);
}
