/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to Keystone and what is read from its answer; and a cloud that has no Keystone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/json.h"
#include "store/identity.h"
#include "store/keystone.h"
#include "util/when.h"

static char text_password[] = "p\"w\\\xc3\xa9";

/* The request for `c` must be the JSON `want`, in whatever order. */
static void asks(const struct cloud *c, const char *want)
{
	AUTO_BUF struct buf body = BUF_INIT;
	AUTO_JSON json_t *is = NULL, *should = json_loads(want, 0, NULL);
	struct err e = {0};

	if (identity_request(c, &body, &e) < 0)
		fail_msg("%s", e.text);
	is = json_loadb(body.data, body.len, 0, NULL);
	assert_non_null(should);
	if (!json_equal(is, should))
		fail_msg("%s\nis not %s", buf_text(&body), want);
}

static void test_password(void **state)
{
	struct cloud names = {.auth_type = "password",
		.username = "demo",
		.user_domain_name = "U",
		.password = text_password,
		.project_name = "p",
		.project_domain_id = "pd"};
	struct cloud ids = {.auth_type = "v3password",
		.user_id = "u",
		.username = "ignored",
		.user_domain_id = "ignored",
		.password = "x",
		.project_id = "p",
		.project_domain_id = "ignored"};
	struct cloud unscoped = {.auth_type = "password",
		.username = "demo",
		.user_domain_id = "d",
		.password = "x"};

	(void)state;
	asks(&names, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		     "\"name\":"
		     "\"demo\",\"domain\":{\"name\":\"U\"},\"password\":\"p\\\"w\\\\\\u00e9\"}}},"
		     "\"scope\":"
		     "{\"project\":{\"name\":\"p\",\"domain\":{\"id\":\"pd\"}}}}}");
	asks(&ids, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		   "\"id\":\"u\","
		   "\"password\":\"x\"}}},\"scope\":{\"project\":{\"id\":\"p\"}}}}");
	asks(&unscoped, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{"
			"\"user\":{\"name\":"
			"\"demo\",\"domain\":{\"id\":\"d\"},\"password\":\"x\"}}}}}");
}

static void test_application_credential(void **state)
{
	struct cloud id = {.auth_type = "v3applicationcredential",
		.application_credential_id = "i",
		.application_credential_secret = "s",
		.project_name = "never sent"};
	struct cloud name = {.auth_type = "v3applicationcredential",
		.application_credential_name = "n",
		.application_credential_secret = "s",
		.username = "u",
		.user_domain_id = "d"};

	(void)state;
	asks(&id, "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],"
		  "\"application_credential\":{\"id\":\"i\",\"secret\":\"s\"}}}}");
	asks(&name, "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],"
		    "\"application_credential\":{\"name\":\"n\",\"secret\":\"s\",\"user\":{"
		    "\"name\":\"u\","
		    "\"domain\":{\"id\":\"d\"}}}}}}");
}

static void test_token(void **state)
{
	struct cloud c = {.auth_type = "token", .token = "t", .project_id = "p"};

	(void)state;
	asks(&c, "{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"t\"}},"
		 "\"scope\":{\"project\":{\"id\":\"p\"}}}}");
}

static void test_not_utf8(void **state)
{
	struct cloud clouds[] = {
		{.auth_type = "password",
			.username = "u",
			.user_domain_id = "d",
			.password = "\xff"},
		{.auth_type = "password",
			.username = "\xff",
			.user_domain_id = "d",
			.password = "x"},
		{.auth_type = "password",
			.username = "u",
			.user_domain_id = "\xff",
			.password = "x"},
		{.auth_type = "token", .token = "t", .project_name = "\xff"},
		{.auth_type = "v3applicationcredential",
			.application_credential_id = "i",
			.application_credential_secret = "\xff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clouds); i++) {
		AUTO_BUF struct buf body = BUF_INIT;
		struct err e = {0};

		assert_int_equal(identity_request(&clouds[i], &body, &e), -EINVAL);
		assert_non_null(strstr(e.text, "UTF-8"));
	}
}

static void test_subject(void **state)
{
	static const struct {
		struct cloud cloud;
		const char *subject;
	} cases[] = {
		{{.auth_type = "password", .username = "demo", .password = "s3cret", .name = "x"},
			"the user 'demo' of the cloud 'x'"},
		{{.auth_type = "v3password", .user_id = "uid"},
			"the user 'uid' of the OS_* variables"},
		{{.auth_type = "token", .token = "s3cret", .name = "x"},
			"the token of the cloud 'x'"},
		{{.auth_type = "v3applicationcredential",
			 .application_credential_name = "n",
			 .name = "x"},
			"the application credential 'n' of the cloud 'x'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf subject = BUF_INIT;

		identity_add_subject(&subject, &cases[i].cloud);
		assert_string_equal(buf_text(&subject), cases[i].subject);
	}
}

static void test_base(void **state)
{
	static const char *const cases[][2] = {
		{"http://h:5000/v3", "http://h:5000"},
		{"http://h:5000/v3/", "http://h:5000"},
		{"http://h:5000", "http://h:5000"},
		{"http://h:5000///", "http://h:5000"},
		{"https://h/identity/v2.0", "https://h/identity"},
		{"https://h/image/", "https://h/image"},
		{"https://h/image/v2//", "https://h/image"},
		{"https://h/dev3", "https://h/dev3"},
		{"http://10.0.0.3", "http://10.0.0.3"},
		{"v3", "v3"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf base = BUF_INIT;

		identity_add_base(&base, cases[i][0]);
		assert_string_equal(buf_text(&base), cases[i][1]);
	}
}

/* --- the answer --- */

static const char catalog[] =
	"{\"token\":{\"catalog\":["
	"{\"type\":\"identity\",\"endpoints\":[{\"interface\":\"public\",\"region_id\":\"R1\","
	"\"url\":\"http://k\"}]},"
	"{\"type\":\"image\",\"endpoints\":[]}, 7, {\"type\":\"image\"},"
	"{\"type\":\"image\",\"endpoints\":["
	"{\"interface\":\"admin\",\"region_id\":\"R1\",\"url\":\"http://a1\"},"
	"{\"interface\":\"internal\",\"region_id\":\"R1\",\"url\":\"http://i1/v2/\"},"
	"{\"interface\":\"publicURL\",\"region\":\"R1\",\"url\":\"http://p1\"},"
	"{\"interface\":\"public\",\"region_id\":\"R2\",\"region\":\"old\",\"url\":\"http://p2\"},"
	"{\"interface\":\"public\",\"region_id\":\"R3\",\"url\":null}, null]}]}}";

static int endpoint_of(const char *answer, const struct cloud *c, struct buf *url, struct err *e)
{
	AUTO_JSON json_t *j = json_loads(answer, 0, NULL);

	assert_non_null(j);
	return identity_endpoint(j, c, url, e);
}

static void test_catalog(void **state)
{
	static const struct {
		char *region, *interface, *override;
		const char *url;
	} cases[] = {
		{"R1", "public", NULL, "http://p1"},
		{"R1", "internal", NULL, "http://i1"},
		{"R1", "admin", NULL, "http://a1"},
		{"R2", NULL, NULL, "http://p2"},
		{NULL, "public", NULL, "http://p1"},
		{NULL, NULL, NULL, "http://p1"},
		{"R9", "public", "https://own/image/v2", "https://own/image"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cloud c = {.region = cases[i].region,
			.interface = cases[i].interface,
			.endpoint = cases[i].override};
		AUTO_BUF struct buf url = BUF_INIT;
		struct err e = {0};

		if (endpoint_of(catalog, &c, &url, &e) < 0)
			fail_msg("%s", e.text);
		assert_string_equal(buf_text(&url), cases[i].url);
	}
}

static void test_not_in_catalog(void **state)
{
	struct cloud region = {.region = "R9", .interface = "public"}, empty = {.region = "R3"},
		     interface = {.region = "R2", .interface = "internal"};
	AUTO_BUF struct buf url = BUF_INIT;
	struct err e = {0};

	(void)state;
	assert_int_equal(endpoint_of(catalog, &region, &url, &e), -ENOENT);
	assert_non_null(strstr(e.text, "'R9'"));
	assert_non_null(strstr(e.text, "R2 (public)"));
	assert_int_equal(endpoint_of(catalog, &empty, &url, &e), -ENOENT);
	assert_int_equal(endpoint_of(catalog, &interface, &url, &e), -ENOENT);
	assert_int_equal(endpoint_of("{\"token\":{\"catalog\":[]}}", &region, &url, &e), -ENOENT);
	assert_non_null(strstr(e.text, "it has: none"));
	assert_int_equal(endpoint_of("{\"token\":{}}", &region, &url, &e), -ENOENT);
	assert_non_null(strstr(e.text, "OS_PROJECT_NAME"));
	assert_string_equal(buf_text(&url), "");
}

static int64_t lifetime(const char *answer)
{
	AUTO_JSON json_t *j = json_loads(answer, 0, NULL);

	return identity_lifetime(j);
}

static void test_lifetime(void **state)
{
	AUTO_BUF struct buf soon = BUF_INIT;

	(void)state;
	/* By Keystone's clock, however wrong ours is. */
	assert_int_equal(lifetime("{\"token\":{\"issued_at\":\"2001-01-01T00:00:00.000000Z\","
				  "\"expires_at\":\"2001-01-01T01:00:00.000000Z\"}}"),
		3600);
	buf_adds(&soon, "{\"token\":{\"expires_at\":\"");
	when_format(&soon, when_now() + 100);
	buf_adds(&soon, "\"}}");
	assert_in_range(lifetime(buf_text(&soon)), 95, 100);
	assert_int_equal(lifetime("{\"token\":{\"expires_at\":\"2001-01-01T01:00:00Z\"}}"), 0);
	assert_int_equal(lifetime("{\"token\":{}}"), 0);
}

/* --- no Keystone at all --- */

static void test_none(void **state)
{
	struct cloud c = {.auth_type = "none", .endpoint = "http://g:9292/v2/"};
	CLEANUP(keystone_freep) struct keystone *k = NULL;
	struct keystone_token t;
	struct err e = {0};

	(void)state;
	assert_int_equal(keystone_new(&c, &k, &e), 0);
	assert_int_equal(keystone_get(k, NULL, &t, NULL, &e), 0);
	assert_null(t.header);
	assert_string_equal(t.endpoint, "http://g:9292");
	keystone_token_done(&t);
}

static void test_admin_token(void **state)
{
	struct cloud c = {
		.auth_type = "admin_token", .endpoint = "http://g", .token = "s3cret", .name = "x"};
	CLEANUP(keystone_freep) struct keystone *k = NULL;
	struct keystone_token t;
	struct err e = {0};

	(void)state;
	assert_int_equal(keystone_new(&c, &k, &e), 0);
	assert_int_equal(keystone_get_long(k, NULL, &t, NULL, &e), 0);
	assert_string_equal(t.header, "X-Auth-Token: s3cret");
	/* A fixed token that is refused can't be renewed. */
	keystone_token_done(&t);
	assert_int_equal(keystone_get(k, "X-Auth-Token: s3cret", &t, NULL, &e), -EACCES);
	assert_null(t.header);
	assert_non_null(strstr(e.text, "'x'"));
	assert_null(strstr(e.text, "s3cret"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_password),
		cmocka_unit_test(test_application_credential),
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_subject),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_catalog),
		cmocka_unit_test(test_not_in_catalog),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_admin_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
