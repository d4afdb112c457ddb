/* SPDX-License-Identifier: Apache-2.0 */
#include "store/draft.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "util/buf.h"
#include "util/log.h"

#define AT(member) offsetof(struct draft, member)

const struct draft_field draft_fields[] = {
	{"auth_type", "OS_AUTH_TYPE", AT(cloud.auth_type), false},
	{"auth_url", "OS_AUTH_URL", AT(cloud.auth_url), false},
	{"username", "OS_USERNAME", AT(cloud.username), false},
	{"user_id", "OS_USER_ID", AT(cloud.user_id), false},
	{"password", "OS_PASSWORD", AT(cloud.password), true},
	{"user_domain_name", "OS_USER_DOMAIN_NAME", AT(cloud.user_domain_name), false},
	{"user_domain_id", "OS_USER_DOMAIN_ID", AT(cloud.user_domain_id), false},
	{"project_name", "OS_PROJECT_NAME", AT(cloud.project_name), false},
	{"tenant_name", "OS_TENANT_NAME", AT(cloud.project_name), false},
	{"project_id", "OS_PROJECT_ID", AT(cloud.project_id), false},
	{"tenant_id", "OS_TENANT_ID", AT(cloud.project_id), false},
	{"project_domain_name", "OS_PROJECT_DOMAIN_NAME", AT(cloud.project_domain_name), false},
	{"project_domain_id", "OS_PROJECT_DOMAIN_ID", AT(cloud.project_domain_id), false},
	{"application_credential_id", "OS_APPLICATION_CREDENTIAL_ID",
		AT(cloud.application_credential_id), false},
	{"application_credential_name", "OS_APPLICATION_CREDENTIAL_NAME",
		AT(cloud.application_credential_name), false},
	{"application_credential_secret", "OS_APPLICATION_CREDENTIAL_SECRET",
		AT(cloud.application_credential_secret), true},
	{"token", "OS_TOKEN", AT(cloud.token), true},
	{"image_endpoint_override", "OS_IMAGE_ENDPOINT_OVERRIDE", AT(cloud.endpoint), false},
	{"endpoint", "OS_ENDPOINT", AT(plain_endpoint), false},
	{"region_name", "OS_REGION_NAME", AT(cloud.region), false},
	{"interface", "OS_INTERFACE", AT(cloud.interface), false},
	{"endpoint_type", "OS_ENDPOINT_TYPE", AT(cloud.interface), false},
	{"cacert", "OS_CACERT", AT(cloud.cacert), false},
	{"cert", "OS_CERT", AT(cloud.cert), false},
	{"key", "OS_KEY", AT(cloud.key), false},
	{"domain_name", "OS_DOMAIN_NAME", AT(domain_name), false},
	{"domain_id", "OS_DOMAIN_ID", AT(domain_id), false},
	{"default_domain_name", "OS_DEFAULT_DOMAIN_NAME", AT(default_domain_name), false},
	{"default_domain_id", "OS_DEFAULT_DOMAIN_ID", AT(default_domain_id), false},
	{"default_domain", "OS_DEFAULT_DOMAIN", AT(default_domain_id), false},
	{"profile", NULL, AT(profile), false},
	{"verify", NULL, AT(verify), false},
	{"insecure", "OS_INSECURE", AT(insecure), false},
};

const size_t draft_field_count = ARRAY_SIZE(draft_fields);

static char **member(void *base, size_t offset)
{
	return (char **)((char *)base + offset);
}

char **draft_member(struct draft *d, const struct draft_field *field)
{
	return member(d, field->offset);
}

static void free_wiped(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

/* `size`: of the struct at `base`, a whole draft or the cloud that it begins with. */
static void free_fields(void *base, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(draft_fields); i++)
		if (draft_fields[i].offset < size)
			free_wiped(member(base, draft_fields[i].offset));
}

void draft_done(struct draft *d)
{
	free_fields(d, sizeof(*d));
	free(d->cloud.name);
}

void cloud_free(struct cloud *c)
{
	free_fields(c, sizeof(*c));
	free(c->name);
	free(c);
}

/* --- judging --- */

#define NEEDS 4

