/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest file system that libfuse's low-level interface allows, to compare with: one file,
 * `state`, whose text never changes and of which the kernel remembers everything but the text.
 */
#define FUSE_USE_VERSION 314

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_INO = 2 };
static const char text[] = "running\n";
static const double forever = 365.0 * 86400;

static void fill(fuse_ino_t ino, struct stat *st)
{
	st->st_ino = ino;
	st->st_mode = ino == FILE_INO ? S_IFREG | 0444 : S_IFDIR | 0555;
	st->st_nlink = 1;
	st->st_size = ino == FILE_INO ? sizeof(text) - 1 : 0;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = {
		.ino = FILE_INO, .attr_timeout = forever, .entry_timeout = forever};

	fill(FILE_INO, &e.attr);
	if (parent == FUSE_ROOT_ID && strcmp(name, "state") == 0)
		fuse_reply_entry(request, &e);
	else
		fuse_reply_err(request, ENOENT);
}

static void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st = {0};

	(void)fi;
	fill(ino, &st);
	fuse_reply_attr(request, &st, forever);
}

static void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io =
		1; /* as a text that is fixed at open needs it; it is the quicker way, too */
	fi->noflush = 1;
	fuse_reply_open(request, fi);
}

static void op_read(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t from, struct fuse_file_info *fi)
{
	size_t len = from < (off_t)sizeof(text) - 1 ? sizeof(text) - 1 - (size_t)from : 0;

	(void)ino;
	(void)fi;
	fuse_reply_buf(request, text + from, len < size ? len : size);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
};

/* smallest -f MOUNTPOINT */
int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts o;
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct fuse_session *session;
	int r = 1;

	if (fuse_parse_cmdline(&args, &o) < 0 || !o.mountpoint)
		return 1;
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	if (session && fuse_set_signal_handlers(session) == 0 &&
		fuse_session_mount(session, o.mountpoint) == 0) {
		r = o.singlethread ? fuse_session_loop(session)
				   : fuse_session_loop_mt(session, config);
		fuse_session_unmount(session);
	}
	if (session)
		fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	fuse_opt_free_args(&args);
	free(o.mountpoint);
	return r != 0;
}
