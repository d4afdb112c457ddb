/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { KEY_READ_ONLY = 1, KEY_HELP, KEY_VERSION, KEY_CHECK };

/* Each long option is also a -o option of the same name. */
#define VALUE(name, member)                                                                        \
	{"--" name "=%s", offsetof(struct options, member), 0}, {name "=%s", offsetof(struct options, member), 0}
#define FLAG(name, member)                                                                         \
	{"--" name, offsetof(struct options, member), 1}, {name, offsetof(struct options, member), 1}

static const struct fuse_opt table[] = {
	VALUE("engine", engine),
	VALUE("tlscacert", tlscacert),
	VALUE("tlscert", tlscert),
	VALUE("tlskey", tlskey),
	FLAG("tlsverify", tlsverify),
	VALUE("cloud", cloud),
	VALUE("store", store),
	VALUE("dir", dir),
	VALUE("state", state),
	VALUE("jobs", jobs_text),
	VALUE("retries", retries_text),
	VALUE("gid", group),
	FUSE_OPT_KEY("ro", KEY_READ_ONLY),
	FUSE_OPT_KEY("--ro", KEY_READ_ONLY),
	FUSE_OPT_KEY("--check", KEY_CHECK),
	FUSE_OPT_KEY("-h", KEY_HELP),
	FUSE_OPT_KEY("--help", KEY_HELP),
	FUSE_OPT_KEY("-V", KEY_VERSION),
	FUSE_OPT_KEY("--version", KEY_VERSION),
	{"-f", offsetof(struct options, foreground), 1},
	{"-d", offsetof(struct options, debug), 1},
	{"debug", offsetof(struct options, debug), 1},
	FUSE_OPT_END,
};

/* Keeps what is not an option: [SOURCE] MOUNTPOINT. */
static int take_path(struct options *o, const char *arg)
{
	if (o->source)
		return -1;
	o->source = o->mountpoint;
	o->mountpoint = strdup(arg);
	return o->mountpoint ? 0 : -1;
}

/* 0: taken; 1: libfuse's. */
static int on_option(void *data, const char *arg, int key, struct fuse_args *args)
{
	struct options *o = data;

	(void)args;
	switch (key) {
	case KEY_READ_ONLY:
		o->read_only = 1;
		return strcmp(arg, "ro") == 0 ? 1 : fuse_opt_add_arg(args, "-oro");
	case KEY_HELP:
		o->help = 1;
		return 0;
	case KEY_VERSION:
		o->version = 1;
		return 0;
	case KEY_CHECK:
		o->check = 1;
		return 0;
	case FUSE_OPT_KEY_NONOPT:
		return take_path(o, arg);
	default:
		return 1;
	}
}

/* Digits only, within bounds; what isn't given stays as it is. */
static int number(const char *name, const char *text, unsigned max, unsigned *ret, struct err *reterr)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;
	unsigned long n = text ? strtoul(text, NULL, 10) : *ret;

	if (text && (!digits || digits > 6 || text[digits] || n < 1 || n > max))
		return err_set(reterr, EINVAL, "%s=%s: a number from 1 to %u", name, text, max);
	*ret = (unsigned)n;
	return 0;
}

static int check(struct options *o, struct err *reterr)
{
	int r;

	if (o->help || o->version)
		return 0;
	if (!o->mountpoint && !o->check)
		return err_set(reterr, EINVAL, "say where to mount: commitfs [OPTIONS] MOUNTPOINT");
	r = number("jobs", o->jobs_text, 64, &o->parallel, reterr);
	if (r == 0)
		r = number("retries", o->retries_text, 1000, &o->retries, reterr);
	if (r < 0)
		return r;
	if (o->store && strcmp(o->store, "glance") != 0 && strcmp(o->store, "dir") != 0)
		return err_set(reterr, EINVAL, "store=%s: say glance or dir", o->store);
	return 0;
}

