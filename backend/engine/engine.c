/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/engine.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/when.h"

/* The newest version of the API whose changes were read; an engine that has only older ones decides. */
enum { API_MAJOR = 1, API_MIN_MINOR = 40, API_MAX_MINOR = 47 };

enum { EVENTS_PAST_S = 5 };

struct engine {
	struct http *http;
	atomic_int minor;     /* of the API version that was agreed on */
	pthread_mutex_t lock; /* server_version */
	char server_version[64];
};

/* --- which engine --- */

/* Sockets that are tried in order: Docker's, the rootful and the rootless Podman's. */
static bool first_socket(struct buf *url)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	AUTO_BUF struct buf rootless = BUF_INIT;
	const char *paths[] = {"/var/run/docker.sock", "/run/podman/podman.sock", NULL};
	struct stat st;

	if (runtime)
		buf_printf(&rootless, "%s/podman/podman.sock", runtime);
	paths[2] = buf_text(&rootless);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (stat(paths[i], &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		buf_printf(url, "unix://%s", paths[i]);
		return true;
	}
	return false;
}

static int find_url(const struct engine_options *o, bool tls, struct buf *url, struct err *reterr)
{
	const char *text = o->url ? o->url : getenv("DOCKER_HOST");

	if (text && !*text)
		text = NULL;
	if (!text && first_socket(url))
		return 0;
	if (!text)
		return err_set(reterr, ECONNREFUSED,
			"no engine found: start Docker or Podman, or name it with engine=URL");
	if (strncmp(text, "tcp://", 6) == 0)
		buf_printf(url, "%s://%s", tls ? "https" : "http", text + 6);
	else
		buf_adds(url, text);
	return buf_error(url);
}

/* As the docker command: files of $DOCKER_CERT_PATH unless named. */
static void tls_path(struct buf *out, const char *given, const char *file)
{
	const char *folder = getenv("DOCKER_CERT_PATH");

	if (given)
		buf_adds(out, given);
	else if (folder && *folder)
		buf_printf(out, "%s/%s", folder, file);
}

static const char *or_null(const struct buf *b)
{
	return b->len ? b->data : NULL;
}

static int connect_to(const struct engine_options *o, struct http **ret, struct err *reterr)
{
	AUTO_BUF struct buf url = BUF_INIT, ca = BUF_INIT, cert = BUF_INIT, key = BUF_INIT;
	const char *verify = getenv("DOCKER_TLS_VERIFY");
	bool tls = o->tlsverify || (verify && *verify) || o->tlscacert || o->tlscert;
	struct http_tls files;
	int r;

	if (tls) {
		tls_path(&ca, o->tlscacert, "ca.pem");
		tls_path(&cert, o->tlscert, "cert.pem");
		tls_path(&key, o->tlskey, "key.pem");
	}
	files = (struct http_tls){or_null(&ca), or_null(&cert), or_null(&key), false};
	r = find_url(o, tls, &url, reterr);
	return r < 0 ? r : http_new("the engine", buf_text(&url), &files, ret, reterr);
}

/* --- which version --- */

static int agree(struct engine *e, const char *api, const char *server, const char *oldest,
	struct err *reterr)
{
	int minor = 0, oldest_minor = 0;

