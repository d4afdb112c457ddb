/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for what may have to wait for a peer. They are made as needed, up to a bound, and end when they have
 * been idle for a while. What can't start at once waits in order, up to a bound.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct pool;

struct pool_work {
	void (*run)(struct pool_work *w);
	struct pool_work *next; /* the pool's own */
};

int pool_new(unsigned max_threads, unsigned max_waiting, struct pool **ret);

/* No more work is taken; waits for what runs. Nothing may be waiting any more, or it is never run. */
void pool_free(struct pool *p);
DEFINE_CLEANUP(struct pool *, pool_free)

/* Errors: -EAGAIN (too many wait already). `w` must live until it has run or was taken back. */
int pool_submit(struct pool *p, struct pool_work *w);

/* Takes back work that has not begun. Returns false if it has: then it will be run to its end. */
bool pool_take_back(struct pool *p, struct pool_work *w);
