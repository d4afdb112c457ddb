/* SPDX-License-Identifier: Apache-2.0 */
#include "util/when.h"

#include <ctype.h>
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
	t = timegm(&tm);
	text += used;
	if (*text == '.')
		do
			text++;
		while (isdigit((unsigned char)*text));
	if ((*text == '+' || *text == '-') && sscanf(text + 1, "%2d:%2d", &hours, &minutes) == 2)
		t -= (*text == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return t < 0 ? 0 : t; /* the engine's "0001-01-01T00:00:00Z" says: never */
}
