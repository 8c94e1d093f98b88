#include "model/config-profile.h"

#include "model/config-keys.h"

const struct config_profile *config_profile_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->profiles.len; i++)
		if (streq(c->profiles.v[i].name, name))
			return &c->profiles.v[i];
	return NULL;
}

const char *config_profile_parent(const struct config_profile *p)
{
	if (p->inherits)
		return p->inherits;
	return streq(p->name, "default") ? NULL : "default";
}

static int unknown(const struct config *c, const char *name, struct err *e)
{
	autorelease(buf) struct buf known = BUF_INIT;

	for (size_t i = 0; i < c->profiles.len; i++)
		if (!streq(c->profiles.v[i].name, "default"))
			buf_printf(&known, ", %s", c->profiles.v[i].name);
	return err_set(e, ERR_SETUP, "there is no profile '%s'; there are: default%s",
		name, buf_str(&known));
}

int config_layers_open(struct config_layers *l, const struct config *c,
	const char *profile, struct err *e)
{
	const char *name = profile ? profile : "default";

	*l = (struct config_layers){.config = c, .next = config_profile_find(c, name)};
	return l->next || streq(name, "default") ? 0 : unknown(c, name, e);
}

bool config_layers_next(struct config_layers *l)
{
	const char *parent;

	if (l->top)
		return false;
	l->now = l->next;
	if (!l->now) {
		l->top = true;
		l->settings = &l->config->settings;
		l->overrides = &l->config->overrides;
		l->rules = NULL;
		return true;
	}
	l->settings = &l->now->settings;
	l->overrides = &l->now->overrides;
	l->rules = &l->now->rules;
	parent = config_profile_parent(l->now);
	l->next = parent ? config_profile_find(l->config, parent) : NULL;
	return true;
}

char *config_layers_path(const struct config_layers *l, const char *key)
{
	return l->now ? xasprintf("profiles.%s.%s", l->now->name, key) : xstrdup(key);
}

int config_profile_settings(const struct config *c, const char *profile,
	struct config_settings *out, struct err *e)
{
	struct config_layers l;

	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	*out = (struct config_settings){0};
	config_keys_init(config_table_settings, out);
	while (config_layers_next(&l))
		config_keys_inherit(config_table_settings, out, l.settings);
	return 0;
}
