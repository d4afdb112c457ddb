/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of control writes, SPEC section 3. */
#include "unit.h"

#include "job/request.h"

#define AUTO_REQUEST CLEANUP(request_done)

/* What a request is to say; NULL: nothing. */
struct want {
	const char *reference, *container, *author, *message, *push, *name, *tag, *registry;
	const char *changes[4];
	bool no_pause;
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void compare(const char *text, const struct request *r, const struct want *w)
{
	const char *const fields[][3] = {
		{"reference", r->reference, w->reference},
		{"container", r->container, w->container},
		{"author", r->author, w->author},
		{"message", r->message, w->message},
		{"push", r->push, w->push},
		{"name", r->name, w->name},
		{"tag", r->tag, w->tag},
		{"registry", r->registry, w->registry},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!same(fields[i][1], fields[i][2]))
			fail_msg("%s\n%s is '%s' and not '%s'", text, fields[i][0],
				fields[i][1] ? fields[i][1] : "(none)",
				fields[i][2] ? fields[i][2] : "(none)");
	for (; w->changes[n]; n++)
		if (!r->changes || !same(r->changes[n], w->changes[n]))
			fail_msg("%s\nchange %zu is not '%s'", text, n, w->changes[n]);
	assert_true(!r->changes || !r->changes[n]);
	assert_int_equal(r->pause, !w->no_pause);
}

struct good {
	const char *text;
	struct want want;
};

static void take(enum request_kind kind, const struct good *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_REQUEST struct request r;
		struct err e = {0};
		size_t len = strlen(cases[i].text);

		if (request_parse(kind, cases[i].text, len, &r, &e) < 0)
			fail_msg("%s\n%s", cases[i].text, e.text);
		compare(cases[i].text, &r, &cases[i].want);
		assert_non_null(r.text);
	}
}

static void refuse(enum request_kind kind, const char *const *cases, size_t n, int code)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_REQUEST struct request r;
		struct err e = {0};
		int ret = request_parse(kind, cases[i], strlen(cases[i]), &r, &e);

		if (ret != -code)
			fail_msg("%s\ngives %d (%s)", cases[i], ret, e.text);
		assert_err(ret, &e, code);
	}
}

/* --- words --- */

TEST(commit_words)
{
	static const struct good cases[] = {
		{"foo", {"foo:latest"}},
		{"foo\n", {"foo:latest"}},
		{"foo\r\n", {"foo:latest"}},
		{"  foo \t ", {"foo:latest"}},
		{"foo-image:1.0", {"foo-image:1.0"}},
		{"localhost:5000/team/foo:1", {"localhost:5000/team/foo:1"}},
		{"foo author=me message=hi", {"foo:latest", .author = "me", .message = "hi"}},
		{"author=me foo", {"foo:latest", .author = "me"}},
		{"foo pause=no", {"foo:latest", .no_pause = true}},
		{"foo pause=yes", {"foo:latest"}},
		{"foo push=glance", {"foo:latest", .push = "glance"}},
		{"foo push=glance:bar:2", {"foo:latest", .push = "glance:bar:2"}},
		{"foo push=docker://h:5000/r:t", {"foo:latest", .push = "docker://h:5000/r:t"}},
		{"foo change=A=1 change=B=2", {"foo:latest", .changes = {"A=1", "B=2"}}},
		{"foo change=\"ENV DEBUG=1\"", {"foo:latest", .changes = {"ENV DEBUG=1"}}},
		{"foo author=", {"foo:latest", .author = ""}},
		{"foo author=''", {"foo:latest", .author = ""}},
		{"foo author==", {"foo:latest", .author = "="}},
		/* the example of the page itself */
		{"foo-image:1.0 author=\"Build <build@example.com>\" message=\"debug build\" "
		 "pause=no "
		 "change=\"ENV DEBUG=1\" change=\"CMD [\\\"/srv\\\"]\"\n",
			{"foo-image:1.0", .author = "Build <build@example.com>",
				.message = "debug build", .no_pause = true,
				.changes = {"ENV DEBUG=1", "CMD [\"/srv\"]"}}},
	};

	take(REQUEST_COMMIT, cases, ARRAY_SIZE(cases));
}

