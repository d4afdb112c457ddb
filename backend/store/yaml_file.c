/* SPDX-License-Identifier: Apache-2.0 */
#include "store/yaml_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <yaml.h>

/* libyaml's work grows with the square of depth and of anchors: some KiB could keep it busy for
 * minutes. */
enum {
	FILE_LIMIT = 256 << 10,
	DEPTH_LIMIT = 64,
	ANCHOR_LIMIT = 1000,
	MERGE_DEPTH = 8,
	MERGE_STEPS = 64,
};

struct yaml_file {
	char *path;
	mode_t mode;
	yaml_document_t document;
};

/* --- reading --- */

static int open_file(const char *path, struct stat *st, struct err *reterr)
{
	/* O_NONBLOCK: a FIFO in a working directory must not hold us. */
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int taken;

	if (fd < 0 || fstat(fd, st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return err_set(reterr, ENOENT, "there is no file %s", path);
		return err_set(reterr, errno == EPERM ? EACCES : errno, "%s cannot be read: %s",
			path, strerror(errno));
	}
	if (!S_ISREG(st->st_mode))
		return err_set(reterr, EINVAL, "%s is not a plain file", path);
	if (st->st_size > FILE_LIMIT)
		return err_set(reterr, EINVAL,
			"%s is larger than %d KiB: that is no file of settings", path,
			FILE_LIMIT >> 10);
	taken = fd;
	fd = -1;
	return taken;
}

/* Up to FILE_LIMIT bytes, whatever the size was said to be. */
static ssize_t read_all(int fd, unsigned char *text)
{
	size_t len = 0;
	ssize_t n;

	while (len < FILE_LIMIT && (n = read(fd, text + len, FILE_LIMIT - len)) != 0) {
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)len;
}

/* The parser's own copies of the text. */
static void wipe_parser(yaml_parser_t *parser)
{
	explicit_bzero(parser->raw_buffer.start,
		(size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	explicit_bzero(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
}

static int parse_error(const struct yaml_file *f, const yaml_parser_t *parser, struct err *reterr)
{
	if (parser->error == YAML_MEMORY_ERROR)
		return err_nomem(reterr);
	return err_set(reterr, EINVAL, "%s, line %zu, is not YAML: %s", f->path,
		parser->problem_mark.line + 1,
		parser->problem ? parser->problem : "it cannot be read");
}

struct shape {
	int depth, anchors;
	bool ended;
};

static void follow_shape(struct shape *shape, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
		shape->depth++;
		shape->anchors += event->data.sequence_start.anchor != NULL;
		break;
	case YAML_MAPPING_START_EVENT:
		shape->depth++;
		shape->anchors += event->data.mapping_start.anchor != NULL;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		shape->depth--;
		break;
	case YAML_SCALAR_EVENT:
		shape->anchors += event->data.scalar.anchor != NULL;
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
		break;
	case YAML_STREAM_END_EVENT:
		shape->ended = true;
		break;
	default:
		break;
	}
}

/* Goes through the file once without keeping anything. */
static int check_shape(struct yaml_file *f, yaml_parser_t *parser, struct err *reterr)
{
	struct shape shape = {0};
	yaml_event_t event;

	while (!shape.ended) {
		if (!yaml_parser_parse(parser, &event))
			return parse_error(f, parser, reterr);
		follow_shape(&shape, &event);
		yaml_event_delete(&event);
		if (shape.depth > DEPTH_LIMIT || shape.anchors > ANCHOR_LIMIT)
			return err_set(reterr, EINVAL,
				"%s is nested too deeply, or has too many anchors, for a file of "
				"settings",
				f->path);
	}
	return 0;
}

static int load_document(struct yaml_file *f, yaml_parser_t *parser, struct err *reterr)
{
	if (yaml_parser_load(parser, &f->document))
		return 0;
	f->document = (yaml_document_t){0};
	return parse_error(f, parser, reterr);
}

static int with_parser(struct yaml_file *f, const unsigned char *text, size_t len,
	int (*use)(struct yaml_file *f, yaml_parser_t *parser, struct err *reterr),
	struct err *reterr)
{
	yaml_parser_t parser;
	int r;

	if (!yaml_parser_initialize(&parser))
		return err_nomem(reterr);
	yaml_parser_set_input_string(&parser, text, len);
	r = use(f, &parser, reterr);
	wipe_parser(&parser);
	yaml_parser_delete(&parser);
	return r;
}

static int parse(struct yaml_file *f, const unsigned char *text, size_t len, struct err *reterr)
{
	int r = with_parser(f, text, len, check_shape, reterr);

	return r < 0 ? r : with_parser(f, text, len, load_document, reterr);
}

static int read_and_parse(struct yaml_file *f, int fd, struct err *reterr)
{
	unsigned char *text = malloc(FILE_LIMIT);
	ssize_t n;
	int r;

	if (!text)
		return err_nomem(reterr);
	n = read_all(fd, text);
	r = n < 0 ? err_set(reterr, (int)-n, "%s cannot be read: %s", f->path, strerror((int)-n))
		  : parse(f, text, (size_t)n, reterr);
	explicit_bzero(text, n > 0 ? (size_t)n : 0);
	free(text);
	return r;
}

int yaml_file_load(const char *path, struct yaml_file **ret, struct err *reterr)
{
	CLEANUP(yaml_file_freep) struct yaml_file *f = NULL;
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	fd = open_file(path, &st, reterr);
	if (fd < 0)
		return fd;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_nomem(reterr);
	f->mode = st.st_mode;
	f->path = strdup(path);
	r = f->path ? read_and_parse(f, fd, reterr) : err_nomem(reterr);
	if (r == 0)
		*ret = steal_pointer(&f);
	return r;
}

void yaml_file_free(struct yaml_file *f)
{
	for (yaml_node_t *n = f->document.nodes.start; n < f->document.nodes.top; n++)
		if (n->type == YAML_SCALAR_NODE)
			explicit_bzero(n->data.scalar.value, n->data.scalar.length);
	yaml_document_delete(&f->document);
	free(f->path);
	free(f);
}

const char *yaml_file_path(const struct yaml_file *f)
{
	return f->path;
}

bool yaml_file_exposed(const struct yaml_file *f)
{
	return f->mode & 077;
}

/* --- looking into it --- */

int yaml_file_root(struct yaml_file *f)
{
	return yaml_document_get_root_node(&f->document) ? 1 : 0;
}

static yaml_node_t *node_of_type(struct yaml_file *f, int node, yaml_node_type_t type)
{
	yaml_node_t *n = yaml_document_get_node(&f->document, node);

	return n && n->type == type ? n : NULL;
}

bool yaml_file_is_mapping(struct yaml_file *f, int node)
{
	return node_of_type(f, node, YAML_MAPPING_NODE);
}

static bool is_key(struct yaml_file *f, int node, const char *key)
{
	yaml_node_t *n = node_of_type(f, node, YAML_SCALAR_NODE);

	return n && n->data.scalar.length == strlen(key) &&
	       memcmp(n->data.scalar.value, key, n->data.scalar.length) == 0;
}

static int get_own(struct yaml_file *f, int node, const char *key)
{
	yaml_node_t *n = node_of_type(f, node, YAML_MAPPING_NODE);

	if (!n)
		return 0;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++)
		if (is_key(f, p->key, key))
			return p->value;
	return 0;
}

/* A mapping's own entry, or that of a mapping that it merges with `<<`. Merges can be circular, and
 * wide at every level: `steps` bounds the work. */
static int get_merged(struct yaml_file *f, int node, const char *key, int depth, int *steps)
{
	int found = get_own(f, node, key), merge = found ? 0 : get_own(f, node, "<<");

	if (!merge || depth == MERGE_DEPTH || --*steps < 0)
		return found;
	found = get_merged(f, merge, key, depth + 1, steps);
	for (size_t i = 0; !found && *steps > 0 && yaml_file_item(f, merge, i); i++)
		found = get_merged(f, yaml_file_item(f, merge, i), key, depth + 1, steps);
	return found;
}

int yaml_file_get(struct yaml_file *f, int node, const char *key)
{
	int steps = MERGE_STEPS;

	return get_merged(f, node, key, 0, &steps);
}

int yaml_file_item(struct yaml_file *f, int node, size_t i)
{
	yaml_node_t *n = node_of_type(f, node, YAML_SEQUENCE_NODE);
	yaml_node_item_t *items = n ? n->data.sequence.items.start : NULL;

	return items && i < (size_t)(n->data.sequence.items.top - items) ? items[i] : 0;
}

const char *yaml_file_key(struct yaml_file *f, int node, size_t i)
{
	yaml_node_t *n = node_of_type(f, node, YAML_MAPPING_NODE);
	yaml_node_pair_t *pairs = n ? n->data.mapping.pairs.start : NULL;
	const char *text;

	if (!pairs || i >= (size_t)(n->data.mapping.pairs.top - pairs))
		return NULL;
	text = yaml_file_text(f, pairs[i].key);
	return text ? text : "";
}

static bool is_null(const yaml_node_t *n)
{
	const char *text = (const char *)n->data.scalar.value;

	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

const char *yaml_file_text(struct yaml_file *f, int node)
{
	yaml_node_t *n = node_of_type(f, node, YAML_SCALAR_NODE);

	if (!n || memchr(n->data.scalar.value, '\0', n->data.scalar.length))
		return NULL;
	return is_null(n) ? "" : (const char *)n->data.scalar.value;
}
