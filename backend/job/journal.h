/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must outlive the process: jobs, and records in a store that no job claims. An SQLite file in the state
 * folder, mode 0600, in WAL mode with full synchronisation: when a call returns 0, the disk has it.
 *
 * Shared by threads. Errors: -ENOSPC, -EROFS, -EIO and the like, with a sentence.
 */
#pragma once

#include <stdint.h>

#include "util/buf.h"
#include "util/err.h"

struct journal;
struct jobs;
struct job;

/*
 * Opens or makes the file in `folder`. One that is damaged is put aside (renamed, never deleted) and a new one
 * begun; `said` then gets a sentence about it.
 */
int journal_open(const char *folder, struct journal **ret, struct buf *said, struct err *reterr);
void journal_close(struct journal *l);

/* Gives the job its number and keeps it; from then on its target's record is claimed (see below). */
int journal_add(struct journal *l, struct job *job, struct err *reterr);

/* Keeps the job as it is now; `claim` also claims a new record of its target. */
int journal_update(struct journal *l, const struct job *job, struct err *reterr);
int journal_claim(struct journal *l, const struct job *job, struct err *reterr);
int journal_forget(struct journal *l, uint64_t number, struct err *reterr);

/* Keeps that the job is to be cancelled, unless it has ended. */
int journal_cancel(struct journal *l, uint64_t number, struct err *reterr);

/*
 * A record that is about to be made, or of which nobody knows whether it was: until a job claims it or it is
 * known to be gone, it is an orphan, and is removed after a restart.
 */
int journal_orphan(struct journal *l, const char *store, const char *id, struct err *reterr);
int journal_orphan_gone(struct journal *l, const char *id, struct err *reterr);

/* Reads everything, oldest first. `job` takes its argument over. Errors also: those of the functions. */
int journal_load(struct journal *l, struct jobs *j, int (*job)(struct jobs *j, struct job *job),
	int (*orphan)(struct jobs *j, const char *store, const char *id), struct err *reterr);
