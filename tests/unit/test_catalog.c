/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <pthread.h>
#include <time.h>

#include "engine/catalog.h"
#include "net/json.h"

#define A "aaaa111111111111111111111111111111111111111111111111111111111111"
#define B "aaab222222222222222222222222222222222222222222222222222222222222"
#define C "cccc333333333333333333333333333333333333333333333333333333333333"
#define I "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define J "sha256:2222222222222222222222222222222222222222222222222222222222222222"

/* What the listener was told, a word each. */
static void on_container(void *arg, const struct container *old, const struct container *new)
{
	const struct container *one = new ? new : old;

	buf_printf(arg, "%c%.4s(%s>%s) ",
		!old   ? '+'
		: !new ? '-'
		       : '=',
		one->id, old ? old->name : "", new ? new->name : "");
	assert_true(!old || !new || (old != new &&strcmp(old->id, new->id) == 0));
}

static void on_image(
	void *arg, const char *reference, const struct image *old, const struct image *new)
{
	buf_printf(
		arg, "%s(%.2s>%.2s) ", reference, old ? old->id + 7 : "", new ? new->id + 7 : "");
	assert_true(old != new);
}

struct place {
	struct catalog *c;
	struct buf told;
};

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	*state = p;
	return catalog_new(&(struct catalog_listener){on_container, on_image, &p->told}, &p->c);
}

static int end(void **state)
{
	struct place *p = *state;

	catalog_free(p->c);
	buf_done(&p->told);
	free(p);
	return 0;
}

static void put_json(
	struct catalog *c, int (*put)(struct catalog *c, const json_t *element), const char *text)
{
	AUTO_JSON json_t *element = json_loads(text, 0, NULL);

	assert_non_null(element);
	assert_int_equal(put(c, element), 0);
}

static void put(struct place *p, const char *id, const char *name, const char *state)
{
	AUTO_BUF struct buf text = BUF_INIT;

	buf_printf(&text,
		"{\"Id\":\"%s\",\"Names\":[\"/%s\"],\"Image\":\"foo\",\"ImageID\":\"" I
		"\",\"Command\":\"sh\","
		"\"Created\":5,\"State\":\"%s\",\"Mounts\":[]}",
		id, name, state);
	put_json(p->c, catalog_put_container, buf_text(&text));
}

/* `tags`: the inside of an array. */
static void put_image(struct place *p, const char *id, const char *tags)
{
	AUTO_BUF struct buf text = BUF_INIT;

	buf_printf(&text, "{\"Id\":\"%s\",\"RepoTags\":[%s],\"Size\":9,\"Created\":5}", id, tags);
	put_json(p->c, catalog_put_image, buf_text(&text));
}

/* The telling since the last call. */
static void told(struct place *p, const char *want)
{
	assert_string_equal(buf_text(&p->told), want);
	buf_reset(&p->told);
}

/* `id` NULL: nobody has the name. */
static void named(struct place *p, const char *name, const char *id)
{
	CLEANUP(container_unrefp) struct container *c = catalog_container_named(p->c, name);

	if (!id && c)
		fail_msg("%s is there: %.4s", name, c->id);
	if (id && !c)
		fail_msg("%s is not there", name);
	if (!id)
		return;
	assert_string_equal(c->id, id);
	assert_string_equal(c->name, name);
}

static void tagged(struct place *p, const char *reference, const char *id)
{
	CLEANUP(image_unrefp) struct image *i = catalog_image_named(p->c, reference);

	if (!id && i)
		fail_msg("%s is there: %.9s", reference, i->id);
	if (id && !i)
		fail_msg("%s is not there", reference);
	if (id)
		assert_string_equal(i->id, id);
}

/* --- containers --- */

/* In whatever order: engines tell mounts in any. */
static bool has_both(char **list, const char *a, const char *b)
{
	return list[0] && list[1] && !list[2] &&
	       ((strcmp(list[0], a) == 0 && strcmp(list[1], b) == 0) ||
		       (strcmp(list[0], b) == 0 && strcmp(list[1], a) == 0));
}

