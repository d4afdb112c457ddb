/* SPDX-License-Identifier: Apache-2.0 */
#include "util/reference.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { NAME_MAX_BYTES = 255, TAG_MAX_BYTES = 128 };

static bool lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return isalnum((unsigned char)c) && !((unsigned char)c & 0x80);
}

/* A path component: runs of [a-z0-9] joined by ".", "_", "__" or any number of "-". */
static bool valid_component(const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t run = i;

		while (i < len && lower_or_digit(s[i]))
			i++;
		if (i == run)
			return false;
		if (i == len)
			return true;
		if (s[i] == '-')
			while (i < len && s[i] == '-')
				i++;
		else if (s[i] == '.')
			i++;
		else if (s[i] == '_')
			i += i + 1 < len && s[i + 1] == '_' ? 2 : 1;
		else
			return false;
	}
	return false;
}

/* Does the first component name a registry? Docker's rule: a dot, a port, or "localhost". */
static bool is_domain(const char *s, size_t len)
{
	return memchr(s, '.', len) || memchr(s, ':', len) ||
	       (len == 9 && memcmp(s, "localhost", 9) == 0);
}

static bool valid_port(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return len > 0;
}

static bool valid_domain(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t host = colon ? (size_t)(colon - s) : len;

	if (colon && !valid_port(colon + 1, len - host - 1))
		return false;
	for (size_t i = 0; i < host; i++) {
		bool edge = i == 0 || i + 1 == host || s[i - 1] == '.' || s[i + 1] == '.';

		if (!alnum(s[i]) && (edge || (s[i] != '-' && s[i] != '.')))
			return false;
	}
	return host > 0;
}

static bool valid_repository(const char *s)
{
	const char *slash = strchr(s, '/');

	if (slash && is_domain(s, (size_t)(slash - s))) {
		if (!valid_domain(s, (size_t)(slash - s)))
			return false;
		s = slash + 1;
	}
	for (;; s = slash + 1) {
		slash = strchr(s, '/');
		if (!valid_component(s, slash ? (size_t)(slash - s) : strlen(s)))
			return false;
		if (!slash)
			return true;
	}
}

bool reference_valid_tag(const char *tag)
{
	size_t len = strlen(tag);

	if (len == 0 || len > TAG_MAX_BYTES || (!alnum(tag[0]) && tag[0] != '_'))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!alnum(tag[i]) && !strchr("_.-", tag[i]))
			return false;
	return true;
}

/* The engine reserves 64 hex digits for image ids. */
static bool looks_like_id(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* The engine counts the name in full: "foo" is docker.io/library/foo to it. */
static bool too_long(const char *repository)
{
	const char *slash = strchr(repository, '/');
	size_t len = strlen(repository);

	if (!slash)
		len += strlen("docker.io/library/");
	else if (!is_domain(repository, (size_t)(slash - repository)))
		len += strlen("docker.io/");
	return len > NAME_MAX_BYTES;
}

int reference_parse(const char *text, struct reference *ret, struct err *reterr)
{
	const char *slash = strrchr(text, '/');
	const char *colon = strrchr(text, ':');
	size_t len = strlen(text);

	if (len > NAME_MAX_BYTES + 1 + TAG_MAX_BYTES)
		return err_set(reterr, ENAMETOOLONG, "the image reference is longer than 255 bytes");
	if (strchr(text, '@'))
		return err_set(reterr, EINVAL,
			"'%s' is a digest: name an image as REPOSITORY[:TAG]", text);
	if (colon && slash && colon < slash)
		colon = NULL; /* a port */
	if (colon && !reference_valid_tag(colon + 1))
		return err_set(reterr, EINVAL,
			"'%s' is not a tag: use letters, digits, '_', '.' and '-', at most 128", colon + 1);
	if (colon)
		len = (size_t)(colon - text);
	if (len >= sizeof(ret->repository))
		return err_set(reterr, ENAMETOOLONG, "the repository name is longer than 255 bytes");
	memcpy(ret->repository, text, len);
	ret->repository[len] = '\0';
	snprintf(ret->tag, sizeof(ret->tag), "%s", colon ? colon + 1 : "latest");
	if (too_long(ret->repository))
		return err_set(reterr, ENAMETOOLONG,
			"the repository name is longer than 255 bytes (with docker.io/library/, if it has no host)");
	if (!valid_repository(ret->repository) || looks_like_id(ret->repository))
		return err_set(reterr, EINVAL,
			"'%s' is not an image reference: use lower-case letters, digits and single "
			"separators, as in team/foo-image:1.0",
			text);
	return 0;
}

void reference_format(const struct reference *r, struct buf *out)
{
	buf_printf(out, "%s:%s", r->repository, r->tag);
}

void reference_to_name(const char *reference, struct buf *out)
{
	for (; *reference; reference++) {
		if (*reference == '/')
			buf_adds(out, "%2F");
		else if (*reference == '%')
			buf_adds(out, "%25");
		else
			buf_addc(out, *reference);
	}
}

int reference_from_name(const char *name, struct buf *out)
{
	for (; *name; name++) {
		if (*name != '%') {
			buf_addc(out, *name);
			continue;
		}
		if (strncmp(name, "%2F", 3) == 0)
			buf_addc(out, '/');
		else if (strncmp(name, "%25", 3) == 0)
			buf_addc(out, '%');
		else
			return -ENOENT;
		name += 2;
	}
	return buf_error(out);
}
