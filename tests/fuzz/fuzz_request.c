/* SPDX-License-Identifier: Apache-2.0 */
/* Control writes: first byte, the kind; the rest, what was written, cut into its requests. */
#include <errno.h>

#include "fuzz.h"
#include "job/request.h"
#include "store/target.h"
#include "util/reference.h"

static void check_target(const struct request *r)
{
	struct target t;
	struct err e = {0};
	int ret = target_parse(r->push, "dir", r->reference ? r->reference : "foo:latest", &t, &e);

	check_err(ret, &e);
	CHECK(ret < 0 || strcmp(t.store, "dir") == 0 || strcmp(t.store, "glance") == 0);
	CHECK(ret < 0 || reference_valid_tag(t.name.tag));
}

static void check_request(const struct request *r)
{
	AUTO_BUF struct buf full = BUF_INIT;
	struct reference ref;

	CHECK(r->text && strlen(r->text) <= REQUEST_LIMIT);
	check_target(r);
	if (!r->reference)
		return;
	CHECK(reference_parse(r->reference, &ref, NULL) == 0);
	reference_format(&ref, &full);
	CHECK(strcmp(buf_text(&full), r->reference) == 0); /* checked and whole */
}

static void parse(enum request_kind kind, const char *text, size_t len)
{
	AUTO_FREE char *copy = malloc(len ? len : 1); /* so that reading beyond it is found */
	struct request r;
	struct err e = {0};
	int ret;

	memcpy(copy, text, len);
	ret = request_parse(kind, copy, len, &r, &e);
	check_err(ret, &e);
	CHECK(ret == 0 || ret == -EINVAL || ret == -E2BIG || ret == -ENAMETOOLONG);
	if (ret == 0)
		check_request(&r);
	request_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	enum request_kind kind;
	size_t end;

	if (!size--)
		return 0;
	kind = (enum request_kind)(data[0] % 3);
	while ((end = request_end(text, size))) {
		CHECK(end <= size && text[end - 1] == '\n');
		parse(kind, text, end);
		text += end;
		size -= end;
	}
	parse(kind, text, size);
	return 0;
}
