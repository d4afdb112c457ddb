/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of fs/tree_*.c, without FUSE: a catalog filled from samples, a scripted engine for
 * what is asked of one, a store of our own, and jobs.
 */
#include "unit.h"

#include <time.h>

#include "fs/control.h"
#include "fs/handle.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "net/json.h"
#include "server.h"

#define WEB "aaaa111111111111111111111111111111111111111111111111111111111111"
#define DB  "bbbb222222222222222222222222222222222222222222222222222222222222"
#define I   "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define J   "sha256:2222222222222222222222222222222222222222222222222222222222222222"

/* --- the engine --- */

static const char containers[] =
	"[{\"Id\":\"" WEB "\",\"Names\":[\"/web\"],\"Image\":\"foo:1\",\"ImageID\":\"" I
	"\",\"Command\":\"sh -c 'x y'\",\"Created\":1795290542,\"State\":\"running\","
	"\"Mounts\":[{\"Destination\":\"/data\"}]},"
	"{\"Id\":\"" DB "\",\"Names\":[\"/db\"],\"Image\":\"foo:1\",\"ImageID\":\"" I
	"\",\"Command\":\"\",\"Created\":1795290543,\"State\":\"exited\",\"Mounts\":[]}]";
static const char images[] =
	"[{\"Id\":\"" I
	"\",\"RepoTags\":[\"foo:1\",\"localhost:5000/team/foo:latest\"],\"Size\":123456,"
	"\"Created\":1795290000}]";

