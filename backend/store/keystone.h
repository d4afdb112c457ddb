/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of Keystone (Identity API v3) and the endpoint of the image service from its catalog.
 * https://docs.openstack.org/api-ref/identity/v3/
 *
 * A struct keystone is shared by threads: one token is used by all, and renewed by one of them while the
 * others wait. It never writes a token or a password anywhere.
 */
#pragma once

#include "net/http.h"
#include "store/clouds.h"

struct keystone;

/* `cloud` is borrowed and must outlive it. Asks nobody yet. */
int keystone_new(const struct cloud *cloud, struct keystone **ret, struct err *reterr);
void keystone_free(struct keystone *k);
DEFINE_CLEANUP(struct keystone *, keystone_free)

struct keystone_token {
	char *header;	/* "X-Auth-Token: …", or NULL if the cloud needs none; owned, wiped when freed */
	char *endpoint; /* of the image service, without "/v2"; owned */
};
void keystone_token_done(struct keystone_token *t);

/*
 * A token that is good for another minute at least (where it never lives for two: for half of its life), and
 * the endpoint. `rejected`: the header of a token that a service has just answered 401 to (NULL: none): if
 * that is still the one in use, a new one is asked for. A fixed token (admin_token) that is rejected: -EACCES.
 * Errors: -EACCES (Keystone refuses the credentials), -ENOENT (the catalog has no image service in that region
 * and interface), those of http_perform().
 */
int keystone_get(struct keystone *k, const char *rejected, struct keystone_token *ret,
	const struct cancel *cancel, struct err *reterr);

/* As keystone_get(), with more than half of the token's life left: for a request whose header is made long
 * before it is sent. */
int keystone_get_long(struct keystone *k, const char *rejected, struct keystone_token *ret,
	const struct cancel *cancel, struct err *reterr);
