#include "engine/workload-archive.h"

#include "base/fs.h"
#include "engine/step.h"
#include "engine/workload-nextest.h"

#include <stdio.h>

/* ---- progress */

static void on_bytes(void *ctx, uint64_t done_bytes, uint64_t total_bytes)
{
	step_bytes(ctx, done_bytes, total_bytes);
}

static void end_step(struct step *step, const char *verb, size_t items, uint64_t bytes)
{
	autofree char *summary = xasprintf(
		"%s, %zu files, %.1f MiB", step->what, items, (double)bytes / (1 << 20));

	step_end(step, verb, summary);
}

/* The context of the callbacks begins with the step. */
struct packing {
	struct step step;
	struct workload *w;
};

static bool on_cancelled(void *ctx)
{
	const struct packing *p = ctx;

	return interrupt_check(p->w->interrupt);
}

/* ---- packing */

/* Marks what the filter leaves, and the fixtures of what is marked, until nothing more
 * comes. */
static int mark_suites(const struct suite_list *suites, const char *target,
	const struct filter_set *filter, bool *wanted, struct err *e)
{
	bool more = true;

	for (size_t i = 0; i < suites->len; i++) {
		struct event_column column = {
			.target =
				suites->v[i].platform == PLATFORM_HOST ? "host" : target};
		struct filter_subject subject = launch_subject(&column, &suites->v[i]);
		enum filter_answer answer = filter_set_suite(filter, &subject, NULL, e);

		if (answer == FILTER_ERROR)
			return -1;
		wanted[i] = answer != FILTER_NO;
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < suites->len; i++)
			for (size_t k = 0; !wanted[i] && k < suites->len; k++)
				if (wanted[k] &&
					suite_serves(&suites->v[i], &suites->v[k]))
					wanted[i] = more = true;
	}
	return 0;
}

static int add_runner(
	struct workload_pack *pack, const struct target *target, struct err *e)
{
	size_t n = pack->request.n_runners;

	if (n && streq(pack->runners[0].arch, target->runner))
		return 0;
	pack->runner_paths[n] = target_runner_path(target, e);
	if (!pack->runner_paths[n])
		return -1;
	pack->runners[n] = (struct archive_runner){target->runner, pack->runner_paths[n]};
	pack->request.n_runners++;
	return 0;
}

/* Leaves of a shallow copy those cases that are planned on some column; false when there
 * are none. `original` is what the plan knows. */
static bool choose_cases(
	struct suite *copy, const struct suite *original, const struct plan *plan)
{
	autofree bool *planned = xcalloc(original->n_cases + 1, sizeof *planned);

	for (size_t i = 0; i < plan->len; i++)
		if (plan->items[i].suite == original)
			planned[plan->items[i].test - original->cases] = true;
	copy->cases = xcalloc(original->n_cases + 1, sizeof *copy->cases);
	copy->n_cases = 0;
	for (size_t i = 0; i < original->n_cases; i++)
		if (planned[i])
			copy->cases[copy->n_cases++] = original->cases[i];
	return copy->n_cases > 0;
}

static void add_suite(
	struct workload_pack *pack, const struct suite *suite, const struct plan *plan)
{
	struct suite copy = *suite;

	if (plan && !choose_cases(&copy, suite, plan)) {
		free(copy.cases);
		return;
	}
	*suite_list_add(suite->platform == PLATFORM_HOST ? &pack->host_suites
							 : &pack->target_suites) = copy;
}

int workload_pack_init(struct workload_pack *pack, struct workload *w, size_t target,
	const struct filter_set *filter, const struct plan *plan, struct err *e)
{
	const struct workload_target *t = &w->targets[target];
	const struct suite_list *suites = t->nextest && t->nextest->located.len
						  ? &t->nextest->located
						  : &t->build.suites;
	autofree bool *wanted = xcalloc(suites->len, sizeof *wanted);

	*pack = (struct workload_pack){
		.request =
			{
				.project = w->project->name,
				.target = t->target->name,
				.triple = t->toolchain.triple,
				.source_dir = t->nextest ? t->nextest->workspace_dir
							 : w->project->root,
				.target_build_dir = t->nextest ? t->nextest->target_dir
						    : t->build.programs_dir
							    ? t->build.programs_dir
							    : t->build.build_dir,
				.sysroot = t->toolchain.sysroot,
				.target_suites = &pack->target_suites,
				.host_suites = &pack->host_suites,
				.runners = pack->runners,
				.config = &w->project->config->archive,
			},
	};
	if (plan) {
		pack->owns_cases = true;
		pack->partition =
			xasprintf("%s:%u/%u", partition_method_name(w->partition.method),
				w->partition.index, w->partition.count);
		pack->request.partition = pack->partition;
	}
	if (mark_suites(suites, t->target->name, filter, wanted, e) < 0)
		return -1;
	for (size_t i = 0; i < suites->len; i++)
		if (wanted[i])
			add_suite(pack, &suites->v[i], plan);
	return add_runner(pack, t->target, e);
}