static const char *engine_file(const struct conn *c)
{
	static const char *const files[][2] = {
		{"GET /version ", "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\",\"Version\":"
				  "\"20.10.24\"}"},
		{"GET /v1.41/containers/json", containers},
		{"GET /v1.41/images/json", images},
		{"GET /v1.41/containers/" WEB "/json",
			"{\"Id\":\"" WEB "\",\"Name\":\"/web\",\"State\":{"
			"\"Status\":\"running\"},\"Secret\":\"in here\"}"},
		{"GET /v1.41/containers/" WEB "/changes",
			"[{\"Path\":\"/etc\",\"Kind\":0},{\"Path\":\"/etc/new\\nline\",\"Kind\":1},"
			"{\"Path\":\"/gone\",\"Kind\":2}]"},
		{"GET /v1.41/images/",
			"{\"Id\":\"" I "\",\"Size\":123456,\"Author\":\"me\\nand you\","
			"\"Comment\":\"debug build\",\"Container\":\"" WEB "\"}\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (conn_is(c, files[i][0]))
			return files[i][1];
	return NULL;
}

static void engine_script(struct conn *c)
{
	while (conn_request(c)) {
		const char *file = engine_file(c);

		if (conn_is(c, "GET /v1.41/events")) {
			conn_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
			conn_hang(c);
			return;
		}
		if (!conn_answer(
			    c, file ? 200 : 404, file ? file : "{\"message\":\"no such thing\"}"))
			return;
	}
}

/* --- a store --- */

struct own_store {
	struct store store; /* first */
	struct store_ops ops;
	int create, verify; /* what they return */
};

static struct own_store *own(struct store *s)
{
	return (struct own_store *)(void *)s;
}

static int own_create(struct store *s, const struct store_record *record,
	const struct cancel *cancel, struct err *reterr)
{
	(void)cancel;
	assert_int_equal(strlen(record->id), STORE_ID - 1);
	return own(s)->create ? err_set(reterr, own(s)->create, "the store is full") : 0;
}

static int own_describe(struct store *s, const struct store_record *record,
	const struct cancel *cancel, struct err *reterr)
{
	(void)s, (void)record, (void)cancel, (void)reterr;
	return 0;
}

static int own_upload(struct store *s, const struct store_record *record,
	const struct store_upload *upload, struct store_sent *ret, struct err *reterr)
{
	(void)s, (void)record, (void)reterr;
	upload->moved(upload->arg, 1000);
	*ret = (struct store_sent){.bytes = 1000, .algorithm = "sha512", .hash = "00"};
	return 0;
}

static int own_verify(struct store *s, const char *id, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr)
{
	(void)id, (void)cancel;
	return sent->bytes != 1000 || own(s)->verify
		       ? err_set(reterr, own(s)->verify ? own(s)->verify : EIO, "the hash differs")
		       : 0;
}

static int own_remove(struct store *s, const char *id, int timeout_ms, const struct cancel *cancel,
	struct err *reterr)
{
	(void)s, (void)id, (void)timeout_ms, (void)cancel, (void)reterr;
	return 0;
}

static int own_check(
	struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr)
{
	(void)s, (void)says, (void)cancel, (void)reterr;
	return 0;
}

/* --- a mount without a mount --- */

struct place {
	struct server *server;
	struct own_store own;
	struct fs fs;
};

static int put_container(void *catalog, const json_t *element)
{
	return catalog_put_container(catalog, element);
}

static int put_image(void *catalog, const json_t *element)
{
	return catalog_put_image(catalog, element);
}

static void fill(struct catalog *c, json_object_fn *put, const char *list)
{
	CLEANUP(json_split_done) struct json_split s;

	json_split_init(&s, put, c);
	assert_int_equal(json_split_feed(&s, list, strlen(list)), 0);
	assert_int_equal(json_split_end(&s), 0);
}

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct err e = {0};
	struct engine_options engine = {0};
	struct jobs_options jobs = {.default_store = "dir", .parallel = 1, .retries = 1};

	p->own.ops = (struct store_ops){.name = "dir",
		.check = own_check,
		.create = own_create,
		.describe = own_describe,
		.upload = own_upload,
		.verify = own_verify,
		.remove = own_remove};
	p->own.store.ops = &p->own.ops;
	p->server = server_start(engine_script, NULL);
	p->fs.stores[0] = &p->own.store;
	p->fs.default_store = "dir";
	p->fs.mounted = 1795290500;
	engine.url = server_url(p->server);
	jobs.stores = p->fs.stores;
	if (engine_open(&engine, &p->fs.engine, &e) < 0 || catalog_new(NULL, &p->fs.catalog) < 0)
		return -1;
	jobs.engine = p->fs.engine;
	jobs.catalog = p->fs.catalog;
	fill(p->fs.catalog, put_container, containers);
	fill(p->fs.catalog, put_image, images);
	*state = p;
	return jobs_new(&jobs, &p->fs.jobs, &e) || nodes_new(&p->fs.nodes) ||
	       notify_new(&p->fs, &p->fs.notify);
}

static int end(void **state)
{
	struct place *p = *state;

	jobs_stop(p->fs.jobs);
	jobs_free(p->fs.jobs);
	notify_free(p->fs.notify);
	nodes_free(p->fs.nodes);
	catalog_free(p->fs.catalog);
	engine_free(p->fs.engine);
	server_stop(p->server);
	free(p);
	return 0;
}

/* --- looking into a directory --- */

static const struct file_row *row_of(const struct dir_type *type, const char *name)
{
	for (const struct file_row *row = type->files; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	fail_msg("%s has no file '%s'", type->name, name);
	return NULL;
}

static void *view_of(struct place *p, const struct dir_type *type, const char *key)
{
	void *view = NULL;

	assert_int_equal(type->get(&p->fs, key, &view), 0);
	assert_non_null(view);
	return view;
}

/* The text of a file as a reader gets it. */
static void text_of(struct place *p, const struct dir_type *type, const char *key, const char *name,
	struct buf *out)
{
	const struct file_row *row = row_of(type, name);
	void *view = view_of(p, type, key);
	struct err e = {0};
	int r = row->show ? row->show(view, out) : row->ask(&p->fs, view, out, NULL, &e);

	type->put(view);
	if (r < 0)
		fail_msg("%s: %d %s", name, r, e.text);
}

static void shows(struct place *p, const struct dir_type *type, const char *key, const char *name,
	const char *want)
{
	AUTO_BUF struct buf text = BUF_INIT;

	text_of(p, type, key, name, &text);
	if (strcmp(buf_text(&text), want) != 0)
		fail_msg("%s of %s is '%s' and not '%s'", name, key, buf_text(&text), want);
}

/* A line of a flat keyed file. */
static void says(struct place *p, const struct dir_type *type, const char *key, const char *name,
	const char *line)
{
	AUTO_BUF struct buf text = BUF_INIT, whole = BUF_INIT, want = BUF_INIT;

	text_of(p, type, key, name, &text);
	buf_printf(&whole, "\n%s", buf_text(&text));
	buf_printf(&want, "\n%s\n", line);
	if (!strstr(buf_text(&whole), buf_text(&want)))
		fail_msg("'%s' is not in:\n%s", line, buf_text(&text));
}

static int write_to(struct place *p, const struct dir_type *type, const char *key, const char *name,
	const char *text, struct err *e)
{
	void *view = view_of(p, type, key);
	int r;

	*e = (struct err){0};
	r = row_of(type, name)->store(&p->fs, view, text, strlen(text), NULL, e);
	type->put(view);
	control_note(&p->fs, type, key, r < 0 ? e : NULL); /* as whoever answers the write does */
	return r;
}

static void writes(struct place *p, const struct dir_type *type, const char *key, const char *name,
	const char *text)
{
	struct err e;

	if (write_to(p, type, key, name, text, &e) < 0)
		fail_msg("%s: %s", text, e.text);
}

static void gone(struct place *p, const struct dir_type *type, const char *key)
{
	void *view = NULL;

	assert_int_equal(type->get(&p->fs, key, &view), -ENOENT);
	assert_null(view);
}

static bool pending(struct place *p, const struct dir_type *type, const char *key)
{
	void *view = view_of(p, type, key);
	bool is = row_of(type, "wait")->pending(&p->fs, view);

	type->put(view);
	return is;
}

static int outcome(struct place *p, const struct dir_type *type, const char *key)
{
	void *view = view_of(p, type, key);
	int r = row_of(type, "wait")->outcome(view);

	type->put(view);
	return r;
}

/* "NAME=KEY " in the order of the names. */
static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct dir_item *)a)->name, ((const struct dir_item *)b)->name);
}

