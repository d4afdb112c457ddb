/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of the distribution project's reference package, as far as a name to commit to goes.
 */
#include "unit.h"

#include "util/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(valid)
{
	static const struct {
		const char *text, *repository, *tag;
	} cases[] = {
		{"foo", "foo", "latest"},
		{"foo:1.0", "foo", "1.0"},
		{"foo-image:latest", "foo-image", "latest"},
		{"f", "f", "latest"},
		{"0", "0", "latest"},
		{"lowercase:Uppercase", "lowercase", "Uppercase"},
		{"foo:_", "foo", "_"},
		{"foo:a.b-c_d", "foo", "a.b-c_d"},
		{"foo:9", "foo", "9"},
		{"foo.bar", "foo.bar", "latest"},
		{"foo_bar", "foo_bar", "latest"},
		{"foo__bar", "foo__bar", "latest"},
		{"foo-bar--baz---x", "foo-bar--baz---x", "latest"},
		{"a/a.b_c__d-e/f.g:h", "a/a.b_c__d-e/f.g", "h"},
		{"team/foo", "team/foo", "latest"},
		{"team/sub/deep/foo:1", "team/sub/deep/foo", "1"},
		{"localhost/foo", "localhost/foo", "latest"},
		{"localhost:5000/foo", "localhost:5000/foo", "latest"},
		{"localhost:5000/team/foo:2", "localhost:5000/team/foo", "2"},
		{"localhost:5000", "localhost", "5000"}, /* no slash: a tag, as docker reads it */
		{"test.com/repo:tag", "test.com/repo", "tag"},
		{"test:5000/repo", "test:5000/repo", "latest"},
		{"test.com:8080/foo/bar", "test.com:8080/foo/bar", "latest"},
		{"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com/bar/baz/quux",
			"some-long-tag"},
		{"b.gcr.io/test.example.com/my-app:test.example.com",
			"b.gcr.io/test.example.com/my-app", "test.example.com"},
		{"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage", "xn--n3h.com"},
		{"foo_bar.com:8080", "foo_bar.com", "8080"},
		{"foo/foo_bar.com:8080", "foo/foo_bar.com", "8080"},
		{"Registry.Example.com/foo", "Registry.Example.com/foo", "latest"},
		{"192.168.1.1:5000/foo", "192.168.1.1:5000/foo", "latest"},
		{"docker.io/library/foo:v1", "docker.io/library/foo", "v1"},
		{HEX64 "a", HEX64 "a", "latest"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reference r;
		struct err e = {0};

		if (reference_parse(cases[i].text, &r, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_string_equal(r.repository, cases[i].repository);
		assert_string_equal(r.tag, cases[i].tag);
	}
}

TEST(invalid)
{
	static const char *const cases[] = {"", ":", ":latest", "foo:", "foo::1", "foo:1:2", "/",
		"/foo", "foo/", "foo//bar", "//foo", "Uppercase", "Uppercase:tag", "foo/Bar",
		"test:5000/Uppercase/lowercase:tag", "-foo", "foo-", ".foo", "foo.", "_foo", "foo_",
		"foo..bar", "foo___bar", "foo._bar", "foo-_bar", "foo.-bar", "foo/-bar", "foo bar",
		" foo", "foo ", "foo\t", "foo\n", "foo:a b", "foo:-a", "foo:.a", "foo:a/b",
		"foo:a\n", "foo:\xc3\xa9", "f\xc3\xa9o", "foo\x01", "foo?x=1", "foo%2Fbar", "a&b",
		"foo#1", "~foo", "..", ".", "../foo", "foo/..", "foo/../bar", "http://foo",
		"https://foo/bar:1", "localhost:port/foo", "localhost:/foo", "localhost:50 00/foo",
		"a..b.com/foo", "-a.com/foo", "a-.com/foo", ".com/foo", "a.com./foo", "a.com/",
		"a.com:5000/", "aa/asdf$$^/aa", "-test.com:5000/foo", "foo@bar", "foo:tag@", "@foo",
		"foo@sha256:" HEX64, "foo:1@sha256:" HEX64, "sha256:" HEX64 ":x", HEX64};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reference r;
		struct err e = {0};
		int ret = reference_parse(cases[i], &r, &e);

		if (ret == 0)
			fail_msg("'%s' was taken as %s:%s", cases[i], r.repository, r.tag);
		assert_err(ret, &e, EINVAL);
		assert_int_equal(reference_parse(cases[i], &r, NULL), -EINVAL);
	}
}

TEST(lengths)
{
	static const struct {
		size_t repository, tag;
		int code; /* 0: valid */
	} cases[] = {
		/* With "docker.io/" before it the name may have 255 bytes. */
		{245, 0, 0},
		{245, 128, 0},
		{1, 128, 0},
		{246, 0, ENAMETOOLONG},
		{256, 0, ENAMETOOLONG},
		{256, 5, ENAMETOOLONG},
		{5000, 0, ENAMETOOLONG},
		{5000, 128, ENAMETOOLONG},
		{1, 129, EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf text = BUF_INIT;
		struct reference r;
		struct err e = {0};
		int ret;

		for (size_t k = 0; k < cases[i].repository; k++)
			buf_addc(&text, k % 9 == 8 ? '/' : 'a');
		text.data[text.len - 1] = 'z';
		for (size_t k = 0; k < cases[i].tag; k++)
			buf_addc(&text, k ? 't' : ':');
		if (cases[i].tag)
			buf_addc(&text, 't');
		ret = reference_parse(buf_text(&text), &r, &e);
		if (ret != -cases[i].code)
			fail_msg("%zu:%zu gives %d %s", cases[i].repository, cases[i].tag, ret,
				e.text);
		if (ret < 0)
			continue;
		assert_int_equal(strlen(r.repository), cases[i].repository);
		assert_int_equal(strlen(r.tag), cases[i].tag ? cases[i].tag : strlen("latest"));
	}
}

/* The longest name depends on what the engine puts before it. */
TEST(lengths_by_prefix)
{
	static const struct {
		const char *prefix;
		size_t longest;
	} cases[] = {{"", 237}, {"team/", 245}, {"h.io/", 255}, {"localhost/", 255}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf text = BUF_INIT;
		struct reference r;

		buf_adds(&text, cases[i].prefix);
		while (text.len < cases[i].longest)
			buf_addc(&text, 'a');
		assert_int_equal(reference_parse(buf_text(&text), &r, NULL), 0);
		buf_addc(&text, 'a');
		assert_int_equal(reference_parse(buf_text(&text), &r, NULL), -ENAMETOOLONG);
	}
}

TEST(tags)
{
	static const char *const good[] = {"latest", "1", "_x", "A.b-C_1", "1..--__"},
				 *const bad[] = {
					 "", ".x", "-x", "a/b", "a:b", "a b", "\xff", "a\n"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(reference_valid_tag(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(reference_valid_tag(bad[i]));
}

TEST(names)
{
	static const char *const cases[][2] = {
		{"foo:latest", "foo:latest"},
		{"localhost:5000/team/foo:1", "localhost:5000%2Fteam%2Ffoo:1"},
		{"50%", "50%25"},
		{"%2F", "%252F"},
		{"/", "%2F"},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf name = BUF_INIT, back = BUF_INIT;

		reference_to_name(cases[i][0], &name);
		assert_string_equal(buf_text(&name), cases[i][1]);
		assert_int_equal(reference_from_name(buf_text(&name), &back), 0);
		assert_string_equal(buf_text(&back), cases[i][0]);
	}
}

/* There is one name for a reference, and no name that means another's. */
TEST(bad_names)
{
	static const char *const cases[] = {
		"%", "a%", "a%2", "a%2f", "%41", "%00", "%2G", "%252%", "%%"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf out = BUF_INIT;

		if (reference_from_name(cases[i], &out) != -ENOENT)
			fail_msg("%s is taken as %s", cases[i], buf_text(&out));
	}
}

/* What is valid stays what it is when it is formatted and parsed again, and survives as a file
 * name. */
TEST(random_round_trip)
{
	static const char alphabet[] = "ab0:/._-%A@ ";
	uint64_t seed = 99;
	int valid = 0;

	for (int i = 0; i < 200000; i++) {
		AUTO_BUF struct buf full = BUF_INIT, name = BUF_INIT, back = BUF_INIT;
		struct reference r, again;
		char text[12] = "";
		size_t len = dice(&seed) % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[dice(&seed) % (sizeof(alphabet) - 1)];
		text[len < sizeof(text) ? len : sizeof(text) - 1] = '\0';
		reference_to_name(text, &name);
		assert_null(strchr(buf_text(&name), '/'));
		assert_int_equal(reference_from_name(buf_text(&name), &back), 0);
		assert_string_equal(buf_text(&back), text);
		if (reference_parse(text, &r, NULL) < 0)
			continue;
		valid++;
		reference_format(&r, &full);
		assert_int_equal(reference_parse(buf_text(&full), &again, NULL), 0);
		assert_string_equal(again.repository, r.repository);
		assert_string_equal(again.tag, r.tag);
	}
	assert_true(valid > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_lengths_by_prefix),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_random_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
