#include "engine/record.h"

#include "model/history.h"

struct record {
	const struct project *project;
	const struct emit *emit;
	struct history *results; /* owned; of this run */
	bool any;                /* some case has ended */
};

struct record *record_new(const struct project *project, const struct emit *emit)
{
	struct record *r = xcalloc(1, sizeof *r);

	*r = (struct record){.project = project, .emit = emit, .results = history_new()};
	return r;
}

void record_event(struct record *r, const struct event *event)
{
	if (event->type != EVENT_CASE_END)
		return;
	r->any = true;
	history_add_event(r->results, event, wall_clock_ms() / 1000);
}

void record_settle(struct record *r)
{
	autofree char *fault = NULL;
	struct err e = {0};

	if (!r->any)
		return;
	if (project_make_state(r->project, &e) < 0 ||
		history_save(r->results, r->project->state_dir, &fault, &e) < 0) {
		err_context(&e, "what this run took is not kept");
		emit_note(r->emit, e.msg);
	} else if (fault) {
		emit_note(r->emit, fault);
	}
}

void record_free(struct record *r)
{
	if (!r)
		return;
	history_free(r->results);
	free(r);
}
