#include "model/config-profile.h"

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
static int undecidable(const struct config_layers *l, size_t i, struct err *e)
{
	autofree char *inner = xasprintf("overrides[%zu].filter", i);
	autofree char *key = config_layers_path(l, inner);
	const struct config_origin *at = config_origin_find(l->config, key);

	return err_set(e, ERR_SETUP,
		"%s:%u:%u: platform and framework are said of whole suites, and this "
		"filter asks for names of tests or for places: use binary() or "
		"binary_id()",
		l->config->path ? l->config->path : "xtest.json", at ? at->line : 0,
		at ? at->column : 0);
}

/* The first override that applies to the suite and has the setting; *out stays NULL when
 * none does. */
static int find(const struct config *c, const char *profile,
	const struct filter_subject *subject, bool (*has)(const struct config_override *),
	const struct config_override **out, struct err *e)
{
	struct config_layers l;

	*out = NULL;
	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	while (config_layers_next(&l)) {
		for (size_t i = 0; i < l.overrides->len; i++) {
			const struct config_override *o = &l.overrides->v[i];
			enum filter_answer answer;

			if (!has(o))
				continue;
			answer = config_override_applies(o, subject, false, e);
			if (answer == FILTER_ERROR)
				return -1;
			if (answer == FILTER_YES) {
				*out = o;
				return 0;
			}
			if (answer == FILTER_DEPENDS && !o->place && o->filter)
				return undecidable(&l, i, e);
		}
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

int config_override_platform(const struct config *c, const char *profile,
	const struct filter_subject *subject, enum config_platform *platform,
	struct err *e)
{
	const struct config_override *o;

	if (find(c, profile, subject, has_platform, &o, e) < 0)
		return -1;
	*platform = o ? (enum config_platform)o->platform : CONFIG_PLATFORM_UNSET;
	return 0;
}

int config_override_framework(const struct config *c, const char *profile,
	const struct filter_subject *subject, const char **framework, struct err *e)
{
	const struct config_override *o;

	if (find(c, profile, subject, has_framework, &o, e) < 0)
		return -1;
	*framework = o ? o->framework : NULL;
	return 0;
}
