/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and images made of the engine's JSON; only catalog.c includes it. NULL: out of memory. */
#pragma once

#include "engine/catalog.h"

struct container *container_from_list(const json_t *element);

/* What an inspection words otherwise than the list, and what can't change, is taken from `old` (may be NULL). */
struct container *container_from_inspect(const json_t *inspect, const struct container *old);

struct image *image_from(const json_t *element);

/* One more reference; of NULL, NULL. */
struct container *container_ref(struct container *c);
struct image *image_ref(struct image *i);

bool container_equal(const struct container *a, const struct container *b);
bool image_equal(const struct image *a, const struct image *b);
bool strings_have(char *const *list, const char *text);
