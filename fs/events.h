/* SPDX-License-Identifier: Apache-2.0 */
/* What happens in the backend, as notes for the kernel. The functions are the backend's listeners. */
#pragma once

#include "fs/fs.h"

void events_container(void *fs, const struct container *old, const struct container *new);
void events_image(void *fs, const char *reference, const struct image *old, const struct image *new);
void events_link(void *fs, bool up);
void events_job(void *fs, const struct job_info *info);