	if (sscanf(api, "1.%d", &minor) != 1 || minor < API_MIN_MINOR)
		return err_set(reterr, EOPNOTSUPP,
			"the engine's API version is %s; commitfs needs 1.%d or newer", api, API_MIN_MINOR);
	if (sscanf(oldest, "1.%d", &oldest_minor) == 1 && oldest_minor > API_MAX_MINOR)
		return err_set(reterr, EOPNOTSUPP,
			"the engine's oldest API version is %s; this commitfs knows up to 1.%d", oldest,
			API_MAX_MINOR);
	e->minor = minor < API_MAX_MINOR ? minor : API_MAX_MINOR;
	pthread_mutex_lock(&e->lock);
	snprintf(e->server_version, sizeof(e->server_version), "%s", server);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

int engine_renegotiate(struct engine *e, struct err *reterr)
{
	struct http_request request = {.method = "GET", .path = "/version", .timeout_ms = 10000};
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	AUTO_JSON json_t *version = NULL;
	int r;

	r = http_perform(e->http, &request, &reply, reterr);
	if (r == 0)
		r = json_read(&reply.body, "the engine's version", &version, reterr);
	if (r < 0)
		return r;
	return agree(e, json_text(version, "ApiVersion"), json_text(version, "Version"),
		json_text(version, "MinAPIVersion"), reterr);
}

int engine_open(const struct engine_options *options, struct engine **ret, struct err *reterr)
{
	CLEANUP(engine_freep) struct engine *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return err_nomem(reterr);
	pthread_mutex_init(&e->lock, NULL);
	r = connect_to(options, &e->http, reterr);
	if (r == 0)
		r = engine_renegotiate(e, reterr);
	if (r == 0)
		*ret = steal_pointer(&e);
	return r;
}

void engine_free(struct engine *e)
{
	if (e->http)
		http_free(e->http);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

const char *engine_url(const struct engine *e)
{
	return http_url(e->http);
}

void engine_api_version(struct engine *e, struct buf *out)
{
	buf_printf(out, "%d.%d", API_MAJOR, e->minor);
}

void engine_server_version(struct engine *e, struct buf *out)
{
	pthread_mutex_lock(&e->lock);
	buf_adds(out, e->server_version);
	pthread_mutex_unlock(&e->lock);
}

struct http *engine_http(struct engine *e)
{
	return e->http;
}

/* --- paths --- */

static void path_begin(const struct engine *e, struct buf *path)
{
	buf_printf(path, "/v%d.%d", API_MAJOR, e->minor);
}

/* Adds "/KIND/NAME/REST"; the '/' of an image reference stays, as the engine's router wants it. */
static void path_object(
	const struct engine *e, struct buf *path, const char *kind, const char *name, const char *rest)
{
	path_begin(e, path);
	buf_printf(path, "/%s/", kind);
	buf_add_escaped(path, name, "/:");
	buf_adds(path, rest);
}

static void add_query(struct buf *path, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "%c%s=", strchr(buf_text(path), '?') ? '&' : '?', key);
	buf_add_escaped(path, value, "");
}

void engine_export_path(const struct engine *e, const char *id_or_reference, struct buf *path)
{
	path_object(e, path, "images", id_or_reference, "/get");
}

/* --- lists --- */

static int split(void *arg, const void *data, size_t len)
{
	return json_split_feed(arg, data, len);
}

/* Gets `path` and gives each object of the answer to `object`. */
static int get_objects(struct engine *e, const struct buf *path, json_object_fn *object, void *arg,
	const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(json_split_done) struct json_split s;
	struct http_request request = {.method = "GET",
		.path = buf_text(path),
		.write = split,
		.arg = &s,
		.timeout_ms = 120000,
		.cancel = cancel};
	int r;

	json_split_init(&s, object, arg);
	if (buf_error(path))
		return err_nomem(reterr);
	r = http_command(e->http, &request, reterr);
	if (r == 0 && json_split_end(&s) < 0) {
		err_set(reterr, EREMOTEIO, "the engine's list ends in the middle");
		r = -EREMOTEIO;
	}
	return r;
}

static int list(struct engine *e, const char *what, json_object_fn *object, void *arg,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;

	path_begin(e, &path);
	buf_adds(&path, what);
	return get_objects(e, &path, object, arg, cancel, reterr);
}

int engine_list_containers(struct engine *e, json_object_fn *object, void *arg, const struct cancel *cancel,
	struct err *reterr)
{
	return list(e, "/containers/json?all=1", object, arg, cancel, reterr);
}

int engine_list_images(struct engine *e, json_object_fn *object, void *arg, const struct cancel *cancel,
	struct err *reterr)
{
	return list(e, "/images/json", object, arg, cancel, reterr);
}

/* --- single objects --- */

static int get_text(struct engine *e, const struct buf *path, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	struct http_request request = {.method = "GET", .path = buf_text(path), .cancel = cancel};
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	int r;

	if (buf_error(path))
		return err_nomem(reterr);
	r = http_perform(e->http, &request, &reply, reterr);
	if (r < 0)
		return r;
	buf_add(ret, buf_text(&reply.body), reply.body.len);
	return buf_error(ret) ? err_nomem(reterr) : 0;
}

int engine_inspect_container(struct engine *e, const char *id, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;

	path_object(e, &path, "containers", id, "/json");
	return get_text(e, &path, ret, cancel, reterr);
}

int engine_inspect_image(struct engine *e, const char *id_or_reference, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;

	path_object(e, &path, "images", id_or_reference, "/json");
	return get_text(e, &path, ret, cancel, reterr);
}

int engine_describe_container(struct engine *e, const char *id, json_t **ret, const struct cancel *cancel,
	struct err *reterr)
{
	AUTO_BUF struct buf text = BUF_INIT;
	int r = engine_inspect_container(e, id, &text, cancel, reterr);