static void lists(struct place *p, const struct dir_type *type, const char *want)
{
	struct dir_list *list = calloc(1, sizeof(*list));
	AUTO_BUF struct buf text = BUF_INIT;

	assert_int_equal(type->list(&p->fs, list), 0);
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), by_name);
	for (size_t i = 0; i < list->count; i++)
		buf_printf(&text, "%s=%.40s ", list->items[i].name, list->items[i].key);
	dir_list_free(list);
	assert_string_equal(buf_text(&text), want);
}

/* `key` NULL: there is no such name. */
static void resolves(
	struct place *p, const struct dir_type *type, const char *name, const char *key, bool alias)
{
	AUTO_BUF struct buf found = BUF_INIT;
	bool is_alias = false;
	int r = type->resolve(&p->fs, name, &found, &is_alias);

	if (r != (key ? 0 : -ENOENT))
		fail_msg("'%s' gives %d", name, r);
	if (!key)
		return;
	assert_string_equal(buf_text(&found), key);
	assert_int_equal(is_alias, alias);
}

/* --- what there is --- */

/* SPEC section 2: the files of issue 2, and what their modes say. */
static void test_files(void **state)
{
	static const struct {
		const struct dir_type *type;
		const char *values, *control, *secret; /* names with a blank behind each */
	} cases[] = {
		{&root_type, "README status ", "", ""},
		{&container_type, "id image state created command changes volumes status wait ",
			"commit push ", "inspect.json "},
		{&image_type,
			"id size created author comment container state status progress wait ",
			"push ", "inspect.json "},
		{&job_type, "state status progress wait log ", "cancel ", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const sets[] = {cases[i].values, cases[i].control, cases[i].secret};
		static const mode_t modes[] = {0444, 0600, 0400};

		for (size_t k = 0; k < ARRAY_SIZE(sets); k++) {
			for (const char *name = sets[k]; *name; name = strchr(name, ' ') + 1) {
				char one[32];
				const struct file_row *row;

				snprintf(one, sizeof(one), "%.*s", (int)strcspn(name, " "), name);
				row = row_of(cases[i].type, one);
				assert_int_equal(row->mode, modes[k]);
				assert_int_equal(row->store != NULL, k == 1);
				assert_true(!row->show != !row->ask);
				assert_int_equal(row->pending != NULL, strcmp(one, "wait") == 0);
				assert_int_equal(row->outcome != NULL, strcmp(one, "wait") == 0);
			}
		}
	}
}

/* A name stands once in a directory, and each kind has its letter. */
static void test_names_are_unique(void **state)
{
	static const struct dir_type *const types[] = {&root_type, &containers_type,
		&container_type, &images_type, &image_type, &jobs_type, &job_type};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(types[i]->letter, types[k]->letter);
		for (const struct file_row *a = types[i]->files; a && a->name; a++)
			for (const struct file_row *b = types[i]->files; b < a; b++)
				assert_string_not_equal(a->name, b->name);
	}
}

