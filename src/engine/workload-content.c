#include "engine/workload-content.h"

#include "base/fs.h"
#include "engine/ship.h"
#include "engine/workload-archive.h"

enum { NOTES_MAX = 3 };

struct workload_content {
	/* Of what was built here; an unpacked archive has its own. */
	struct workload_pack pack;
	struct archive_plan plan;
	struct archive_roots roots;
	struct shipment *shipment;
};

void workload_content_free(struct workload_content *m)
{
	if (!m)
		return;
	shipment_free(m->shipment);
	archive_roots_release(&m->roots);
	archive_plan_release(&m->plan);
	workload_pack_release(&m->pack);
	free(m);
}

struct shipment *workload_content_shipment(const struct workload_content *m)
{
	return m ? m->shipment : NULL;
}

static bool on_cancelled(void *ctx)
{
	return interrupt_check(((struct workload *)ctx)->interrupt);
}

/* Where things are is where they were, unless the target's roots say otherwise. */
static void set_roots(const struct archive_request *r, const struct archive_roots *of,
	struct archive_roots *roots)
{
	const char *dirs[ARCHIVE_N_ROOTS] = {
		[ARCHIVE_SOURCE] = r->source_dir,
		[ARCHIVE_TARGET] = r->target_build_dir,
		[ARCHIVE_SYSROOT] = r->sysroot ? r->sysroot : "/",
	};

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		if (!dirs[i])
			continue;
		roots->v[i].original =
			xstrdup(of->v[i].original ? of->v[i].original : dirs[i]);
		roots->v[i].extracted = xstrdup(dirs[i]);
	}
}

static void tell_notes(const struct workload *w, const struct strv *notes)
{
	autofree char *more = NULL;

	for (size_t i = 0; i < MIN(notes->len, NOTES_MAX); i++)
		emit_note(w->emit, notes->v[i]);
	if (notes->len <= NOTES_MAX)
		return;
	more = xasprintf("%zu more notes on what is sent: see `xtest archive --list`",
		notes->len - NOTES_MAX);
	emit_note(w->emit, more);
}

/* All of the target's suites, whatever was selected: another selection then finds the
 * same machine. */
static int plan_content(struct workload *w, const struct workload_column *c,
	struct workload_content *m, struct err *e)
{
	const struct filter_set all = {0};

	if (workload_pack_init(&m->pack, w, c->target, &all, NULL, e) < 0)
		return -1;
	m->pack.request.n_runners = 0;
	m->pack.request.tolerant = true;
	if (archive_plan_make(&m->pack.request, &m->plan, e) < 0)
		return -1;
	tell_notes(w, &m->plan.notes);
	set_roots(&m->pack.request, &w->targets[c->target].roots, &m->roots);
	return 0;
}

static int make_shipment(struct workload *w, const struct workload_column *c,
	struct workload_content *m, struct err *e)
{
	const struct workload_target *t = &w->targets[c->target];

	if (t->archive) {
		m->shipment = shipment_new(
			&archive_unpack_manifest(t->archive)->items, &t->roots);
		return 0;
	}
	if (plan_content(w, c, m, e) < 0 ||
		shipment_digest(&m->plan.items, on_cancelled, w, e) < 0)
		return -1;
	m->shipment = shipment_new(&m->plan.items, &m->roots);
	return 0;
}

int workload_content_make(struct workload *w, struct workload_column *c, struct err *e)
{
	if (c->content)
		return 0;
	c->content = xcalloc(1, sizeof *c->content);
	if (make_shipment(w, c, c->content, e) < 0)
		return -1;
	/* A machine's store ends with it. */
	if (!c->renewable) {
		autofree char *dir = fs_join(w->project->state_dir, "shipped");

		shipment_remember(c->content->shipment, dir);
	}
	return 0;
}
