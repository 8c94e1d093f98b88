#include "engine/tally.h"

struct tally_side {
	struct event_column column; /* its strings are owned */
	char *label, *target, *place, *detail, *emulator, *kernel;
	struct event_counts counts;
};

struct tally {
	struct tally_side **v; /* owned, each */
	size_t len, cap;
	struct event_counts counts;
	/* what the latest event points to */
	const struct event_column **columns;
	struct event_counts *column_counts;
	size_t *totals;
};

struct tally *tally_new(void)
{
	return xcalloc(1, sizeof(struct tally));
}

static void clear(struct tally *t)
{
	free(t->columns);
	free(t->column_counts);
	free(t->totals);
	t->columns = NULL;
	t->column_counts = NULL;
	t->totals = NULL;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->len; i++) {
		free(t->v[i]->label);
		free(t->v[i]->target);
		free(t->v[i]->place);
		free(t->v[i]->detail);
		free(t->v[i]->emulator);
		free(t->v[i]->kernel);
		free(t->v[i]);
	}
	free(t->v);
	clear(t);
	free(t);
}

static struct tally_side *find(const struct tally *t, const struct event_column *column)
{
	for (size_t i = 0; i < t->len; i++)
		if (streq(t->v[i]->target, column->target) &&
			streq(t->v[i]->place, column->place) &&
			streq(column->label, "host") == streq(t->v[i]->label, "host"))
			return t->v[i];
	return NULL;
}

static bool has_label(const struct tally *t, const char *label)
{
	for (size_t i = 0; i < t->len; i++)
		if (streq(t->v[i]->label, label))
			return true;
	return false;
}

static struct tally_side *get(struct tally *t, const struct event_column *column)
{
	struct tally_side *side = find(t, column);

	if (side)
		return side;
	side = xcalloc(1, sizeof *side);
	side->label = has_label(t, column->label)
			      ? xasprintf("%s@%s", column->target, column->place)
			      : xstrdup(column->label);
	side->target = xstrdup(column->target);
	side->place = xstrdup(column->place);
	side->detail = xstrdup_null(column->detail);
	side->emulator = xstrdup_null(column->emulator);
	side->kernel = xstrdup_null(column->kernel);
	side->column = (struct event_column){
		.label = side->label,
		.target = side->target,
		.place = side->place,
		.detail = side->detail,
		.slots = column->slots,
		.emulator = side->emulator,
		.kernel = side->kernel,
	};
	t->v = xgrow(t->v, &t->cap, t->len + 1, sizeof(struct tally_side *));
	t->v[t->len++] = side;
	return side;
}

const struct event_column *tally_column(
	struct tally *t, const struct event_column *column)
{
	return &get(t, column)->column;
}

void tally_expect(struct tally *t, const struct event_column *column, size_t n)
{
	get(t, column)->counts.total += n;
	t->counts.total += n;
}

static void add_plan(struct tally *t, const struct event *event)
{
	for (size_t i = 0; i < event->plan.n_columns; i++)
		get(t, event->plan.columns[i])->counts.total +=
			event->plan.column_totals[i];
	t->counts.total += event->plan.total;
	t->counts.filtered_out += event->plan.filtered_out;
}

void tally_add_event(struct tally *t, const struct event *event)
{
	if (event->type == EVENT_PLAN)
		add_plan(t, event);
	if (event->type != EVENT_CASE_END || event_is_retried(event))
		return;
	event_counts_add(&t->counts, event->item.item, event->item.judgement->verdict);
	event_counts_add(&get(t, event->item.item->column)->counts, event->item.item,
		event->item.judgement->verdict);
}

static void list_columns(struct tally *t)
{
	clear(t);
	t->columns = xcalloc(t->len, sizeof(const struct event_column *));
	t->totals = xcalloc(t->len, sizeof *t->totals);
	t->column_counts = xcalloc(t->len, sizeof *t->column_counts);
	for (size_t i = 0; i < t->len; i++) {
		struct event_counts *c = &t->v[i]->counts;

		t->columns[i] = &t->v[i]->column;
		t->totals[i] = c->total;
		c->not_run = c->total > c->finished ? c->total - c->finished : 0;
		t->column_counts[i] = *c;
	}
}

void tally_plan(struct tally *t, size_t suites, struct event *event)
{
	list_columns(t);
	*event = (struct event){
		.type = EVENT_PLAN,
		.plan =
			{
				.columns = t->columns,
				.n_columns = t->len,
				.column_totals = t->totals,
				.total = t->counts.total,
				.suites = suites,
				.filtered_out = t->counts.filtered_out,
			},
	};
}

void tally_end(struct tally *t, const char *cancelled, struct event *event)
{
	struct event_counts *c = &t->counts;

	list_columns(t);
	c->not_run = c->total > c->finished ? c->total - c->finished : 0;
	*event = (struct event){
		.type = EVENT_RUN_END,
		.end =
			{
				.counts = c,
				.columns = t->columns,
				.column_counts = t->column_counts,
				.n_columns = t->len,
				.exit_code = event_counts_exit_code(c, cancelled != NULL),
				.cancelled = cancelled,
			},
	};
}
