#include "engine/workload-machine.h"

#include "base/fs.h"
#include "base/threads.h"
#include "engine/capacity.h"
#include "engine/parse-log.h"
#include "engine/ship.h"
#include "engine/step.h"
#include "engine/workload-content.h"
#include "image/image.h"
#include "model/console.h"
#include "transport/machine.h"

#include <errno.h>
#include <unistd.h>

enum {
	HOST_SHARE = 2, /* all machines together: a part of the free memory */
};

struct workload_machine {
	struct image_recipe recipe; /* the configuration's words over the file's */
	char *command_line;
	struct image image;
	struct console_table *console;
	struct machine_config config;
	char *log_path;
	const struct shipment *shipment; /* borrowed from the column's content */
};

void workload_machine_free(struct workload_machine *m)
{
	if (!m)
		return;
	image_release(&m->image);
	console_table_free(m->console);
	free(m->command_line);
	free(m->log_path);
	free(m);
}

const struct machine_config *workload_machine_config(const struct workload_machine *m)
{
	return &m->config;
}

static const struct config_machine *settings(const struct workload *w)
{
	return &w->project->config->machine;
}

static bool on_cancelled(void *ctx)
{
	return interrupt_check(((struct workload *)ctx)->interrupt);
}

/* ---- the image */

static int load_recipe(struct workload *w, struct workload_machine *m,
	const struct workload_target *t, struct err *e)
{
	const char *more = settings(w)->command_line;
	const struct image_recipe *recipe;

	if (!w->recipes.len && image_recipe_list_load(&w->recipes, NULL, e) < 0)
		return -1;
	recipe = image_recipe_get(&w->recipes, t->target->name, e);
	if (!recipe)
		return -1;
	m->recipe = *recipe;
	if (!more)
		return 0;
	m->command_line = xasprintf("%s %s", recipe->command_line, more);
	m->recipe.command_line = m->command_line;
	return 0;
}

/* The image's progress, and whether it is to go on. */
struct building {
	struct step step; /* first */
	struct workload *w;
};

static void on_progress(void *ctx, const char *line, double fraction)
{
	step_line(ctx, line, fraction);
}

static bool is_cancelled(void *ctx)
{
	return on_cancelled(((struct building *)ctx)->w);
}

static int make_image(struct workload *w, const struct workload_column *c,
	struct workload_machine *m, struct err *e)
{
	autofree char *what = xasprintf("an image for %s", c->event.target);
	struct building b = {
		.step = {.emit = w->emit, .verb = "Building", .what = what}, .w = w};
	const char *kernel = w->machine.kernel ? w->machine.kernel : settings(w)->kernel;
	autofree char *path = kernel ? fs_normalize(kernel, w->project->root) : NULL;
	const struct image_request request = {
		.recipe = &m->recipe,
		.runner_path = c->runner_path,
		.packages = &settings(w)->packages,
		.kernel = w->machine.kernel ? w->machine.kernel : path,
		.initramfs = w->machine.initramfs,
		.progress = on_progress,
		.cancelled = is_cancelled,
		.ctx = &b,
	};

	if (image_get(&request, &m->image, e) < 0)
		return -1;
	step_end(&b.step, "Built", what);
	return 0;
}

/* ---- how large it is */

/* In steps, so that a few bytes more are the same machine, and as its kind allows it. */
static uint64_t round_memory(const struct workload_machine *m, uint64_t mib)
{
	unsigned step = m->recipe.machine.memory_step_mib;

	return (mib + step - 1) / step * step;
}

/* What is sent lies there, and a test's copy or output beside it. */
static uint64_t memory_needed(const struct workload_machine *m)
{
	uint64_t mib = m->recipe.machine.memory_mib +
		       2 * ((shipment_bytes(m->shipment) >> 20) + 1);

	return round_memory(m, mib);
}

