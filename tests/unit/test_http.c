/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#include "net/http.h"
#include "server.h"
#include "util/when.h"

/* --- a peer and a request to it --- */

struct peer {
	struct server *server;
	struct http *http;
	struct http_reply reply;
	struct err e;
};

static struct peer peer_start(script_fn *script, void *arg)
{
	struct peer p = {.server = server_start(script, arg)};

	if (http_new("the peer", server_url(p.server), NULL, &p.http, &p.e) < 0)
		fail_msg("%s", p.e.text);
	return p;
}

static void peer_done(struct peer *p)
{
	http_reply_done(&p->reply);
	if (p->http)
		http_free(p->http);
	server_stop(p->server);
}
#define AUTO_PEER CLEANUP(peer_done)

static int ask(struct peer *p, const struct http_request *request)
{
	http_reply_done(&p->reply);
	p->e = (struct err){0};
	return http_perform(p->http, request, &p->reply, &p->e);
}

static int get(struct peer *p)
{
	return ask(p, &(struct http_request){.method = "GET", .path = "/x"});
}

/* A script of nothing but one answer, as it stands in `arg`; then it hangs up. */
static void answer_and_close(struct conn *c)
{
	if (conn_request(c))
		conn_write(c, c->arg, strlen(c->arg));
}

static void is(const char *answer, int status, const char *body)
{
	AUTO_PEER struct peer p = peer_start(answer_and_close, (void *)answer);

	if (get(&p) < 0)
		fail_msg("%s\n%s", answer, p.e.text);
	assert_int_equal(p.reply.status, status);
	assert_string_equal(buf_text(&p.reply.body), body);
}

static void breaks(const char *answer)
{
	AUTO_PEER struct peer p = peer_start(answer_and_close, (void *)answer);
	int r = get(&p);

	if (r != -EREMOTEIO)
		fail_msg("%s\ngives %d %s", answer, r, p.e.text);
	assert_err(r, &p.e, EREMOTEIO);
	assert_non_null(strstr(p.e.text, "the peer"));
}

/* --- answers --- */

