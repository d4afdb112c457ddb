/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text that grows. Running out of memory is remembered in the buffer (`failed`), so that a writer of many
 * pieces checks once, at the end, with buf_error().
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct buf {
	char *data; /* NUL-terminated once anything was added; NULL before */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	bool failed;
};

#define BUF_INIT {0}

void buf_done(struct buf *b);
#define AUTO_BUF CLEANUP(buf_done)

void buf_add(struct buf *b, const void *data, size_t len);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap);

/* Adds `text` percent-encoded: all but unreserved characters (RFC 3986) and those in `keep`. */
void buf_add_escaped(struct buf *b, const char *text, const char *keep);

/* Forgets the content and keeps the memory. */
void buf_reset(struct buf *b);

/* 0, or -ENOMEM if anything could not be added. */
int buf_error(const struct buf *b);

/* The text itself, never NULL. */
const char *buf_text(const struct buf *b);

/* Gives the text to the caller, who frees it; NULL if memory ran out. The buffer is empty afterwards. */
char *buf_steal(struct buf *b);
