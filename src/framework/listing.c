#include "framework/listing.h"

#include <ctype.h>

char *listing_clean(const char *line, size_t len)
{
	char *text = xmalloc(len + 1), *to = text;

	for (size_t i = 0; i < len; i++) {
		/* ECMA-48 control sequences: ESC [ parameters final */
		if (line[i] == '\033' && i + 1 < len && line[i + 1] == '[') {
			i += 2;
			while (i < len && !(line[i] >= '@' && line[i] <= '~'))
				i++;
			continue;
		}
		if (line[i])
			*to++ = line[i];
	}
	while (to > text && isspace((unsigned char)to[-1]))
		to--;
	*to = '\0';
	return text;
}

static int compare(const void *a, const void *b)
{
	const struct test_case *const *x = a, *const *y = b;
	int order = strcmp((*x)->name, (*y)->name);

	return order ? order : (*x > *y) - (*x < *y);
}

/* Pointers to the cases, by name; the caller's. */
static struct test_case **sorted(const struct suite *s)
{
	struct test_case **v = xcalloc(s->n_cases + 1, sizeof(struct test_case *));

	for (size_t i = 0; i < s->n_cases; i++)
		v[i] = &s->cases[i];
	qsort(v, s->n_cases, sizeof *v, compare);
	return v;
}

static void drop_doubles(struct suite *s)
{
	autofree struct test_case **v = sorted(s);
	size_t kept = 0;

	for (size_t i = 0, first = 0; i < s->n_cases; i++) {
		if (i && streq(v[first]->name, v[i]->name)) {
			free(v[i]->name);
			v[i]->name = NULL;
		} else {
			first = i;
		}
	}
	for (size_t i = 0; i < s->n_cases; i++)
		if (s->cases[i].name)
			s->cases[kept++] = s->cases[i];
	s->n_cases = kept;
}

void listing_finish(struct suite *s, size_t expected)
{
	if (expected && s->n_cases != expected)
		suite_clear_cases(s);
	drop_doubles(s);
	if (!s->n_cases)
		suite_add_case(s, "");
}

bool listing_is_whole(const struct suite *s)
{
	return s->n_cases == 1 && !*s->cases[0].name;
}

static struct test_case *find(struct test_case **v, size_t n, const char *name)
{
	for (size_t low = 0, high = n; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, v[middle]->name);

		if (!order)
			return v[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void listing_add_ignored(struct suite *s, const struct strv *names, bool known_too)
{
	autofree struct test_case **v = NULL;
	autorelease(strv) struct strv added = STRV_INIT;

	if (listing_is_whole(s))
		return;
	v = sorted(s);
	for (size_t i = 0; i < names->len; i++) {
		struct test_case *known = find(v, s->n_cases, names->v[i]);

		if (!known)
			strv_push(&added, names->v[i]);
		else if (known_too)
			known->ignored = true;
	}
	for (size_t i = 0; i < added.len; i++)
		suite_add_case(s, added.v[i])->ignored = true;
	drop_doubles(s);
}

bool listing_args_are(const struct suite *s, const char *const *prefixes)
{
	for (size_t i = 1; i < s->command.len; i++) {
		const char *const *p = prefixes;

		while (*p && !starts_with(s->command.v[i], *p))
			p++;
		if (!*p)
			return false;
	}
	return true;
}
