/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static int show_debug;
static int to_syslog;

void log_setup(int debug, int daemon)
{
	show_debug = debug;
	to_syslog = daemon;
	if (daemon)
		openlog("commitfs", LOG_PID, LOG_DAEMON);
}

void log_write(enum log_level level, const char *format, ...)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	static const char *const word[] = {"error: ", "warning: ", "", "debug: "};
	char line[1024];
	va_list ap;

	if (level == LOG_LEVEL_DEBUG && !show_debug)
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (to_syslog)
		syslog(priority[level], "%s", line);
	else
		fprintf(stderr, "commitfs: %s%s\n", word[level], line);
}
