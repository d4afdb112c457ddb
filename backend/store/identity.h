/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to Keystone, and what its answer says: texts only, nobody is asked. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/clouds.h"
#include "util/buf.h"

/* Is there a Keystone to be asked? Not for none and admin_token. */
bool identity_needed(const struct cloud *cloud);

/* Adds `url` without a version and slashes at its end: "https://host/identity/v3/" gives
 * …/identity. */
void identity_add_base(struct buf *out, const char *url);

/* Adds the body of POST /v3/auth/tokens. It holds a secret. Errors: -EINVAL (no UTF-8), -ENOMEM. */
int identity_request(const struct cloud *cloud, struct buf *ret, struct err *reterr);

/* Adds whom Keystone was asked for: "user 'demo' of the cloud 'x'". Never a secret. */
void identity_add_subject(struct buf *out, const struct cloud *cloud);

/* Seconds that a token lives from now on, by Keystone's own clock where it tells it; 0: not known.
 */
int64_t identity_lifetime(const json_t *answer);

/*
 * Adds the base of the image service in the cloud's region and interface: its override, else from
 * the catalog of the answer. Errors: -ENOENT, with a sentence that names the regions that have one.
 */
int identity_endpoint(
	const json_t *answer, const struct cloud *cloud, struct buf *ret, struct err *reterr);
