/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "fuzz.h"
#include "util/reference.h"

static void check_valid(const struct reference *r)
{
	AUTO_BUF struct buf full = BUF_INIT, name = BUF_INIT, back = BUF_INIT;
	struct reference again;

	CHECK(strlen(r->repository) < sizeof(r->repository) && reference_valid_tag(r->tag));
	reference_format(r, &full);
	CHECK(reference_parse(buf_text(&full), &again, NULL) == 0);
	CHECK(strcmp(again.repository, r->repository) == 0 && strcmp(again.tag, r->tag) == 0);
	reference_to_name(buf_text(&full), &name);
	CHECK(!strchr(buf_text(&name), '/') && buf_text(&name)[0] != '.');
	CHECK(reference_from_name(buf_text(&name), &back) == 0);
	CHECK(strcmp(buf_text(&back), buf_text(&full)) == 0);
}

/* A name that can be read is the only one of its reference. */
static void check_name(const char *name)
{
	AUTO_BUF struct buf reference = BUF_INIT, back = BUF_INIT;
	int r = reference_from_name(name, &reference);

	CHECK(r == 0 || r == -ENOENT);
	if (r < 0 || strchr(name, '/'))
		return;
	reference_to_name(buf_text(&reference), &back);
	CHECK(strcmp(buf_text(&back), name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	struct reference r;
	struct err e = {0};
	int ret = reference_parse(text, &r, &e);

	check_err(ret, &e);
	if (ret == 0)
		check_valid(&r);
	check_name(text);
	return 0;
}
