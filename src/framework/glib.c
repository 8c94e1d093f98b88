#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"
#include "framework/tap-parse.h"

/* GLib's GTest: https://docs.gtk.org/glib/testing.html. Programs print TAP since GLib
 * 2.38 when told so, since 2.62 always. */

/* The functions live in libglib itself, one object file with g_assert(): only a program
 * that is linked with the library dynamically shows that it calls them. */
static int bid(const struct elf *elf)
{
	bool linked = false;

	for (size_t i = 0; i < elf->needed.len; i++)
		linked |= starts_with(elf->needed.v[i], "libglib-2.0.");
	return linked && elf_has_symbol(elf, "g_test_init") &&
			       elf_has_symbol(elf, "g_test_run")
		       ? EVIDENCE_CERTAIN
		       : 0;
}

static bool accepts_args(const struct suite *s)
{
	static const char *const known[] = {"--tap", "-k", "--keep-going", "-q",
		"--quiet", "--verbose", "-m=", "--debug-log", "--g-fatal-warnings",
		"--seed=", NULL};

	for (size_t i = 1; i < s->command.len; i++)
		if (s->command.v[i][0] == '-' && s->command.v[i][1] != '-' &&
			strlen(s->command.v[i]) > 2 &&
			!starts_with(s->command.v[i], "-m="))
			return false;
	return listing_args_are(s, known);
}

static void list_argv(const struct suite *s, struct strv *argv)
{
	(void)s;
	strv_push(argv, "-l");
}

static int parse_list(
	struct suite *s, const char *out, size_t len, int exit_status, struct err *e)
{
	const char *raw;
	size_t pos = 0, size, planned = 0;

	(void)exit_status;
	(void)e;
	while (buf_next_line(out, len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size);

		if (starts_with(line, "1.."))
			planned = strtoul(line + 3, NULL, 10);
		if (line[0] == '/' && line[1])
			suite_add_case(s, line);
	}
	/* A program may print paths of files too: then the plan tells. */
	listing_finish(s, planned);
	return 0;
}

static void case_argv(
	const struct suite *s, const struct test_case *test, struct strv *argv)
{
	(void)s;
	if (!*test->name)
		return;
	strv_push(argv, "-p");
	strv_push(argv, test->name);
}

static bool has_children(const struct suite *s, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < s->n_cases; i++)
		if (strncmp(s->cases[i].name, name, len) == 0 &&
			s->cases[i].name[len] == '/')
			return true;
	return false;
}

/* The verdict of the test's own point: "-p /a" also runs "/a/b", as a test of its own. */
static void judge_case(const struct suite *s, const struct test_case *test,
	const struct tap_parse *t, const struct outcome *o, struct judgement *j)
{
	const struct point *own = NULL;

	for (size_t i = 0; i < j->n_points && !own; i++)
		if (streq(j->points[i].name, test->name))
			own = &j->points[i];
	if (!own) {
		if (j->verdict == VERDICT_PASS && t->has_plan && !t->total) {
			j->hard = true;
			judgement_set(j, VERDICT_FAIL, "the program has no such test");
		}
		return;
	}
	if (own->verdict == VERDICT_FAIL && j->verdict != VERDICT_CRASH) {
		judgement_set(
			j, VERDICT_FAIL, "%s", own->reason ? own->reason : "not ok");
	} else if (own->verdict == VERDICT_SKIP && j->verdict == VERDICT_PASS) {
		judgement_set(
			j, VERDICT_SKIP, "%s", own->reason ? own->reason : "skipped");
	} else if (own->verdict != VERDICT_FAIL && verdict_is_failure(j->verdict) &&
		   o->kind != END_TIMEOUT && has_children(s, test->name)) {
		/* Cases come before the cases below them: the failure is one of those's.
		 */
		free(take_ptr(j->reason));
		j->verdict = own->verdict;
	}
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	autorelease(tap_parse) struct tap_parse t = {0};

	tap_parse(o->out.data, o->out.len, 0, &t, j);
	plain_judge_exit(o, j);
	/* A failed assertion says so in TAP and aborts: that is no crash. */
	if (t.bailed_out && (j->verdict == VERDICT_CRASH || j->verdict == VERDICT_PASS))
		judgement_set(
			j, VERDICT_FAIL, "%s", t.bail_why ? t.bail_why : "Bail out!");
	else if (t.failed && (j->verdict == VERDICT_FAIL || j->verdict == VERDICT_PASS))
		judgement_set(
			j, VERDICT_FAIL, "%zu of %zu tests failed", t.failed, t.total);
	if (test && *test->name)
		judge_case(s, test, &t, o, j);
}

const struct framework framework_glib = {
	.name = "glib",
	.help = "GLib's test programs (g_test_init)",
	.bid = bid,
	.accepts_args = accepts_args,
	.list_argv = list_argv,
	.parse_list = parse_list,
	.case_argv = case_argv,
	.judge = judge,
};
