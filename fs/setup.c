/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/setup.h"

#include <string.h>

#include "store/clouds.h"
#include "store/dir.h"
#include "store/glance.h"

int setup_engine(const struct options *o, struct engine **ret, struct err *reterr)
{
	struct engine_options e = {
		.url = o->engine,
		.tlsverify = o->tlsverify,
		.tlscacert = o->tlscacert,
		.tlscert = o->tlscert,
		.tlskey = o->tlskey,
	};

	return engine_open(&e, ret, reterr);
}

int setup_glance(const struct options *o, struct store **ret, struct err *reterr)
{
	CLEANUP(cloud_freep) struct cloud *cloud = NULL;
	bool wanted = o->cloud || (o->store && strcmp(o->store, "glance") == 0);
	int r;

	*ret = NULL;
	if (!wanted && !cloud_configured(NULL))
		return 0;
	r = cloud_load(o->cloud, &cloud, reterr);
	if (r < 0 && o->cloud)
		err_prefix(reterr, "cloud=%s", o->cloud);
	return r < 0 ? r : glance_new(steal_pointer(&cloud), ret, reterr);
}

int setup_dir(const struct options *o, struct store **ret, struct err *reterr)
{
	AUTO_BUF struct buf folder = BUF_INIT;
	int r = 0;

	if (o->dir)
		buf_adds(&folder, o->dir);
	else
		r = options_state(o, &folder, reterr);
	if (r == 0 && !o->dir)
		buf_adds(&folder, "/images");
	if (r == 0 && buf_error(&folder))
		r = err_nomem(reterr);
	return r < 0 ? r : dir_store_new(buf_text(&folder), ret, reterr);
}
