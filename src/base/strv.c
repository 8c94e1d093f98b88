#include "base/strv.h"

#include "base/buf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

void strv_release(struct strv *s)
{
	strv_clear(s);
	free(s->v);
	*s = (struct strv)STRV_INIT;
}

void strv_clear(struct strv *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->v[i]);
	s->len = 0;
	if (s->v)
		s->v[0] = NULL;
}

void strv_push_take(struct strv *s, char *item)
{
	s->v = xgrow(s->v, &s->cap, s->len + 2, sizeof *s->v);
	s->v[s->len++] = item;
	s->v[s->len] = NULL;
}

void strv_push(struct strv *s, const char *item)
{
	strv_push_take(s, xstrdup(item));
}

void strv_pushf(struct strv *s, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf(buf_reserve(&text, (size_t)n), (size_t)n + 1, fmt, again);
		text.len = (size_t)n;
	}
	va_end(again);
	strv_push_take(s, buf_take(&text));
}

void strv_push_all(struct strv *s, const struct strv *more)
{
	for (size_t i = 0; i < more->len; i++)
		strv_push(s, more->v[i]);
}

void strv_push_array(struct strv *s, const char *const *items)
{
	for (; items && *items; items++)
		strv_push(s, *items);
}

void strv_insert(struct strv *s, size_t at, const char *item)
{
	char *copy = xstrdup(item);

	strv_push_take(s, NULL);
	memmove(s->v + at + 1, s->v + at, (s->len - 1 - at) * sizeof *s->v);
	s->v[at] = copy;
}

void strv_remove(struct strv *s, size_t at)
{
	free(s->v[at]);
	memmove(s->v + at, s->v + at + 1, (s->len - at) * sizeof *s->v);
	s->len--;
}

void strv_copy(struct strv *to, const struct strv *from)
{
	strv_clear(to);
	strv_push_all(to, from);
}

bool strv_has(const struct strv *s, const char *item)
{
	for (size_t i = 0; i < s->len; i++)
		if (streq(s->v[i], item))
			return true;
	return false;
}

bool strv_shares(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->len; i++)
		if (strv_has(b, a->v[i]))
			return true;
	return false;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->len > 1)
		qsort(s->v, s->len, sizeof *s->v, compare_strings);
}

bool strv_has_sorted(const struct strv *s, const char *item)
{
	return s->len && bsearch(&item, s->v, s->len, sizeof *s->v, compare_strings);
}

void strv_unique(struct strv *s)
{
	size_t kept = 0;

	strv_sort(s);
	for (size_t i = 0; i < s->len; i++) {
		if (kept && streq(s->v[kept - 1], s->v[i]))
			free(s->v[i]);
		else
			s->v[kept++] = s->v[i];
	}
	s->len = kept;
	if (s->v)
		s->v[kept] = NULL;
}

char *strv_join(const struct strv *s, const char *separator)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < s->len; i++) {
		if (i)
			buf_append_str(&out, separator);
		buf_append_str(&out, s->v[i]);
	}
	return buf_take(&out);
}

static bool is_plain_word(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("@%_-+=:,./", *s))
			return false;
	return true;
}

char *strv_quote(const struct strv *s)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < s->len; i++) {
		if (i)
			buf_append_char(&out, ' ');
		if (is_plain_word(s->v[i])) {
			buf_append_str(&out, s->v[i]);
			continue;
		}
		buf_append_char(&out, '\'');
		for (const char *p = s->v[i]; *p; p++) {
			if (*p == '\'')
				buf_append_str(&out, "'\\''");
			else
				buf_append_char(&out, *p);
		}
		buf_append_char(&out, '\'');
	}
	return buf_take(&out);
}

void strv_split(struct strv *s, const char *text, const char *separators)
{
	while (*text) {
		size_t n = strcspn(text, separators);

		if (n)
			strv_push_take(s, xstrndup(text, n));
		text += n;
		text += strspn(text, separators);
	}
}

char *const *strv_argv(const struct strv *s)
{
	static char *const empty[] = {NULL};

	return s->v ? s->v : empty;
}

/* Index of the entry for the name of `len` bytes, or SIZE_MAX. */
static size_t env_index(const struct strv *env, const char *name, size_t len)
{
	for (size_t i = 0; i < env->len; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return i;
	return SIZE_MAX;
}

const char *strv_env_find(const struct strv *env, const char *name)
{
	size_t len = strlen(name);
	size_t i = env_index(env, name, len);

	return i == SIZE_MAX ? NULL : env->v[i] + len + 1;
}

/* Takes the assignment. */
static void env_put_take(struct strv *env, char *assignment)
{
	size_t i = env_index(env, assignment, strcspn(assignment, "="));

	if (i == SIZE_MAX) {
		strv_push_take(env, assignment);
		return;
	}
	free(env->v[i]);
	env->v[i] = assignment;
}

void strv_env_put(struct strv *env, const char *assignment)
{
	env_put_take(env, xstrdup(assignment));
}

void strv_env_set(struct strv *env, const char *name, const char *value)
{
	env_put_take(env, xasprintf("%s=%s", name, value));
}

void strv_env_unset(struct strv *env, const char *name)
{
	size_t i;

	while ((i = env_index(env, name, strlen(name))) != SIZE_MAX)
		strv_remove(env, i);
}

void strv_env_merge(struct strv *env, const struct strv *more)
{
	for (size_t i = 0; i < more->len; i++)
		strv_env_put(env, more->v[i]);
}
