/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/follow.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "util/log.h"
#include "util/table.h"
#include "util/when.h"

enum { FIRST_PAUSE_MS = 200, LONGEST_PAUSE_MS = 5000 };

/* Ids to ask about, in the order in which events named them, each once. */
struct marks {
	struct table known; /* the same, borrowed */
	char **ids;	    /* owned */
	size_t count, room;
};

struct follow {
	struct engine *engine;
	struct catalog *catalog;
	struct follow_listener listener;
	struct cancel cancel;
	pthread_t thread;

	/* The thread's own. */
	struct marks containers, images;
	bool list_all;
	int pause_ms;
	struct err trouble; /* why a refresh failed; the stream is then given up and begun anew */

	pthread_mutex_t lock; /* state, complete */
	pthread_cond_t changed;
	struct follow_state state;
	bool complete; /* there was a whole list once */
};

/* --- what is to be asked about --- */

static int marks_add(struct marks *m, const char *id)
{
	char *copy;

	if (m->count == m->room) {
		size_t room = m->room ? m->room * 2 : 64;
		char **ids = reallocarray(m->ids, room, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		m->ids = ids;
		m->room = room;
	}
	copy = strdup(id);
	if (!copy || table_put(&m->known, copy, copy, NULL) < 0) {
		free(copy);
		return -ENOMEM;
	}
	m->ids[m->count++] = copy;
	return 0;
}

static void mark(struct follow *f, struct marks *m, const char *id)
{
	if (*id && !table_get(&m->known, id) && marks_add(m, id) < 0)
		f->list_all = true; /* then the whole list tells */
}

static void unmark_all(struct marks *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->ids[i]);
	free(m->ids);
	table_done(&m->known);
	*m = (struct marks){0};
}

static bool is_hex(const char *s)
{
	return strspn(s, "0123456789abcdef") == strlen(s);
}

/* Events after which nothing that we show is different; health checks make many of them. */
static bool of_no_interest(const char *action)
{
	static const char *const prefixes[] = {"exec_", "health_status", "attach", "detach", "resize",
		"top", "copy", "export", "archive-path", "extract-to-dir", "kill"};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(action, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* https://docs.docker.com/engine/api/v1.41/#tag/System/operation/SystemEvents */
static int on_event(void *arg, const json_t *event)
{
	struct follow *f = arg;
	const char *type = json_text(event, "Type"), *action = json_text(event, "Action");
	const char *id = json_text(event, "Actor.ID");

	if (of_no_interest(action))
		return 0;
	if (strcmp(type, "container") == 0) {
		if (is_hex(id))
			mark(f, &f->containers, id);
		mark(f, &f->images, json_text(event, "Actor.Attributes.imageID"));
	} else if (strcmp(type, "image") == 0) {
		mark(f, &f->images, id);
	}
	return 0;
}

static void on_began(void *arg)
{
	struct follow *f = arg;

	f->list_all = true;
}

/* --- asking --- */

static int put_container(void *arg, const json_t *element)
{
	struct follow *f = arg;

	return catalog_put_container(f->catalog, element);
}

static int put_image(void *arg, const json_t *element)
{
	struct follow *f = arg;

	return catalog_put_image(f->catalog, element);
}

static int list_all(struct follow *f)
{
	int r;

	catalog_sync_begin(f->catalog);
	r = engine_list_containers(f->engine, put_container, f, &f->cancel, &f->trouble);
	if (r == 0)
		r = engine_list_images(f->engine, put_image, f, &f->cancel, &f->trouble);
	if (r == 0)
		r = catalog_sync_end(f->catalog);
	return r;
}

/*
 * By inspection, not by the list: Docker reads its list from a copy that it updates a moment after it has sent
 * the event, while an inspection waits for the lock under which both happen.
 */
static int refresh_container(struct follow *f, const char *id)
{
	AUTO_JSON json_t *inspect = NULL;
	int r = engine_describe_container(f->engine, id, &inspect, &f->cancel, &f->trouble);

	if (r == -ENOENT) {
		catalog_remove_container(f->catalog, id);
		f->trouble.code = 0;
		return 0;
	}
	return r < 0 ? r : catalog_put_inspected(f->catalog, inspect);
}

static int refresh_containers(struct follow *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->containers.count; i++)
		r = refresh_container(f, f->containers.ids[i]);
	return r;
}

static int refresh_image(struct follow *f, const char *id)
{
	AUTO_JSON json_t *image = NULL;
	int r = engine_describe_image(f->engine, id, &image, &f->cancel, &f->trouble);

	if (r == -ENOENT) {
		catalog_remove_image(f->catalog, id);
		f->trouble.code = 0;
		return 0;
	}
	return r < 0 ? r : catalog_put_image(f->catalog, image);
}

static int refresh_images(struct follow *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < f->images.count; i++)
		r = refresh_image(f, f->images.ids[i]);
	return r;
}

