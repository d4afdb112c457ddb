/* SPDX-License-Identifier: Apache-2.0 */
#include "store/identity.h"

#include <errno.h>
#include <string.h>

#include "net/json.h"
#include "util/when.h"

/* --- what we say --- */

/* All these return NULL for what can't be said in JSON (a text that is not UTF-8), and take NULL
 * from each other. */

static json_t *with(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) == 0)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *text(const char *key, const char *value)
{
	return with(json_object(), key, json_string(value));
}

/* A user, or a project: by its id, else by its name within its domain. */
static json_t *named(
	const char *id, const char *name, const char *domain_id, const char *domain_name)
{
	if (id)
		return text("id", id);
	if (!domain_id && !domain_name)
		return text("name", name);
	return with(text("name", name), "domain",
		domain_id ? text("id", domain_id) : text("name", domain_name));
}

static json_t *user(const struct cloud *c)
{
	return named(c->user_id, c->username, c->user_domain_id, c->user_domain_name);
}

static json_t *by_password(const struct cloud *c)
{
	json_t *who = with(user(c), "password", json_string(c->password));

	return with(json_object(), "user", who);
}

static json_t *by_application_credential(const struct cloud *c)
{
	const char *id = c->application_credential_id, *name = c->application_credential_name;
	json_t *credential = id ? text("id", id) : with(text("name", name), "user", user(c));

	return with(credential, "secret", json_string(c->application_credential_secret));
}

static json_t *by_token(const struct cloud *c)
{
	return text("id", c->token);
}

static const struct method {
	const char *auth_type, *name;
	json_t *(*proof)(const struct cloud *c);
	bool scoped; /* an application credential belongs to one project anyway */
} methods[] = {
	{"password", "password", by_password, true},
	{"v3password", "password", by_password, true},
	{"token", "token", by_token, true},
	{"v3token", "token", by_token, true},
	{"v3applicationcredential", "application_credential", by_application_credential, false},
};

static const struct method *find_method(const struct cloud *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strcmp(methods[i].auth_type, c->auth_type) == 0)
			return &methods[i];
	return NULL;
}

bool identity_needed(const struct cloud *cloud)
{
	return find_method(cloud);
}

static json_t *identity(const struct cloud *c, const struct method *method)
{
	json_t *methods_used = json_pack("[s]", method->name);

	return with(with(json_object(), "methods", methods_used), method->name, method->proof(c));
}

static json_t *scope(const struct cloud *c)
{
	return with(json_object(), "project",
		named(c->project_id, c->project_name, c->project_domain_id,
			c->project_domain_name));
}

int identity_request(const struct cloud *cloud, struct buf *ret, struct err *reterr)
{
	const struct method *method = find_method(cloud);
	json_t *auth = with(json_object(), "identity", identity(cloud, method));
	AUTO_JSON json_t *body = NULL;
	char *dumped;

	if (method->scoped && (cloud->project_id || cloud->project_name))
		auth = with(auth, "scope", scope(cloud));
	body = with(json_object(), "auth", auth);
	dumped = body ? json_dumps(body, JSON_COMPACT) : NULL;
	if (!dumped)
		return err_set(reterr, EINVAL,
			"the credentials cannot be sent: a name or password in them is not UTF-8");
	buf_adds(ret, dumped);
	explicit_bzero(dumped, strlen(dumped));
	free(dumped);
	return buf_error(ret) ? err_nomem(reterr) : 0;
}

void identity_add_subject(struct buf *out, const struct cloud *c)
{
	const char *credential = c->application_credential_id ? c->application_credential_id
							      : c->application_credential_name;
	const char *who = c->username ? c->username : c->user_id;

	if (strcmp(c->auth_type, "v3applicationcredential") == 0)
		buf_printf(out, "the application credential '%.100s'", credential);
	else if (strstr(c->auth_type, "password"))
		buf_printf(out, "the user '%.100s'", who);
	else
		buf_adds(out, "the token");
	if (c->name)
		buf_printf(out, " of the cloud '%.100s'", c->name);
	else
		buf_adds(out, " of the OS_* variables");
}

