/* SPDX-License-Identifier: Apache-2.0 */
/* The command line (SPEC section 1). */
#pragma once

#include "fs/fs.h"

struct options {
	/* Strings are owned by fuse_opt; NULL: not given. */
	char *engine, *tlscacert, *tlscert, *tlskey;
	int tlsverify;
	char *cloud, *store, *dir, *state, *group;
	char *jobs_text, *retries_text;
	unsigned parallel, retries; /* from these */
	int read_only, foreground, debug, help, version, check;
	char *source, *mountpoint; /* `mount` puts a source before the mount point */
	struct fuse_args args;	   /* what is libfuse's */
};

/* Errors: -EINVAL, with a sentence. The caller releases with options_done() in any case. */
int options_parse(int argc, char **argv, struct options *ret, struct err *reterr);
void options_done(struct options *o);
void options_usage(void);

/* The folder for state: as given, or where SPEC section 1 says. Errors: -ENOENT, with a sentence. */
int options_state(const struct options *o, struct buf *ret, struct err *reterr);
