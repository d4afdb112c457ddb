/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How OpenStack clients are configured: clouds.yaml with secure.yaml beside it, and the OS_*
 * variables. https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html
 *
 * Looked up in $OS_CLIENT_CONFIG_FILE, the working directory, ~/.config/openstack, /etc/openstack;
 * .yaml, .yml and .json (which YAML reads too). A secure file's entries are laid over those of
 * clouds.yaml. A file with secrets that others may read is warned about.
 */
#pragma once

#include <stdbool.h>

#include "util/cleanup.h"
#include "util/err.h"

/* One cloud. All strings are owned; NULL: not set. Secrets are wiped when it is freed. */
struct cloud {
	char *name;      /* of the entry; NULL: from the variables */
	char *auth_type; /* password, v3password, v3applicationcredential, token, v3token, none,
			    admin_token */
	char *auth_url;
	char *username, *user_id, *password;
	char *user_domain_name, *user_domain_id;
	char *project_name, *project_id;
	char *project_domain_name, *project_domain_id;
	char *application_credential_id, *application_credential_name,
		*application_credential_secret;
	char *token;
	char *endpoint; /* of the image service, for auth_type none: `endpoint` or
			   `image_endpoint_override` */
	char *region;
	char *interface; /* public (the default), internal, admin */
	char *cacert, *cert, *key;
	bool insecure; /* verify: false */
};

/* Is there any configuration: a name given, $OS_CLOUD, $OS_AUTH_URL, or
 * $OS_ENDPOINT/$OS_IMAGE_ENDPOINT_OVERRIDE with OS_AUTH_TYPE=none? Asks no server. (The mere
 * existence of a clouds.yaml with exactly one cloud counts too.) */
bool cloud_configured(const char *name);

/*
 * Reads the configuration. `name`: an entry of clouds.yaml; NULL: $OS_CLOUD, else the OS_*
 * variables, else the only entry of clouds.yaml. Errors, each with a sentence that names the file
 * and what to do: -ENOENT (no such cloud, no configuration), -EINVAL (a file that is no YAML,
 * something needed that is missing), -EACCES (a file that may not be read), -EOPNOTSUPP (an
 * auth_type that we don't speak).
 */
int cloud_load(const char *name, struct cloud **ret, struct err *reterr);
void cloud_free(struct cloud *c);
DEFINE_CLEANUP(struct cloud *, cloud_free)
