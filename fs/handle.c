/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/handle.h"

#include <errno.h>
#include <string.h>

static pthread_mutex_t sizes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *sizes; /* newest first */

struct handle *handle_new(fuse_ino_t ino, const struct file_row *row)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->ino = ino;
	h->row = row;
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void handle_free(struct handle *h)
{
	if (h->row && h->row->ask)
		handle_forget_size(h);
	buf_done(&h->text);
	buf_done(&h->line);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void handle_remember_size(struct handle *h)
{
	pthread_mutex_lock(&sizes_lock);
	h->next = sizes;
	sizes = h;
	pthread_mutex_unlock(&sizes_lock);
}

void handle_forget_size(struct handle *h)
{
	pthread_mutex_lock(&sizes_lock);
	for (struct handle **at = &sizes; *at; at = &(*at)->next) {
		if (*at != h)
			continue;
		*at = h->next;
		break;
	}
	pthread_mutex_unlock(&sizes_lock);
}

bool handle_size(fuse_ino_t ino, off_t *ret)
{
	bool found = false;

	pthread_mutex_lock(&sizes_lock);
	for (struct handle *h = sizes; h && !found; h = h->next) {
		found = h->ino == ino;
		if (found)
			*ret = (off_t)h->text.len;
	}
	pthread_mutex_unlock(&sizes_lock);
	return found;
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
