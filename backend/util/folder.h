/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of our own: for their owner alone. */
#pragma once

#include "util/err.h"

/* Makes a folder and what leads to it, mode 0700, if it isn't there. Errors: those of mkdir(2). */
int folder_make(const char *path);

/*
 * Makes the folder if needed and locks it, for as long as the descriptor that is returned is open: the kernel
 * takes the lock away with the process. Errors: -EBUSY (another process has it), those of open(2) and
 * mkdir(2), each with a sentence.
 */
int folder_lock(const char *path, struct err *reterr);
