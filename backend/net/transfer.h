/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body on its way from one peer to another, or to a function of ours, through a small buffer: memory does
 * not depend on its size, and whoever is slower sets the pace. Every byte is seen once, in order, by `tap`
 * (that is where it is hashed and checked). The receiver is told that the body has ended only after `whole`
 * has agreed; a source that breaks, or ends early, breaks the upload off, so that it can't look complete.
 */
#pragma once

#include <stdint.h>

#include "net/http.h"

struct transfer {
	struct http *from;
	struct http_request get; /* `write` and `arg` are the transfer's own */
	struct http *to;	 /* NULL: to `sink` */
	struct http_request put; /* `read` and `arg` are the transfer's own */

	int (*sink)(void *arg, const void *data, size_t len); /* 0 or a negative errno, which ends it */
	int (*tap)(void *arg, const void *data, size_t len);  /* likewise */
	int (*whole)(void *arg, struct err *reterr);	      /* likewise; the source has ended */
	void (*moved)(void *arg, uint64_t bytes);	      /* that many have been passed on */
	void *arg;
	const struct cancel *cancel;
};

/*
 * Returns 0 if every byte arrived and was acknowledged. `*ret_bytes` is what was passed on in any case.
 * Errors: those of http_perform() for either side (the side that failed first is named), of the functions.
 */
int transfer_run(const struct transfer *t, uint64_t *ret_bytes, struct err *reterr);
