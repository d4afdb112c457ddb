/* SPDX-License-Identifier: Apache-2.0 */
#include "store/glance.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "net/json.h"
#include "store/glance_api.h"
#include "store/identity.h"

enum {
	SETTLE_MS = 5000,       /* a broken upload's record goes back to `queued` within that */
	REMOVE_PAUSE_MS = 1600, /* the longest between two tries */
};

static struct glance *glance_of(struct store *s)
{
	return (struct glance *)s;
}

/* --- check --- */

int glance_check_token(
	struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr)
{
	AUTO_SESSION struct glance_session session = {0};
	int r = glance_login(glance_of(s), NULL, false, &session, cancel, reterr);

	if (r < 0)
		return r;
	if (session.token.header)
		identity_add_subject(says, glance_of(s)->cloud);
	else
		buf_adds(says, "none needed");
	return buf_error(says) ? err_nomem(reterr) : 0;
}

static int check(struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr)
{
	struct glance *g = glance_of(s);
	AUTO_SESSION struct glance_session session = {0};
	const struct cloud *c = g->cloud;
	int r;

	r = glance_learn(g, cancel, reterr);
	if (r == 0)
		r = glance_login(g, NULL, false, &session, cancel, reterr);
	if (r < 0)
		return r;
	buf_adds(says, http_url(session.http));
	if (c->project_name || c->project_id)
		buf_printf(says, ", project %s", c->project_name ? c->project_name : c->project_id);
	return buf_error(says) ? err_nomem(reterr) : 0;
}

/* --- create, describe --- */

/* Where an image came from, as properties of its record. */
static const struct property {
	const char *name;
	size_t offset; /* of a text in struct store_record */
} properties[] = {
	{"commitfs_container_id", offsetof(struct store_record, container_id)},
	{"commitfs_container_name", offsetof(struct store_record, container_name)},
	{"commitfs_host", offsetof(struct store_record, host)},
	{"commitfs_image_id", offsetof(struct store_record, image_id)},
};

static const char *property_of(const struct store_record *record, const struct property *p)
{
	return *(const char *const *)((const char *)record + p->offset);
}

static json_t *describe_record(const struct store_record *record)
{
	json_t *body = json_pack("{s:s, s:s, s:[s], s:s, s:s, s:s}", "id", record->id, "name",
		record->name, "tags", record->tag, "container_format", "docker", "disk_format",
		"raw", "visibility", "private");

	for (size_t i = 0; body && i < ARRAY_SIZE(properties); i++) {
		const char *value = property_of(record, &properties[i]);

		if (value) /* what is not UTF-8 is left out */
			json_object_set_new(body, properties[i].name, json_string(value));
	}
	return body;
}

/* `ret`: the answer, if it is a JSON object; the caller releases it. */
static int send_json(struct glance *g, struct http_request *request, const json_t *body,
	int *ret_status, json_t **ret, struct err *reterr)
{
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	AUTO_FREE char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int r;

	if (!text)
		return err_nomem(reterr);
	request->body = text;
	request->body_len = strlen(text);
	r = glance_call(g, request, &reply, reterr);
	*ret_status = reply.status;
	return r < 0 ? r : json_read(&reply.body, "the image service's answer", ret, reterr);
}

static bool has_tag(const json_t *found, const char *tag)
{
	const json_t *tags = json_at(found, "tags");

	for (size_t i = 0; i < json_array_size(tags); i++) {
		const char *text = json_string_value(json_array_get(tags, i));

		if (text && strcmp(text, tag) == 0)
			return true;
	}
	return false;
}

/* The image's id may have been added since; the rest does not change. */
static bool is_ours(const json_t *found, const struct store_record *record)
{
	if (strcmp(json_text(found, "name"), record->name) != 0 || !has_tag(found, record->tag))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const char *want = property_of(record, &properties[i]);
		const char *is = json_text(found, properties[i].name);

		if (want && strcmp(want, is) != 0 &&
			(*is || properties[i].offset != offsetof(struct store_record, image_id)))
			return false;
	}
	return true;
}

