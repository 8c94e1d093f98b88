#include "engine/versus.h"

#include <search.h>

struct both {
	char *key, *column, *suite, *test; /* owned */
	bool has[2], own_verdict[2];
	int64_t us[2];
};

struct versus {
	struct compare *compare;
	void *tree;      /* tsearch tree of struct both */
	struct both **v; /* owned, each */
	size_t len, cap;
	struct versus_pace *paces; /* owned */
	char *names[2];            /* owned */
	/* while a side is read */
	int side;
	const char *wanted; /* column, or NULL */
	struct strv labels; /* of the columns that match */
	bool restricted;    /* both sides are one column each */
	size_t order;
};

struct versus *versus_new(bool columns)
{
	struct versus *v = xcalloc(1, sizeof *v);

	v->compare = compare_new();
	v->restricted = columns;
	return v;
}

static void leave(void *p UNUSED)
{
}

void versus_free(struct versus *v)
{
	if (!v)
		return;
	tdestroy(v->tree, leave);
	for (size_t i = 0; i < v->len; i++) {
		free(v->v[i]->key);
		free(v->v[i]->column);
		free(v->v[i]->suite);
		free(v->v[i]->test);
		free(v->v[i]);
	}
	free(v->v);
	free(v->paces);
	free(v->names[0]);
	free(v->names[1]);
	strv_release(&v->labels);
	compare_free(v->compare);
	free(v);
}

static int compare_both(const void *a, const void *b)
{
	return strcmp(((const struct both *)a)->key, ((const struct both *)b)->key);
}

static struct both *get(
	struct versus *v, const char *column, const struct event_item *item)
{
	struct both wanted = {.key = xasprintf("%s\n%s\n%s", column, item->suite->id,
				      item->test->name)};
	struct both **found = tfind(&wanted, &v->tree, compare_both), *one;

	if (found) {
		free(wanted.key);
		return *found;
	}
	one = xcalloc(1, sizeof *one);
	*one = (struct both){.key = wanted.key,
		.column = xstrdup(column),
		.suite = xstrdup(item->suite->id),
		.test = xstrdup(item->test->name)};
	tsearch(one, &v->tree, compare_both);
	v->v = xgrow(v->v, &v->cap, v->len + 1, sizeof(struct both *));
	v->v[v->len++] = one;
	return one;
}

static bool is_wanted(const struct versus *v, const struct event_column *column)
{
	return !v->wanted || streq(v->wanted, column->label) ||
	       streq(v->wanted, column->target) || streq(v->wanted, column->place);
}

static void take(void *ctx, const struct event *event)
{
	struct versus *v = ctx;
	const struct event_item *item = event->item.item;
	const struct outcome *o = event->item.outcome;
	const char *column;
	struct both *one;

	if (event->type != EVENT_CASE_END || event_is_retried(event) ||
		!is_wanted(v, item->column))
		return;
	if (!strv_has(&v->labels, item->column->label))
		strv_push(&v->labels, item->column->label);
	column = v->restricted ? "" : item->column->label;
	one = get(v, column, item);
	one->has[v->side] = true;
	one->us[v->side] = o->wall_us;
	one->own_verdict[v->side] = event->item.judgement->verdict != VERDICT_LOST &&
				    o->kind != END_NOT_STARTED;
	compare_add(v->compare, &(struct compare_result){
					.index = v->order++,
					.group = column,
					.suite = item->suite->id,
					.test = item->test->name,
					.side = v->names[v->side],
					.place = item->column->place,
					.verdict = event->item.judgement->verdict,
					.reason = event->item.judgement->reason,
					.outcome = o,
				});
}

int versus_read(struct versus *v, int side, struct recording *recording, const char *name,
	const char *column, struct err *e)
{
	struct jsonl_seen seen;

	v->side = side;
	v->wanted = column;
	v->names[side] = xstrdup(name);
	strv_clear(&v->labels);
	if (recording_read(recording, take, v, &seen, e) < 0)
		return -1;
	if (column && !v->labels.len)
		return err_set(e, ERR_SETUP,
			"%s has no results of a column, target or place %s",
			recording->name, column);
	if (column && v->labels.len > 1) {
		autofree char *all = strv_join(&v->labels, ", ");

		return err_set(e, ERR_SETUP, "%s is several columns of %s: %s; name one",
			column, recording->name, all);
	}
	return 0;
}

static int64_t distance(const struct versus_pace *p)
{
	return p->us[0] > p->us[1] ? p->us[0] - p->us[1] : p->us[1] - p->us[0];
}

static int by_distance(const void *a, const void *b)
{
	int64_t x = distance(a), y = distance(b);

	return x > y ? -1 : x < y;
}

struct versus_result versus_compare(
	struct versus *v, unsigned factor_percent, int64_t least_us)
{
	struct versus_result r = {.sides = {v->names[0], v->names[1]}};

	free(v->paces);
	v->paces = xcalloc(v->len, sizeof *v->paces);
	for (size_t i = 0; i < v->len; i++) {
		const struct both *one = v->v[i];
		struct versus_pace pace = {
			one->column, one->suite, one->test, {one->us[0], one->us[1]}};

		if (!one->has[0] || !one->has[1]) {
			r.only[one->has[1]]++;
			continue;
		}
		r.both++;
		r.total_us[0] += one->us[0];
		r.total_us[1] += one->us[1];
		if (one->own_verdict[0] && one->own_verdict[1] &&
			distance(&pace) >= least_us &&
			MAX(one->us[0], one->us[1]) * 100 >=
				MIN(one->us[0], one->us[1]) * (int64_t)factor_percent)
			v->paces[r.n_paces++] = pace;
	}
	if (r.n_paces)
		qsort(v->paces, r.n_paces, sizeof *v->paces, by_distance);
	r.paces = v->paces;
	r.differences = compare_differences(v->compare, &r.n_differences);
	return r;
}
