/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the journal's file: made, checked, or put aside. */
#include "job/journal_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/when.h"

enum { SCHEMA = 1, BUSY_TIMEOUT_MS = 5000 };

static const char schema[] =
	"CREATE TABLE job(number INTEGER PRIMARY KEY AUTOINCREMENT, operation INT, state INT, finished INT,"
	" container_id TEXT, container_name TEXT, reference TEXT, image_id TEXT, target TEXT, target_id TEXT,"
	" bytes INT, total INT, attempt INT, created INT, started INT, ended INT, error INT, sentence TEXT,"
	" request TEXT, author TEXT, message TEXT, changes TEXT, pause INT, commits INT, after INT, store TEXT,"
	" repository TEXT, tag TEXT, mark TEXT, begun INT, was_paused INT, sent INT, algorithm TEXT, hash TEXT,"
	" log TEXT);"
	"CREATE TABLE orphan(id TEXT PRIMARY KEY, store TEXT);"
	"PRAGMA user_version = 1;";

static int user_version(sqlite3 *db)
{
	sqlite3_stmt *s;
	int version = -1;

	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL) != SQLITE_OK)
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		version = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return version;
}

static bool sound(sqlite3 *db)
{
	sqlite3_stmt *s;
	bool ok;

	if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK)
		return false;
	ok = sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
	sqlite3_finalize(s);
	return ok;
}

static bool is_damage(int e)
{
	return (e & 0xff) == SQLITE_CORRUPT || (e & 0xff) == SQLITE_NOTADB;
}

/* *ret_damaged: the file is there and can't be trusted. */
static int open_file(struct journal *l, const char *path, bool *ret_damaged, struct err *reterr)
{
	int version;

	*ret_damaged = false;
	if (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
		return journal_failed(l, reterr);
	sqlite3_extended_result_codes(l->db, 1);
	sqlite3_busy_timeout(l->db, BUSY_TIMEOUT_MS);
	if (chmod(path, 0600) < 0)
		return err_set(reterr, errno, "%s: %s", path, strerror(errno));
	if (journal_run_locked(l, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", reterr) < 0) {
		*ret_damaged = is_damage(sqlite3_errcode(l->db));
		return -EIO;
	}
	version = user_version(l->db);
	if (version > SCHEMA)
		return err_set(reterr, EINVAL,
			"the journal %s is of a newer commitfs (version %d, this one knows %d)", path, version,
			SCHEMA);
	if (!sound(l->db)) {
		*ret_damaged = true;
		return -EIO;
	}
	return version == 0 ? journal_run_locked(l, schema, reterr) : 0;
}

static void close_file(struct journal *l)
{
	sqlite3_close(l->db);
	l->db = NULL;
}

/* Puts the damaged file and what SQLite keeps beside it aside. */
static int put_aside(const char *path, struct buf *said, struct err *reterr)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	AUTO_BUF struct buf now = BUF_INIT;

	when_format(&now, when_now());
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		AUTO_BUF struct buf from = BUF_INIT, to = BUF_INIT;

		buf_printf(&from, "%s%s", path, suffixes[i]);
		buf_printf(&to, "%s.damaged-%s%s", path, buf_text(&now), suffixes[i]);
		if (rename(buf_text(&from), buf_text(&to)) < 0 && errno != ENOENT)
			return err_set(reterr, errno, "%s: %s", path, strerror(errno));
	}
	buf_printf(said, "the journal was damaged and was put aside as %s.damaged-%s: jobs of before are not known",
		path, buf_text(&now));
	return buf_error(said);
}

int journal_open(const char *folder, struct journal **ret, struct buf *said, struct err *reterr)
{
	struct journal *l = calloc(1, sizeof(*l));
	AUTO_BUF struct buf path = BUF_INIT;
	bool damaged;
	int r;

	buf_printf(&path, "%s/journal.sqlite", folder);
	if (!l || buf_error(&path)) {
		free(l);
		return err_nomem(reterr);
	}
	pthread_mutex_init(&l->lock, NULL);
	r = open_file(l, buf_text(&path), &damaged, reterr);
	if (r < 0 && damaged) {
		close_file(l);
		r = put_aside(buf_text(&path), said, reterr);
		if (r == 0)
			r = open_file(l, buf_text(&path), &damaged, reterr);
	}
	if (r < 0)
		journal_close(l);
	else
		*ret = l;
	return r;
}

void journal_close(struct journal *l)
{
	close_file(l);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
