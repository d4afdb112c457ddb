/* SPDX-License-Identifier: Apache-2.0 */
/* A peer: where it is, and its open connections. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/internal.h"

void http_global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static char *copy(const char *text, bool *failed)
{
	char *s = text ? strdup(text) : NULL;

	*failed |= text && !s;
	return s;
}

/* The URL without a password in it. */
static char *copy_shown(const char *url, bool *failed)
{
	const char *host = strstr(url, "://");
	size_t authority = host ? strcspn(host + 3, "/?#") : 0;
	const char *at = host ? memrchr(host + 3, '@', authority) : NULL;
	char *shown = NULL;

	if (!at)
		return copy(url, failed);
	*failed |= asprintf(&shown, "%.*s%s", (int)(host + 3 - url), url, at + 1) < 0;
	return *failed ? NULL : shown;
}

int http_new(const char *name, const char *url, const struct http_tls *tls, struct http **ret,
	struct err *reterr)
{
	CLEANUP(http_freep) struct http *h = calloc(1, sizeof(*h));
	bool unix_socket = strncmp(url, "unix://", 7) == 0, failed = false;
	size_t len;

	if (!h)
		return err_nomem(reterr);
	pthread_mutex_init(&h->lock, NULL);
	if (!unix_socket && strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return err_set(reterr, EINVAL, "%s: %s is not an http://, https:// or unix:// URL",
			name, url);
	h->name = copy(name, &failed);
	h->url = copy_shown(url, &failed);
	h->base = copy(unix_socket ? "http://localhost" : url, &failed);
	h->socket = copy(unix_socket ? url + 7 : NULL, &failed);
	if (tls) {
		h->cacert = copy(tls->cacert, &failed);
		h->cert = copy(tls->cert, &failed);
		h->key = copy(tls->key, &failed);
		h->insecure = tls->insecure;
	}
	if (failed)
		return err_nomem(reterr);
	for (len = strlen(h->base); len && h->base[len - 1] == '/'; len--)
		h->base[len - 1] = '\0';
	*ret = steal_pointer(&h);
	return 0;
}

void http_free(struct http *h)
{
	for (size_t i = 0; i < h->idle_count; i++)
		curl_multi_cleanup(h->idle[i]);
	pthread_mutex_destroy(&h->lock);
	free(h->name);
	free(h->url);
	free(h->base);
	free(h->socket);
	free(h->cacert);
	free(h->cert);
	free(h->key);
	free(h);
}

const char *http_url(const struct http *h)
{
	return h->url;
}

void http_reply_done(struct http_reply *r)
{
	buf_done(&r->headers);
	buf_done(&r->body);
	r->status = 0;
}

bool http_reply_header(const struct http_reply *r, const char *name, struct buf *out)
{
	size_t len = strlen(name);

	for (const char *line = buf_text(&r->headers); *line;) {
		size_t n = strcspn(line, "\r\n");

		if (n > len && line[len] == ':' && strncasecmp(line, name, len) == 0) {
			const char *value = line + len + 1 + strspn(line + len + 1, " \t");

			buf_add(out, value, (size_t)(line + n - value));
			return true;
		}
		line += n;
		line += strspn(line, "\r\n");
	}
	return false;
}

/* --- whole requests --- */

static CURLM *take_idle(struct http *h)
{
	CURLM *multi;

	pthread_mutex_lock(&h->lock);
	multi = h->idle_count ? h->idle[--h->idle_count] : NULL;
	pthread_mutex_unlock(&h->lock);
	return multi ? multi : curl_multi_init();
}

static void put_idle(struct http *h, CURLM *multi)
{
	pthread_mutex_lock(&h->lock);
	if (h->idle_count < IDLE_CONNECTIONS)
		h->idle[h->idle_count++] = steal_pointer(&multi);
	pthread_mutex_unlock(&h->lock);
	if (multi)
		curl_multi_cleanup(multi);
}

int http_perform(struct http *h, const struct http_request *request, struct http_reply *ret,
	struct err *reterr)
{
	CLEANUP(http_call_freep) struct http_call *c = NULL;
	CURLM *multi;
	int r;

	r = http_call_new(h, request, ret, &c, reterr);
	if (r < 0)
		return r;
	multi = take_idle(h);
	if (!multi)
		return err_nomem(reterr);
	http_drive(multi, &c, 1, request->cancel, NULL, NULL);
	put_idle(h, multi);
	return http_call_result(c, reterr);
}

int http_command(struct http *h, const struct http_request *request, struct err *reterr)
{
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;

	return http_perform(h, request, &reply, reterr);
}