static void test_element(void **state)
{
	struct place *p = *state;
	CLEANUP(container_unrefp) struct container *c = NULL;

	put_json(p->c, catalog_put_container,
		"{\"Id\":\"" A
		"\",\"Names\":[\"/other/alias\",\"/web\"],\"Image\":\"foo:1\",\"ImageID\":\"" I
		"\",\"Command\":\"sh -c "
		"'x'\",\"Created\":1795290542,\"State\":\"running\",\"Status\":\"Up\","
		"\"Mounts\":[{\"Type\":\"bind\",\"Destination\":\"/data\"},{\"Destination\":\"/"
		"cache\"}],"
		"\"Labels\":null}");
	c = catalog_container(p->c, A);
	assert_non_null(c);
	assert_string_equal(c->name, "web"); /* not the one that a link gave */
	assert_string_equal(c->image, "foo:1");
	assert_string_equal(c->image_id, I);
	assert_string_equal(c->command, "sh -c 'x'");
	assert_string_equal(c->state, "running");
	assert_int_equal(c->created, 1795290542);
	assert_true(has_both(c->volumes, "/data", "/cache"));
	assert_true(c->changed > 1600000000);
	told(p, "+aaaa(>web) ");
}

/* What an engine may leave out, and what is of another kind than it should be. */
static void test_odd_elements(void **state)
{
	static const char *const cases[] = {"{\"Id\":\"" A "\"}", "{\"Id\":\"" A "\",\"Names\":[]}",
		"{\"Id\":\"" A "\",\"Names\":null,\"Mounts\":null,\"State\":null}",
		"{\"Id\":\"" A
		"\",\"Names\":[null,7,\"\",\"/\"],\"Mounts\":[null,{},7],\"Created\":\"x\"}",
		"{\"Id\":\"" A "\",\"Names\":\"web\",\"Mounts\":{},\"Image\":7}"};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_json(p->c, catalog_put_container, cases[i]);
		named(p, A, A); /* without a name it goes by its id */
		assert_int_equal(catalog_container_count(p->c), 1);
	}
	put_json(p->c, catalog_put_container, "{}");
	put_json(p->c, catalog_put_container, "{\"Id\":7}");
	put_json(p->c, catalog_put_container, "{\"Id\":\"\"}");
	put_json(p->c, catalog_put_container, "[]");
	put_json(p->c, catalog_put_image, "{}");
	put_json(p->c, catalog_put_image, "{\"Id\":null,\"RepoTags\":[\"foo:1\"]}");
	assert_int_equal(catalog_container_count(p->c), 1);
	assert_int_equal(catalog_image_count(p->c), 0);
}

/* GET /containers/ID/json, of Docker 20.10 */
#define INSPECT(name, status)                                                                      \
	"{\"Id\":\"" A "\",\"Created\":\"2026-11-21T19:49:02.123456789Z\",\"Path\":\"sh\","        \
	"\"Args\":[\"-c\",\"sleep 5\"],\"State\":{\"Status\":\"" status "\",\"Running\":true},"    \
	"\"Image\":\"" I "\",\"Name\":\"/" name "\",\"Mounts\":[{\"Destination\":\"/data\"}],"     \
	"\"Config\":{\"Image\":\"foo:1\",\"Env\":[\"SECRET=x\"]}}"

static void test_inspected(void **state)
{
	struct place *p = *state;
	CLEANUP(container_unrefp) struct container *c = NULL;

	put_json(p->c, catalog_put_inspected, INSPECT("web", "running"));
	c = catalog_container_named(p->c, "web");
	assert_non_null(c);
	assert_string_equal(c->id, A);
	assert_string_equal(c->image, "foo:1");
	assert_string_equal(c->image_id, I);
	assert_string_equal(c->state, "running");
	assert_string_equal(c->command, "sh -c 'sleep 5'");
	assert_int_equal(c->created, 1795290542);
	assert_string_equal(c->volumes[0], "/data");
	assert_null(c->volumes[1]);
	told(p, "+aaaa(>web) ");
	put_json(p->c, catalog_put_inspected, INSPECT("web", "running"));
	told(p, "");
	put_json(p->c, catalog_put_inspected, INSPECT("www", "exited"));
	told(p, "=aaaa(web>www) ");
	named(p, "web", NULL);
	named(p, "www", A);
}

