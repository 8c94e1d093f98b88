#include "base/fs.h"
#include "base/pattern.h"
#include "engine/archive-private.h"
#include "model/config.h"

#include <inttypes.h>
#include <sys/stat.h>

void archive_plan_roots(
	const struct archive_request *r, const char *roots[ARCHIVE_N_ROOTS])
{
	roots[ARCHIVE_SOURCE] = r->source_dir;
	roots[ARCHIVE_TARGET] = r->target_build_dir;
	roots[ARCHIVE_HOST] =
		r->host_build_dir && !streq_null(r->host_build_dir, r->target_build_dir)
			? r->host_build_dir
			: NULL;
	roots[ARCHIVE_SYSROOT] = r->sysroot && *r->sysroot ? r->sysroot : "/";
}

/* ---- runners */

static int add_runners(struct archive_plan *plan, struct err *e)
{
	for (size_t i = 0; i < plan->request->n_runners; i++) {
		const struct archive_runner *runner = &plan->request->runners[i];
		autofree char *name = xasprintf("xtest/runner/%s", runner->arch);
		struct archive_item *item;
		struct stat st;

		if (stat(runner->path, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(e, ERR_ARCHIVE,
				"the runner for %s, %s, is not there", runner->arch,
				runner->path);
		item = archive_items_add(&plan->items, name);
		item->origin = xstrdup(runner->path);
		item->reason = xasprintf("starts the tests on %s", runner->arch);
		item->mode = 0755;
		item->size_bytes = (uint64_t)st.st_size;
		plan->total_bytes += item->size_bytes;
	}
	return 0;
}

/* ---- suites */

typedef int gather_fn(struct archive_gather *g, const struct suite *s, struct err *e);

static int each_suite(struct archive_gather *g, gather_fn *gather, struct err *e)
{
	const struct archive_request *r = g->plan->request;
	const struct suite_list *lists[] = {r->target_suites, r->host_suites};
	long number = 0;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; lists[k] && i < lists[k]->len; i++, number++) {
			g->suite = number;
			if (gather(g, &lists[k]->v[i], e) < 0)
				return err_context(e, "archive %s", lists[k]->v[i].id);
		}
	g->suite = ARCHIVE_COMMON;
	return 0;
}

/* ---- archive.include */

/* Can the include be for this suite? 1, 0, or -1 (ERR_FILTER). */
static int concerns(const struct archive_request *r, const struct config_include *in,
	const struct suite *s, struct err *e)
{
	bool host = s->platform == PLATFORM_HOST;
	struct filter_subject subject = {
		.binary = s->name,
		.binary_id = s->id,
		.package = s->package,
		.kind = s->kind,
		.platform = host ? FILTER_HOST : FILTER_TARGET,
		.target = host ? "host" : r->target,
		.framework = s->framework,
		.tags = (const char *const *)strv_argv(&s->labels),
		.deps = s->deps.len ? (const char *const *)strv_argv(&s->deps) : NULL,
		.rdeps = s->rdeps.len ? (const char *const *)strv_argv(&s->rdeps) : NULL,
	};
	enum filter_answer answer;

	if (in->platform != CONFIG_PLATFORM_UNSET &&
		in->platform != (host ? CONFIG_HOST : CONFIG_TARGET))
		return 0;
	if (!in->suites)
		return 1;
	answer = filter_eval_suite(in->suites, &subject, e);
	return answer == FILTER_ERROR ? -1 : answer != FILTER_NO;
}

static int wants_include(
	const struct archive_request *r, const struct config_include *in, struct err *e)
{
	const struct suite_list *lists[] = {r->target_suites, r->host_suites};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; lists[k] && i < lists[k]->len; i++) {
			int wanted = concerns(r, in, &lists[k]->v[i], e);

			if (wanted)
				return wanted;
		}
	return 0;
}

/* Gathers what the include names; *found says whether there was any. */
static int take_include(struct archive_gather *g, const struct config_include *in,
	const char *root, bool *found, struct err *e)
{
	autofree char *why = xasprintf("archive.include %s", in->path);
	autofree char *path = fs_normalize(in->path, root);
	struct archive_walk walk = {.why = why,
		.depth = in->depth == CONFIG_UNSET
				 ? -1
				 : (int)MIN(in->depth, ARCHIVE_DEPTH_MAX),
		.everything = true};
	int result;

	if (!fs_is_within(path, root))
		return err_set(e, ERR_ARCHIVE,
			"archive.include \"%s\" leads out of %s; give a path inside of "
			"it",
			in->path, root);
	*found = fs_exists(path);
	if (*found && fs_is_dir(path))
		return archive_gather_tree(g, path, &walk, e);
	if (*found)
		return archive_gather_path(g, path, why, true, e) < 0 ? -1 : 0;
	if (!strpbrk(in->path, "*?[{"))
		return 0;
	walk.only = pattern_glob(in->path, PATTERN_PATH, NULL, e);
	if (!walk.only)
		return err_context(e, "archive.include \"%s\"", in->path);
	walk.depth = -1;
	result = archive_gather_tree(g, root, &walk, e);
	*found = walk.matched > 0;
	pattern_free(walk.only);
	return result;
}

