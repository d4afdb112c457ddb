/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

TEST(empty)
{
	AUTO_BUF struct buf b = BUF_INIT;
	char *text;

	assert_string_equal(buf_text(&b), "");
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_error(&b), 0);
	buf_reset(&b);
	text = buf_steal(&b);
	assert_string_equal(text, "");
	free(text);
}

TEST(grows)
{
	AUTO_BUF struct buf b = BUF_INIT;

	for (int i = 0; i < 10000; i++) {
		buf_printf(&b, "%d", i % 10);
		assert_int_equal(b.len, i + 1);
		assert_int_equal(b.data[i + 1], '\0');
	}
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], '0' + i % 10);
}

TEST(bytes)
{
	AUTO_BUF struct buf b = BUF_INIT;

	buf_add(&b, "a\0b", 3);
	buf_add(&b, "", 0);
	buf_addc(&b, 'c');
	buf_adds(&b, "de");
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "a\0bcde", 7);
}

TEST(escaped)
{
	static const struct {
		const char *text, *keep, *want;
	} cases[] = {
		{"", "", ""},
		{"azAZ09-._~", "", "azAZ09-._~"},
		{"a b", "", "a%20b"},
		{"a/b:c", "/:", "a/b:c"},
		{"a/b:c", "", "a%2Fb%3Ac"},
		{"%&=+?#", "", "%25%26%3D%2B%3F%23"},
		{"\xc3\xa9\x7f\x01", "", "%C3%A9%7F%01"},
		{"{\"a\":[]}", "", "%7B%22a%22%3A%5B%5D%7D"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf b = BUF_INIT;

		buf_add_escaped(&b, cases[i].text, cases[i].keep);
		assert_string_equal(buf_text(&b), cases[i].want);
	}
}

TEST(reset_keeps_memory)
{
	AUTO_BUF struct buf b = BUF_INIT;
	char *data;

	buf_adds(&b, "a long text that takes some memory");
	data = b.data;
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	buf_adds(&b, "x");
	assert_ptr_equal(b.data, data);
	assert_string_equal(buf_text(&b), "x");
}

TEST(steal)
{
	struct buf b = BUF_INIT;
	char *text;

	buf_adds(&b, "mine");
	text = buf_steal(&b);
	assert_string_equal(text, "mine");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(text);
}

/* A size that can't be had is remembered, and what was there stays readable. */
TEST(out_of_memory)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, "x");
	buf_add(&b, "y", SIZE_MAX - 1);
	assert_int_equal(buf_error(&b), -ENOMEM);
	buf_adds(&b, "z");
	assert_int_equal(buf_error(&b), -ENOMEM);
	assert_string_equal(buf_text(&b), "x");
	assert_null(buf_steal(&b));
	assert_null(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_reset_keeps_memory),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
