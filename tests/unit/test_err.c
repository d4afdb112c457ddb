/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

TEST(set)
{
	struct err e = {.code = 1, .passing = true, .retry_after = 9, .text = "old"};

	assert_int_equal(err_set(&e, ENOENT, "no %s of %d", "one", 3), -ENOENT);
	assert_int_equal(e.code, ENOENT);
	assert_string_equal(e.text, "no one of 3");
	assert_false(e.passing);
	assert_int_equal(e.retry_after, 0);
	assert_int_equal(err_set(NULL, EBUSY, "unheard"), -EBUSY);
}

/* What a peer says may hold anything; it becomes one line. */
TEST(one_line)
{
	static const char *const cases[][2] = {
		{"a\nb", "a b"},
		{"a\r\n\r\nb", "a b"},
		{"\n\na\n", "a"},
		{"a\tb\x01\x7f", "a b"},
		{"a \n b", "a  b"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\n", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e;

		err_set(&e, EIO, "%s", cases[i][0]);
		assert_string_equal(e.text, cases[i][1]);
	}
}

TEST(bounded)
{
	char text[2000];
	struct err e;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(err_set(&e, EIO, "%s", text), -EIO);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_prefix(&e, "before");
	assert_memory_equal(e.text, "before: xxx", 11);
	assert_true(strlen(e.text) < sizeof(e.text));
	err_prefix(&e, "%s", text);
	assert_true(strlen(e.text) < sizeof(e.text));
	assert_int_equal(e.code, EIO);
}

TEST(prefix)
{
	struct err e = {0};

	err_prefix(&e, "nothing is wrong");
	assert_int_equal(e.text[0], '\0');
	err_prefix(NULL, "nobody listens");
	err_set(&e, EIO, "it broke");
	e.passing = true;
	err_prefix(&e, "image %d", 7);
	assert_string_equal(e.text, "image 7: it broke");
	assert_int_equal(e.code, EIO);
	assert_true(e.passing);
}

TEST(nomem)
{
	struct err e = {0};

	assert_err(err_nomem(&e), &e, ENOMEM);
	assert_int_equal(err_nomem(NULL), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_one_line),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
