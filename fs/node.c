/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "util/table.h"

enum { FIRST_BUCKETS = 64 };

struct nodes {
	pthread_mutex_t lock; /* all below */
	struct table by_key;  /* the first of a list of nodes of one object */
	struct node **buckets; /* by number */
	size_t mask, count;
	uint64_t next; /* number */
};

/* Fixed directories are there from the beginning and are never forgotten. */
static const struct dir_type *const fixed[] = {&root_type, &containers_type, &images_type, &jobs_type};

uint64_t nodes_fixed(const struct dir_type *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (fixed[i] == type)
			return i;
	return 0;
}

const struct file_row *node_row(const struct node *n, fuse_ino_t ino)
{
	unsigned slot = (unsigned)(ino & ((1u << NODE_SHIFT) - 1));

	return slot >= NODE_FIRST_ROW ? &n->type->files[slot - NODE_FIRST_ROW] : NULL;
}

/* --- by number --- */

static int grow(struct nodes *n)
{
	size_t size = n->buckets ? (n->mask + 1) * 2 : FIRST_BUCKETS;
	struct node **buckets = calloc(size, sizeof(struct node *));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; n->buckets && i <= n->mask; i++) {
		while (n->buckets[i]) {
			struct node *node = n->buckets[i];

			n->buckets[i] = node->next_number;
			node->next_number = buckets[node->number & (size - 1)];
			buckets[node->number & (size - 1)] = node;
		}
	}
	free(n->buckets);
	n->buckets = buckets;
	n->mask = size - 1;
	return 0;
}

static struct node **find_number(struct nodes *n, uint64_t number)
{
	struct node **at = &n->buckets[number & n->mask];

	while (*at && (*at)->number != number)
		at = &(*at)->next_number;
	return at;
}

/* --- by key --- */

static void hide_locked(struct nodes *n, struct node *node)
{
	struct node *first = table_remove(&n->by_key, node->key);

	for (struct node **at = &first; *at; at = &(*at)->next) {
		if (*at != node)
			continue;
		*at = node->next;
		break;
	}
	if (first)
		table_put(&n->by_key, first->key, first, NULL); /* there is room: one was removed */
}

static struct node *node_new(const struct dir_type *type, const char *key)
{
	struct node *node = calloc(1, sizeof(*node));
	size_t len = strlen(key);

	if (node)
		node->key = malloc(len + 3);
	if (!node || !node->key) {
		free(node);
		return NULL;
	}
	node->key[0] = type->letter;
	node->key[1] = ':';
	memcpy(node->key + 2, key, len + 1);
	node->type = type;
	return node;
}

/* A listed node stands first in its list, so that it is found however many aliases there are. */
static int publish_locked(struct nodes *n, struct node *node)
{
	struct node *first = table_get(&n->by_key, node->key);

	if (first && node->alias) {
		node->next = first->next;
		first->next = node;
		return 0;
	}
	node->next = first;
	return table_put(&n->by_key, node->key, node, NULL);
}

static struct node *add_locked(
	struct nodes *n, const struct dir_type *type, const char *key, enum node_kind kind)
{
	struct node *node = node_new(type, key);

	if (!node)
		return NULL;
	node->alias = kind != NODE_LISTED;
	node->hidden = kind == NODE_ALONE;
	node->number = n->next;
	if ((n->count > n->mask && grow(n) < 0) || (!node->hidden && publish_locked(n, node) < 0)) {
		free(node->key);
		free(node);
		return NULL;
	}
	n->next++;
	*find_number(n, node->number) = node;
	n->count++;
	return node;
}

int nodes_new(struct nodes **ret)
{
	struct nodes *n = calloc(1, sizeof(*n));

	if (!n || grow(n) < 0) {
		free(n);
		return -ENOMEM;
	}
	pthread_mutex_init(&n->lock, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		struct node *node = add_locked(n, fixed[i], "", NODE_LISTED);

		if (!node) {
			nodes_free(n);
			return -ENOMEM;
		}
		node->lookups = 1;
	}
	*ret = n;
	return 0;
}

void nodes_free(struct nodes *n)
{
	for (size_t i = 0; i <= n->mask; i++) {
		while (n->buckets[i]) {
			struct node *node = n->buckets[i];

			n->buckets[i] = node->next_number;
			free(node->key);
			free(node);
		}
	}
	table_done(&n->by_key);
	free(n->buckets);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

struct node *nodes_get(struct nodes *n, fuse_ino_t ino)
{
	struct node *node;

	pthread_mutex_lock(&n->lock);
	node = *find_number(n, (uint64_t)ino >> NODE_SHIFT);
	pthread_mutex_unlock(&n->lock);
	return node;
}

uint64_t nodes_look_up(struct nodes *n, const struct dir_type *type, const char *key, enum node_kind kind)
{
	char tagged[1024];
	struct node *node = NULL;
	uint64_t number = 0;
	size_t len = strlen(key);

	if (len > sizeof(tagged) - 3)
		return 0;
	tagged[0] = type->letter;
	tagged[1] = ':';
	memcpy(tagged + 2, key, len + 1);
	pthread_mutex_lock(&n->lock);
	if (kind == NODE_LISTED)
		node = table_get(&n->by_key, tagged);
	if (!node || node->alias)
		node = add_locked(n, type, key, kind);
	if (node) {
		node->lookups++;
		number = node->number;
	}
	pthread_mutex_unlock(&n->lock);
	return number;
}

void nodes_hold(struct nodes *n, struct node *node)
{
	pthread_mutex_lock(&n->lock);
	node->lookups++;
	pthread_mutex_unlock(&n->lock);
}

void nodes_forget(struct nodes *n, fuse_ino_t ino, uint64_t lookups)
{
	struct node **at, *node;

	pthread_mutex_lock(&n->lock);
	at = find_number(n, (uint64_t)ino >> NODE_SHIFT);
	node = *at;
	if (node && node->number >= ARRAY_SIZE(fixed) && node->lookups > lookups) {
		node->lookups -= lookups;
	} else if (node && node->number >= ARRAY_SIZE(fixed)) {
		*at = node->next_number;
		n->count--;
		if (!node->hidden)
			hide_locked(n, node);
		free(node->key);
		free(node);
	}
	pthread_mutex_unlock(&n->lock);
}

size_t nodes_of(struct nodes *n, const struct dir_type *type, const char *key, bool gone, uint64_t *ret,
	size_t max)
{
	char tagged[1024];
	struct node *node;
	size_t count = 0;

	snprintf(tagged, sizeof(tagged), "%c:%s", type->letter, key);
	pthread_mutex_lock(&n->lock);
	for (node = table_get(&n->by_key, tagged); node && count < max; node = node->next)
		ret[count++] = node->number;
	if (gone) {
		for (node = table_remove(&n->by_key, tagged); node; node = node->next)
			node->hidden = true;
	}
	pthread_mutex_unlock(&n->lock);
	return count;
}

size_t nodes_count(struct nodes *n)
{
	size_t count;

	pthread_mutex_lock(&n->lock);
	count = n->count;
	pthread_mutex_unlock(&n->lock);
	return count;
}
