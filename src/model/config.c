#include "model/config.h"

#include "base/fs.h"
#include "base/pattern.h"
#include "model/config-keys.h"
#include "model/config-profile.h"
#include "model/config-read.h"

static struct config *config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	config_keys_init(config_table_top, c);
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	config_keys_release(config_table_top, c);
	config_origins_release(&c->origins);
	free(c->path);
	free(c);
}

void config_release(struct config **c)
{
	config_free(*c);
}

const struct config_origin *config_origin_find(const struct config *c, const char *key)
{
	return config_origins_find(&c->origins, key);
}

static int fault(
	const struct config *c, const char *key, const char *message, struct err *e)
{
	const struct config_origin *origin = config_origin_find(c, key);

	return err_set(e, ERR_SETUP, "%s:%u:%u: '%s': %s", c->path,
		origin ? origin->line : 1, origin ? origin->column : 1, key, message);
}

static int check_profile(
	const struct config *c, const struct config_profile *p, struct err *e)
{
	autofree char *key = xasprintf("profiles.%s.inherits", p->name);
	const struct config_profile *next = p;

	if (p->inherits && streq(p->name, "default"))
		return fault(c, key, "the default profile cannot inherit", e);
	if (p->inherits && !streq(p->inherits, "default") &&
		!config_profile_find(c, p->inherits))
		return fault(c, key, "there is no such profile", e);
	for (size_t steps = 0; next; steps++) {
		const char *parent = config_profile_parent(next);

		if (steps > c->profiles.len)
			return fault(c, key, "the profiles inherit in a circle", e);
		next = parent ? config_profile_find(c, parent) : NULL;
	}
	return 0;
}

/* Does somebody's dependency mean this suite, by its name or its id? */
static bool is_meant(const struct config_suite *s, const char *name)
{
	autofree char *id = xasprintf("::%s", s->name);

	return streq(name, s->name) || ends_with(name, id);
}

static int check_depends(const struct config *c, size_t i, struct err *e)
{
	const struct strv *depends = &c->suites.v[i].depends;
	autofree char *key = xasprintf("suites[%zu].depends", i);

	for (size_t k = 0; k < depends->len; k++) {
		bool found = false;
		autofree char *message = xasprintf(
			"there is no suite '%.60s' in this file", depends->v[k]);

		for (size_t n = 0; n < c->suites.len && !found; n++)
			found = is_meant(&c->suites.v[n], depends->v[k]);
		if (!found)
			return fault(c, key, message, e);
	}
	return 0;
}

static int check_suites(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->suites.len; i++) {
		const struct config_suite *s = &c->suites.v[i];
		autofree char *key = xasprintf("suites[%zu].name", i);

		if (!s->command.len && !s->binary)
			return fault(c, key,
				"this suite has neither 'command' nor 'binary'", e);
		for (size_t k = 0; k < i; k++)
			if (streq(s->name, c->suites.v[k].name) &&
				streq_null(s->package, c->suites.v[k].package))
				return fault(c, key, "this suite is there twice", e);
		if (check_depends(c, i, e) < 0)
			return -1;
	}
	return 0;
}

static int check_globs(const struct config *c, struct err *e)
{
	const struct strv *globs = &c->archive.exclude;

	for (size_t i = 0; i < globs->len; i++) {
		struct err inner = {0};
		struct pattern *p = pattern_glob(globs->v[i], PATTERN_PATH, NULL, &inner);

		if (!p)
			return fault(c, "archive.exclude", inner.msg, e);
		pattern_free(p);
	}
	return 0;
}

