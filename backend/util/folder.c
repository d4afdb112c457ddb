/* SPDX-License-Identifier: Apache-2.0 */
#include "util/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "util/buf.h"

static int make_one(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int folder_make(const char *path)
{
	AUTO_FREE char *copy = strdup(path);
	int r = copy ? 0 : -ENOMEM;

	for (char *p = copy ? copy + 1 : NULL; r == 0 && p && *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_one(copy);
		*p = '/';
	}
	return r < 0 ? r : make_one(path);
}

int folder_lock(const char *path, struct err *reterr)
{
	AUTO_BUF struct buf name = BUF_INIT;
	AUTO_CLOSE int fd = -1;
	int r = folder_make(path);

	buf_printf(&name, "%s/lock", path);
	if (r == 0)
		fd = open(buf_text(&name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r < 0)
		return err_set(reterr, -r, "the state folder %s: %s", path, strerror(-r));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(reterr, EBUSY,
			"the state folder %s is in use by another commitfs: end it, or give this one its own "
			"with state=DIR",
			path);
	r = fd;
	fd = -1;
	return r;
}
