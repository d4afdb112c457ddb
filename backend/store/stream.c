/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "engine/archive.h"
#include "net/transfer.h"
#include "store/store.h"

/* The engine writes a copy of the whole image before its first byte: that is no stall, up to a point. */
enum { STALL_MS = 300 * 1000, PREPARE_MS = 3600 * 1000 };

struct stream {
	const struct store_stream *s;
	struct archive *archive;
	struct digest *digest;
};

static int tap(void *arg, const void *data, size_t len)
{
	struct stream *st = arg;
	int r = archive_feed(st->archive, data, len);

	return r < 0 ? r : digest_add(st->digest, data, len);
}

static int whole(void *arg, struct err *reterr)
{
	return archive_end(((struct stream *)arg)->archive, reterr);
}

static void moved(void *arg, uint64_t bytes)
{
	const struct store_upload *u = ((struct stream *)arg)->s->upload;

	if (u->moved)
		u->moved(u->arg, bytes);
}

static int sink(void *arg, const void *data, size_t len)
{
	const struct store_stream *s = ((struct stream *)arg)->s;

	return s->sink(s->sink_arg, data, len);
}

int store_stream(const struct store_stream *s, struct store_sent *ret, struct err *reterr)
{
	CLEANUP(archive_freep) struct archive *archive = NULL;
	CLEANUP(digest_freep) struct digest *digest = NULL;
	struct stream st = {.s = s};
	struct transfer t = {
		.from = s->upload->engine,
		.get = {.method = "GET", .path = s->upload->export_path, .timeout_ms = -1,
			.stall_ms = STALL_MS, .first_ms = PREPARE_MS},
		.to = s->to,
		.put = s->put,
		.sink = s->sink ? sink : NULL,
		.tap = tap,
		.whole = whole,
		.moved = moved,
		.arg = &st,
		.cancel = s->upload->cancel,
	};
	int r;

	r = archive_new(s->upload->image_id, &archive, reterr);
	if (r == 0)
		r = digest_new(s->algorithm, &digest, reterr);
	if (r < 0)
		return r;
	st.archive = archive;
	st.digest = digest;
	r = transfer_run(&t, &ret->bytes, reterr);
	if (r < 0)
		return r;
	snprintf(ret->algorithm, sizeof(ret->algorithm), "%s", s->algorithm);
	return digest_hex(digest, ret->hash) < 0 ? err_nomem(reterr) : 0;
}

void store_new_id(char ret[static STORE_ID])
{
	unsigned char b[16];

	while (getrandom(b, sizeof(b), 0) != sizeof(b))
		;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant 1 (RFC 9562) */
	snprintf(ret, STORE_ID,
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}
