/* SPDX-License-Identifier: Apache-2.0 */
/* The splitter: first byte, the size of the pieces. It must come to the same as one piece. */
#include <errno.h>

#include "fuzz.h"
#include "net/json.h"

static int collect(void *arg, const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	CHECK(json_is_object(object));
	if (text)
		buf_printf(arg, "%s\n", text);
	free(text);
	return 0;
}

static int split(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
	CLEANUP(json_split_done) struct json_split s;
	int r = 0;

	json_split_init(&s, collect, out);
	for (size_t at = 0; r == 0 && at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		AUTO_FREE char *copy = malloc(n);

		memcpy(copy, data + at, n);
		r = json_split_feed(&s, copy, n);
		CHECK(s.piece.len <= size);
	}
	return r < 0 ? r : json_split_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf whole = BUF_INIT, pieces = BUF_INIT;
	int a, b;

	if (!size)
		return 0;
	a = split(data + 1, size - 1, size, &whole);
	b = split(data + 1, size - 1, 1 + data[0] % 64, &pieces);
	CHECK(a == b && (a == 0 || a == -EREMOTEIO));
	CHECK(strcmp(buf_text(&whole), buf_text(&pieces)) == 0);
	return 0;
}
