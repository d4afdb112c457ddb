/* SPDX-License-Identifier: Apache-2.0 */
/* The command line, SPEC section 1. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include "fs/options.h"

#define AUTO_OPTIONS CLEANUP(options_done)
enum { ARGS_MAX = 16 };

/* `line`: arguments with single blanks between them. */
static int parse(const char *line, struct options *o, struct err *e)
{
	static char text[512];
	static char *argv[ARGS_MAX];
	int argc = 1;

	argv[0] = "commitfs";
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return options_parse(argc, argv, o, e);
}

static void good(const char *line, struct options *o)
{
	struct err e = {0};

	if (parse(line, o, &e) < 0)
		fail_msg("%s: %s", line, e.text);
}

TEST(defaults)
{
	AUTO_OPTIONS struct options o;

	good("/mnt", &o);
	assert_string_equal(o.mountpoint, "/mnt");
	assert_int_equal(o.parallel, 4);
	assert_int_equal(o.retries, 5);
	assert_false(o.read_only || o.foreground || o.debug || o.help || o.version || o.check ||
		     o.tlsverify);
	assert_true(
		!o.engine && !o.cloud && !o.store && !o.dir && !o.state && !o.group && !o.source);
}

/* Every long option is also a -o option of the same name. */
TEST(both_forms)
{
	static const char *const lines[] = {
		"--engine=unix:///e --tlscacert=/a --tlscert=/c --tlskey=/k --tlsverify --cloud=x "
		"--store=dir "
		"--dir=/d --state=/s --jobs=7 --retries=9 --gid=g --ro /mnt",
		"/mnt -o "
		"engine=unix:///e,tlscacert=/a,tlscert=/c,tlskey=/"
		"k,tlsverify,cloud=x,store=dir,dir=/d,"
		"state=/s,jobs=7,retries=9,gid=g,ro",
		"commitfs /mnt -o ro -o engine=unix:///e,tlscacert=/a -o "
		"tlscert=/c,tlskey=/k,tlsverify,cloud=x "
		"-ostore=dir,dir=/d,state=/s -o jobs=7,retries=9,gid=g",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_OPTIONS struct options o;

		good(lines[i], &o);
		assert_string_equal(o.engine, "unix:///e");
		assert_string_equal(o.tlscacert, "/a");
		assert_string_equal(o.tlscert, "/c");
		assert_string_equal(o.tlskey, "/k");
		assert_true(o.tlsverify);
		assert_string_equal(o.cloud, "x");
		assert_string_equal(o.store, "dir");
		assert_string_equal(o.dir, "/d");
		assert_string_equal(o.state, "/s");
		assert_int_equal(o.parallel, 7);
		assert_int_equal(o.retries, 9);
		assert_string_equal(o.group, "g");
		assert_true(o.read_only);
		assert_string_equal(o.mountpoint, "/mnt");
	}
}

static bool passes_on(const struct options *o, const char *word)
{
	for (int i = 1; i < o->args.argc; i++)
		if (strstr(o->args.argv[i], word))
			return true;
	return false;
}

/* What is not ours is libfuse's; of ours, only `ro` is of interest to it. */
TEST(for_libfuse)
{
	AUTO_OPTIONS struct options o;

	good("commitfs /mnt -o rw,nosuid,nodev,allow_other,engine=tcp://h:1,cloud=x", &o);
	assert_string_equal(o.source, "commitfs");
	assert_string_equal(o.mountpoint, "/mnt");
	assert_true(
		passes_on(&o, "allow_other") && passes_on(&o, "nosuid") && passes_on(&o, "nodev"));
	assert_false(passes_on(&o, "engine") || passes_on(&o, "cloud") || passes_on(&o, "/mnt"));
	assert_false(o.read_only);
}

TEST(read_only_is_for_the_kernel_too)
{
	static const char *const lines[] = {"/mnt --ro", "/mnt -o ro", "-oro /mnt"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_OPTIONS struct options o;

		good(lines[i], &o);
		assert_true(o.read_only);
		assert_true(passes_on(&o, "ro"));
	}
}

