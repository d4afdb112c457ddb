/* SPDX-License-Identifier: Apache-2.0 */
#include "job/request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "net/json.h"
#include "util/buf.h"
#include "util/reference.h"

enum { WORDS = 1, JSON = 2 };

#define COMMIT (1u << REQUEST_COMMIT)
#define PUSH   (1u << REQUEST_PUSH)
#define IMAGE  (1u << REQUEST_IMAGE_PUSH)

/* Where a key's value goes. What needs more than being copied has a function. */
struct key {
	const char *name;
	unsigned kinds; /* of requests that take it */
	unsigned forms; /* in which it is known: words, JSON */
	size_t offset;	/* of a char * in struct request */
	int (*set)(struct request *r, const char *value, struct err *reterr);
};

static int set_pause(struct request *r, const char *value, struct err *reterr)
{
	static const char *const yes[] = {"yes", "true", "1", "on"}, *const no[] = {"no", "false", "0", "off"};

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			r->pause = strcmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return err_set(reterr, EINVAL, "pause=%s: say yes or no", value);
}

static int add_change(struct request *r, const char *value, struct err *reterr)
{
	size_t n = 0;
	char **list;

	while (r->changes && r->changes[n])
		n++;
	list = realloc(r->changes, (n + 2) * sizeof(*list));
	if (!list)
		return err_nomem(reterr);
	r->changes = list;
	list[n] = strdup(value);
	list[n + 1] = NULL;
	return list[n] ? 0 : err_nomem(reterr);
}

#define FIELD(member) offsetof(struct request, member), NULL

static const struct key keys[] = {
	{"author", COMMIT, WORDS | JSON, FIELD(author)},
	{"message", COMMIT, WORDS | JSON, FIELD(message)},
	{"pause", COMMIT, WORDS | JSON, 0, set_pause},
	{"change", COMMIT, WORDS | JSON, 0, add_change},
	{"push", COMMIT, WORDS | JSON, FIELD(push)},
	{"to", PUSH | IMAGE, WORDS | JSON, FIELD(push)},
	{"target", COMMIT | PUSH | IMAGE, JSON, FIELD(push)},
	{"image-name", COMMIT | PUSH, JSON, FIELD(reference)},
	{"repository", COMMIT | PUSH, JSON, FIELD(reference)},
	{"container", COMMIT | PUSH, JSON, FIELD(container)},
	{"name", PUSH | IMAGE, WORDS | JSON, FIELD(name)},
	{"tag", PUSH | IMAGE, WORDS | JSON, FIELD(tag)},
	{"tag", COMMIT, JSON, FIELD(tag)},
	{"registry", PUSH | IMAGE, WORDS | JSON, FIELD(registry)},
};

void request_done(struct request *r)
{
	free(r->reference);
	free(r->container);
	free(r->author);
	free(r->message);
	for (char **c = r->changes; c && *c; c++)
		free(*c);
	free(r->changes);
	free(r->push);
	free(r->name);
	free(r->tag);
	free(r->registry);
	free(r->text);
	*r = (struct request){0};
}

/* --- where a request ends --- */

