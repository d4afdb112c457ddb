/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/catalog.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "engine/object.h"
#include "net/json.h"
#include "util/table.h"
#include "util/when.h"

struct catalog {
	struct catalog_listener listener;
	unsigned sync; /* the writer's: which run of begin…end this is */

	pthread_mutex_t lock; /* the tables; a leaf: nothing is called while it is held */
	struct table containers; /* by id; each value holds a reference */
	struct table names;	 /* container by name; borrowed */
	struct table images;	 /* by id; each value holds a reference */
	struct table tags;	 /* image by reference; borrowed */
	pthread_cond_t tagged;	 /* tags have changed */
};

/* --- the catalog --- */

int catalog_new(const struct catalog_listener *listener, struct catalog **ret)
{
	struct catalog *c = calloc(1, sizeof(*c));
	pthread_condattr_t monotonic;

	if (!c)
		return -ENOMEM;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->tagged, &monotonic);
	if (listener)
		c->listener = *listener;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

void catalog_free(struct catalog *c)
{
	struct container *container;
	struct image *image;

	for (size_t i = 0; (container = table_next(&c->containers, &i));)
		container_unref(container);
	for (size_t i = 0; (image = table_next(&c->images, &i));)
		image_unref(image);
	table_done(&c->containers);
	table_done(&c->names);
	table_done(&c->images);
	table_done(&c->tags);
	pthread_cond_destroy(&c->tagged);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct container *get_container(struct catalog *c, const struct table *t, const char *key)
{
	struct container *found;

	pthread_mutex_lock(&c->lock);
	found = container_ref(table_get(t, key));
	pthread_mutex_unlock(&c->lock);
	return found;
}

struct container *catalog_container(struct catalog *c, const char *id)
{
	return get_container(c, &c->containers, id);
}

struct container *catalog_container_named(struct catalog *c, const char *name)
{
	return get_container(c, &c->names, name);
}

struct container *catalog_container_prefixed(struct catalog *c, const char *prefix)
{
	size_t len = strlen(prefix), fits = 0;
	struct container *one, *found = NULL;

	if (!len || strspn(prefix, "0123456789abcdef") != len)
		return NULL;
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; fits < 2 && (one = table_next(&c->containers, &i));) {
		if (strncmp(one->id, prefix, len) != 0)
			continue;
		found = one;
		fits++;
	}
	found = container_ref(fits == 1 ? found : NULL);
	pthread_mutex_unlock(&c->lock);
	return found;
}

static struct image *get_image(struct catalog *c, const struct table *t, const char *key)
{
	struct image *found;

	pthread_mutex_lock(&c->lock);
	found = image_ref(table_get(t, key));
	pthread_mutex_unlock(&c->lock);
	return found;
}

struct image *catalog_image(struct catalog *c, const char *id)
{
	return get_image(c, &c->images, id);
}

struct image *catalog_image_named(struct catalog *c, const char *reference)
{
	return get_image(c, &c->tags, reference);
}

bool catalog_wait_image(struct catalog *c, const char *reference, const char *id, int timeout_ms)
{
	struct image *named;
	struct timespec until;
	bool there = false;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	when_add_ms(&until, timeout_ms);
	pthread_mutex_lock(&c->lock);
	while (!there && r == 0) {
		named = table_get(&c->tags, reference);
		there = named && strcmp(named->id, id) == 0;
		if (!there)
			r = pthread_cond_timedwait(&c->tagged, &c->lock, &until);
	}
	pthread_mutex_unlock(&c->lock);
	return there;
}

int catalog_containers(struct catalog *c, struct container ***ret, size_t *ret_n)
{
	struct container **list, *one;
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	list = calloc(c->containers.count + 1, sizeof(*list));
	for (size_t i = 0; list && (one = table_next(&c->containers, &i));)
		list[n++] = container_ref(one);
	pthread_mutex_unlock(&c->lock);
	*ret = list;
	*ret_n = n;
	return list ? 0 : -ENOMEM;
}

void catalog_containers_free(struct container **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_unref(list[i]);
	free(list);
}

int catalog_tags(struct catalog *c, struct tagged **ret, size_t *ret_n)
{
	struct tagged *list;
	struct image *one;
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	list = calloc(c->tags.count + 1, sizeof(*list));
	for (size_t i = 0; list && (one = table_next(&c->images, &i));)
		for (char **r = one->references; *r; r++)
			if (table_get(&c->tags, *r) == one)
				list[n++] = (struct tagged){*r, image_ref(one)};
	pthread_mutex_unlock(&c->lock);
	*ret = list;
	*ret_n = n;
	return list ? 0 : -ENOMEM;
}

void catalog_tags_free(struct tagged *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_unref(list[i].image);
	free(list);
}

static size_t count(struct catalog *c, const struct table *t)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = t->count;
	pthread_mutex_unlock(&c->lock);
	return n;
}

size_t catalog_container_count(struct catalog *c)
{
	return count(c, &c->containers);
}

size_t catalog_image_count(struct catalog *c)
{
	return count(c, &c->images);
}

/* --- writing: containers --- */

static void tell_container(struct catalog *c, const struct container *old, const struct container *new)
{
	if (c->listener.container)
		c->listener.container(c->listener.arg, old, new);
}

/* Takes the name out if it is still this container's: another may have it by now. */
static void forget_name(struct catalog *c, const struct container *old)
{
	if (table_get(&c->names, old->name) == old)
		table_remove(&c->names, old->name);
}