/* An answer to an earlier try may have been lost: then the record is there, and it is ours. */
static int taken_id(struct glance *g, const struct store_record *record,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_JSON json_t *found = NULL;
	int r;

	r = glance_show(g, record->id, &found, cancel, reterr);
	if (r == 0 && is_ours(found, record))
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	return err_set(
		reterr, EBUSY, "the image service had an image with the id %s already", record->id);
}

/* "201 Created" with our id in it; any other 2xx, or another record, is not what was asked for. */
static int check_created(int status, const char *id, const json_t *made, struct err *reterr)
{
	if (status == 201 && strcmp(json_text(made, "id"), id) == 0)
		return 0;
	err_set(reterr, EREMOTEIO, "the image service answers %d, but made no record %s", status, id);
	if (reterr)
		reterr->passing = true;
	return -EREMOTEIO;
}

static int create(struct store *s, const struct store_record *record, const struct cancel *cancel,
	struct err *reterr)
{
	struct glance *g = glance_of(s);
	struct http_request request = {.method = "POST", .path = "/v2/images", .cancel = cancel};
	AUTO_JSON json_t *body = NULL, *made = NULL;
	int status = 0, r;

	if (!glance_has_learned(g) && (r = glance_learn(g, cancel, reterr)) < 0)
		return r;
	body = describe_record(record);
	r = send_json(g, &request, body, &status, &made, reterr);
	if (status == 409)
		return taken_id(g, record, cancel, reterr);
	return r < 0 ? r : check_created(status, record->id, made, reterr);
}

static int describe(struct store *s, const struct store_record *record, const struct cancel *cancel,
	struct err *reterr)
{
	struct http_request request = {.method = "PATCH",
		.body_type = "application/openstack-images-v2.1-json-patch",
		.cancel = cancel};
	AUTO_BUF struct buf path = BUF_INIT;
	AUTO_JSON json_t *patch = json_array(), *changed = NULL;
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		const char *value = property_of(record, &properties[i]);
		char name[64];

		snprintf(name, sizeof(name), "/%s", properties[i].name);
		if (value) /* `add` replaces what is there */
			json_array_append_new(patch, json_pack("{s:s, s:s, s:s}", "op", "add",
							     "path", name, "value", value));
	}
	if (patch && !json_array_size(patch))
		return 0;
	glance_path(&path, record->id, "");
	request.path = buf_text(&path);
	return buf_error(&path) ? err_nomem(reterr)
				: send_json(glance_of(s), &request, patch, &status, &changed, reterr);
}

/* --- upload --- */

/* Can the record take data? Asked before the engine copies gigabytes, and after a failure that
 * would mean two things. */
static int check_queued(
	struct glance *g, const char *id, const struct cancel *cancel, struct err *reterr)
{
	AUTO_JSON json_t *found = NULL;
	const char *status;
	int r;

	r = glance_show_settled(g, id, SETTLE_MS, &found, cancel, reterr);
	if (r == -ENOENT)
		return err_set(reterr, ESTALE,
			"the image service's record %s is gone: somebody deleted it", id);
	if (r < 0)
		return r;
	status = json_text(found, "status");
	if (strcmp(status, "queued") == 0)
		return 0;
	return err_set(reterr, ESTALE, "the image service's record %s is '%.30s' and takes no data",
		id, status);
}

static int send_once(struct glance_session *session, const struct store_record *record,
	const struct store_upload *upload, const char *algorithm, struct store_sent *ret,
	struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	struct store_stream stream = {.upload = upload,
		.algorithm = algorithm,
		.to = session->http,
		.put = {.method = "PUT",
			.headers = session->headers,
			.body_type = "application/octet-stream",
			.timeout_ms = -1,
			.stall_ms = GLANCE_STALL_MS,
			.cancel = upload->cancel}};

	*ret = (struct store_sent){0};
	glance_path(&path, record->id, "/file");
	stream.put.path = buf_text(&path);
	return buf_error(&path) ? err_nomem(reterr) : store_stream(&stream, ret, reterr);
}

