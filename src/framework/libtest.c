#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"

/* The protocol of Rust's test harness, which custom harnesses speak as well
 * (https://nexte.st/docs/design/custom-test-harnesses/). */

static int bid(const struct elf *elf)
{
	/* The mangled name is the same in the legacy and the v0 scheme. */
	static const struct evidence evidence = {
		.symbol = {"4test16test_main_static", "4test22test_main_static_abort"},
		.text = {{"RUST_TEST_", "THREADS"}, {"RUST_TEST_", "NOCAPTURE"},
			{"__RUST_TEST_", "INVOKE"}},
	};

	return evidence_bid(elf, &evidence);
}

static void list_argv(const struct suite *s, struct strv *argv)
{
	static const char *const words[] = {"--list", "--format", "terse", NULL};

	(void)s;
	strv_push_array(argv, words);
}

static void ignored_argv(const struct suite *s, struct strv *argv)
{
	list_argv(s, argv);
	strv_push(argv, "--ignored");
}

/* Cuts ": test" or ": benchmark" off: without --bench the harness runs a benchmark once,
 * as a test, and so do cargo test and nextest. */
static bool read_name(char *line)
{
	static const char *const kinds[] = {": test", ": benchmark"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		size_t len = strlen(line), tail = strlen(kinds[i]);

		if (len > tail && ends_with(line, kinds[i])) {
			line[len - tail] = '\0';
			return true;
		}
	}
	return false;
}

static int parse_list(
	struct suite *s, const char *out, size_t len, int exit_status, struct err *e)
{
	const char *raw;
	size_t pos = 0, size;

	while (buf_next_line(out, len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size);

		if (read_name(line))
			suite_add_case(s, line);
	}
	if (!s->n_cases && exit_status)
		return err_set(e, ERR_LIST,
			"%s --list --format terse named no test and ended with status "
			"%d; "
			"if it is no libtest program, set its framework to \"plain\"",
			s->binary ? s->binary : s->command.v[0], exit_status);
	/* A crate without tests is no test. */
	if (s->n_cases)
		listing_finish(s, 0);
	return 0;
}

static void parse_ignored(struct suite *s, const char *out, size_t len, int exit_status)
{
	autorelease(strv) struct strv names = STRV_INIT;
	const char *raw;
	size_t pos = 0, size;

	(void)exit_status;
	while (buf_next_line(out, len, &pos, &raw, &size)) {
		autofree char *line = listing_clean(raw, size);

		if (read_name(line))
			strv_push(&names, line);
	}
	listing_add_ignored(s, &names, true);
}

static void case_argv(
	const struct suite *s, const struct test_case *test, struct strv *argv)
{
	(void)s;
	if (!*test->name)
		return;
	strv_push(argv, "--exact");
	strv_push(argv, test->name);
	strv_push(argv, "--nocapture");
	if (test->ignored)
		strv_push(argv, "--ignored");
}

static bool prints(const struct outcome *o, const char *text)
{
	return o->out.len && memmem(o->out.data, o->out.len, text, strlen(text));
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	(void)s;
	plain_judge_status(o, j);
	if (j->verdict == VERDICT_FAIL && o->code == 101)
		judgement_set(j, VERDICT_FAIL, "test failed (exit status 101)");
	if (j->verdict != VERDICT_PASS || !test || !*test->name)
		return;
	if (prints(o, "test result: ok. 0 passed; 0 failed; 1 ignored")) {
		judgement_set(j, VERDICT_SKIP, "ignored");
	} else if (prints(o, "running 0 tests\n") &&
		   prints(o, "test result: ok. 0 passed; 0 failed; 0 ignored")) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "the program has no such test");
	}
}

const struct framework framework_libtest = {
	.name = "libtest",
	.help = "Rust's test harness and programs that speak its protocol",
	.bid = bid,
	.list_argv = list_argv,
	.parse_list = parse_list,
	.ignored_argv = ignored_argv,
	.parse_ignored = parse_ignored,
	.case_argv = case_argv,
	.judge = judge,
};
