/*
 * Unit tests print TAP with these. A test program is a list of `ok()` and `is_*()` calls
 * that ends with `return tap_done();`. Tables of {name, input, expected} and one loop are
 * the usual shape.
 */
#ifndef XTEST_TESTS_TAP_H
#define XTEST_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

/* Prints one point. Returns `pass`, so that a test can stop when going on makes no sense.
 */
__attribute__((format(printf, 2, 3), unused)) static int ok(
	int pass, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", pass ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	tap_failed += !pass;
	return pass;
}

/* Equal strings; NULL is equal to NULL only. Prints both when they differ. */
__attribute__((unused)) static int is_str(
	const char *got, const char *want, const char *name)
{
	int pass = got && want ? strcmp(got, want) == 0 : got == want;

	ok(pass, "%s", name);
	if (!pass)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
			want ? want : "(null)");
	return pass;
}

__attribute__((unused)) static int is_int(long long got, long long want, const char *name)
{
	int pass = got == want;

	ok(pass, "%s", name);
	if (!pass)
		printf("#      got: %lld\n# expected: %lld\n", got, want);
	return pass;
}

__attribute__((unused)) static int is_mem(const void *got, size_t got_len,
	const void *want, size_t want_len, const char *name)
{
	int pass = got_len == want_len && (!got_len || memcmp(got, want, got_len) == 0);

	ok(pass, "%s", name);
	if (!pass)
		printf("#      got: %zu bytes\n# expected: %zu bytes\n", got_len,
			want_len);
	return pass;
}

/* One point that could not be tested here; `why` names the package or kernel feature that
 * is missing. */
__attribute__((unused)) static void skip(const char *name, const char *why)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, name, why);
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
