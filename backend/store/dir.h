/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded store: a folder. NAME:TAG becomes two files, NAME:TAG.tar as `docker load` reads it and
 * NAME:TAG.json, a record of Glance's shape. Until they are complete, on the disk and read back, they have
 * names that begin with a dot; an image that was there before stays as it is until then.
 */
#pragma once

#include "store/store.h"

/* `folder` is made when it is first needed, for its owner alone. */
int dir_store_new(const char *folder, struct store **ret, struct err *reterr);
