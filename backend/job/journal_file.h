/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file; shared by journal.c and journal_file.c alone. */
#pragma once

#include <pthread.h>
#include <sqlite3.h>

#include "job/journal.h"

struct journal {
	pthread_mutex_t lock; /* the connection: one statement at a time */
	sqlite3 *db;
};

/* Turns what SQLite said last into an errno and a sentence. */
int journal_failed(struct journal *l, struct err *reterr);

/* Runs statements that need no values. */
int journal_run_locked(struct journal *l, const char *sql, struct err *reterr);
