/* SPDX-License-Identifier: Apache-2.0 */
#include "store/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int target_parse(const char *text, const char *otherwise, const char *reference, struct target *ret,
	struct err *reterr)
{
	size_t word;

	if (!text || !*text)
		text = otherwise;
	word = strcspn(text, ":");
	*ret = (struct target){0};
	if (strncmp(text, "docker://", 9) == 0)
		return err_set(reterr, EOPNOTSUPP, "this commitfs pushes to glance and dir, not to a registry");
	snprintf(ret->store, sizeof(ret->store), "%.*s", (int)(word < 15 ? word : 15), text);
	if (strcmp(ret->store, "dir") == 0 && text[word])
		return err_set(reterr, EINVAL,
			"the folder of 'dir' is set when commitfs is mounted, not by a request");
	if (strcmp(ret->store, "dir") != 0 && strcmp(ret->store, "glance") != 0)
		return err_set(reterr, EINVAL,
			"'%.64s' is not a target: say glance, glance:NAME[:TAG] or dir", text);
	return reference_parse(text[word] ? text + word + 1 : reference, &ret->name, reterr);
}