/* The list and an inspection say the same of one container, so that neither looks like a change. */
static void test_list_and_inspection_agree(void **state)
{
	static const char listed[] =
		"{\"Id\":\"" A "\",\"Names\":[\"/web\"],\"Image\":\"foo:1\",\"ImageID\":\"" I
		"\",\"Command\":\"sh -c 'sleep 5'\",\"Created\":1795290542,\"State\":"
		"\"running\",\"Mounts\":[{\"Destination\":\"/data\"}]}";
	struct place *p = *state;

	put_json(p->c, catalog_put_container, listed);
	told(p, "+aaaa(>web) ");
	put_json(p->c, catalog_put_inspected, INSPECT("web", "running"));
	told(p, "");
	put_json(p->c, catalog_put_container, listed);
	told(p, "");
	catalog_remove_container(p->c, A);
	buf_reset(&p->told);
	put_json(p->c, catalog_put_inspected, INSPECT("web", "running"));
	put_json(p->c, catalog_put_container, listed);
	told(p, "+aaaa(>web) ");
}

static void test_odd_inspections(void **state)
{
	static const char *const cases[] = {"{\"Id\":\"" A "\"}",
		"{\"Id\":\"" A "\",\"Name\":null,\"State\":7}",
		"{\"Id\":\"" A "\",\"Name\":\"/\",\"Args\":[null,7,{}],\"Mounts\":[7]}",
		"{\"Id\":\"" A "\",\"Name\":\"\",\"Args\":{},\"Config\":[]}"};
	struct place *p = *state;

	put_json(p->c, catalog_put_inspected, "{}");
	put_json(p->c, catalog_put_inspected, "[]");
	assert_int_equal(catalog_container_count(p->c), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_json(p->c, catalog_put_inspected, cases[i]);
		named(p, A, A); /* as in a list: an empty name would be no name of a directory */
	}
}

static void test_change_and_remove(void **state)
{
	struct place *p = *state;
	CLEANUP(container_unrefp) struct container *before = NULL, *after = NULL;

	put(p, A, "web", "created");
	told(p, "+aaaa(>web) ");
	put(p, A, "web", "created");
	told(p, ""); /* nothing changed */
	before = catalog_container(p->c, A);
	put(p, A, "web", "running");
	told(p, "=aaaa(web>web) ");
	after = catalog_container_named(p->c, "web");
	/* The old one stays as it was for whoever has it. */
	assert_string_equal(before->state, "created");
	assert_string_equal(after->state, "running");
	assert_ptr_not_equal(before, after);
	catalog_remove_container(p->c, A);
	told(p, "-aaaa(web>) ");
	catalog_remove_container(p->c, A);
	told(p, "");
	named(p, "web", NULL);
	assert_null(catalog_container(p->c, A));
	assert_int_equal(catalog_container_count(p->c), 0);
	assert_string_equal(after->state, "running");
}

static void test_rename(void **state)
{
	struct place *p = *state;

	put(p, A, "web", "running");
	put(p, A, "www", "running");
	told(p, "+aaaa(>web) =aaaa(web>www) ");
	named(p, "web", NULL);
	named(p, "www", A);
	put(p, B, "web", "running"); /* the name is free */
	named(p, "web", B);
	catalog_remove_container(p->c, A);
	named(p, "www", NULL);
	named(p, "web", B);
}

static void test_swap_names(void **state)
{
	struct place *p = *state;

	put(p, A, "x", "running");
	put(p, B, "y", "running");
	put(p, A, "y", "running");
	named(p, "y", A);
	put(p, B, "x", "running");
	named(p, "x", B);
	named(p, "y", A);
	put(p, A, "x", "running");
	put(p, B, "y", "running");
	named(p, "x", A);
	named(p, "y", B);
	/* One goes while the other has taken its name already. */
	put(p, A, "y", "running");
	catalog_remove_container(p->c, B);
	named(p, "y", A);
	named(p, "x", NULL);
	assert_int_equal(catalog_container_count(p->c), 1);
}