static size_t object_end(const char *text, size_t len)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < len; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (!in_string && text[i] == '{')
			depth++;
		else if (!in_string && text[i] == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

size_t request_end(const char *text, size_t len)
{
	size_t blank = 0, object;
	const char *newline;

	while (blank < len && (text[blank] == ' ' || text[blank] == '\t'))
		blank++;
	if (blank < len && text[blank] == '{') {
		object = object_end(text + blank, len - blank);
		if (!object)
			return text[len - 1] == '\n' ? len : 0;
		len -= blank + object;
		text += blank + object;
		newline = memchr(text, '\n', len);
		/* What follows on its line belongs to it: request_parse() will not have it. */
		return newline ? blank + object + (size_t)(newline - text) + 1 : 0;
	}
	newline = memchr(text, '\n', len);
	return newline ? (size_t)(newline - text) + 1 : 0;
}

/* --- values --- */

static int set_key(struct request *r, enum request_kind kind, unsigned form, const char *name, size_t len,
	const char *value, struct err *reterr)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *k = &keys[i];
		char **field = (char **)((char *)r + k->offset);
		bool same = strlen(k->name) == len &&
			    (form == JSON ? strncasecmp(k->name, name, len) : strncmp(k->name, name, len)) == 0;

		if (!same || !(k->kinds & 1u << kind) || !(k->forms & form))
			continue;
		if (k->set)
			return k->set(r, value, reterr);
		if (*field)
			return err_set(reterr, EINVAL, "'%s' is said twice", k->name);
		*field = strdup(value);
		return *field ? 0 : err_nomem(reterr);
	}
	return err_set(reterr, EINVAL, "'%.*s' is not a key of this file", (int)(len > 64 ? 64 : len), name);
}

/* --- words --- */

/* Adds one character, or two for an escape, of a quoted or bare stretch; returns how many were used. */
static size_t take_char(const char *p, const char *end, char quote, struct buf *word)
{
	bool escapes = *p == '\\' && quote != '\'' && p + 1 < end;

	/* Within double quotes a backslash is only special before these (POSIX shell, 2.2.3). */
	if (escapes && quote == '"' && !strchr("\"\\$`", p[1]))
		escapes = false;
	buf_addc(word, escapes ? p[1] : p[0]);
	return escapes ? 2 : 1;
}

/* Reads one word; *key_len is where an unquoted '=' stands in it, SIZE_MAX if none does. */
static int take_word(
	const char **text, const char *end, struct buf *word, size_t *key_len, struct err *reterr)
{
	const char *p = *text;
	char quote = 0;

	*key_len = (size_t)-1;
	for (; p < end && (quote || !strchr(" \t", *p));) {
		if (!quote && (*p == '"' || *p == '\'')) {
			quote = *p++;
		} else if (quote && *p == quote) {
			quote = 0;
			p++;
		} else {
			if (!quote && *p == '=' && *key_len == (size_t)-1)
				*key_len = word->len;
			p += take_char(p, end, quote, word);
		}
	}
	*text = p;
	if (quote)
		return err_set(reterr, EINVAL, "a quote (%c) is not closed", quote);
	return buf_error(word) ? err_nomem(reterr) : 0;
}

static int set_word(struct request *r, enum request_kind kind, const char *word, struct err *reterr)
{
	char **field = kind == REQUEST_IMAGE_PUSH ? &r->push : &r->reference;

	if (!*word)
		return err_set(reterr, EINVAL, "an empty name");
	if (*field)
		return err_set(reterr, EINVAL, "'%.64s' is one word too many", word);
	*field = strdup(word);
	return *field ? 0 : err_nomem(reterr);
}

static int parse_words(struct request *r, enum request_kind kind, const char *text, size_t len,
	struct err *reterr)
{
	const char *end = text + len;
	int e = 0;

	while (e == 0) {
		AUTO_BUF struct buf word = BUF_INIT;
		size_t key_len;

		while (text < end && strchr(" \t", *text))
			text++;
		if (text == end)
			break;
		e = take_word(&text, end, &word, &key_len, reterr);
		if (e == 0 && key_len == (size_t)-1)
			e = set_word(r, kind, buf_text(&word), reterr);
		else if (e == 0)
			e = set_key(r, kind, WORDS, buf_text(&word), key_len, word.data + key_len + 1,
				reterr);
	}
	return e;
}

/* --- JSON --- */

static int set_json(struct request *r, enum request_kind kind, const char *name, const json_t *value,
	struct err *reterr)
{
	const json_t *element;
	const char *text = json_string_value(value);
	size_t i;
	int e = 0;

