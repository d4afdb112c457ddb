/* SPDX-License-Identifier: Apache-2.0 */
#include "store/clouds.h"

#include <errno.h>
#include <string.h>

#include "store/draft.h"
#include "store/yaml_file.h"
#include "util/buf.h"
#include "util/log.h"

static const char *variable(const char *name)
{
	const char *value = name ? getenv(name) : NULL;

	return value && *value ? value : NULL;
}

/* --- the files --- */

static const char *const suffixes[] = {"yaml", "yml", "json"};

/* FOLDER/NAME.SUFFIX with the first suffix that exists. `*ret` stays NULL with -ENOENT. */
static int load_in(const char *folder, const char *name, struct yaml_file **ret, struct err *reterr)
{
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(suffixes); i++) {
		AUTO_BUF struct buf path = BUF_INIT;

		buf_printf(&path, "%s/%s.%s", folder, name, suffixes[i]);
		r = buf_error(&path) ? err_nomem(reterr)
				     : yaml_file_load(buf_text(&path), ret, reterr);
	}
	return r;
}

static int load_clouds(struct yaml_file **ret, struct err *reterr)
{
	const char *given = variable("OS_CLIENT_CONFIG_FILE"), *home = variable("HOME"),
		   *config = variable("XDG_CONFIG_HOME");
	AUTO_BUF struct buf xdg = BUF_INIT, dot = BUF_INIT;
	int r = -ENOENT;

	if (given)
		return yaml_file_load(given, ret, reterr);
	if (config)
		buf_printf(&xdg, "%s/openstack", config);
	if (home)
		buf_printf(&dot, "%s/.config/openstack", home);
	const char *folders[] = {".", buf_text(&xdg), buf_text(&dot), "/etc/openstack"};
	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(folders); i++)
		if (*folders[i])
			r = load_in(folders[i], "clouds", ret, reterr);
	if (r == -ENOENT)
		err_set(reterr, ENOENT,
			"no OpenStack configuration: there is no clouds.yaml here, in "
			"~/.config/openstack or in /etc/openstack; write one, or set the OS_* "
			"variables");
	return r;
}

/* Only beside clouds.yaml, not in all folders as other clients do: else a clouds.yaml that somebody
 * left in the working directory would name the server to which the password from one's home is
 * sent. */
static int load_secure(const struct yaml_file *clouds, struct yaml_file **ret, struct err *reterr)
{
	const char *given = variable("OS_CLIENT_SECURE_FILE"), *path = yaml_file_path(clouds);
	const char *slash = strrchr(path, '/');
	AUTO_BUF struct buf folder = BUF_INIT;
	int r;

	if (given)
		return yaml_file_load(given, ret, reterr);
	buf_add(&folder, slash ? path : ".", slash ? (size_t)(slash - path) : 1);
	if (buf_error(&folder))
		return err_nomem(reterr);
	r = load_in(buf_text(&folder), "secure", ret, reterr);
	return r == -ENOENT ? 0 : r;
}

/* --- from YAML --- */

/* Mappings that are looked into one after the other. */
struct source {
	struct yaml_file *file;
	int entry;
	bool warned;
};

static int find_value(const struct source *s, const char *key)
{
	int node = yaml_file_get(s->file, yaml_file_get(s->file, s->entry, "auth"), key);

	return node ? node : yaml_file_get(s->file, s->entry, key);
}

static void warn_of_exposed(struct source *s)
{
	const char *path = yaml_file_path(s->file);

	if (s->warned || !yaml_file_exposed(s->file))
		return;
	s->warned = true;
	log_warning("%s holds a secret and others may read it: chmod 600 %s", path, path);
}

/* Takes the setting from the first source that has it; `*ret` stays NULL if none has. */
static int take_from_yaml(struct source *sources, size_t n, const struct draft_field *field,
	char **ret, struct err *reterr)
{
	for (size_t i = 0; i < n; i++) {
		int node = find_value(&sources[i], field->key);
		int first =
			yaml_file_item(sources[i].file, node, 0); /* `interface` may be a list */
		const char *text = yaml_file_text(sources[i].file, first ? first : node);

		if (node && !text)
			return err_set(reterr, EINVAL, "%s: '%s' must be a text",
				yaml_file_path(sources[i].file), field->key);
		if (!node || !*text)
			continue;
		if (field->secret)
			warn_of_exposed(&sources[i]);
		*ret = strdup(text);
		return *ret ? 0 : err_nomem(reterr);
	}
	return 0;
}

static int fill_from_yaml(struct draft *d, struct source *sources, size_t n, struct err *reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < draft_field_count; i++) {
		char **to = draft_member(d, &draft_fields[i]);

		if (!*to)
			r = take_from_yaml(sources, n, &draft_fields[i], to, reterr);
	}
	return r;
}

/* `regions` is a list of names, or of mappings with `name` and `values`; the first is the default.
 * `*ret`: the `values` of the region that is meant, 0 if there are none. */
static int choose_region(struct draft *d, const struct source *s, int *ret, struct err *reterr)
{
	int list = yaml_file_get(s->file, s->entry, "regions"), item;

	for (size_t i = 0; (item = yaml_file_item(s->file, list, i)); i++) {
		int named = yaml_file_get(s->file, item, "name");
		const char *name = yaml_file_text(s->file, named ? named : item);

		if (!name || !*name)
			return err_set(reterr, EINVAL, "%s: a region has no name",
				yaml_file_path(s->file));
		if (!d->cloud.region)
			d->cloud.region = strdup(name);
		if (!d->cloud.region)
			return err_nomem(reterr);
		if (strcmp(name, d->cloud.region) == 0) {
			*ret = yaml_file_get(s->file, item, "values");
			return 0;
		}
	}
	return 0;
}