/* Two renames between which only one of the two was asked about: in the end all is as the engine
 * says. */
static void test_name_lent_and_returned(void **state)
{
	struct place *p = *state;

	put(p, A, "x", "running");
	put(p, B, "y", "running");
	put(p, B, "x", "running"); /* A is called otherwise meanwhile, but nobody has asked */
	put(p, A, "x", "running"); /* and now it has its name again */
	put(p, B, "y", "running");
	named(p, "y", B);
	named(p, "x", A);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *prefix, *id;
	} cases[] = {
		{"aaaa", A},
		{"aaab", B},
		{"cccc", C},
		{"c", C},
		{A, A},
		{"aaa", NULL}, /* fits two */
		{"a", NULL},
		{"", NULL},
		{"d", NULL},
		{"AAAA", NULL},
		{A "0", NULL},
		{"web", NULL},
		{"aaaa/", NULL},
	};
	struct place *p = *state;

	put(p, A, "web", "running");
	put(p, B, "db", "running");
	put(p, C, "c", "running");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(container_unrefp)
		struct container *c = catalog_container_prefixed(p->c, cases[i].prefix);

		if (!c != !cases[i].id)
			fail_msg("'%s' finds %s", cases[i].prefix, c ? c->id : "nothing");
		if (c)
			assert_string_equal(c->id, cases[i].id);
	}
}

static void test_list(void **state)
{
	struct place *p = *state;
	struct container **list;
	size_t n;

	assert_int_equal(catalog_containers(p->c, &list, &n), 0);
	assert_int_equal(n, 0);
	catalog_containers_free(list, n);
	put(p, A, "a", "running");
	put(p, B, "b", "running");
	assert_int_equal(catalog_containers(p->c, &list, &n), 0);
	assert_int_equal(n, 2);
	catalog_remove_container(p->c, A); /* the list keeps what it has */
	catalog_remove_container(p->c, B);
	assert_true(strcmp(list[0]->id, A) == 0 || strcmp(list[1]->id, A) == 0);
	catalog_containers_free(list, n);
}

/* --- images --- */

static void test_image_element(void **state)
{
	struct place *p = *state;
	CLEANUP(image_unrefp) struct image *i = NULL, *inspected = NULL;

	put_json(p->c, catalog_put_image,
		"{\"Id\":\"" I "\",\"RepoTags\":[\"foo:1\",\"<none>:<none>\",\"team/foo:2\"],"
		"\"Size\":123456789012,\"Created\":1795290542}");
	i = catalog_image(p->c, I);
	assert_string_equal(i->references[0], "foo:1");
	assert_string_equal(i->references[1], "team/foo:2");
	assert_null(i->references[2]);
	assert_int_equal(i->size, 123456789012);
	assert_int_equal(i->created, 1795290542);
	told(p, "foo:1(>11) team/foo:2(>11) ");
	/* The description of one image has the same fields, but for its time. */
	put_json(p->c, catalog_put_image,
		"{\"Id\":\"" I "\",\"RepoTags\":[\"foo:1\",\"team/foo:2\"],\"Size\":123456789012,"
		"\"Created\":\"2026-11-21T19:49:02.123456789Z\"}");
	inspected = catalog_image(p->c, I);
	assert_ptr_equal(inspected, i);
	told(p, "");
}

static void test_untagged(void **state)
{
	static const char *const cases[] = {"{\"Id\":\"" I "\",\"RepoTags\":[\"<none>:<none>\"]}",
		"{\"Id\":\"" I "\",\"RepoTags\":null}", "{\"Id\":\"" I "\"}",
		"{\"Id\":\"" I "\",\"RepoTags\":[]}"};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(image_unrefp) struct image *image = NULL;

		put_json(p->c, catalog_put_image, cases[i]);
		image = catalog_image(p->c, I);
		assert_non_null(image);
		assert_null(image->references[0]);
		tagged(p, "<none>:<none>", NULL);
		told(p, "");
	}
}

