/* The place `local`: this machine, its own CPU, the host's runner. */
#include "transport/child.h"

static bool local_claims(const char *uri)
{
	return streq(uri, "local");
}

static int local_open(const struct place_config *config, struct link *link, struct err *e)
{
	return child_open(config->runner_path, link, e);
}

const struct transport transport_local = {
	.name = "local",
	.help = "this machine, in place",
	.claims = local_claims,
	.open = local_open,
	.close = child_close,
};
