#include "model/config.h"

#include "base/fs.h"
#include "base/pattern.h"
#include "model/config-keys.h"
#include "model/config-read.h"

static struct config *config_new(void)
{
	struct config *c = xcalloc(1, sizeof(*c));

	config_keys_init(config_keys_top, c);
	return c;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	config_keys_release(config_keys_top, c);
	for (size_t i = 0; i < c->origins_len; i++)
		free(c->origins[i].key);
	free(c->origins);
	free(c->path);
	free(c);
}

void config_release(struct config **c)
{
	config_free(*c);
}

const struct config_origin *config_origin_find(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->origins_len; i++)
		if (streq(c->origins[i].key, key))
			return &c->origins[i];
	return NULL;
}

static int fault(
	const struct config *c, const char *key, const char *message, struct err *e)
{
	const struct config_origin *origin = config_origin_find(c, key);

	return err_set(e, ERR_SETUP, "%s:%u:%u: '%s': %s", c->path,
		origin ? origin->line : 1, origin ? origin->column : 1, key, message);
}

static const struct config_profile *profile_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->profiles.len; i++)
		if (streq(c->profiles.v[i].name, name))
			return &c->profiles.v[i];
	return NULL;
}

/* The profile a profile falls back on: what it says, and otherwise "default". */
static const char *parent_of(const struct config_profile *p)
{
	if (p->inherits)
		return p->inherits;
	return streq(p->name, "default") ? NULL : "default";
}

