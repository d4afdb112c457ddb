/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image service: Glance v2 (https://docs.openstack.org/api-ref/image/v2/), with Keystone or without.
 *
 * A record is what Zun makes and finds: `name` is the repository, `tags` holds the tag, container_format
 * docker, disk_format raw; properties say where the image came from (commitfs_container_id and so on).
 */
#pragma once

#include "store/clouds.h"
#include "store/store.h"

/* Takes `cloud` over. Asks nobody yet. The caller frees with ret->ops->free(). */
int glance_new(struct cloud *cloud, struct store **ret, struct err *reterr);

/* Is there a token to be had for the image service? Adds for whom ("user 'demo' …"). */
int glance_check_token(
	struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr);
