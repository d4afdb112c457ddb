/* SPDX-License-Identifier: Apache-2.0 */
/* commitfs --check: what answers and what doesn't, a line each, on stdout. */
#pragma once

#include "fs/options.h"

/* Returns the exit status: 0, or 1 if something that is needed is wrong. */
int check_run(const struct options *o);
