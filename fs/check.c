/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fs/setup.h"
#include "store/glance.h"
#include "util/folder.h"

static void say(const char *what, bool good, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void say(const char *what, bool good, const char *format, ...)
{
	va_list ap;

	printf("%-14s %-5s ", what, good ? "ok" : "WRONG");
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

static bool check_engine(const struct options *o)
{
	CLEANUP(engine_freep) struct engine *engine = NULL;
	AUTO_BUF struct buf server = BUF_INIT, api = BUF_INIT;
	struct err e = {0};

	if (setup_engine(o, &engine, &e) < 0) {
		say("engine", false, "%s: start it, or name another with engine=URL", e.text);
		return false;
	}
	engine_server_version(engine, &server);
	engine_api_version(engine, &api);
	say("engine", true, "%s, version %s", engine_url(engine), buf_text(&server));
	say("api-version", true, "%s", buf_text(&api));
	return true;
}

static bool check_store(const char *what, struct store *s)
{
	AUTO_BUF struct buf words = BUF_INIT;
	struct err e = {0};
	int r = s->ops->check(s, &words, NULL, &e);

	say(what, r == 0, "%s", r == 0 ? buf_text(&words) : e.text);
	s->ops->free(s);
	return r == 0;
}

static bool check_glance(const struct options *o)
{
	CLEANUP(cloud_freep) struct cloud *cloud = NULL;
	struct store *glance = NULL;
	AUTO_BUF struct buf words = BUF_INIT;
	struct err e = {0};
	bool good;

	if (setup_glance(o, &glance, &e) < 0) {
		say("cloud", false, "%s", e.text);
		return false;
	}
	if (!glance) {
		/* There may be clouds to choose from: its sentence names them. */
		cloud_load(NULL, &cloud, &e);
		say("cloud", true, "none chosen, pushes go to the folder: %s", e.text);
		return true;
	}
	say("cloud", true, "%s", o->cloud ? o->cloud : getenv("OS_CLOUD") ? getenv("OS_CLOUD") : "configured");
	good = glance_check_token(glance, &words, NULL, &e) == 0;
	say("token", good, "%s", good ? buf_text(&words) : e.text);
	return check_store("image-service", glance) && good;
}

/* A mount that is running has the lock; that is fine too. */
static bool check_state(const struct options *o)
{
	AUTO_BUF struct buf folder = BUF_INIT;
	AUTO_CLOSE int fd = -1;
	struct err e = {0};
	int r = options_state(o, &folder, &e);

	if (r == 0)
		fd = folder_lock(buf_text(&folder), &e);
	if (r < 0 || (fd < 0 && fd != -EBUSY)) {
		say("state", false, "%s", e.text);
		return false;
	}
	say("state", true, "%s%s", buf_text(&folder), fd == -EBUSY ? " (in use by a mount)" : "");
	return true;
}

static bool check_fuse(void)
{
	AUTO_CLOSE int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	say("fuse", fd >= 0, fd >= 0 ? "/dev/fuse" : "/dev/fuse: %s: load the module (modprobe fuse)",
		strerror(errno));
	return fd >= 0;
}

int check_run(const struct options *o)
{
	struct store *dir = NULL;
	struct err e = {0};
	bool good = check_engine(o);

	good &= check_glance(o);
	good &= check_state(o);
	if (setup_dir(o, &dir, &e) == 0)
		good &= check_store("dir", dir);
	good &= check_fuse();
	return good ? 0 : 1;
}
