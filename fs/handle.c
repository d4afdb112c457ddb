/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/handle.h"

#include <errno.h>
#include <string.h>

static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *newest; /* of all that are open */

static void enlist(struct handle *h)
{
	pthread_mutex_lock(&all_lock);
	h->older = newest;
	if (newest)
		newest->newer = h;
	newest = h;
	pthread_mutex_unlock(&all_lock);
}

static void unlist(struct handle *h)
{
	pthread_mutex_lock(&all_lock);
	if (h->older)
		h->older->newer = h->newer;
	if (h->newer)
		h->newer->older = h->older;
	else
		newest = h->older;
	pthread_mutex_unlock(&all_lock);
}

struct handle *handle_new(fuse_ino_t ino, const struct file_row *row)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->refs = 1;
	h->ino = ino;
	h->row = row;
	pthread_mutex_init(&h->lock, NULL);
	enlist(h);
	return h;
}

struct handle *handle_ref(struct handle *h)
{
	atomic_fetch_add(&h->refs, 1);
	return h;
}

void handle_unref(struct handle *h)
{
	if (atomic_fetch_sub(&h->refs, 1) > 1)
		return;
	unlist(h);
	buf_done(&h->text);
	buf_done(&h->line);
	if (h->list)
		dir_list_free(h->list);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

off_t handle_size(fuse_ino_t ino)
{
	struct handle *h;
	off_t size = 0;

	pthread_mutex_lock(&all_lock);
	for (h = newest; h; h = h->older) {
		if (h->ino != ino)
			continue;
		pthread_mutex_lock(&h->lock);
		size = h->filled ? (off_t)h->text.len : 0;
		pthread_mutex_unlock(&h->lock);
		if (size)
			break;
	}
	pthread_mutex_unlock(&all_lock);
	return size;
}

void handles_free(void)
{
	while (newest)
		handle_unref(newest);
}

int dir_list_add(struct dir_list *l, const char *name, const char *key, int64_t mtime)
{
	struct dir_item item = {.mtime = mtime};

	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 32;
		struct dir_item *items = reallocarray(l->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->room = room;
	}
	item.name = strdup(name);
	item.key = strdup(key);
	if (!item.name || !item.key) {
		free(item.name);
		free(item.key);
		return -ENOMEM;
	}
	l->items[l->count++] = item;
	return 0;
}

void dir_list_free(struct dir_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].name);
		free(l->items[i].key);
	}
	free(l->items);
	free(l);
}