	if (json_is_null(value))
		return 0;
	if (json_is_boolean(value) && strcasecmp(name, "pause") == 0)
		text = json_is_true(value) ? "true" : "false";
	if (text)
		return set_key(r, kind, JSON, name, strlen(name), text, reterr);
	if (!json_is_array(value))
		return err_set(reterr, EINVAL, "the value of '%.64s' is no text", name);
	json_array_foreach (value, i, element) {
		if (!json_is_string(element))
			return err_set(reterr, EINVAL, "'%.64s' holds something that is no text", name);
		e = set_key(r, kind, JSON, name, strlen(name), json_string_value(element), reterr);
		if (e < 0)
			return e;
	}
	return e;
}

/* `repository` and `tag` apart make one reference. */
static int join_reference(struct request *r, struct err *reterr)
{
	AUTO_BUF struct buf whole = BUF_INIT;
	const char *slash, *colon;

	if (!r->tag || !r->reference || r->name) /* beside `name`, it is the tag of that */
		return 0;
	slash = strrchr(r->reference, '/');
	colon = strrchr(r->reference, ':');
	if (colon && (!slash || colon > slash))
		return err_set(reterr, EINVAL, "the tag is said twice");
	buf_printf(&whole, "%s:%s", r->reference, r->tag);
	free(r->reference);
	r->reference = buf_steal(&whole);
	free(steal_pointer(&r->tag));
	return r->reference ? 0 : err_nomem(reterr);
}

static int parse_json(struct request *r, enum request_kind kind, const char *text, size_t len,
	struct err *reterr)
{
	json_error_t where;
	AUTO_JSON json_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	const char *name;
	json_t *value;
	int e;

	if (!json_is_object(body))
		return err_set(reterr, EINVAL, "the JSON is not right: %s", where.text);
	json_object_foreach (body, name, value) {
		e = set_json(r, kind, name, value, reterr);
		if (e < 0)
			return e;
	}
	return join_reference(r, reterr);
}

/* --- the whole --- */

static int check_reference(struct request *r, enum request_kind kind, struct err *reterr)
{
	AUTO_BUF struct buf full = BUF_INIT;
	struct reference ref;
	int e;

	if (!r->reference && kind == REQUEST_COMMIT)
		return err_set(reterr, EINVAL, "write the name for the image, as in: foo-image:1.0");
	if (!r->reference)
		return 0;
	e = reference_parse(r->reference, &ref, reterr);
	if (e < 0)
		return e;
	reference_format(&ref, &full);
	free(r->reference);
	r->reference = buf_steal(&full);
	return r->reference ? 0 : err_nomem(reterr);
}

int request_parse(
	enum request_kind kind, const char *text, size_t len, struct request *ret, struct err *reterr)
{
	bool json;
	int e;

	*ret = (struct request){.pause = true};
	while (len && strchr("\r\n \t", text[len - 1]))
		len--;
	while (len && strchr(" \t", *text)) {
		text++;
		len--;
	}
	if (len > REQUEST_LIMIT)
		return err_set(reterr, E2BIG, "a request has at most 64 KiB");
	json = len && *text == '{';
	if (memchr(text, '\0', len) || (!json && memchr(text, '\n', len)))
		return err_set(reterr, EINVAL, "a request is one line of text");
	ret->text = strndup(text, len);
	if (!ret->text)
		return err_nomem(reterr);
	e = json ? parse_json(ret, kind, text, len, reterr) : parse_words(ret, kind, text, len, reterr);
	return e < 0 ? e : check_reference(ret, kind, reterr);
}

int request_check_container(const struct request *r, const char *id, const char *name, struct err *reterr)
{
	const char *said = r->container;
	size_t len = said ? strlen(said) : 0;

	if (!said || strcmp(said, name) == 0 || (len >= 12 && strncmp(said, id, len) == 0))
		return 0;
	return err_set(reterr, EINVAL, "the request is for container '%.64s', the file is that of '%s'", said, name);
}
