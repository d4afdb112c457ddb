/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <time.h>

#include "util/when.h"

TEST(format)
{
	static const struct {
		int64_t t;
		const char *want;
	} cases[] = {
		{0, ""},
		{1, "1970-01-01T00:00:01Z"},
		{1795290542, "2026-11-21T19:49:02Z"},
		{951782400, "2000-02-29T00:00:00Z"},
		{4102444800, "2100-01-01T00:00:00Z"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf b = BUF_INIT;

		when_format(&b, cases[i].t);
		assert_string_equal(buf_text(&b), cases[i].want);
	}
}

TEST(parse)
{
	static const struct {
		const char *text;
		int64_t want;
	} cases[] = {
		{"2026-11-21T19:49:02Z", 1795290542}, {"2026-11-21T19:49:02.5Z", 1795290542},
		{"2026-11-21T19:49:02.123456789Z", 1795290542},
		{"2026-11-21T19:49:02.000000Z", 1795290542},
		{"2026-11-21T20:49:02+01:00", 1795290542},
		{"2026-11-21T14:19:02.77-05:30", 1795290542},
		{"2026-11-22T00:49:02.1+05:00", 1795290542}, {"2026-11-21t19:49:02z", 1795290542},
		{"2000-02-29T00:00:00Z", 951782400},
		{"0001-01-01T00:00:00Z", 0}, /* how the engine says: never */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(when_parse(cases[i].text), cases[i].want);
}

TEST(parse_none)
{
	static const char *const cases[] = {NULL, "", " ", "yesterday", "2026", "2026-11-21",
		"2026-11-21T", "2026-11-21T19:49", "19:49:02", "T19:49:02Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-21T25:00:00Z",
		"2026-11-21T19:60:02Z"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (when_parse(cases[i]))
			fail_msg("%s is no time", cases[i]);
}

/* Local time has no say in it. */
TEST(any_zone)
{
	AUTO_BUF struct buf b = BUF_INIT;

	setenv("TZ", "Asia/Kolkata", 1);
	tzset();
	when_format(&b, 1795290542);
	assert_string_equal(buf_text(&b), "2026-11-21T19:49:02Z");
	assert_int_equal(when_parse("2026-11-21T19:49:02Z"), 1795290542);
}

TEST(round_trip)
{
	uint64_t seed = 12345;

	for (int i = 0; i < 10000; i++) {
		AUTO_BUF struct buf b = BUF_INIT;
		int64_t t = 1 + (int64_t)dice(&seed);

		when_format(&b, t);
		assert_int_equal(when_parse(buf_text(&b)), t);
	}
}

TEST(clocks)
{
	int64_t before = when_monotonic_ms();

	assert_true(when_monotonic_ms() >= before);
	assert_true(llabs(when_now() - (int64_t)time(NULL)) <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_none),
		cmocka_unit_test(test_any_zone),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
