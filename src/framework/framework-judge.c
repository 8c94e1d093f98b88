#include "framework/framework.h"

#include "base/pattern.h"
#include "framework/ctest-regex.h"
#include "framework/excerpt.h"

/* What was seen with the build systems' own runners:
 *
 * ctest 3.25: a signal, a timeout and a program that cannot be started are what they are;
 * neither WILL_FAIL nor an expression is asked. Of a program that exits, the skip code
 * and SKIP_REGULAR_EXPRESSION come first, before everything else; then a match of
 * FAIL_REGULAR_EXPRESSION fails it, then PASS_REGULAR_EXPRESSION alone decides, else the
 * exit status. WILL_FAIL turns the result of these around, but not a skip.
 *
 * meson 1.0: should_fail turns a pass and a failure around, and a signal is a failure. A
 * skip (77), a hard error (99, damaged TAP, TAP and a failing exit status) and a timeout
 * stay.
 *
 * Automake's test-driver: the same for 77 and 99; a signal arrives as exit status 128 + n
 * and so is an expected failure too. */

static bool output_matches(
	const struct suite *s, const char *expression, const struct buf *output)
{
	autorelease(buf) struct buf translated = BUF_INIT;
	struct pattern *p;
	struct err e = {0};
	int found;

	if (streq_null(s->adapter, "cmake"))
		ctest_regex_translate(expression, &translated);
	else
		buf_append_str(&translated, expression);
	p = pattern_regex(buf_str(&translated), 0, NULL, &e);
	if (!p)
		return false; /* CTest ignores what it cannot compile, too */
	found = pattern_match(p, output->data ? output->data : "", output->len, &e);
	pattern_free(p);
	return found > 0;
}

/* The expression that matched, or NULL. */
static const char *first_match(
	const struct suite *s, const struct strv *expressions, const struct buf *output)
{
	for (size_t i = 0; i < expressions->len; i++)
		if (output_matches(s, expressions->v[i], output))
			return expressions->v[i];
	return NULL;
}

static void judge_output(
	const struct suite *s, const struct outcome *o, struct judgement *j)
{
	autorelease(buf) struct buf output = BUF_INIT;
	const char *match;

	if (o->kind != END_EXIT)
		return;
	if (s->skip_code >= 0 && o->code == s->skip_code) {
		judgement_set(j, VERDICT_SKIP, "exit status %d", o->code);
		return;
	}
	if (!s->skip_regex.len && !s->fail_regex.len && !s->pass_regex.len)
		return;
	buf_append(&output, o->out.data, o->out.len);
	buf_append(&output, o->err.data, o->err.len);
	match = first_match(s, &s->skip_regex, &output);
	if (match) {
		judgement_set(j, VERDICT_SKIP, "its output matches '%s'", match);
		return;
	}
	match = first_match(s, &s->fail_regex, &output);
	if (match) {
		judgement_set(j, VERDICT_FAIL, "its output matches '%s'", match);
		return;
	}
	if (!s->pass_regex.len)
		return;
	if (first_match(s, &s->pass_regex, &output)) {
		j->verdict = VERDICT_PASS;
		free(take_ptr(j->reason));
	} else {
		judgement_set(j, VERDICT_FAIL, "its output does not match '%s'",
			s->pass_regex.v[0]);
	}
}

/* Signs that the program itself never ran, though some process did: the shell's statuses
 * for a program that is not there or cannot be executed, and what the dynamic loader and
 * the emulator say. Such an end must never count as an expected failure. */
static const char *never_ran(const struct outcome *o)
{
	static const char *const says[] = {
		"error while loading shared libraries: ",
		"symbol lookup error: ",
		": Could not open '",
		"Invalid ELF image for this architecture",
		"Exec format error",
	};

	if (o->kind == END_EXIT && (o->code == 126 || o->code == 127))
		return o->code == 126 ? "a program that cannot be executed (status 126)"
				      : "a program that was not found (status 127)";
	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		if (o->err.len &&
			memmem(o->err.data, o->err.len, says[i], strlen(says[i])))
			return says[i];
	return NULL;
}

static bool is_expected(
	const struct suite *s, const struct outcome *o, const struct judgement *j)
{
	if (j->hard)
		return false;
	if (o->kind == END_EXIT)
		return j->verdict == VERDICT_FAIL;
	/* A kernel that went down was no part of the expectation. */
	return j->verdict == VERDICT_CRASH && o->kind != END_MACHINE &&
	       (streq_null(s->adapter, "meson") || streq_null(s->adapter, "autotools"));
}

static void judge_expectation(
	const struct suite *s, const struct outcome *o, struct judgement *j)
{
	const char *why = never_ran(o);

	if (j->verdict == VERDICT_PASS && o->kind == END_EXIT) {
		judgement_set(j, VERDICT_FAIL, "passed, but is expected to fail");
	} else if (is_expected(s, o, j) && why) {
		judgement_set(j, VERDICT_FAIL, "no expected failure: %s", why);
	} else if (is_expected(s, o, j)) {
		autofree char *reason = take_ptr(j->reason);

		judgement_set(j, VERDICT_PASS, "failed as expected%s%s",
			reason ? ": " : "", reason ? reason : "");
	}
}

void framework_judge(const struct framework *f, const struct suite *s,
	const struct test_case *test, const struct outcome *o, struct judgement *j)
{
	f->judge(s, test, o, j);
	judge_output(s, o, j);
	if (s->expect_fail)
		judge_expectation(s, o, j);
	if (j->verdict == VERDICT_PASS && o->leaked)
		judgement_set(j, VERDICT_LEAK, "left %u process%s behind%s%s", o->leaked,
			o->leaked == 1 ? "" : "es", o->leaked_names ? ": " : "",
			o->leaked_names ? o->leaked_names : "");
	if (verdict_is_failure(j->verdict) && !j->excerpt)
		j->excerpt = excerpt_find(o);
}
