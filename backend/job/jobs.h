/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs: what was asked for and takes time. A request becomes one job (a commit, a push, or a commit with the
 * push after it). Submitting asks the engine and the store what can be known at once, makes the store's record
 * and returns when the job is safe; from then on the job is carried out by one of `parallel` threads, in the
 * order of submission, but that the commits of one container run one after the other, and that a push waits
 * for the commit of its image. The threads are joined by jobs_stop().
 *
 * A job's fate is read as a struct job_info, a copy. Each change is told to the listener, with no lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/catalog.h"
#include "engine/engine.h"
#include "job/request.h"
#include "store/store.h"
#include "util/buf.h"

struct jobs;
struct journal;

enum job_operation { JOB_COMMIT = 1, JOB_PUSH = 2 };

/* SPEC section 4, in its order. */
enum job_state {
	JOB_COMMITTING,
	JOB_COMMITTED,
	JOB_QUEUED,
	JOB_EXPORTING,
	JOB_UPLOADING,
	JOB_VERIFYING,
	JOB_ACTIVE,
	JOB_WAITING,
	JOB_FAILED,
	JOB_CANCELLED,
};

enum { JOBS_KEPT = 1000, JOBS_QUEUED_MAX = 1000 };

struct job_info {
	uint64_t number; /* 0: none */
	enum job_operation operation;
	enum job_state state;
	bool finished;
	char container_id[72]; /* "" where the image isn't of a container that we know */
	char container_name[256];
	char reference[400]; /* REPOSITORY:TAG */
	char image_id[80];   /* "" until it is committed */
	char target[460];    /* "" for a commit without a push */
	char target_id[80];
	uint64_t bytes, total; /* of the upload; total is what the engine says until the end is known */
	uint64_t rate;	       /* bytes a second */
	unsigned attempt;
	int64_t created, started, ended; /* seconds since the epoch */
	int64_t next_attempt;		 /* while waiting */
	struct err error;
};

/* What went wrong with a request that made no job, newest only; for the `error` of a status. */
struct job_rejection {
	int64_t when;
	struct err error;
};

/* Whether the default store answers. */
struct job_store_state {
	bool known;
	struct err error; /* code 0: it does */
	int64_t checked_ms;
};

struct jobs_options {
	struct engine *engine;
	struct catalog *catalog;
	struct journal *journal; /* NULL: jobs do not outlive the process */
	struct store *const *stores; /* NULL at the end */
	const char *default_store;   /* "glance" or "dir" */
	unsigned parallel, retries;
	/* A job is new, has changed, or is forgotten (number set, reference ""); number 0: the store's state. */
	void (*changed)(void *arg, const struct job_info *info);
	void *arg;
};

int jobs_new(const struct jobs_options *options, struct jobs **ret, struct err *reterr);
int jobs_load(struct jobs *j, struct err *reterr);  /* what the journal has, to be gone on with */
int jobs_start(struct jobs *j, struct err *reterr); /* after the fork */

/* Waits a second for what is about to end, breaks off the rest, which a later run goes on with, and joins. */
void jobs_stop(struct jobs *j);
void jobs_free(struct jobs *j);
DEFINE_CLEANUP(struct jobs *, jobs_free)

/* --- requests; each blocks until it is known whether the job is accepted --- */

/* Commits `container`, and pushes if the request says so. Errors: SPEC section 5; -EBUSY: the container is in a
 * state that can't be committed, or too many jobs wait. */
int jobs_commit(struct jobs *j, const struct container *container, const struct request *request,
	const struct cancel *cancel, struct err *reterr);

/* Pushes the image that the request names; with none, the newest snapshot of `container` (NULL: of no
 * container; then the request names one). */
int jobs_push(struct jobs *j, const struct container *container, const struct request *request,
	const struct cancel *cancel, struct err *reterr);

/* -EBUSY: it is beyond stopping; -ENOENT. A job that has ended already stays as it is: 0. */
int jobs_cancel(struct jobs *j, uint64_t number, struct err *reterr);

/* Remembers why a request on a container (its id) or an image (its reference) was refused; NULL: it was not. */
void jobs_note_rejection(struct jobs *j, const char *object, const struct err *error);

/* --- reading --- */

bool jobs_get(struct jobs *j, uint64_t number, struct job_info *ret);

/* The newest job on a container or an image; of those operations (a mask) only. */
bool jobs_newest_of_container(struct jobs *j, const char *id, unsigned operations, struct job_info *ret);
bool jobs_newest_of_image(struct jobs *j, const char *reference, struct job_info *ret);

/* Is anything left to do for it? */
bool jobs_pending_for_container(struct jobs *j, const char *id);
bool jobs_pending_for_image(struct jobs *j, const char *reference);

bool jobs_rejection(struct jobs *j, const char *object, struct job_rejection *ret);

/* The numbers of all jobs that are kept, oldest first; the caller frees. */
int jobs_numbers(struct jobs *j, uint64_t **ret, size_t *ret_n);

/* The references that unfinished jobs are about to make: their directories are there already. Calls `one`
 * with no lock held. Errors: those of `one`, -ENOMEM. */
int jobs_coming_images(
	struct jobs *j, int (*one)(void *arg, const struct job_info *info), void *arg);

/* Adds a job's log, a line an event; the request as it was written. */
int jobs_log(struct jobs *j, uint64_t number, struct buf *out);
int jobs_request_text(struct jobs *j, uint64_t number, struct buf *out);

struct job_store_state jobs_store_state(struct jobs *j);
struct err jobs_journal_error(struct jobs *j); /* code 0: none */
void jobs_count(struct jobs *j, size_t *ret_running, size_t *ret_queued);

const char *job_state_word(enum job_state state);
const char *job_operation_word(enum job_operation operation);
