/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine lists and inspects, into the catalog. The stream holds objects; a member "op" says
 * what is done with one: container, inspected, image, remove, begin, end. What is listed must be
 * found.
 */
#include "engine/catalog.h"
#include "fuzz.h"
#include "net/json.h"

static void on_container(void *arg, const struct container *old, const struct container *new)
{
	const struct container *c = new ? new : old;

	(void)arg;
	CHECK(c && old != new && c->id[0]);
	CHECK(!old || !new || strcmp(old->id, new->id) == 0);
}

static void on_image(
	void *arg, const char *reference, const struct image *old, const struct image *new)
{
	(void)arg;
	CHECK(reference[0] && (old || new));
}

static int apply(void *arg, const json_t *object)
{
	const char *op = json_text(object, "op"), *id = json_text(object, "Id");
	struct catalog *c = arg;

	if (strcmp(op, "inspected") == 0)
		return catalog_put_inspected(c, object);
	if (strcmp(op, "image") == 0)
		return catalog_put_image(c, object);
	if (strcmp(op, "begin") == 0)
		catalog_sync_begin(c);
	else if (strcmp(op, "end") == 0)
		return catalog_sync_end(c);
	else if (strcmp(op, "remove") == 0)
		catalog_remove_container(c, id), catalog_remove_image(c, id);
	else
		return catalog_put_container(c, object);
	return 0;
}

static void check_containers(struct catalog *c)
{
	struct container **list;
	size_t n;

	CHECK(catalog_containers(c, &list, &n) == 0);
	CHECK(n == catalog_container_count(c));
	for (size_t i = 0; i < n; i++) {
		CLEANUP(container_unrefp)
		struct container *same = catalog_container(c, list[i]->id);

		CHECK(same == list[i]);
		CHECK(list[i]->name[0] && list[i]->volumes);
	}
	catalog_containers_free(list, n);
}

static void check_tags(struct catalog *c)
{
	struct tagged *list;
	size_t n;

	CHECK(catalog_tags(c, &list, &n) == 0);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(image_unrefp)
		struct image *same = catalog_image_named(c, list[i].reference);
		CLEANUP(image_unrefp) struct image *by_id = catalog_image(c, list[i].image->id);

		CHECK(same == list[i].image && by_id == same);
	}
	catalog_tags_free(list, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(catalog_freep) struct catalog *c = NULL;
	CLEANUP(json_split_done) struct json_split s;

	CHECK(catalog_new(&(struct catalog_listener){on_container, on_image, NULL}, &c) == 0);
	json_split_init(&s, apply, c);
	json_split_feed(&s, (const char *)data, size);
	check_containers(c);
	check_tags(c);
	return 0;
}