static int add_include(
	struct archive_gather *g, const struct config_include *in, struct err *e)
{
	const struct archive_request *r = g->plan->request;
	const char *build = in->platform == CONFIG_HOST && r->host_build_dir
				    ? r->host_build_dir
				    : r->target_build_dir;
	const char *root = in->relative_to == CONFIG_BUILD ? build : r->source_dir;
	int on_missing = in->on_missing != CONFIG_MISSING_UNSET ? in->on_missing
								: r->config->on_missing;
	int wanted = wants_include(r, in, e);
	bool found = false;

	if (wanted <= 0)
		return wanted;
	g->platform = in->platform == CONFIG_HOST ? PLATFORM_HOST : PLATFORM_TARGET;
	if (take_include(g, in, root, &found, e) < 0)
		return -1;
	if (found || on_missing == CONFIG_MISSING_IGNORE)
		return 0;
	if (on_missing == CONFIG_MISSING_WARN) {
		archive_gather_note(
			g, "archive.include \"%s\" is not in %s", in->path, root);
		return 0;
	}
	return err_set(e, ERR_ARCHIVE,
		"archive.include \"%s\" is not in %s; correct it, or say \"on-missing\": "
		"\"warn\"",
		in->path, root);
}

/* ---- the whole */

static int compare_items(const void *a, const void *b)
{
	const struct archive_item *x = a, *y = b;

	return archive_item_compare(x->name, y->name);
}

int archive_plan_includes(struct archive_gather *g, struct err *e)
{
	const struct archive_request *r = g->plan->request;

	strv_clear(&g->search);
	g->widen = true;
	for (size_t i = 0; r->config && i < r->config->include.len; i++)
		if (add_include(g, &r->config->include.v[i], e) < 0)
			return -1;
	return 0;
}

static int gather_all(struct archive_gather *g, struct err *e)
{
	if (each_suite(g, archive_suite_gather, e) < 0 ||
		each_suite(g, archive_suite_gather_around, e) < 0)
		return -1;
	return archive_plan_includes(g, e);
}

int archive_plan_make(
	const struct archive_request *request, struct archive_plan *plan, struct err *e)
{
	struct archive_gather g = {0};
	int result;

	*plan = (struct archive_plan){.request = request};
	plan->n_suites = (request->target_suites ? request->target_suites->len : 0) +
			 (request->host_suites ? request->host_suites->len : 0);
	plan->library_dirs = xcalloc(plan->n_suites + 1, sizeof *plan->library_dirs);
	result = add_runners(plan, e);
	if (result == 0) {
		result = archive_gather_init(&g, plan, e);
		if (result == 0)
			result = gather_all(&g, e);
		archive_gather_release(&g);
	}
	if (result < 0) {
		if (e->kind != ERR_FILTER)
			e->kind = ERR_ARCHIVE;
		return -1;
	}
	if (plan->items.len)
		qsort(plan->items.v, plan->items.len, sizeof *plan->items.v,
			compare_items);
	if (archive_items_check(&plan->items, e) == 0)
		return 0;
	e->kind = ERR_ARCHIVE;
	return -1;
}

void archive_plan_release(struct archive_plan *plan)
{
	for (size_t i = 0; plan->library_dirs && i < plan->n_suites; i++)
		strv_release(&plan->library_dirs[i]);
	free(plan->library_dirs);
	archive_items_release(&plan->items);
	strv_release(&plan->notes);
	for (size_t i = 0; i < plan->n_texts; i++)
		buf_release(&plan->texts[i].text);
	*plan = (struct archive_plan){0};
}

void archive_plan_print(const struct archive_plan *plan, FILE *out)
{
	for (size_t i = 0; i < plan->items.len; i++) {
		const struct archive_item *item = &plan->items.v[i];

		fprintf(out, "%12" PRIu64 "  %s%s%s  (%s)\n", item->size_bytes,
			item->name,
			item->kind == ARCHIVE_DIR    ? "/"
			: item->kind == ARCHIVE_LINK ? " -> "
						     : "",
			item->kind == ARCHIVE_LINK ? item->link : "", item->reason);
	}
	fprintf(out, "%12" PRIu64 "  in %zu entries\n", plan->total_bytes,
		plan->items.len);
	for (size_t i = 0; i < plan->notes.len; i++)
		fprintf(out, "note: %s\n", plan->notes.v[i]);
}
