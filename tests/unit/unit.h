/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/err.h"

/* Tests are functions of this shape; most have no use for the state. */
#define TEST(name) static void test_##name(void **state __attribute__((unused)))

/* An error came with its code and with a sentence on one line. */
static inline void assert_err(int r, const struct err *e, int code)
{
	if (r != -code)
		fail_msg("returned %d (%s) instead of %d", r, e->text, -code);
	assert_int_equal(e->code, code);
	assert_true(e->text[0]);
	assert_null(strchr(e->text, '\n'));
}

/* Repeatable random numbers (xorshift). */
static inline uint32_t dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 16);
}
