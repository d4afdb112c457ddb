/* SPDX-License-Identifier: Apache-2.0 */
/* A body from one scripted peer to another. */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#include "net/transfer.h"
#include "server.h"
#include "util/when.h"

enum { PIECE = 10000, NEVER = 1 << 30 };

/* What the two peers do, and what they and we saw. */
struct scene {
	/* of the source */
	const char *status; /* NULL: 200 */
	size_t size;        /* bytes of the body */
	bool announced;     /* by a Content-Length, not in chunks */
	size_t cut_at;      /* hangs up there; 0: never */
	int stall_ms;       /* silence in the middle */
	atomic_size_t sent;

	/* of the target */
	int refuse_head;     /* a status instead of "100 Continue"; 0: none */
	size_t refuse_after; /* bytes, then `answer`; 0: at the end */
	int answer;          /* 0: 204 */
	int slow_ms;         /* before each piece */
	int pause_ms;        /* once, at the beginning */
	bool hangs;          /* takes nothing any more */
	bool hangs_up;
	atomic_size_t received;
	atomic_bool whole, differs, seen;
	size_t ahead; /* the most that the source was before the target */

	/* ours */
	struct cancel cancel;
	uint64_t moved;
	size_t tapped;
	bool tap_differs;
	int tap_error, whole_error, sink_error, wholes;
	bool moved_back;
};