/* --- containers --- */

static void test_container_values(void **state)
{
	struct place *p = *state;

	shows(p, &container_type, WEB, "id", WEB "\n");
	shows(p, &container_type, WEB, "image", "foo:1\n");
	shows(p, &container_type, WEB, "state", "running\n");
	shows(p, &container_type, WEB, "created", "2026-11-21T19:49:02Z\n");
	shows(p, &container_type, WEB, "command", "sh -c 'x y'\n");
	shows(p, &container_type, WEB, "volumes", "/data\n");
	shows(p, &container_type, DB, "volumes", "");
	shows(p, &container_type, DB, "command", "\n");
	shows(p, &container_type, WEB, "commit", "");
	shows(p, &container_type, WEB, "push", "");
	shows(p, &container_type, WEB, "status",
		"job\noperation\ncontainer "
		"web\nimage\nimage-id\ntarget\ntarget-id\nstate\npercent\nbytes\n"
		"total\nrate\neta\nattempt\nstarted\nfinished\nerror\n");
	assert_false(pending(p, &container_type, WEB));
	assert_int_equal(outcome(p, &container_type, WEB), 0);
}

static void test_container_asks(void **state)
{
	struct place *p = *state;
	AUTO_BUF struct buf inspect = BUF_INIT, none = BUF_INIT;
	void *view = view_of(p, &container_type, DB);
	struct err e = {0};

	text_of(p, &container_type, WEB, "inspect.json", &inspect);
	assert_non_null(strstr(buf_text(&inspect), "\"Secret\":\"in here\""));
	assert_int_equal(inspect.data[inspect.len - 1], '\n');
	/* A newline in a path is not another entry. */
	shows(p, &container_type, WEB, "changes", "C /etc\nA /etc/new\\012line\nD /gone\n");
	assert_err(
		row_of(&container_type, "changes")->ask(&p->fs, view, &none, NULL, &e), &e, ENOENT);
	container_type.put(view);
}

static void test_containers(void **state)
{
	struct place *p = *state;

	lists(p, &containers_type,
		"db=bbbb222222222222222222222222222222222222 "
		"web=aaaa111111111111111111111111111111111111 ");
	resolves(p, &containers_type, "web", WEB, false);
	resolves(p, &containers_type, WEB, WEB, true);
	resolves(p, &containers_type, "aaaa", WEB, true);
	resolves(p, &containers_type, "b", DB, true);
	resolves(p, &containers_type, "c", NULL, false);
	resolves(p, &containers_type, "", NULL, false);
	resolves(p, &containers_type, ".Trash", NULL, false);
	resolves(p, &containers_type, "WEB", NULL, false);
	gone(p, &container_type, "web");
	assert_true(containers_type.absence_is_told("autorun.inf"));
	assert_false(
		containers_type.absence_is_told("abc")); /* may become the beginning of an id */
}

