/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table from text to pointer. It owns neither: the key usually lies within the value, and must live as
 * long as its entry. No locking.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct table_entry {
	const char *key; /* NULL: free */
	void *value;
	size_t hash; /* of the key */
};

struct table {
	struct table_entry *entries; /* open addressing, linear probing */
	size_t mask;		     /* entries - 1; 0 while there are none */
	size_t count;
};

#define TABLE_INIT {0}

void table_done(struct table *t);

void *table_get(const struct table *t, const char *key);

/* Adds or replaces; the old value is stored in *ret_old if that is not NULL. Errors: -ENOMEM. */
int table_put(struct table *t, const char *key, void *value, void **ret_old);

/* Returns the value that was removed, or NULL. */
void *table_remove(struct table *t, const char *key);

/* Walks all values in no order: for (size_t i = 0; (v = table_next(t, &i));). No changes meanwhile. */
void *table_next(const struct table *t, size_t *i);
