/* SPDX-License-Identifier: Apache-2.0 */
/* Where a push goes, as a user writes it (SPEC section 3): glance, glance:NAME[:TAG], dir. */
#pragma once

#include "util/err.h"
#include "util/reference.h"

struct target {
	char store[16];	       /* "glance", "dir" */
	struct reference name; /* what the image is called there */
};

/*
 * `text`: a TARGET; "" or NULL: `otherwise`, the default store's word. `reference`: the image's own, which is
 * its name there unless the target says another. Errors: -EINVAL, -EOPNOTSUPP, each with a sentence.
 */
int target_parse(const char *text, const char *otherwise, const char *reference, struct target *ret,
	struct err *reterr);
