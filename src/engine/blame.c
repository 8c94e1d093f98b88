#include "engine/blame.h"

enum blame blame_find(const struct blame_facts *facts)
{
	/* A board is not renewed for its suspects. */
	if (!facts->renewable)
		return facts->board && facts->running == 1 && facts->demise &&
				       facts->demise->by_guest
			       ? BLAME_CASE
			       : BLAME_NOBODY;
	/* Two machines in a row that this host did not serve say nothing of the case. */
	if (facts->alone && facts->demise && facts->demise->by_host)
		return BLAME_NOBODY;
	/* Two machines in a row are no accident, whatever the second died of. */
	if (facts->alone)
		return BLAME_CASE;
	return facts->running == 1 && facts->demise && facts->demise->by_guest
		       ? BLAME_CASE
		       : BLAME_SUSPECT;
}

bool blame_is_ruin(const struct outcome *o, bool renewable, bool pristine)
{
	return o->kind == END_NOT_STARTED && renewable && !pristine;
}

void blame_accuse(struct outcome *o, const struct demise *demise, const char *why_down)
{
	free(o->detail);
	o->kind = END_MACHINE;
	o->detail = xstrdup(demise && demise->reason ? demise->reason : why_down);
	free(o->console);
	o->console = xstrdup_null(demise ? demise->console : NULL);
}

char *blame_note(const char *column, const char *why, size_t running, const char *name)
{
	if (running == 1)
		return xasprintf("%s: %s; %s runs again, alone in a fresh machine",
			column, why, name);
	return xasprintf("%s: %s; %zu tests were running there, and each runs again, "
			 "alone in a fresh machine",
		column, why, running);
}
