/*
 * The few macros and one-line functions every other file leans on: compiler attributes,
 * scope-bound clean-up, and hand-over of ownership. Nothing here allocates or can fail.
 */
#ifndef XTEST_BASE_UTIL_H
#define XTEST_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Clean-up at the end of the scope; each goes on the line that declares the variable. */
#define autofree __attribute__((cleanup(util_cleanup_free)))
#define autoclose __attribute__((cleanup(util_cleanup_fd)))
/* autorelease(strv) on a `struct strv` calls strv_release(&variable). */
#define autorelease(type) __attribute__((cleanup(type##_release)))

void util_cleanup_free(void *pointer_to_pointer);
void util_cleanup_fd(int *fd);

/* Hands the value over to the caller and leaves the variable empty, so that its clean-up
 * does nothing. */
#define take_ptr(p)                                                                      \
	__extension__({                                                                  \
		__typeof__(p) taken_ = (p);                                              \
		(p) = NULL;                                                              \
		taken_;                                                                  \
	})
#define take_fd(fd)                                                                      \
	__extension__({                                                                  \
		int taken_ = (fd);                                                       \
		(fd) = -1;                                                               \
		taken_;                                                                  \
	})

/* Memory of a size the program chose itself: running out is not an error anyone can
 * handle, so these print one line and abort. Sizes that come from input are bounded
 * before they get here. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
/* Like strndup(): at most `max` bytes, fewer when the string ends before. */
char *xstrndup(const char *s, size_t max);
/* strdup() that maps NULL to NULL. */
char *xstrdup_null(const char *s);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Doubles *cap until it holds `need` items of `size` bytes each; returns the (moved)
 * array. */
void *xgrow(void *array, size_t *cap, size_t need, size_t size);

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Like streq(), and two NULLs are equal. */
static inline bool streq_null(const char *a, const char *b)
{
	return a && b ? streq(a, b) : a == b;
}

static inline bool starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *s, const char *suffix);

/* Monotonic time in milliseconds / microseconds (CLOCK_MONOTONIC). */
int64_t now_ms(void);
int64_t now_us(void);
/* Wall-clock time in milliseconds since 1970. */
int64_t wall_clock_ms(void);

/* The candidate nearest to `name` by edit distance, or NULL when none is near enough to
 * be a likely typing error. Borrowed from `candidates`, which ends with NULL. */
const char *util_nearest(const char *name, const char *const *candidates);

#endif
