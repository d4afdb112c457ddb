/* SPDX-License-Identifier: Apache-2.0 */
/* One request under way: its handle of curl, curl's callbacks, and what became of it. */
#include <errno.h>
#include <string.h>

#include "net/fault.h"
#include "net/internal.h"
#include "net/json.h"
#include "util/when.h"

enum {
	CONNECT_TIMEOUT_MS = 10000,
	DEFAULT_TIMEOUT_MS = 30000,
	HEADERS_LIMIT = 64 << 10,
	DEFAULT_LIMIT = 16 << 20,
	ERROR_LIMIT = 64 << 10, /* what is read of an answer that reports an error */
	POLL_MS = 1000,
	STREAM_BUFFER = 256 << 10,
};

struct http_call {
	struct http *http;
	const struct http_request *request;
	struct http_reply *reply;
	CURL *easy;
	struct curl_slist *headers;
	char detail[CURL_ERROR_SIZE]; /* curl's words */
	struct err broken;	      /* why a callback broke it off */
	int64_t started, moved;	      /* monotonic ms */
	size_t sent;		      /* bytes of a whole body */
	bool began; /* the headers have ended */
	bool held, added; /* not to be started yet; known to the multi handle */
	bool paused;
	bool ended;
	CURLcode code;
};

/* --- callbacks of curl; they run in the thread that drives the call --- */

static int update_status(struct http_call *c)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	return c->reply->status = (int)status;
}

static void headers_ended(struct http_call *c)
{
	c->began = true;
	if (update_status(c) / 100 == 2 && c->request->began)
		c->request->began(c->request->arg);
}

static size_t on_header(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;

	c->moved = when_monotonic_ms();
	if (n > 5 && strncmp(data, "HTTP/", 5) == 0)
		buf_reset(&c->reply->headers); /* an answer after "100 Continue" */
	if (c->reply->headers.len + size * n > HEADERS_LIMIT) {
		err_set(&c->broken, EREMOTEIO, "%s sends headers without end", c->http->name);
		return 0;
	}
	buf_add(&c->reply->headers, data, size * n);
	if (n == 2 && data[0] == '\r')
		headers_ended(c);
	return size * n;
}

static int keep_body(struct http_call *c, const char *data, size_t len)
{
	size_t limit = c->request->limit ? c->request->limit : DEFAULT_LIMIT;

	if (update_status(c) / 100 != 2 && c->reply->body.len + len > ERROR_LIMIT)
		return 0; /* its beginning is enough for a sentence */
	if (c->reply->body.len + len > limit)
		return err_set(&c->broken, EREMOTEIO, "%s sends an answer of more than %zu MiB",
			c->http->name, limit >> 20);
	buf_add(&c->reply->body, data, len);
	return buf_error(&c->reply->body);
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	int r;

	c->moved = when_monotonic_ms();
	if (c->request->write && update_status(c) / 100 == 2)
		r = c->request->write(c->request->arg, data, size * n);
	else
		r = keep_body(c, data, size * n);
	if (r == -EAGAIN) {
		c->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (r < 0 && !c->broken.code)
		err_set(&c->broken, -r, "the transfer was broken off");
	return r < 0 ? 0 : size * n;
}

static size_t on_read(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	int r;

	c->moved = when_monotonic_ms();
	if (!c->request->read) {
		size_t left = c->request->body_len - c->sent;
		size_t len = left < size * n ? left : size * n;

		memcpy(data, (const char *)c->request->body + c->sent, len);
		c->sent += len;
		return len;
	}
	r = c->request->read(c->request->arg, data, size * n);
	if (r == -EAGAIN) {
		c->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (r >= 0)
		return (size_t)r;
	err_set(&c->broken, -r, "the transfer was broken off");
	return CURL_READFUNC_ABORT;
}

/* curl rewinds when a connection that it reused turns out to be dead; a stream can't be had twice. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;

	if (c->request->read || origin != SEEK_SET || offset)
		return CURL_SEEKFUNC_FAIL;
	c->sent = 0;
	return CURL_SEEKFUNC_OK;
}

/* --- a call --- */

static bool add_header(struct http_call *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);

	if (list)
		c->headers = list;
	return list;
}

static bool set_headers(struct http_call *c)
{
	const struct http_request *r = c->request;
	AUTO_BUF struct buf type = BUF_INIT;
	bool body = r->body || r->read, ok = true;

	for (size_t i = 0; r->headers && r->headers[i]; i++)
		ok = ok && add_header(c, r->headers[i]);
	if (body) {
		buf_printf(&type, "Content-Type: %s",
			r->body_type ? r->body_type : "application/json");
		ok = ok && !buf_error(&type) && add_header(c, buf_text(&type));
	}
	/* A stream waits for the peer's word before its first byte is spent; a small body does not. */
	if (body)
		ok = ok && add_header(c, r->read ? "Expect: 100-continue" : "Expect:");
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return ok;
}

static void set_peer(struct http_call *c)
{
	const struct http *h = c->http;
	CURL *e = c->easy;

	if (h->socket) {
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, h->socket);
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	}
	if (h->cacert)
		curl_easy_setopt(e, CURLOPT_CAINFO, h->cacert);
	if (h->cert)
		curl_easy_setopt(e, CURLOPT_SSLCERT, h->cert);
	if (h->key)
		curl_easy_setopt(e, CURLOPT_SSLKEY, h->key);
	if (h->insecure) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
}

