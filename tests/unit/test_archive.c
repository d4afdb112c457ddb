/* SPDX-License-Identifier: Apache-2.0 */
/* Exports as engines write them, and as they break: made here, in memory. */
#include "unit.h"

#include "engine/archive.h"

#define HEX   "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"
#define L1    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L2    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* --- writing a tar --- */

static void seal(unsigned char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static void set_size(unsigned char *h, uint64_t size)
{
	if (size < 077777777777) {
		snprintf((char *)h + 124, 12, "%011llo", (unsigned long long)size);
		return;
	}
	h[124] = 0x80; /* as GNU tar does for what octal can't say */
	for (int i = 0; i < 8; i++)
		h[135 - i] = (unsigned char)(size >> (8 * i));
}

static void add_header(
	struct buf *tar, const char *prefix, const char *name, char type, uint64_t size)
{
	unsigned char h[512] = {0};

	memcpy(h, name, strnlen(name, 100));
	memcpy(h + 100, "0000644", 7);
	set_size(h, size);
	h[156] = (unsigned char)type;
	memcpy(h + 257, "ustar\00000", 8);
	memcpy(h + 345, prefix, strnlen(prefix, 155));
	seal(h);
	buf_add(tar, h, sizeof(h));
}

static void pad(struct buf *tar)
{
	while (tar->len % 512)
		buf_addc(tar, '\0');
}

static void add_file(struct buf *tar, const char *name, const char *data, size_t len)
{
	add_header(tar, "", name, '0', len);
	buf_add(tar, data, len);
	pad(tar);
}

static void add_text(struct buf *tar, const char *name, const char *text)
{
	add_file(tar, name, text, strlen(text));
}

/* "LENGTH KEY=VALUE\n", whose length counts its own digits. */
static void add_record(struct buf *records, const char *key, const char *value)
{
	size_t rest = strlen(key) + strlen(value) + 3, len = rest + 1;

	while (len != rest + (size_t)snprintf(NULL, 0, "%zu", len))
		len++;
	buf_printf(records, "%zu %s=%s\n", len, key, value);
}

static void add_pax(struct buf *tar, const struct buf *records)
{
	add_header(tar, "", "PaxHeaders.0/x", 'x', records->len);
	buf_add(tar, buf_text(records), records->len);
	pad(tar);
}

static void add_end(struct buf *tar)
{
	static const char zeros[1024];

	buf_add(tar, zeros, sizeof(zeros));
}

/* --- exports --- */

/* Docker up to 24: a folder a layer, the config beside them. */
static void old_layout(struct buf *tar)
{
	add_header(tar, "", L1 "/", '5', 0);
	add_text(tar, L1 "/VERSION", "1.0");
	add_text(tar, L1 "/json", "{\"id\":\"" L1 "\"}");
	add_file(tar, L1 "/layer.tar", "the first layer: any bytes\0at all", 33);
	add_header(tar, "", L2 "/", '5', 0);
	add_header(tar, "", L2 "/layer.tar", '2', 0); /* the same layer again: a link */
	add_text(tar, HEX ".json", "{\"config\":{}}");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"RepoTags\":[\"foo:latest\"],\"Layers\":[\"" L1
		"/layer.tar\",\"" L2 "/layer.tar\"]}]\n");
	add_text(tar, "repositories", "{\"foo\":{\"latest\":\"" L2 "\"}}");
	add_end(tar);
}

/* Docker from 25: an OCI layout with a manifest.json beside its index. */
static void oci_layout(struct buf *tar)
{
	add_header(tar, "", "blobs/", '5', 0);
	add_header(tar, "", "blobs/sha256/", '5', 0);
	add_text(tar, "blobs/sha256/" HEX, "{\"config\":{}}");
	add_text(tar, "blobs/sha256/" L1, "a layer");
	add_text(tar, "index.json", "{\"manifests\":[]}");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"blobs/sha256/" HEX
		"\",\"RepoTags\":null,\"Layers\":[\"blobs/sha256/" L1 "\"]}]");
	add_text(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	add_end(tar);
}

/* An image whose id is that of its manifest (containerd's store): the config has another name. */
static void containerd_layout(struct buf *tar)
{
	add_text(tar, "blobs/sha256/" HEX, "{\"config\":{\"digest\":\"sha256:" OTHER "\"}}");
	add_text(tar, "blobs/sha256/" OTHER, "{}");
	add_text(tar, "blobs/sha256/" L1, "a layer");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"blobs/sha256/" OTHER "\",\"Layers\":[\"blobs/sha256/" L1 "\"]}]");
	add_end(tar);
}