static void free_cases(struct suite_list *copies)
{
	for (size_t i = 0; i < copies->len; i++)
		free(copies->v[i].cases);
}

void workload_pack_release(struct workload_pack *pack)
{
	if (pack->owns_cases) {
		free_cases(&pack->target_suites);
		free_cases(&pack->host_suites);
	}
	free(pack->partition);
	free(pack->target_suites.v);
	free(pack->host_suites.v);
	for (size_t i = 0; i < ARRAY_LEN(pack->runner_paths); i++)
		free(pack->runner_paths[i]);
	*pack = (struct workload_pack){0};
}

int workload_pack_write(struct workload *w, struct archive_plan *plan, const char *path,
	int level, struct err *e)
{
	struct packing p = {
		.step = {.emit = w->emit, .verb = "Archiving", .what = path}, .w = w};
	struct archive_pack_options options = {
		.level = level,
		.threads = w->jobs,
		.mtime_s = -1,
		.progress = on_bytes,
		.cancelled = on_cancelled,
		.ctx = &p,
	};

	step_begin(&p.step);
	if (archive_pack(plan, path, &options, e) < 0)
		return -1;
	end_step(&p.step, "Archived", plan->items.len, plan->total_bytes);
	return 0;
}

/* ---- unpacking */

/* The archive's own libraries stand in for this machine's. */
static void use_sysroot(struct toolchain *toolchain, const char *sysroot)
{
	struct strv emulator = STRV_INIT;

	toolchain_emulator(toolchain, sysroot, &emulator);
	strv_release(&toolchain->emulator);
	toolchain->emulator = emulator;
}

static int make_dest(
	const struct workload_unpack_options *o, char **extracted, struct err *e)
{
	*extracted = o->extract_to ? fs_normalize(o->extract_to, NULL)
				   : fs_temp_dir("xtest-archive", e);
	return *extracted ? 0 : -1;
}

int workload_archive_target(struct workload *w, const char *name, struct err *e)
{
	const struct target *target = target_list_get(&w->known, name, e);

	if (!target)
		return -1;
	if (!w->n_targets)
		return workload_add_target(w, target, e);
	if (w->n_targets > 1 || w->targets[0].target != target)
		return err_set(e, ERR_SETUP, "the archive was built for %s, not for %s",
			name, w->targets[0].target->name);
	return 0;
}

/* Tries the mounts once: where they hold, everything has the path it was built with. */
static enum archive_placing choose_placing(struct workload *w, struct workload_target *t)
{
	struct event_column column = {.label = "archive", .place = "local"};
	struct place_config config = {.uri = "local", .target = w->host};
	struct place_view view = {.binds = &t->binds};
	autofree char *runner = NULL;
	autoclose_place struct place *probe = NULL;
	struct err e = {0};

	runner = w->host ? target_runner_path(w->host, &e) : NULL;
	config.runner_path = runner;
	probe = runner ? place_open(&column, &config, &view, &e) : NULL;
	if (probe && place_has_binds(probe)) {
		t->mounted = true;
		return ARCHIVE_ORIGINAL;
	}
	emit_note(w->emit, "the archive's files cannot be mounted where they were built "
			   "here, their paths are rewritten: "
			   "what has a path built in may not find it");
	strv_clear(&t->binds);
	return ARCHIVE_RELOCATED;
}

/* A wrapper of the machine that built is none here. */
static void replace_wrapper(const struct workload_target *t, struct suite *s)
{
	autorelease(strv) struct strv wrapper = STRV_INIT;
	autofree char *text = NULL;

	if (!strv_env_find(&s->env, "MESON_EXE_WRAPPER"))
		return;
	workload_exec_wrapper(t, &wrapper);
	text = strv_quote(&wrapper);
	if (wrapper.len)
		strv_env_set(&s->env, "MESON_EXE_WRAPPER", text);
	else
		strv_env_unset(&s->env, "MESON_EXE_WRAPPER");
}

/* A place that is sent everything gets it where it was built. */
static int check_staged(const struct workload *w, const struct strv *uris,
	enum archive_placing placing, struct err *e)
{
	for (size_t i = 0; i < uris->len; i++) {
		const struct transport *transport = workload_transport(w, uris->v[i]);

		if (transport && transport->staged && placing != ARCHIVE_ORIGINAL)
			return err_set(e, ERR_SETUP,
				"--on %s: the archive has the paths of where it was "
				"built, and this machine, which runs a part of it, "
				"cannot mount it there; select `--on %s` alone, of an "
				"archive without host tests",
				uris->v[i], uris->v[i]);
	}
	return 0;
}

/* Nothing of it runs here. */
static bool is_all_staged(const struct workload *w, const struct strv *uris,
	const struct suite_list *suites)
{
	for (size_t i = 0; i < uris->len; i++) {
		const struct transport *transport = workload_transport(w, uris->v[i]);

		if (!transport || !transport->staged)
			return false;
	}
	for (size_t i = 0; i < suites->len; i++)
		if (suites->v[i].platform == PLATFORM_HOST)
			return false;
	return uris->len > 0;
}

