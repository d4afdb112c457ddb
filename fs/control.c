/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/control.h"

#include <errno.h>
#include <string.h>

#include "fs/notify.h"

/* An image's file speaks of that image, whatever else it says. */
static int fix_reference(struct request *request, const char *reference, struct err *reterr)
{
	if (!reference)
		return 0;
	free(request->reference);
	request->reference = strdup(reference);
	return request->reference ? 0 : err_nomem(reterr);
}

int control_run(struct fs *fs, const struct control *c, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr)
{
	struct request request;
	int r;

	r = request_parse(c->kind, text, len, &request, reterr);
	if (r == 0)
		r = fix_reference(&request, c->reference, reterr);
	if (r == 0)
		r = c->submit(fs->jobs, c->container, &request, cancel, reterr);
	request_done(&request);
	return r;
}

void control_note(struct fs *fs, const struct dir_type *type, const char *key, const struct err *e)
{
	jobs_note_rejection(fs->jobs, key, e);
	notify_changed(fs->notify, type, key);
}
