/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/archive.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "util/table.h"

enum {
	BLOCK = 512,
	KEPT_LIMIT = 4 << 20,	/* bytes of a manifest or of pax records */
	NAMES_LIMIT = 100000,	/* files in one archive */
};

/* Offsets in a header block, as in POSIX pax, "ustar Interchange Format". */
enum { NAME = 0, SIZE = 124, CHECKSUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

struct archive {
	char image_hex[65];
	unsigned char block[BLOCK]; /* the header that is being collected */
	size_t have;		    /* bytes of it */
	uint64_t left;		    /* bytes of the member's data that are still to come */
	size_t padding;		    /* then bytes up to the next block */
	struct buf *keep;	    /* where the member's data is kept; NULL: it is passed over */
	struct buf pax, manifest;
	char *pax_path;	   /* the next member's name and size, where pax records give them */
	uint64_t pax_size; /* UINT64_MAX: not given */
	unsigned zeros;	   /* blocks of zeros in a row */
	struct table names; /* files seen; the keys are owned */
	int failed;	    /* the first error, which stays */
};

int archive_new(const char *image_id, struct archive **ret, struct err *reterr)
{
	struct archive *a = calloc(1, sizeof(*a));
	const char *colon = strchr(image_id, ':');

	if (!a)
		return err_nomem(reterr);
	snprintf(a->image_hex, sizeof(a->image_hex), "%s", colon ? colon + 1 : image_id);
	a->pax_size = UINT64_MAX;
	*ret = a;
	return 0;
}

void archive_free(struct archive *a)
{
	char *name;

	for (size_t i = 0; (name = table_next(&a->names, &i));)
		free(name);
	table_done(&a->names);
	buf_done(&a->pax);
	buf_done(&a->manifest);
	free(a->pax_path);
	free(a);
}

/* --- a header --- */

/* Octal digits, or with the top bit set a binary number of 8 bytes (GNU, for files over 8 GiB). */
static uint64_t number(const unsigned char *field, size_t len)
{
	uint64_t n = 0;

	if (field[0] & 0x80) {
		for (size_t i = len - 8; i < len; i++)
			n = n << 8 | field[i];
		return n;
	}
	for (size_t i = 0; i < len && (field[i] == ' ' || (field[i] >= '0' && field[i] <= '7')); i++)
		if (field[i] != ' ')
			n = n << 3 | (uint64_t)(field[i] - '0');
	return n;
}

static bool checksum_fits(const unsigned char *block)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= CHECKSUM && i < CHECKSUM + 8 ? ' ' : block[i];
	return sum == number(block + CHECKSUM, 8);
}

