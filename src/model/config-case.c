#include "model/config-keys.h"
#include "model/config-profile.h"

/* Takes from the overrides of one layer what is still open. */
static int take_overrides(const struct config_layers *l,
	const struct filter_subject *subject, struct config_case_settings *out,
	struct err *e)
{
	for (size_t i = 0; i < l->overrides->len; i++) {
		const struct config_override *o = &l->overrides->v[i];
		enum filter_answer answer = config_override_applies(o, subject, true, e);

		if (answer == FILTER_ERROR)
			return -1;
		if (answer == FILTER_YES)
			config_keys_inherit(config_table_case, out, &o->of_case);
	}
	return 0;
}

int config_case_overrides(const struct config *c, const char *profile,
	const struct filter_subject *subject, struct config_case_settings *out,
	struct err *e)
{
	struct config_layers l;

	*out = (struct config_case_settings){0};
	config_keys_init(config_table_case, out);
	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	while (config_layers_next(&l))
		if (take_overrides(&l, subject, out, e) < 0)
			return -1;
	return 0;
}

int config_case_inherit(const struct config *c, const char *profile,
	struct config_case_settings *settings, struct err *e)
{
	struct config_settings all;

	if (config_profile_settings(c, profile, &all, e) < 0)
		return -1;
	config_keys_inherit(config_table_case, settings, &all.of_case);
	return 0;
}

int config_case_settings(const struct config *c, const char *profile,
	const struct filter_subject *subject, struct config_case_settings *out,
	struct err *e)
{
	return config_case_overrides(c, profile, subject, out, e) < 0
		       ? -1
		       : config_case_inherit(c, profile, out, e);
}

const struct config_timeout *config_case_limit(const struct config_case_settings *s)
{
	if (s->timeout.period_us != CONFIG_UNSET)
		return &s->timeout;
	return s->slow_timeout.period_us != CONFIG_UNSET &&
			       s->slow_timeout.terminate_after != CONFIG_UNSET
		       ? &s->slow_timeout
		       : NULL;
}

const struct config_group *config_case_group(const struct config *c, const char *name)
{
	for (size_t i = 0; name && i < c->groups.len; i++)
		if (streq(c->groups.v[i].name, name))
			return &c->groups.v[i];
	return NULL;
}
