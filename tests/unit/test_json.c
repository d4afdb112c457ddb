/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "net/json.h"

TEST(look_into)
{
	AUTO_JSON json_t *j = json_loads("{\"a\":{\"b\":{\"c\":\"deep\"},\"n\":7,\"null\":null},"
					 "\"t\":\"text\",\"\":\"empty\",\"l\":[1]}",
		0, NULL);

	assert_string_equal(json_text(j, "t"), "text");
	assert_string_equal(json_text(j, "a.b.c"), "deep");
	assert_string_equal(json_text(j, "a.n"), "");
	assert_string_equal(json_text(j, "a.b"), "");
	assert_string_equal(json_text(j, "a.null"), "");
	assert_string_equal(json_text(j, "a.x.y.z"), "");
	assert_string_equal(json_text(j, "t.x"), "");
	assert_string_equal(json_text(j, "l.0"), "");
	assert_string_equal(json_text(NULL, "a"), "");
	assert_int_equal(json_number(j, "a.n"), 7);
	assert_int_equal(json_number(j, "t"), 0);
	assert_int_equal(json_number(NULL, "t"), 0);
	assert_null(json_at(j, "a.x"));
	assert_true(json_is_array(json_at(j, "l")));
	assert_ptr_equal(json_at(j, ""), j);
}

TEST(read)
{
	static const char *const bad[] = {"", "[]", "[{}]", "null", "7", "\"x\"", "{", "{}x",
		"{\"a\":}", "<html>", "{\"a\":\"\xff\"}"};
	AUTO_BUF struct buf good = BUF_INIT;
	AUTO_JSON json_t *j = NULL;
	struct err e = {0};

	buf_adds(&good, " {\"Id\":\"x\"}\n");
	assert_int_equal(json_read(&good, "the answer", &j, &e), 0);
	assert_string_equal(json_text(j, "Id"), "x");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO_BUF struct buf text = BUF_INIT;
		json_t *none = NULL;

		buf_adds(&text, bad[i]);
		e = (struct err){0};
		assert_err(json_read(&text, "the answer", &none, &e), &e, EREMOTEIO);
		assert_non_null(strstr(e.text, "the answer"));
		assert_int_equal(json_read(&text, "the answer", &none, NULL), -EREMOTEIO);
	}
}