/* Replaces under the lock; the keys lie in the new one. What has failed leaves everything as it was. */
static int replace_container(struct catalog *c, struct container *old, struct container *new)
{
	void *had_name;
	int r;

	pthread_mutex_lock(&c->lock);
	r = table_put(&c->names, new->name, new, &had_name);
	if (r == 0) {
		r = table_put(&c->containers, new->id, new, NULL);
		if (r < 0)
			table_remove(&c->names, new->name);
		if (r < 0 && had_name) /* into the place that has just become free */
			table_put(&c->names, ((struct container *)had_name)->name, had_name, NULL);
	}
	if (r == 0 && old)
		forget_name(c, old);
	pthread_mutex_unlock(&c->lock);
	return r;
}

/* Puts `new`, which may be NULL for want of memory, in the place of `old`, unless that says the same still. */
static int put_container(struct catalog *c, struct container *old, struct container *new)
{
	int r;

	if (!new)
		return -ENOMEM;
	new->seen = c->sync;
	/* Another may have had its name for a while. */
	if (old && container_equal(old, new) && table_get(&c->names, old->name) == old) {
		old->seen = c->sync;
		container_unref(new);
		return 0;
	}
	r = replace_container(c, old, new);
	if (r < 0) {
		container_unref(new);
		return r;
	}
	tell_container(c, old, new);
	if (old)
		container_unref(old);
	return 0;
}

/* The writer is the only one who changes the tables, and may look into them without the lock. */
int catalog_put_container(struct catalog *c, const json_t *element)
{
	const char *id = json_text(element, "Id");

	return *id ? put_container(c, table_get(&c->containers, id), container_from_list(element)) : 0;
}

int catalog_put_inspected(struct catalog *c, const json_t *inspect)
{
	const char *id = json_text(inspect, "Id");
	struct container *old = table_get(&c->containers, id);

	return *id ? put_container(c, old, container_from_inspect(inspect, old)) : 0;
}

void catalog_remove_container(struct catalog *c, const char *id)
{
	struct container *old;

	pthread_mutex_lock(&c->lock);
	old = table_remove(&c->containers, id);
	if (old)
		forget_name(c, old);
	pthread_mutex_unlock(&c->lock);
	if (!old)
		return;
	tell_container(c, old, NULL);
	container_unref(old);
}

/* --- writing: images --- */

static void tell_image(
	struct catalog *c, const char *reference, const struct image *old, const struct image *new)
{
	if (c->listener.image)
		c->listener.image(c->listener.arg, reference, old, new);
}

/* References that `old` had and `new` has no more. They are told only if nobody else took them over. */
static void drop_tags(struct catalog *c, const struct image *old, const struct image *new)
{
	for (char **r = old->references; *r; r++) {
		bool dropped = false;

		if (new && strings_have(new->references, *r))
			continue;
		pthread_mutex_lock(&c->lock);
		if (table_get(&c->tags, *r) == old) {
			table_remove(&c->tags, *r);
			dropped = true;
		}
		pthread_mutex_unlock(&c->lock);
		if (dropped)
			tell_image(c, *r, old, NULL);
	}
}

static int take_tags(struct catalog *c, struct image *new)
{
	for (char **r = new->references; *r; r++) {
		void *before;
		int e;

		pthread_mutex_lock(&c->lock);
		e = table_put(&c->tags, *r, new, &before);
		image_ref(before);
		pthread_cond_broadcast(&c->tagged);
		pthread_mutex_unlock(&c->lock);
		if (e < 0)
			return e;
		tell_image(c, *r, before, new);
		if (before)
			image_unref(before);
	}
	return 0;
}

/* Another may have had a reference of its for a while. */
static bool has_its_tags(const struct catalog *c, const struct image *i)
{
	for (char **r = i->references; *r; r++)
		if (table_get(&c->tags, *r) != i)
			return false;
	return true;
}

int catalog_put_image(struct catalog *c, const json_t *element)
{
	const char *id = json_text(element, "Id");
	struct image *new, *old;
	int r;

	if (!*id)
		return 0;
	new = image_from(element);
	if (!new)
		return -ENOMEM;
	new->seen = c->sync;
	old = table_get(&c->images, id);
	if (old && image_equal(old, new) && has_its_tags(c, old)) {
		old->seen = c->sync;
		image_unref(new);
		return 0;
	}
	pthread_mutex_lock(&c->lock);
	r = table_put(&c->images, new->id, new, NULL);
	pthread_mutex_unlock(&c->lock);
	if (r < 0) {
		image_unref(new);
		return r;
	}
	r = take_tags(c, new);
	if (old) {
		drop_tags(c, old, new);
		image_unref(old);
	}
	return r;
}

void catalog_remove_image(struct catalog *c, const char *id)
{
	struct image *old;

	pthread_mutex_lock(&c->lock);
	old = table_remove(&c->images, id);
	pthread_mutex_unlock(&c->lock);
	if (!old)
		return;
	drop_tags(c, old, NULL);
	image_unref(old);
}

/* --- a whole list --- */

void catalog_sync_begin(struct catalog *c)
{
	c->sync++;
}

static int sweep_containers(struct catalog *c)
{
	struct container **list;
	size_t n;
	int r = catalog_containers(c, &list, &n);

	for (size_t i = 0; i < n; i++)
		if (list[i]->seen != c->sync)
			catalog_remove_container(c, list[i]->id);
	catalog_containers_free(list, n);
	return r;
}

static int sweep_images(struct catalog *c)
{
	struct image **list, *one;
	size_t n = 0;

	list = calloc(c->images.count + 1, sizeof(struct image *)); /* we are the only writer */
	for (size_t i = 0; list && (one = table_next(&c->images, &i));)
		if (one->seen != c->sync)
			list[n++] = one;
	for (size_t i = 0; i < n; i++)
		catalog_remove_image(c, list[i]->id);
	free(list);
	return list ? 0 : -ENOMEM;
}

int catalog_sync_end(struct catalog *c)
{
	int r = sweep_containers(c);

	return r < 0 ? r : sweep_images(c);
}
