/* SPDX-License-Identifier: Apache-2.0 */
/* clouds.yaml, secure.yaml and the OS_* variables, as people write them and as they don't. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "store/clouds.h"
#include "util/buf.h"

extern char **environ;

/* A home and a working directory of its own, and none of the tester's own variables. */
struct place {
	char root[64];
	int cwd;
};

static void forget_variables(void)
{
	for (char **e = environ; *e;) {
		AUTO_FREE char *name = strndup(*e, strcspn(*e, "="));

		if (strncmp(name, "OS_", 3) == 0 || strcmp(name, "XDG_CONFIG_HOME") == 0) {
			unsetenv(name);
			e = environ;
		} else {
			e++;
		}
	}
}

static int begin(void **state)
{
	static struct place place;

	forget_variables();
	strcpy(place.root, "/tmp/test-clouds-XXXXXX");
	if (!mkdtemp(place.root))
		return -1;
	place.cwd = open(".", O_DIRECTORY | O_CLOEXEC);
	setenv("HOME", place.root, 1);
	*state = &place;
	return chdir(place.root) || mkdir(".config", 0700) || mkdir(".config/openstack", 0700);
}

static int end(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place->root);
	if (fchdir(place->cwd) < 0 || system(command) != 0)
		return -1;
	return close(place->cwd);
}

static void write_file(const char *path, const char *text)
{
	AUTO_FCLOSE FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fchmod(fileno(f), 0600);
}

static struct cloud *load(const char *name)
{
	struct cloud *c = NULL;
	struct err e = {0};

	if (cloud_load(name, &c, &e) < 0)
		fail_msg("%s", e.text);
	return c;
}
#define AUTO_CLOUD CLEANUP(cloud_freep)

/* Fails with `code` and a sentence that has `words`. */
static void refuse(const char *name, int code, const char *words)
{
	AUTO_CLOUD struct cloud *c = NULL;
	struct err e = {0};

	assert_int_equal(cloud_load(name, &c, &e), -code);
	assert_int_equal(e.code, code);
	assert_null(c);
	if (!strstr(e.text, words))
		fail_msg("'%s' is not in: %s", words, e.text);
	assert_null(strstr(e.text, "s3cret"));
}

/* `entry`: the lines of the only cloud, x. */
static void refuse_entry(const char *entry, int code, const char *words)
{
	AUTO_BUF struct buf text = BUF_INIT;

	buf_printf(&text, "clouds:\n  x:\n%s", entry);
	write_file("clouds.yaml", buf_text(&text));
	refuse("x", code, words);
}

static struct cloud *load_entry(const char *entry)
{
	AUTO_BUF struct buf text = BUF_INIT;

	buf_printf(&text, "clouds:\n  x:\n%s", entry);
	write_file("clouds.yaml", buf_text(&text));
	return load("x");
}

static void set_variables(const char *const *pairs)
{
	for (; *pairs; pairs += 2)
		setenv(pairs[0], pairs[1], 1);
}

#define PASSWORD_ENTRY                                                                             \
	"    auth:\n      auth_url: http://k:5000/v3\n      username: demo\n"                      \
	"      password: s3cret\n      project_name: demo\n"

/* --- variables --- */

static void test_variables_password(void **state)
{
	static const char *const pairs[] = {"OS_AUTH_URL", "http://k:5000/v3", "OS_USERNAME",
		"demo", "OS_PASSWORD", "s3cret", "OS_TENANT_NAME", "old", "OS_PROJECT_NAME", "new",
		"OS_USER_DOMAIN_NAME", "Users", "OS_PROJECT_DOMAIN_ID", "pd", "OS_REGION_NAME",
		"R1", "OS_ENDPOINT_TYPE", "internalURL", "OS_CACERT", "/ca.pem", "OS_CERT",
		"/c.pem", "OS_KEY", "/k.pem", "OS_INSECURE", "True", "OS_ENDPOINT",
		"http://ignored", NULL};
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	set_variables(pairs);
	assert_true(cloud_configured(NULL));
	c = load(NULL);
	assert_null(c->name);
	assert_string_equal(c->auth_type, "password");
	assert_string_equal(c->auth_url, "http://k:5000/v3");
	assert_string_equal(c->username, "demo");
	assert_string_equal(c->password, "s3cret");
	assert_string_equal(c->project_name, "new");
	assert_string_equal(c->user_domain_name, "Users");
	assert_null(c->user_domain_id);
	assert_string_equal(c->project_domain_id, "pd");
	assert_string_equal(c->region, "R1");
	assert_string_equal(c->interface, "internal");
	assert_string_equal(c->cacert, "/ca.pem");
	assert_string_equal(c->cert, "/c.pem");
	assert_string_equal(c->key, "/k.pem");
	assert_true(c->insecure);
	assert_null(c->endpoint);
}

