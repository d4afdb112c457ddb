/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. A function that can fail returns 0 or a negative errno; where a user has to be told more, its last
 * parameter is a struct err, which then holds one sentence: what is wrong and, where we know, what to do.
 *
 * A struct err owns no memory: it can be copied, kept and dropped freely. Its text never holds a secret.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err {
	int code;	      /* a positive errno; 0: no error */
	bool passing;	      /* a fault that may pass: trying again later makes sense */
	unsigned retry_after; /* seconds that the peer asked us to wait; 0: it did not say */
	char text[500];
};

/* Sets `e` (which may be NULL) and returns -code. */
int err_set(struct err *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sets `e` to -ENOMEM with its sentence, and returns it. */
int err_nomem(struct err *e);

/* Puts "TEXT: " before the sentence of an error that is set. */
void err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