static void test_tags_come_and_go(void **state)
{
	struct place *p = *state;

	put_image(p, I, "\"foo:1\"");
	put_image(p, I, "\"foo:1\",\"foo:2\"");
	tagged(p, "foo:2", I);
	buf_reset(&p->told);
	put_image(p, I, "\"foo:2\"");
	tagged(p, "foo:1", NULL);
	tagged(p, "foo:2", I);
	assert_non_null(strstr(buf_text(&p->told), "foo:1(11>) "));
	buf_reset(&p->told);
	catalog_remove_image(p->c, I);
	told(p, "foo:2(11>) ");
	tagged(p, "foo:2", NULL);
	assert_int_equal(catalog_image_count(p->c), 0);
}

/* The engine tells of the image that gets a tag, not of the one that loses it. */
static void test_tag_moves(void **state)
{
	struct place *p = *state;

	put_image(p, I, "\"foo:1\"");
	told(p, "foo:1(>11) ");
	put_image(p, J, "\"foo:1\"");
	told(p, "foo:1(11>22) ");
	tagged(p, "foo:1", J);
	put_image(p, I, ""); /* asked about later */
	told(p, "");
	tagged(p, "foo:1", J);
	catalog_remove_image(p->c, I);
	told(p, "");
	tagged(p, "foo:1", J);
	catalog_remove_image(p->c, J);
	told(p, "foo:1(22>) ");
}

static void test_tag_moves_and_its_old_image_goes(void **state)
{
	struct place *p = *state;

	put_image(p, I, "\"foo:1\"");
	put_image(p, J, "\"foo:1\"");
	catalog_remove_image(p->c, I);
	tagged(p, "foo:1", J);
}

static void test_tag_moves_there_and_back(void **state)
{
	struct place *p = *state;

	put_image(p, I, "\"foo:1\"");
	put_image(p, J, "\"foo:1\"");
	buf_reset(&p->told);
	put_image(p, I, "\"foo:1\""); /* the last word of the engine */
	tagged(p, "foo:1", I);
	told(p, "foo:1(22>11) ");
	put_image(p, J, "");
	tagged(p, "foo:1", I);
}

