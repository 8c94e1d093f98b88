/* Opening the places of columns. */
#include "engine/workload-board.h"
#include "engine/workload-content.h"
#include "engine/step.h"
#include "engine/workload-look.h"
#include "engine/workload-machine.h"
#include "transport/transport.h"

enum { OPENING_MAX = 64, WAIT_MS = 1000 };

void workload_close_places(struct workload *w)
{
	autofree struct place **all = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < w->n_columns; i++) {
		struct workload_column *c = &w->columns[i];

		for (size_t k = 0; k < c->n_places; k++) {
			all = xgrow(all, &cap, n + 1, sizeof *all);
			all[n++] = c->places[k];
		}
		free(take_ptr(c->places));
		c->n_places = 0;
	}
	place_close_all(all, n);
}

static struct place *start_place(
	struct workload *w, struct workload_column *c, struct err *e)
{
	const struct workload_target *t = &w->targets[c->target];
	struct place_config config = {
		.uri = c->uri,
		.target = c->launch.toolchain->target,
		.toolchain = c->launch.toolchain,
		.runner_path = c->runner_path,
		.machine = c->machine ? workload_machine_config(c->machine) : NULL,
		.board = workload_board_config(c->board),
	};
	struct place_view view = {
		.emulate = c->launch.emulate ? t->target : NULL,
		.emulator = &c->launch.toolchain->emulator,
		.binds = t->binds.len && !c->staged ? &t->binds : NULL,
	};

	return place_start(
		&c->event, &config, &view, workload_content_shipment(c->content), e);
}

/* How the machine is started, for who wants to see it. */
static void tell_command_line(struct workload *w, struct workload_column *c)
{
	struct err ignored;
	autofree char *line = c->machine && w->verbose
				      ? workload_look_command_line(w, c, &ignored)
				      : NULL;

	if (line)
		emit_note(w->emit, line);
}

/* What a column needs before it has a place that sees nothing of this machine. */
static int prepare(struct workload *w, struct workload_column *c, struct err *e)
{
	return c->renewable ? workload_machine_make(w, c, e)
			    : workload_board_make(w, c, e);
}

static int start_first(struct workload *w, struct workload_column *c, struct err *e)
{
	struct place *place;

	if (c->staged && prepare(w, c, e) < 0)
		return -1;
	tell_command_line(w, c);
	place = start_place(w, c, e);
	if (!place)
		return -1;
	c->places = xcalloc(1, sizeof(struct place *));
	c->places[c->n_places++] = place;
	return 0;
}

/* What the first one has saved the others go on from, so they come after it. */
static void start_others(struct workload *w, struct workload_column *c, size_t cases)
{
	size_t n = c->machine ? workload_machine_count(w, c, cases) : 1;
	struct err e = {0};

	c->places = xrealloc(c->places, n * sizeof(struct place *));
	while (c->n_places < n) {
		struct place *place = start_place(w, c, &e);

		if (!place) {
			emit_note(w->emit, e.msg);
			return;
		}
		c->places[c->n_places++] = place;
	}
}

/* What is the usual reason when one's own kernel does not answer. */
static const char *hint(const struct workload *w)
{
	return w->machine.kernel ? "; the kernel of --kernel needs virtio and "
				   "virtio_console built in "
				   "(docs/images.md), and its console is in .xtest/"
				 : "";
}

/* What the way to a board is waiting for, or what is sent on it before there is one. */
static void tell_doing(struct step *step, const struct place *place)
{
	double fraction;
	const char *doing = place_doing(place, &fraction);

	if (doing)
		step_line(step, doing, fraction);
	else if (place_state(place) != PLACE_DOWN)
		step_end(step, "Reached", step->what);
}

/* Every first place is up, or one is not to be had. */
static int wait_first(struct workload *w, struct workload_column *const *columns,
	size_t n, struct err *e)
{
	struct place *places[OPENING_MAX];
	struct step steps[OPENING_MAX];
	size_t coming;

	for (size_t i = 0; i < n; i++)
		steps[i] = (struct step){
			.emit = w->emit, .verb = "Reaching", .what = columns[i]->uri};

	do {
		coming = 0;
		for (size_t i = 0; i < n; i++) {
			places[i] = columns[i]->places[0];
			coming += place_state(places[i]) == PLACE_COMING;
			tell_doing(&steps[i], places[i]);
			if (place_state(places[i]) == PLACE_DOWN)
				return err_set(e, ERR_INFRA, "%s: %s%s",
					columns[i]->label, place_why_down(places[i]),
					hint(w));
		}
		if (!coming)
			return 0;
		place_wait(places, n, w->interrupt->fd, WAIT_MS);
	} while (!interrupt_check(w->interrupt));
	return err_set(e, ERR_TESTS_FAILED, "interrupted");
}

/* The first column of a foreign target tells, once, when its scripts will not find their
 * programs. */
static void tell_view_problem(struct workload *w, const struct workload_column *c)
{
	const char *problem = place_view_problem(c->places[0]);
	autofree char *text = NULL;

	if (!problem)
		return;
	text = xasprintf("scripts and child processes cannot start %s programs here: %s",
		c->event.target, problem);
	emit_note(w->emit, text);
}

static void tell(struct workload *w, struct workload_column *c)
{
	const struct place *place = c->places[0];
	struct event event = {.type = EVENT_PLACE, .place.column = &c->event};

	if (place_detail(place)) {
		free(c->detail);
		c->event.detail = c->detail = xstrdup(place_detail(place));
	}
	emit_send(w->emit, &event);
	if (place_remark(place))
		emit_note(w->emit, place_remark(place));
	tell_view_problem(w, c);
}

static size_t count_cases(const struct workload *w, const struct plan *plan,
	const struct workload_column *c)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->len; i++)
		n += &w->columns[plan->items[i].column] == c;
	return n;
}

/* Listing needs no more than one place of a column. */
static int open_columns(struct workload *w, struct workload_column *const *columns,
	size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (start_first(w, columns[i], e) < 0)
			return -1;
	if (wait_first(w, columns, n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		tell(w, columns[i]);
	return 0;
}

int workload_open_column(struct workload *w, struct workload_column *c, struct err *e)
{
	return c->n_places ? 0 : open_columns(w, &c, 1, e);
}

int workload_open_places(struct workload *w, const struct plan *plan, struct err *e)
{
	struct workload_column *columns[OPENING_MAX];
	size_t n = 0;

	for (size_t i = 0; i < w->n_columns; i++) {
		struct workload_column *c = &w->columns[i];

		if (c->n_places || !count_cases(w, plan, c))
			continue;
		if (n == ARRAY_LEN(columns))
			return err_set(e, ERR_USAGE,
				"%d places at once are too many; run them one after "
				"another",
				OPENING_MAX);
		columns[n++] = c;
	}
	if (open_columns(w, columns, n, e) < 0)
		return -1;
	for (size_t i = 0; i < w->n_columns; i++)
		if (w->columns[i].n_places)
			start_others(
				w, &w->columns[i], count_cases(w, plan, &w->columns[i]));
	return 0;
}