/* A token that is refused though it should be good is renewed, once; after the first byte that is
 * left to the next try, which begins anew. */
static int send_data(struct glance *g, const struct store_record *record,
	const struct store_upload *upload, struct store_sent *ret, struct err *reterr)
{
	AUTO_SESSION struct glance_session first = {0}, second = {0};
	char algorithm[DIGEST_NAME];
	int r;

	glance_algorithm(g, algorithm);
	r = glance_login(g, NULL, true, &first, upload->cancel, reterr);
	if (r < 0)
		return r;
	r = send_once(&first, record, upload, algorithm, ret, reterr);
	if (r != -EACCES || !first.token.header)
		return r;
	if (ret->bytes) {
		if (reterr)
			reterr->passing = true;
		return r;
	}
	r = glance_login(g, first.token.header, true, &second, upload->cancel, reterr);
	return r < 0 ? r : send_once(&second, record, upload, algorithm, ret, reterr);
}

static int upload(struct store *s, const struct store_record *record,
	const struct store_upload *upload, struct store_sent *ret, struct err *reterr)
{
	struct glance *g = glance_of(s);
	struct err e = {0};
	int r;

	r = check_queued(g, record->id, upload->cancel, reterr);
	if (r < 0)
		return r;
	r = send_data(g, record, upload, ret, reterr);
	if (r != -EBUSY && r != -ENOENT)
		return r;
	/* Either the record is to blame, or it was the engine that said this of its image. */
	return check_queued(g, record->id, upload->cancel, &e) == -ESTALE
		       ? err_set(reterr, ESTALE, "%s", e.text)
		       : r;
}

/* --- remove, and the end --- */

static int remove_once(struct glance *g, const char *path, int timeout_ms, int *ret_status,
	const struct cancel *cancel, struct err *reterr)
{
	struct http_request request = {
		.method = "DELETE", .path = path, .timeout_ms = timeout_ms, .cancel = cancel};
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	int r = glance_call(g, &request, &reply, reterr);

	*ret_status = reply.status;
	return reply.status == 404 || reply.status == 410 ? 0 : r;
}

/* For a moment after an upload was broken off, while Glance cleans up, it may answer 500 or 409. */
static int remove_record(struct store *s, const char *id, int timeout_ms, const struct cancel *cancel,
	struct err *reterr)
{
	AUTO_BUF struct buf path = BUF_INIT;
	int r, status;

	glance_path(&path, id, "");
	if (buf_error(&path))
		return err_nomem(reterr);
	for (int pause = 100;; pause *= 2) {
		r = remove_once(glance_of(s), buf_text(&path), timeout_ms, &status, cancel, reterr);
		if (r == 0 || (status != 500 && status != 409) || pause > REMOVE_PAUSE_MS)
			return r;
		if (cancel_sleep(cancel, pause))
			return r;
	}
}

static void free_store(struct store *s)
{
	struct glance *g = glance_of(s);

	glance_free_peers(g);
	keystone_freep(&g->keystone);
	cloud_free(g->cloud);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static const struct store_ops ops = {
	.name = "glance",
	.check = check,
	.create = create,
	.describe = describe,
	.upload = upload,
	.verify = glance_verify,
	.remove = remove_record,
	.free = free_store,
};

int glance_new(struct cloud *cloud, struct store **ret, struct err *reterr)
{
	struct glance *g = calloc(1, sizeof(*g));
	int r;

	if (!g) {
		cloud_free(cloud);
		return err_nomem(reterr);
	}
	g->store.ops = &ops;
	g->cloud = cloud;
	pthread_mutex_init(&g->lock, NULL);
	snprintf(g->algorithm, sizeof(g->algorithm), "sha512");
	r = keystone_new(cloud, &g->keystone, reterr);
	if (r < 0)
		free_store(&g->store);
	else
		*ret = &g->store;
	return r;
}
