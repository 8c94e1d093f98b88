/* Filters and the names there are: what cannot select anything here is refused, and not
 * silently nothing. */
#include "engine/workload.h"

#include "framework/framework.h"
#include "transport/transport.h"

/* ---- every filter of the configuration */

/* Returns 0 to go on. `key` is where it stands. */
typedef int visit_fn(
	void *ctx, const struct filter *filter, const char *key, struct err *e);

struct visitor {
	visit_fn *visit;
	void *ctx;
	struct err *e;
	int status; /* what ended the visits, or 0 */
};

/* The filter at PREFIX LIST[INDEX].MEMBER, or PREFIX MEMBER; NULL is none. */
static void visit_one(struct visitor *v, const struct filter *filter, const char *prefix,
	const char *list, size_t index, const char *member)
{
	autofree char *key = list ? xasprintf("%s%s[%zu].%s", prefix, list, index, member)
				  : xasprintf("%s%s", prefix, member);

	if (filter && !v->status)
		v->status = v->visit(v->ctx, filter, key, v->e);
}

static void visit_overrides(
	struct visitor *v, const struct config_overrides *o, const char *prefix)
{
	for (size_t i = 0; i < o->len; i++)
		visit_one(v, o->v[i].filter, prefix, "overrides", i, "filter");
}

static int visit_filters(
	const struct config *c, visit_fn *visit, void *ctx, struct err *e)
{
	struct visitor v = {visit, ctx, e, 0};

	visit_one(&v, c->settings.default_filter, "", NULL, 0, "default-filter");
	visit_overrides(&v, &c->overrides, "");
	for (size_t i = 0; i < c->profiles.len; i++) {
		const struct config_profile *p = &c->profiles.v[i];
		autofree char *prefix = xasprintf("profiles.%s.", p->name);

		visit_one(&v, p->settings.default_filter, prefix, NULL, 0,
			"default-filter");
		visit_overrides(&v, &p->overrides, prefix);
		for (size_t k = 0; k < p->rules.len; k++)
			visit_one(
				&v, p->rules.v[k].filter, prefix, "scripts", k, "filter");
	}
	for (size_t i = 0; i < c->quarantine.len; i++)
		visit_one(&v, c->quarantine.v[i].filter, "", "quarantine", i, "filter");
	for (size_t i = 0; i < c->archive.include.len; i++)
		visit_one(&v, c->archive.include.v[i].suites, "", "archive.include", i,
			"suites");
	return v.status;
}

static int uses_links(void *ctx UNUSED, const struct filter *filter,
	const char *key UNUSED, struct err *e UNUSED)
{
	return filter_uses(filter, "deps") || filter_uses(filter, "rdeps");
}

bool workload_filter_needs_links(const struct workload *w)
{
	struct err ignored;

	return visit_filters(w->project->config, uses_links, NULL, &ignored) != 0;
}

/* ---- the names */

struct names {
	struct strv packages, binaries, ids, targets, places, frameworks, groups, tags,
		deps;
};

static void names_release(struct names *n)
{
	strv_release(&n->packages);
	strv_release(&n->binaries);
	strv_release(&n->ids);
	strv_release(&n->targets);
	strv_release(&n->places);
	strv_release(&n->frameworks);
	strv_release(&n->groups);
	strv_release(&n->tags);
	strv_release(&n->deps);
}

static void collect_suites(const struct suite_list *suites, struct names *n)
{
	for (size_t i = 0; i < suites->len; i++) {
		const struct suite *s = &suites->v[i];

		strv_push(&n->packages, s->package);
		strv_push(&n->binaries, s->name);
		strv_push(&n->ids, s->id);
		strv_push_all(&n->tags, &s->labels);
		strv_push_all(&n->deps, &s->deps);
		strv_push_all(&n->deps, &s->rdeps);
	}
}

/* Targets, places and frameworks are known when xtest knows them, whether or not this run
 * has them: one command serves runs on several. */
