/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to Glance with a token that is renewed when it must be. What they mean is in glance.c.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>

#include "store/glance.h"
#include "store/keystone.h"

enum { GLANCE_STALL_MS = 300 * 1000 }; /* of a transfer; then the service has hung up in silence */

struct glance_peer;

struct glance {
	struct store store; /* first: a struct store of this kind is a struct glance */
	struct cloud *cloud;
	struct keystone *keystone;
	pthread_mutex_t lock; /* all below; never held during a request */
	struct glance_peer *peers;
	char algorithm[DIGEST_NAME]; /* the hash that this service used last */
	bool learned;
};

/* What a request is made with. */
struct glance_session {
	struct keystone_token token;
	struct http *http; /* borrowed from the struct glance */
	const char *headers[3];
};
void glance_session_done(struct glance_session *s);
#define AUTO_SESSION CLEANUP(glance_session_done)

/*
 * A token and the peer that it is for. `rejected`: keystone_get(); owned by the caller. `lasting`:
 * keystone_get_long(). Errors: those of keystone_get().
 */
int glance_login(struct glance *g, const char *rejected, bool lasting, struct glance_session *ret,
	const struct cancel *cancel, struct err *reterr);

/*
 * As http_perform(); an answer 401 is asked once more with a new token. The headers are set here,
 * so that `request` is changed; `request->write` sees only the answer that counts.
 */
int glance_call(
	struct glance *g, struct http_request *request, struct http_reply *ret, struct err *reterr);

/* Adds "/v2/images/ID" and `rest`. */
void glance_path(struct buf *out, const char *id, const char *rest);

/* A record as it is now; the caller releases it. Errors: -ENOENT (there is none), those of
 * glance_call(). */
int glance_show(struct glance *g, const char *id, json_t **ret, const struct cancel *cancel,
	struct err *reterr);

/* As glance_show(), once the service is no longer busy with the data, or when `limit_ms` are over.
 * Errors: also -ECANCELED. */
int glance_show_settled(struct glance *g, const char *id, int limit_ms, json_t **ret,
	const struct cancel *cancel, struct err *reterr);
bool glance_is_busy(const char *status); /* will pass by itself */

/* Asks for the newest image and remembers its hash algorithm. Errors: those of glance_call(). */
int glance_learn(struct glance *g, const struct cancel *cancel, struct err *reterr);

void glance_algorithm(struct glance *g, char ret[static DIGEST_NAME]);
void glance_remember_algorithm(
	struct glance *g, const char *algorithm); /* ignored if not known here */
bool glance_has_learned(struct glance *g);

int glance_verify(struct store *s, const char *id, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr); /* of struct store_ops */

void glance_free_peers(struct glance *g);
