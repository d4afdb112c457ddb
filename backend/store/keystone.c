/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keystone.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "net/json.h"
#include "store/identity.h"
#include "util/when.h"

enum {
	SPARE_MS = 60 * 1000, /* a token must be good for that long */
	WAIT_MS = 50,         /* between two looks at what another thread does */
	UNKNOWN_LIFE_MS = 5 * SPARE_MS,
};

static const char header_name[] = "X-Auth-Token: ";

struct keystone {
	const struct cloud *cloud;
	struct http *http;    /* NULL: nobody is asked, and `token` never changes */
	pthread_mutex_t lock; /* all below; never held while Keystone is asked */
	struct keystone_token token;
	int64_t life, until; /* monotonic ms: its whole life, its end */
	bool renewing;
	uint64_t renewals;  /* ended, well or not */
	struct err failure; /* of the last one */
};

/* --- a token --- */

static void free_wiped(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void keystone_token_done(struct keystone_token *t)
{
	free_wiped(t->header);
	free(t->endpoint);
	*t = (struct keystone_token){0};
}

static int token_copy(
	const struct keystone_token *from, struct keystone_token *ret, struct err *reterr)
{
	ret->header = from->header ? strdup(from->header) : NULL;
	ret->endpoint = strdup(from->endpoint);
	if (ret->endpoint && (ret->header || !from->header))
		return 0;
	keystone_token_done(ret);
	return err_nomem(reterr);
}

/* In one piece, without the copies that a growing buffer leaves behind. */
static char *make_header(const char *token)
{
	size_t len = strlen(token) + sizeof(header_name);
	char *header = malloc(len);

	if (header)
		snprintf(header, len, "%s%s", header_name, token);
	return header;
}

/* --- the beginning and the end --- */

static int fixed_token(struct keystone *k, struct err *reterr)
{
	const struct cloud *c = k->cloud;
	AUTO_BUF struct buf base = BUF_INIT;
	bool bare = strcmp(c->auth_type, "none") == 0;

	identity_add_base(&base, c->endpoint);
	k->token.endpoint = buf_steal(&base);
	k->token.header = bare ? NULL : make_header(c->token);
	return k->token.endpoint && (bare || k->token.header) ? 0 : err_nomem(reterr);
}

static int open_http(struct keystone *k, struct err *reterr)
{
	const struct cloud *c = k->cloud;
	struct http_tls tls = {c->cacert, c->cert, c->key, c->insecure};
	AUTO_BUF struct buf base = BUF_INIT;

	identity_add_base(&base, c->auth_url);
	if (buf_error(&base))
		return err_nomem(reterr);
	return http_new("Keystone", buf_text(&base), &tls, &k->http, reterr);
}

int keystone_new(const struct cloud *cloud, struct keystone **ret, struct err *reterr)
{
	CLEANUP(keystone_freep) struct keystone *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_nomem(reterr);
	pthread_mutex_init(&k->lock, NULL);
	k->cloud = cloud;
	r = identity_needed(cloud) ? open_http(k, reterr) : fixed_token(k, reterr);
	if (r == 0)
		*ret = steal_pointer(&k);
	return r;
}

void keystone_free(struct keystone *k)
{
	http_freep(&k->http);
	keystone_token_done(&k->token);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

/* --- asking Keystone --- */

struct renewed {
	struct keystone_token token;
	int64_t life, until;
};

/* Keystone says the same to a wrong password, a missing role and a disabled user. */
static int refused(const struct keystone *k, struct err *reterr)
{
	AUTO_BUF struct buf subject = BUF_INIT;

	identity_add_subject(&subject, k->cloud);
	return err_set(reterr, EACCES,
		"Keystone (%s) refuses %s: check the credentials, that they are not expired, the "
		"names of the "
		"project and the domains, and that there is a role in the project",
		http_url(k->http), buf_text(&subject));
}

static int explain(const struct keystone *k, int r, int status, struct err *reterr)
{
	if (status == 401)
		return refused(k, reterr);
	if (status == 404 || status / 100 == 3) /* no redirect is followed */
		return err_set(reterr, ENOENT,
			"there is no Keystone v3 at %s: check auth_url (OS_AUTH_URL)",
			http_url(k->http));
	return r;
}

static int read_answer(struct keystone *k, const struct http_reply *reply, int64_t asked,
	struct renewed *ret, struct err *reterr)
{
	AUTO_JSON json_t *answer = NULL;
	AUTO_BUF struct buf endpoint = BUF_INIT, token = BUF_INIT;
	int r;

	r = json_read(&reply->body, "Keystone's answer", &answer, reterr);
	if (r == 0)
		r = identity_endpoint(answer, k->cloud, &endpoint, reterr);
	if (r < 0)
		return r;
	http_reply_header(reply, "X-Subject-Token", &token);
	if (!token.len)
		return err_set(reterr, EREMOTEIO, "Keystone's answer holds no token");
	ret->life = identity_lifetime(answer) * 1000;
	if (!ret->life)
		ret->life = UNKNOWN_LIFE_MS;
	ret->until = asked + ret->life;
	ret->token.header = make_header(buf_text(&token));
	ret->token.endpoint = buf_steal(&endpoint);
	explicit_bzero(token.data, token.len);
	return ret->token.header && ret->token.endpoint ? 0 : err_nomem(reterr);
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
}

static int ask(
	struct keystone *k, struct renewed *ret, const struct cancel *cancel, struct err *reterr)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	AUTO_BUF struct buf body = BUF_INIT;
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	struct http_request request = {
		.method = "POST", .path = "/v3/auth/tokens", .headers = headers, .cancel = cancel};
	int64_t asked = when_monotonic_ms();
	int r;

	r = identity_request(k->cloud, &body, reterr);
	if (r == 0) {
		request.body = body.data;
		request.body_len = body.len;
		r = http_perform(k->http, &request, &reply, reterr);
		if (r < 0)
			r = explain(k, r, reply.status, reterr);
	}
	if (r == 0)
		r = read_answer(k, &reply, asked, ret, reterr);
	wipe(&body);
	wipe(&reply.headers);
	return r;
}

/* --- sharing what it said --- */

/* With the lock held. A token whose whole life is shorter than two minutes is used for half of it.
 */
static bool good(const struct keystone *k, const char *rejected, bool long_lived)
{
	int64_t spare = long_lived || k->life < 2 * SPARE_MS ? k->life / 2 : SPARE_MS;

	if (!k->token.endpoint ||
		(rejected && k->token.header && !strcmp(rejected, k->token.header)))
		return false;
	return when_monotonic_ms() + spare < k->until;
}

/* By the one thread that set `renewing`. */
static int renew(struct keystone *k, struct keystone_token *ret, const struct cancel *cancel,
	struct err *reterr)
{
	struct renewed n = {0};
	struct err e = {0};
	int r = ask(k, &n, cancel, &e);

	pthread_mutex_lock(&k->lock);
	if (r == 0) {
		keystone_token_done(&k->token);
		k->token = n.token;
		k->life = n.life;
		k->until = n.until;
		n.token = (struct keystone_token){0};
		r = token_copy(&k->token, ret, &e);
	}
	k->failure = e;
	k->renewals++;
	k->renewing = false;
	pthread_mutex_unlock(&k->lock);
	keystone_token_done(&n.token);
	if (r < 0 && reterr)
		*reterr = e;
	return r;
}

enum turn { HAVE, RENEW, WAIT, FAILED };

/* What this thread has to do now. `*seen`: the renewals when it began to wait; 0: it did not yet.
 */
static enum turn next_turn(struct keystone *k, const char *rejected, bool long_lived,
	uint64_t *seen, struct keystone_token *ret, struct err *e)
{
	enum turn turn = WAIT;

	pthread_mutex_lock(&k->lock);
	if (good(k, rejected, long_lived)) {
		turn = token_copy(&k->token, ret, e) == 0 ? HAVE : FAILED;
	} else if (*seen && *seen <= k->renewals && k->failure.code &&
		   k->failure.code != ECANCELED) {
		/* What one has just been told, a hundred need not ask again one after the other. */
		*e = k->failure;
		turn = FAILED;
	} else if (!k->renewing) {
		k->renewing = true;
		turn = RENEW;
	} else if (!*seen) {
		*seen = k->renewals + 1;
	}
	pthread_mutex_unlock(&k->lock);
	return turn;
}

static int get(struct keystone *k, const char *rejected, bool long_lived,
	struct keystone_token *ret, const struct cancel *cancel, struct err *reterr)
{
	struct err e = {0};
	uint64_t seen = 0;

	for (;;) {
		switch (next_turn(k, rejected, long_lived, &seen, ret, &e)) {
		case HAVE:
			return 0;
		case RENEW:
			return renew(k, ret, cancel, reterr);
		case FAILED:
			if (reterr)
				*reterr = e;
			return -e.code;
		case WAIT:
			/* Not a condition variable: `cancel` must end this at once. */
			if (cancel_sleep(cancel, WAIT_MS))
				return err_set(
					reterr, ECANCELED, "cancelled while waiting for a token");
		}
	}
}

static int get_fixed(
	struct keystone *k, const char *rejected, struct keystone_token *ret, struct err *reterr)
{
	AUTO_BUF struct buf subject = BUF_INIT;

	if (!rejected)
		return token_copy(&k->token, ret, reterr);
	identity_add_subject(&subject, k->cloud);
	return err_set(
		reterr, EACCES, "the image service refuses %s: give a new one", buf_text(&subject));
}

int keystone_get(struct keystone *k, const char *rejected, struct keystone_token *ret,
	const struct cancel *cancel, struct err *reterr)
{
	*ret = (struct keystone_token){0};
	return k->http ? get(k, rejected, false, ret, cancel, reterr)
		       : get_fixed(k, rejected, ret, reterr);
}

int keystone_get_long(struct keystone *k, const char *rejected, struct keystone_token *ret,
	const struct cancel *cancel, struct err *reterr)
{
	*ret = (struct keystone_token){0};
	return k->http ? get(k, rejected, true, ret, cancel, reterr)
		       : get_fixed(k, rejected, ret, reterr);
}
