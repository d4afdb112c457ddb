/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "net/json.h"
#include "store/glance_api.h"

enum { ACTIVE_MS = 60 * 1000 }; /* whole data is stored within that */

static int compare_bytes(uint64_t theirs, const struct store_sent *sent, struct err *reterr)
{
	if (theirs == sent->bytes)
		return 0;
	return err_set(reterr, EBADMSG,
		"the image service has %" PRIu64 " bytes of %" PRIu64 " that were sent", theirs,
		sent->bytes);
}

static int compare_hash(const char *theirs, const struct store_sent *sent, struct err *reterr)
{
	if (strcasecmp(theirs, sent->hash) == 0)
		return 0;
	return err_set(reterr, EBADMSG,
		"the image service's data is not what was sent: its %s begins with %.16s, not with "
		"%.16s",
		sent->algorithm, theirs, sent->hash);
}

struct read_back {
	struct digest *digest;
	uint64_t bytes;
};

static int read_back_data(void *arg, const void *data, size_t len)
{
	struct read_back *back = arg;

	back->bytes += len;
	return digest_add(back->digest, data, len);
}

/* The service's hash is of another kind than ours, or it has none: what it gives back is hashed. */
static int compare_data(struct glance *g, const char *id, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr)
{
	CLEANUP(digest_freep) struct digest *digest = NULL;
	AUTO_REPLY struct http_reply reply = HTTP_REPLY_INIT;
	AUTO_BUF struct buf path = BUF_INIT;
	struct read_back back = {0};
	struct http_request request = {.method = "GET",
		.write = read_back_data,
		.arg = &back,
		.timeout_ms = -1,
		.stall_ms = GLANCE_STALL_MS,
		.cancel = cancel};
	char hash[DIGEST_HEX];
	int r;

	r = digest_new(sent->algorithm, &digest, reterr);
	if (r < 0)
		return r;
	back.digest = digest;
	glance_path(&path, id, "/file");
	request.path = buf_text(&path);
	r = buf_error(&path) ? err_nomem(reterr) : glance_call(g, &request, &reply, reterr);
	if (r == 0)
		r = compare_bytes(back.bytes, sent, reterr);
	if (r < 0)
		return r;
	return digest_hex(digest, hash) < 0 ? err_nomem(reterr) : compare_hash(hash, sent, reterr);
}

static int not_active(const char *status, struct err *reterr)
{
	int r = err_set(reterr, EREMOTEIO,
		"the image service says '%.30s' of the image, not 'active'", status);

	if (reterr)
		reterr->passing = glance_is_busy(status);
	return r;
}

int glance_verify(struct store *s, const char *id, const struct store_sent *sent,
	const struct cancel *cancel, struct err *reterr)
{
	struct glance *g = (struct glance *)s;
	AUTO_JSON json_t *found = NULL;
	const char *algorithm, *hash;
	int r;

	r = glance_show_settled(g, id, ACTIVE_MS, &found, cancel, reterr);
	if (r < 0)
		return r;
	if (strcmp(json_text(found, "status"), "active") != 0)
		return not_active(json_text(found, "status"), reterr);
	r = compare_bytes((uint64_t)json_number(found, "size"), sent, reterr);
	if (r < 0)
		return r;
	algorithm = json_text(found, "os_hash_algo");
	hash = json_text(found, "os_hash_value");
	glance_remember_algorithm(g, algorithm);
	if (*hash && strcmp(algorithm, sent->algorithm) == 0)
		return compare_hash(hash, sent, reterr);
	return compare_data(g, id, sent, cancel, reterr);
}
