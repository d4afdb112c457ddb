/* SPDX-License-Identifier: Apache-2.0 */
/* What http.c and http_call.c share. Only they include it. */
#pragma once

#include <curl/curl.h>
#include <pthread.h>

#include "net/http.h"

enum { IDLE_CONNECTIONS = 8 };

/* Multi handles keep connections open; one is taken for a request and put back after it. */
struct http {
	char *name;
	char *url;
	char *base; /* what a path is added to */
	char *socket;
	char *cacert, *cert, *key;
	bool insecure;
	pthread_mutex_t lock; /* idle, idle_count */
	CURLM *idle[IDLE_CONNECTIONS];
	size_t idle_count;
};

/* Drives the calls to their end, or until `cancel` or `turn` says so. */
void http_drive(CURLM *multi, struct http_call *const *calls, size_t n, const struct cancel *cancel,
	bool (*turn)(void *arg), void *arg);
