/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up and shutdown. To the background first, with the terminal kept for what goes wrong; then everything
 * is made, the engine's lists are read, and what there is to show is mounted. Shutdown goes the other way round, and the session serves
 * until nothing of ours can wait for the kernel any more: a notification may wait for a directory that a
 * request holds, which only the session can answer.
 */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "fs/call.h"
#include "fs/check.h"
#include "fs/daemon.h"
#include "fs/events.h"
#include "fs/handle.h"
#include "fs/mountpoint.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/ops.h"
#include "fs/options.h"
#include "fs/setup.h"
#include "job/journal.h"
#include "util/folder.h"
#include "util/log.h"
#include "util/when.h"

enum { FIRST_LIST_TIMEOUT_MS = 60000, SESSION_THREADS = 16 };

/* --- making --- */

static int find_group(const struct options *o, struct fs *fs, struct err *reterr)
{
	char *end;
	unsigned long number;
	struct group *g;

	fs->uid = getuid();
	fs->gid = getgid();
	if (!o->group)
		return 0;
	g = getgrnam(o->group);
	number = strtoul(o->group, &end, 10);
	if (!g && (*end || !*o->group))
		return err_set(reterr, EINVAL, "gid=%s: there is no such group", o->group);
	fs->gid = g ? g->gr_gid : (gid_t)number;
	fs->grouped = true;
	return 0;
}

static int make_stores(const struct options *o, struct fs *fs, struct err *reterr)
{
	struct store *glance = NULL, *dir = NULL;
	size_t n = 0;
	int r = setup_glance(o, &glance, reterr);

	if (r == 0 && glance)
		fs->stores[n++] = glance;
	if (r == 0)
		r = setup_dir(o, &dir, reterr);
	if (r == 0)
		fs->stores[n++] = dir;
	fs->default_store = o->store ? o->store : glance ? "glance" : "dir";
	return r;
}

static int make(const struct options *o, const char *state, struct fs *fs, struct err *reterr)
{
	struct catalog_listener listener = {events_container, events_image, fs};
	struct jobs_options jobs = {
		.stores = fs->stores,
		.parallel = o->parallel,
		.retries = o->retries,
		.changed = events_job,
		.arg = fs,
	};
	int r = find_group(o, fs, reterr);

	fs->read_only = o->read_only;
	fs->mounted = when_now();
	fs->containers_changed = fs->images_changed = fs->jobs_changed = fs->mounted;
	if (r == 0)
		r = setup_engine(o, &fs->engine, reterr);
	if (r == 0)
		r = make_stores(o, fs, reterr);
	if (r == 0 && (catalog_new(&listener, &fs->catalog) < 0 || nodes_new(&fs->nodes) < 0 ||
			      notify_new(fs, &fs->notify) < 0 || calls_new(fs, &fs->calls) < 0))
		r = err_nomem(reterr);
	if (r == 0)
		r = journal_open(state, &fs->journal, &fs->journal_said, reterr);
	if (r < 0)
		return r;
	if (fs->journal_said.len)
		log_error("%s", buf_text(&fs->journal_said));
	jobs.engine = fs->engine;
	jobs.catalog = fs->catalog;
	jobs.journal = fs->journal;
	jobs.default_store = fs->default_store;
	r = jobs_new(&jobs, &fs->jobs, reterr);
	return r < 0 ? r : jobs_load(fs->jobs, reterr);
}

static void unmake(struct fs *fs)
{
	if (fs->jobs)
		jobs_free(fs->jobs);
	if (fs->journal)
		journal_close(fs->journal);
	buf_done(&fs->journal_said);
	if (fs->notify)
		notify_free(fs->notify);
	if (fs->nodes)
		nodes_free(fs->nodes);
	if (fs->catalog)
		catalog_free(fs->catalog);
	for (struct store **s = fs->stores; *s; s++)
		(*s)->ops->free(*s);
	if (fs->engine)
		engine_free(fs->engine);
}

/* --- mounting --- */

static int mount_it(struct options *o, struct fs *fs, struct err *reterr)
{
	AUTO_BUF struct buf own = BUF_INIT;

	buf_printf(&own, "-odefault_permissions,nosuid,nodev,subtype=commitfs,fsname=%s",
		o->source ? o->source : "commitfs");
	if (buf_error(&own) || fuse_opt_add_arg(&o->args, buf_text(&own)) < 0)
		return err_nomem(reterr);
	mountpoint_clear(o->mountpoint);
	fs->session = fuse_session_new(&o->args, &ops, sizeof(ops), fs);
	if (!fs->session)
		return err_set(reterr, EINVAL, "the options of the mount are not right");
	if (fuse_session_mount(fs->session, o->mountpoint) == 0)
		return 0;
	fuse_session_destroy(fs->session);
	fs->session = NULL;
	return err_set(reterr, EIO, "%s can't be mounted on", o->mountpoint);
}

/* --- serving --- */

struct loop {
	struct fuse_session *session;
	pthread_t thread;
	int ended; /* an eventfd */
	int result;
};