/* Podman: layers as files, links to them, the manifest last. */
static void podman_layout(struct buf *tar)
{
	add_text(tar, L1 ".tar", "a layer");
	add_header(tar, "", L2 "/layer.tar", '2', 0);
	add_text(tar, HEX ".json", "{}");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"" HEX
		".json\",\"RepoTags\":[\"docker.io/library/foo:v1\"],\"Layers\":[\"" L1
		".tar\"]}]");
	add_end(tar);
}

/* An image from nothing: no layers at all. */
static void no_layers(struct buf *tar)
{
	add_text(tar, HEX ".json", "{}");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"RepoTags\":[],\"Layers\":[]}]");
	add_end(tar);
}

static void manifest_first(struct buf *tar)
{
	add_text(tar, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"" L1 ".tar\"]}]");
	add_text(tar, L1 ".tar", "a layer");
	add_text(tar, HEX ".json", "{}");
	add_end(tar);
}

/* A name over 100 bytes and a size, both in pax records; and a global header, which says nothing to
 * us. */
static void pax_layout(struct buf *tar)
{
	AUTO_BUF struct buf records = BUF_INIT, global = BUF_INIT, manifest = BUF_INIT,
			    path = BUF_INIT;

	for (int i = 0; i < 30; i++)
		buf_adds(&path, "a-long-folder/");
	buf_adds(&path, "layer.tar");
	add_record(&global, "comment", "made here");
	add_header(tar, "", "pax_global_header", 'g', global.len);
	buf_add(tar, global.data, global.len);
	pad(tar);
	add_record(&records, "mtime", "1795290542.123");
	add_record(&records, "path", buf_text(&path));
	add_record(&records, "size", "700");
	add_pax(tar, &records);
	add_header(tar, "", "cut-short", '0', 0);
	for (int i = 0; i < 700; i++)
		buf_addc(tar, 'x');
	pad(tar);
	add_text(tar, HEX ".json", "{}");
	buf_printf(
		&manifest, "[{\"Config\":\"" HEX ".json\",\"Layers\":[\"%s\"]}]", buf_text(&path));
	add_text(tar, "manifest.json", buf_text(&manifest));
	add_end(tar);
}

/* A name over 100 bytes, split as ustar does it. */
static void prefix_layout(struct buf *tar)
{
	add_header(tar, L1, L2 "/layer.tar", '0', 7);
	buf_adds(tar, "a layer");
	pad(tar);
	add_text(tar, HEX ".json", "{}");
	add_text(tar, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"" L1 "/" L2 "/layer.tar\"]}]");
	add_end(tar);
}

/* More zeros than two blocks: tar pads to its record size. */
static void padded(struct buf *tar)
{
	old_layout(tar);
	for (int i = 0; i < 9; i++)
		add_end(tar);
}

static const struct {
	const char *name;
	void (*make)(struct buf *tar);
} layouts[] = {
	{"old", old_layout},
	{"oci", oci_layout},
	{"containerd", containerd_layout},
	{"podman", podman_layout},
	{"no layers", no_layers},
	{"manifest first", manifest_first},
	{"pax", pax_layout},
	{"prefix", prefix_layout},
	{"padded", padded},
};

/* --- watching one --- */

/* Feeds it in pieces of `piece` bytes. */
static int watch(const char *id, const char *data, size_t len, size_t piece, struct err *e)
{
	CLEANUP(archive_freep) struct archive *a = NULL;
	int r = archive_new(id, &a, e);

	assert_int_equal(r, 0);
	for (size_t at = 0; at < len && r == 0; at += piece)
		r = archive_feed(a, data + at, len - at < piece ? len - at : piece);
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		err_set(e, EBADMSG, "it is no archive");
		e->passing = true;
		return r;
	}
	return archive_end(a, e);
}

static void accept(const char *name, const struct buf *tar)
{
	static const size_t pieces[] = {1, 7, 511, 512, 513, 4096, SIZE_MAX / 2};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct err e = {0};

		if (watch("sha256:" HEX, tar->data, tar->len, pieces[i], &e) < 0)
			fail_msg("%s, by %zu: %s", name, pieces[i], e.text);
	}
}

static void refuse(const char *name, const char *id, const char *data, size_t len)
{
	static const size_t pieces[] = {1, 1000, SIZE_MAX / 2};

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct err e = {0};
		int r = watch(id, data, len, pieces[i], &e);

		if (r != -EBADMSG)
			fail_msg("%s (%zu bytes by %zu) gives %d %s", name, len, pieces[i], r,
				e.text);
		assert_err(r, &e, EBADMSG);
		assert_true(e.passing);
	}
}

TEST(whole)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		AUTO_BUF struct buf tar = BUF_INIT;

		layouts[i].make(&tar);
		accept(layouts[i].name, &tar);
	}
}

