/* SPDX-License-Identifier: Apache-2.0 */
#include "util/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

struct digest {
	EVP_MD_CTX *context;
};

bool digest_known(const char *algorithm)
{
	const EVP_MD *md = EVP_get_digestbyname(algorithm);

	return md && EVP_MD_get_size(md) * 2 < DIGEST_HEX;
}

int digest_new(const char *algorithm, struct digest **ret, struct err *reterr)
{
	CLEANUP(digest_freep) struct digest *d = calloc(1, sizeof(*d));

	if (!digest_known(algorithm))
		return err_set(reterr, EOPNOTSUPP, "the hash algorithm '%s' is not known here", algorithm);
	if (d)
		d->context = EVP_MD_CTX_new();
	if (!d || !d->context ||
		!EVP_DigestInit_ex(d->context, EVP_get_digestbyname(algorithm), NULL))
		return err_nomem(reterr);
	*ret = steal_pointer(&d);
	return 0;
}

void digest_free(struct digest *d)
{
	EVP_MD_CTX_free(d->context);
	free(d);
}

int digest_add(struct digest *d, const void *data, size_t len)
{
	return EVP_DigestUpdate(d->context, data, len) ? 0 : -ENOMEM;
}

int digest_hex(struct digest *d, char ret[static DIGEST_HEX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!EVP_DigestFinal_ex(d->context, raw, &n))
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		snprintf(ret + i * 2, 3, "%02x", raw[i]);
	return 0;
}
