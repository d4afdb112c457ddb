/* SPDX-License-Identifier: Apache-2.0 */
/* The low-level operations. None of them waits for a peer: see call.h for those that have to. */
#pragma once

#include "fs/fs.h"

extern const struct fuse_lowlevel_ops ops; /* user data: struct fs */
