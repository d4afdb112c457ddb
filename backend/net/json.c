/* SPDX-License-Identifier: Apache-2.0 */
#include "net/json.h"

#include <errno.h>
#include <string.h>

const json_t *json_at(const json_t *object, const char *path)
{
	while (object && *path) {
		size_t n = strcspn(path, ".");

		object = json_object_getn(object, path, n);
		path += n + (path[n] == '.');
	}
	return object;
}

const char *json_text(const json_t *object, const char *path)
{
	const char *text = json_string_value(json_at(object, path));

	return text ? text : "";
}

int64_t json_number(const json_t *object, const char *path)
{
	return json_integer_value(json_at(object, path));
}

int json_read(const struct buf *text, const char *what, json_t **ret, struct err *reterr)
{
	json_error_t e;

	*ret = json_loadb(buf_text(text), text->len, 0, &e);
	if (json_is_object(*ret))
		return 0;
	json_decref(*ret);
	*ret = NULL;
	err_set(reterr, EREMOTEIO, "%s is not the JSON that was expected", what);
	if (reterr)
		reterr->passing = true;
	return -EREMOTEIO;
}

void json_error_message(const struct buf *body, struct buf *out)
{
	static const char *const paths[] = {"message", "error.message", "errorDetail.message", "error"};
	AUTO_JSON json_t *j = json_loadb(buf_text(body), body->len, 0, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const char *text = json_text(j, paths[i]);

		if (*text) {
			const char *tag = strstr(text, "<br"); /* Glance ends its sentences with HTML */

			buf_add(out, text, tag ? (size_t)(tag - text) : strlen(text));
			return;
		}
	}
	/* Not a page of HTML: nobody wants to read that in a status line. */
	if (!j && body->len && body->data[0] != '<')
		buf_add(out, body->data, body->len < 300 ? body->len : 300);
}

void json_split_init(struct json_split *s, json_object_fn *object, void *arg)
{
	*s = (struct json_split){.object = object, .arg = arg, .limit = JSON_SPLIT_LIMIT};
}

void json_split_done(struct json_split *s)
{
	buf_done(&s->piece);
}

static int end_object(struct json_split *s)
{
	AUTO_JSON json_t *object = NULL;

	if (buf_error(&s->piece))
		return -ENOMEM;
	if (s->piece.len > s->limit)
		return -EREMOTEIO;
	object = json_loadb(buf_text(&s->piece), s->piece.len, 0, NULL);
	buf_reset(&s->piece);
	s->count++;
	return object ? s->object(s->arg, object) : -EREMOTEIO;
}

/* A byte between objects. */
static int between(struct json_split *s, char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return 0;
	case 'n':
	case 'u':
	case 'l': /* the engine's empty list may be `null` */
		if (s->array || s->count || s->null_len > 3 || "null"[s->null_len] != c)
			return -EREMOTEIO;
		s->null_len++;
		return 0;
	case '[':
		if (s->array || s->count || s->null_len)
			return -EREMOTEIO;
		s->array = true;
		return 0;
	case ',':
		if (!s->array || !s->count || s->array_ended || s->comma)
			return -EREMOTEIO;
		s->comma = true;
		return 0;
	case ']':
		if (!s->array || s->array_ended || s->comma)
			return -EREMOTEIO;
		s->array_ended = true;
		return 0;
	case '{':
		if (s->array_ended || s->null_len || (s->array && s->count && !s->comma))
			return -EREMOTEIO;
		s->comma = false;
		s->depth = 1;
		return 0;
	default:
		return -EREMOTEIO;
	}
}

/* A byte within an object: only as much grammar as finding its end takes. */
static void within(struct json_split *s, char c)
{
	if (s->in_string) {
		if (s->escaped)
			s->escaped = false;
		else if (c == '\\')
			s->escaped = true;
		else if (c == '"')
			s->in_string = false;
	} else if (c == '"') {
		s->in_string = true;
	} else if (c == '{') {
		s->depth++;
	} else if (c == '}') {
		s->depth--;
	}
}

int json_split_feed(struct json_split *s, const char *data, size_t len)
{
	size_t start = 0; /* of the part of `data` that belongs to the object under way */
	int r;

	for (size_t i = 0; i < len; i++) {
		if (!s->depth) {
			r = between(s, data[i]);
			if (r < 0)
				return r;
			start = i;
			continue;
		}
		within(s, data[i]);
		if (s->depth)
			continue;
		buf_add(&s->piece, data + start, i + 1 - start);
		r = end_object(s);
		if (r < 0)
			return r;
	}
	if (s->depth)
		buf_add(&s->piece, data + start, len - start);
	return s->piece.len > s->limit ? -EREMOTEIO : buf_error(&s->piece);
}

int json_split_end(const struct json_split *s)
{
	return s->depth || (s->array && !s->array_ended) || s->null_len % 4 ? -EREMOTEIO : 0;
}