/* What each auth_type needs; "a|b" is one of them. */
static const struct auth_type {
	const char *name;
	const char *needs[NEEDS];
} auth_types[] = {
	{"v3applicationcredential",
		{"auth_url", "application_credential_secret",
			"application_credential_id|application_credential_name"}},
	{"password", {"auth_url", "username|user_id", "password"}},
	{"v3password", {"auth_url", "username|user_id", "password"}},
	{"token", {"auth_url", "token"}},
	{"v3token", {"auth_url", "token"}},
	{"none", {"image_endpoint_override"}},
	{"admin_token", {"image_endpoint_override", "token"}},
};

static const struct auth_type *find_auth_type(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(auth_types); i++)
		if (strcmp(auth_types[i].name, name) == 0)
			return &auth_types[i];
	return NULL;
}

static const char *guess_auth_type(const struct draft *d)
{
	const struct cloud *c = &d->cloud;
	bool endpoint = c->endpoint || d->plain_endpoint;

	if (c->application_credential_secret)
		return "v3applicationcredential";
	if (c->token)
		return endpoint && !c->auth_url ? "admin_token" : "token";
	return endpoint && !c->auth_url ? "none" : "password";
}

static int set(char **to, const char *value, struct err *reterr)
{
	if (*to || !value)
		return 0;
	*to = strdup(value);
	return *to ? 0 : err_nomem(reterr);
}

/* How sentences call the place of the settings. */
static const char *place(const struct draft *d, struct buf *out)
{
	if (d->file)
		buf_printf(out, "the cloud '%.100s' of %s", d->cloud.name, d->file);
	else
		buf_adds(out, "the environment");
	return buf_text(out);
}

static const struct draft_field *find_field(const char *key, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(draft_fields); i++)
		if (strncmp(draft_fields[i].key, key, len) == 0 && !draft_fields[i].key[len])
			return &draft_fields[i];
	return NULL;
}

/* One of "a|b" must be set. */
static int check_need(struct draft *d, const char *need, struct err *reterr)
{
	AUTO_BUF struct buf where = BUF_INIT;
	const struct draft_field *first = NULL;

	for (const char *key = need; *key;) {
		size_t len = strcspn(key, "|");
		const struct draft_field *field = find_field(key, len);

		if (*draft_member(d, field))
			return 0;
		first = first ? first : field;
		key += len + (key[len] == '|');
	}
	if (d->file)
		return err_set(reterr, EINVAL, "%s has no '%s': add it%s", place(d, &where),
			first->key, first->secret ? " there or in secure.yaml" : "");
	return err_set(reterr, EINVAL, "the variable %s is not set", first->variable);
}

static int decide_auth_type(struct draft *d, struct err *reterr)
{
	struct cloud *c = &d->cloud;
	AUTO_BUF struct buf where = BUF_INIT;
	const struct auth_type *type;
	int r;

	r = set(&c->auth_type, guess_auth_type(d), reterr);
	if (r < 0)
		return r;
	type = find_auth_type(c->auth_type);
	if (!type)
		return err_set(reterr, EOPNOTSUPP,
			"%s has the auth_type '%.50s'; commitfs knows password, "
			"v3applicationcredential, token, admin_token and none",
			place(d, &where), c->auth_type);
	if (strcmp(type->needs[0], "auth_url") != 0)
		r = set(&c->endpoint, d->plain_endpoint, reterr);
	for (size_t i = 0; r == 0 && i < NEEDS && type->needs[i]; i++)
		r = check_need(d, type->needs[i], reterr);
	return r;
}

/* Names are unique within a domain only: what is not said is the default domain, as for other
 * clients. */
static int default_domain(const struct draft *d, char **name, char **id, struct err *reterr)
{
	const char *names[] = {d->domain_name, d->default_domain_name};
	const char *ids[] = {d->domain_id, d->default_domain_id};

	for (size_t i = 0; i < ARRAY_SIZE(names) && !*name && !*id; i++) {
		if (set(id, ids[i], reterr) < 0 || set(name, ids[i] ? NULL : names[i], reterr) < 0)
			return -ENOMEM;
	}
	return *name || *id ? 0 : set(id, "default", reterr);
}