static void set_body(struct http_call *c)
{
	const struct http_request *r = c->request;
	CURL *e = c->easy;

	if (r->read || r->body) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(e, CURLOPT_READDATA, c);
		curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(e, CURLOPT_SEEKDATA, c);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
			r->read ? (curl_off_t)-1 : (curl_off_t)r->body_len);
	}
	if (r->read)
		curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)STREAM_BUFFER);
	if (r->write)
		curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)STREAM_BUFFER);
	if (strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

int http_call_new(struct http *h, const struct http_request *request, struct http_reply *reply,
	struct http_call **ret, struct err *reterr)
{
	CLEANUP(http_call_freep) struct http_call *c = calloc(1, sizeof(*c));
	AUTO_BUF struct buf url = BUF_INIT;

	if (!c)
		return err_nomem(reterr);
	c->http = h;
	c->request = request;
	c->reply = reply;
	c->easy = curl_easy_init();
	buf_printf(&url, "%s%s", h->base, request->path);
	if (!c->easy || buf_error(&url) || !set_headers(c))
		return err_nomem(reterr);
	curl_easy_setopt(c->easy, CURLOPT_URL, buf_text(&url));
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	set_peer(c);
	set_body(c);
	*ret = steal_pointer(&c);
	return 0;
}

void http_call_free(struct http_call *c)
{
	curl_easy_cleanup(c->easy);
	curl_slist_free_all(c->headers);
	free(c);
}

void http_call_hold(struct http_call *c)
{
	c->held = true;
}

void http_call_resume(struct http_call *c)
{
	c->held = false;
	if (!c->paused || c->ended)
		return;
	c->paused = false;
	c->moved = when_monotonic_ms();
	curl_easy_pause(c->easy, CURLPAUSE_CONT);
}

bool http_call_ended(const struct http_call *c)
{
	return c->ended;
}

static void end(struct http_call *c, CURLcode code)
{
	update_status(c);
	c->code = code;
	c->ended = true;
}

static void break_off(struct http_call *c, int code, const char *why)
{
	if (c->ended)
		return;
	err_set(&c->broken, code, "%s %s", c->http->name, why);
	c->broken.passing = code == ETIMEDOUT;
	end(c, CURLE_ABORTED_BY_CALLBACK);
}

/* Ends what took too long. A pause is our own doing and no fault of the peer. */
static void check_time(struct http_call *c)
{
	int limit = c->request->timeout_ms ? c->request->timeout_ms : DEFAULT_TIMEOUT_MS;
	int stall = c->request->stall_ms;
	int64_t now = when_monotonic_ms();

	if (!c->added)
		return;
	if (c->request->first_ms && !c->reply->headers.len)
		stall = c->request->first_ms;
	if (limit > 0 && now - c->started > limit)
		break_off(c, ETIMEDOUT, "does not answer");
	else if (stall && !c->paused && now - c->moved > stall)
		break_off(c, ETIMEDOUT, "has stopped sending or taking data");
}

static void collect(CURLM *multi)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(multi, &left))) {
		struct http_call *c = NULL;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		if (m->msg == CURLMSG_DONE && c)
			end(c, m->data.result);
	}
}

