/* How profiles lean on each other; for the files src/model/config*.c only. */
#ifndef XTEST_MODEL_CONFIG_PROFILE_H
#define XTEST_MODEL_CONFIG_PROFILE_H

#include "model/config.h"

/* The profile of that name, or NULL. */
const struct config_profile *config_profile_find(
	const struct config *c, const char *name);
/* Name of the one a profile falls back on: what it says, else "default"; NULL for
 * "default" itself. */
const char *config_profile_parent(const struct config_profile *p);

/* Goes over what a profile consists of, the strongest first: itself, what it inherits,
 * the top level. */
struct config_layers {
	const struct config *config;
	const struct config_profile *next;
	bool top;                         /* the top level was there */
	const struct config_profile *now; /* NULL: the top level */
	const struct config_settings *settings;
	const struct config_overrides *overrides;
	const struct config_script_rules *rules; /* NULL: it has none */
};

/* NULL is the default profile, which need not be there. ERR_SETUP for another one that is
 * not. */
int config_layers_open(struct config_layers *l, const struct config *c,
	const char *profile, struct err *e) MUST_CHECK;
bool config_layers_next(struct config_layers *l);
/* "KEY", or "profiles.ci.KEY"; the caller's. */
char *config_layers_path(const struct config_layers *l, const char *key);

#endif
