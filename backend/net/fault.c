/* SPDX-License-Identifier: Apache-2.0 */
#include "net/fault.h"

#include <curl/curl.h>
#include <errno.h>
#include <stddef.h>

#include "util/cleanup.h"

struct fault fault_of_status(int status)
{
	static const struct {
		int status;
		struct fault fault;
	} table[] = {
		{400, {EINVAL, false}},
		{401, {EACCES, false}},
		{403, {EPERM, false}},
		{404, {ENOENT, false}},
		{408, {ETIMEDOUT, true}},
		{409, {EBUSY, false}},
		{410, {ENOENT, false}},
		{413, {EDQUOT, false}},
		{415, {EINVAL, false}},
		{429, {EREMOTEIO, true}},
		{501, {EOPNOTSUPP, false}},
		{507, {ENOSPC, false}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].status == status)
			return table[i].fault;
	return (struct fault){EREMOTEIO, status >= 500};
}

struct fault fault_of_curl(int curlcode, int os_errno)
{
	static const struct {
		CURLcode code;
		struct fault fault;
	} table[] = {
		{CURLE_URL_MALFORMAT, {EINVAL, false}},
		{CURLE_COULDNT_RESOLVE_HOST, {EHOSTUNREACH, true}},
		{CURLE_COULDNT_RESOLVE_PROXY, {EHOSTUNREACH, true}},
		{CURLE_COULDNT_CONNECT, {ECONNREFUSED, true}},
		{CURLE_OPERATION_TIMEDOUT, {ETIMEDOUT, true}},
		{CURLE_PEER_FAILED_VERIFICATION, {EKEYREJECTED, false}},
		{CURLE_SSL_CACERT_BADFILE, {EKEYREJECTED, false}},
		{CURLE_SSL_CERTPROBLEM, {EKEYREJECTED, false}},
		{CURLE_SSL_ISSUER_ERROR, {EKEYREJECTED, false}},
		{CURLE_OUT_OF_MEMORY, {ENOMEM, true}},
		{CURLE_ABORTED_BY_CALLBACK, {ECANCELED, false}},
	};

	if (curlcode == CURLE_COULDNT_CONNECT && (os_errno == EHOSTUNREACH || os_errno == ENETUNREACH))
		return (struct fault){EHOSTUNREACH, true};
	if (curlcode == CURLE_COULDNT_CONNECT && (os_errno == EACCES || os_errno == EPERM))
		return (struct fault){EACCES, false};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if ((int)table[i].code == curlcode)
			return table[i].fault;
	return (struct fault){EREMOTEIO, true}; /* a connection that broke */
}
