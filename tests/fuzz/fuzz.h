/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target includes. A promise that does not hold ends in abort(), as a crash does.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A failure has its sentence, on one line. */
static inline void check_err(int r, const struct err *e)
{
	CHECK(r <= 0);
	CHECK(r == 0 || (e->code == -r && e->text[0]));
	CHECK(memchr(e->text, '\0', sizeof(e->text)));
	CHECK(!strchr(e->text, '\n'));
}
