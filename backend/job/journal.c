/* SPDX-License-Identifier: Apache-2.0 */
#include "job/journal.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "job/internal.h"
#include "job/journal_file.h"

static const char put_job[] =
	"INSERT OR REPLACE INTO job VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/* --- errors --- */

int journal_failed(struct journal *l, struct err *reterr)
{
	static const struct {
		int sqlite, code;
	} table[] = {
		{SQLITE_FULL, ENOSPC},
		{SQLITE_READONLY, EROFS},
		{SQLITE_NOMEM, ENOMEM},
		{SQLITE_PERM, EACCES},
		{SQLITE_BUSY, EBUSY},
		{SQLITE_LOCKED, EBUSY},
	};
	int code = EIO, e = sqlite3_errcode(l->db);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].sqlite == (e & 0xff))
			code = table[i].code;
	return err_set(reterr, code, "the journal in the state folder can't be written: %s",
		sqlite3_errmsg(l->db));
}

/* --- statements --- */

/* Values are bound and read one after the other, in the order of the columns. */
struct row {
	sqlite3_stmt *statement;
	int at;
};

static void bind_number(struct row *r, int64_t value)
{
	sqlite3_bind_int64(r->statement, ++r->at, value);
}

static void bind_text(struct row *r, const char *value)
{
	sqlite3_bind_text(r->statement, ++r->at, value, -1, SQLITE_TRANSIENT);
}

static int64_t read_number(struct row *r)
{
	return sqlite3_column_int64(r->statement, r->at++);
}

static const char *read_text(struct row *r)
{
	const char *text = (const char *)sqlite3_column_text(r->statement, r->at++);

	return text ? text : "";
}

static bool read_into(struct row *r, char *to, size_t size)
{
	return snprintf(to, size, "%s", read_text(r)) < (int)size;
}

/* A text of its own; NULL where none was kept. */
static char *read_copy(struct row *r)
{
	const char *text = (const char *)sqlite3_column_text(r->statement, r->at++);

	return text ? strdup(text) : NULL;
}

/* Runs a statement to its end, whose values were bound. */
static int finish_locked(struct journal *l, struct row *r, struct err *reterr)
{
	int e = sqlite3_step(r->statement);
	int result = e == SQLITE_DONE || e == SQLITE_ROW ? 0 : journal_failed(l, reterr);

	sqlite3_finalize(r->statement);
	return result;
}

static int begin_locked(struct journal *l, const char *sql, struct row *ret, struct err *reterr)
{
	*ret = (struct row){0};
	return sqlite3_prepare_v2(l->db, sql, -1, &ret->statement, NULL) == SQLITE_OK ? 0 : journal_failed(l, reterr);
}

int journal_run_locked(struct journal *l, const char *sql, struct err *reterr)
{
	return sqlite3_exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : journal_failed(l, reterr);
}

/* A statement with up to two texts. */
static int run_texts_locked(
	struct journal *l, const char *sql, const char *first, const char *second, struct err *reterr)
{
	struct row r;
	int e = begin_locked(l, sql, &r, reterr);

	if (e < 0)
		return e;
	bind_text(&r, first);
	if (second)
		bind_text(&r, second);
	return finish_locked(l, &r, reterr);
}

/* --- a job as a row --- */

static char *changes_text(char *const *changes)
{
	json_t *list = json_array();
	char *text;

	for (; changes && *changes; changes++)
		json_array_append_new(list, json_string(*changes));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

static char **changes_from(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);
	char **changes = calloc(json_array_size(list) + 1, sizeof(*changes));
	size_t n = 0;

	for (size_t i = 0; changes && i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		changes[n] = one ? strdup(one) : NULL;
		n += changes[n] != NULL;
	}
	json_decref(list);
	return changes;
}

