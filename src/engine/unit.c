#include "engine/unit.h"

/* Union-find: the least index of those that are linked so far. */
static size_t root(size_t *parent, size_t i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

static void join(size_t *parent, size_t a, size_t b)
{
	size_t x = root(parent, a), y = root(parent, b);

	parent[MAX(x, y)] = MIN(x, y);
}

void unit_list_init(struct unit_list *list, const struct plan *plan)
{
	autofree size_t *parent = xcalloc(plan->len, sizeof *parent);

	*list = (struct unit_list){
		.v = xcalloc(plan->len, sizeof *list->v),
		.of = xcalloc(plan->len, sizeof *list->of),
		.len = plan->len,
	};
	for (size_t i = 0; i < plan->len; i++)
		parent[i] = i;
	for (size_t i = 0; i < plan->len; i++)
		for (size_t k = 0; k < plan->items[i].n_after; k++)
			join(parent, i, plan->items[i].after[k]);
	for (size_t i = 0; i < plan->len; i++)
		list->v[root(parent, i)].left++;
	for (size_t i = 0; i < plan->len; i++) {
		size_t r = root(parent, i);

		list->of[i] = list->v[r].left > 1 ? r : SIZE_MAX;
	}
}

void unit_list_release(struct unit_list *list)
{
	free(list->v);
	free(list->of);
	*list = (struct unit_list){0};
}

struct unit *unit_find(const struct unit_list *list, size_t item)
{
	return list->of[item] == SIZE_MAX ? NULL : &list->v[list->of[item]];
}
