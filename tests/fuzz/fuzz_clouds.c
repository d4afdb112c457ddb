/* SPDX-License-Identifier: Apache-2.0 */
/* clouds.yaml, read from a file in memory; a word after a NUL byte is the name of the cloud. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/clouds.h"
#include "store/identity.h"
#include "store/yaml_file.h"
#include "util/log.h"

extern char **environ;

/* Every node that can be reached from here, to a depth. */
static void walk(struct yaml_file *f, int node, int depth)
{
	const char *key;

	yaml_file_text(f, node);
	for (size_t i = 0; depth && i < 8 && (key = yaml_file_key(f, node, i)); i++)
		walk(f, yaml_file_get(f, node, key), depth - 1);
	for (size_t i = 0; depth && i < 8 && yaml_file_item(f, node, i); i++)
		walk(f, yaml_file_item(f, node, i), depth - 1);
}

static void load_yaml(const char *path)
{
	CLEANUP(yaml_file_freep) struct yaml_file *f = NULL;
	struct err e = {0};
	int r = yaml_file_load(path, &f, &e);

	check_err(r, &e);
	CHECK((r == 0) == (f != NULL));
	if (!f)
		return;
	CHECK(yaml_file_get(f, 0, "x") == 0 && !yaml_file_text(f, 0));
	walk(f, yaml_file_root(f), 4);
}

static void load_cloud(const char *name)
{
	CLEANUP(cloud_freep) struct cloud *c = NULL;
	AUTO_BUF struct buf body = BUF_INIT;
	struct err e = {0};
	int r = cloud_load(name, &c, &e);

	check_err(r, &e);
	CHECK((r == 0) == (c != NULL));
	if (!c)
		return;
	CHECK(c->auth_type);
	if (identity_needed(c)) {
		CHECK(c->auth_url);
		check_err(identity_request(c, &body, &e), &e);
		identity_add_subject(&body, c);
	}
	cloud_configured(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = memchr(data, '\0', size);
	size_t len = zero ? (size_t)(zero - data) : size;
	AUTO_FREE char *name =
		strndup(zero ? (const char *)zero + 1 : "x", zero ? size - len - 1 : 1);
	AUTO_CLOSE int fd = memfd_create("clouds.yaml", MFD_CLOEXEC);
	char path[64];

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	load_yaml(path);
	setenv("OS_CLIENT_CONFIG_FILE", path, 1);
	load_cloud(name);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Nothing of the machine's own configuration, and no warnings. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char *empty[1];

	(void)argc, (void)argv;
	environ = empty;
	setenv("HOME", "/nonexistent", 1);
	return freopen("/dev/null", "r", stdin) ? 0 : -1;
}
