/* SPDX-License-Identifier: Apache-2.0 */
#include "util/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Names come from others: a seed of our own keeps them from choosing collisions. */
static uint64_t seed(void)
{
	static uint64_t value;
	uint64_t v = __atomic_load_n(&value, __ATOMIC_RELAXED);

	if (v)
		return v;
	if (getrandom(&v, sizeof(v), GRND_NONBLOCK) != sizeof(v) || !v)
		v = 0x9e3779b97f4a7c15u;
	uint64_t none = 0;
	if (!__atomic_compare_exchange_n(&value, &none, v, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		v = none;
	return v;
}

/* Eight bytes a step. */
static size_t hash(const char *key)
{
	uint64_t h = seed(), word;
	size_t len = strlen(key);

	h ^= len;
	for (; len >= 8; key += 8, len -= 8) {
		memcpy(&word, key, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, key, len);
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	h ^= h >> 29;
	return h * 0xbf58476d1ce4e5b9u >> 16;
}

static struct table_entry *find(const struct table *t, const char *key, size_t h)
{
	size_t i = h & t->mask;

	while (t->entries[i].key && (t->entries[i].hash != h || strcmp(t->entries[i].key, key) != 0))
		i = (i + 1) & t->mask;
	return &t->entries[i];
}

void table_done(struct table *t)
{
	free(t->entries);
	*t = (struct table)TABLE_INIT;
}

void *table_get(const struct table *t, const char *key)
{
	return t->mask ? find(t, key, hash(key))->value : NULL;
}

static struct table_entry *free_place(const struct table *t, size_t h)
{
	size_t i = h & t->mask;

	while (t->entries[i].key)
		i = (i + 1) & t->mask;
	return &t->entries[i];
}

static int grow(struct table *t)
{
	struct table bigger = {.mask = t->mask ? t->mask * 2 + 1 : 15, .count = t->count};

	bigger.entries = calloc(bigger.mask + 1, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (size_t i = 0; t->mask && i <= t->mask; i++)
		if (t->entries[i].key)
			*free_place(&bigger, t->entries[i].hash) = t->entries[i];
	free(t->entries);
	*t = bigger;
	return 0;
}

int table_put(struct table *t, const char *key, void *value, void **ret_old)
{
	struct table_entry *e;
	size_t h = hash(key);

	if (ret_old)
		*ret_old = NULL;
	if (t->count + 1 > t->mask / 4 * 3 && grow(t) < 0)
		return -ENOMEM;
	e = find(t, key, h);
	if (!e->key)
		t->count++;
	else if (ret_old)
		*ret_old = e->value;
	*e = (struct table_entry){key, value, h};
	return 0;
}

void *table_remove(struct table *t, const char *key)
{
	struct table_entry *e = t->mask ? find(t, key, hash(key)) : NULL;
	void *value = e ? e->value : NULL;
	size_t hole, i;

	if (!e || !e->key)
		return NULL;
	t->count--;
	/* Close the gap: move back what was pushed over this place. */
	hole = (size_t)(e - t->entries);
	for (i = (hole + 1) & t->mask; t->entries[i].key; i = (i + 1) & t->mask) {
		size_t home = t->entries[i].hash & t->mask;

		if (((i - home) & t->mask) >= ((i - hole) & t->mask)) {
			t->entries[hole] = t->entries[i];
			hole = i;
		}
	}
	t->entries[hole] = (struct table_entry){0};
	return value;
}

void *table_next(const struct table *t, size_t *i)
{
	if (!t->mask)
		return NULL;
	while (*i <= t->mask) {
		const struct table_entry *e = &t->entries[(*i)++];

		if (e->key)
			return e->value;
	}
	return NULL;
}
