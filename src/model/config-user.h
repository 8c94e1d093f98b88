/*
 * The user's configuration: what a person wants in every project, as colours. It is JSON
 * with comments like the project's, read by the same code, and comes behind it.
 */
#ifndef XTEST_MODEL_CONFIG_USER_H
#define XTEST_MODEL_CONFIG_USER_H

#include "model/config.h"

enum config_progress {
	CONFIG_PROGRESS_UNSET = -1,
	CONFIG_PROGRESS_AUTO,
	CONFIG_PROGRESS_NONE
};

struct config_user {
	char *path; /* NULL: there is none */
	char *schema;
	int color;    /* index of config_user_colors */
	int progress; /* enum config_progress */
	int64_t jobs;
	struct config_origins origins;
};

/* "auto", "always", "never". */
extern const char *const config_user_colors[];

/* Reads a file; NULL: config.json in $XDG_CONFIG_HOME/xtest or ~/.config/xtest, which may
 * be missing; "none": nothing. NULL with ERR_SETUP when it cannot be read or is faulty.
 */
struct config_user *config_user_load(const char *path, struct err *e);
void config_user_free(struct config_user *u);
/* Where a value was set, or NULL. */
const struct config_origin *config_user_origin(
	const struct config_user *u, const char *key);

#endif