static char byte_at(size_t i)
{
	return (char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* --- the source --- */

static bool send_piece(struct conn *c, struct scene *s, size_t at, size_t len)
{
	char data[PIECE];

	for (size_t i = 0; i < len; i++)
		data[i] = byte_at(at + i);
	if (s->stall_ms && at <= s->size / 2 && at + len > s->size / 2 &&
		!conn_sleep(c, s->stall_ms))
		return false;
	if (!(s->announced ? conn_write(c, data, len) : conn_chunk(c, data, len)))
		return false;
	at += len;
	atomic_store(&s->sent, at);
	if (at > atomic_load(&s->received) + s->ahead)
		s->ahead = at - atomic_load(&s->received);
	return true;
}

static void source(struct conn *c)
{
	struct scene *s = c->arg;

	if (!conn_request(c))
		return;
	if (s->status) {
		conn_say(c, "HTTP/1.1 %s\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}",
			s->status);
		return;
	}
	if (s->announced)
		conn_say(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", s->size);
	else
		conn_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (size_t at = 0, n; at < s->size; at += n) {
		n = s->size - at < PIECE ? s->size - at : PIECE;
		if (s->cut_at && at + n > s->cut_at) {
			if (!s->announced)
				conn_say(c, "%x\r\n", PIECE); /* in the middle of a chunk */
			conn_write(c, "xxxxx", 5);
			return;
		}
		if (!send_piece(c, s, at, n))
			return;
	}
	if (!s->announced)
		conn_chunk(c, "", 0);
}

/* --- the target --- */

static size_t check_piece(struct scene *s, const char *data, size_t len)
{
	size_t at = atomic_load(&s->received);

	for (size_t i = 0; i < len; i++)
		if (data[i] != byte_at(at + i))
			atomic_store(&s->differs, true);
	atomic_store(&s->received, at + len);
	return at + len;
}

/* One chunk's length; -1: the peer is gone. */
static long chunk_length(struct conn *c)
{
	char line[32] = "";

	for (size_t n = 0; n + 1 < sizeof(line) && !strstr(line, "\r\n"); n++)
		if (!conn_read(c, line + n, 1))
			return -1;
	return strtol(line, NULL, 16);
}

static bool take_chunk(struct conn *c, struct scene *s, size_t len)
{
	char data[16384];

	while (len) {
		size_t n = conn_read(c, data, len < sizeof(data) ? len : sizeof(data));

		if (!n)
			return false;
		check_piece(s, data, n);
		len -= n;
		if (s->slow_ms)
			conn_sleep(c, s->slow_ms);
	}
	return conn_read(c, data, 1) && conn_read(c, data, 1);
}

static void take_all(struct conn *c, struct scene *s)
{
	long len;

	while ((len = chunk_length(c)) >= 0) {
		if (!take_chunk(c, s, (size_t)len))
			return;
		if (!len) {
			atomic_store(&s->whole, true);
			break;
		}
		if (s->refuse_after && atomic_load(&s->received) >= s->refuse_after)
			break;
	}
	if (len < 0)
		return;
	c->abrupt = s->hangs_up;
	if (s->hangs_up)
		return;
	if (s->hangs)
		while (conn_sleep(c, 1000))
			;
	conn_say(c, "HTTP/1.1 %d Word\r\nContent-Length: 0\r\n\r\n", s->answer ? s->answer : 200);
}

static void target(struct conn *c)
{
	struct scene *s = c->arg;

	if (!conn_request_quietly(c))
		return;
	atomic_store(&s->seen, true);
	if (s->refuse_head) {
		conn_answer(c, s->refuse_head, "{\"message\":\"go away\"}");
		return;
	}
	if (conn_has(c, "Expect: 100-continue"))
		conn_say(c, "HTTP/1.1 100 Continue\r\n\r\n");
	if (s->pause_ms)
		conn_sleep(c, s->pause_ms);
	take_all(c, s);
}

/* --- ours --- */

static int tap(void *arg, const void *data, size_t len)
{
	struct scene *s = arg;

	for (size_t i = 0; i < len; i++)
		if (((const char *)data)[i] != byte_at(s->tapped + i))
			s->tap_differs = true;
	s->tapped += len;
	return s->tap_error && s->tapped > s->size / 2 ? s->tap_error : 0;
}

static int whole(void *arg, struct err *reterr)
{
	struct scene *s = arg;

	s->wholes++;
	return s->whole_error ? err_set(reterr, -s->whole_error, "it is not whole") : 0;
}

static void moved(void *arg, uint64_t bytes)
{
	struct scene *s = arg;

	s->moved_back |= bytes <= s->moved;
	s->moved = bytes;
}

static int sink(void *arg, const void *data, size_t len)
{
	struct scene *s = arg;
	size_t at = check_piece(s, data, len);

	return s->sink_error && at > s->size / 2 ? s->sink_error : 0;
}

/* --- a run --- */

enum to { TO_PEER, TO_SINK };

struct limits {
	int from_stall_ms, to_stall_ms;
};

static int run_with(
	struct scene *s, enum to to, struct limits limits, uint64_t *bytes, struct err *e)
{
	struct server *from = server_start(source, s), *there = server_start(target, s);
	CLEANUP(http_freep) struct http *a = NULL;
	CLEANUP(http_freep) struct http *b = NULL;
	struct transfer t = {
		.get = {.method = "GET",
			.path = "/export",
			.timeout_ms = -1,
			.stall_ms = limits.from_stall_ms},
		.put = {.method = "PUT",
			.path = "/file",
			.timeout_ms = -1,
			.stall_ms = limits.to_stall_ms,
			.body_type = "application/octet-stream"},
		.tap = tap,
		.whole = whole,
		.moved = moved,
		.arg = s,
	};
	int r;

	*e = (struct err){0};
	assert_int_equal(http_new("the source", server_url(from), NULL, &a, e), 0);
	assert_int_equal(http_new("the target", server_url(there), NULL, &b, e), 0);
	t.from = a;
	t.to = to == TO_PEER ? b : NULL;
	t.sink = to == TO_SINK ? sink : NULL;
	t.cancel = s->cancel.fd > 0 ? &s->cancel : NULL;
	r = transfer_run(&t, bytes, e);
	/* What the target knows now is all that it will ever know. */
	http_free(steal_pointer(&a));
	http_free(steal_pointer(&b));
	server_stop(from);
	server_stop(there);
	return r;
}

static int run(struct scene *s, enum to to, uint64_t *bytes, struct err *e)
{
	return run_with(s, to, (struct limits){0, 0}, bytes, e);
}

/* Everything arrived, once and in order. */
static void arrives(struct scene *s, enum to to)
{
	uint64_t bytes = 1;
	struct err e;
	int r = run(s, to, &bytes, &e);

	if (r < 0)
		fail_msg("%d: %s", r, e.text);
	assert_int_equal(bytes, s->size);
	assert_int_equal(atomic_load(&s->received), s->size);
	assert_int_equal(s->tapped, s->size);
	assert_false(s->tap_differs || atomic_load(&s->differs) || s->moved_back);
	assert_int_equal(s->moved, s->size);
	assert_int_equal(s->wholes, 1);
	assert_true(to == TO_SINK || atomic_load(&s->whole));
}

/* It fails with that, and the target can't take what it got for everything. */
static void fails(struct scene *s, enum to to, int code, const char *words)
{
	uint64_t bytes = NEVER;
	struct err e;
	int r = run(s, to, &bytes, &e);

	assert_err(r, &e, code);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in: %s", words, e.text);
	assert_false(atomic_load(&s->whole));
	assert_false(s->tap_differs || atomic_load(&s->differs));
	assert_true(bytes <= s->tapped);
	assert_int_equal(bytes, s->moved);
}

/* --- what goes well --- */

TEST(good)
{
	static const size_t sizes[] = {0, 1, PIECE, 1 << 20, (1 << 20) + 1, 5000000};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (int announced = 0; announced < 2; announced++) {
			struct scene peer = {.size = sizes[i], .announced = announced};
			struct scene sunk = {.size = sizes[i], .announced = announced};

			arrives(&peer, TO_PEER);
			arrives(&sunk, TO_SINK);
		}
	}
}

/* Whoever is slower sets the pace; memory does not depend on the size. */
TEST(slow_target)
{
	struct scene s = {.size = 24 << 20, .slow_ms = 1};

	arrives(&s, TO_PEER);
	assert_true(s.ahead < 6 << 20);
}

TEST(slow_source)
{
	struct scene s = {.size = 300000, .stall_ms = 600};

	arrives(&s, TO_PEER);
}

/* A pause is our own doing and no fault of the peer. */
TEST(pause_is_no_stall)
{
	struct scene s = {.size = 8 << 20, .pause_ms = 2500};
	uint64_t bytes;
	struct err e;

	if (run_with(&s, TO_PEER, (struct limits){700, 0}, &bytes, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(atomic_load(&s.whole));
}

/* The same the other way: the target waits while the source prepares. */
TEST(waiting_for_the_source_is_no_stall)
{
	struct scene s = {.size = 300000, .stall_ms = 2500};
	uint64_t bytes;
	struct err e;

	if (run_with(&s, TO_PEER, (struct limits){0, 700}, &bytes, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(atomic_load(&s.whole));
}

/* --- what the source does wrong --- */

TEST(cut)
{
	static const size_t cuts[] = {1, 100000, 3000000};

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		for (int announced = 0; announced < 2; announced++) {
			struct scene peer = {
				.size = 4000000, .cut_at = cuts[i], .announced = announced};
			struct scene sunk = peer;

			/* the bytes of the piece that was cut are not those of the pattern */
			uint64_t bytes;
			struct err e;

			assert_err(run(&peer, TO_PEER, &bytes, &e), &e, EREMOTEIO);
			assert_true(e.passing);
			assert_non_null(strstr(e.text, "the source"));
			assert_false(atomic_load(&peer.whole));
			assert_int_equal(peer.wholes, 0);
			assert_err(run(&sunk, TO_SINK, &bytes, &e), &e, EREMOTEIO);
			assert_int_equal(sunk.wholes, 0);
		}
	}
}

/* It ended as if nothing had happened, but something is missing. */
TEST(not_whole)
{
	static const size_t sizes[] = {0, 1000, 3000000};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct scene peer = {.size = sizes[i], .whole_error = -EBADMSG};
		struct scene sunk = {.size = sizes[i], .whole_error = -EBADMSG};

		fails(&peer, TO_PEER, EBADMSG, "it is not whole");
		assert_int_equal(peer.wholes, 1);
		fails(&sunk, TO_SINK, EBADMSG, "it is not whole");
		assert_int_equal(sunk.wholes, 1);
	}
}

/* While the source prepares, the receiver is left alone; and if it refuses, for ever. */
TEST(source_refuses)
{
	struct scene s = {.status = "404 Not Found"}, busy = {.status = "503 Busy"},
		     sunk = {.status = "404 N"};

	fails(&s, TO_PEER, ENOENT, "the source answers 404: no");
	assert_false(atomic_load(&s.seen));
	fails(&busy, TO_PEER, EREMOTEIO, "the source");
	fails(&sunk, TO_SINK, ENOENT, "the source");
}

TEST(source_stalls)
{
	struct scene s = {.size = 3000000, .stall_ms = 20000};
	int64_t began = when_monotonic_ms();
	uint64_t bytes;
	struct err e;

	assert_err(run_with(&s, TO_PEER, (struct limits){300, 0}, &bytes, &e), &e, ETIMEDOUT);
	assert_non_null(strstr(e.text, "the source"));
	assert_true(e.passing);
	assert_false(atomic_load(&s.whole));
	assert_true(when_monotonic_ms() - began < 4000);
}

/* --- what the target does wrong --- */

TEST(target_refuses_the_head)
{
	struct scene s = {.size = NEVER, .refuse_head = 401};
	int64_t began = when_monotonic_ms();

	fails(&s, TO_PEER, EACCES, "the target answers 401: go away");
	assert_int_equal(s.moved, 0); /* nothing was spent */
	assert_true(when_monotonic_ms() - began < 3000);
}

TEST(target_refuses_early)
{
	static const struct {
		int status, code;
	} cases[] = {{413, EDQUOT}, {507, ENOSPC}, {410, ENOENT}, {500, EREMOTEIO}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s = {.size = NEVER, .refuse_after = 500000, .answer = cases[i].status};
		int64_t began = when_monotonic_ms();

		fails(&s, TO_PEER, cases[i].code, "the target answers");
		assert_true(when_monotonic_ms() - began < 5000);
	}
}

/* An answer before the end is no acknowledgement of what it has not seen. */
TEST(target_agrees_early)
{
	static const int answers[] = {200, 204};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct scene s = {.size = 100 << 20, .refuse_after = 500000, .answer = answers[i]};
		uint64_t bytes;
		struct err e;

		assert_err(run(&s, TO_PEER, &bytes, &e), &e, EREMOTEIO);
		assert_false(atomic_load(&s.whole));
	}
}

TEST(target_refuses_at_the_end)
{
	struct scene s = {.size = 2000000, .answer = 413};
	uint64_t bytes;
	struct err e;

	assert_err(run(&s, TO_PEER, &bytes, &e), &e, EDQUOT);
	assert_int_equal(bytes, 2000000);
}

TEST(target_hangs_up)
{
	struct scene middle = {.size = NEVER, .refuse_after = 500000, .hangs_up = true};
	struct scene end = {.size = 500000, .hangs_up = true};
	uint64_t bytes;
	struct err e;

	fails(&middle, TO_PEER, EREMOTEIO, "the target");
	assert_err(run(&end, TO_PEER, &bytes, &e), &e, EREMOTEIO);
	assert_non_null(strstr(e.text, "the target"));
	assert_true(e.passing);
}

TEST(target_stalls)
{
	struct scene middle = {.size = NEVER, .refuse_after = 500000, .hangs = true};
	struct scene end = {.size = 500000, .hangs = true};
	struct scene *const scenes[] = {&middle, &end};

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		int64_t began = when_monotonic_ms();
		uint64_t bytes;
		struct err e;

		assert_err(run_with(scenes[i], TO_PEER, (struct limits){0, 500}, &bytes, &e), &e,
			ETIMEDOUT);
		assert_non_null(strstr(e.text, "the target"));
		assert_true(when_monotonic_ms() - began < 5000);
	}
}

/* --- what we do --- */

TEST(tap_refuses)
{
	struct scene peer = {.size = 3000000, .tap_error = -EBADMSG};
	struct scene sunk = {.size = 3000000, .tap_error = -EBADMSG};

	fails(&peer, TO_PEER, EBADMSG, "");
	assert_int_equal(peer.wholes, 0);
	fails(&sunk, TO_SINK, EBADMSG, "");
	assert_int_equal(sunk.wholes, 0);
}

TEST(sink_refuses)
{
	struct scene s = {.size = 3000000, .sink_error = -ENOSPC};

	fails(&s, TO_SINK, ENOSPC, "");
	assert_int_equal(s.wholes, 0);
}

static void *fire_later(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	cancel_fire(arg);
	return NULL;
}

static void cancelled(struct scene *s, enum to to)
{
	int64_t began;
	pthread_t t;

	assert_int_equal(cancel_init(&s->cancel), 0);
	assert_int_equal(pthread_create(&t, NULL, fire_later, &s->cancel), 0);
	began = when_monotonic_ms();
	fails(s, to, ECANCELED, "");
	if (when_monotonic_ms() - began > 1300)
		fail_msg("it took %d ms", (int)(when_monotonic_ms() - began));
	pthread_join(t, NULL);
	cancel_done(&s->cancel);
}

TEST(cancel)
{
	struct scene flowing = {.size = NEVER}, sunk = {.size = NEVER};
	struct scene silent = {.size = 2 * PIECE, .stall_ms = 20000};
	struct scene stuck = {.size = NEVER, .pause_ms = 20000};
	struct scene last = {.size = NEVER, .refuse_after = 500000, .hangs = true};

	cancelled(&flowing, TO_PEER);
	cancelled(&sunk, TO_SINK);
	cancelled(&silent, TO_PEER);
	cancelled(&stuck, TO_PEER);
	cancelled(&last, TO_PEER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_slow_target),
		cmocka_unit_test(test_slow_source),
		cmocka_unit_test(test_pause_is_no_stall),
		cmocka_unit_test(test_waiting_for_the_source_is_no_stall),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_not_whole),
		cmocka_unit_test(test_source_refuses),
		cmocka_unit_test(test_source_stalls),
		cmocka_unit_test(test_target_refuses_the_head),
		cmocka_unit_test(test_target_refuses_early),
		cmocka_unit_test(test_target_agrees_early),
		cmocka_unit_test(test_target_refuses_at_the_end),
		cmocka_unit_test(test_target_hangs_up),
		cmocka_unit_test(test_target_stalls),
		cmocka_unit_test(test_tap_refuses),
		cmocka_unit_test(test_sink_refuses),
		cmocka_unit_test(test_cancel),
	};

	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
