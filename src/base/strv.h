/*
 * A growing vector of strings, always NULL-terminated, so that `v` can be handed to
 * execve(). Environments are vectors of "NAME=VALUE"; the strv_env_ functions treat them
 * as maps in which the first entry wins.
 */
#ifndef XTEST_BASE_STRV_H
#define XTEST_BASE_STRV_H

#include "base/util.h"

struct strv {
	char **v; /* owned, and every string in it; never NULL after the first push */
	size_t len;
	size_t cap;
};

#define STRV_INIT                                                                        \
	{                                                                                \
		NULL, 0, 0                                                               \
	}

void strv_release(struct strv *s);
void strv_clear(struct strv *s);
/* Appends a copy. */
void strv_push(struct strv *s, const char *item);
/* Appends the string itself and owns it from now on. */
void strv_push_take(struct strv *s, char *item);
void strv_pushf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_push_all(struct strv *s, const struct strv *more);
/* Appends copies of a NULL-terminated array (may be NULL). */
void strv_push_array(struct strv *s, const char *const *items);
void strv_insert(struct strv *s, size_t at, const char *item);
void strv_remove(struct strv *s, size_t at);
/* Replaces the content of *to by copies of *from. */
void strv_copy(struct strv *to, const struct strv *from);
bool strv_has(const struct strv *s, const char *item);
/* Some item is in both. */
bool strv_shares(const struct strv *a, const struct strv *b);
void strv_sort(struct strv *s);
/* Like strv_has(), of a sorted list. */
bool strv_has_sorted(const struct strv *s, const char *item);
/* Sorts and drops doubles. */
void strv_unique(struct strv *s);
/* Joined with `separator`; the caller's. */
char *strv_join(const struct strv *s, const char *separator);
/* Joined with blanks and quoted so that a POSIX shell would read the same words; the
 * caller's. */
char *strv_quote(const struct strv *s);
/* Appends the pieces of `text` between the characters of `separators`, empty pieces left
 * out. */
void strv_split(struct strv *s, const char *text, const char *separators);
/* The array for execve(); an empty one is a pointer to NULL. Borrowed. */
char *const *strv_argv(const struct strv *s);

/* Value of NAME, or NULL. Borrowed. */
const char *strv_env_find(const struct strv *env, const char *name);
/* Sets NAME to VALUE, replacing an older value. */
void strv_env_set(struct strv *env, const char *name, const char *value);
void strv_env_unset(struct strv *env, const char *name);
/* strv_env_set() for a "NAME=VALUE" string. */
void strv_env_put(struct strv *env, const char *assignment);
/* Applies every assignment of `more` over `env`. */
void strv_env_merge(struct strv *env, const struct strv *more);

#endif