static int truth(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true}, {"yes", true}, {"on", true}, {"1", true}, {"false", false},
		{"no", false}, {"off", false}, {"0", false}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(words[i].word, text) != 0)
			continue;
		*ret = words[i].value;
		return 0;
	}
	return -EINVAL;
}

static int decide_tls(struct draft *d, struct err *reterr)
{
	AUTO_BUF struct buf where = BUF_INIT;
	bool verify = true, insecure = false;

	/* A word that we don't understand must not decide whether certificates are checked. */
	if (d->verify && truth(d->verify, &verify) < 0)
		return err_set(
			reterr, EINVAL, "'verify' of %s must be true or false", place(d, &where));
	if (d->insecure && truth(d->insecure, &insecure) < 0)
		return err_set(reterr, EINVAL,
			"'insecure' (OS_INSECURE) of %s must be true or false", place(d, &where));
	d->cloud.insecure = insecure || !verify;
	return 0;
}

/* As other clients do; and a daemon's working directory is not the one that a relative path was
 * meant for. */
static int absolute(char **path, struct err *reterr)
{
	const char *home = getenv("HOME");
	AUTO_BUF struct buf full = BUF_INIT;
	AUTO_FREE char *here = NULL;

	if (!*path || **path == '/')
		return 0;
	if (strncmp(*path, "~/", 2) == 0 && home) {
		buf_printf(&full, "%s%s", home, *path + 1);
	} else {
		here = getcwd(NULL, 0);
		buf_printf(&full, "%s/%s", here ? here : ".", *path);
	}
	free(*path);
	*path = buf_steal(&full);
	return *path ? 0 : err_nomem(reterr);
}

/* publicURL is how the first version of Keystone's catalog called it. */
static int decide_interface(struct draft *d, struct err *reterr)
{
	static const char *const known[] = {"public", "internal", "admin"};
	char *interface = d->cloud.interface;
	AUTO_BUF struct buf where = BUF_INIT;
	size_t len;

	if (!interface)
		return set(&d->cloud.interface, known[0], reterr);
	len = strlen(interface);
	if (len > 3 && strcmp(interface + len - 3, "URL") == 0)
		interface[len - 3] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(interface, known[i]) == 0)
			return 0;
	return err_set(reterr, EINVAL,
		"the interface '%.50s' of %s is none of public, internal, admin", interface,
		place(d, &where));
}

static bool has_control(const char *text)
{
	for (; text && *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* What becomes part of a header or a URL. */
static int check_characters(struct draft *d, struct err *reterr)
{
	const struct {
		const char *key, *text;
	} checked[] = {{"auth_url", d->cloud.auth_url}, {"token", d->cloud.token},
		{"image_endpoint_override", d->cloud.endpoint}};
	AUTO_BUF struct buf where = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(checked); i++)
		if (has_control(checked[i].text))
			return err_set(reterr, EINVAL, "'%s' of %s holds a control character",
				checked[i].key, place(d, &where));
	return 0;
}

static int check_profile(struct draft *d, struct err *reterr)
{
	AUTO_BUF struct buf where = BUF_INIT;

	if (!d->profile)
		return 0;
	if (!d->cloud.auth_url && !d->cloud.endpoint)
		return err_set(reterr, EOPNOTSUPP,
			"%s takes its settings from the vendor profile '%.50s', which commitfs "
			"does not "
			"know: write its auth_url into the entry",
			place(d, &where), d->profile);
	log_warning("the vendor profile '%.50s' of %s is not used", d->profile, place(d, &where));
	return 0;
}

int draft_judge(struct draft *d, struct err *reterr)
{
	static int (*const steps[])(struct draft * d, struct err * reterr) = {
		check_profile, decide_auth_type, decide_interface, decide_tls, check_characters};
	struct cloud *c = &d->cloud;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
		r = steps[i](d, reterr);
	if (r < 0)
		return r;
	if (default_domain(d, &c->user_domain_name, &c->user_domain_id, reterr) < 0 ||
		default_domain(d, &c->project_domain_name, &c->project_domain_id, reterr) < 0 ||
		absolute(&c->cacert, reterr) < 0 || absolute(&c->cert, reterr) < 0 ||
		absolute(&c->key, reterr) < 0)
		return -ENOMEM;
	return 0;
}
