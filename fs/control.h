/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a control write to a job; and to the sentence in `status` if it makes none. */
#pragma once

#include "fs/tree.h"
#include "job/request.h"

struct control {
	enum request_kind kind;
	int (*submit)(struct jobs *j, const struct container *container, const struct request *request,
		const struct cancel *cancel, struct err *reterr);
	const struct container *container; /* whose file it is; NULL: an image's */
	const char *reference;		   /* of the image whose file it is; NULL: a container's */
};

int control_run(struct fs *fs, const struct control *c, const char *text, size_t len,
	const struct cancel *cancel, struct err *reterr);

/* How a request on an object went, for the `error` of its `status`. `e`: NULL: well. */
void control_note(struct fs *fs, const struct dir_type *type, const char *key, const struct err *e);