/* As a POSIX shell quotes. */
TEST(quoting)
{
	static const struct good cases[] = {
		{"'foo'", {"foo:latest"}},
		{"\"foo\"", {"foo:latest"}},
		{"f'o'\"o\"", {"foo:latest"}},
		{"f\\oo", {"foo:latest"}},
		{"foo message=a\\ b", {"foo:latest", .message = "a b"}},
		{"foo message='a b'", {"foo:latest", .message = "a b"}},
		{"foo message=\"a b\"", {"foo:latest", .message = "a b"}},
		{"foo message='a'' ''b'", {"foo:latest", .message = "a b"}},
		{"foo message=a' 'b", {"foo:latest", .message = "a b"}},
		{"foo message='\"'", {"foo:latest", .message = "\""}},
		{"foo message=\"'\"", {"foo:latest", .message = "'"}},
		{"foo message='a\\b'", {"foo:latest", .message = "a\\b"}},
		{"foo message='a\\'", {"foo:latest", .message = "a\\"}},
		{"foo message=\"a\\nb\"", {"foo:latest", .message = "a\\nb"}},
		{"foo message=\"\\\\ \\\" \\$ \\`\"", {"foo:latest", .message = "\\ \" $ `"}},
		{"foo message=\\\\\\'\\\"", {"foo:latest", .message = "\\'\""}},
		{"foo message=$HOME`id`", {"foo:latest", .message = "$HOME`id`"}},
		{"foo message=*?~#;&|<>", {"foo:latest", .message = "*?~#;&|<>"}},
		{"foo message='a=b'", {"foo:latest", .message = "a=b"}},
		{"foo message=\xc3\xa9", {"foo:latest", .message = "\xc3\xa9"}},
		{"foo message=\"tab\there\"", {"foo:latest", .message = "tab\there"}},
	};

	take(REQUEST_COMMIT, cases, ARRAY_SIZE(cases));
}

TEST(push_words)
{
	static const struct good cases[] = {
		{"", {0}},
		{"\n", {0}},
		{"  \n", {0}},
		{"foo", {"foo:latest"}},
		{"foo:1 to=glance:bar", {"foo:1", .push = "glance:bar"}},
		{"to=dir", {.push = "dir"}},
		{"name=bar", {.name = "bar"}},
		{"foo:1 name=bar tag=2 registry=h:5000",
			{"foo:1", .name = "bar", .tag = "2", .registry = "h:5000"}},
	};

	take(REQUEST_PUSH, cases, ARRAY_SIZE(cases));
}

TEST(image_push_words)
{
	static const struct good cases[] = {
		{"", {0}},
		{"\n", {0}},
		{"glance", {.push = "glance"}},
		{"dir\n", {.push = "dir"}},
		{"glance:bar:2", {.push = "glance:bar:2"}},
		{"docker://h:5000/r:t", {.push = "docker://h:5000/r:t"}},
		{"'glance'", {.push = "glance"}},
	};

	take(REQUEST_IMAGE_PUSH, cases, ARRAY_SIZE(cases));
}

TEST(bad_words)
{
	static const char *const commit[] = {"", "\n", " ", "\t\n", "foo bar", "foo ''", "''",
		"\"\"", "FOO", "foo:", "foo who=me", "foo to=dir", "foo target=dir",
		"foo image-name=foo", "foo name=bar", "foo Author=me", "foo =x",
		"foo author=a author=b", "foo pause=", "foo pause=maybe", "foo push=a push=b",
		"foo 'message=x'", "'foo", "\"foo", "foo author='x", "foo author=\"x",
		"foo author=\"x\\\"", "foo\nbar", "foo message='a\nb'", "foo@sha256:0", "author=me",
		"pause=no", "push=glance", "=", "foo when=always", "foo start=yes", "[\"foo\"]",
		"\"foo\":"};
	static const char *const push[] = {"foo bar", "FOO", "foo push=dir", "foo author=me",
		"foo change=x", "foo pause=no", "to=a to=b", "to='x", "foo image-name=x",
		"foo target=dir"};
	static const char *const image[] = {
		"glance dir", "author=me", "push=dir", "image-name=foo"};

	refuse(REQUEST_COMMIT, commit, ARRAY_SIZE(commit), EINVAL);
	refuse(REQUEST_PUSH, push, ARRAY_SIZE(push), EINVAL);
	refuse(REQUEST_IMAGE_PUSH, image, ARRAY_SIZE(image), EINVAL);
}

