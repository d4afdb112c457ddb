/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token with which one thread tells another to give up what it waits for. It is a descriptor, so that it
 * can be waited for beside sockets. Once fired, it stays fired.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"

struct cancel {
	int fd; /* an eventfd; readable once fired */
};

#define CANCEL_INIT {.fd = -1}

/* Errors: -EMFILE, -ENFILE, -ENOMEM. */
int cancel_init(struct cancel *c);
void cancel_done(struct cancel *c);

void cancel_fire(struct cancel *c);
bool cancel_fired(const struct cancel *c); /* `c` may be NULL: never fired */

/* Sleeps for `ms` milliseconds; returns true as soon as the token is fired. */
bool cancel_sleep(const struct cancel *c, int ms);
