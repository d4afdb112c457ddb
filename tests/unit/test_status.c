/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of `status` and `progress`, SPEC section 4. */
#include "unit.h"

#include "fs/tree.h"

static const char *const keys[] = {"job", "operation", "container", "image", "image-id", "target",
	"target-id", "state", "percent", "bytes", "total", "rate", "eta", "attempt", "started",
	"finished", "error"};

/* All keys, in their order, each on one line. */
static void check_keys(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t len = strlen(keys[i]);

		if (strncmp(text, keys[i], len) != 0 || (text[len] != ' ' && text[len] != '\n'))
			fail_msg("'%s' is not where it should be: %.40s", keys[i], text);
		if (text[len] == ' ' && text[len + 1] == '\n')
			fail_msg("'%s' has a blank and no value", keys[i]);
		text += strcspn(text, "\n") + 1;
	}
	assert_string_equal(text, "");
}

static void shows(const struct status *s, const char *key, const char *value)
{
	AUTO_BUF struct buf out = BUF_INIT, line = BUF_INIT, whole = BUF_INIT;

	assert_int_equal(status_show(s, &out), 0);
	check_keys(buf_text(&out));
	buf_printf(&line, "\n%s%s%s\n", key, *value ? " " : "", value);
	buf_printf(&whole, "\n%s", buf_text(&out));
	if (!strstr(buf_text(&whole), buf_text(&line)))
		fail_msg("'%s' is not '%s' in:\n%s", key, value, buf_text(&out));
}

static struct job_info uploading(void)
{
	return (struct job_info){
		.number = 12,
		.operation = JOB_PUSH,
		.state = JOB_UPLOADING,
		.container_id = "c1",
		.container_name = "web",
		.reference = "foo-image:latest",
		.image_id = "sha256:11",
		.target = "glance:foo-image:latest",
		.target_id = "6f1e",
		.bytes = 300,
		.total = 1000,
		.rate = 50,
		.attempt = 1,
		.created = 1795290540,
		.started = 1795290542,
	};
}

TEST(whole)
{
	struct job_info job = uploading();
	struct status s = {.job = &job};
	AUTO_BUF struct buf out = BUF_INIT;

	assert_int_equal(status_show(&s, &out), 0);
	assert_string_equal(buf_text(&out), "job 12\noperation push\ncontainer web\nimage "
					    "foo-image:latest\nimage-id sha256:11\n"
					    "target glance:foo-image:latest\ntarget-id 6f1e\nstate "
					    "uploading\npercent 30\nbytes 300\n"
					    "total 1000\nrate 50\neta 14\nattempt 1\nstarted "
					    "2026-11-21T19:49:02Z\nfinished\nerror\n");
}

TEST(no_job)
{
	static const struct job_info none;
	struct status s = {.job = &none,
		.container = "web",
		.image = "foo:1",
		.image_id = "sha256:1",
		.state = "committed"};
	AUTO_BUF struct buf out = BUF_INIT, empty = BUF_INIT;

	assert_int_equal(status_show(&s, &out), 0);
	assert_string_equal(buf_text(&out),
		"job\noperation\ncontainer web\nimage foo:1\nimage-id sha256:1\ntarget\ntarget-id\n"
		"state "
		"committed\npercent\nbytes\ntotal\nrate\neta\nattempt\nstarted\nfinished\nerror\n");
	s = (struct status){.job = &none};
	assert_int_equal(status_show(&s, &empty), 0);
	check_keys(buf_text(&empty));
	assert_null(strchr(buf_text(&empty), ' '));
}

/* The words of SPEC section 4, in its order. */
TEST(states)
{
	static const char *const words[] = {"committing", "committed", "queued", "exporting",
		"uploading", "verifying", "active", "waiting", "failed", "cancelled"};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		struct job_info job = uploading();
		struct status s = {.job = &job};

		job.state = (enum job_state)i;
		assert_string_equal(job_state_word(job.state), words[i]);
		shows(&s, "state", words[i]);
	}
	assert_string_equal(job_operation_word(JOB_COMMIT), "commit");
	assert_string_equal(job_operation_word(JOB_PUSH), "push");
}

TEST(commit_alone)
{
	struct job_info job = {.number = 1,
		.operation = JOB_COMMIT,
		.state = JOB_COMMITTING,
		.container_name = "web",
		.reference = "foo:1",
		.attempt = 1};
	struct status s = {.job = &job};

	shows(&s, "operation", "commit");
	shows(&s, "target", "");
	shows(&s, "percent", "");
	shows(&s, "bytes", "");
	shows(&s, "total", "");
	shows(&s, "image-id", "");
	shows(&s, "started", "");
}