/* A job that is to be cancelled and isn't yet is kept as cancelled but not finished. */
static void bind_info(struct row *r, const struct job_info *i, bool cancel_asked)
{
	bind_number(r, i->operation);
	bind_number(r, cancel_asked ? JOB_CANCELLED : i->state);
	bind_number(r, i->finished);
	bind_text(r, i->container_id);
	bind_text(r, i->container_name);
	bind_text(r, i->reference);
	bind_text(r, i->image_id);
	bind_text(r, i->target);
	bind_text(r, i->target_id);
	bind_number(r, (int64_t)i->bytes);
	bind_number(r, (int64_t)i->total);
	bind_number(r, i->attempt);
	bind_number(r, i->created);
	bind_number(r, i->started);
	bind_number(r, i->ended);
	bind_number(r, i->error.code);
	bind_text(r, i->error.text);
}

static void read_info(struct row *r, struct job_info *i)
{
	i->operation = (enum job_operation)read_number(r);
	i->state = (enum job_state)read_number(r);
	i->finished = read_number(r);
	read_into(r, i->container_id, sizeof(i->container_id));
	read_into(r, i->container_name, sizeof(i->container_name));
	read_into(r, i->reference, sizeof(i->reference));
	read_into(r, i->image_id, sizeof(i->image_id));
	read_into(r, i->target, sizeof(i->target));
	read_into(r, i->target_id, sizeof(i->target_id));
	i->bytes = (uint64_t)read_number(r);
	i->total = (uint64_t)read_number(r);
	i->attempt = (unsigned)read_number(r);
	i->created = read_number(r);
	i->started = read_number(r);
	i->ended = read_number(r);
	i->error.code = (int)read_number(r);
	read_into(r, i->error.text, sizeof(i->error.text));
}

static int put_locked(struct journal *l, const struct job *job, struct err *reterr)
{
	AUTO_FREE char *changes = changes_text(job->changes);
	struct row r;
	int e = begin_locked(l, put_job, &r, reterr);

	if (e < 0)
		return e;
	if (job->info.number)
		bind_number(&r, (int64_t)job->info.number);
	else
		r.at++; /* SQLite chooses the next one */
	bind_info(&r, &job->info, job->cancel_asked);
	bind_text(&r, job->request_text);
	bind_text(&r, job->author);
	bind_text(&r, job->message);
	bind_text(&r, changes);
	bind_number(&r, job->pause);
	bind_number(&r, job->commits);
	bind_number(&r, (int64_t)job->after);
	bind_text(&r, job->store ? job->store->ops->name : NULL);
	bind_text(&r, job->name.repository);
	bind_text(&r, job->name.tag);
	bind_text(&r, job->mark);
	bind_number(&r, job->begun);
	bind_number(&r, job->was_paused);
	bind_number(&r, (int64_t)job->sent.bytes);
	bind_text(&r, job->sent.algorithm);
	bind_text(&r, job->sent.hash);
	bind_text(&r, buf_text(&job->log));
	return finish_locked(l, &r, reterr);
}

static struct job *job_from(struct jobs *j, struct row *r)
{
	CLEANUP(job_freep) struct job *job = calloc(1, sizeof(*job));
	AUTO_FREE char *store = NULL;

	if (!job || cancel_init(&job->cancel) < 0)
		return NULL;
	job->info.number = (uint64_t)read_number(r);
	read_info(r, &job->info);
	job->request_text = read_copy(r);
	job->author = read_copy(r);
	job->message = read_copy(r);
	job->changes = changes_from(read_text(r));
	job->pause = read_number(r);
	job->commits = read_number(r);
	job->after = (uint64_t)read_number(r);
	store = read_copy(r);
	job->store = store ? jobs_store(j, store) : NULL;
	job->store_missing = store && !job->store;
	read_into(r, job->name.repository, sizeof(job->name.repository));
	read_into(r, job->name.tag, sizeof(job->name.tag));
	read_into(r, job->mark, sizeof(job->mark));
	job->begun = read_number(r);
	job->was_paused = read_number(r);
	job->sent.bytes = (uint64_t)read_number(r);
	read_into(r, job->sent.algorithm, sizeof(job->sent.algorithm));
	read_into(r, job->sent.hash, sizeof(job->sent.hash));
	buf_adds(&job->log, read_text(r));
	job->cancel_asked = job->info.state == JOB_CANCELLED && !job->info.finished;
	job->host = strdup(j->host);
	if (!job->request_text)
		job->request_text = strdup("");
	return job->request_text && job->changes && job->host ? steal_pointer(&job) : NULL;
}