/* What was got stays as it was. */
static void test_view_does_not_change(void **state)
{
	struct place *p = *state;
	AUTO_BUF struct buf text = BUF_INIT;
	void *view = view_of(p, &container_type, WEB);

	catalog_remove_container(p->fs.catalog, WEB);
	gone(p, &container_type, WEB);
	assert_int_equal(row_of(&container_type, "state")->show(view, &text), 0);
	assert_string_equal(buf_text(&text), "running\n");
	container_type.put(view);
}

static int64_t mtime(
	struct place *p, const struct dir_type *type, const char *key, const char *name)
{
	const struct file_row *row = name ? row_of(type, name) : NULL;
	void *view = view_of(p, type, key);
	struct stat st = {0};

	type->times(&p->fs, view, row, &st);
	type->put(view);
	return st.st_mtim.tv_sec;
}

/* A container's directory carries its creation time, an image's its own. */
static void test_times(void **state)
{
	struct place *p = *state;

	assert_int_equal(mtime(p, &container_type, WEB, NULL), 1795290542);
	assert_int_equal(mtime(p, &container_type, WEB, "id"), 1795290542);
	assert_int_equal(mtime(p, &image_type, "foo:1", NULL), 1795290000);
	assert_int_equal(mtime(p, &image_type, "foo:1", "id"), 1795290000);
}

/* --- images --- */

static void test_image_values(void **state)
{
	struct place *p = *state;

	shows(p, &image_type, "foo:1", "id", I "\n");
	shows(p, &image_type, "foo:1", "size", "123456\n");
	shows(p, &image_type, "foo:1", "created", "2026-11-21T19:40:00Z\n");
	shows(p, &image_type, "foo:1", "author", "me and you\n");
	shows(p, &image_type, "foo:1", "comment", "debug build\n");
	shows(p, &image_type, "foo:1", "container", WEB "\n");
	shows(p, &image_type, "foo:1", "state", "committed\n");
	shows(p, &image_type, "foo:1", "push", "");
	shows(p, &image_type, "foo:1", "status",
		"job\noperation\ncontainer\nimage foo:1\nimage-id " I
		"\ntarget\ntarget-id\nstate committed\n"
		"percent\nbytes\ntotal\nrate\neta\nattempt\nstarted\nfinished\nerror\n");
	assert_false(pending(p, &image_type, "foo:1"));
	assert_int_equal(outcome(p, &image_type, "foo:1"), 0);
	gone(p, &image_type, "foo:2");
}

static void test_images(void **state)
{
	struct place *p = *state;

	lists(p, &images_type,
		"foo:1=foo:1 localhost:5000%2Fteam%2Ffoo:latest=localhost:5000/team/foo:latest ");
	resolves(p, &images_type, "foo:1", "foo:1", false);
	resolves(p, &images_type, "localhost:5000%2Fteam%2Ffoo:latest",
		"localhost:5000/team/foo:latest", false);
	resolves(p, &images_type, "localhost:5000%2Fteam%2Ffoo", "localhost:5000/team/foo:latest",
		true);
	resolves(p, &images_type, "localhost:5000%2fteam%2ffoo", NULL, false);
	resolves(p, &images_type, "foo", NULL, false); /* there is no foo:latest */
	resolves(p, &images_type, "foo:2", NULL, false);
	resolves(p, &images_type, ".hidden", NULL, false);
	resolves(p, &images_type, "%", NULL, false);
	resolves(p, &images_type, "", NULL, false);
	assert_true(images_type.absence_is_told("foo:3"));
	assert_true(images_type.absence_is_told(".directory"));
}

/* --- jobs --- */

