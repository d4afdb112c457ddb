/* SPDX-License-Identifier: Apache-2.0 */
/* Error answers, and what becomes of them in a sentence; times; one answer as a whole. */
#include <errno.h>

#include "fuzz.h"
#include "net/json.h"
#include "util/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = strndup((const char *)data, size);
	AUTO_BUF struct buf body = BUF_INIT, words = BUF_INIT;
	AUTO_JSON json_t *answer = NULL;
	struct err e = {0};
	int r;

	buf_add(&body, data, size);
	json_error_message(&body, &words);
	CHECK(words.len <= size + 300);
	err_set(&e, EREMOTEIO, "the peer answers 500: %s", buf_text(&words));
	err_prefix(&e, "image %s", "foo");
	CHECK(strlen(e.text) < sizeof(e.text) && !strchr(e.text, '\n'));
	e = (struct err){0};
	r = json_read(&body, "the answer", &answer, &e);
	check_err(r, &e);
	CHECK((r == 0) == (answer != NULL));
	CHECK(when_parse(text) >= 0);
	return 0;
}
