/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/notify.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "fs/call.h"
#include "fs/node.h"
#include "util/log.h"
#include "util/table.h"

enum { NODES_MAX = 64 };

struct note {
	const struct dir_type *type; /* of the object, or the directory of an entry */
	char *key;
	char *name; /* of an entry; NULL: the object's files */
	bool gone;
	struct note *next;
	char id[]; /* the same for notes that can be merged */
};

struct notify {
	struct fs *fs;
	pthread_t thread;
	atomic_bool started;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;
	struct note *first, **last;
	struct table merged; /* notes by id, borrowed */
	bool sweep, stopping;
};

int notify_new(struct fs *fs, struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->fs = fs;
	n->last = &n->first;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->work, NULL);
	*ret = n;
	return 0;
}

/* --- notes --- */

static void note_free(struct note *note)
{
	free(note->key);
	free(note->name);
	free(note);
}

static struct note *note_new(
	const struct dir_type *type, const char *name, const char *key, bool gone)
{
	size_t len = strlen(key) + (name ? strlen(name) : 0) + 8;
	struct note *note = calloc(1, sizeof(*note) + len);

	if (!note)
		return NULL;
	note->type = type;
	note->gone = gone;
	note->key = strdup(key);
	note->name = name ? strdup(name) : NULL;
	/* A name that comes, goes and comes again is three notes, unless the last one says the same. */
	snprintf(note->id, len, "%c%c%s/%s", type->letter, name ? gone ? '-' : '+' : '=', name ? name : "", key);
	if (!note->key || (name && !note->name)) {
		note_free(note);
		return NULL;
	}
	return note;
}

static void leave(struct notify *n, const struct dir_type *type, const char *name, const char *key, bool gone)
{
	struct note *note;

	if (!n->started)
		return; /* nobody has been served yet: the kernel remembers nothing */
	note = note_new(type, name, key, gone);
	if (!note) {
		log_error("out of memory: the kernel may show something old for a while");
		return;
	}
	pthread_mutex_lock(&n->lock);
	if (table_get(&n->merged, note->id) || table_put(&n->merged, note->id, note, NULL) < 0) {
		note_free(note);
	} else {
		*n->last = note;
		n->last = &note->next;
		pthread_cond_signal(&n->work);
	}
	pthread_mutex_unlock(&n->lock);
}

void notify_changed(struct notify *n, const struct dir_type *type, const char *key)
{
	leave(n, type, NULL, key, false);
}

void notify_entry(struct notify *n, const struct dir_type *parent, const char *name, const char *key, bool gone)
{
	leave(n, parent, name, key, gone);
}

void notify_sweep(struct notify *n)
{
	pthread_mutex_lock(&n->lock);
	n->sweep = true;
	pthread_cond_signal(&n->work);
	pthread_mutex_unlock(&n->lock);
}

/* --- telling; an error means that the kernel remembers nothing of it, which is as good --- */

static void tell_files(struct fs *fs, const struct dir_type *type, uint64_t number)
{
	for (unsigned i = 0; type->files && type->files[i].name; i++)
		if (type->files[i].live)
			fuse_lowlevel_notify_inval_inode(
				fs->session, node_ino(number, NODE_FIRST_ROW + i), -1, 0);
}

static void tell_object(struct fs *fs, const struct dir_type *type, const char *key)
{
	uint64_t numbers[NODES_MAX];
	size_t n = nodes_of(fs->nodes, type, key, false, numbers, NODES_MAX);

	for (size_t i = 0; i < n; i++)
		tell_files(fs, type, numbers[i]);
}

static void tell_entry(struct fs *fs, const struct note *note)
{
	fuse_ino_t parent = node_ino(nodes_fixed(note->type), NODE_DIR);
	uint64_t numbers[NODES_MAX];

	if (note->gone)
		nodes_of(fs->nodes, note->type->child, note->key, true, numbers, NODES_MAX);
	fuse_lowlevel_notify_inval_entry(fs->session, parent, note->name, strlen(note->name));
	fuse_lowlevel_notify_inval_inode(fs->session, parent, 0, 0);
}

static void tell(struct fs *fs, const struct note *note)
{
	if (note->name)
		tell_entry(fs, note);
	else
		tell_object(fs, note->type, note->key);
}

static struct note *take_locked(struct notify *n)
{
	struct note *note = n->first;

	if (!note)
		return NULL;
	n->first = note->next;
	if (!n->first)
		n->last = &n->first;
	table_remove(&n->merged, note->id);
	return note;
}

static void *run(void *arg)
{
	struct notify *n = arg;

	pthread_mutex_lock(&n->lock);
	while (!n->stopping) {
		struct note *note = take_locked(n);
		bool sweep = n->sweep;

		if (!note && !sweep) {
			pthread_cond_wait(&n->work, &n->lock);
			continue;
		}
		n->sweep = false;
		pthread_mutex_unlock(&n->lock);
		if (sweep)
			calls_sweep(n->fs->calls);
		if (note) {
			tell(n->fs, note);
			note_free(note);
		}
		pthread_mutex_lock(&n->lock);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

int notify_start(struct notify *n)
{
	int r;

	n->started = true;
	r = pthread_create(&n->thread, NULL, run, n);
	n->started = r == 0;
	return -r;
}

void notify_stop(struct notify *n)
{
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->work);
	pthread_mutex_unlock(&n->lock);
	if (n->started)
		pthread_join(n->thread, NULL);
	n->started = false;
}

void notify_free(struct notify *n)
{
	struct note *note;

	while ((note = take_locked(n)))
		note_free(note);
	table_done(&n->merged);
	pthread_cond_destroy(&n->work);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
