/* SPDX-License-Identifier: Apache-2.0 */
/* What a commitfs that was killed leaves behind: a mount that answers everything with ENOTCONN. */
#pragma once

/* Unmounts it, if that is what is there; else does nothing. */
void mountpoint_clear(const char *path);
