/* Opening the places of columns. */
#include "engine/step.h"
#include "engine/workload-board.h"
#include "engine/workload-content.h"
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
	const struct board_config *board = workload_board_config(c->board, c->n_places);
	struct place_config config = {
		.uri = board ? board->uri : c->uri,
		.target = c->launch.toolchain->target,
		.toolchain = c->launch.toolchain,
		.runner_path = c->runner_path,
		.machine = c->machine ? workload_machine_config(c->machine) : NULL,
		.board = board,
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

/* The first machine saves what the others go on from; boards have nothing of each other.
 */
static int start_first(struct workload *w, struct workload_column *c, struct err *e)
{
	size_t n;

	if (c->staged && prepare(w, c, e) < 0)
		return -1;
	tell_command_line(w, c);
	n = MAX(1, workload_board_count(c->board));
	c->places = xcalloc(n, sizeof(struct place *));
	while (c->n_places < n) {
		struct place *place = start_place(w, c, e);

		if (!place)
			return -1;
		c->places[c->n_places++] = place;
	}
	return 0;
}

/* What the first one has saved the others go on from, so they come after it. */
static void start_others(struct workload *w, struct workload_column *c, size_t cases)
{
	size_t n = c->machine ? workload_machine_count(w, c, cases) : c->n_places;
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

/* A place on its way. */
struct opening {
	struct workload_column *column;
	struct place *place;
	struct step step;
	bool told; /* that it is not to be had */
};

static size_t list_openings(struct workload *w, struct workload_column *const *columns,
	size_t n, struct opening *all)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < columns[i]->n_places; k++) {
			const struct board_config *board =
				workload_board_config(columns[i]->board, k);

			if (count == OPENING_MAX)
				return OPENING_MAX + 1;
			all[count++] = (struct opening){
				.column = columns[i],
				.place = columns[i]->places[k],
				.step = {.emit = w->emit,
					.verb = board ? "Reaching" : "Starting",
					.what = board ? board->name : columns[i]->label},
			};
		}
	return count;
}

/* What a place on its way is waiting for, or what is sent there. */
static void tell_doing(struct opening *o)
{
	double fraction;
	const char *doing = place_doing(o->place, &fraction);

	if (doing)
		step_line(&o->step, doing, fraction);
	else if (place_state(o->place) != PLACE_DOWN)
		step_end(
			&o->step, o->column->board ? "Reached" : "Started", o->step.what);
}

/* One of the column's places is up: it becomes the first. */
static bool has_place(struct workload_column *c)
{
	for (size_t i = 0; i < c->n_places; i++) {
		struct place *place = c->places[i];

		if (place_state(place) != PLACE_UP)
			continue;
		c->places[i] = c->places[0];
		c->places[0] = place;
		return true;
	}
	return false;
}

/* The other columns go on without it. */
static void lose_column(struct workload *w, struct opening *o)
{
	struct workload_column *c = o->column;

	c->unreachable = xasprintf(
		"%s is not to be had: %s", o->step.what, place_why_down(o->place));
	emit_note(w->emit, c->unreachable);
}

/* A board that is not to be had leaves its cases to the others; the last one does not. */
static int look_at(struct workload *w, struct opening *o, struct err *e)
{
	const struct workload_column *c = o->column;
	size_t left = 0;
	autofree char *text = NULL;

	tell_doing(o);
	if (o->told || place_state(o->place) != PLACE_DOWN)
		return 0;
	for (size_t i = 0; i < c->n_places; i++)
		left += place_state(c->places[i]) != PLACE_DOWN;
	if (!left && c->board && w->lose_unreachable) {
		o->told = true;
		lose_column(w, o);
		return 0;
	}
	if (!left)
		return err_set(e, ERR_INFRA, "%s: %s%s", c->label,
			place_why_down(o->place), hint(w));
	o->told = true;
	text = xasprintf("%s is left out: %s", o->step.what, place_why_down(o->place));
	emit_note(w->emit, text);
	return 0;
}

/* Every column has a place that is up, or there is none to be had. */
static int wait_first(struct workload *w, struct workload_column *const *columns,
	size_t n, struct err *e)
{
	struct place *places[OPENING_MAX];
	struct opening all[OPENING_MAX];
	size_t count = list_openings(w, columns, n, all), ready;

	if (count > OPENING_MAX)
		return err_set(e, ERR_USAGE, "more than %d places at once are too many",
			OPENING_MAX);
	do {
		for (size_t i = 0; i < count; i++) {
			places[i] = all[i].place;
			if (look_at(w, &all[i], e) < 0)
				return -1;
		}
		ready = 0;
		for (size_t i = 0; i < n; i++)
			ready += columns[i]->unreachable || has_place(columns[i]);
		if (ready == n)
			return 0;
		place_wait(places, count, w->interrupt->fd, WAIT_MS);
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

/* What its cases run under; what emulates says its name and version before all else. */
static void tell_machine(struct workload_column *c, const struct wire_welcome *welcome)
{
	const char *detail = c->event.detail;
	bool emulated = streq(c->event.place, "user") || streq(c->event.place, "system");

	free(c->kernel);
	free(take_ptr(c->emulator));
	c->event.kernel = c->kernel = xstrdup(welcome->kernel);
	if (emulated && detail)
		c->emulator = xstrndup(detail, strcspn(detail, ","));
	c->event.emulator = c->emulator;
}

/* A board runs as much at once as it has processors for; what all of them do that are
 * there now. */
static unsigned count_slots(const struct workload *w, const struct workload_column *c)
{
	unsigned slots = 0;

	for (size_t i = 0; i < c->n_places; i++)
		if (place_state(c->places[i]) == PLACE_UP)
			slots += MIN(workload_board_slots(w),
				MAX(1, place_welcome(c->places[i])->cpus));
	return slots;
}

static void tell(struct workload *w, struct workload_column *c)
{
	const struct place *place = c->places[0];
	struct event event = {.type = EVENT_PLACE, .place.column = &c->event};

	if (c->board)
		c->event.slots = count_slots(w, c);
	if (place_detail(place)) {
		free(c->detail);
		c->event.detail = c->detail = xstrdup(place_detail(place));
	}
	tell_machine(c, place_welcome(place));
	emit_send(w->emit, &event);
	if (place_remark(place))
		emit_note(w->emit, place_remark(place));
	tell_view_problem(w, c);
}

/* What was left out is not tried again and again by the schedule. */
static void drop_missing(struct workload_column *c)
{
	size_t kept = 0;

	if (!c->board)
		return;
	for (size_t i = 0; i < c->n_places; i++)
		if (place_state(c->places[i]) == PLACE_DOWN)
			place_close(c->places[i]);
		else
			c->places[kept++] = c->places[i];
	c->n_places = kept;
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
	for (size_t i = 0; i < n; i++) {
		drop_missing(columns[i]);
		if (!columns[i]->unreachable)
			tell(w, columns[i]);
	}
	return 0;
}

int workload_open_column(struct workload *w, struct workload_column *c, struct err *e)
{
	return c->n_places || c->unreachable ? 0 : open_columns(w, &c, 1, e);
}

int workload_open_places(struct workload *w, const struct plan *plan, struct err *e)
{
	struct workload_column *columns[OPENING_MAX];
	size_t n = 0;

	for (size_t i = 0; i < w->n_columns; i++) {
		struct workload_column *c = &w->columns[i];

		if (c->n_places || c->unreachable || !count_cases(w, plan, c))
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