/* Where its marker of two zero blocks ends. */
static size_t end_of(const struct buf *tar)
{
	size_t end = tar->len;

	while (end >= 1536 && !memcmp(tar->data + end - 1536, (char[512]){0}, 512))
		end -= 512;
	return end;
}

/* Cut at every block, and beside it; only what follows the marker may be missing. */
TEST(cut)
{
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		AUTO_BUF struct buf tar = BUF_INIT;
		size_t end;

		layouts[i].make(&tar);
		end = end_of(&tar);
		for (size_t at = 0; at < end; at += 512) {
			refuse(layouts[i].name, "sha256:" HEX, tar.data, at);
			refuse(layouts[i].name, "sha256:" HEX, tar.data, at + 1);
			refuse(layouts[i].name, "sha256:" HEX, tar.data, at + 255);
			refuse(layouts[i].name, "sha256:" HEX, tar.data, at + 511);
		}
	}
}

TEST(cut_anywhere)
{
	AUTO_BUF struct buf tar = BUF_INIT;
	size_t end;

	oci_layout(&tar);
	end = end_of(&tar);
	for (size_t at = 0; at < end; at++) {
		struct err e = {0};

		assert_int_equal(watch("sha256:" HEX, tar.data, at, 4096, &e), -EBADMSG);
	}
}

/* What an engine writes when it fails in the middle of a 200 answer: its error instead of the rest.
 */
TEST(error_text_at_the_end)
{
	static const char text[] =
		"{\"message\":\"open /var/lib/layer.tar: no such file or directory\"}\n";

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		AUTO_BUF struct buf tar = BUF_INIT;
		size_t end;

		layouts[i].make(&tar);
		end = end_of(&tar);
		for (size_t at = 0; at <= end; at += 512) {
			AUTO_BUF struct buf broken = BUF_INIT;

			buf_add(&broken, tar.data, at);
			buf_adds(&broken, text);
			refuse(layouts[i].name, "sha256:" HEX, broken.data, broken.len);
			/* the same as long as a block, as if it were a header */
			while (broken.len % 512)
				buf_addc(&broken, ' ');
			refuse(layouts[i].name, "sha256:" HEX, broken.data, broken.len);
		}
	}
}

TEST(other_image)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	old_layout(&tar);
	refuse("another id", "sha256:" OTHER, tar.data, tar.len);
	buf_reset(&tar);
	oci_layout(&tar);
	refuse("another id", "sha256:" OTHER, tar.data, tar.len);
}

/* A manifest and nothing else but the config. */
static void refuse_manifest(const char *manifest)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	add_text(&tar, HEX ".json", "{}");
	add_text(&tar, OTHER ".json", "{}");
	add_text(&tar, "manifest.json", manifest);
	add_end(&tar);
	refuse(manifest, "sha256:" HEX, tar.data, tar.len);
}

TEST(manifests)
{
	static const char *const cases[] = {
		"",
		"{}",
		"[]",
		"[{}]",
		"null",
		"[null]",
		"no JSON",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"" L1
		"/layer.tar\"]}]", /* a layer that is not there */
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[7]}]",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"\"]}]",
		"[{\"Config\":\"" L1 ".json\",\"Layers\":[]}]", /* a config that is not there */
		"[{\"Config\":\"" OTHER ".json\",\"Layers\":[]}]",
		"[{\"Config\":\"\",\"Layers\":[]}]",
		"[{\"Config\":7,\"Layers\":[]}]",
		"[{\"Layers\":[]}]",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[]},{\"Config\":\"" OTHER
		".json\",\"Layers\":[]}]",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[]}",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[]}] x",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refuse_manifest(cases[i]);
}

TEST(no_manifest)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	add_text(&tar, HEX ".json", "{}");
	add_end(&tar);
	refuse("no manifest", "sha256:" HEX, tar.data, tar.len);
	buf_reset(&tar);
	add_end(&tar);
	refuse("an empty tar", "sha256:" HEX, tar.data, tar.len);
}

/* The manifest that counts is a file at the top. */
TEST(manifest_elsewhere)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	add_text(&tar, HEX ".json", "{}");
	add_text(&tar, "sub/manifest.json", "[{\"Config\":\"" HEX ".json\",\"Layers\":[]}]");
	add_end(&tar);
	refuse("in a folder", "sha256:" HEX, tar.data, tar.len);
}

/* A folder of a layer's name is no layer. */
TEST(folder_as_layer)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	add_header(&tar, "", L1 ".tar", '5', 0);
	add_text(&tar, HEX ".json", "{}");
	add_text(&tar, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"" L1 ".tar\"]}]");
	add_end(&tar);
	refuse("a folder", "sha256:" HEX, tar.data, tar.len);
}