/* --- the link --- */

static void set_link(struct follow *f, bool up, const struct err *why)
{
	bool was, first;

	pthread_mutex_lock(&f->lock);
	was = f->state.up;
	first = !f->complete;
	if (up != was || !f->state.since)
		f->state.since = when_now();
	f->state.up = up;
	f->state.lost = why ? *why : (struct err){0};
	f->complete |= up;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (was == up)
		return;
	if (!up)
		log_warning("the engine is lost: %s", why ? why->text : "");
	else if (!first)
		log_info("the engine at %s is back", engine_url(f->engine));
	if (f->listener.link)
		f->listener.link(f->listener.arg, up);
}

/* After each batch of events. Returns false when the stream is to be begun anew. */
static bool on_turn(void *arg)
{
	struct follow *f = arg;
	int r = 0;

	if (!f->list_all && !f->containers.count && !f->images.count)
		return true;
	if (f->list_all)
		r = list_all(f);
	else
		r = refresh_containers(f);
	if (r == 0 && !f->list_all)
		r = refresh_images(f);
	unmark_all(&f->containers);
	unmark_all(&f->images);
	f->list_all = false;
	if (r < 0) {
		if (!f->trouble.code)
			err_set(&f->trouble, -r, "the engine's lists could not be read");
		return false;
	}
	f->pause_ms = FIRST_PAUSE_MS;
	set_link(f, true, NULL);
	return true;
}

static void *run(void *arg)
{
	struct follow *f = arg;
	struct err e;

	for (;;) {
		f->trouble = e = (struct err){0};
		engine_follow(f->engine, on_began, on_event, on_turn, f, &f->cancel, &e);
		if (cancel_fired(&f->cancel))
			break;
		set_link(f, false, f->trouble.code ? &f->trouble : &e);
		if (cancel_sleep(&f->cancel, f->pause_ms))
			break;
		f->pause_ms = f->pause_ms * 2 < LONGEST_PAUSE_MS ? f->pause_ms * 2 : LONGEST_PAUSE_MS;
		engine_renegotiate(f->engine, NULL);
	}
	unmark_all(&f->containers);
	unmark_all(&f->images);
	return NULL;
}

int follow_start(struct engine *e, struct catalog *c, const struct follow_listener *listener,
	struct follow **ret, struct err *reterr)
{
	struct follow *f = calloc(1, sizeof(*f));
	pthread_condattr_t monotonic;
	int r;

	if (!f)
		return err_nomem(reterr);
	f->engine = e;
	f->catalog = c;
	f->listener = *listener;
	f->pause_ms = FIRST_PAUSE_MS;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->changed, &monotonic);
	r = cancel_init(&f->cancel);
	if (r == 0)
		r = -pthread_create(&f->thread, NULL, run, f);
	if (r < 0) {
		cancel_done(&f->cancel);
		free(f);
		return err_set(reterr, -r, "the thread that follows the engine does not start");
	}
	*ret = f;
	return 0;
}

void follow_stop(struct follow *f)
{
	cancel_fire(&f->cancel);
	pthread_join(f->thread, NULL);
	cancel_done(&f->cancel);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

int follow_wait(struct follow *f, int timeout_ms, struct err *reterr)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	when_add_ms(&until, timeout_ms);
	pthread_mutex_lock(&f->lock);
	while (!f->complete && !f->state.lost.code && r == 0)
		r = -pthread_cond_timedwait(&f->changed, &f->lock, &until);
	if (f->complete)
		r = 0;
	else if (f->state.lost.code) {
		*reterr = f->state.lost;
		r = -f->state.lost.code;
	} else
		err_set(reterr, -r, "the engine does not list its containers");
	pthread_mutex_unlock(&f->lock);
	return r;
}

struct follow_state follow_state(struct follow *f)
{
	struct follow_state s;

	pthread_mutex_lock(&f->lock);
	s = f->state;
	pthread_mutex_unlock(&f->lock);
	return s;
}
