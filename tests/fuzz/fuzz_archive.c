/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An export: first byte, the size of the pieces. The sums of what could be headers are set right,
 * or hardly any input would get beyond its first block.
 */
#include <errno.h>

#include "engine/archive.h"
#include "fuzz.h"

#define ID "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static void seal(uint8_t *block)
{
	unsigned sum = 0;
	bool any = false;

	for (int i = 0; i < 512; i++) {
		sum += i >= 148 && i < 156 ? ' ' : block[i];
		any |= block[i];
	}
	if (any)
		snprintf((char *)block + 148, 8, "%06o", sum);
}

static int watch(const uint8_t *data, size_t size, size_t piece)
{
	CLEANUP(archive_freep) struct archive *a = NULL;
	struct err e = {0};
	int r;

	CHECK(archive_new(ID, &a, &e) == 0);
	for (size_t at = 0; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		AUTO_FREE char *copy = malloc(n);

		memcpy(copy, data + at, n);
		r = archive_feed(a, copy, n);
		CHECK(r == 0 || r == -EBADMSG);
		if (r < 0)
			return r;
	}
	r = archive_end(a, &e);
	check_err(r, &e);
	CHECK(r == 0 || (r == -EBADMSG && e.passing));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *copy = malloc(size + 1);

	if (!size--)
		return 0;
	memcpy(copy, data + 1, size);
	for (size_t at = 0; at + 512 <= size; at += 512)
		if (memcmp(copy + at + 257, "ustar", 5) == 0 || data[0] & 1)
			seal(copy + at);
	CHECK(watch(copy, size, size + 1) == watch(copy, size, 1 + data[0]));
	return 0;
}
