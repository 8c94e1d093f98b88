#include "model/config-profile.h"

static enum filter_answer applies(const struct config_script_rule *r,
	const struct filter_subject *s, bool is_listing, struct err *e)
{
	enum filter_platform side =
		r->platform == CONFIG_HOST ? FILTER_HOST : FILTER_TARGET;

	if ((r->target && !streq_null(r->target, s->target)) ||
		(r->place && !streq_null(r->place, s->place)) ||
		(r->platform != CONFIG_PLATFORM_UNSET && side != s->platform))
		return FILTER_NO;
	if (!r->filter)
		return FILTER_YES;
	return is_listing ? filter_eval_suite(r->filter, s, e)
			  : filter_eval_case(r->filter, s, e);
}

static const struct config_wrapper *find_wrapper(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->scripts.wrapper.len; i++)
		if (streq(c->scripts.wrapper.v[i].name, name))
			return &c->scripts.wrapper.v[i];
	return NULL;
}

/* A whole suite is listed: a rule that may hold for one of its cases holds for it. */
int config_script_wrapper(const struct config *c, const char *profile,
	const struct filter_subject *subject, bool is_listing,
	const struct config_wrapper **out, struct err *e)
{
	struct config_layers l;

	*out = NULL;
	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	while (config_layers_next(&l))
		for (size_t i = 0; l.rules && i < l.rules->len; i++) {
			const struct config_script_rule *r = &l.rules->v[i];
			const char *name = is_listing ? r->list_wrapper : r->run_wrapper;
			enum filter_answer answer =
				name ? applies(r, subject, is_listing, e) : FILTER_NO;

			if (answer == FILTER_ERROR)
				return -1;
			if (answer == FILTER_NO)
				continue;
			*out = find_wrapper(c, name);
			return 0;
		}
	return 0;
}

int config_script_names(const struct config *c, const char *profile,
	const struct filter_subject *subject, bool is_setup, struct strv *names,
	struct err *e)
{
	struct config_layers l;

	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	while (config_layers_next(&l))
		for (size_t i = 0; l.rules && i < l.rules->len; i++) {
			const struct config_script_rule *r = &l.rules->v[i];
			const struct strv *more = is_setup ? &r->setup : &r->teardown;
			enum filter_answer answer =
				more->len ? applies(r, subject, false, e) : FILTER_NO;

			if (answer == FILTER_ERROR)
				return -1;
			for (size_t k = 0; answer == FILTER_YES && k < more->len; k++)
				if (!strv_has(names, more->v[k]))
					strv_push(names, more->v[k]);
		}
	return 0;
}
