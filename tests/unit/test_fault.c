/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "net/fault.h"

/* Kept apart from curl's header, which only net/http.c and net/fault.c include: the numbers are
 * stable. */
enum {
	UNSUPPORTED_PROTOCOL = 1,
	URL_MALFORMAT = 3,
	COULDNT_RESOLVE_HOST = 6,
	COULDNT_CONNECT = 7,
	PARTIAL_FILE = 18,
	OPERATION_TIMEDOUT = 28,
	GOT_NOTHING = 52,
	SEND_ERROR = 55,
	RECV_ERROR = 56,
	PEER_FAILED_VERIFICATION = 60,
};

/* SPEC section 5 */
TEST(status)
{
	static const struct {
		int status, code;
		bool passing;
	} cases[] = {
		{400, EINVAL, false},
		{401, EACCES, false},
		{403, EPERM, false},
		{404, ENOENT, false},
		{409, EBUSY, false},
		{413, EDQUOT, false},
		{429, EREMOTEIO, true},
		{500, EREMOTEIO, true},
		{502, EREMOTEIO, true},
		{503, EREMOTEIO, true},
		{504, EREMOTEIO, true},
		{599, EREMOTEIO, true},
		{507, ENOSPC, false},
		/* What we did not ask for, and what asking again does not change. */
		{100, EREMOTEIO, false},
		{301, EREMOTEIO, false},
		{302, EREMOTEIO, false},
		{304, EREMOTEIO, false},
		{405, EREMOTEIO, false},
		{418, EREMOTEIO, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault f = fault_of_status(cases[i].status);

		if (f.code != cases[i].code || f.passing != cases[i].passing)
			fail_msg("%d: %s, passing: %d", cases[i].status, strerror(f.code),
				f.passing);
	}
}

TEST(curl)
{
	static const struct {
		int curl, os, code;
		bool passing;
	} cases[] = {
		{URL_MALFORMAT, 0, EINVAL, false},
		{UNSUPPORTED_PROTOCOL, 0, EREMOTEIO, true}, /* it was no HTTP that came back */
		{COULDNT_RESOLVE_HOST, 0, EHOSTUNREACH, true},
		{COULDNT_CONNECT, 0, ECONNREFUSED, true},
		{COULDNT_CONNECT, ECONNREFUSED, ECONNREFUSED, true},
		{COULDNT_CONNECT, ENOENT, ECONNREFUSED, true},
		{COULDNT_CONNECT, EHOSTUNREACH, EHOSTUNREACH, true},
		{COULDNT_CONNECT, ENETUNREACH, EHOSTUNREACH, true},
		{COULDNT_CONNECT, EACCES, EACCES, false},
		{OPERATION_TIMEDOUT, 0, ETIMEDOUT, true},
		{PEER_FAILED_VERIFICATION, 0, EKEYREJECTED, false},
		{PARTIAL_FILE, 0, EREMOTEIO, true},
		{GOT_NOTHING, 0, EREMOTEIO, true},
		{SEND_ERROR, EPIPE, EREMOTEIO, true},
		{RECV_ERROR, ECONNRESET, EREMOTEIO, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fault f = fault_of_curl(cases[i].curl, cases[i].os);

		if (f.code != cases[i].code || f.passing != cases[i].passing)
			fail_msg("%d, %s: %s, passing: %d", cases[i].curl, strerror(cases[i].os),
				strerror(f.code), f.passing);
	}
}

/* Nothing leads to success, whatever a peer says. */
TEST(never_success)
{
	for (int i = 1; i < 1000; i++)
		if (i / 100 != 2)
			assert_true(fault_of_status(i).code > 0);
	for (int i = 1; i < 120; i++)
		assert_true(fault_of_curl(i, 0).code > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_curl),
		cmocka_unit_test(test_never_success),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
