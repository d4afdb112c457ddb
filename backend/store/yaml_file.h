/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small YAML (or JSON) file of settings, looked into by key. The only place that includes
 * libyaml.
 *
 * Such files are written by people and hold their passwords: what is read is bounded (1 MiB, `<<`
 * merges only as deep as people write them), aliases are never expanded, and the text is wiped when
 * it is freed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"
#include "util/err.h"

struct yaml_file;

/* Errors, each with a sentence that names the file: -ENOENT, -EACCES, -EINVAL (no YAML, no plain
 * file, too large), -ENOMEM. */
int yaml_file_load(const char *path, struct yaml_file **ret, struct err *reterr);
void yaml_file_free(struct yaml_file *f);
DEFINE_CLEANUP(struct yaml_file *, yaml_file_free)

const char *yaml_file_path(const struct yaml_file *f);
bool yaml_file_exposed(const struct yaml_file *f); /* others than its owner may read or write it */

/* Nodes are numbers; 0: none, and nothing is found in it. */
int yaml_file_root(struct yaml_file *f);
int yaml_file_get(struct yaml_file *f, int node, const char *key); /* of a mapping */
int yaml_file_item(struct yaml_file *f, int node, size_t i);       /* of a sequence */
bool yaml_file_is_mapping(struct yaml_file *f, int node);

/* The key of a mapping's entry: "" if it is no text, NULL at the end. Borrowed. */
const char *yaml_file_key(struct yaml_file *f, int node, size_t i);

/* A value: NULL if it is no text, "" for a null. Borrowed. */
const char *yaml_file_text(struct yaml_file *f, int node);