int workload_archive_place(struct workload *w, struct workload_target *t,
	const struct strv *places, const struct suite_list *suites,
	enum archive_placing *placing, struct err *e)
{
	autorelease(strv) struct strv uris = STRV_INIT;
	bool all_staged;

	workload_split_places(w, places, &uris);
	all_staged = is_all_staged(w, &uris, suites);
	*placing = all_staged ? ARCHIVE_ORIGINAL : choose_placing(w, t);
	t->mounted |= all_staged;
	return check_staged(w, &uris, *placing, e);
}

/* What is sent elsewhere is what the archive holds. */
static int check_remap(
	const struct workload *w, const struct workload_unpack_options *o, struct err *e)
{
	autorelease(strv) struct strv uris = STRV_INIT;

	workload_split_places(w, o->places, &uris);
	for (size_t i = 0; o->workspace && i < uris.len; i++) {
		const struct transport *transport = workload_transport(w, uris.v[i]);

		if (transport && transport->staged)
			return err_set(e, ERR_USAGE,
				"--workspace-remap: what is sent to %s is what the "
				"archive holds",
				uris.v[i]);
	}
	return 0;
}

static int load_suites(struct workload *w, const struct archive_manifest *manifest,
	struct workload_target *t, const struct workload_unpack_options *o, struct err *e)
{
	struct suite_list *suites = &t->build.suites;
	enum archive_placing placing;

	if (workload_archive_place(w, t, o->places, &manifest->suites, &placing, e) < 0 ||
		check_remap(w, o, e) < 0)
		return -1;
	if (archive_load_suites(
		    manifest, &t->roots, placing, PLATFORM_TARGET, suites, NULL, e) < 0 ||
		archive_load_suites(
			manifest, &t->roots, placing, PLATFORM_HOST, suites, NULL, e) < 0)
		return -1;
	for (size_t i = 0; i < suites->len; i++)
		replace_wrapper(t, &suites->v[i]);
	return suite_list_check(suites, "archive", e);
}

struct extraction {
	struct packing p; /* first: the callbacks share their context */
	bool *wanted;     /* for each suite of the manifest; NULL: all of them */
	size_t items;
	uint64_t bytes;
};

static bool on_want(void *ctx, const struct archive_item *item)
{
	struct extraction *x = ctx;

	if (x->wanted && !archive_item_is_needed(item, x->wanted))
		return false;
	x->items++;
	x->bytes += item->size_bytes;
	return true;
}

static int extract(struct workload *w, const struct workload_unpack_options *o,
	struct archive_reader *reader, const char *dest, struct err *e)
{
	const struct archive_manifest *manifest = archive_unpack_manifest(reader);
	autofree bool *wanted = xcalloc(manifest->suites.len + 1, sizeof *wanted);
	struct extraction x = {
		.p = {.step = {.emit = w->emit, .verb = "Extracting", .what = o->file},
			.w = w}};
	struct archive_unpack_options unpack = {
		.dest = dest,
		.overwrite = o->overwrite,
		.want = on_want,
		.progress = on_bytes,
		.cancelled = on_cancelled,
		.ctx = &x,
	};

	if (streq(o->file, "-"))
		x.p.step.what = "standard input";
	/* An override may yet move a suite to where the filter wants it. */
	if (o->filter && !o->extract_to && !w->project->config->overrides.len) {
		if (mark_suites(&manifest->suites, manifest->target, o->filter, wanted,
			    e) < 0)
			return -1;
		x.wanted = wanted;
	}
	step_begin(&x.p.step);
	if (archive_unpack(reader, &unpack, e) < 0)
		return -1;
	end_step(&x.p.step, "Extracted", x.items, x.bytes);
	return 0;
}

static int unpack_own(struct workload *w, const struct workload_unpack_options *o,
	struct archive_reader **reader, const char *dest, struct err *e)
{
	const struct archive_manifest *manifest = archive_unpack_manifest(*reader);
	struct workload_target *t;

	if (extract(w, o, *reader, dest, e) < 0)
		return -1;
	t = &w->targets[0];
	t->archive = take_ptr(*reader);
	archive_roots_init(&t->roots, manifest, dest, o->workspace);
	use_sysroot(&t->toolchain, t->roots.v[ARCHIVE_SYSROOT].extracted);
	return archive_roots_binds(&t->roots, &t->binds, e) < 0
		       ? -1
		       : load_suites(w, manifest, t, o, e);
}

int workload_unpack(struct workload *w, const struct workload_unpack_options *o,
	char **extracted, struct err *e)
{
	struct archive_reader *reader = archive_unpack_open(o->file, e);
	bool own;
	int status = 0;

	if (!reader)
		return -1;
	own = archive_unpack_format(reader) == ARCHIVE_XTEST;
	if (own)
		status = workload_archive_target(
			w, archive_unpack_manifest(reader)->target, e);
	if (status == 0)
		status = make_dest(o, extracted, e);
	if (status == 0)
		status = own ? unpack_own(w, o, &reader, *extracted, e)
			     : workload_nextest_unpack(w, o, reader, *extracted, e);
	archive_unpack_close(reader);
	return status;
}
