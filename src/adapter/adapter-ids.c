#include "adapter/adapter.h"

struct names {
	struct suite **v; /* sorted by name, then by place in the list */
	size_t n;
};

static int compare_names(const void *a, const void *b)
{
	const struct suite *x = *(struct suite *const *)a, *y = *(struct suite *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x > y) - (x < y);
}

static const struct suite *first_of_name(const struct names *names, const char *name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(names->v[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < names->n && streq(names->v[low]->name, name) ? names->v[low] : NULL;
}

/* One more than there are before it of the same package and name. */
static unsigned number_of(const struct names *names, size_t i)
{
	const struct suite *s = names->v[i];
	unsigned number = 1;

	for (; i > 0 && streq(names->v[i - 1]->name, s->name); i--)
		number += streq(names->v[i - 1]->package, s->package);
	return number;
}

/* A build system may have two tests of one name in a package, in two directories or
 * suites: the later ones get a number. A dependency is a name too, and one that nobody
 * has is none. */
void adapter_ids_assign(struct suite_list *suites)
{
	struct names names = {xcalloc(suites->len + 1, sizeof *names.v), 0};

	for (size_t i = 0; i < suites->len; i++)
		names.v[names.n++] = &suites->v[i];
	qsort(names.v, names.n, sizeof *names.v, compare_names);
	for (size_t i = 0; i < names.n; i++) {
		struct suite *s = names.v[i];
		unsigned number = number_of(&names, i);

		s->id = number == 1 ? xasprintf("%s::%s", s->package, s->name)
				    : xasprintf("%s::%s#%u", s->package, s->name, number);
	}
	for (size_t i = 0; i < suites->len; i++) {
		autorelease(strv) struct strv wanted = suites->v[i].depends;

		suites->v[i].depends = (struct strv)STRV_INIT;
		for (size_t k = 0; k < wanted.len; k++) {
			const struct suite *s = suite_list_find(suites, wanted.v[k]);

			if (!s)
				s = first_of_name(&names, wanted.v[k]);

			if (s && s != &suites->v[i])
				strv_push(&suites->v[i].depends, s->id);
		}
	}
	free(names.v);
}
