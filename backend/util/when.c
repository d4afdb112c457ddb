/* SPDX-License-Identifier: Apache-2.0 */
#include "util/when.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

int64_t when_now(void)
{
	return time(NULL);
}

int64_t when_monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void when_add_ms(struct timespec *t, int64_t ms)
{
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

void when_format(struct buf *b, int64_t t)
{
	time_t seconds = t;
	struct tm tm;
	char text[64];

	if (!t || !gmtime_r(&seconds, &tm))
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_adds(b, text);
}

/* A date that is in the calendar: timegm() would take November 31 for December 1. */
static bool seconds_of(const struct tm *tm, int64_t *ret)
{
	struct tm again = *tm;

	*ret = timegm(&again);
	return again.tm_mon == tm->tm_mon && again.tm_mday == tm->tm_mday && again.tm_hour == tm->tm_hour &&
	       again.tm_min == tm->tm_min;
}

int64_t when_parse(const char *text)
{
	struct tm tm = {0};
	int used = 0, hours, minutes;
	int64_t t;

	if (!text ||
		sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
			&tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!seconds_of(&tm, &t))
		return 0;
	text += used;
	if (*text == '.')
		do
			text++;
		while (isdigit((unsigned char)*text));
	if ((*text == '+' || *text == '-') && sscanf(text + 1, "%2d:%2d", &hours, &minutes) == 2)
		t -= (*text == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return t < 0 ? 0 : t; /* the engine's "0001-01-01T00:00:00Z" says: never */
}