/* --- JSON --- */

TEST(commit_json)
{
	static const struct good cases[] = {
		{"{\"image-name\":\"foo\"}", {"foo:latest"}},
		{" {\"image-name\":\"foo\"} \n", {"foo:latest"}},
		{"{\n  \"image-name\":\n \"foo:1\"\n}\n", {"foo:1"}},
		{"{\"repository\":\"foo\"}", {"foo:latest"}},
		{"{\"repository\":\"foo\",\"tag\":\"2\"}", {"foo:2"}},
		{"{\"tag\":\"2\",\"repository\":\"localhost:5000/foo\"}", {"localhost:5000/foo:2"}},
		{"{\"image-name\":\"foo\",\"tag\":\"2\"}", {"foo:2"}},
		{"{\"image-name\":\"foo:2\",\"container\":\"web\",\"author\":\"me\",\"message\":"
		 "\"hi\","
		 "\"pause\":false,\"change\":[\"ENV A=1\",\"ENV B=2\"],\"push\":\"glance\"}",
			{"foo:2", .container = "web", .author = "me", .message = "hi",
				.push = "glance", .changes = {"ENV A=1", "ENV B=2"},
				.no_pause = true}},
		{"{\"repository\":\"foo\",\"target\":\"dir\"}", {"foo:latest", .push = "dir"}},
		{"{\"image-name\":\"foo\",\"pause\":true}", {"foo:latest"}},
		{"{\"image-name\":\"foo\",\"pause\":\"no\"}", {"foo:latest", .no_pause = true}},
		{"{\"image-name\":\"foo\",\"change\":[]}", {"foo:latest"}},
		{"{\"image-name\":\"foo\",\"author\":null}", {"foo:latest"}},
		{"{\"image-name\":\"foo\",\"message\":\"a\\nb \\u00e9 }{\"}",
			{"foo:latest", .message = "a\nb \xc3\xa9 }{"}},
	};

	take(REQUEST_COMMIT, cases, ARRAY_SIZE(cases));
}

TEST(push_json)
{
	static const struct good cases[] = {
		{"{}", {0}},
		{"{\"image-name\":\"foo:1\"}", {"foo:1"}},
		{"{\"image-name\":\"foo:1\",\"target\":\"glance:bar\"}",
			{"foo:1", .push = "glance:bar"}},
		{"{\"repository\":\"foo\",\"tag\":\"2\"}", {"foo:2"}},
		{"{\"container\":\"web\"}", {.container = "web"}},
		{"{\"name\":\"bar\",\"tag\":\"2\",\"registry\":\"h\"}",
			{.name = "bar", .tag = "2", .registry = "h"}},
	};
	static const struct good image[] = {
		{"{}", {0}},
		{"{\"target\":\"glance\"}", {.push = "glance"}},
		{"{\"name\":\"bar\",\"tag\":\"2\"}", {.name = "bar", .tag = "2"}},
	};

	take(REQUEST_PUSH, cases, ARRAY_SIZE(cases));
	take(REQUEST_IMAGE_PUSH, image, ARRAY_SIZE(image));
}

/* The same request in both forms: with a name there, the tag is of that name, and not of the image
 * here. */
TEST(push_json_says_what_words_say)
{
	static const struct good cases[] = {
		{"foo:1 name=bar tag=2", {"foo:1", .name = "bar", .tag = "2"}},
		{"{\"image-name\":\"foo:1\",\"name\":\"bar\",\"tag\":\"2\"}",
			{"foo:1", .name = "bar", .tag = "2"}},
		{"foo name=bar tag=2", {"foo:latest", .name = "bar", .tag = "2"}},
		{"{\"image-name\":\"foo\",\"name\":\"bar\",\"tag\":\"2\"}",
			{"foo:latest", .name = "bar", .tag = "2"}},
	};

	take(REQUEST_PUSH, cases, ARRAY_SIZE(cases));
}

