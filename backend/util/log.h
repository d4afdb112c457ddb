/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commitfs says about itself: on stderr while there is one, in syslog once it is a daemon. A line never
 * holds a password, a token or an environment of a container.
 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* `debug`: show debug lines too; `daemon`: write to syslog. Call before threads start. */
void log_setup(int debug, int daemon);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
