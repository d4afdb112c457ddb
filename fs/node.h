/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inode numbers. A directory that the kernel has looked up is a node with a number of its own, which is never
 * used again; the files in it need no node: an inode number is the node's number and the place in the table of
 * rows (NODE_DIR for the directory itself). A node lives as long as the kernel remembers it or one of its files.
 *
 * A node stands for one name. An object that is looked up by another name than the listed one (an id instead of
 * the name) gets another node, since a directory can have only one place in the kernel's tree of names. And a
 * control file gets a new node each time it is looked up: the kernel lets only one write to an inode go on at a
 * time, and a writer that waits behind another can't be interrupted; writers who don't share the inode don't
 * wait for each other.
 *
 * The kernel holds a reference to the inode of every request, so a node that was got from a request's number
 * stays for as long as the request is not answered.
 */
#pragma once

#include <stdint.h>

#include "fs/tree.h"

enum { NODE_SHIFT = 6, NODE_DIR = 1, NODE_FIRST_ROW = 2 };

struct node {
	uint64_t number;
	const struct dir_type *type;
	char *key;	   /* type's letter, ':', the object's key */
	struct node *next; /* the next of the same key */
	struct node *next_number;
	uint64_t lookups;
	bool alias;
	bool hidden; /* not to be found by its key: alone, or the object is gone */
};

enum node_kind {
	NODE_LISTED, /* the directory of the object by its listed name */
	NODE_ALIAS,  /* by another name: a new node */
	NODE_ALONE,  /* for one look-up of a control file: a new node that no event needs to find */
};

int nodes_new(struct nodes **ret);
void nodes_free(struct nodes *n);

static inline fuse_ino_t node_ino(uint64_t number, unsigned slot)
{
	return (fuse_ino_t)(number << NODE_SHIFT | slot);
}

static inline const char *node_key(const struct node *n)
{
	return n->key + 2;
}

/* The row of a file's inode; NULL for a directory's. */
const struct file_row *node_row(const struct node *n, fuse_ino_t ino);

/* Of a request's inode; NULL if there is none (a stale handle). */
struct node *nodes_get(struct nodes *n, fuse_ino_t ino);

/* The number of a fixed directory: the root is inode 1. */
uint64_t nodes_fixed(const struct dir_type *type);

/* Counts one more lookup of an object and returns its node's number. 0: out of memory. */
uint64_t nodes_look_up(
	struct nodes *n, const struct dir_type *type, const char *key, enum node_kind kind);

/* Counts one more lookup of a node that was got, or of one of its files. */
void nodes_hold(struct nodes *n, struct node *node);
void nodes_forget(struct nodes *n, fuse_ino_t ino, uint64_t lookups);

/* The numbers of the nodes of an object, up to `max`; with `gone`, they are hidden from now on. */
size_t nodes_of(struct nodes *n, const struct dir_type *type, const char *key, bool gone, uint64_t *ret,
	size_t max);

size_t nodes_count(struct nodes *n);