TEST(bad_json)
{
	static const char *const commit[] = {"{", "{}", "{\"image-name\"",
		"{\"image-name\":\"foo\"", "{\"image-name\":\"foo\"} x",
		"{\"image-name\":\"foo\"}{}", "{\"image-name\":\"foo\",}", "{'image-name':'foo'}",
		"{image-name:\"foo\"}", "{\"image-name\":foo}", "{\"image-name\":5}",
		"{\"image-name\":{}}", "{\"image-name\":true}", "{\"image-name\":\"FOO\"}",
		"{\"image-name\":\"\"}", "{\"image-name\":null}",
		"{\"image-name\":\"foo\",\"who\":\"me\"}", "{\"image-name\":\"foo\",\"to\":5}",
		"{\"image-name\":\"foo\",\"pause\":3}",
		"{\"image-name\":\"foo\",\"pause\":\"maybe\"}",
		"{\"image-name\":\"foo\",\"change\":[1]}",
		"{\"image-name\":\"foo\",\"change\":[[\"x\"]]}",
		"{\"image-name\":\"foo\",\"change\":{\"a\":\"b\"}}",
		"{\"image-name\":\"foo\",\"repository\":\"bar\"}",
		"{\"image-name\":\"foo\",\"image-name\":\"bar\"}",
		"{\"image-name\":\"foo:1\",\"tag\":\"2\"}",
		"{\"image-name\":\"foo\",\"tag\":\"a b\"}", "{\"image-name\":\"foo\",\"tag\":\"\"}",
		"{\"tag\":\"1\"}", "{\"image-name\":\"foo\",\"push\":\"a\",\"target\":\"b\"}",
		"{\"image-name\":\"a\\u0000b\"}", "{\"image-name\":\"foo\",\"author\":\"\xff\"}",
		"{\"image-name\":\"foo@sha256:00\"}"};
	static const char *const push[] = {"{\"image-name\":5}", "{\"author\":\"me\"}",
		"{\"change\":[\"x\"]}", "{\"name\":7}", "{} {}"};

	refuse(REQUEST_COMMIT, commit, ARRAY_SIZE(commit), EINVAL);
	refuse(REQUEST_PUSH, push, ARRAY_SIZE(push), EINVAL);
}

/* --- limits --- */

/* "foo message=xxx…" of `len` bytes and a newline. */
static int parse_long(size_t len, struct request *r, struct err *e)
{
	AUTO_BUF struct buf text = BUF_INIT;

	buf_adds(&text, "foo message=");
	while (text.len < len)
		buf_addc(&text, 'x');
	buf_addc(&text, '\n');
	return request_parse(REQUEST_COMMIT, text.data, text.len, r, e);
}

TEST(size)
{
	AUTO_REQUEST struct request most, more;
	struct err e = {0};

	assert_int_equal(parse_long(REQUEST_LIMIT, &most, &e), 0);
	assert_int_equal(strlen(most.message), REQUEST_LIMIT - strlen("foo message="));
	assert_err(parse_long(REQUEST_LIMIT + 1, &more, &e), &e, E2BIG);
}

TEST(long_names)
{
	AUTO_BUF struct buf text = BUF_INIT;
	const char *cases[1];

	for (int i = 0; i < 256; i++)
		buf_addc(&text, 'a');
	cases[0] = buf_text(&text);
	refuse(REQUEST_COMMIT, cases, 1, ENAMETOOLONG);
	refuse(REQUEST_PUSH, cases, 1, ENAMETOOLONG);
}

TEST(zero_bytes)
{
	static const char words[] = "foo\0bar", json[] = "{\"image-name\":\"foo\"\0}";
	AUTO_REQUEST struct request a, b;
	struct err e = {0};

	assert_err(request_parse(REQUEST_COMMIT, words, sizeof(words) - 1, &a, &e), &e, EINVAL);
	assert_err(request_parse(REQUEST_COMMIT, json, sizeof(json) - 1, &b, &e), &e, EINVAL);
}

TEST(text_is_kept)
{
	AUTO_REQUEST struct request r;
	struct err e = {0};

	assert_int_equal(request_parse(REQUEST_COMMIT, "foo  author='a b'\n", 18, &r, &e), 0);
	assert_string_equal(r.text, "foo  author='a b'");
}

/* Nothing beyond `len` is looked at: the text comes from a buffer without an end. */
TEST(length_counts)
{
	AUTO_REQUEST struct request r;
	struct err e = {0};
	AUTO_FREE char *text = malloc(3);

	memcpy(text, "foo", 3);
	assert_int_equal(request_parse(REQUEST_COMMIT, text, 3, &r, &e), 0);
	assert_string_equal(r.reference, "foo:latest");
	assert_int_equal(request_end(text, 3), 0);
}