TEST(answers)
{
	is("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello");
	is("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2;x=y\r\n "
	   "w\r\n0\r\n\r\n",
		200, "hello w");
	is("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: "
	   "1\r\n\r\n",
		200, "x");
	is("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", 200, "until the end");
	is("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, "");
	is("HTTP/1.1 204 No Content\r\n\r\n", 204, "");
	is("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200,
		"ok");
	is("HTTP/1.0 200 OK\r\n\r\nold", 200, "old");
}

TEST(broken_answers)
{
	breaks("");
	breaks("hello\r\n\r\n");
	breaks("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell");
	breaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
	breaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
	breaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n");
	breaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0");
}

TEST(reply_headers)
{
	static const char answer[] = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
				     "HTTP/1.1 200 OK\r\nX-Subject-Token:   t0 ken \r\nEmpty:\r\n"
				     "x-two: 1\r\nx-two: 2\r\nContent-Length: 0\r\n\r\n";
	AUTO_PEER struct peer p = peer_start(answer_and_close, (void *)answer);
	AUTO_BUF struct buf token = BUF_INIT, empty = BUF_INIT, none = BUF_INIT;

	assert_int_equal(get(&p), 0);
	assert_true(http_reply_header(&p.reply, "x-subject-token", &token));
	assert_memory_equal(buf_text(&token), "t0 ken", 6);
	assert_true(http_reply_header(&p.reply, "EMPTY", &empty));
	assert_string_equal(buf_text(&empty), "");
	assert_false(http_reply_header(&p.reply, "X-Subject", &none));
	assert_false(http_reply_header(&p.reply, "X-Early", &none));
	assert_false(http_reply_header(&p.reply, "HTTP/1.1 200 OK", &none));
	assert_string_equal(buf_text(&none), "");
}

/* SPEC section 5; the peer's own words are in the sentence. */
TEST(error_answers)
{
	static const struct {
		const char *answer;
		int status, code;
		bool passing;
		unsigned retry_after;
		const char *words;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n{\"message\":\"no image\"}\n",
			404, ENOENT, false, 0, "no image"},
		{"HTTP/1.1 401 U\r\nContent-Length: 0\r\n\r\n", 401, EACCES, false, 0, "401"},
		{"HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n", 403, EPERM, false, 0, "403"},
		{"HTTP/1.1 409 C\r\nContent-Length: 0\r\n\r\n", 409, EBUSY, false, 0, "409"},
		{"HTTP/1.1 413 L\r\nContent-Length: 0\r\n\r\n", 413, EDQUOT, false, 0, "413"},
		{"HTTP/1.1 507 S\r\nContent-Length: 0\r\n\r\n", 507, ENOSPC, false, 0, "507"},
		{"HTTP/1.1 503 S\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", 503, EREMOTEIO,
			true, 7, "503"},
		{"HTTP/1.1 429 M\r\nretry-after: 120\r\nContent-Length: 0\r\n\r\n", 429, EREMOTEIO,
			true, 120, "429"},
		{"HTTP/1.1 500 I\r\nContent-Length: 13\r\n\r\nplain\nwords\r\n", 500, EREMOTEIO,
			true, 0, "plain words"},
		{"HTTP/1.1 502 B\r\nContent-Length: 13\r\n\r\n<html></html>", 502, EREMOTEIO, true,
			0, "502"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_PEER struct peer p = peer_start(answer_and_close, (void *)cases[i].answer);

		assert_err(get(&p), &p.e, cases[i].code);
		assert_int_equal(p.reply.status, cases[i].status);
		assert_int_equal(p.e.passing, cases[i].passing);
		assert_int_equal(p.e.retry_after, cases[i].retry_after);
		assert_non_null(strstr(p.e.text, "the peer"));
		if (!strstr(p.e.text, cases[i].words))
			fail_msg("'%s' is not in: %s", cases[i].words, p.e.text);
	}
}

/* No redirect is followed, so a token never goes to a host that we did not choose. */
TEST(redirects)
{
	static const char *const answers[] = {
		"HTTP/1.1 301 M\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 307 T\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO_PEER struct peer p = peer_start(answer_and_close, (void *)answers[i]);

		assert_err(get(&p), &p.e, EREMOTEIO);
		assert_int_equal(server_requests(p.server), 1);
		assert_int_equal(p.reply.status / 100, 3);
	}
}

/* --- requests --- */

/* Writes down the last request. */
struct seen {
	pthread_mutex_t lock;
	struct buf head, body;
	bool whole;
};

static void keep(struct conn *c)
{
	struct seen *s = c->arg;

	while (conn_request(c)) {
		pthread_mutex_lock(&s->lock);
		buf_reset(&s->head);
		buf_reset(&s->body);
		buf_add(&s->head, c->head.data, c->head.len);
		s->whole = conn_body(c, &s->body);
		pthread_mutex_unlock(&s->lock);
		if (!s->whole || !conn_answer(c, 200, "ok"))
			return;
	}
}

static void seen_done(struct seen *s)
{
	buf_done(&s->head);
	buf_done(&s->body);
}

static void has(const struct seen *s, const char *text)
{
	if (!strcasestr(buf_text(&s->head), text))
		fail_msg("'%s' is not in:\n%s", text, buf_text(&s->head));
}

TEST(request)
{
	static const char *const headers[] = {"X-Auth-Token: t", "Accept: application/json", NULL};
	CLEANUP(seen_done) struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	AUTO_PEER struct peer p = peer_start(keep, &seen);

	assert_int_equal(ask(&p, &(struct http_request){.method = "POST",
					 .path = "/v1.41/commit?a=b%20c",
					 .headers = headers,
					 .body = "{\"a\":\0}",
					 .body_len = 7}),
		0);
	has(&seen, "POST /v1.41/commit?a=b%20c HTTP/1.1\r\n");
	has(&seen, "\r\nX-Auth-Token: t\r\n");
	has(&seen, "\r\nAccept: application/json\r\n");
	has(&seen, "\r\nContent-Type: application/json\r\n");
	has(&seen, "\r\nContent-Length: 7\r\n");
	assert_null(strcasestr(buf_text(&seen.head), "Expect"));
	assert_memory_equal(seen.body.data, "{\"a\":\0}", 7);
	assert_int_equal(ask(&p, &(struct http_request){.method = "PATCH",
					 .path = "/",
					 .body = "x",
					 .body_len = 1,
					 .body_type = "application/patch"}),
		0);
	has(&seen, "PATCH / HTTP/1.1");
	has(&seen, "\r\nContent-Type: application/patch\r\n");
	assert_int_equal(ask(&p, &(struct http_request){.method = "DELETE", .path = "/x"}), 0);
	has(&seen, "DELETE /x HTTP/1.1");
	assert_int_equal(seen.body.len, 0);
	assert_int_equal(http_command(p.http,
				 &(struct http_request){.method = "POST", .path = "/tag"}, &p.e),
		0);
	has(&seen, "POST /tag HTTP/1.1");
	assert_int_equal(server_connections(p.server), 1); /* kept open */
}

/* A body larger than any buffer on the way. */
TEST(large_body)
{
	CLEANUP(seen_done) struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	AUTO_PEER struct peer p = peer_start(keep, &seen);
	AUTO_BUF struct buf body = BUF_INIT;

	while (body.len < 3u << 20)
		buf_printf(&body, "%zu ", body.len);
	assert_int_equal(ask(&p, &(struct http_request){.method = "PUT",
					 .path = "/",
					 .body = body.data,
					 .body_len = body.len}),
		0);
	assert_int_equal(seen.body.len, body.len);
	assert_memory_equal(seen.body.data, body.data, body.len);
}

static void no_body(struct conn *c)
{
	while (conn_request(c))
		conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
}

TEST(head)
{
	AUTO_PEER struct peer p = peer_start(no_body, NULL);

	assert_int_equal(ask(&p, &(struct http_request){.method = "HEAD", .path = "/x"}), 0);
	assert_int_equal(p.reply.body.len, 0);
}

/* --- where a peer is --- */

TEST(urls)
{
	static const char *const bad[] = {"", "/run/docker.sock", "tcp://h:1", "ftp://h",
		"file:///etc/passwd", "unix:", "http:/h", "localhost:2375"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http *h = NULL;
		struct err e = {0};

		assert_err(http_new("the peer", bad[i], NULL, &h, &e), &e, EINVAL);
		assert_null(h);
	}
}

/* A path in the URL is put before that of each request. */
TEST(prefix)
{
	CLEANUP(seen_done) struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct server *s = server_start_tcp(keep, &seen);
	static const char *const prefixes[][2] = {{"", "GET /v2 "}, {"/", "GET /v2 "},
		{"/image", "GET /image/v2 "}, {"/image/", "GET /image/v2 "}};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		CLEANUP(http_freep) struct http *h = NULL;
		AUTO_BUF struct buf url = BUF_INIT;
		struct err e = {0};

		buf_printf(&url, "%s%s", server_url(s), prefixes[i][0]);
		assert_int_equal(http_new("the peer", buf_text(&url), NULL, &h, &e), 0);
		assert_string_equal(http_url(h), buf_text(&url));
		if (http_command(h, &(struct http_request){.method = "GET", .path = "/v2"}, &e) < 0)
			fail_msg("%s", e.text);
		has(&seen, prefixes[i][1]);
	}
	server_stop(s);
}

static void refused(const char *url, int code)
{
	CLEANUP(http_freep) struct http *h = NULL;
	struct http_request request = {.method = "GET", .path = "/"};
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	struct err e = {0};

	assert_int_equal(http_new("the peer", url, NULL, &h, &e), 0);
	assert_err(http_perform(h, &request, &reply, &e), &e, code);
	assert_int_equal(reply.status, 0);
	assert_true(e.passing);
	assert_non_null(strstr(e.text, "the peer"));
	assert_null(strstr(e.text, "s3cret"));
}

TEST(nobody_there)
{
	refused("unix:///nonexistent/socket", ECONNREFUSED);
	refused("http://127.0.0.1:1", ECONNREFUSED);
}

/* The text of an error never holds a secret. */
TEST(no_secret_of_the_url)
{
	refused("http://user:s3cret@127.0.0.1:1/x", ECONNREFUSED);
}

/* --- bounds --- */

static void flood_of_headers(struct conn *c)
{
	if (!conn_request(c) || !conn_say(c, "HTTP/1.1 200 OK\r\n"))
		return;
	while (conn_say(c, "X-Header: some text that goes on\r\n"))
		;
}

static void header_without_end(struct conn *c)
{
	if (!conn_request(c) || !conn_say(c, "HTTP/1.1 200 OK\r\nX-Header: "))
		return;
	while (conn_say(c, "and on and on and on "))
		;
}

static void flood_of_trailers(struct conn *c)
{
	if (!conn_request(c) ||
		!conn_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"))
		return;
	while (conn_say(c, "X-Header: some text that goes on\r\n"))
		;
}

TEST(headers_without_end)
{
	static script_fn *const scripts[] = {
		flood_of_headers, header_without_end, flood_of_trailers};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		AUTO_PEER struct peer p = peer_start(scripts[i], NULL);
		int r = ask(&p,
			&(struct http_request){.method = "GET", .path = "/", .timeout_ms = 10000});

		if (r != -EREMOTEIO)
			fail_msg("script %zu gives %d %s", i, r, p.e.text);
		assert_true(p.reply.headers.len <= 64 << 10);
	}
}

/* Each "100 Continue" is an answer of its own, and none ends the request. */
static void flood_of_continues(struct conn *c)
{
	if (!conn_request(c))
		return;
	while (conn_say(c, "HTTP/1.1 100 Continue\r\n\r\n") && conn_sleep(c, 1))
		;
}

TEST(continues_without_end)
{
	AUTO_PEER struct peer p = peer_start(flood_of_continues, NULL);
	int64_t began = when_monotonic_ms();

	assert_true(ask(&p, &(struct http_request){
				    .method = "GET", .path = "/", .timeout_ms = 500}) < 0);
	assert_true(when_monotonic_ms() - began < 5000);
}

static void body_without_end(struct conn *c)
{
	static const char data[65536];

	if (!conn_request(c) ||
		!conn_say(c, "HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n", (char *)c->arg))
		return;
	while (conn_chunk(c, data, sizeof(data)))
		;
}

TEST(body_over_limit)
{
	AUTO_PEER struct peer p = peer_start(body_without_end, "200 OK");
	struct http_request request = {.method = "GET", .path = "/", .limit = 100000};

	assert_err(ask(&p, &request), &p.e, EREMOTEIO);
	assert_true(p.reply.body.len <= 100000);
	assert_err(get(&p), &p.e, EREMOTEIO); /* there is a limit where none is said */
	assert_true(p.reply.body.len <= 16 << 20);
}

TEST(announced_over_limit)
{
	AUTO_PEER struct peer p = peer_start(
		answer_and_close, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx");
	struct http_request request = {.method = "GET", .path = "/", .limit = 100000};

	assert_err(ask(&p, &request), &p.e, EREMOTEIO);
	assert_true(p.reply.body.cap <= 200000);
}

static void body_of_limit(struct conn *c)
{
	static const char data[100000];

	if (conn_request(c) && conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"))
		conn_write(c, data, sizeof(data));
}

TEST(body_of_limit)
{
	AUTO_PEER struct peer p = peer_start(body_of_limit, NULL);
	struct http_request request = {.method = "GET", .path = "/", .limit = 100000};

	assert_int_equal(ask(&p, &request), 0);
	assert_int_equal(p.reply.body.len, 100000);
	request.limit = 99999;
	assert_err(ask(&p, &request), &p.e, EREMOTEIO);
}

static void long_error(struct conn *c)
{
	static const char data[1 << 20];

	if (conn_request(c) &&
		conn_say(c, "HTTP/1.1 503 S\r\nContent-Length: %zu\r\n\r\n", sizeof(data)))
		conn_write(c, data, sizeof(data));
}

/* What is too long to be read of an error is no other error. */
TEST(long_error_answer)
{
	AUTO_PEER struct peer p = peer_start(long_error, NULL);

	assert_err(get(&p), &p.e, EREMOTEIO);
	assert_int_equal(p.reply.status, 503);
	assert_true(p.e.passing);
	assert_true(p.reply.body.len <= 64 << 10);
}

/* --- time --- */

static void silent(struct conn *c)
{
	if (conn_request(c))
		conn_hang(c);
}

static void stops_in_the_middle(struct conn *c)
{
	if (conn_request(c) && conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
		conn_hang(c);
}

static void drips(struct conn *c)
{
	if (!conn_request(c) || !conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n"))
		return;
	for (int i = 0; i < 30 && conn_sleep(c, 80); i++)
		conn_say(c, "x");
}

static void times_out(script_fn *script, const struct http_request *request)
{
	AUTO_PEER struct peer p = peer_start(script, NULL);
	int64_t began = when_monotonic_ms();

	assert_err(ask(&p, request), &p.e, ETIMEDOUT);
	assert_true(p.e.passing);
	assert_true(when_monotonic_ms() - began < 4000);
}

TEST(timeouts)
{
	struct http_request whole = {.method = "GET", .path = "/", .timeout_ms = 300};
	struct http_request stall = {
		.method = "GET", .path = "/", .timeout_ms = -1, .stall_ms = 300};
	struct http_request first = {
		.method = "GET", .path = "/", .timeout_ms = -1, .stall_ms = 60000, .first_ms = 300};

	times_out(silent, &whole);
	times_out(stops_in_the_middle, &whole);
	times_out(drips, &whole);
	times_out(silent, &stall);
	times_out(stops_in_the_middle, &stall);
	times_out(silent, &first);
}

/* Slow is not stalled, and `first` has no say once the answer has begun. */
TEST(slow)
{
	AUTO_PEER struct peer p = peer_start(drips, NULL);

	if (ask(&p, &(struct http_request){.method = "GET",
			    .path = "/",
			    .timeout_ms = -1,
			    .stall_ms = 1500,
			    .first_ms = 1000}) < 0)
		fail_msg("%s", p.e.text);
	assert_int_equal(p.reply.body.len, 30);
}

static void *fire_later(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
	cancel_fire(arg);
	return NULL;
}

TEST(cancel)
{
	static script_fn *const scripts[] = {silent, stops_in_the_middle, drips};

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		AUTO_PEER struct peer p = peer_start(scripts[i], NULL);
		CLEANUP(cancel_done) struct cancel cancel = CANCEL_INIT;
		struct http_request request = {
			.method = "GET", .path = "/", .timeout_ms = -1, .cancel = &cancel};
		int64_t began = when_monotonic_ms();
		pthread_t t;

		assert_int_equal(cancel_init(&cancel), 0);
		assert_int_equal(pthread_create(&t, NULL, fire_later, &cancel), 0);
		assert_err(ask(&p, &request), &p.e, ECANCELED);
		assert_true(when_monotonic_ms() - began < 1000);
		assert_false(p.e.passing);
		pthread_join(t, NULL);
		began = when_monotonic_ms();
		assert_err(ask(&p, &request), &p.e, ECANCELED); /* it stays fired */
		assert_true(when_monotonic_ms() - began < 1000);
	}
}

/* --- connections --- */

static void one_each(struct conn *c)
{
	if (conn_request(c)) {
		AUTO_BUF struct buf body = BUF_INIT;

		if (conn_body(c, &body))
			conn_answer(c, 200, buf_text(&body));
		c->abrupt = true;
	}
}

/* The peer closes what it said it would keep: that costs a new connection, not an error. */
TEST(connection_that_died)
{
	AUTO_PEER struct peer p = peer_start(one_each, NULL);

	for (int i = 0; i < 5; i++) {
		struct http_request request = {
			.method = "POST", .path = "/", .body = "again", .body_len = 5};

		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		if (ask(&p, &request) < 0)
			fail_msg("%s", p.e.text);
		assert_string_equal(buf_text(&p.reply.body), "again");
	}
}

/* An answer that was broken off leaves nothing behind for the next one. */
static void first_breaks(struct conn *c)
{
	if (!conn_request(c))
		return;
	if (server_requests(c->server) == 1) {
		conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
		conn_hang(c);
	} else {
		conn_answer(c, 200, "good");
	}
}

TEST(after_a_timeout)
{
	AUTO_PEER struct peer p = peer_start(first_breaks, NULL);

	assert_err(ask(&p, &(struct http_request){.method = "GET", .path = "/", .timeout_ms = 200}),
		&p.e, ETIMEDOUT);
	assert_int_equal(get(&p), 0);
	assert_string_equal(buf_text(&p.reply.body), "good");
}

static void echo_path(struct conn *c)
{
	while (conn_request(c)) {
		AUTO_BUF struct buf path = BUF_INIT;
		const char *begin = strchr(c->head.data, ' ') + 1;

		buf_add(&path, begin, strcspn(begin, " "));
		if (!conn_answer(c, 200, buf_text(&path)))
			return;
	}
}

struct caller {
	struct http *http;
	int number, wrong;
};

static void *call_often(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < 50; i++) {
		AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
		char path[32];

		snprintf(path, sizeof(path), "/%d/%d", c->number, i);
		c->wrong +=
			http_perform(c->http, &(struct http_request){.method = "GET", .path = path},
				&reply, NULL) < 0 ||
			strcmp(buf_text(&reply.body), path) != 0;
	}
	return NULL;
}

TEST(shared_by_threads)
{
	AUTO_PEER struct peer p = peer_start(echo_path, NULL);
	struct caller callers[12];
	pthread_t threads[ARRAY_SIZE(callers)];

	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		callers[i] = (struct caller){p.http, (int)i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].wrong, 0);
	}
}

/* --- streams --- */

struct sink {
	struct http_call *call;
	struct buf data;
	int began, writes, refusals, error;
};

static void sink_began(void *arg)
{
	struct sink *s = arg;

	s->began++;
	assert_int_equal(s->data.len, 0);
}

/* Says "not now" before each piece that it takes. */
static int sink_write(void *arg, const void *data, size_t len)
{
	struct sink *s = arg;

	assert_int_equal(s->began, 1);
	if (s->writes++ % 2 == 0) {
		s->refusals++;
		return -EAGAIN;
	}
	buf_add(&s->data, data, len);
	return s->error;
}

static bool sink_turn(void *arg)
{
	http_call_resume(((struct sink *)arg)->call);
	return true;
}

static int stream(struct peer *p, struct sink *s)
{
	struct http_request request = {
		.method = "GET", .path = "/", .began = sink_began, .write = sink_write, .arg = s};
	int r;

	p->e = (struct err){0};
	r = http_call_new(p->http, &request, &p->reply, &s->call, &p->e);
	if (r < 0)
		return r;
	http_calls_run(&s->call, 1, NULL, sink_turn, s);
	assert_true(http_call_ended(s->call));
	r = http_call_result(s->call, &p->e);
	http_call_free(s->call);
	return r;
}

static void numbers(struct conn *c)
{
	char data[6000];

	if (!conn_request(c) ||
		!conn_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
		return;
	for (int i = 0; i < 300; i++) {
		memset(data, 'a' + i % 26, sizeof(data));
		if (!conn_chunk(c, data, (size_t)(1 + i * 17)))
			return;
	}
	conn_say(c, "0\r\nX-Trailer: 1\r\n\r\n");
}

/* Nothing is lost, doubled or out of order when the receiver pauses. */
TEST(stream_with_pauses)
{
	AUTO_PEER struct peer p = peer_start(numbers, NULL);
	struct sink s = {0};
	const char *at;

	if (stream(&p, &s) < 0)
		fail_msg("%s", p.e.text);
	assert_int_equal(s.began, 1);
	assert_true(s.refusals > 0);
	at = buf_text(&s.data);
	for (int i = 0; i < 300; i++)
		for (int k = 0; k < 1 + i * 17; k++)
			assert_int_equal(*at++, 'a' + i % 26);
	assert_int_equal(at - s.data.data, s.data.len);
	assert_int_equal(p.reply.body.len, 0);
	buf_done(&s.data);
}

TEST(stream_refused)
{
	AUTO_PEER struct peer p = peer_start(answer_and_close,
		"HTTP/1.1 404 N\r\nContent-Length: 17\r\n\r\n{\"message\":\"no!\"}");
	struct sink s = {0};

	assert_err(stream(&p, &s), &p.e, ENOENT);
	assert_non_null(strstr(p.e.text, "no!"));
	assert_int_equal(s.began, 0); /* an error is no part of the stream */
	assert_int_equal(s.writes, 0);
}

TEST(stream_broken_off_by_us)
{
	AUTO_PEER struct peer p = peer_start(numbers, NULL);
	struct sink s = {.error = -EFBIG};

	assert_err(stream(&p, &s), &p.e, EFBIG);
	buf_done(&s.data);
}

/* --- streamed requests --- */

struct source {
	struct http_call *call;
	size_t left;
	int asked, error;
};

static int source_read(void *arg, void *data, size_t len)
{
	struct source *s = arg;

	if (s->asked++ % 2 == 0)
		return -EAGAIN;
	if (!s->left)
		return s->error;
	len = len < s->left ? len : s->left;
	memset(data, 's', len);
	s->left -= len;
	return (int)len;
}

static bool source_turn(void *arg)
{
	http_call_resume(((struct source *)arg)->call);
	return true;
}

static int send_stream(struct peer *p, struct source *s)
{
	struct http_request request = {.method = "PUT",
		.path = "/",
		.read = source_read,
		.arg = s,
		.body_type = "application/octet-stream"};
	int r;

	p->e = (struct err){0};
	r = http_call_new(p->http, &request, &p->reply, &s->call, &p->e);
	if (r < 0)
		return r;
	http_calls_run(&s->call, 1, NULL, source_turn, s);
	r = http_call_result(s->call, &p->e);
	http_call_free(s->call);
	return r;
}

TEST(streamed_request)
{
	CLEANUP(seen_done) struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER};
	AUTO_PEER struct peer p = peer_start(keep, &seen);
	struct source s = {.left = 3000000};

	if (send_stream(&p, &s) < 0)
		fail_msg("%s", p.e.text);
	assert_true(seen.whole);
	assert_int_equal(seen.body.len, 3000000);
	has(&seen, "\r\nTransfer-Encoding: chunked\r\n");
	has(&seen, "\r\nContent-Type: application/octet-stream\r\n");
}

/* A source that fails breaks the connection off: what came can't look complete. */
TEST(streamed_request_broken_off)
{
	CLEANUP(seen_done) struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .whole = true};
	AUTO_PEER struct peer p = peer_start(keep, &seen);
	struct source s = {.left = 100000, .error = -EPIPE};

	assert_err(send_stream(&p, &s), &p.e, EPIPE);
	http_free(p.http);
	p.http = NULL;
	pthread_mutex_lock(&seen.lock); /* once the peer has noticed */
	assert_false(seen.whole);
	pthread_mutex_unlock(&seen.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_broken_answers),
		cmocka_unit_test(test_reply_headers),
		cmocka_unit_test(test_error_answers),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test(test_no_secret_of_the_url),
		cmocka_unit_test(test_headers_without_end),
		cmocka_unit_test(test_continues_without_end),
		cmocka_unit_test(test_body_over_limit),
		cmocka_unit_test(test_announced_over_limit),
		cmocka_unit_test(test_body_of_limit),
		cmocka_unit_test(test_long_error_answer),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_connection_that_died),
		cmocka_unit_test(test_after_a_timeout),
		cmocka_unit_test(test_shared_by_threads),
		cmocka_unit_test(test_stream_with_pauses),
		cmocka_unit_test(test_stream_refused),
		cmocka_unit_test(test_stream_broken_off_by_us),
		cmocka_unit_test(test_streamed_request),
		cmocka_unit_test(test_streamed_request_broken_off),
	};

	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