	return r < 0 ? r : json_read(&text, "the engine's description of the container", ret, reterr);
}

int engine_describe_image(struct engine *e, const char *id_or_reference, json_t **ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf text = BUF_INIT;
	int r = engine_inspect_image(e, id_or_reference, &text, cancel, reterr);

	return r < 0 ? r : json_read(&text, "the engine's description of the image", ret, reterr);
}

int engine_image_text(struct engine *e, const char *id, const char *path, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_JSON json_t *image = NULL;
	int r = engine_describe_image(e, id, &image, cancel, reterr);

	if (r < 0)
		return r;
	for (const char *p = json_text(image, path); *p; p++)
		buf_addc(ret, *p == '\n' ? ' ' : *p);
	return buf_error(ret) ? err_nomem(reterr) : 0;
}

/* One entry of GET /containers/ID/changes. A newline in a path would look like another entry. */
static int add_change(void *arg, const json_t *change)
{
	static const char kinds[] = "CAD"; /* Kind 0, 1, 2 */
	struct buf *out = arg;
	int64_t kind = json_number(change, "Kind");

	if (kind < 0 || kind > 2)
		return 0;
	buf_printf(out, "%c ", kinds[kind]);
	for (const char *p = json_text(change, "Path"); *p; p++) {
		if (*p == '\n' || *p == '\\')
			buf_printf(out, "\\%03o", *p);
		else
			buf_addc(out, *p);
	}
	buf_addc(out, '\n');
	return out->len > (64u << 20) ? -EFBIG : buf_error(out);
}

int engine_container_changes(struct engine *e, const char *id, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;

	path_object(e, &path, "containers", id, "/changes");
	return get_objects(e, &path, add_change, ret, cancel, reterr);
}

int engine_tag_image(struct engine *e, const char *id, const char *repository, const char *tag,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	struct http_request request = {.method = "POST", .cancel = cancel};

	path_object(e, &path, "images", id, "/tag");
	add_query(&path, "repo", repository);
	add_query(&path, "tag", tag);
	request.path = buf_text(&path);
	return buf_error(&path) ? err_nomem(reterr) : http_command(e->http, &request, reterr);
}

static int take_id(void *arg, const json_t *image)
{
	struct buf *ret = arg;

	if (!ret->len)
		buf_adds(ret, json_text(image, "Id"));
	return buf_error(ret);
}

int engine_find_image(struct engine *e, const char *label, const char *value, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT, filter = BUF_INIT;

	path_begin(e, &path);
	buf_adds(&path, "/images/json");
	buf_printf(&filter, "{\"label\":[\"%s=%s\"]}", label, value); /* words of ours */
	add_query(&path, "filters", buf_text(&filter));
	return get_objects(e, &path, take_id, ret, cancel, reterr);
}

int engine_unpause(struct engine *e, const char *id, const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	struct http_request request = {.method = "POST", .cancel = cancel};

	path_object(e, &path, "containers", id, "/unpause");
	request.path = buf_text(&path);
	return buf_error(&path) ? err_nomem(reterr) : http_command(e->http, &request, reterr);
}

/* --- commit --- */

int engine_commit(struct engine *e, const struct engine_commit *commit, struct buf *ret,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	AUTO_JSON json_t *answer = NULL;
	/* Podman wants a body. `null` is "the container's own Config", as the docker command sends it: an
	 * empty object would be merged field by field. */
	struct http_request request = {
		.method = "POST", .body = "null", .body_len = 4, .timeout_ms = -1, .cancel = cancel};
	int r;

	path_begin(e, &path);
	buf_adds(&path, "/commit");
	add_query(&path, "container", commit->container);
	add_query(&path, "repo", commit->repository);
	add_query(&path, "tag", commit->tag);
	add_query(&path, "author", commit->author);
	add_query(&path, "comment", commit->message);
	add_query(&path, "pause", commit->pause ? "1" : "0");
	for (size_t i = 0; commit->changes && commit->changes[i]; i++)
		add_query(&path, "changes", commit->changes[i]);
	request.path = buf_text(&path);
	r = buf_error(&path) ? err_nomem(reterr) : http_perform(e->http, &request, &reply, reterr);
	if (r == 0)
		r = json_read(&reply.body, "the engine's answer to a commit", &answer, reterr);
	if (r < 0)
		return r;
	buf_printf(ret, "%s%s", strchr(json_text(answer, "Id"), ':') ? "" : "sha256:",
		json_text(answer, "Id"));
	return buf_error(ret) ? err_nomem(reterr) : 0;
}

/* --- events --- */

struct follow {
	struct json_split split;
	void (*began)(void *arg);
	bool (*turn)(void *arg);
	void *arg;
};

static void follow_began(void *arg)
{
	struct follow *f = arg;

	f->began(f->arg);
}

static int follow_data(void *arg, const void *data, size_t len)
{
	struct follow *f = arg;

	return json_split_feed(&f->split, data, len);
}

static bool follow_turn(void *arg)
{
	struct follow *f = arg;

	return f->turn(f->arg);
}

int engine_follow(struct engine *e, void (*began)(void *arg), json_object_fn *event,
	bool (*turn)(void *arg), void *arg, const struct cancel *cancel, struct err *reterr)
{
	struct follow f = {.began = began, .turn = turn, .arg = arg};
	AUTO_BUF struct buf path = BUF_INIT;
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	CLEANUP(http_call_freep) struct http_call *call = NULL;
	struct http_request request = {.method = "GET",
		.began = follow_began,
		.write = follow_data,
		.arg = &f,
		.timeout_ms = -1};
	int r;

	path_begin(e, &path);
	/* A little of the past: an event just before may not be in the engine's lists yet. */
	buf_printf(&path, "/events?since=%lld", (long long)when_now() - EVENTS_PAST_S);
	add_query(&path, "filters", "{\"type\":[\"container\",\"image\"]}");
	request.path = buf_text(&path);
	json_split_init(&f.split, event, arg);
	r = buf_error(&path) ? err_nomem(reterr)
			     : http_call_new(e->http, &request, &reply, &call, reterr);
	if (r == 0) {
		http_calls_run(&call, 1, cancel, follow_turn, &f);
		r = http_call_result(call, reterr);
		if (r == 0)
			r = err_set(reterr, EREMOTEIO, "the engine ended its event stream");
	}
	json_split_done(&f.split);
	return r;
}
