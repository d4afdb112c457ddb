/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image references: [DOMAIN[:PORT]/]PATH[:TAG], in the grammar of the distribution project's reference
 * package. A reference with a digest names content that exists already, so it can't be committed to.
 */
#pragma once

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"

struct reference {
	char repository[256]; /* with its domain, as written: "localhost:5000/team/foo" */
	char tag[129];	      /* "latest" where none was written */
};

/* Errors: -EINVAL, -ENAMETOOLONG (over 255 bytes), each with a sentence. */
int reference_parse(const char *text, struct reference *ret, struct err *reterr);

bool reference_valid_tag(const char *tag);

/* Adds "REPOSITORY:TAG". */
void reference_format(const struct reference *r, struct buf *out);

/* A file name for any reference and back: '/' is %2F and '%' is %25. Decoding fails with -ENOENT. */
void reference_to_name(const char *reference, struct buf *out);
int reference_from_name(const char *name, struct buf *out);