static void test_tags_list(void **state)
{
	struct place *p = *state;
	struct tagged *list;
	size_t n;

	put_image(p, I, "\"foo:1\",\"foo:2\"");
	put_image(p, J, "\"foo:2\",\"bar:1\"");
	assert_int_equal(catalog_tags(p->c, &list, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(
			list[i].image->id, strcmp(list[i].reference, "foo:1") == 0 ? I : J);
	catalog_remove_image(p->c, I);
	catalog_remove_image(p->c, J);
	assert_int_equal(strlen(list[0].reference), 5); /* kept with its image */
	catalog_tags_free(list, n);
}

/* --- waiting for a reference --- */

struct later {
	struct place *p;
	const char *id;
};

static void *put_later(void *arg)
{
	struct later *l = arg;

	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	put_image(l->p, J, "\"bar:1\"");
	put_image(l->p, l->id, "\"foo:1\"");
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_wait_image(void **state)
{
	struct place *p = *state;
	struct later later = {p, I};
	int64_t began = now_ms();
	pthread_t t;

	assert_false(catalog_wait_image(p->c, "foo:1", I, 50));
	assert_true(now_ms() - began >= 45);
	assert_int_equal(pthread_create(&t, NULL, put_later, &later), 0);
	began = now_ms();
	assert_true(catalog_wait_image(p->c, "foo:1", I, 20000));
	assert_true(now_ms() - began < 10000);
	pthread_join(t, NULL);
	assert_true(catalog_wait_image(p->c, "foo:1", I, 0));
	assert_false(catalog_wait_image(p->c, "foo:1", J, 20)); /* another image has it */
	assert_false(catalog_wait_image(p->c, "foo:2", I, 1100));
}

/* --- a whole list --- */

static void test_sync(void **state)
{
	struct place *p = *state;

	put(p, A, "a", "running");
	put(p, B, "b", "running");
	put_image(p, I, "\"foo:1\"");
	put_image(p, J, "\"bar:1\"");
	buf_reset(&p->told);
	catalog_sync_begin(p->c);
	put(p, B, "b", "running"); /* as it was */
	put(p, C, "c", "running");
	put_image(p, J, "\"bar:1\"");
	assert_int_equal(catalog_sync_end(p->c), 0);
	told(p, "+cccc(>c) -aaaa(a>) foo:1(11>) ");
	named(p, "a", NULL);
	named(p, "b", B);
	named(p, "c", C);
	tagged(p, "bar:1", J);
	catalog_sync_begin(p->c);
	assert_int_equal(catalog_sync_end(p->c), 0);
	assert_int_equal(catalog_container_count(p->c), 0);
	assert_int_equal(catalog_image_count(p->c), 0);
}

/* While it was away, a container was made anew under the same name, and a tag has moved. */
static void test_sync_replaced(void **state)
{
	struct place *p = *state;

	put(p, A, "web", "running");
	put_image(p, I, "\"foo:1\"");
	catalog_sync_begin(p->c);
	put(p, B, "web", "running");
	put_image(p, I, "");
	put_image(p, J, "\"foo:1\"");
	assert_int_equal(catalog_sync_end(p->c), 0);
	named(p, "web", B);
	tagged(p, "foo:1", J);
	assert_null(catalog_container(p->c, A));
}

static void test_no_listener(void **state)
{
	CLEANUP(catalog_freep) struct catalog *c = NULL;
	struct place p = {0};

	(void)state;
	assert_int_equal(catalog_new(NULL, &c), 0);
	p.c = c;
	put(&p, A, "a", "running");
	put_image(&p, I, "\"foo:1\"");
	catalog_remove_container(c, A);
	catalog_remove_image(c, I);
}

/* --- readers beside the writer --- */

struct readers {
	struct catalog *c;
	atomic_bool stop;
};

static void *read_all(void *arg)
{
	struct readers *r = arg;

	while (!atomic_load(&r->stop)) {
		struct container *c = catalog_container_named(r->c, "n3");
		struct container **list;
		struct tagged *tags;
		size_t n, sum = 0;

		if (c) {
			sum += strlen(c->state);
			container_unref(c);
		}
		if (catalog_containers(r->c, &list, &n) == 0) {
			for (size_t i = 0; i < n; i++)
				sum += strlen(list[i]->name);
			catalog_containers_free(list, n);
		}
		if (catalog_tags(r->c, &tags, &n) == 0)
			catalog_tags_free(tags, n);
		if (sum == SIZE_MAX)
			break;
	}
	return NULL;
}

static void test_readers(void **state)
{
	struct place p = {0};
	struct readers r = {0};
	pthread_t threads[3];
	uint64_t seed = 5;

	(void)state;
	assert_int_equal(catalog_new(NULL, &p.c), 0);
	r.c = p.c;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &r), 0);
	for (int i = 0; i < 5000; i++) {
		char id[80], name[16], tags[32];
		uint32_t random = dice(&seed);

		snprintf(id, sizeof(id), "%064u", random % 10);
		snprintf(name, sizeof(name), "n%u", (random >> 8) % 10);
		snprintf(tags, sizeof(tags), "\"t:%u\"", (random >> 8) % 10);
		if (random >> 31) {
			put(&p, id, name, random >> 30 & 1 ? "running" : "exited");
			put_image(&p, id, tags);
		} else {
			catalog_remove_container(p.c, id);
			catalog_remove_image(p.c, id);
		}
	}
	atomic_store(&r.stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	catalog_free(p.c);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_element),
		ROW(test_odd_elements),
		ROW(test_inspected),
		ROW(test_list_and_inspection_agree),
		ROW(test_odd_inspections),
		ROW(test_change_and_remove),
		ROW(test_rename),
		ROW(test_swap_names),
		ROW(test_name_lent_and_returned),
		ROW(test_prefix),
		ROW(test_list),
		ROW(test_image_element),
		ROW(test_untagged),
		ROW(test_tags_come_and_go),
		ROW(test_tag_moves),
		ROW(test_tag_moves_and_its_old_image_goes),
		ROW(test_tag_moves_there_and_back),
		ROW(test_tags_list),
		ROW(test_wait_image),
		ROW(test_sync),
		ROW(test_sync_replaced),
		cmocka_unit_test(test_no_listener),
		cmocka_unit_test(test_readers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