/* --- calls --- */

/* Puts the job and claims its record, in one transaction. */
static int put_and_claim_locked(struct journal *l, const struct job *job, struct err *reterr)
{
	int r = journal_run_locked(l, "BEGIN IMMEDIATE", reterr);

	if (r < 0)
		return r;
	r = put_locked(l, job, reterr);
	if (r == 0 && job->info.target_id[0])
		r = run_texts_locked(l, "DELETE FROM orphan WHERE id = ?", job->info.target_id, NULL, reterr);
	if (r == 0)
		r = journal_run_locked(l, "COMMIT", reterr);
	if (r < 0)
		journal_run_locked(l, "ROLLBACK", NULL);
	return r;
}

int journal_add(struct journal *l, struct job *job, struct err *reterr)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = put_and_claim_locked(l, job, reterr);
	if (r == 0)
		job->info.number = (uint64_t)sqlite3_last_insert_rowid(l->db);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int journal_update(struct journal *l, const struct job *job, struct err *reterr)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = put_locked(l, job, reterr);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int journal_claim(struct journal *l, const struct job *job, struct err *reterr)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = put_and_claim_locked(l, job, reterr);
	pthread_mutex_unlock(&l->lock);
	return r;
}

static int run_number(struct journal *l, const char *sql, uint64_t number, struct err *reterr)
{
	struct row row;
	int r;

	pthread_mutex_lock(&l->lock);
	r = begin_locked(l, sql, &row, reterr);
	if (r == 0) {
		bind_number(&row, (int64_t)number);
		r = finish_locked(l, &row, reterr);
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

int journal_forget(struct journal *l, uint64_t number, struct err *reterr)
{
	return run_number(l, "DELETE FROM job WHERE number = ?", number, reterr);
}

int journal_cancel(struct journal *l, uint64_t number, struct err *reterr)
{
	_Static_assert(JOB_CANCELLED == 9, "the number is in the statement and in files");
	return run_number(l, "UPDATE job SET state = 9 WHERE number = ? AND finished = 0", number, reterr);
}

int journal_orphan(struct journal *l, const char *store, const char *id, struct err *reterr)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = run_texts_locked(l, "INSERT OR REPLACE INTO orphan VALUES(?, ?)", id, store, reterr);
	pthread_mutex_unlock(&l->lock);
	return r;
}

int journal_orphan_gone(struct journal *l, const char *id, struct err *reterr)
{
	int r;

	pthread_mutex_lock(&l->lock);
	r = run_texts_locked(l, "DELETE FROM orphan WHERE id = ?", id, NULL, reterr);
	pthread_mutex_unlock(&l->lock);
	return r;
}

static int load_jobs(struct journal *l, struct jobs *j, int (*take)(struct jobs *j, struct job *job),
	struct err *reterr)
{
	struct row row;
	int r = begin_locked(l, "SELECT * FROM job ORDER BY number", &row, reterr);

	while (r == 0 && sqlite3_step(row.statement) == SQLITE_ROW) {
		struct job *job;

		row.at = 0;
		job = job_from(j, &row);
		r = job ? take(j, job) : err_nomem(reterr);
	}
	sqlite3_finalize(row.statement);
	return r;
}

static int load_orphans(struct journal *l, struct jobs *j,
	int (*take)(struct jobs *j, const char *store, const char *id), struct err *reterr)
{
	struct row row;
	int r = begin_locked(l, "SELECT store, id FROM orphan", &row, reterr);

	while (r == 0 && sqlite3_step(row.statement) == SQLITE_ROW) {
		const char *store;

		row.at = 0;
		store = read_text(&row);
		r = take(j, store, read_text(&row));
	}
	sqlite3_finalize(row.statement);
	return r;
}

int journal_load(struct journal *l, struct jobs *j, int (*job)(struct jobs *j, struct job *job),
	int (*orphan)(struct jobs *j, const char *store, const char *id), struct err *reterr)
{
	int r = load_jobs(l, j, job, reterr);

	return r < 0 ? r : load_orphans(l, j, orphan, reterr);
}