static int entry_of(struct yaml_file *f, const char *name)
{
	return yaml_file_get(f, yaml_file_get(f, yaml_file_root(f), "clouds"), name);
}

static int no_such_cloud(struct yaml_file *f, const char *name, struct err *reterr)
{
	int clouds = yaml_file_get(f, yaml_file_root(f), "clouds");
	AUTO_BUF struct buf names = BUF_INIT;
	const char *key;

	for (size_t i = 0; (key = yaml_file_key(f, clouds, i)) && names.len < 200; i++)
		buf_printf(&names, "%s%.50s", i ? ", " : "", key);
	return err_set(reterr, ENOENT, "%s has no cloud '%.100s'; it has: %s", yaml_file_path(f),
		name, names.len ? buf_text(&names) : "none");
}

static int read_entry(
	struct draft *d, struct yaml_file *clouds, const char *name, struct err *reterr)
{
	CLEANUP(yaml_file_freep) struct yaml_file *secure = NULL;
	struct source all[3], entry = {clouds, entry_of(clouds, name), false};
	static const struct draft_field region = {"region_name", NULL, 0, false};
	size_t n = 0;
	int r;

	if (!entry.entry)
		return no_such_cloud(clouds, name, reterr);
	if (!yaml_file_is_mapping(clouds, entry.entry))
		return err_set(reterr, EINVAL, "%s: the cloud '%.100s' has no settings",
			yaml_file_path(clouds), name);
	r = load_secure(clouds, &secure, reterr);
	if (r < 0)
		return r;
	if (secure)
		all[n++] = (struct source){secure, entry_of(secure, name), false};
	all[n++] = entry;
	r = take_from_yaml(all, n, &region, &d->cloud.region, reterr);
	/* A region's values lie over those of its cloud. */
	if (r == 0)
		r = choose_region(d, &entry, &all[n - 1].entry, reterr);
	if (all[n - 1].entry != entry.entry)
		all[n++] = entry;
	return r < 0 ? r : fill_from_yaml(d, all, n, reterr);
}

/* The name of the only cloud of the file; NULL if there are none or several. Borrowed. */
static const char *only_cloud(struct yaml_file *f)
{
	int clouds = yaml_file_get(f, yaml_file_root(f), "clouds");

	return yaml_file_key(f, clouds, 1) ? NULL : yaml_file_key(f, clouds, 0);
}

/* --- from the environment --- */

static bool environment_configured(void)
{
	const char *type = variable("OS_AUTH_TYPE");
	bool endpoint = variable("OS_ENDPOINT") || variable("OS_IMAGE_ENDPOINT_OVERRIDE");

	return variable("OS_AUTH_URL") ||
	       (endpoint && type &&
		       (strcmp(type, "none") == 0 || strcmp(type, "admin_token") == 0));
}

static int fill_from_environment(struct draft *d, struct err *reterr)
{
	for (size_t i = 0; i < draft_field_count; i++) {
		const char *value = variable(draft_fields[i].variable);
		char **to = draft_member(d, &draft_fields[i]);

		if (!value || *to)
			continue;
		*to = strdup(value);
		if (!*to)
			return err_nomem(reterr);
	}
	return 0;
}

/* --- all of it --- */

static int load_entry(struct draft *d, const char *name, struct err *reterr)
{
	CLEANUP(yaml_file_freep) struct yaml_file *clouds = NULL;
	int r = load_clouds(&clouds, reterr);

	if (r < 0)
		return r;
	if (!yaml_file_is_mapping(clouds, yaml_file_get(clouds, yaml_file_root(clouds), "clouds")))
		return err_set(
			reterr, EINVAL, "%s has no 'clouds:' with entries", yaml_file_path(clouds));
	name = name ? name : only_cloud(clouds);
	if (!name)
		return err_set(reterr, ENOENT,
			"choose one of the clouds of %s with cloud=NAME or OS_CLOUD",
			yaml_file_path(clouds));
	d->file = yaml_file_path(clouds);
	d->cloud.name = strdup(name);
	if (!d->cloud.name)
		return err_nomem(reterr);
	r = read_entry(d, clouds, name, reterr);
	return r < 0 ? r : draft_judge(d, reterr);
}

static int load_environment(struct draft *d, struct err *reterr)
{
	int r = fill_from_environment(d, reterr);

	return r < 0 ? r : draft_judge(d, reterr);
}

int cloud_load(const char *name, struct cloud **ret, struct err *reterr)
{
	CLEANUP(draft_done) struct draft d = {0};
	struct cloud *c;
	int r;

	name = name ? name : variable("OS_CLOUD");
	if (!name && environment_configured())
		r = load_environment(&d, reterr);
	else
		r = load_entry(&d, name, reterr);
	if (r < 0)
		return r;
	c = malloc(sizeof(*c));
	if (!c)
		return err_nomem(reterr);
	*c = d.cloud;
	d.cloud = (struct cloud){0};
	*ret = c;
	return 0;
}

bool cloud_configured(const char *name)
{
	CLEANUP(yaml_file_freep) struct yaml_file *clouds = NULL;
	struct err e = {0};
	int r;

	if (name || variable("OS_CLOUD") || environment_configured())
		return true;
	r = load_clouds(&clouds, &e);
	if (r < 0 && r != -ENOENT)
		log_warning(
			"%s", e.text); /* else a typing error would quietly choose another target */
	return r == 0 && only_cloud(clouds);
}
