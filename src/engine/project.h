/*
 * The project under test on this machine: its root, its configuration, and `.xtest/`,
 * where everything xtest makes in it lives.
 */
#ifndef XTEST_ENGINE_PROJECT_H
#define XTEST_ENGINE_PROJECT_H

#include "base/err.h"
#include "model/config.h"

struct project {
	char *source_dir;      /* what is built: the root, or below it */
	char *root;            /* absolute, links resolved */
	char *name;            /* of the root directory */
	char *state_dir;       /* ROOT/.xtest, or $XTEST_STATE_DIR */
	bool state_given;      /* it is the latter */
	struct config *config; /* from ROOT/xtest.json; empty when there is none */
};

/* `dir` NULL: the working directory. Makes nothing yet. ERR_SETUP for a missing directory
 * or a faulty xtest.json. */
int project_open(struct project *p, const char *dir, struct err *e) MUST_CHECK;
void project_release(struct project *p);
/* Makes the state directory with its .gitignore. */
int project_make_state(const struct project *p, struct err *e) MUST_CHECK;

#endif
