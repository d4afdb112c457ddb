/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/object.h"

#include <string.h>

#include "net/json.h"
#include "util/buf.h"
#include "util/when.h"

static void strings_free(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

void container_unref(struct container *c)
{
	if (atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->image_id);
	free(c->state);
	free(c->command);
	strings_free(c->volumes);
	free(c);
}

void image_unref(struct image *i)
{
	if (atomic_fetch_sub(&i->refs, 1) > 1)
		return;
	free(i->id);
	strings_free(i->references);
	free(i);
}

struct container *container_ref(struct container *c)
{
	if (c)
		atomic_fetch_add(&c->refs, 1);
	return c;
}

struct image *image_ref(struct image *i)
{
	if (i)
		atomic_fetch_add(&i->refs, 1);
	return i;
}

/* The strings of an array, each taken from its element by `text`; empty ones are left out. */
static char **strings_from(const json_t *array, const char *(*text)(const json_t *element))
{
	char **list = calloc(json_array_size(array) + 1, sizeof(*list));
	size_t n = 0, i;
	json_t *element;

	json_array_foreach (array, i, element) {
		const char *s = text(element);

		if (!list || !s || !*s)
			continue;
		list[n] = strdup(s);
		if (!list[n++]) {
			strings_free(list);
			return NULL;
		}
	}
	return list;
}

static bool strings_equal(char *const *a, char *const *b)
{
	while (*a && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return !*a && !*b;
}

bool strings_have(char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

static const char *mount_point(const json_t *element)
{
	return json_text(element, "Destination");
}

/* "<none>:<none>" is how the engine lists an untagged image. */
static const char *reference_of(const json_t *element)
{
	const char *text = json_string_value(element);

	return text && strncmp(text, "<none>", 6) != 0 ? text : NULL;
}

/* The name that is the container's own: links add others, with a second slash. */
static const char *own_name(const json_t *element)
{
	json_t *names = json_object_get(element, "Names"), *name;
	size_t i;

	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);

		if (text && text[0] == '/')
			text++;
		if (text && *text && !strchr(text, '/'))
			return text;
	}
	return json_text(element, "Id");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The engine tells mounts and tags in any order. */
static char **sorted(char **list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	if (n)
		qsort(list, n, sizeof(*list), by_text);
	return list;
}

static char **volumes_of(const json_t *container)
{
	return sorted(strings_from(json_object_get(container, "Mounts"), mount_point));
}

static struct container *container_new(void)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->changed = when_now();
	return c;
}

static bool complete(const struct container *c)
{
	return c->id && c->name && c->image && c->image_id && c->state && c->command && c->volumes;
}

struct container *container_from_list(const json_t *element)
{
	CLEANUP(container_unrefp) struct container *c = container_new();

	if (!c)
		return NULL;
	c->id = strdup(json_text(element, "Id"));
	c->name = strdup(own_name(element));
	c->image = strdup(json_text(element, "Image"));
	c->image_id = strdup(json_text(element, "ImageID"));
	c->state = strdup(json_text(element, "State"));
	c->command = strdup(json_text(element, "Command"));
	c->volumes = volumes_of(element);
	c->created = json_number(element, "Created");
	return complete(c) ? steal_pointer(&c) : NULL;
}

/* The command as the engine's list writes it: arguments with a space in quotes. */
static char *command_of(const json_t *inspect)
{
	AUTO_BUF struct buf text = BUF_INIT;
	const json_t *argument;
	size_t i;

	buf_adds(&text, json_text(inspect, "Path"));
	json_array_foreach (json_object_get(inspect, "Args"), i, argument) {
		const char *word = json_string_value(argument);

		buf_printf(&text, word && strchr(word, ' ') ? " '%s'" : " %s", word ? word : "");
	}
	return buf_steal(&text);
}

/* What an inspection words otherwise than the list, and what can't change, is taken from `old` (may be NULL). */
struct container *container_from_inspect(const json_t *inspect, const struct container *old)
{
	CLEANUP(container_unrefp) struct container *c = container_new();
	const char *name = json_text(inspect, "Name");

	if (!c)
		return NULL;
	c->id = strdup(json_text(inspect, "Id"));
	name += name[0] == '/';
	c->name = strdup(*name && !strchr(name, '/') ? name : json_text(inspect, "Id"));
	c->image = strdup(old ? old->image : json_text(inspect, "Config.Image"));
	c->image_id = strdup(json_text(inspect, "Image"));
	c->state = strdup(json_text(inspect, "State.Status"));
	c->command = old ? strdup(old->command) : command_of(inspect);
	c->volumes = volumes_of(inspect);
	c->created = old ? old->created : when_parse(json_text(inspect, "Created"));
	return complete(c) ? steal_pointer(&c) : NULL;
}

struct image *image_from(const json_t *element)
{
	CLEANUP(image_unrefp) struct image *i = calloc(1, sizeof(*i));
	const json_t *created = json_object_get(element, "Created");

	if (!i)
		return NULL;
	i->refs = 1;
	i->id = strdup(json_text(element, "Id"));
	i->references = sorted(strings_from(json_object_get(element, "RepoTags"), reference_of));
	i->size = json_number(element, "Size");
	i->created = json_is_string(created) ? when_parse(json_string_value(created))
					     : json_integer_value(created);
	i->changed = when_now();
	if (!i->id || !i->references)
		return NULL;
	return steal_pointer(&i);
}

bool container_equal(const struct container *a, const struct container *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->state, b->state) == 0 &&
	       strcmp(a->image, b->image) == 0 && strcmp(a->command, b->command) == 0 &&
	       a->created == b->created && strings_equal(a->volumes, b->volumes);
}

bool image_equal(const struct image *a, const struct image *b)
{
	return a->size == b->size && a->created == b->created &&
	       strings_equal(a->references, b->references);
}
