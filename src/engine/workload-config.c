/* Conditions of the configuration that can never hold are refused, with their place. */
#include "engine/workload.h"

#include "framework/framework.h"
#include "transport/transport.h"

static int refuse(const struct workload *w, const char *prefix, size_t i, const char *key,
	const char *what, const char *value, const char *const *known, struct err *e)
{
	autofree char *path = xasprintf("%s[%zu].%s", prefix, i, key);
	const struct config *c = w->project->config;
	const struct config_origin *at = config_origin_find(c, path);
	const char *near = util_nearest(value, known);

	return err_set(e, ERR_SETUP, "%s:%u:%u: '%s': there is no %s '%.60s'%s%s%s",
		c->path, at ? at->line : 1, at ? at->column : 1, path, what, value,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* What is asked of a condition: `target` and `place` of item `i` of the list. */
static int check_where(const struct workload *w, const char *prefix, size_t i,
	const char *target, const char *place, struct err *e)
{
	const struct config *c = w->project->config;
	autorelease(strv) struct strv names = STRV_INIT;

	if (target && !streq(target, "host") && !target_list_find(&w->known, target)) {
		strv_push(&names, "host");
		for (size_t k = 0; k < w->known.len; k++)
			strv_push(&names, w->known.v[k].name);
		return refuse(w, prefix, i, "target", "target", target,
			(const char *const *)strv_argv(&names), e);
	}
	if (!place || transport_find(place))
		return 0;
	for (size_t k = 0; transport_table[k]; k++)
		strv_push(&names, transport_table[k]->name);
	for (size_t k = 0; k < c->boards.len; k++)
		strv_push(&names, c->boards.v[k].name);
	return strv_has(&names, place)
		       ? 0
		       : refuse(w, prefix, i, "place", "place", place,
				 (const char *const *)strv_argv(&names), e);
}

static int check_framework(const struct workload *w, const char *prefix, size_t i,
	const char *framework, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (!framework || framework_find(framework))
		return 0;
	for (size_t k = 0; framework_table[k]; k++)
		strv_push(&names, framework_table[k]->name);
	return refuse(w, prefix, i, "framework", "framework", framework,
		(const char *const *)strv_argv(&names), e);
}

static int check_overrides(const struct workload *w, const char *prefix,
	const struct config_overrides *all, struct err *e)
{
	for (size_t i = 0; i < all->len; i++) {
		const struct config_override *o = &all->v[i];

		if (check_where(w, prefix, i, o->target, o->place, e) < 0 ||
			check_framework(w, prefix, i, o->framework, e) < 0)
			return -1;
	}
	return 0;
}

int workload_config_check(const struct workload *w, struct err *e)
{
	const struct config *c = w->project->config;

	if (check_overrides(w, "overrides", &c->overrides, e) < 0)
		return -1;
	for (size_t i = 0; i < c->suites.len; i++)
		if (check_framework(w, "suites", i, c->suites.v[i].framework, e) < 0)
			return -1;
	for (size_t i = 0; i < c->profiles.len; i++) {
		const struct config_profile *p = &c->profiles.v[i];
		autofree char *overrides = xasprintf("profiles.%s.overrides", p->name);
		autofree char *rules = xasprintf("profiles.%s.scripts", p->name);

		if (check_overrides(w, overrides, &p->overrides, e) < 0)
			return -1;
		for (size_t k = 0; k < p->rules.len; k++)
			if (check_where(w, rules, k, p->rules.v[k].target,
				    p->rules.v[k].place, e) < 0)
				return -1;
	}
	return 0;
}