static void *loop_thread(void *arg)
{
	struct loop *l = arg;
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	uint64_t one = 1;

	fuse_loop_cfg_set_max_threads(config, SESSION_THREADS);
	l->result = fuse_session_loop_mt(l->session, config);
	fuse_loop_cfg_destroy(config);
	if (write(l->ended, &one, sizeof(one)) < 0)
		log_error("the end of the session can't be told: %s", strerror(errno));
	return NULL;
}

static void on_wake_up(int signal)
{
	(void)signal;
}

/* Wakes the thread that waits for the session's end: libfuse looks when a signal interrupts it. */
static void end_loop(struct loop *l)
{
	struct pollfd ended = {.fd = l->ended, .events = POLLIN};

	do {
		fuse_session_exit(l->session);
		pthread_kill(l->thread, SIGUSR1);
	} while (poll(&ended, 1, 50) == 0);
	pthread_join(l->thread, NULL);
}

static int start_loop(struct loop *l)
{
	struct sigaction wake = {.sa_handler = on_wake_up}; /* no SA_RESTART */

	sigaction(SIGUSR1, &wake, NULL);
	l->ended = eventfd(0, EFD_CLOEXEC);
	return l->ended < 0 ? -errno : -pthread_create(&l->thread, NULL, loop_thread, l);
}

/* What is mounted has something to show from its first moment on. */
static int follow_engine(struct fs *fs, struct err *reterr)
{
	struct follow_listener listener = {events_link, fs};
	int r = follow_start(fs->engine, fs->catalog, &listener, &fs->follow, reterr);

	return r < 0 ? r : follow_wait(fs->follow, FIRST_LIST_TIMEOUT_MS, reterr);
}

static int start_threads(struct fs *fs, struct err *reterr)
{
	if (notify_start(fs->notify) < 0)
		return err_set(reterr, EAGAIN, "no thread can be started");
	return jobs_start(fs->jobs, reterr);
}

/* The session still serves, so nothing here can wait for ever. */
static void stop_threads(struct fs *fs)
{
	if (fs->jobs)
		jobs_stop(fs->jobs);
	if (fs->follow)
		follow_stop(fs->follow);
	if (fs->notify)
		notify_stop(fs->notify);
	if (fs->calls)
		calls_free(fs->calls);
}

/* Serves until a signal comes or somebody unmounts. */
static int serve(struct fs *fs, int signals, bool background)
{
	struct loop loop = {.session = fs->session};
	struct pollfd wait[2] = {{.fd = signals, .events = POLLIN}};
	int r = start_loop(&loop);

	if (r < 0) {
		stop_threads(fs);
		return r;
	}
	if (background) {
		log_setup(false, true);
		daemon_ready();
	}
	daemon_notify("READY=1");
	wait[1] = (struct pollfd){.fd = loop.ended, .events = POLLIN};
	while (poll(wait, 2, -1) < 0 && errno == EINTR)
		;
	daemon_notify("STOPPING=1");
	stop_threads(fs);
	end_loop(&loop);
	close(loop.ended);
	return loop.result < 0 ? loop.result : 0;
}

/* --- main --- */

/* Signals are read from a descriptor, by the main thread; all others have them blocked. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(struct options *o, struct err *reterr)
{
	struct fs fs = {0};
	AUTO_CLOSE int signals = take_signals();
	AUTO_CLOSE int lock = -1;
	AUTO_BUF struct buf state = BUF_INIT;
	int r = options_state(o, &state, reterr);

	if (r == 0)
		r = lock = folder_lock(buf_text(&state), reterr);
	if (r >= 0)
		r = make(o, buf_text(&state), &fs, reterr);
	if (r == 0)
		r = follow_engine(&fs, reterr);
	if (r == 0)
		r = mount_it(o, &fs, reterr);
	if (r == 0)
		r = start_threads(&fs, reterr);
	if (r == 0)
		r = serve(&fs, signals, !o->foreground && !o->debug);
	else
		stop_threads(&fs);
	if (fs.session) {
		fuse_session_unmount(fs.session);
		fuse_session_destroy(fs.session);
	}
	handles_free();
	unmake(&fs);
	return r;
}

static int start(struct options *o)
{
	struct err e = {0};
	int r;

	umask(077);
	log_setup(o->debug, false);
	/* Our memory holds tokens: no core file, no ptrace by others. */
	prctl(PR_SET_DUMPABLE, 0);
	http_global_init();
	mallopt(M_ARENA_MAX, 1); /* many threads that mostly wait: memory counts more than their rivalry */
	if (o->check)
		return check_run(o);
	if (!o->foreground && !o->debug && daemon_begin() < 0)
		return 1;
	r = run(o, &e);
	if (r < 0 && e.code)
		log_error("%s", e.text);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e = {0};
	int status = 0;

	if (options_parse(argc, argv, &o, &e) < 0) {
		fprintf(stderr, "commitfs: %s\n", e.text);
		status = 1;
	} else if (o.help) {
		options_usage();
	} else if (o.version) {
		printf("commitfs %s (FUSE library %s)\n", VERSION, fuse_pkgversion());
	} else {
		status = start(&o);
	}
	options_done(&o);
	return status;
}
