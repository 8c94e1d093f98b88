#include "transport/transport.h"

const struct transport *const transport_table[] = {
	&transport_local, &transport_user, &transport_system, &transport_ssh, NULL};

const struct transport *transport_find(const char *uri)
{
	for (const struct transport *const *t = transport_table; *t; t++)
		if ((*t)->claims(uri))
			return *t;
	return NULL;
}

void demise_release(struct demise *d)
{
	free(d->reason);
	free(d->console);
	*d = (struct demise){0};
}
