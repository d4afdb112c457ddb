/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "store/target.h"

TEST(good)
{
	static const struct {
		const char *text, *otherwise, *reference, *store, *repository, *tag;
	} cases[] = {
		{NULL, "dir", "foo:1", "dir", "foo", "1"},
		{"", "glance", "foo:1", "glance", "foo", "1"},
		{"glance", "dir", "team/foo:1", "glance", "team/foo", "1"},
		{"dir", "glance", "foo:1", "dir", "foo", "1"},
		{"glance:bar", "dir", "foo:1", "glance", "bar", "latest"},
		{"glance:bar:2", "dir", "foo:1", "glance", "bar", "2"},
		{"glance:team/bar:2", "dir", "foo:1", "glance", "team/bar", "2"},
		{"glance:localhost:5000/bar", "dir", "foo:1", "glance", "localhost:5000/bar",
			"latest"},
		{"glance", "dir", "localhost:5000/foo:1", "glance", "localhost:5000/foo", "1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target t;
		struct err e = {0};

		if (target_parse(cases[i].text, cases[i].otherwise, cases[i].reference, &t, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_string_equal(t.store, cases[i].store);
		assert_string_equal(t.name.repository, cases[i].repository);
		assert_string_equal(t.name.tag, cases[i].tag);
	}
}

TEST(bad)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{"dir:/tmp", EINVAL}, /* its folder is set at mount, never by a request */
		{"dir:", EINVAL},
		{"dir:foo", EINVAL},
		{"glance:", EINVAL},
		{"glance:UPPER", EINVAL},
		{"glance:foo:", EINVAL},
		{"glance:foo:bad tag", EINVAL},
		{"Glance", EINVAL},
		{"glance2", EINVAL},
		{"glanceglanceglanceglance", EINVAL},
		{"s3", EINVAL},
		{":", EINVAL},
		{" glance", EINVAL},
		{"/etc/passwd", EINVAL},
		{"docker://localhost:5000/foo:1", EOPNOTSUPP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct target t;
		struct err e = {0};

		assert_err(target_parse(cases[i].text, "dir", "foo:1", &t, &e), &e, cases[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
