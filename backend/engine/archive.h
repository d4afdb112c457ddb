/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches a docker-archive go by (what `docker save` writes) and says at its end if it is whole: a tar that
 * ends with its end-of-archive marker, whose manifest names one image, whose config is that of the image we
 * asked for, and in which every file that the manifest names was seen. An engine that fails in the middle ends
 * its answer as if nothing had happened, with the error as text in the data; and a tag may have moved on to
 * another image since we looked. Both are found here, before the receiver is told that it has everything.
 */
#pragma once

#include "net/json.h"
#include "util/cleanup.h"
#include "util/err.h"

struct archive;

/* `image_id`: "sha256:…". */
int archive_new(const char *image_id, struct archive **ret, struct err *reterr);
void archive_free(struct archive *a);
DEFINE_CLEANUP(struct archive *, archive_free)

/* 0 or -ENOMEM: what is wrong with the data is said at the end. */
int archive_feed(struct archive *a, const void *data, size_t len);

/* 0 if everything was there; -EBADMSG with a sentence, which passes: another try may do. */
int archive_end(struct archive *a, struct err *reterr);