static bool all_zeros(const unsigned char *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

/* Records are "LENGTH KEY=VALUE\n". */
static void read_pax(struct archive *a)
{
	const char *p = buf_text(&a->pax), *end = p + a->pax.len;

	while (p < end) {
		char *key;
		size_t len = strtoul(p, &key, 10);

		if (len < 5 || len > (size_t)(end - p) || *key != ' ')
			return;
		key++;
		if (strncmp(key, "path=", 5) == 0 && p + len > key + 5) {
			free(a->pax_path);
			a->pax_path = strndup(key + 5, (size_t)(p + len - 1 - (key + 5)));
		}
		if (strncmp(key, "size=", 5) == 0)
			a->pax_size = strtoull(key + 5, NULL, 10);
		p += len;
	}
}

static int member_name(struct archive *a, char name[static 512])
{
	const char *block = (const char *)a->block;
	bool ustar = memcmp(block + MAGIC, "ustar", 5) == 0;

	if (a->pax_path)
		return snprintf(name, 512, "%s", a->pax_path);
	if (ustar && block[MAGIC + 5] == '\0' && block[PREFIX])
		return snprintf(name, 512, "%.155s/%.100s", block + PREFIX, block + NAME);
	return snprintf(name, 512, "%.100s", block + NAME);
}

static int remember(struct archive *a, const char *name)
{
	char *key;

	if (table_get(&a->names, name))
		return 0;
	key = a->names.count < NAMES_LIMIT ? strdup(name) : NULL;
	if (key && table_put(&a->names, key, key, NULL) == 0)
		return 0;
	free(key);
	return -ENOMEM;
}

/* A member begins: what of it do we want? */
static int begin_member(struct archive *a)
{
	char type = (char)a->block[TYPE], name[512];
	bool link = type >= '1' && type <= '6'; /* links, devices, directories have no data */
	int r = 0;

	a->left = a->pax_size != UINT64_MAX ? a->pax_size : number(a->block + SIZE, 12);
	a->left = link ? 0 : a->left;
	a->keep = NULL;
	if (type == 'x') {
		buf_reset(&a->pax);
		a->keep = &a->pax;
	} else if (type != 'g' && type != 'L' && type != 'K') {
		member_name(a, name);
		if (strcmp(name, "manifest.json") == 0)
			a->keep = &a->manifest;
		if (type != '5')
			r = remember(a, name);
		free(steal_pointer(&a->pax_path));
		a->pax_size = UINT64_MAX;
	}
	a->padding = (size_t)(-a->left & (BLOCK - 1));
	return a->keep && a->left > KEPT_LIMIT ? -EBADMSG : r;
}

static int header(struct archive *a)
{
	if (all_zeros(a->block)) {
		a->zeros++;
		return 0;
	}
	if (a->zeros || !checksum_fits(a->block))
		return -EBADMSG;
	return begin_member(a);
}

/* --- the stream --- */

static size_t take_data(struct archive *a, const char *data, size_t len)
{
	size_t n = a->left < len ? (size_t)a->left : len;

	if (a->keep)
		buf_add(a->keep, data, n);
	a->left -= n;
	if (!a->left && a->keep == &a->pax)
		read_pax(a);
	return n;
}

static size_t take_padding(struct archive *a, size_t len)
{
	size_t n = a->padding < len ? a->padding : len;

	a->padding -= n;
	return n;
}

static size_t take_header(struct archive *a, const char *data, size_t len)
{
	size_t n = BLOCK - a->have < len ? BLOCK - a->have : len;

	memcpy(a->block + a->have, data, n);
	a->have += n;
	if (a->have == BLOCK) {
		a->have = 0;
		a->failed = header(a);
	}
	return n;
}

int archive_feed(struct archive *a, const void *data, size_t len)
{
	const char *p = data, *end = p + len;

	while (p < end && !a->failed) {
		size_t n = (size_t)(end - p);

		if (a->left)
			p += take_data(a, p, n);
		else if (a->padding)
			p += take_padding(a, n);
		else
			p += take_header(a, p, n);
	}
	/* What is wrong is said once, at the end; until then the source may still say why. */
	return a->failed == -ENOMEM ? -ENOMEM : 0;
}

/* --- the end --- */

static bool seen(const struct archive *a, const char *name)
{
	return *name && table_get(&a->names, name);
}

static bool has_our_image(const struct archive *a, const json_t *image)
{
	char blob[128];

	snprintf(blob, sizeof(blob), "blobs/sha256/%s", a->image_hex);
	return strstr(json_text(image, "Config"), a->image_hex) || seen(a, blob);
}

static int check_manifest(const struct archive *a, const json_t *manifest, struct err *reterr)
{
	const json_t *image = json_array_get(manifest, 0);
	const json_t *layers = json_object_get(image, "Layers"), *layer;
	size_t i;

	if (json_array_size(manifest) != 1 || !seen(a, json_text(image, "Config")))
		return err_set(reterr, EBADMSG, "the engine's export holds no image");
	if (!has_our_image(a, image))
		return err_set(reterr, EBADMSG,
			"the engine's export holds another image: the name has moved on");
	json_array_foreach (layers, i, layer) {
		const char *name = json_string_value(layer);

		if (!name || !seen(a, name))
			return err_set(reterr, EBADMSG, "the engine's export lacks a layer: %s",
				name ? name : "unnamed");
	}
	return 0;
}

static int check(const struct archive *a, struct err *reterr)
{
	AUTO_JSON json_t *manifest = NULL;

	if (a->failed || a->left || a->padding || a->have || a->zeros < 2)
		return err_set(reterr, EBADMSG,
			"the engine's export is not whole: it ended early, or with an error in it");
	manifest = json_loadb(buf_text(&a->manifest), a->manifest.len, 0, NULL);
	return check_manifest(a, manifest, reterr);
}

int archive_end(struct archive *a, struct err *reterr)
{
	int r = check(a, reterr);

	if (r < 0 && reterr)
		reterr->passing = true;
	return r;
}