static void test_bad_requests(void **state)
{
	static const struct {
		const struct dir_type *type;
		const char *key, *file, *text;
		int code;
	} cases[] = {
		{&container_type, WEB, "commit", "FOO", EINVAL},
		{&container_type, WEB, "commit", "", EINVAL},
		{&container_type, WEB, "commit", "bar who=me", EINVAL},
		{&container_type, WEB, "commit", "bar push=nowhere", EINVAL},
		{&container_type, WEB, "push", "", ENOENT}, /* there is no snapshot yet */
		{&container_type, WEB, "push", "foo:1 to=glance", ENOENT}, /* no such cloud */
		{&image_type, "foo:1", "push", "nowhere", EINVAL},
		{&image_type, "foo:1", "push", "dir:/tmp", EINVAL},
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf line = BUF_INIT;
		struct err e;

		assert_err(
			write_to(p, cases[i].type, cases[i].key, cases[i].file, cases[i].text, &e),
			&e, cases[i].code);
		/* The sentence is in `status`, and there is no job. */
		buf_printf(&line, "error %s", e.text);
		says(p, cases[i].type, cases[i].key, "status", buf_text(&line));
		says(p, cases[i].type, cases[i].key, "status", "job");
		assert_false(pending(p, cases[i].type, cases[i].key));
		lists(p, &jobs_type, "");
	}
}

/* A commit that waits for its turn: its image is there already. */
static void test_commit(void **state)
{
	struct place *p = *state;
	struct err e;

	assert_true(write_to(p, &container_type, WEB, "commit", "FOO", &e) < 0);
	writes(p, &container_type, WEB, "commit", "snap:1 author='a b'\n");
	shows(p, &container_type, WEB, "commit", "snap:1 author='a b'\n");
	says(p, &container_type, WEB, "status", "job 1");
	says(p, &container_type, WEB, "status", "operation commit");
	says(p, &container_type, WEB, "status", "container web");
	says(p, &container_type, WEB, "status", "image snap:1");
	says(p, &container_type, WEB, "status", "state committing");
	says(p, &container_type, WEB, "status", "target");
	says(p, &container_type, WEB, "status", "error"); /* an accepted request takes it away */
	assert_true(pending(p, &container_type, WEB));
	assert_false(pending(p, &container_type, DB));
	shows(p, &image_type, "snap:1", "state", "committing\n");
	shows(p, &image_type, "snap:1", "id", "\n");
	shows(p, &image_type, "snap:1", "size", "\n");
	shows(p, &image_type, "snap:1", "created", "\n");
	shows(p, &image_type, "snap:1", "progress", "committing\n");
	assert_true(pending(p, &image_type, "snap:1"));
	lists(p, &images_type,
		"foo:1=foo:1 localhost:5000%2Fteam%2Ffoo:latest=localhost:5000/team/foo:latest "
		"snap:1=snap:1 ");
	resolves(p, &images_type, "snap:1", "snap:1", false);
	shows(p, &job_type, "1", "state", "committing\n");
	lists(p, &jobs_type, "1=1 ");
}

/* A file of an image that is not there yet can't be asked for. */
static void test_coming_image_has_no_description(void **state)
{
	static const char *const names[] = {"author", "comment", "container", "inspect.json"};
	struct place *p = *state;
	void *view;

	writes(p, &container_type, WEB, "commit", "snap:1");
	view = view_of(p, &image_type, "snap:1");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO_BUF struct buf out = BUF_INIT;
		struct err e = {0};

		assert_err(row_of(&image_type, names[i])->ask(&p->fs, view, &out, NULL, &e), &e,
			ENOENT);
	}
	image_type.put(view);
}

/* A push of a commit that waits, to a target of another name. */
static void test_commit_and_push(void **state)
{
	struct place *p = *state;

	writes(p, &container_type, WEB, "commit", "snap:1");
	writes(p, &container_type, WEB, "push", "\n");
	shows(p, &container_type, WEB, "commit", "snap:1\n");
	shows(p, &container_type, WEB, "push", "\n");
	says(p, &container_type, WEB, "status", "job 2");
	says(p, &container_type, WEB, "status", "operation push");
	says(p, &container_type, WEB, "status", "image snap:1");
	says(p, &container_type, WEB, "status", "target dir:snap:1");
	says(p, &container_type, WEB, "status", "state queued");
	says(p, &container_type, WEB, "status", "percent 0");
	lists(p, &jobs_type, "1=1 2=2 ");
}

