/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountpoint.h"

#include <errno.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/log.h"

extern char **environ;

void mountpoint_clear(const char *path)
{
	/* fusermount3 may do this for any user, and takes nothing but FUSE mounts of that user. */
	const char *const argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
	struct stat st;
	int status;
	pid_t pid;

	if (stat(path, &st) == 0 || errno != ENOTCONN)
		return;
	log_warning("%s is still mounted by a process that is gone: unmounting it first", path);
	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
}