TEST(flags)
{
	AUTO_OPTIONS struct options f, d, h, v, check;

	good("-f /mnt", &f);
	assert_true(f.foreground && !f.debug);
	good("-d /mnt", &d);
	assert_true(d.debug);
	good("-h", &h);
	assert_true(h.help);
	good("-V", &v);
	assert_true(v.version);
	good("--check --cloud=x", &check);
	assert_true(check.check);
	assert_null(check.mountpoint);
}

TEST(relative_paths)
{
	AUTO_FREE char *folder = getcwd(NULL, 0);
	AUTO_BUF struct buf want = BUF_INIT;
	AUTO_OPTIONS struct options o;

	/* It becomes a daemon, which leaves the folder that it was started in. */
	good("--dir=images --state=s --tlscacert=ca.pem mnt", &o);
	buf_printf(&want, "%s/mnt", folder);
	assert_string_equal(o.mountpoint, buf_text(&want));
	assert_true(o.dir[0] == '/' && o.state[0] == '/' && o.tlscacert[0] == '/');
	assert_string_equal(strrchr(o.dir, '/'), "/images");
}

TEST(bad)
{
	static const char *const lines[] = {"", "-o ro", "a b c", "/mnt --jobs=0", "/mnt --jobs=-1",
		"/mnt --jobs=x", "/mnt --jobs=4x",
		"/mnt --jobs=", "/mnt -o jobs=99999999999999999999", "/mnt --retries=x",
		"/mnt --retries=1.5", "/mnt -o retries=", "/mnt --store=nowhere",
		"/mnt --store=", "/mnt --jobs=+4"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO_OPTIONS struct options o;
		struct err e = {0};
		int r = parse(lines[i], &o, &e);

		if (r != -EINVAL)
			fail_msg("'%s' gives %d %s", lines[i], r, e.text);
		assert_err(r, &e, EINVAL);
	}
}

TEST(last_one_counts)
{
	AUTO_OPTIONS struct options o;

	good("--engine=a --engine=b /mnt --jobs=2 -o jobs=3", &o);
	assert_string_equal(o.engine, "b");
	assert_int_equal(o.parallel, 3);
}

/* --- the folder for state --- */

static void state_is(const struct options *o, const char *want)
{
	AUTO_BUF struct buf path = BUF_INIT;
	struct err e = {0};

	if (options_state(o, &path, &e) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(buf_text(&path), want);
}

TEST(state_given)
{
	AUTO_OPTIONS struct options o, none;

	setenv("STATE_DIRECTORY", "/from/systemd", 1);
	setenv("XDG_STATE_HOME", "/xdg", 1);
	good("/mnt --state=/given", &o);
	state_is(&o, "/given");
	good("/mnt", &none);
	state_is(&none, "/from/systemd");
	unsetenv("STATE_DIRECTORY");
	if (geteuid() == 0)
		state_is(&none, "/var/lib/commitfs");
	unsetenv("XDG_STATE_HOME");
}

/* Runs in a child that is nobody in particular, since root has a folder of its own. */
static int state_of_a_user(void)
{
	static struct options none;
	AUTO_BUF struct buf xdg = BUF_INIT, home = BUF_INIT, nowhere = BUF_INIT;
	struct err e = {0};

	if (geteuid() == 0 && seteuid(65534) < 0)
		return 2;
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", "/xdg", 1);
	setenv("HOME", "/home/u", 1);
	if (options_state(&none, &xdg, &e) < 0 || strcmp(buf_text(&xdg), "/xdg/commitfs") != 0)
		return 3;
	unsetenv("XDG_STATE_HOME");
	if (options_state(&none, &home, &e) < 0 ||
		strcmp(buf_text(&home), "/home/u/.local/state/commitfs") != 0)
		return 4;
	unsetenv("HOME");
	return options_state(&none, &nowhere, &e) == -ENOENT && e.text[0] ? 0 : 5;
}

TEST(state_of_a_user)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(state_of_a_user());
	assert_true(child > 0 && waitpid(child, &status, 0) == child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_both_forms),
		cmocka_unit_test(test_for_libfuse),
		cmocka_unit_test(test_read_only_is_for_the_kernel_too),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_relative_paths),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_last_one_counts),
		cmocka_unit_test(test_state_given),
		cmocka_unit_test(test_state_of_a_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
