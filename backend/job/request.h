/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of control writes (SPEC section 3): words quoted as a shell quotes, or one JSON object with the
 * keys of either proposal. Pure text: nobody is asked here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

enum { REQUEST_LIMIT = 64 << 10 /* bytes of one request */ };

/* Which keys a file takes, and whether its word is an image reference. */
enum request_kind {
	REQUEST_COMMIT,	   /* REF [author= message= pause= change=… push=TARGET] */
	REQUEST_PUSH,	   /* [REF] [to=TARGET | name= tag= registry=] */
	REQUEST_IMAGE_PUSH /* [TARGET], or the keys of a push */
};

/* All strings are owned; NULL: not said. */
struct request {
	char *reference;  /* REPOSITORY:TAG, checked */
	char *container;  /* a JSON body may name the container that the file belongs to anyway */
	char *author, *message;
	char **changes;	  /* Dockerfile instructions, NULL at the end; or NULL */
	bool pause;	  /* the default is true */
	char *push;	  /* a target, not yet checked; of a push: where to */
	char *name, *tag, *registry;
	char *text;	  /* the request as it was written, without its newline */
};

/*
 * The length of the first whole request in `text`, with its newline; 0 if its end has not come yet. A JSON
 * object may have several lines; but text that ends in a newline is whole even if the object isn't, so that who
 * has forgotten a brace is told at once.
 */
size_t request_end(const char *text, size_t len);

/* Errors: -EINVAL, -E2BIG, -ENAMETOOLONG, -ENOMEM. `ret` is to be released in any case. */
int request_parse(
	enum request_kind kind, const char *text, size_t len, struct request *ret, struct err *reterr);
void request_done(struct request *r);

/* A request that names a container, by its name or at least 12 digits of its id, must name this one. -EINVAL. */
int request_check_container(const struct request *r, const char *id, const char *name, struct err *reterr);