static void test_variables_default_domain(void **state)
{
	static const char *const pairs[] = {"OS_AUTH_URL", "http://k", "OS_USER_ID", "u",
		"OS_PASSWORD", "s3cret", "OS_PROJECT_DOMAIN_NAME", "P", "OS_DEFAULT_DOMAIN", "dd",
		NULL};
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	set_variables(pairs);
	c = load(NULL);
	assert_string_equal(c->user_id, "u");
	assert_string_equal(c->user_domain_id, "dd");
	assert_string_equal(c->project_domain_name, "P");
	assert_null(c->project_domain_id);
	assert_string_equal(c->interface, "public");
	assert_false(c->insecure);
}

static void test_variables_guess(void **state)
{
	static const struct {
		const char *pairs[9], *type;
	} cases[] = {
		{{"OS_AUTH_URL", "http://k", "OS_TOKEN", "t", NULL}, "token"},
		{{"OS_AUTH_URL", "http://k", "OS_APPLICATION_CREDENTIAL_ID", "i",
			 "OS_APPLICATION_CREDENTIAL_SECRET", "s3cret", "OS_PASSWORD", "p"},
			"v3applicationcredential"},
		{{"OS_AUTH_TYPE", "none", "OS_ENDPOINT", "http://g", NULL}, "none"},
		{{"OS_AUTH_TYPE", "admin_token", "OS_IMAGE_ENDPOINT_OVERRIDE", "http://g",
			 "OS_TOKEN", "t", NULL},
			"admin_token"},
		{{"OS_AUTH_TYPE", "v3password", "OS_AUTH_URL", "http://k", "OS_USERNAME", "u",
			 "OS_PASSWORD", "p", NULL},
			"v3password"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_CLOUD struct cloud *c = NULL;

		forget_variables();
		set_variables(cases[i].pairs);
		assert_true(cloud_configured(NULL));
		c = load(NULL);
		assert_string_equal(c->auth_type, cases[i].type);
		if (strcmp(cases[i].type, "none") == 0 || strcmp(cases[i].type, "admin_token") == 0)
			assert_string_equal(c->endpoint, "http://g");
	}
}

static void test_variables_missing(void **state)
{
	(void)state;
	assert_false(cloud_configured(NULL));
	refuse(NULL, ENOENT, "no OpenStack configuration");
	setenv("OS_AUTH_URL", "http://k", 1);
	refuse(NULL, EINVAL, "OS_USERNAME");
	setenv("OS_USERNAME", "u", 1);
	refuse(NULL, EINVAL, "OS_PASSWORD");
	setenv("OS_PASSWORD", "", 1); /* empty is as good as none */
	refuse(NULL, EINVAL, "OS_PASSWORD");
	setenv("OS_AUTH_TYPE", "v3oidcpassword", 1);
	refuse(NULL, EOPNOTSUPP, "v3oidcpassword");
	setenv("OS_AUTH_TYPE", "v3applicationcredential", 1);
	refuse(NULL, EINVAL, "OS_APPLICATION_CREDENTIAL_SECRET");
	setenv("OS_AUTH_TYPE", "token", 1);
	setenv("OS_TOKEN", "s3cret\r\nX-Evil: 1", 1);
	refuse(NULL, EINVAL, "control character");
}

/* --- clouds.yaml --- */

static void test_entry_of_each_type(void **state)
{
	static const struct {
		const char *entry, *type;
	} cases[] = {
		{PASSWORD_ENTRY, "password"},
		{"    auth_type: v3applicationcredential\n    auth: {auth_url: http://k, "
		 "application_credential_name: n, username: u, application_credential_secret: s}\n",
			"v3applicationcredential"},
		{"    auth: {auth_url: http://k, token: t}\n", "token"},
		{"    auth_type: none\n    image_endpoint_override: http://g\n", "none"},
		{"    auth_type: none\n    auth: {endpoint: http://g}\n", "none"},
		{"    auth_type: admin_token\n    auth: {endpoint: http://g, token: t}\n",
			"admin_token"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_CLOUD struct cloud *c = load_entry(cases[i].entry);

		assert_string_equal(c->name, "x");
		assert_string_equal(c->auth_type, cases[i].type);
	}
}

static void test_entry_ignores_variables(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	setenv("OS_PASSWORD", "of-another-cloud", 1);
	setenv("OS_AUTH_URL", "http://another", 1);
	c = load_entry(PASSWORD_ENTRY);
	assert_string_equal(c->password, "s3cret");
	assert_string_equal(c->auth_url, "http://k:5000/v3");
	assert_string_equal(c->user_domain_id, "default");
	assert_null(c->user_domain_name);
}

static void test_secure_is_laid_over(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	write_file("secure.yaml",
		"clouds:\n  x:\n    auth:\n      password: s3cret\n      username: me\n");
	c = load_entry(
		"    auth:\n      auth_url: http://k\n      username: demo\n      password: old\n");
	assert_string_equal(c->password, "s3cret");
	assert_string_equal(c->username, "me");
	assert_string_equal(c->auth_url, "http://k");
}

static void test_secure_elsewhere(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	/* That of one's home is not for a clouds.yaml that lies about. */
	write_file(".config/openstack/secure.yaml", "clouds: {x: {auth: {password: s3cret}}}\n");
	refuse_entry("    auth: {auth_url: http://k, username: u}\n", EINVAL, "secure.yaml");
	setenv("OS_CLIENT_SECURE_FILE", ".config/openstack/secure.yaml", 1);
	c = load("x");
	assert_string_equal(c->password, "s3cret");
	setenv("OS_CLIENT_SECURE_FILE", "nowhere", 1);
	refuse("x", ENOENT, "nowhere");
}

static void test_places(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL, *given = NULL;

	(void)state;
	write_file(".config/openstack/clouds.yml", "clouds:\n  x:\n" PASSWORD_ENTRY);
	assert_true(cloud_configured(NULL));
	c = load(NULL); /* the only one */
	assert_string_equal(c->name, "x");
	write_file("other.yaml", "clouds:\n  y:\n" PASSWORD_ENTRY "  z:\n" PASSWORD_ENTRY);
	setenv("OS_CLIENT_CONFIG_FILE", "other.yaml", 1);
	assert_false(cloud_configured(NULL));
	refuse(NULL, ENOENT, "OS_CLOUD");
	setenv("OS_CLOUD", "z", 1);
	assert_true(cloud_configured(NULL));
	given = load(NULL);
	assert_string_equal(given->name, "z");
	refuse("missing", ENOENT, "y, z");
	setenv("OS_CLIENT_CONFIG_FILE", "/nowhere/clouds.yaml", 1);
	refuse("x", ENOENT, "/nowhere/clouds.yaml");
}

static void test_json(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	write_file("clouds.json", "{\n\t\"clouds\": {\"x\": {\"auth\": {\"auth_url\": "
				  "\"http:\\/\\/k\",\n\t\t\"username\": "
				  "\"d\\u00e9mo\", \"password\": \"s3cret\", \"project_id\": 17}, "
				  "\"verify\": false}}}");
	c = load("x");
	assert_string_equal(c->auth_url, "http://k");
	assert_string_equal(c->username, "d\xc3\xa9mo");
	assert_string_equal(c->project_id, "17");
	assert_true(c->insecure);
}

static void test_regions(void **state)
{
	AUTO_CLOUD struct cloud *first = NULL, *values = NULL, *named = NULL;

	(void)state;
	first = load_entry(PASSWORD_ENTRY "    regions: [r1, r2]\n");
	assert_string_equal(first->region, "r1");
	values = load_entry(
		PASSWORD_ENTRY "    region_name: r2\n    interface: public\n    regions:\n"
			       "      - name: r1\n        values: {interface: admin}\n"
			       "      - name: r2\n        values: {interface: internal}\n");
	assert_string_equal(values->region, "r2");
	assert_string_equal(values->interface, "internal");
	assert_string_equal(values->password, "s3cret");
	named = load_entry(PASSWORD_ENTRY "    region_name: r9\n    regions: [r1]\n");
	assert_string_equal(named->region, "r9");
	refuse_entry(PASSWORD_ENTRY "    regions: [{a: b}]\n", EINVAL, "region");
}

static void test_interface(void **state)
{
	AUTO_CLOUD struct cloud *list =
		load_entry(PASSWORD_ENTRY "    interface: [adminURL, public]\n");
	AUTO_CLOUD struct cloud *old = load_entry(PASSWORD_ENTRY "    endpoint_type: publicURL\n");

	(void)state;
	assert_string_equal(list->interface, "admin");
	assert_string_equal(old->interface, "public");
	refuse_entry(PASSWORD_ENTRY "    interface: outside\n", EINVAL, "outside");
	refuse_entry(PASSWORD_ENTRY "    interface: {a: b}\n", EINVAL, "interface");
}

static void test_tls(void **state)
{
	static const struct {
		const char *word;
		bool insecure;
	} cases[] = {{"false", true}, {"No", true}, {"'off'", true}, {"true", false},
		{"yes", false}, {"~", false}};
	AUTO_CLOUD struct cloud *paths = NULL, *insecure = NULL;
	struct place *place = *state;
	char want[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf entry = BUF_INIT;
		AUTO_CLOUD struct cloud *c = NULL;

		buf_printf(&entry, PASSWORD_ENTRY "    verify: %s\n", cases[i].word);
		c = load_entry(buf_text(&entry));
		assert_int_equal(c->insecure, cases[i].insecure);
	}
	refuse_entry(PASSWORD_ENTRY "    verify: perhaps\n", EINVAL, "verify");
	insecure = load_entry(PASSWORD_ENTRY "    insecure: true\n");
	assert_true(insecure->insecure);
	paths = load_entry(
		PASSWORD_ENTRY "    cacert: ~/ca.pem\n    cert: c.pem\n    key: /k.pem\n");
	snprintf(want, sizeof(want), "%s/ca.pem", place->root);
	assert_string_equal(paths->cacert, want);
	snprintf(want, sizeof(want), "%s/c.pem", place->root);
	assert_string_equal(paths->cert, want);
	assert_string_equal(paths->key, "/k.pem");
}

static void test_domains(void **state)
{
	AUTO_CLOUD struct cloud *both = load_entry(PASSWORD_ENTRY "      domain_name: D\n");
	AUTO_CLOUD struct cloud *one =
		load_entry(PASSWORD_ENTRY "      domain_id: d\n      user_domain_name: U\n");

	(void)state;
	assert_string_equal(both->user_domain_name, "D");
	assert_string_equal(both->project_domain_name, "D");
	assert_null(both->project_domain_id);
	assert_string_equal(one->user_domain_name, "U");
	assert_null(one->user_domain_id);
	assert_string_equal(one->project_domain_id, "d");
}

static void test_endpoint_override(void **state)
{
	AUTO_CLOUD struct cloud *c =
		load_entry(PASSWORD_ENTRY "    image_endpoint_override: http://g/v2\n");

	(void)state;
	assert_string_equal(c->auth_type, "password");
	assert_string_equal(c->endpoint, "http://g/v2");
}

static void test_profile(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	refuse_entry("    profile: vendor\n    auth: {username: u, password: s3cret}\n", EOPNOTSUPP,
		"vendor");
	c = load_entry("    profile: vendor\n" PASSWORD_ENTRY);
	assert_string_equal(c->username, "demo");
}

static void test_incomplete(void **state)
{
	(void)state;
	refuse_entry("    auth: {auth_url: http://k, username: u}\n", EINVAL, "password");
	refuse_entry("    auth: {auth_url: http://k, password: s3cret}\n", EINVAL, "username");
	refuse_entry("    auth: {username: u, password: s3cret}\n", EINVAL, "auth_url");
	refuse_entry("    auth_type: none\n", EINVAL, "image_endpoint_override");
	refuse_entry("    auth_type: token\n    auth: {auth_url: http://k}\n", EINVAL, "token");
	refuse_entry("    auth_type: v2password\n", EOPNOTSUPP, "v2password");
	refuse_entry("    auth_type: v3applicationcredential\n    auth: {auth_url: http://k, "
		     "application_credential_secret: s3cret}\n",
		EINVAL, "application_credential_id");
}

static void test_merge_keys(void **state)
{
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	write_file("clouds.yaml",
		"base: &base\n  region_name: R\n  auth: &auth {auth_url: http://k, password: p}\n"
		"clouds:\n  x:\n    <<: [{cacert: /ca}, *base]\n"
		"    auth: {<<: *auth, username: u, password: s3cret}\n");
	c = load("x");
	assert_string_equal(c->region, "R");
	assert_string_equal(c->cacert, "/ca");
	assert_string_equal(c->auth_url, "http://k");
	assert_string_equal(c->password, "s3cret");
}

/* --- what is no configuration --- */

static void test_not_yaml(void **state)
{
	static const char *const texts[] = {"clouds: [", "clouds:\n  x: *nowhere\n",
		"clouds:\n\tx: 1\n", "\xff\xfe\xff", "clouds: \"\xc3\x28\"\n",
		"%YAML 9.9\n---\na\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file("clouds.yaml", texts[i]);
		refuse("x", EINVAL, "is not YAML");
		assert_false(cloud_configured(NULL));
	}
}

static void test_other_yaml(void **state)
{
	static const char *const texts[] = {
		"", "clouds\n", "[clouds]\n", "clouds:\n", "clouds: [x]\n", "? {a: b}\n: c\n"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		write_file("clouds.yaml", texts[i]);
		refuse("x", EINVAL, "clouds:");
	}
	write_file("clouds.yaml", "clouds: {}\n");
	refuse("x", ENOENT, "none");
	refuse(NULL, ENOENT, "choose");
	refuse_entry("    text\n", EINVAL, "no settings");
	refuse_entry(PASSWORD_ENTRY "    auth_type: [a, [b]]\n", EOPNOTSUPP, "auth_type");
	refuse_entry(PASSWORD_ENTRY "      user_id: {a: b}\n", EINVAL, "user_id");
	refuse_entry("    auth: {auth_url: http://k, username: u, password: \"s3cret\\0x\"}\n",
		EINVAL, "password");
}

static void repeat(struct buf *out, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_adds(out, text);
}

/* None of these may take long, or end the program. */
static void test_hostile_yaml(void **state)
{
	AUTO_BUF struct buf deep = BUF_INIT, blocks = BUF_INIT, bomb = BUF_INIT, circle = BUF_INIT,
			    wide = BUF_INIT, anchors = BUF_INIT;
	time_t start = time(NULL);

	(void)state;
	repeat(&deep, "[", 100000);
	write_file("clouds.yaml", buf_text(&deep));
	refuse("x", EINVAL, "");
	repeat(&blocks, "- ", 100000);
	write_file("clouds.yaml", buf_text(&blocks));
	refuse("x", EINVAL, "");
	buf_adds(&anchors, "clouds:\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&anchors, "  - &a%d 1\n", i);
	write_file("clouds.yaml", buf_text(&anchors));
	refuse("x", EINVAL, "anchors");
	buf_adds(&bomb, "a0: &a0 [x]\n");
	for (int i = 1; i < 40; i++)
		buf_printf(&bomb, "a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1);
	buf_adds(&bomb, "clouds: *a39\n");
	write_file("clouds.yaml", buf_text(&bomb));
	refuse("x", EINVAL, "clouds:");
	buf_adds(&circle, "clouds: &c\n  x: &x\n    <<: [*x, *x, *x, *c, *c]\n    auth: *x\n");
	write_file("clouds.yaml", buf_text(&circle));
	refuse("x", EINVAL, "");
	buf_adds(&wide, "clouds:\n  x:\n    region_name: ");
	repeat(&wide, "r", 2 << 20);
	write_file("clouds.yaml", buf_text(&wide));
	refuse("x", EINVAL, "larger");
	assert_true(time(NULL) - start < 5);
}

static void test_long_scalars(void **state)
{
	AUTO_BUF struct buf entry = BUF_INIT;
	AUTO_CLOUD struct cloud *c = NULL;

	(void)state;
	buf_adds(&entry, PASSWORD_ENTRY "    region_name: ");
	repeat(&entry, "r", 100000);
	buf_adds(&entry, "\n    auth_type: ");
	repeat(&entry, "t", 100000);
	buf_adds(&entry, "\n");
	refuse_entry(buf_text(&entry), EOPNOTSUPP, "ttt");
	buf_reset(&entry);
	buf_adds(&entry, PASSWORD_ENTRY "    region_name: ");
	repeat(&entry, "r", 100000);
	c = load_entry(buf_text(&entry));
	assert_int_equal(strlen(c->region), 100000);
}

static void test_no_plain_file(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("clouds.yaml", 0600), 0);
	refuse("x", EINVAL, "plain file"); /* and does not wait for a writer */
	unlink("clouds.yaml");
	assert_int_equal(mkdir("clouds.yaml", 0700), 0);
	refuse("x", EINVAL, "plain file");
	rmdir("clouds.yaml");
}

static void test_unreadable(void **state)
{
	(void)state;
	write_file("clouds.yaml", "clouds:\n  x:\n" PASSWORD_ENTRY);
	chmod("clouds.yaml", 0);
	if (geteuid() == 0) { /* who may read everything */
		chmod(".", 0711);
		assert_int_equal(seteuid(65534), 0);
	}
	refuse("x", EACCES, "clouds.yaml");
	assert_int_equal(seteuid(getuid()), 0);
}

/* --- the warning about modes --- */

/* What goes to stderr while the cloud is loaded. */
static void load_saying(struct buf *said)
{
	int saved = dup(2), to = open("stderr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	AUTO_CLOUD struct cloud *c = NULL;
	char text[2000];
	ssize_t n;

	fflush(stderr);
	dup2(to, 2);
	c = load("x");
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	n = pread(to, text, sizeof(text), 0);
	close(to);
	buf_add(said, text, n > 0 ? (size_t)n : 0);
}

static void test_exposed_secrets(void **state)
{
	AUTO_BUF struct buf tight = BUF_INIT, loose = BUF_INIT, apart = BUF_INIT;

	(void)state;
	write_file("clouds.yaml", "clouds:\n  x:\n" PASSWORD_ENTRY);
	load_saying(&tight);
	assert_string_equal(buf_text(&tight), "");
	chmod("clouds.yaml", 0640);
	load_saying(&loose);
	assert_non_null(strstr(buf_text(&loose), "chmod 600 ./clouds.yaml"));
	assert_null(strstr(buf_text(&loose), "s3cret"));
	/* A clouds.yaml without secrets may be read by all. */
	write_file("clouds.yaml", "clouds: {x: {auth: {auth_url: http://k, username: u}}}\n");
	chmod("clouds.yaml", 0644);
	write_file("secure.yaml", "clouds: {x: {auth: {password: s3cret}}}\n");
	load_saying(&apart);
	assert_string_equal(buf_text(&apart), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_variables_password),
		TEST(test_variables_default_domain),
		TEST(test_variables_guess),
		TEST(test_variables_missing),
		TEST(test_entry_of_each_type),
		TEST(test_entry_ignores_variables),
		TEST(test_secure_is_laid_over),
		TEST(test_secure_elsewhere),
		TEST(test_places),
		TEST(test_json),
		TEST(test_regions),
		TEST(test_interface),
		TEST(test_tls),
		TEST(test_domains),
		TEST(test_endpoint_override),
		TEST(test_profile),
		TEST(test_incomplete),
		TEST(test_merge_keys),
		TEST(test_not_yaml),
		TEST(test_other_yaml),
		TEST(test_hostile_yaml),
		TEST(test_long_scalars),
		TEST(test_no_plain_file),
		TEST(test_unreadable),
		TEST(test_exposed_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
