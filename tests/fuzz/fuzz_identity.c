/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone's answer: the catalog of services, the life of a token. First byte: which region and
 * interface. */
#include "fuzz.h"
#include "net/json.h"
#include "store/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const regions[] = {NULL, "R1", ""}, *const interfaces[] = {NULL,
								       "public", "internal", ""};
	AUTO_BUF struct buf endpoint = BUF_INIT, base = BUF_INIT;
	AUTO_JSON json_t *answer = NULL;
	struct cloud cloud = {0};
	struct err e = {0};
	int r;

	if (!size)
		return 0;
	answer = json_loadb((const char *)data + 1, size - 1, 0, NULL);
	if (!answer)
		return 0;
	cloud.region = (char *)regions[data[0] % 3];
	cloud.interface = (char *)interfaces[data[0] / 3 % 4];
	CHECK(identity_lifetime(answer) >= 0);
	r = identity_endpoint(answer, &cloud, &endpoint, &e);
	check_err(r, &e);
	if (r == 0)
		identity_add_base(&base, buf_text(&endpoint));
	return 0;
}
