/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of backend/job share. Only they include it. */
#pragma once

#include <pthread.h>

#include "job/jobs.h"
#include "util/reference.h"
#include "util/table.h"

struct orphan;

struct job {
	/* Set before it is queued, never changed. */
	struct job *next;
	char *request_text;
	char *author, *message;
	char **changes;
	bool pause;
	bool commits;	       /* there is a commit to do first */
	struct store *store;   /* NULL: nothing is pushed */
	struct reference name; /* what the image is called there */
	char *host;
	uint64_t after;	       /* the job whose commit makes our image; 0: none */
	char mark[STORE_ID];   /* the label that the committed image carries */
	bool was_paused;       /* before we came: the pause is the user's */
	bool store_missing;    /* kept from an earlier run, and its store is not configured any more */
	struct cancel cancel;

	/* Of the thread that runs it. */
	int64_t told_ms, rated_ms; /* monotonic: when the listener was told, when the rate was taken */
	uint64_t rated_bytes;
	bool begun;	      /* the engine was asked to commit: it may have, even if no answer came */
	struct store_sent sent; /* bytes 0: nothing was sent whole yet */

	/* Under jobs->lock. */
	struct job_info info;
	struct buf log;
	bool running;
	bool cancel_asked;
	int64_t not_before; /* monotonic ms: a retry */
};

struct jobs {
	struct jobs_options options;
	char host[256];
	pthread_t *threads;
	size_t thread_count;
	struct cancel stop; /* of the keeper's calls */
	pthread_t keeper;
	bool keeper_started;

	pthread_mutex_t submitting; /* one at a time, so that the list is in the order of the numbers */
	pthread_mutex_t lock;  /* all below, and the marked part of each job */
	pthread_cond_t work;   /* something may be runnable */
	pthread_cond_t chores; /* the keeper has something to do */
	struct orphan *orphans;
	struct err journal_error; /* the journal can't be written; code 0: it can */
	struct job_store_state store;
	struct job *first, **last; /* oldest first: all that are kept */
	size_t count, unfinished;
	uint64_t next_number;
	struct table rejections; /* struct rejection by object */
	bool stopping;
};

/* --- job.c --- */

/* Tells the listener; with no lock held. */
void job_tell(struct jobs *j, const struct job_info *info);

/* Adds a line to the log; under the lock, or while nobody else knows the job. */
void job_log_locked(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether the journal can be written, for /status; code 0: it can. */
void jobs_note_journal(struct jobs *j, const struct err *e);

/* Sets the state, adds it to the log, and tells the listener. */
void job_enter(struct jobs *j, struct job *job, enum job_state state);
void job_say(struct jobs *j, struct job *job, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void job_set_image(struct jobs *j, struct job *job, const char *image_id);
void job_set_target_id(struct jobs *j, struct job *job, const char *id);
void job_set_total(struct jobs *j, struct job *job, uint64_t bytes, uint64_t total);
void job_info_copy(struct jobs *j, struct job *job, struct job_info *ret);
void job_moved(struct jobs *j, struct job *job, uint64_t bytes);

/* Keeps the job in the journal as it is now; a failure is told in /status, and returned. */
int job_keep(struct jobs *j, struct job *job, struct err *reterr);

/* --- jobs.c --- */

struct job *jobs_find_locked(struct jobs *j, uint64_t number);

/* Forgets the oldest of the finished jobs that are too many. */
void jobs_trim(struct jobs *j);

/* Queues it and takes it over; on failure it is still the caller's. */
int jobs_submit(struct jobs *j, struct job *job, struct err *reterr);

struct job *job_new(struct jobs *j, const struct request *request, struct err *reterr);
void job_free(struct job *job);
DEFINE_CLEANUP(struct job *, job_free)

struct store *jobs_store(struct jobs *j, const char *word);

/* --- run.c, read.c --- */

bool job_needs_commit(const struct job *job); /* under the lock */
void *jobs_worker(void *jobs);		      /* a thread's function */
void jobs_free_rejections(struct jobs *j);

/* --- the steps: 0 when done; an error whose `passing` says if a later try makes sense --- */

int commit_run(struct jobs *j, struct job *job, struct err *reterr);
int push_run(struct jobs *j, struct job *job, struct err *reterr);

/* The part of a push that happens at the write: where to, and the record there. */
int push_prepare(struct jobs *j, struct job *job, const char *target, const struct cancel *cancel,
	struct err *reterr);

/* The end of a request: the job is queued and *job NULL, or the record that was made for it is taken away. */
int push_submit(struct jobs *j, struct job **job, struct err *reterr);

/* After a push that came to nothing: takes the record away, within `timeout_ms`, or leaves that to the keeper. */
void push_abandon(struct jobs *j, struct job *job, int timeout_ms);

/* --- keeper.c --- */

int keeper_start(struct jobs *j);
void keeper_stop(struct jobs *j); /* once jobs->stopping is set and told */

/* Removes that record of the store, now or as soon as the store can be reached, also after a restart.
 * `kept`: the journal has it already. */
void keeper_adopt(struct jobs *j, struct store *store, const char *id, bool kept);

/* How a call to the store went: NULL: well. */
void keeper_note_store(struct jobs *j, const struct store *store, const struct err *error);