static void wait_finished(struct place *p, uint64_t number)
{
	struct job_info info = {0};

	for (int i = 0; i < 2000; i++) {
		assert_true(jobs_get(p->fs.jobs, number, &info));
		if (info.finished)
			return;
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	}
	fail_msg("the job does not end: it is %s", job_state_word(info.state));
}

static void start_jobs(struct place *p)
{
	struct err e = {0};

	assert_int_equal(jobs_start(p->fs.jobs, &e), 0);
}

static void test_push(void **state)
{
	struct place *p = *state;
	AUTO_BUF struct buf log = BUF_INIT;

	writes(p, &image_type, "foo:1", "push", "dir\n");
	shows(p, &image_type, "foo:1", "push", "dir\n");
	shows(p, &image_type, "foo:1", "state", "queued\n");
	assert_true(pending(p, &image_type, "foo:1"));
	start_jobs(p);
	wait_finished(p, 1);
	shows(p, &image_type, "foo:1", "state", "active\n");
	says(p, &image_type, "foo:1", "status", "state active");
	says(p, &image_type, "foo:1", "status", "percent 100");
	says(p, &image_type, "foo:1", "status", "bytes 1000");
	says(p, &image_type, "foo:1", "status", "total 1000");
	says(p, &image_type, "foo:1", "status", "image-id " I);
	says(p, &image_type, "foo:1", "status", "error");
	assert_false(pending(p, &image_type, "foo:1"));
	assert_int_equal(outcome(p, &image_type, "foo:1"), 0);
	assert_int_equal(outcome(p, &job_type, "1"), 0);
	shows(p, &job_type, "1", "state", "active\n");
	text_of(p, &job_type, "1", "log", &log);
	assert_non_null(strstr(buf_text(&log), "active\n"));
}

static void test_push_fails(void **state)
{
	struct place *p = *state;

	p->own.verify = EBADMSG;
	writes(p, &image_type, "foo:1", "push", "");
	shows(p, &image_type, "foo:1", "push", "\n");
	start_jobs(p);
	wait_finished(p, 1);
	shows(p, &image_type, "foo:1", "state", "failed\n");
	says(p, &image_type, "foo:1", "status", "state failed");
	assert_int_equal(outcome(p, &image_type, "foo:1"), -EBADMSG);
	assert_int_equal(outcome(p, &job_type, "1"), -EBADMSG);
	shows(p, &image_type, "foo:1", "id", I "\n"); /* the image itself is still there */
}

/* A job that has ended says nothing about an image that has taken the name since. */
static void test_another_image_takes_the_name(void **state)
{
	static const char moved[] =
		"[{\"Id\":\"" I "\",\"RepoTags\":[]},{\"Id\":\"" J
		"\",\"RepoTags\":[\"foo:1\"],\"Size\":7,\"Created\":1795290001}]";
	struct place *p = *state;

	writes(p, &image_type, "foo:1", "push", "");
	start_jobs(p);
	wait_finished(p, 1);
	shows(p, &image_type, "foo:1", "state", "active\n");
	fill(p->fs.catalog, put_image, moved);
	shows(p, &image_type, "foo:1", "id", J "\n");
	shows(p, &image_type, "foo:1", "state", "committed\n");
	says(p, &image_type, "foo:1", "status", "job");
	says(p, &image_type, "foo:1", "status", "image-id " J);
	assert_int_equal(outcome(p, &image_type, "foo:1"), 0);
	catalog_remove_image(p->fs.catalog, J);
	gone(p, &image_type, "foo:1");
	shows(p, &job_type, "1", "state", "active\n"); /* of the job, it is still true */
}

