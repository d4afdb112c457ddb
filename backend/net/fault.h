/* SPDX-License-Identifier: Apache-2.0 */
/* One table each: what an HTTP status, and what a failure to talk at all, means to us. */
#pragma once

#include <stdbool.h>

struct fault {
	int code;     /* a positive errno */
	bool passing; /* may be gone at the next try */
};

/* For a status that is not 2xx. */
struct fault fault_of_status(int status);

/* For a CURLcode that is not CURLE_OK. `os_errno`: CURLINFO_OS_ERRNO, 0 if not known. */
struct fault fault_of_curl(int curlcode, int os_errno);
