/* The place `system`: a machine of the target's architecture in QEMU, with the runner as
 * its first process. It boots once; from then on its saved states are gone on from. */
#include "transport/system.h"

#include "base/fs.h"
#include "image/image.h"
#include "model/target.h"
#include "transport/accel.h"
#include "transport/system-private.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
	QEMU_OWN_MIB = 64,     /* beside the machine's memory */
	TRIAL_LIMIT_MS = 6000, /* a machine under KVM is up in one */
};

uint64_t system_ram_bytes(const struct system *s)
{
	return (uint64_t)s->config->memory_mib << 20;
}

static bool system_claims(const char *uri)
{
	return streq(uri, "system");
}

/* ---- opening */

void system_forget(struct system *s)
{
	machine_release(&s->machine);
	s->machine = (struct machine)MACHINE_INIT;
	qmp_free(take_ptr(s->qmp));
	free(take_ptr(s->shutdown));
	free(take_ptr(s->fatal));
	free(take_ptr(s->oops));
	for (size_t i = 0; i < KILLS_MAX; i++)
		free(take_ptr(s->kills[i].line));
	s->n_kills = 0;
}

static void free_system(struct system *s)
{
	system_forget(s);
	console_free(s->console);
	if (s->log_fd >= 0)
		close(s->log_fd);
	state_store_close(s->states);
	free(s->program);
	free(s->restored);
	free(s->note);
	free(s);
}

static char *find_qemu(const struct image_machine *m, struct err *e)
{
	autofree char *found = fs_find_program(m->qemu, NULL);

	if (!found)
		return err_null(e, ERR_SETUP, "%s is missing; install the package %s",
			m->qemu, m->package);
	return fs_real_path(found, e);
}

static int check_memory(const struct machine_config *c, struct err *e)
{
	uint64_t have = machine_host_memory_mib();

	if (have && have < (uint64_t)c->memory_mib + QEMU_OWN_MIB)
		return err_set(e, ERR_SETUP,
			"a machine for %s needs %u MiB of memory and %llu MiB are free "
			"here; end something, or run fewer machines at once",
			c->recipe->name, c->memory_mib + QEMU_OWN_MIB,
			(unsigned long long)have);
	return 0;
}

int system_start(struct system *s, int ram_fd, bool shared, int state_fd, struct err *e)
{
	struct qemu_options o = {
		.config = s->config,
		.program = s->program,
		.kvm = s->kvm,
		.incoming = state_fd >= 0,
		.shared = shared,
	};

	if (machine_start(&s->machine, &o, ram_fd, state_fd, e) < 0)
		return -1;
	s->qmp = qmp_new(take_fd(s->machine.monitor_fd), system_on_event, s);
	return 0;
}

static void open_states(struct system *s, const char *cache)
{
	autofree char *dir = cache ? fs_join(cache, "states") : NULL;
	struct err e = {0};

	if (!dir || !s->config->snapshots)
		return;
	s->states = state_store_open(dir, &e);
	if (!s->states)
		s->note = xasprintf("no state of a machine is kept: %s", e.msg);
}

static int boot(struct system *s, struct err *e)
{
	int ram_fd = machine_new_ram(system_ram_bytes(s), e);

	return ram_fd < 0 ? -1 : system_start(s, ram_fd, true, -1, e);
}

/* Boots with KVM and waits until the runner has opened its port. */
static bool boot_for_trial(struct system *s)
{
	int64_t deadline = now_ms() + TRIAL_LIMIT_MS;
	struct err ignored;

	s->kvm = true;
	if (boot(s, &ignored) < 0)
		return false;
	while (!s->answers && now_ms() < deadline && qmp_fd(s->qmp) >= 0) {
		poll(&(struct pollfd){.fd = qmp_fd(s->qmp), .events = POLLIN}, 1, 50);
		system_listen(s);
	}
	return s->answers;
}

/* 1: there is a machine already. */
static int choose_accel(struct system *s, const struct target *target, const char *cache)
{
	enum accel accel = cache ? accel_choose(target, cache) : ACCEL_TCG;

	s->kvm = accel == ACCEL_KVM;
	if (accel != ACCEL_TRY)
		return 0;
	s->kvm = boot_for_trial(s);
	accel_remember(target, cache, s->kvm);
	if (!s->kvm)
		system_forget(s);
	return s->kvm;
}

static int bring_up(
	struct system *s, const struct target *target, struct link *link, struct err *e)
{
	struct err ignored;
	autofree char *cache = image_cache_dir(&ignored);

	open_states(s, cache);
	link->level = LINK_FRESH;
	if (choose_accel(s, target, cache))
		return 0;
	link->level = system_restore(s, LINK_STAGED);
	if (link->level == LINK_FRESH)
		link->level = system_restore(s, LINK_BOOTED);
	return link->level == LINK_FRESH ? boot(s, e) : 0;
}

static int system_open(
	const struct place_config *config, struct link *link, struct err *e)
{
	const struct machine_config *c = config->machine;
	struct system *s;

	if (!c)
		return err_set(e, ERR_SETUP, "no image of a machine for %s was made",
			config->target->name);
	s = xcalloc(1, sizeof *s);
	s->machine = (struct machine)MACHINE_INIT;
	s->config = c;
	s->log_fd = -1;
	s->program = find_qemu(&c->recipe->machine, e);
	if (!s->program || check_memory(c, e) < 0) {
		free_system(s);
		return -1;
	}
	if (c->log_path)
		s->log_fd = open(
			c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	s->console = console_new(c->console, system_on_finding, s);
	if (bring_up(s, config->target, link, e) < 0) {
		free_system(s);
		return -1;
	}
	if (link->level != LINK_FRESH)
		console_mark(s->console);
	link->in_fd = link->out_fd = s->machine.port_fd;
	link->pid = s->machine.pid;
	link->detail =
		xasprintf("%s, %s", c->recipe->machine.qemu, s->kvm ? "KVM" : "TCG");
	link->note = s->note;
	link->state = s;
	return 0;
}

static void system_close(struct link *link, char **why)
{
	struct system *s = link->state;

	if (!s)
		return;
	/* Nothing in it is worth a farewell; what was, has been told. */
	if (machine_reap(&s->machine) && !s->shutdown)
		*why = machine_end_words(&s->machine);
	free_system(s);
	link->state = NULL;
	link->in_fd = link->out_fd = -1;
	link->pid = 0;
}

/* ---- by hand */

char *system_command_line(const struct place_config *config, struct err *e)
{
	autofree char *program = find_qemu(&config->machine->recipe->machine, e);
	const struct qemu_options o = {
		.config = config->machine,
		.program = program,
		.ram_fd = -1,
		.port_fd = -1,
		.monitor_fd = -1,
		.console_fd = -1,
	};
	autorelease(strv) struct strv argv = STRV_INIT;

	if (!program)
		return NULL;
	qemu_argv(&o, &argv);
	return strv_quote(&argv);
}

const struct transport transport_system = {
	.name = "system",
	.help = "a machine of the target's architecture in QEMU, with a kernel of its "
		"own",
	.staged = true,
	.claims = system_claims,
	.open = system_open,
	.close = system_close,
	.watch = system_watch,
	.check = system_check,
	.kills = system_kills,
	.save = system_save,
	.distrust = system_distrust,
};