TEST(one_zero_block)
{
	AUTO_BUF struct buf tar = BUF_INIT, more = BUF_INIT;

	old_layout(&tar);
	refuse("half a marker", "sha256:" HEX, tar.data, tar.len - 512);
	buf_add(&more, tar.data, tar.len);
	add_text(&more, "after", "the end");
	add_end(&more);
	refuse("something after the end", "sha256:" HEX, more.data, more.len);
}

TEST(garbage)
{
	static char data[64 << 10];
	uint64_t seed = 7;

	refuse("nothing", "sha256:" HEX, data, 0);
	memset(data, 'x', sizeof(data));
	refuse("letters", "sha256:" HEX, data, sizeof(data));
	memset(data, 0, sizeof(data));
	refuse("zeros", "sha256:" HEX, data, sizeof(data));
	memset(data, 0xff, sizeof(data));
	refuse("ones", "sha256:" HEX, data, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)dice(&seed);
	refuse("noise", "sha256:" HEX, data, sizeof(data));
}

/* A byte of a header that is not what it was is found by the header's own sum. */
TEST(broken_headers)
{
	AUTO_BUF struct buf tar = BUF_INIT;

	old_layout(&tar);
	for (size_t i = 0; i < 512; i++) {
		struct err e = {0};

		tar.data[i] ^= 1;
		if (watch("sha256:" HEX, tar.data, tar.len, 4096, &e) != -EBADMSG &&
			(i < 148 || i > 155))
			fail_msg("byte %zu is not looked at", i);
		tar.data[i] ^= 1;
	}
	accept("as it was", &tar);
}

/* A size that says more than will ever come, and a manifest that is no manifest by its size. */
TEST(large_sizes)
{
	static const uint64_t sizes[] = {8ull << 30, 1ull << 40, INT64_MAX, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		AUTO_BUF struct buf tar = BUF_INIT;

		add_header(&tar, "", "manifest.json", '0', sizes[i]);
		add_end(&tar);
		refuse("a huge manifest", "sha256:" HEX, tar.data, tar.len);
		buf_reset(&tar);
		add_header(&tar, "", "layer.tar", '0', sizes[i]);
		old_layout(&tar);
		refuse("a huge layer", "sha256:" HEX, tar.data, tar.len);
	}
}

/* A layer over 8 GiB, whose size only the binary form can say. */
TEST(layer_over_8_gib)
{
	static char zeros[1 << 20];
	CLEANUP(archive_freep) struct archive *a = NULL;
	AUTO_BUF struct buf head = BUF_INIT, tail = BUF_INIT;
	uint64_t size = (8ull << 30) + 512;
	struct err e = {0};

	add_header(&head, "", L1 ".tar", '0', size);
	add_text(&tail, HEX ".json", "{}");
	add_text(&tail, "manifest.json",
		"[{\"Config\":\"" HEX ".json\",\"Layers\":[\"" L1 ".tar\"]}]");
	add_end(&tail);
	assert_int_equal(archive_new("sha256:" HEX, &a, &e), 0);
	assert_int_equal(archive_feed(a, head.data, head.len), 0);
	for (uint64_t left = size, n; left; left -= n) {
		n = left < sizeof(zeros) ? left : sizeof(zeros);
		assert_int_equal(archive_feed(a, zeros, n), 0);
	}
	assert_int_equal(archive_feed(a, tail.data, tail.len), 0);
	if (archive_end(a, &e) < 0)
		fail_msg("%s", e.text);
}

/* Records that lie about their length, or have no end. */
TEST(bad_pax)
{
	static const char *const cases[] = {"", "x", "5", "0 path=x\n", "-1 path=x\n",
		"999 path=x\n", "99999999999999999999 path=x\n", "8 path=\n", "5 a=b",
		"12 size=-1\n\n", "path=x\n", "23 size=99999999999999\n"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_BUF struct buf tar = BUF_INIT, records = BUF_INIT;
		struct err e = {0};

		buf_adds(&records, cases[i]);
		add_pax(&tar, &records);
		old_layout(&tar);
		/* Whether it is taken or refused: it must be judged without harm. */
		watch("sha256:" HEX, tar.data, tar.len, 100, &e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_error_text_at_the_end),
		cmocka_unit_test(test_other_image),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_no_manifest),
		cmocka_unit_test(test_manifest_elsewhere),
		cmocka_unit_test(test_folder_as_layer),
		cmocka_unit_test(test_one_zero_block),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_broken_headers),
		cmocka_unit_test(test_large_sizes),
		cmocka_unit_test(test_layer_over_8_gib),
		cmocka_unit_test(test_bad_pax),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
