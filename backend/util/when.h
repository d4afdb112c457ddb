/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time: seconds since the epoch (UTC), and their text forms. */
#pragma once

#include <stdint.h>

#include "util/buf.h"

int64_t when_now(void);

/* A monotonic clock, for durations. */
int64_t when_monotonic_ms(void);

struct timespec;
void when_add_ms(struct timespec *t, int64_t ms);

/* Adds `t` as RFC 3339 in UTC, "2026-11-21T19:49:02Z"; nothing for 0 (not known). */
void when_format(struct buf *b, int64_t t);

/* Reads RFC 3339 with any fraction and zone, as the engine writes it; 0 if it is none. */
int64_t when_parse(const char *text);
