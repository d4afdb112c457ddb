/* SPDX-License-Identifier: Apache-2.0 */
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One sentence on one line: what a peer said may hold anything, and ends up in a flat keyed file. */
static void flatten(char *text)
{
	char *to = text;

	for (char *from = text; *from; from++) {
		unsigned char c = (unsigned char)*from;

		if (c >= 0x20 && c != 0x7f)
			*to++ = (char)c;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

int err_set(struct err *e, int code, const char *format, ...)
{
	va_list ap;

	if (!e)
		return -code;
	*e = (struct err){.code = code};
	va_start(ap, format);
	vsnprintf(e->text, sizeof(e->text), format, ap);
	va_end(ap);
	flatten(e->text);
	return -code;
}

int err_nomem(struct err *e)
{
	return err_set(e, ENOMEM, "commitfs is out of memory");
}

void err_prefix(struct err *e, const char *format, ...)
{
	char text[sizeof(e->text)];
	va_list ap;
	int n;

	if (!e || !e->code)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n + 2 >= sizeof(text))
		return;
	snprintf(text + n, sizeof(text) - (size_t)n, ": %.*s", (int)(sizeof(text) - (size_t)n - 3),
		e->text);
	memcpy(e->text, text, sizeof(text));
}