/* --- where a request ends --- */

TEST(end)
{
	static const struct {
		const char *text;
		size_t end;
	} cases[] = {
		{"", 0},
		{"foo", 0},
		{"\n", 1},
		{"foo\n", 4},
		{"foo\nbar\n", 4},
		{" foo\n", 5},
		{"foo {\n", 6},
		{"{", 0},
		{"{}", 0},
		{"{}\n", 3},
		{"{}\n{}\n", 3},
		{"{} x\nfoo\n", 5},
		{" \t{}\n", 5},
		{"{\n\n}\n", 5},
		{"{\"a\":\n{\"b\":\"}\\\"\"}\n}\nfoo\n", 20},
		{"{\"a\":\"\\\\\"}\nx\n", 11},
		{"{\"a\":\"}", 0},
		{"{\n\"a\"", 0},
		/* A brace or a quote was forgotten: that is to be told, not waited for. */
		{"{\"a\":\"}\n", 8},
		{"{{}\n", 4},
		{"{\n", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t end = request_end(cases[i].text, strlen(cases[i].text));

		if (end != cases[i].end)
			fail_msg(
				"%s\nends at %zu and not at %zu", cases[i].text, end, cases[i].end);
	}
}

/* An object of several lines, cut anywhere but behind one of its newlines. */
TEST(end_of_split_object)
{
	static const char text[] = "{\n\"image-name\":\n\"foo\"\n}\n";

	for (size_t len = 1; len < sizeof(text) - 1; len++)
		if (text[len - 1] != '\n')
			assert_int_equal(request_end(text, len), 0);
	assert_int_equal(request_end(text, sizeof(text) - 1), sizeof(text) - 1);
}

/* However a text is cut into writes, the same requests come out of it. */
TEST(end_of_split_input)
{
	static const char stream[] =
		"foo\n\n{\"image-name\": \"a}\\\"{\" }\nbar x=1\n {}\n{\"a\":{}}\nrest";
	static const char *const want[] = {"foo\n", "\n", "{\"image-name\": \"a}\\\"{\" }\n",
		"bar x=1\n", " {}\n", "{\"a\":{}}\n"};

	for (size_t piece = 1; piece < sizeof(stream); piece++) {
		AUTO_BUF struct buf line = BUF_INIT;
		size_t n = 0, end;

		for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
			size_t left = sizeof(stream) - 1 - at;

			buf_add(&line, stream + at, left < piece ? left : piece);
			while ((end = request_end(buf_text(&line), line.len))) {
				assert_true(n < ARRAY_SIZE(want));
				assert_int_equal(end, strlen(want[n]));
				assert_memory_equal(line.data, want[n], end);
				memmove(line.data, line.data + end, line.len - end);
				line.len -= end;
				n++;
			}
		}
		assert_int_equal(n, ARRAY_SIZE(want));
		assert_int_equal(line.len, 4);
	}
}

/* A body may name the container that the file belongs to anyway, but no other. */
TEST(container)
{
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const struct {
		const char *said;
		int code;
	} cases[] = {
		{NULL, 0},
		{"web", 0},
		{id, 0},
		{"0123456789ab", 0},
		{"0123456789abcd", 0},
		{"0123456789a", EINVAL},
		{"", EINVAL},
		{"we", EINVAL},
		{"webb", EINVAL},
		{"0123456789abX", EINVAL},
		{"0123456789ac", EINVAL},
		{"other", EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct request r = {.container = (char *)cases[i].said};
		struct err e = {0};
		int ret = request_check_container(&r, id, "web", &e);

		if (ret != -cases[i].code)
			fail_msg("'%s' gives %d", cases[i].said ? cases[i].said : "(none)", ret);
		if (ret < 0)
			assert_err(ret, &e, EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit_words),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_push_words),
		cmocka_unit_test(test_image_push_words),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_commit_json),
		cmocka_unit_test(test_push_json),
		cmocka_unit_test(test_push_json_says_what_words_say),
		cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_text_is_kept),
		cmocka_unit_test(test_length_counts),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_end_of_split_object),
		cmocka_unit_test(test_end_of_split_input),
		cmocka_unit_test(test_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
