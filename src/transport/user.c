/* The place `user`: this machine's kernel, the target's CPU emulated by qemu-user. The
 * runner is the host's own; the emulator stands in front of each program (and, in the
 * runner's private view, behind binfmt_misc). */
#include "model/toolchain.h"
#include "transport/child.h"

static bool user_claims(const char *uri)
{
	return streq(uri, "user");
}

static int user_open(const struct place_config *config, struct link *link, struct err *e)
{
	const struct toolchain *t = config->toolchain;

	if (!t->emulator.len)
		return err_set(e, ERR_SETUP,
			"no emulator for %s was found; see `xtest target check %s`",
			config->target->name, config->target->name);
	if (child_open(config->runner_path, link, e) < 0)
		return -1;
	return 0;
}

const struct transport transport_user = {
	.name = "user",
	.help = "the target's CPU in QEMU user mode, on this kernel",
	.claims = user_claims,
	.open = user_open,
	.close = child_close,
};
