/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "net/json.h"
#include "util/folder.h"
#include "util/reference.h"
#include "util/when.h"

#define ALGORITHM "sha512"

enum { READ_SIZE = 1 << 20, PART_NAME = STORE_ID + 8, FINAL_NAME = 3 * 400 };

struct dir_store {
	struct store store;
	char *folder;
};

static struct dir_store *self(struct store *s)
{
	return (struct dir_store *)s;
}

/* --- the folder --- */

static int open_folder(struct store *s, struct err *reterr)
{
	const char *folder = self(s)->folder;
	int r = folder_make(folder), fd = -1;

	if (r == 0)
		fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = -errno;
	return r < 0 ? err_set(reterr, -r, "the folder %s: %s", folder, strerror(-r)) : fd;
}

static int file_error(struct store *s, struct err *reterr, const char *name, int e)
{
	return err_set(reterr, e, "%s/%s: %s", self(s)->folder, name, strerror(e));
}

static void part_name(char ret[static PART_NAME], const char *id, const char *suffix)
{
	snprintf(ret, PART_NAME, ".%s.%s", id, suffix);
}

/* --- records --- */

static json_t *record_json(const struct store_record *r)
{
	AUTO_BUF struct buf now = BUF_INIT;

	when_format(&now, when_now());
	return json_pack("{s:s, s:s, s:[s], s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "id", r->id,
		"name", r->name, "tags", r->tag, "status", "queued", "container_format", "docker",
		"disk_format", "raw", "created_at", buf_text(&now), "commitfs_container_id",
		r->container_id, "commitfs_container_name", r->container_name, "commitfs_host", r->host,
		"commitfs_image_id", r->image_id);
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Writes a record under its dotted name, by way of another, so that it is always whole. */
static int save_record(struct store *s, int folder, const char *id, const json_t *record, struct err *reterr)
{
	AUTO_FREE char *text = json_dumps(record, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	char name[PART_NAME], fresh[PART_NAME];
	AUTO_CLOSE int fd = -1;
	int r;

	part_name(name, id, "json");
	part_name(fresh, id, "new");
	if (!text)
		return err_nomem(reterr);
	fd = openat(folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (r == 0)
		r = write_all(fd, "\n", 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(folder, fresh, folder, name) < 0)
		r = -errno;
	return r < 0 ? file_error(s, reterr, name, -r) : 0;
}

static int load_record(struct store *s, int folder, const char *id, json_t **ret, struct err *reterr)
{
	char name[PART_NAME];
	AUTO_CLOSE int fd = -1;

	part_name(name, id, "json");
	fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return file_error(s, reterr, name, errno);
	*ret = json_loadfd(fd, 0, NULL);
	return *ret ? 0 : err_set(reterr, EBADMSG, "%s/%s is no record", self(s)->folder, name);
}

static void final_name(const json_t *record, const char *suffix, char ret[static FINAL_NAME])
{
	AUTO_BUF struct buf reference = BUF_INIT, name = BUF_INIT;

	buf_printf(&reference, "%s:%s", json_text(record, "name"),
		json_string_value(json_array_get(json_at(record, "tags"), 0)));
	reference_to_name(buf_text(&reference), &name);
	snprintf(ret, FINAL_NAME, "%s.%s", buf_text(&name), suffix);
}

/* --- the store's steps --- */

static int dir_check(struct store *s, struct buf *says, const struct cancel *cancel, struct err *reterr)
{
	AUTO_CLOSE int folder = open_folder(s, reterr);

	(void)cancel;
	if (folder < 0)
		return folder;
	if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return file_error(s, reterr, ".", errno);
	buf_adds(says, self(s)->folder);
	return buf_error(says);
}

static int dir_create(struct store *s, const struct store_record *record, const struct cancel *cancel,
	struct err *reterr)
{
	AUTO_CLOSE int folder = open_folder(s, reterr);
	AUTO_JSON json_t *json = record_json(record);
	char final[FINAL_NAME];

	(void)cancel;
	if (folder < 0)
		return folder;
	if (json)
		final_name(json, "json", final);
	if (json && strlen(final) > NAME_MAX)
		return err_set(reterr, ENAMETOOLONG, "the name is too long for a file");
	return json ? save_record(s, folder, record->id, json, reterr) : err_nomem(reterr);
}

struct target_file {
	int fd;
};

static int sink(void *arg, const void *data, size_t len)
{
	return write_all(((struct target_file *)arg)->fd, data, len);
}

static int dir_upload(struct store *s, const struct store_record *record,
	const struct store_upload *upload, struct store_sent *ret, struct err *reterr)
{
	AUTO_CLOSE int folder = open_folder(s, reterr);
	char name[PART_NAME];
	AUTO_CLOSE int fd = -1;
	struct target_file file;
	struct store_stream stream = {
		.upload = upload, .algorithm = ALGORITHM, .sink = sink, .sink_arg = &file};
	int r;

	if (folder < 0)
		return folder;
	part_name(name, record->id, "tar");
	file.fd = fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return file_error(s, reterr, name, errno);
	r = store_stream(&stream, ret, reterr);
	if (r == 0 && fsync(fd) < 0)
		return file_error(s, reterr, name, errno);
	return r;
}

/* Hashes what the disk has, not what the page cache remembers. */
static int read_back(int fd, struct store_sent *ret, const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(digest_freep) struct digest *digest = NULL;
	AUTO_FREE char *block = malloc(READ_SIZE);
	int r = digest_new(ALGORITHM, &digest, reterr);
	ssize_t n;

	if (r < 0 || !block)
		return r < 0 ? r : err_nomem(reterr);
	ret->bytes = 0;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = read(fd, block, READ_SIZE)) > 0) {
		if (cancel_fired(cancel))
			return err_set(reterr, ECANCELED, "cancelled");
		ret->bytes += (uint64_t)n;
		if (digest_add(digest, block, (size_t)n) < 0)
			return err_nomem(reterr);
	}
	if (n < 0)
		return err_set(reterr, errno, "reading back: %s", strerror(errno));
	return digest_hex(digest, ret->hash) < 0 ? err_nomem(reterr) : 0;
}

static int check_data(struct store *s, int folder, const char *name, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_CLOSE int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	struct store_sent there = {0};
	int r;

	if (fd < 0)
		return file_error(s, reterr, name, errno);
	r = read_back(fd, &there, cancel, reterr);
	if (r == 0 && (there.bytes != sent->bytes || strcmp(there.hash, sent->hash) != 0))
		return err_set(reterr, EBADMSG, "%s/%s is not what was written to it", self(s)->folder, name);
	return r;
}

/* Gives the checked files their names: the data first, so that no record speaks of data that isn't there. */
static int publish(struct store *s, int folder, const char *id, const json_t *record, struct err *reterr)
{
	static const char *const suffixes[] = {"tar", "json"};
	char part[PART_NAME], final[FINAL_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		part_name(part, id, suffixes[i]);
		final_name(record, suffixes[i], final);
		if (renameat(folder, part, folder, final) < 0 && !(i == 0 && errno == ENOENT))
			return file_error(s, reterr, final, errno);
	}
	return fsync(folder) < 0 ? file_error(s, reterr, ".", errno) : 0;
}

static int dir_verify(struct store *s, const char *id, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr)
{
	AUTO_CLOSE int folder = open_folder(s, reterr);
	AUTO_JSON json_t *record = NULL;
	char name[FINAL_NAME];
	int r;

	if (folder < 0)
		return folder;
	r = load_record(s, folder, id, &record, reterr);
	if (r < 0)
		return r;
	part_name(name, id, "tar");
	if (faccessat(folder, name, F_OK, 0) < 0)
		final_name(record, "tar", name); /* we were stopped between the two renames */
	r = check_data(s, folder, name, sent, cancel, reterr);
	if (r < 0)
		return r;
	json_object_set_new(record, "status", json_string("active"));
	json_object_set_new(record, "size", json_integer((json_int_t)sent->bytes));
	json_object_set_new(record, "os_hash_algo", json_string(ALGORITHM));
	json_object_set_new(record, "os_hash_value", json_string(sent->hash));
	r = save_record(s, folder, id, record, reterr);
	return r < 0 ? r : publish(s, folder, id, record, reterr);
}

static int dir_describe(struct store *s, const struct store_record *record, const struct cancel *cancel,
	struct err *reterr)
{
	return dir_create(s, record, cancel, reterr);
}

static int dir_remove(struct store *s, const char *id, int timeout_ms, const struct cancel *cancel,
	struct err *reterr)
{
	static const char *const suffixes[] = {"tar", "json", "new"};
	AUTO_CLOSE int folder = open_folder(s, reterr);
	char name[PART_NAME];

	(void)cancel;
	(void)timeout_ms;
	for (size_t i = 0; folder >= 0 && i < ARRAY_SIZE(suffixes); i++) {
		part_name(name, id, suffixes[i]);
		if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
			return file_error(s, reterr, name, errno);
	}
	return folder < 0 ? folder : 0;
}

static void dir_free(struct store *s)
{
	free(self(s)->folder);
	free(s);
}

static const struct store_ops dir_ops = {
	.name = "dir",
	.check = dir_check,
	.create = dir_create,
	.describe = dir_describe,
	.upload = dir_upload,
	.verify = dir_verify,
	.remove = dir_remove,
	.free = dir_free,
};

int dir_store_new(const char *folder, struct store **ret, struct err *reterr)
{
	struct dir_store *d = calloc(1, sizeof(*d));

	if (d) {
		d->store.ops = &dir_ops;
		d->folder = strdup(folder);
	}
	if (!d || !d->folder) {
		free(d);
		return err_nomem(reterr);
	}
	*ret = &d->store;
	return 0;
}