TEST(percent)
{
	static const struct {
		uint64_t bytes, total;
		enum job_state state;
		const char *want;
	} cases[] = {
		{0, 0, JOB_QUEUED, "0"},
		{0, 1000, JOB_EXPORTING, "0"},
		{5, 1000, JOB_UPLOADING, "0"},
		{505, 1000, JOB_UPLOADING, "50"},
		{1000, 1000, JOB_UPLOADING, "99"}, /* 100 is for what has arrived */
		{1500, 1000, JOB_UPLOADING, "99"}, /* the engine's word for its size is not exact */
		{1000, 1000, JOB_VERIFYING, "99"},
		{1000, 1000, JOB_ACTIVE, "100"},
		{300, 1000, JOB_FAILED, "30"},
		{5ull << 40, 10ull << 40, JOB_UPLOADING, "50"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct job_info job = uploading();
		struct status s = {.job = &job};

		job.bytes = cases[i].bytes;
		job.total = cases[i].total;
		job.state = cases[i].state;
		shows(&s, "percent", cases[i].want);
	}
}

TEST(eta)
{
	static const struct {
		uint64_t bytes, total, rate;
		enum job_state state;
		const char *want;
	} cases[] = {
		{0, 1000, 10, JOB_UPLOADING, "100"},
		{1000, 1000, 10, JOB_UPLOADING, "0"},
		{1500, 1000, 10, JOB_UPLOADING, ""},
		{0, 1000, 0, JOB_UPLOADING, ""},
		{0, 1000, 10, JOB_WAITING, ""},
		{1000, 1000, 10, JOB_ACTIVE, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct job_info job = uploading();
		struct status s = {.job = &job};

		job.bytes = cases[i].bytes;
		job.total = cases[i].total;
		job.rate = cases[i].rate;
		job.state = cases[i].state;
		shows(&s, "eta", cases[i].want);
	}
}

TEST(errors)
{
	struct job_info job = uploading();
	struct job_rejection older = {.when = 1795290541}, newer = {.when = 1795290600};
	struct status s = {.job = &job};
	static const struct job_info none;

	err_set(&older.error, EINVAL, "an older word");
	err_set(&newer.error, EINVAL, "a newer word");
	shows(&s, "error", "");
	err_set(&job.error, EDQUOT, "Glance answers 413: too large");
	job.state = JOB_FAILED;
	job.ended = 1795290550;
	shows(&s, "error", "Glance answers 413: too large");
	shows(&s, "finished", "2026-11-21T19:49:10Z");
	/* What was refused after the job ended is the newer word; what was before is not. */
	s.rejection = &older;
	shows(&s, "error", "Glance answers 413: too large");
	s.rejection = &newer;
	shows(&s, "error", "a newer word");
	s.job = &none;
	shows(&s, "error", "a newer word");
}

TEST(outcome)
{
	struct job_info job = uploading();

	job.state = JOB_ACTIVE;
	assert_int_equal(job_outcome(&job), 0);
	err_set(&job.error, EDQUOT, "x");
	job.state = JOB_FAILED;
	assert_int_equal(job_outcome(&job), -EDQUOT);
	err_set(&job.error, ECANCELED, "x");
	job.state = JOB_CANCELLED;
	assert_int_equal(job_outcome(&job), -ECANCELED);
}

static void progress_is(const struct job_info *job, const char *want)
{
	AUTO_BUF struct buf out = BUF_INIT;

	assert_int_equal(progress_show(job, &out), 0);
	assert_string_equal(buf_text(&out), want);
}

/* A line for people: it has its parts, whatever lies between them. */
static void progress_has(const struct job_info *job, const char *const *parts, size_t n)
{
	AUTO_BUF struct buf out = BUF_INIT;
	const char *at;

	assert_int_equal(progress_show(job, &out), 0);
	at = buf_text(&out);
	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(at, parts[i]);

		if (!found)
			fail_msg("'%s' is not in its place in: %s", parts[i], buf_text(&out));
		at = found + strlen(parts[i]);
	}
	assert_ptr_equal(strchr(buf_text(&out), '\n'), buf_text(&out) + out.len - 1);
}

TEST(progress)
{
	static const struct job_info none;
	static const char *const parts[] = {"[", "#", ".", "]", "30%", "300.0 MiB", "1000.0 MiB",
		"50.0 MiB/s", "0:14", "uploading\n"};
	static const char *const all[] = {"[", "#", "]", "100%", "1000.0 MiB", "active\n"};
	static const char *const hours[] = {"0%", "2:46:40", "uploading\n"};
	struct job_info job = uploading(), commit = {.number = 1, .state = JOB_COMMITTING};

	job.bytes <<= 20;
	job.total <<= 20;
	job.rate <<= 20;
	progress_has(&job, parts, ARRAY_SIZE(parts));
	job.bytes = job.total;
	job.state = JOB_ACTIVE;
	progress_has(&job, all, ARRAY_SIZE(all));
	job = uploading();
	job.bytes = 0;
	job.total = 10000;
	job.rate = 1;
	progress_has(&job, hours, ARRAY_SIZE(hours));
	progress_is(&commit, "committing\n");
	assert_int_equal(none.number, 0);
	progress_has(&none, NULL, 0);
}

/* Sizes without end, and all of them unknown. */
TEST(progress_extremes)
{
	struct job_info job = uploading();

	job.bytes = job.total = job.rate = UINT64_MAX;
	progress_has(&job, (const char *const[]){"[", "]", "%", "uploading\n"}, 4);
	job.bytes = job.total = job.rate = 0;
	progress_has(&job, (const char *const[]){"[", "]", "0%", "uploading\n"}, 4);
	for (unsigned i = JOB_COMMITTING; i <= JOB_CANCELLED; i++) {
		job.state = (enum job_state)i;
		progress_has(&job, (const char *const[]){job_state_word(job.state), "\n"}, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_job),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_commit_alone),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_eta),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_outcome),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_progress_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
