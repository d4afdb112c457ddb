/* SPDX-License-Identifier: Apache-2.0 */
/* A hash that grows with its data; libcrypto's, named as Glance names them ("sha512", "md5", …). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/err.h"

enum { DIGEST_HEX = 129, DIGEST_NAME = 16 }; /* bytes with the NUL */

struct digest;

bool digest_known(const char *algorithm);
int digest_new(const char *algorithm, struct digest **ret, struct err *reterr);
void digest_free(struct digest *d);
DEFINE_CLEANUP(struct digest *, digest_free)

int digest_add(struct digest *d, const void *data, size_t len); /* 0 or -ENOMEM */

/* Ends the hash and writes it in lower-case hex. */
int digest_hex(struct digest *d, char ret[static DIGEST_HEX]);