/* --- what it says --- */

void identity_add_base(struct buf *out, const char *url)
{
	size_t len = strlen(url), version;

	while (len && url[len - 1] == '/')
		len--;
	for (version = len; version && strchr("0123456789.", url[version - 1]); version--)
		;
	if (version < len && version > 2 && url[version - 1] == 'v' && url[version - 2] == '/')
		len = version - 2;
	while (len && url[len - 1] == '/')
		len--;
	buf_add(out, url, len);
}

int64_t identity_lifetime(const json_t *answer)
{
	int64_t expires = when_parse(json_text(answer, "token.expires_at"));
	int64_t issued = when_parse(json_text(answer, "token.issued_at"));
	int64_t from = issued ? issued : when_now(); /* our clock and Keystone's may differ */

	return expires > from ? expires - from : 0;
}

static const char *region_of(const json_t *endpoint)
{
	const char *id = json_text(endpoint, "region_id");

	return *id ? id : json_text(endpoint, "region");
}

/* "public" and "publicURL" are the same. */
static bool same_interface(const json_t *endpoint, const char *interface)
{
	const char *its = json_text(endpoint, "interface");
	size_t len = strlen(interface);

	return strncmp(its, interface, len) == 0 && (!its[len] || strcmp(its + len, "URL") == 0);
}

static bool suits(const json_t *endpoint, const struct cloud *c)
{
	if (!same_interface(endpoint, c->interface ? c->interface : "public"))
		return false;
	return *json_text(endpoint, "url") &&
	       (!c->region || strcmp(region_of(endpoint), c->region) == 0);
}

/* For the sentence: where there would be an image service. */
static void add_place(struct buf *places, const json_t *endpoint)
{
	AUTO_BUF struct buf place = BUF_INIT;

	buf_printf(&place, "%.50s (%.20s)", region_of(endpoint), json_text(endpoint, "interface"));
	if (places->len < 200 && !strstr(buf_text(places), buf_text(&place)))
		buf_printf(places, "%s%s", places->len ? ", " : "", buf_text(&place));
}

static const char *choose_endpoint(const json_t *service, const struct cloud *c, struct buf *places)
{
	const json_t *endpoints = json_at(service, "endpoints");

	if (strcmp(json_text(service, "type"), "image") != 0)
		return NULL;
	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		const json_t *endpoint = json_array_get(endpoints, i);

		if (suits(endpoint, c))
			return json_text(endpoint, "url");
		add_place(places, endpoint);
	}
	return NULL;
}

static const char *choose(const json_t *catalog, const struct cloud *c, struct buf *places)
{
	const char *url = NULL;

	for (size_t i = 0; !url && i < json_array_size(catalog); i++)
		url = choose_endpoint(json_array_get(catalog, i), c, places);
	return url;
}

static int not_in_catalog(const struct cloud *c, const struct buf *places, struct err *reterr)
{
	AUTO_BUF struct buf where = BUF_INIT;

	if (c->region)
		buf_printf(&where, "in the region '%.50s' ", c->region);
	return err_set(reterr, ENOENT,
		"the catalog of Keystone has no image service %sfor the interface '%s'; it has: %s",
		buf_text(&where), c->interface ? c->interface : "public",
		places->len ? buf_text(places) : "none");
}

int identity_endpoint(
	const json_t *answer, const struct cloud *cloud, struct buf *ret, struct err *reterr)
{
	const json_t *catalog = json_at(answer, "token.catalog");
	AUTO_BUF struct buf places = BUF_INIT;
	const char *url = cloud->endpoint;

	if (!url && !catalog)
		return err_set(reterr, ENOENT,
			"Keystone gives a token without a project, and so without a catalog: set "
			"project_name (OS_PROJECT_NAME)");
	if (!url)
		url = choose(catalog, cloud, &places);
	if (!url)
		return not_in_catalog(cloud, &places, reterr);
	identity_add_base(ret, url);
	return buf_error(ret) ? err_nomem(reterr) : 0;
}