static int check_profile(
	const struct config *c, const struct config_profile *p, struct err *e)
{
	autofree char *key = xasprintf("profiles.%s.inherits", p->name);
	const struct config_profile *next = p;

	if (p->inherits && streq(p->name, "default"))
		return fault(c, key, "the default profile cannot inherit", e);
	if (p->inherits && !streq(p->inherits, "default") &&
		!profile_find(c, p->inherits))
		return fault(c, key, "there is no such profile", e);
	for (size_t steps = 0; next; steps++) {
		const char *parent = parent_of(next);

		if (steps > c->profiles.len)
			return fault(c, key, "the profiles inherit in a circle", e);
		next = parent ? profile_find(c, parent) : NULL;
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

/* What no single value shows. */
static int check(const struct config *c, struct err *e)
{
	for (size_t i = 0; i < c->profiles.len; i++)
		if (check_profile(c, &c->profiles.v[i], e) < 0)
			return -1;
	return check_suites(c, e) < 0 || check_globs(c, e) < 0 ? -1 : 0;
}

struct config *config_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct config *c = config_new();

	c->path = xstrdup(name);
	if (config_read_text(c, text, len, name, e) == 0 && check(c, e) == 0)
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

static bool timeout_is_set(const struct config_timeout *t)
{
	return t->period_us != CONFIG_UNSET;
}

/* Takes over from `from` what `to` does not say. */
static void inherit(struct config_settings *to, const struct config_settings *from)
{
	if (!to->targets.len)
		to->targets = from->targets;
	if (!to->place)
		to->place = from->place;
	if (to->jobs == CONFIG_UNSET)
		to->jobs = from->jobs;
	if (!timeout_is_set(&to->timeout))
		to->timeout = from->timeout;
	if (to->fail_fast < 0)
		to->fail_fast = from->fail_fast;
	if (!to->default_filter)
		to->default_filter = from->default_filter;
	if (!to->user)
		to->user = from->user;
	if (to->fresh < 0)
		to->fresh = from->fresh;
}

int config_profile_settings(const struct config *c, const char *profile,
	struct config_settings *out, struct err *e)
{
	static const struct config_settings unset = {.jobs = CONFIG_UNSET,
		.timeout = {CONFIG_UNSET, CONFIG_UNSET, CONFIG_UNSET},
		.fail_fast = -1,
		.fresh = CONFIG_FRESH_UNSET};
	const char *name = profile ? profile : "default";
	const struct config_profile *p = profile_find(c, name);

	if (!p && !streq(name, "default")) {
		autorelease(buf) struct buf known = BUF_INIT;

		for (size_t i = 0; i < c->profiles.len; i++)
			if (!streq(c->profiles.v[i].name, "default"))
				buf_printf(&known, ", %s", c->profiles.v[i].name);
		return err_set(e, ERR_SETUP,
			"there is no profile '%s'; there are: default%s", name,
			buf_str(&known));
	}
	*out = unset;
	while (p) {
		const char *parent = parent_of(p);

		inherit(out, &p->settings);
		p = parent ? profile_find(c, parent) : NULL;
	}
	inherit(out, &c->settings);
	return 0;
}

enum filter_answer config_override_applies(const struct config_override *o,
	const struct filter_subject *subject, bool is_case, struct err *e)
{
	if (o->target && subject->target && !streq(o->target, subject->target))
		return FILTER_NO;
	if (o->place && subject->place && !streq(o->place, subject->place))
		return FILTER_NO;
	if ((o->target && !subject->target) || (o->place && !subject->place))
		return is_case ? FILTER_NO : FILTER_DEPENDS;
	if (!o->filter)
		return FILTER_YES;
	return is_case ? filter_eval_case(o->filter, subject, e)
		       : filter_eval_suite(o->filter, subject, e);
}

/* Nobody would see why such an override never holds. */
static int undecidable(const struct config *c, size_t i, struct err *e)
{
	autofree char *key = xasprintf("overrides[%zu].filter", i);
	const struct config_origin *at = config_origin_find(c, key);

	return err_set(e, ERR_SETUP,
		"%s:%u:%u: platform and framework are said of whole suites, and this "
		"filter asks for names of tests or for places: use binary() or "
		"binary_id()",
		c->path ? c->path : "xtest.json", at ? at->line : 0, at ? at->column : 0);
}

/* The first override that applies and has the setting; *out stays NULL when none does. */
static int find(const struct config *c, const struct filter_subject *subject,
	bool is_case, bool (*has)(const struct config_override *o),
	const struct config_override **out, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < c->overrides.len; i++) {
		const struct config_override *o = &c->overrides.v[i];
		enum filter_answer answer;

		if (!has(o))
			continue;
		answer = config_override_applies(o, subject, is_case, e);
		if (answer == FILTER_ERROR)
			return -1;
		if (answer == FILTER_YES) {
			*out = o;
			return 0;
		}
		if (answer == FILTER_DEPENDS && !o->place && o->filter)
			return undecidable(c, i, e);
	}
	return 0;
}

static bool has_platform(const struct config_override *o)
{
	return o->platform != CONFIG_PLATFORM_UNSET;
}

static bool has_framework(const struct config_override *o)
{
	return o->framework != NULL;
}

static bool has_timeout(const struct config_override *o)
{
	return timeout_is_set(&o->timeout);
}

int config_override_platform(const struct config *c, const struct filter_subject *subject,
	enum config_platform *platform, struct err *e)
{
	const struct config_override *o;

	if (find(c, subject, false, has_platform, &o, e) < 0)
		return -1;
	*platform = o ? (enum config_platform)o->platform : CONFIG_PLATFORM_UNSET;
	return 0;
}

int config_override_framework(const struct config *c,
	const struct filter_subject *subject, const char **framework, struct err *e)
{
	const struct config_override *o;

	if (find(c, subject, false, has_framework, &o, e) < 0)
		return -1;
	*framework = o ? o->framework : NULL;
	return 0;
}

int config_override_timeout(const struct config *c, const struct filter_subject *subject,
	struct config_timeout *timeout, struct err *e)
{
	static const struct config_timeout unset = {
		CONFIG_UNSET, CONFIG_UNSET, CONFIG_UNSET};
	const struct config_override *o;

	if (find(c, subject, true, has_timeout, &o, e) < 0)
		return -1;
	*timeout = o ? o->timeout : unset;
	return 0;
}
