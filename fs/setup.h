/* SPDX-License-Identifier: Apache-2.0 */
/* What the options ask for, opened: the engine and the stores. Shared by the mount and by --check. */
#pragma once

#include "fs/options.h"

int setup_engine(const struct options *o, struct engine **ret, struct err *reterr);

/* The image service; *ret stays NULL with 0 returned where none is configured and none was asked for. */
int setup_glance(const struct options *o, struct store **ret, struct err *reterr);

/* The embedded folder. */
int setup_dir(const struct options *o, struct store **ret, struct err *reterr);
