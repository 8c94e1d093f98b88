#include "model/compare.h"

#include "model/compare-cause.h"

/* What is kept of one result. */
struct kept {
	size_t index;
	size_t order; /* in which it came */
	char *group, *suite, *test, *side, *place, *reason, *cause;
	enum verdict verdict;
};

struct compare {
	struct kept *v; /* owned */
	size_t len, cap;
	struct difference *differences; /* owned; made when they are asked for */
	size_t n_differences, cap_differences;
	struct compare_side *sides; /* owned; of all results, as they stand in v */
};

struct compare *compare_new(void)
{
	return xcalloc(1, sizeof(struct compare));
}

void compare_free(struct compare *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->len; i++) {
		struct kept *k = &c->v[i];

		free(k->group);
		free(k->suite);
		free(k->test);
		free(k->side);
		free(k->place);
		free(k->reason);
		free(k->cause);
	}
	free(c->v);
	free(c->differences);
	free(c->sides);
	free(c);
}

static bool is_good(enum verdict v)
{
	return v == VERDICT_PASS || v == VERDICT_FLAKY || v == VERDICT_LEAK;
}

void compare_add(struct compare *c, const struct compare_result *result)
{
	c->v = xgrow(c->v, &c->cap, c->len + 1, sizeof *c->v);
	c->v[c->len] = (struct kept){
		.index = result->index,
		.order = c->len,
		.group = xstrdup(result->group),
		.suite = xstrdup(result->suite),
		.test = xstrdup(result->test),
		.side = xstrdup(result->side),
		.place = xstrdup(result->place),
		.reason = xstrdup_null(result->reason),
		.verdict = result->verdict,
		.cause = is_good(result->verdict) ? NULL : compare_cause_find(result),
	};
	c->len++;
}

void compare_add_event(struct compare *c, const struct event *event)
{
	const struct event_item *item = event->item.item;

	if (event_is_retried(event))
		return;
	compare_add(c, &(struct compare_result){
			       .index = item->index,
			       .group = item->column->target,
			       .suite = item->suite->id,
			       .test = item->test->name,
			       .side = item->column->label,
			       .place = item->column->place,
			       .verdict = event->item.judgement->verdict,
			       .reason = event->item.judgement->reason,
			       .outcome = event->item.outcome,
		       });
}

static int compare_case(const struct kept *a, const struct kept *b)
{
	int r = strcmp(a->group, b->group);

	if (r == 0)
		r = strcmp(a->suite, b->suite);
	return r ? r : strcmp(a->test, b->test);
}

static int by_case(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int r = compare_case(x, y);

	/* The sides of a case stand in the order of the plan, which is that of the
	 * columns. */
	if (r == 0 && x->index != y->index)
		r = x->index < y->index ? -1 : 1;
	return r ? r : x->order < y->order ? -1 : x->order > y->order;
}

/* The cause is that of the first side that has one: a side that does well has none. */
static void add_difference(struct compare *c, size_t first, size_t n)
{
	const struct kept *k = &c->v[first];
	struct difference d = {
		.index = k->index,
		.group = k->group,
		.suite = k->suite,
		.test = k->test,
		.sides = &c->sides[first],
		.n_sides = n,
	};

	for (size_t i = 0; i < n && !d.cause; i++)
		d.cause = k[i].cause;
	c->differences = xgrow(c->differences, &c->cap_differences, c->n_differences + 1,
		sizeof *c->differences);
	c->differences[c->n_differences++] = d;
}

static int by_index(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static void list_sides(struct compare *c)
{
	free(c->sides);
	c->sides = xcalloc(c->len, sizeof *c->sides);
	for (size_t i = 0; i < c->len; i++)
		c->sides[i] = (struct compare_side){
			c->v[i].side, c->v[i].place, c->v[i].verdict, c->v[i].reason};
}

const struct difference *compare_differences(struct compare *c, size_t *n)
{
	size_t end;

	c->n_differences = 0;
	if (c->len)
		qsort(c->v, c->len, sizeof *c->v, by_case);
	list_sides(c);
	for (size_t i = 0; i < c->len; i = end) {
		bool differs = false;

		for (end = i + 1; end < c->len && compare_case(&c->v[i], &c->v[end]) == 0;
			end++)
			differs |= c->v[end].verdict != c->v[i].verdict;
		if (differs)
			add_difference(c, i, end - i);
	}
	if (c->n_differences)
		qsort(c->differences, c->n_differences, sizeof *c->differences, by_index);
	*n = c->n_differences;
	return c->differences;
}

/* The place says most, unless it is the same on all sides. */
static bool places_differ(const struct difference *d)
{
	for (size_t i = 0; i < d->n_sides; i++)
		for (size_t k = 0; k < i; k++)
			if (streq(d->sides[i].place, d->sides[k].place))
				return false;
	return true;
}

char *compare_describe(const struct difference *d)
{
	bool by_place = places_differ(d);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < d->n_sides; i++) {
		const struct compare_side *side = &d->sides[i];
		const char *verdict = verdict_name(side->verdict);
		const char *reason = side->reason ? side->reason : "";

		/* "lost: the machine …" says the verdict itself. */
		buf_printf(&text, "%s%s: %s%s%s", i ? "; " : "",
			by_place ? side->place : side->side,
			starts_with(reason, verdict) ? "" : verdict,
			!*reason || starts_with(reason, verdict) ? "" : ", ", reason);
	}
	return buf_take(&text);
}
