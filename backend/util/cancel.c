/* SPDX-License-Identifier: Apache-2.0 */
#include "util/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

int cancel_init(struct cancel *c)
{
	c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return c->fd < 0 ? -errno : 0;
}

void cancel_done(struct cancel *c)
{
	closep(&c->fd);
	c->fd = -1;
}

void cancel_fire(struct cancel *c)
{
	uint64_t one = 1;

	/* The only failure is an overflow, and then it is readable already. */
	if (write(c->fd, &one, sizeof(one)) < 0)
		return;
}

bool cancel_sleep(const struct cancel *c, int ms)
{
	struct pollfd p = {.fd = c ? c->fd : -1, .events = POLLIN};

	return poll(&p, 1, ms) > 0;
}

bool cancel_fired(const struct cancel *c)
{
	return c && cancel_sleep(c, 0);
}
