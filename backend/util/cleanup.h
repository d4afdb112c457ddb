/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release of what a function owns, and the word for giving it away. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* Gives the pointer's value to the caller and leaves NULL behind, so that a CLEANUP does nothing. */
#define steal_pointer(pp)                                                                          \
	({                                                                                         \
		__typeof__(*(pp)) stolen_ = *(pp);                                                 \
		*(pp) = NULL;                                                                      \
		stolen_;                                                                           \
	})

/* Defines NAMEp, a cleanup for pointers to `type` that are released with `release`. */
#define DEFINE_CLEANUP(type, release)                                                              \
	static inline void release##p(type *p)                                                     \
	{                                                                                          \
		if (*p)                                                                            \
			release(*p);                                                               \
	}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define AUTO_FREE   CLEANUP(freep)
#define AUTO_CLOSE  CLEANUP(closep)
#define AUTO_FCLOSE CLEANUP(fclosep)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