/* The store's word comes at the write, and leaves no job behind. */
static void test_store_refuses(void **state)
{
	struct place *p = *state;
	struct err e;

	p->own.create = EDQUOT;
	assert_err(write_to(p, &image_type, "foo:1", "push", "dir", &e), &e, EDQUOT);
	says(p, &image_type, "foo:1", "status", "error the store is full");
	shows(p, &image_type, "foo:1", "state", "committed\n");
	lists(p, &jobs_type, "");
	p->own.create = 0;
	writes(p, &image_type, "foo:1", "push", "dir");
	says(p, &image_type, "foo:1", "status", "error");
}

static void test_jobs(void **state)
{
	static const char *const none[] = {"", "0", "2", "01", " 1", "1 ", "+1", "-1", "1x", "0x1",
		"18446744073709551617", "99999999999999999999999"};
	struct place *p = *state;

	lists(p, &jobs_type, "");
	writes(p, &container_type, WEB, "commit", "snap:1");
	resolves(p, &jobs_type, "1", "1", false);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		resolves(p, &jobs_type, none[i], NULL, false);
	gone(p, &job_type, "2");
	shows(p, &job_type, "1", "cancel", "");
	assert_true(pending(p, &job_type, "1"));
	writes(p, &job_type, "1", "cancel", "please");
	start_jobs(p);
	wait_finished(p, 1);
	shows(p, &job_type, "1", "state", "cancelled\n");
	assert_int_equal(outcome(p, &job_type, "1"), -ECANCELED);
	assert_int_equal(outcome(p, &container_type, WEB), -ECANCELED);
	writes(p, &job_type, "1", "cancel", "again"); /* it stays as it is */
	shows(p, &job_type, "1", "state", "cancelled\n");
}

/* --- the root --- */

static void linked(void *arg, bool up)
{
	(void)arg, (void)up;
}

static void test_root(void **state)
{
	static const char *const lines[] = {"engine-version 20.10.24", "api-version 1.41",
		"engine-state connected", "store dir", "containers 2", "images 1", "jobs-running 0",
		"jobs-queued 1", "error"};
	struct follow_listener listener = {.link = linked};
	struct place *p = *state;
	AUTO_BUF struct buf readme = BUF_INIT, engine = BUF_INIT;
	struct err e = {0};
	int newlines = 0;

	assert_int_equal(
		follow_start(p->fs.engine, p->fs.catalog, &listener, &p->fs.follow, &e), 0);
	assert_int_equal(follow_wait(p->fs.follow, 20000, &e), 0);
	writes(p, &container_type, WEB, "commit", "snap:1");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		says(p, &root_type, "", "status", lines[i]);
	buf_printf(&engine, "engine %s", server_url(p->server));
	says(p, &root_type, "", "status", buf_text(&engine));
	text_of(p, &root_type, "", "README", &readme);
	for (const char *at = buf_text(&readme); (at = strchr(at, '\n')); at++)
		newlines++;
	assert_in_range(newlines, 20, 40); /* the tree in thirty lines */
	assert_int_equal(mtime(p, &root_type, "", NULL), 1795290500);
	follow_stop(p->fs.follow);
}

/* The README names every file that there is. */
static void test_readme_is_complete(void **state)
{
	static const struct dir_type *const types[] = {&container_type, &image_type, &job_type};
	AUTO_BUF struct buf text = BUF_INIT;

	(void)state;
	assert_int_equal(row_of(&root_type, "README")->show(NULL, &text), 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (const struct file_row *row = types[i]->files; row->name; row++)
			if (!strstr(buf_text(&text), row->name))
				fail_msg("README does not name %s", row->name);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_names_are_unique),
		ROW(test_container_values),
		ROW(test_container_asks),
		ROW(test_containers),
		ROW(test_view_does_not_change),
		ROW(test_times),
		ROW(test_image_values),
		ROW(test_images),
		ROW(test_bad_requests),
		ROW(test_commit),
		ROW(test_coming_image_has_no_description),
		ROW(test_commit_and_push),
		ROW(test_push),
		ROW(test_push_fails),
		ROW(test_another_image_takes_the_name),
		ROW(test_store_refuses),
		ROW(test_jobs),
		ROW(test_root),
		cmocka_unit_test(test_readme_is_complete),
	};

	http_global_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
