/*
 * Regular expressions and globs over bytes, compiled once and matched under limits, so
 * that no pattern and no text can hang a run. PCRE2 underneath; this is the one family of
 * files that knows it.
 *
 * A text that is UTF-8 is matched by characters, any other text by bytes.
 */
#ifndef XTEST_BASE_PATTERN_H
#define XTEST_BASE_PATTERN_H

#include "base/buf.h"
#include "base/err.h"

enum pattern_flags {
	/* Regular expressions: only what can be matched without backtracking references
	 * (no look-around, back reference, atomic group); the language of the Rust regex
	 * crate, documented at docs.rs/regex, without its class set operations. */
	PATTERN_STRICT = 1,
	/* Globs: a path. '*', '?' and '[…]' stop at '/', only '**' crosses it. */
	PATTERN_PATH = 2,
};

struct pattern;

/* An unanchored regular expression. On failure NULL, and *fault (may be NULL) is the
 * offset in `text` of what is wrong. Error kind: ERR_SETUP. */
struct pattern *pattern_regex(
	const char *text, unsigned flags, size_t *fault, struct err *e);
/* A glob for the whole text: '*', '?', '[abc]', '[!a-z]', '{one,two}'; '**' and a slash
 * are any number of directories. '[*]' is a literal star. Errors as pattern_regex(). */
struct pattern *pattern_glob(
	const char *text, unsigned flags, size_t *fault, struct err *e);
void pattern_free(struct pattern *p);

/* 1 when it matches, 0 when not, -1 when the match limit was reached (ERR_SETUP). */
int pattern_match(const struct pattern *p, const char *text, size_t len, struct err *e);

/* The languages as PCRE2 writes them, appended to `out`; pattern-regex.c and
 * pattern-glob.c. On failure *fault is set as above. */
int pattern_regex_translate(
	const char *text, struct buf *out, size_t *fault, struct err *e) MUST_CHECK;
int pattern_glob_translate(const char *text, unsigned flags, struct buf *out,
	size_t *fault, struct err *e) MUST_CHECK;

#endif