static bool all_ended(struct http_call *const *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!calls[i]->ended)
			return false;
	return true;
}

static bool any_waits_to_start(struct http_call *const *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!calls[i]->held && !calls[i]->added && !calls[i]->ended)
			return true;
	return false;
}

static void add_calls(CURLM *multi, struct http_call *const *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (calls[i]->held || calls[i]->added || calls[i]->ended)
			continue;
		calls[i]->started = calls[i]->moved = when_monotonic_ms();
		calls[i]->added = true;
		curl_multi_add_handle(multi, calls[i]->easy);
	}
}

void http_drive(CURLM *multi, struct http_call *const *calls, size_t n, const struct cancel *cancel,
	bool (*turn)(void *arg), void *arg)
{
	struct curl_waitfd extra = {.fd = cancel ? cancel->fd : -1, .events = CURL_WAIT_POLLIN};
	int running;

	for (;;) {
		add_calls(multi, calls, n);
		curl_multi_perform(multi, &running);
		collect(multi);
		if (turn && !turn(arg))
			break;
		for (size_t i = 0; i < n; i++)
			check_time(calls[i]);
		if (all_ended(calls, n))
			break;
		if (any_waits_to_start(calls, n))
			continue;
		curl_multi_poll(multi, &extra, cancel ? 1 : 0, POLL_MS, NULL);
		if (cancel_fired(cancel))
			break;
	}
	for (size_t i = 0; i < n; i++) {
		break_off(calls[i], ECANCELED, "was not waited for: the request was cancelled");
		if (calls[i]->added)
			curl_multi_remove_handle(multi, calls[i]->easy);
		calls[i]->added = false;
	}
}

void http_calls_run(struct http_call *const *calls, size_t n, const struct cancel *cancel,
	bool (*turn)(void *arg), void *arg)
{
	CURLM *multi = curl_multi_init();

	if (multi)
		http_drive(multi, calls, n, cancel, turn, arg);
	for (size_t i = 0; i < n && !multi; i++)
		break_off(calls[i], ENOMEM, "was not asked: commitfs is out of memory");
	curl_multi_cleanup(multi);
}

/* --- results --- */

static void answer_error(struct http_call *c, struct err *e)
{
	struct fault fault = fault_of_status(c->reply->status);
	AUTO_BUF struct buf words = BUF_INIT, after = BUF_INIT;

	json_error_message(&c->reply->body, &words);
	err_set(e, fault.code, "%s answers %d%s%.300s", c->http->name, c->reply->status,
		words.len ? ": " : "", buf_text(&words));
	e->passing = fault.passing;
	if (http_reply_header(c->reply, "Retry-After", &after))
		e->retry_after = (unsigned)strtoul(buf_text(&after), NULL, 10);
}

static void talk_error(struct http_call *c, struct err *e)
{
	long os_errno = 0;
	struct fault fault;

	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (c->code == CURLE_OUT_OF_MEMORY && !c->began) {
		/* That is what curl says of a header line beyond its bound. */
		err_set(e, EREMOTEIO, "%s sends headers without end", c->http->name);
		return;
	}
	fault = fault_of_curl((int)c->code, (int)os_errno);
	if (c->http->socket && c->code == CURLE_COULDNT_CONNECT) /* curl speaks of localhost there */
		err_set(e, fault.code, "cannot talk to %s (%s): %s", c->http->name, c->http->url,
			os_errno ? strerror((int)os_errno) : "nothing listens");
	else
		err_set(e, fault.code, "cannot talk to %s (%s): %s", c->http->name, c->http->url,
			c->detail[0] ? c->detail : curl_easy_strerror(c->code));
	e->passing = fault.passing;
}

int http_call_result(struct http_call *c, struct err *reterr)
{
	struct err e = {0};

	if (c->broken.code)
		e = c->broken;
	else if (c->code != CURLE_OK)
		talk_error(c, &e);
	else if (c->reply->status / 100 != 2)
		answer_error(c, &e);
	if (e.code && reterr)
		*reterr = e;
	return -e.code;
}