/* A daemon leaves the folder that it was started in; a path that need not exist yet is made whole. */
static int make_absolute(char **path)
{
	char *folder, *whole = NULL;

	if (!*path || **path == '/' || !**path)
		return 0;
	folder = getcwd(NULL, 0);
	if (folder && asprintf(&whole, "%s/%s", folder, *path) < 0)
		whole = NULL;
	free(folder);
	if (!whole)
		return -ENOMEM;
	free(*path);
	*path = whole;
	return 0;
}

static int make_paths_absolute(struct options *o, struct err *reterr)
{
	char **const paths[] = {&o->mountpoint, &o->state, &o->dir, &o->tlscacert, &o->tlscert, &o->tlskey};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (make_absolute(paths[i]) < 0)
			return err_nomem(reterr);
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret, struct err *reterr)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);

	*ret = (struct options){.parallel = 4, .retries = 5};
	if (fuse_opt_parse(&args, ret, table, on_option) < 0) {
		ret->args = args;
		return err_set(reterr, EINVAL, "the command line is not right: see commitfs --help");
	}
	ret->args = args;
	return make_paths_absolute(ret, reterr) < 0 ? -ENOMEM : check(ret, reterr);
}

void options_done(struct options *o)
{
	char *const owned[] = {o->engine, o->tlscacert, o->tlscert, o->tlskey, o->cloud, o->store, o->dir,
		o->state, o->group, o->jobs_text, o->retries_text, o->source, o->mountpoint};

	for (size_t i = 0; i < ARRAY_SIZE(owned); i++)
		free(owned[i]);
	fuse_opt_free_args(&o->args);
}

int options_state(const struct options *o, struct buf *ret, struct err *reterr)
{
	const char *given = o->state ? o->state : getenv("STATE_DIRECTORY");
	const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (given && *given)
		buf_adds(ret, given);
	else if (geteuid() == 0)
		buf_adds(ret, "/var/lib/commitfs");
	else if (xdg && *xdg)
		buf_printf(ret, "%s/commitfs", xdg);
	else if (home && *home)
		buf_printf(ret, "%s/.local/state/commitfs", home);
	else
		return err_set(reterr, ENOENT, "there is no $HOME: say where to keep jobs with state=DIR");
	return buf_error(ret) ? err_nomem(reterr) : 0;
}

void options_usage(void)
{
	fputs("usage: commitfs [OPTIONS] MOUNTPOINT\n"
	      "       commitfs --check [OPTIONS]\n"
	      "\n"
	      "Shows a container engine as files; writing to them snapshots containers and uploads\n"
	      "the snapshots. Each long option is also a -o option of the same name.\n"
	      "\n"
	      "    --engine=URL       unix://PATH, tcp://HOST:PORT or https://... ($DOCKER_HOST, or\n"
	      "                       the first socket of Docker or Podman that is there)\n"
	      "    --tlsverify        speak TLS with the engine; with\n"
	      "    --tlscacert=FILE --tlscert=FILE --tlskey=FILE    ($DOCKER_CERT_PATH)\n"
	      "    --cloud=NAME       an entry of clouds.yaml ($OS_CLOUD, or the OS_* variables)\n"
	      "    --store=TARGET     where a push goes that doesn't say: glance or dir\n"
	      "    --dir=PATH         the folder of the target dir\n"
	      "    --state=DIR        where jobs are kept\n"
	      "    --jobs=N           jobs run at once (4)\n"
	      "    --retries=N        attempts after a passing fault (5)\n"
	      "    --gid=GROUP        this group may use control files and read secrets\n"
	      "    --ro               no control files: look, don't touch\n"
	      "    --check            say what answers and what does not; mount nothing\n"
	      "    -f                 stay in the foreground\n"
	      "    -d                 the same, and say what happens\n"
	      "    -o OPTION,...      options of commitfs and of FUSE (allow_other, ...)\n"
	      "    -h, -V             this help; the version\n",
		stdout);
}
