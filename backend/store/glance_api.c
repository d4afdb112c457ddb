/* SPDX-License-Identifier: Apache-2.0 */
#include "store/glance_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/json.h"
#include "util/when.h"

enum { POLL_FIRST_MS = 50, POLL_LAST_MS = 2000 };

/* --- peers --- */

/* The catalog may name another address after a renewal. Requests to the old one may be under way,
 * so that no peer is given up before the end; there is hardly ever a second one. */
struct glance_peer {
	struct glance_peer *next;
	char *endpoint;
	struct http *http;
};

static void free_peer(struct glance_peer *p)
{
	http_freep(&p->http);
	free(p->endpoint);
	free(p);
}
DEFINE_CLEANUP(struct glance_peer *, free_peer)

void glance_free_peers(struct glance *g)
{
	struct glance_peer *p;

	while ((p = g->peers)) {
		g->peers = p->next;
		free_peer(p);
	}
}

static int new_peer(
	const struct cloud *c, const char *endpoint, struct glance_peer **ret, struct err *reterr)
{
	struct http_tls tls = {c->cacert, c->cert, c->key, c->insecure};
	CLEANUP(free_peerp) struct glance_peer *p = calloc(1, sizeof(*p));
	int r;

	if (!p || !(p->endpoint = strdup(endpoint)))
		return err_nomem(reterr);
	r = http_new("the image service", endpoint, &tls, &p->http, reterr);
	if (r == 0)
		*ret = steal_pointer(&p);
	return r;
}

static int find_peer(struct glance *g, const char *endpoint, struct http **ret, struct err *reterr)
{
	struct glance_peer *p;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	for (p = g->peers; p && strcmp(p->endpoint, endpoint) != 0; p = p->next)
		;
	if (!p && (r = new_peer(g->cloud, endpoint, &p, reterr)) == 0) {
		p->next = g->peers;
		g->peers = p;
	}
	if (r == 0)
		*ret = p->http;
	pthread_mutex_unlock(&g->lock);
	return r;
}

/* --- requests --- */

void glance_session_done(struct glance_session *s)
{
	keystone_token_done(&s->token);
	*s = (struct glance_session){0};
}

int glance_login(struct glance *g, const char *rejected, bool lasting, struct glance_session *ret,
	const struct cancel *cancel, struct err *reterr)
{
	int r;

	glance_session_done(ret);
	r = lasting ? keystone_get_long(g->keystone, rejected, &ret->token, cancel, reterr)
		    : keystone_get(g->keystone, rejected, &ret->token, cancel, reterr);
	if (r == 0)
		r = find_peer(g, ret->token.endpoint, &ret->http, reterr);
	ret->headers[0] = "Accept: application/json"; /* else errors are pages of HTML */
	ret->headers[1] = ret->token.header;
	return r;
}

/* What a 401 means that a new token can't help. A service that can't reach its own Keystone says
 * it, too. */
static int still_refused(const struct glance_session *session, struct err *reterr)
{
	if (!session->token.header)
		return err_set(reterr, EACCES,
			"the image service (%s) wants a login, and the configuration has the "
			"auth_type none",
			http_url(session->http));
	err_set(reterr, EACCES,
		"the image service (%s) refuses a token that Keystone has just given: it may not "
		"reach Keystone, or "
		"trust another one",
		http_url(session->http));
	if (reterr)
		reterr->passing = true;
	return -EACCES;
}

int glance_call(
	struct glance *g, struct http_request *request, struct http_reply *ret, struct err *reterr)
{
	AUTO_SESSION struct glance_session session = {0};
	AUTO_FREE char *rejected = NULL; /* a token that is worth nothing any more */
	int r;

	for (;;) {
		r = glance_login(g, rejected, false, &session, request->cancel, reterr);
		if (r < 0)
			break;
		request->headers = session.headers;
		r = http_perform(session.http, request, ret, reterr);
		if (ret->status != 401)
			break;
		if (rejected || !session.token.header) {
			r = still_refused(&session, reterr);
			break;
		}
		rejected = steal_pointer(&session.token.header);
		http_reply_done(ret);
	}
	request->headers = NULL;
	return r;
}

void glance_path(struct buf *out, const char *id, const char *rest)
{
	buf_adds(out, "/v2/images/");
	buf_add_escaped(out, id, "");
	buf_adds(out, rest);
}

static int get_json(struct glance *g, const struct buf *path, const char *what, json_t **ret,
	const struct cancel *cancel, struct err *reterr)
{
	struct http_request request = {.method = "GET", .path = buf_text(path), .cancel = cancel};
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	int r;

	r = buf_error(path) ? err_nomem(reterr) : glance_call(g, &request, &reply, reterr);
	return r < 0 ? r : json_read(&reply.body, what, ret, reterr);
}

int glance_show(struct glance *g, const char *id, json_t **ret, const struct cancel *cancel,
	struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;

	glance_path(&path, id, "");
	return get_json(g, &path, "the image service's record", ret, cancel, reterr);
}

/* --- waiting for a status --- */

bool glance_is_busy(const char *status)
{
	return strcmp(status, "saving") == 0 || strcmp(status, "importing") == 0 ||
	       strcmp(status, "uploading") == 0;
}

int glance_show_settled(struct glance *g, const char *id, int limit_ms, json_t **ret,
	const struct cancel *cancel, struct err *reterr)
{
	int64_t end = when_monotonic_ms() + limit_ms;
	int r, pause = POLL_FIRST_MS;

	for (;;) {
		r = glance_show(g, id, ret, cancel, reterr);
		if (r < 0 || !glance_is_busy(json_text(*ret, "status")) ||
			when_monotonic_ms() > end)
			return r;
		json_decref(steal_pointer(ret));
		if (cancel_sleep(cancel, pause))
			return err_set(reterr, ECANCELED,
				"cancelled while the image service stores the image");
		pause = pause * 2 < POLL_LAST_MS ? pause * 2 : POLL_LAST_MS;
	}
}

/* --- the hash that the service uses --- */

void glance_algorithm(struct glance *g, char ret[static DIGEST_NAME])
{
	pthread_mutex_lock(&g->lock);
	memcpy(ret, g->algorithm, DIGEST_NAME);
	pthread_mutex_unlock(&g->lock);
}

void glance_remember_algorithm(struct glance *g, const char *algorithm)
{
	if (!*algorithm || strlen(algorithm) >= DIGEST_NAME || !digest_known(algorithm))
		return;
	pthread_mutex_lock(&g->lock);
	snprintf(g->algorithm, sizeof(g->algorithm), "%s", algorithm);
	pthread_mutex_unlock(&g->lock);
}

bool glance_has_learned(struct glance *g)
{
	bool learned;

	pthread_mutex_lock(&g->lock);
	learned = g->learned;
	pthread_mutex_unlock(&g->lock);
	return learned;
}

int glance_learn(struct glance *g, const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	AUTO_JSON json_t *list = NULL;
	const json_t *newest;
	int r;

	buf_adds(&path, "/v2/images?limit=1&status=active&sort=created_at%3Adesc");
	r = get_json(g, &path, "the image service's list", &list, cancel, reterr);
	if (r < 0)
		return r;
	newest = json_array_get(json_at(list, "images"), 0);
	glance_remember_algorithm(g, json_text(newest, "os_hash_algo"));
	pthread_mutex_lock(&g->lock);
	g->learned = true;
	pthread_mutex_unlock(&g->lock);
	return 0;
}
