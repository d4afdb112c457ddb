/* SPDX-License-Identifier: Apache-2.0 */
/* Going to the background: the command returns when the mount is there, or has failed with its sentence. */
#pragma once

/* Forks; returns only in the child. The parent exits as daemon_ready() says, or with 1 if the child ends. */
int daemon_begin(void);

/* In the child: lets the parent exit with 0, and leaves its terminal. */
void daemon_ready(void);

/* Tells a service manager (sd_notify(3): a datagram to $NOTIFY_SOCKET); nothing where there is none. */
void daemon_notify(const char *state);