static void collect(struct workload *w, struct names *n)
{
	const struct config *c = w->project->config;

	strv_push(&n->targets, "host");
	for (size_t i = 0; i < w->known.len; i++)
		strv_push(&n->targets, w->known.v[i].name);
	for (size_t i = 0; transport_table[i]; i++)
		strv_push(&n->places, transport_table[i]->name);
	for (size_t i = 0; i < c->boards.len; i++)
		strv_push(&n->places, c->boards.v[i].name);
	for (size_t i = 0; framework_table[i]; i++)
		strv_push(&n->frameworks, framework_table[i]->name);
	strv_push(&n->groups, "@global");
	for (size_t i = 0; i < c->groups.len; i++)
		strv_push(&n->groups, c->groups.v[i].name);
	for (size_t i = 0; i < w->n_columns; i++) {
		strv_push(&n->targets, w->columns[i].event.target);
		strv_push(&n->places, w->columns[i].event.place);
	}
	for (size_t i = 0; i < w->n_targets; i++)
		collect_suites(&w->targets[i].build.suites, n);
	strv_unique(&n->packages);
	strv_unique(&n->tags);
	strv_unique(&n->deps);
}

struct check {
	const struct workload *w;
	struct filter_names fixed, all;
};

static void fill_check(struct check *check, const struct names *n, bool whole)
{
	check->fixed = (struct filter_names){
		.targets = (const char *const *)strv_argv(&n->targets),
		.places = (const char *const *)strv_argv(&n->places),
		.frameworks = (const char *const *)strv_argv(&n->frameworks),
		.groups = (const char *const *)strv_argv(&n->groups),
	};
	check->all = check->fixed;
	if (!whole)
		return;
	check->all.packages = (const char *const *)strv_argv(&n->packages);
	check->all.binaries = (const char *const *)strv_argv(&n->binaries);
	check->all.binary_ids = (const char *const *)strv_argv(&n->ids);
	check->all.tags = (const char *const *)strv_argv(&n->tags);
	check->all.deps = (const char *const *)strv_argv(&n->deps);
}

/* What the project does not build for these targets, it may build for others: that is
 * told, and no error. */
static int check_config_filter(
	void *ctx, const struct filter *filter, const char *key, struct err *e)
{
	const struct check *check = ctx;
	const struct config *c = check->w->project->config;
	const struct config_origin *origin = config_origin_find(c, key);
	autofree char *where = xasprintf("%s:%u:%u: %s", c->path ? c->path : "xtest.json",
		origin ? origin->line : 1, origin ? origin->column : 1, key);
	struct err doubt = {0};

	if (filter_check(filter, &check->fixed, e) < 0) {
		e->kind = ERR_SETUP;
		return err_context(e, "%s", where);
	}
	if (filter_check(filter, &check->all, &doubt) < 0) {
		err_context(&doubt, "%s", where);
		emit_note(check->w->emit, doubt.msg);
	}
	return 0;
}

int workload_filter_check(
	struct workload *w, const struct filter_set *filter, struct err *e)
{
	autorelease(names) struct names n = {0};
	struct check check = {.w = w};
	bool archived = false, shard = false;

	if (filter_set_uses(filter, "deps") || filter_set_uses(filter, "rdeps"))
		workload_links(w);
	collect(w, &n);
	for (size_t i = 0; i < w->n_targets; i++) {
		const struct archive_reader *archive = w->targets[i].archive;

		archived |= archive != NULL;
		shard |= archive && archive_unpack_manifest(archive)->partition;
	}
	/* What is not in a shard is in another one: all of them are asked the same. */
	fill_check(&check, &n, !shard);
	if (filter_set_check(filter, &check.all, e) < 0)
		return -1;
	/* An archive may hold a part of the project. */
	fill_check(&check, &n, !archived);
	return visit_filters(w->project->config, check_config_filter, &check, e);
}
