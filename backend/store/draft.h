/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cloud's settings while they are gathered (clouds.c), and the judgement whether they make a
 * whole (draft.c): which auth_type is meant, what it needs, what is there by default.
 */
#pragma once

#include <stddef.h>

#include "store/clouds.h"

/* A cloud, and settings that only bear upon it. Zeroed at first; all strings are owned. */
struct draft {
	struct cloud cloud;
	char *plain_endpoint; /* counts only where no catalog is asked */
	char *domain_name, *domain_id;
	char *default_domain_name, *default_domain_id;
	char *profile, *verify, *insecure;
	const char *file; /* for sentences; NULL: the variables. Borrowed */
};
void draft_done(struct draft *d);

/* A setting: its name in YAML (within `auth`, or beside it), its variable (may be NULL), and the
 * member that it fills. Where several fill the same one, the first that has a value counts. */
struct draft_field {
	const char *key, *variable;
	size_t offset;
	bool secret;
};
extern const struct draft_field draft_fields[];
extern const size_t draft_field_count;

char **draft_member(struct draft *d, const struct draft_field *field);

/* Errors: -EINVAL, -EOPNOTSUPP as cloud_load(). */
int draft_judge(struct draft *d, struct err *reterr);
