/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The housekeeping thread. It takes away the records of requests that came to nothing while nobody could say
 * whether the store had made them, for as long as it takes; and it knows whether the default store answers.
 */
#include <errno.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal.h"
#include "util/log.h"
#include "util/when.h"

enum {
	REMOVE_TIMEOUT_MS = 30 * 1000,
	CHECK_AGAIN_MS = 30 * 1000, /* while the store doesn't answer */
	LAST_TRY_MS = 3600 * 1000,  /* after that a record is given up, with a line in the log */
};

struct orphan {
	struct store *store;
	char id[STORE_ID];
	int64_t since, next_try; /* monotonic ms */
	unsigned tries;
	struct orphan *next;
};

void keeper_adopt(struct jobs *j, struct store *store, const char *id, bool kept)
{
	struct orphan *o = calloc(1, sizeof(*o));

	if (!o) {
		log_error("out of memory: the record %s may be left behind in %s", id, store->ops->name);
		return;
	}
	o->store = store;
	snprintf(o->id, sizeof(o->id), "%s", id);
	o->since = o->next_try = when_monotonic_ms();
	if (j->options.journal && !kept)
		journal_orphan(j->options.journal, store->ops->name, id, NULL);
	pthread_mutex_lock(&j->lock);
	o->next = j->orphans;
	j->orphans = o;
	pthread_cond_broadcast(&j->chores);
	pthread_mutex_unlock(&j->lock);
}

/* --- what the store last said --- */

void keeper_note_store(struct jobs *j, const struct store *store, const struct err *error)
{
	struct job_info none = {0};
	bool good = !error || !error->passing, changed;

	if (strcmp(store->ops->name, j->options.default_store) != 0)
		return;
	pthread_mutex_lock(&j->lock);
	changed = !j->store.known || !j->store.error.code != good;
	j->store.known = true;
	j->store.error = good ? (struct err){0} : *error;
	j->store.checked_ms = when_monotonic_ms();
	pthread_cond_broadcast(&j->chores);
	pthread_mutex_unlock(&j->lock);
	if (changed && j->options.changed)
		j->options.changed(j->options.arg, &none);
}

struct job_store_state jobs_store_state(struct jobs *j)
{
	struct job_store_state state;

	pthread_mutex_lock(&j->lock);
	state = j->store;
	pthread_mutex_unlock(&j->lock);
	return state;
}

static void check_store(struct jobs *j)
{
	struct store *store = jobs_store(j, j->options.default_store);
	AUTO_BUF struct buf words = BUF_INIT;
	struct err e = {0};

	if (!store)
		return;
	if (store->ops->check(store, &words, &j->stop, &e) < 0)
		e.passing = true; /* whatever it is, it does not work now */
	keeper_note_store(j, store, e.code ? &e : NULL);
}

/* --- the thread --- */

static int64_t check_due_locked(const struct jobs *j)
{
	if (!j->store.known)
		return 0;
	return j->store.error.code ? j->store.checked_ms + CHECK_AGAIN_MS : INT64_MAX;
}

/* The orphan to be tried next, out of the list; NULL if it is not time, *ret_due then says when. */
static struct orphan *take_orphan_locked(struct jobs *j, int64_t now, int64_t *ret_due)
{
	for (struct orphan **at = &j->orphans; *at; at = &(*at)->next) {
		struct orphan *o = *at;

		if (o->next_try <= now) {
			*at = o->next;
			return o;
		}
		if (o->next_try < *ret_due)
			*ret_due = o->next_try;
	}
	return NULL;
}

static void give_up(struct jobs *j, struct orphan *o)
{
	if (j->options.journal)
		journal_orphan_gone(j->options.journal, o->id, NULL);
	free(o);
}

static void try_to_remove(struct jobs *j, struct orphan *o)
{
	struct err e = {0};
	int64_t now;

	if (o->store->ops->remove(o->store, o->id, REMOVE_TIMEOUT_MS, &j->stop, &e) == 0) {
		give_up(j, o);
		return;
	}
	now = when_monotonic_ms();
	if (!e.passing && e.code != ECANCELED) /* refused for good */
		o->since = now - LAST_TRY_MS;
	if (now - o->since >= LAST_TRY_MS) {
		log_warning("the record %s is left behind: %s", o->id, e.text);
		give_up(j, o);
		return;
	}
	o->next_try = now + (o->tries < 6 ? 1000 << o->tries : 60000);
	o->tries++;
	pthread_mutex_lock(&j->lock);
	o->next = j->orphans;
	j->orphans = o;
	pthread_mutex_unlock(&j->lock);
}

static void wait_until_locked(struct jobs *j, int64_t due, int64_t now)
{
	struct timespec until;

	if (due == INT64_MAX) {
		pthread_cond_wait(&j->chores, &j->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	when_add_ms(&until, due - now);
	pthread_cond_timedwait(&j->chores, &j->lock, &until);
}

static void *run(void *arg)
{
	struct jobs *j = arg;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping) {
		int64_t now = when_monotonic_ms(), check = check_due_locked(j), due = check;
		struct orphan *o = take_orphan_locked(j, now, &due);

		if (!o && check > now) {
			wait_until_locked(j, due, now);
			continue;
		}
		pthread_mutex_unlock(&j->lock);
		if (o)
			try_to_remove(j, o);
		else
			check_store(j);
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

int keeper_start(struct jobs *j)
{
	int r = pthread_create(&j->keeper, NULL, run, j);

	j->keeper_started = r == 0;
	return -r;
}

void keeper_stop(struct jobs *j)
{
	struct orphan *o;

	if (j->keeper_started)
		pthread_join(j->keeper, NULL);
	j->keeper_started = false;
	while ((o = j->orphans)) {
		j->orphans = o->next;
		if (!j->options.journal)
			log_warning("the record %s may be left behind in %s", o->id, o->store->ops->name);
		free(o);
	}
}
