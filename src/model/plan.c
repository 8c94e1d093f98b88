#include "model/plan.h"

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->len; i++) {
		free(p->items[i].after);
		free(p->items[i].needs);
	}
	free(p->items);
	strv_release(&p->blocks);
	*p = (struct plan){0};
}

void plan_add(struct plan *p, const struct suite *suite, const struct test_case *test,
	size_t column)
{
	p->items = xgrow(p->items, &p->cap, p->len + 1, sizeof *p->items);
	p->items[p->len++] =
		(struct plan_item){.suite = suite, .test = test, .column = column};
}

bool plan_has_suite(const struct plan *p, const struct suite *suite, size_t column)
{
	for (size_t i = 0; i < p->len; i++)
		if (p->items[i].suite == suite && p->items[i].column == column)
			return true;
	return false;
}

static void add_index(size_t **list, size_t *len, size_t index)
{
	for (size_t i = 0; i < *len; i++)
		if ((*list)[i] == index)
			return;
	if ((*len & (*len - 1)) == 0)
		*list = xrealloc(*list, MAX(1, *len * 2) * sizeof **list);
	(*list)[(*len)++] = index;
}

/* What `item` has to wait for `other` for. */
static void link_pair(struct plan_item *item, const struct plan_item *other, size_t index)
{
	const struct suite *s = item->suite, *o = other->suite;

	if (other->column != item->column)
		return;
	if (strv_has(&s->depends, o->id))
		add_index(&item->after, &item->n_after, index);
	if (strv_shares(&s->fixtures_required, &o->fixtures_setup)) {
		add_index(&item->after, &item->n_after, index);
		add_index(&item->needs, &item->n_needs, index);
	}
	if (s != o && (strv_shares(&s->fixtures_cleanup, &o->fixtures_required) ||
			      strv_shares(&s->fixtures_cleanup, &o->fixtures_setup)))
		add_index(&item->after, &item->n_after, index);
}

static bool has_links(const struct suite *s)
{
	return s->depends.len || s->fixtures_required.len || s->fixtures_cleanup.len;
}

/* Depth-first over `after`; mark: 1 on the path, 2 done. */
static int check_circles(
	const struct plan *p, size_t i, unsigned char *mark, struct err *e)
{
	if (mark[i] == 2)
		return 0;
	if (mark[i] == 1)
		return err_set(e, ERR_METADATA,
			"the tests' dependencies go in a circle through %s; break it in "
			"the build files",
			p->items[i].suite->id);
	mark[i] = 1;
	for (size_t k = 0; k < p->items[i].n_after; k++)
		if (check_circles(p, p->items[i].after[k], mark, e) < 0)
			return -1;
	mark[i] = 2;
	return 0;
}

/* An insertion sort would be quadratic, qsort is not stable: sort an index array by
 * (cost, position). */
static int compare_cost(const void *a, const void *b)
{
	const struct plan_item *x = a, *y = b;

	if (x->suite->cost != y->suite->cost)
		return x->suite->cost < y->suite->cost ? 1 : -1;
	return x->n_after < y->n_after ? -1 : x->n_after > y->n_after;
}

int plan_link(struct plan *p, struct err *e)
{
	autofree unsigned char *mark = xcalloc(p->len, 1);

	/* n_after holds the position for the time of the sort. */
	for (size_t i = 0; i < p->len; i++)
		p->items[i].n_after = i;
	if (p->len > 1)
		qsort(p->items, p->len, sizeof *p->items, compare_cost);
	for (size_t i = 0; i < p->len; i++)
		p->items[i].n_after = 0;
	for (size_t i = 0; i < p->len; i++)
		for (size_t k = 0; has_links(p->items[i].suite) && k < p->len; k++)
			if (k != i)
				link_pair(&p->items[i], &p->items[k], k);
	for (size_t i = 0; i < p->len; i++)
		if (check_circles(p, i, mark, e) < 0)
			return -1;
	return 0;
}