/* A name that somebody refers to is among those that are there (ends with NULL). */
static int check_name(const struct config *c, const char *key, const char *name,
	const char *where, const char *const *names, struct err *e)
{
	autofree char *message = NULL;
	const char *near = util_nearest(name, names);

	for (size_t i = 0; names[i]; i++)
		if (streq(names[i], name))
			return 0;
	message = xasprintf("`%s` has no '%.60s'%s%s%s", where, name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return fault(c, key, message, e);
}

/* The group somebody names is there. */
static int check_group(const struct config *c, const struct config_case_settings *s,
	const char *prefix, struct err *e)
{
	autofree char *key = xasprintf("%stest-group", prefix);
	autofree const char **names = xcalloc(c->groups.len + 2, sizeof *names);

	for (size_t i = 0; i < c->groups.len; i++)
		names[i] = c->groups.v[i].name;
	names[c->groups.len] = "@global";
	return s->test_group ? check_name(c, key, s->test_group, "test-groups", names, e)
			     : 0;
}

static int check_scripts(const struct config *c, const struct config_scripts *there,
	const struct strv *names, const char *key, const char *where, struct err *e)
{
	autofree const char **known = xcalloc(there->len + 1, sizeof *known);

	for (size_t i = 0; i < there->len; i++)
		known[i] = there->v[i].name;
	for (size_t i = 0; i < names->len; i++)
		if (check_name(c, key, names->v[i], where, known, e) < 0)
			return -1;
	return 0;
}

static int check_wrapper(
	const struct config *c, const char *name, const char *key, struct err *e)
{
	size_t n = c->scripts.wrapper.len;
	autofree const char **known = xcalloc(n + 1, sizeof *known);

	for (size_t i = 0; i < n; i++)
		known[i] = c->scripts.wrapper.v[i].name;
	return name ? check_name(c, key, name, "scripts.wrapper", known, e) : 0;
}

static int check_rules(
	const struct config *c, const struct config_profile *p, struct err *e)
{
	for (size_t i = 0; i < p->rules.len; i++) {
		const struct config_script_rule *r = &p->rules.v[i];
		autofree char *at = xasprintf("profiles.%s.scripts[%zu]", p->name, i);
		autofree char *setup = xasprintf("%s.setup", at),
			      *teardown = xasprintf("%s.teardown", at),
			      *run = xasprintf("%s.run-wrapper", at),
			      *list = xasprintf("%s.list-wrapper", at);

		if (check_scripts(c, &c->scripts.setup, &r->setup, setup, "scripts.setup",
			    e) < 0 ||
			check_scripts(c, &c->scripts.teardown, &r->teardown, teardown,
				"scripts.teardown", e) < 0 ||
			check_wrapper(c, r->run_wrapper, run, e) < 0 ||
			check_wrapper(c, r->list_wrapper, list, e) < 0)
			return -1;
	}
	return 0;
}

static int check_overrides(const struct config *c, const struct config_overrides *all,
	const char *prefix, struct err *e)
{
	for (size_t i = 0; i < all->len; i++) {
		autofree char *inner = xasprintf("%soverrides[%zu].", prefix, i);

		if (check_group(c, &all->v[i].of_case, inner, e) < 0)
			return -1;
	}
	return 0;
}

static int check_groups(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->groups.len; i++) {
		autofree char *key =
			xasprintf("test-groups.%s.max-threads", c->groups.v[i].name);

		if (c->groups.v[i].name[0] == '@')
			return fault(c, key,
				"names of groups that begin with '@' are xtest's own", e);
	}
	for (size_t i = 0; i < c->profiles.len; i++) {
		const struct config_profile *p = &c->profiles.v[i];
		autofree char *prefix = xasprintf("profiles.%s.", p->name);

		if (check_group(c, &p->settings.of_case, prefix, e) < 0 ||
			check_overrides(c, &p->overrides, prefix, e) < 0 ||
			check_rules(c, p, e) < 0)
			return -1;
	}
	return check_group(c, &c->settings.of_case, "", e) < 0
		       ? -1
		       : check_overrides(c, &c->overrides, "", e);
}

/* What no single value shows. */
static int check(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->profiles.len; i++)
		if (check_profile(c, &c->profiles.v[i], e) < 0)
			return -1;
	return check_suites(c, e) < 0 || check_globs(c, e) < 0 || check_groups(c, e) < 0
		       ? -1
		       : 0;
}

struct config *config_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct config *c = config_new();

	c->path = xstrdup(name);
	if (config_read_text(config_table_top, c, &c->origins, text, len, name, e) == 0 &&
		check(c, e) == 0)
		return c;
	config_free(c);
	return NULL;
}

struct config *config_load(const char *path, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	if (fs_read_file(path, &text, e) < 0)
		return NULL;
	return config_parse(buf_str(&text), text.len, path, e);
}

struct config *config_load_project(const char *dir, struct err *e)
{
	autofree char *path = fs_join(dir, "xtest.json");

	return fs_exists(path) ? config_load(path, e) : config_new();
}