static int size_memory(const struct workload *w, struct workload_machine *m,
	const char *label, struct err *e)
{
	uint64_t need = memory_needed(m), have = machine_host_memory_mib();
	int64_t configured = settings(w)->memory;
	uint64_t given = w->machine.memory_mib        ? w->machine.memory_mib
			 : configured != CONFIG_UNSET ? (uint64_t)configured
						      : 0;

	if (given && given < need)
		return err_set(e, ERR_SETUP,
			"%s: the tests take %.1f MiB, for which a machine needs %llu MiB "
			"of memory and not %llu; give --memory %llu",
			label, (double)shipment_bytes(m->shipment) / (1 << 20),
			(unsigned long long)need, (unsigned long long)given,
			(unsigned long long)need);
	if (have && MAX(given, need) > have)
		return err_set(e, ERR_SETUP,
			"%s: a machine with %llu MiB of memory is needed (the tests take "
			"%.1f MiB), and this one has %llu MiB to give; select fewer, or "
			"free %llu MiB",
			label, (unsigned long long)MAX(given, need),
			(double)shipment_bytes(m->shipment) / (1 << 20),
			(unsigned long long)have,
			(unsigned long long)(MAX(given, need) - have));
	m->config.memory_mib = (unsigned)round_memory(m, given ? given : need);
	return 0;
}

/* How many machines, and how many processors each, for so many cases (0: not known). */
static struct capacity find_capacity(
	const struct workload *w, const struct workload_machine *m, size_t cases)
{
	int64_t configured = settings(w)->cpus;
	const struct capacity_request request = {
		.jobs = w->jobs,
		.cases = cases,
		.fresh = w->fresh,
		.cpus = w->machine.cpus              ? w->machine.cpus
			: configured != CONFIG_UNSET ? (unsigned)configured
						     : 0,
		.max_cpus = m->recipe.machine.max_cpus,
		.memory_mib = m->config.memory_mib,
		.host_cpus = threads_processors(),
		.host_mib = machine_host_memory_mib(),
	};

	return capacity_find(&request);
}

size_t workload_machine_count(
	const struct workload *w, const struct workload_column *c, size_t cases)
{
	return find_capacity(w, c->machine, cases).machines;
}

/* ---- all of it */

/* The last run's console is of no interest any more. */
static char *open_log(const struct workload *w, const struct workload_column *c)
{
	autofree char *name = xasprintf("console-%s.log", c->label);
	char *path;

	if (!fs_is_dir(w->project->state_dir))
		return NULL;
	path = fs_join(w->project->state_dir, name);
	unlink(path);
	return path;
}

int workload_machine_make(struct workload *w, struct workload_column *c, struct err *e)
{
	struct workload_machine *m;

	if (c->machine)
		return 0;
	m = c->machine = xcalloc(1, sizeof *m);
	m->console = console_table_load_for(w->project->config, c->event.target, e);
	if (!m->console || load_recipe(w, m, &w->targets[c->target], e) < 0 ||
		make_image(w, c, m, e) < 0 || workload_content_make(w, c, e) < 0)
		return -1;
	m->shipment = workload_content_shipment(c->content);
	if (size_memory(w, m, c->label, e) < 0)
		return -1;
	m->log_path = open_log(w, c);
	m->config.recipe = &m->recipe;
	m->config.image = &m->image;
	m->config.console = m->console;
	m->config.cpus = find_capacity(w, m, 0).cpus;
	/* A kernel under test tells at its boot what it finds. */
	m->config.snapshots = !w->machine.no_snapshots && !w->machine.kernel &&
			      m->recipe.machine.snapshots;
	m->config.content = shipment_key(m->shipment);
	m->config.log_path = m->log_path;
	m->config.gdb = w->machine.gdb;
	c->event.slots = m->config.cpus;
	return 0;
}

/* ---- what its kernel has to say */

static void name_kernel(struct parse_log *p)
{
	for (size_t i = 0; i < p->suites.len; i++) {
		struct suite *s = &p->suites.v[i];

		if (streq(s->package, "console"))
			continue;
		free(s->package);
		free(s->id);
		s->package = xstrdup("kernel");
		s->id = xasprintf("kernel::%s", s->name);
	}
}

void workload_machine_tell_kernel(const struct workload *w,
	const struct workload_column *c, size_t at, struct event_counts *counts,
	struct event_counts *column_counts)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct parse_log log;
	struct err e = {0};

	if (!w->machine.kernel || !c->machine || !c->machine->log_path)
		return;
	if (fs_read_file(c->machine->log_path, &text, &e) < 0) {
		emit_note(w->emit, e.msg);
		return;
	}
	parse_log_init(&log, c->machine->console, PARSE_LOG_AUTO, "kernel");
	parse_log_feed(&log, text.data, text.len);
	parse_log_end(&log);
	name_kernel(&log);
	parse_log_tell_kernel(&log, w->emit, &c->event, at, counts, column_counts);
	parse_log_release(&log);
}
