/* What holds in the end, and who said it: for `xtest show-config`. */
#ifndef XTEST_MODEL_CONFIG_SHOW_H
#define XTEST_MODEL_CONFIG_SHOW_H

#include "model/config.h"

/* One setting. All strings are valid during the call only. */
struct config_shown {
	const char *key;
	const char *option;   /* that says the same on the command line; NULL: none */
	const char *value;    /* as JSON; NULL: the configuration does not say */
	const char *fallback; /* what holds then; NULL: nothing */
	const char *file;     /* where it was set; NULL with `value` */
	unsigned line, column;
};

typedef void (*config_show_fn)(void *ctx, const struct config_shown *shown);

/* Every setting of a run, in the order of the table, whether it is given or not. Returns
 * -1 when there is no such profile. */
int config_show_settings(const struct config *c, const char *profile, config_show_fn each,
	void *ctx, struct err *e) MUST_CHECK;
/* Every setting of a case. */
int config_show_case(const struct config *c, const char *profile,
	const struct filter_subject *subject, config_show_fn each, void *ctx,
	struct err *e) MUST_CHECK;
/* What is given beside settings, profiles and overrides. */
void config_show_rest(const struct config *c, config_show_fn each, void *ctx);

#endif
