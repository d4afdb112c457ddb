/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that keeps the catalog true. It opens the engine's event stream, then lists everything once, so
 * that nothing falls between the two; from then on each batch of events names the objects to ask about again.
 * When the stream is lost it comes back with a growing pause, and lists again: what changed meanwhile is found.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/catalog.h"
#include "engine/engine.h"
#include "util/err.h"

struct follow_listener {
	/* The engine was reached, or lost; with no lock held. */
	void (*link)(void *arg, bool up);
	void *arg;
};

struct follow_state {
	bool up;
	int64_t since;	 /* when it came up, or was lost */
	struct err lost; /* why, if it is not up */
};

struct follow;

/* Starts the thread. The engine, the catalog and the listener's `arg` must outlive it. */
int follow_start(struct engine *e, struct catalog *c, const struct follow_listener *listener,
	struct follow **ret, struct err *reterr);

/* Ends the thread, waits for it, and frees. */
void follow_stop(struct follow *f);
DEFINE_CLEANUP(struct follow *, follow_stop)

/* Waits for the first complete list. Returns 0, or the negative errno for which there is none yet. */
int follow_wait(struct follow *f, int timeout_ms, struct err *reterr);

struct follow_state follow_state(struct follow *f);