/* As Docker, Podman, Glance and Keystone were seen to write them. */
TEST(error_messages)
{
	static const char *const cases[][2] = {
		{"{\"message\":\"No such container: web\"}", "No such container: web"},
		{"{\"message\":\"No such container: web\"}\n", "No such container: web"},
		{"{\"cause\":\"no such image\",\"message\":\"foo: image not "
		 "known\",\"response\":404}",
			"foo: image not known"},
		{"{\"message\":\"You are not authorized.<br /><br />\\n\\n\\n\",\"code\":\"403 "
		 "Forbidden\","
		 "\"title\":\"Forbidden\"}",
			"You are not authorized."}, /* the rest of it is for browsers */
		{"{\"error\":{\"code\":401,\"message\":\"The request you have made requires "
		 "authentication.\",\"title\":\"Unauthorized\"}}",
			"The request you have made requires authentication."},
		{"{\"errorDetail\":{\"message\":\"no basic auth credentials\"},\"error\":\"no "
		 "basic auth "
		 "credentials\"}",
			"no basic auth credentials"},
		{"{\"error\":\"only this\"}", "only this"},
		{"404 page not found\n", "404 page not found\n"},
		{"<html><body>503</body></html>", ""},
		{"", ""},
		{"{}", ""},
		{"[]", ""},
		{"{\"message\":7}", ""},
		{"{\"message\":\"\",\"error\":\"second\"}", "second"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf body = BUF_INIT, out = BUF_INIT;

		buf_adds(&body, cases[i][0]);
		json_error_message(&body, &out);
		assert_string_equal(buf_text(&out), cases[i][1]);
	}
}

TEST(long_plain_message)
{
	AUTO_BUF struct buf body = BUF_INIT, out = BUF_INIT;

	for (int i = 0; i < 100000; i++)
		buf_addc(&body, 'x');
	json_error_message(&body, &out);
	assert_true(out.len > 0 && out.len < 1000);
}

/* --- the splitter --- */

/* Writes the numbers "n" of the objects one after the other. */
static int collect(void *arg, const json_t *object)
{
	buf_printf(arg, "%lld ", (long long)json_number(object, "n"));
	return 0;
}

/* Feeds pieces whose lengths `next` gives; what comes of it is 0 or the error, of the end too. */
static int split(const char *text, size_t len, size_t (*next)(uint64_t *seed), uint64_t seed,
	size_t limit, struct buf *out)
{
	CLEANUP(json_split_done) struct json_split s;
	int r = 0;

	json_split_init(&s, collect, out);
	if (limit)
		s.limit = limit;
	for (size_t at = 0, n; r == 0 && at < len; at += n) {
		AUTO_FREE char *piece = NULL;

		n = next(&seed);
		n = n < len - at ? n : len - at;
		piece = malloc(n ? n : 1); /* so that reading beyond it is found */
		memcpy(piece, text + at, n);
		r = json_split_feed(&s, piece, n);
	}
	return r < 0 ? r : json_split_end(&s);
}

static size_t whole(uint64_t *seed)
{
	(void)seed;
	return SIZE_MAX;
}

static size_t single(uint64_t *seed)
{
	(void)seed;
	return 1;
}

static size_t random_size(uint64_t *seed)
{
	return dice(seed) % 40;
}

/* However it is cut, it comes to the same. */
static void split_all_ways(const char *text, int want, const char *objects)
{
	for (uint64_t seed = 0; seed < 22; seed++) {
		AUTO_BUF struct buf out = BUF_INIT;
		int r = split(text, strlen(text),
			seed == 0   ? whole
			: seed == 1 ? single
				    : random_size,
			seed + 1, 0, &out);

		if (r != want)
			fail_msg("%s (cut %d) gives %d", text, (int)seed, r);
		if (objects)
			assert_string_equal(buf_text(&out), objects);
	}
}

TEST(splits)
{
	static const char *const cases[][2] = {
		{"", ""},
		{" \r\n\t", ""},
		{"null", ""},
		{"null\n", ""},
		{"[]", ""},
		{" [ ] ", ""},
		{"[{\"n\":1}]", "1 "},
		{"[{\"n\":1},{\"n\":2}]", "1 2 "},
		{" [ {\"n\" : 1} ,\n {\"n\":2}\n]\n", "1 2 "},
		{"{\"n\":1}{\"n\":2}", "1 2 "},
		{"{\"n\":1}\n{\"n\":2}\r\n\n{\"n\":3}\n", "1 2 3 "},
		{"{\"s\":\"}{][,\\\"\\\\\",\"n\":1}", "1 "},
		{"{\"s\":\"\\\\\",\"n\":1}{\"n\":2}", "1 2 "},
		{"{\"o\":{\"o\":{}},\"l\":[{\"n\":9},[]],\"n\":1}", "1 "},
		{"[{\"s\":\"caf\xc3\xa9 \\u00e9\",\"n\":1}]", "1 "},
		{"{}", "0 "},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		split_all_ways(cases[i][0], 0, cases[i][1]);
}

TEST(ends_in_the_middle)
{
	static const char *const cases[][2] = {
		{"[", ""},
		{"[{\"n\":1}", "1 "},
		{"[{\"n\":1},", "1 "},
		{"[{\"n\":1},{\"n\":2", "1 "},
		{"{", ""},
		{"{\"n\":1}{\"s\":\"}", "1 "},
		{"{\"s\":\"\\\"}", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		split_all_ways(cases[i][0], -EREMOTEIO, cases[i][1]);
}

TEST(no_json)
{
	static const char *const cases[] = {"x", "<html></html>", "7", "\"text\"", "true", "]", "}",
		",", "{]}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":\"\x01\"}",
		"{\"a\":\"\xff\"}", "{\"a\":1 \"b\":2}", "[[]]", "[1]", "[null]", "[,{}]", "[]]",
		"[][]", "[]{}", "{}[]", "{},{}", "{}null", "[{}]{}", "[{}] x", "[{}}", "{\"a\":[}"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		split_all_ways(cases[i], -EREMOTEIO, NULL);
}

/* Near to it: a word that is not null, commas that are missing or too many. */
TEST(nearly_json)
{
	static const char *const cases[] = {
		"nul", "lun", "nullnull", "nn", "[{}{}]", "[{},,{}]", "[{},]"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		split_all_ways(cases[i], -EREMOTEIO, NULL);
}

/* The limit is on one object, however much of it comes at once; and not on their number. */
TEST(limit)
{
	static const char fits[] = "{\"n\":1}{\"n\":2}{\"n\":3}",
			  large[] = "{\"n\":1}{\"n\":20000}{\"n\":3}";
	static size_t (*const ways[])(uint64_t * seed) = {single, random_size, whole};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO_BUF struct buf good = BUF_INIT, bad = BUF_INIT;

		assert_int_equal(split(fits, strlen(fits), ways[i], 7, 8, &good), 0);
		assert_string_equal(buf_text(&good), "1 2 3 ");
		if (split(large, strlen(large), ways[i], 7, 8, &bad) != -EREMOTEIO)
			fail_msg("an object over the limit was taken (cut %zu)", i);
	}
}

TEST(default_limit)
{
	CLEANUP(json_split_done) struct json_split s;
	AUTO_BUF struct buf out = BUF_INIT;
	static char piece[1 << 16];
	int r;

	memset(piece, 'x', sizeof(piece));
	json_split_init(&s, collect, &out);
	r = json_split_feed(&s, "[{\"a\":\"", 7);
	for (size_t sent = 0; r == 0 && sent < 2u * JSON_SPLIT_LIMIT; sent += sizeof(piece))
		r = json_split_feed(&s, piece, sizeof(piece));
	assert_int_equal(r, -EREMOTEIO);
	assert_true(s.piece.len < JSON_SPLIT_LIMIT + 2 * sizeof(piece));
}

TEST(depth)
{
	AUTO_BUF struct buf text = BUF_INIT, out = BUF_INIT;

	for (int i = 0; i < 100000; i++)
		buf_adds(&text, "{\"a\":");
	buf_adds(&text, "1");
	for (int i = 0; i < 100000; i++)
		buf_addc(&text, '}');
	assert_int_equal(split(text.data, text.len, whole, 1, 0, &out), -EREMOTEIO);
	assert_string_equal(buf_text(&out), "");
}

static int refuse(void *arg, const json_t *object)
{
	(void)object;
	return ++*(int *)arg == 2 ? -EFBIG : 0;
}

TEST(callback_ends_it)
{
	CLEANUP(json_split_done) struct json_split s;
	int calls = 0;

	json_split_init(&s, refuse, &calls);
	assert_int_equal(json_split_feed(&s, "{}{}{}", 6), -EFBIG);
	assert_int_equal(calls, 2);
}

/* Memory is bounded by the largest object, not by the answer. */
TEST(memory)
{
	static const char piece[] = "{\"n\":1,\"s\":\"0123456789012345678901234567890123456789\"},";
	CLEANUP(json_split_done) struct json_split s;
	int calls = -1000000;

	json_split_init(&s, refuse, &calls);
	assert_int_equal(json_split_feed(&s, "[", 1), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(json_split_feed(&s, piece, sizeof(piece) - 1), 0);
	assert_int_equal(calls, -900000);
	assert_true(s.piece.cap < 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_into),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_error_messages),
		cmocka_unit_test(test_long_plain_message),
		cmocka_unit_test(test_splits),
		cmocka_unit_test(test_ends_in_the_middle),
		cmocka_unit_test(test_no_json),
		cmocka_unit_test(test_nearly_json),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_default_limit),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_callback_ends_it),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
