/*
 * Cases that lean on what others leave behind: fixtures with those who require and those
 * who clean up, and suites that depend on each other. Where files stay, as on this
 * machine, their order is enough; where each machine has its own, they belong on the same
 * one, as long as it lives.
 */
#ifndef XTEST_ENGINE_UNIT_H
#define XTEST_ENGINE_UNIT_H

#include "model/plan.h"

struct pool_place;

struct unit {
	struct pool_place
		*home; /* where its first case went; NULL: not yet, or it died */
	size_t left;   /* cases without a verdict */
};

struct unit_list {
	struct unit *v; /* owned */
	size_t *of;     /* owned: for each item of the plan, which; SIZE_MAX: in none */
	size_t len;     /* of both */
};

/* Links what the plan links, through any number of others. */
void unit_list_init(struct unit_list *list, const struct plan *plan);
void unit_list_release(struct unit_list *list);
/* NULL for a case that leans on nobody and nobody on it. */
struct unit *unit_find(const struct unit_list *list, size_t item);

#endif
