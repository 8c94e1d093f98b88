/*
 * Whose fault the death of a place is. A machine that goes down takes the cases on it
 * along; which of them did it decides between a verdict and another attempt.
 */
#ifndef XTEST_ENGINE_BLAME_H
#define XTEST_ENGINE_BLAME_H

#include "model/outcome.h"
#include "transport/transport.h"

enum blame {
	BLAME_NOBODY,  /* infrastructure: what ran there is lost */
	BLAME_CASE,    /* the case did it: a crash */
	BLAME_SUSPECT, /* it may have been the case: it runs again, alone */
};

struct blame_facts {
	const struct demise *demise; /* NULL: nothing but the loss of the link is known */
	bool renewable;              /* there can be another machine like it */
	bool board;                  /* it is a machine that is no process of ours */
	size_t running;              /* cases on it when it died */
	bool alone; /* the case had run before when a machine died, and had this one for
		       itself */
};

enum blame blame_find(const struct blame_facts *facts);
/* Whether a case that could not be started may find what it needs in a fresh machine: a
 * test before it may have removed all there was. Not where nothing had run before, which
 * is `pristine`. */
bool blame_is_ruin(const struct outcome *o, bool renewable, bool pristine);
/* What a case that is to blame leaves: END_MACHINE with the reason and the console. */
void blame_accuse(struct outcome *o, const struct demise *demise, const char *why_down);
/* The sentence about a death whose cases run again; `name` is the one case when there was
 * only one. The caller's. */
char *blame_note(const char *column, const char *why, size_t running, const char *name);

#endif
