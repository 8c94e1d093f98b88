/* What differs between places, and why. */
#include "model/compare.h"

#include "model/compare-cause.h"

#include "tests/tap.h"

#include <signal.h>

static void test_causes(void)
{
	static const struct {
		const char *name, *place;
		enum verdict verdict;
		enum end_kind kind;
		int code;
		const char *out, *err, *want;
	} table[] = {
		{"a system call the emulator does not know", "user", VERDICT_FAIL,
			END_EXIT, 1, "", "ok so far\nqemu: Unsupported syscall: 441\n",
			"an emulator limit of user mode: \"qemu: Unsupported syscall: "
			"441\""},
		{"told on standard output", "user", VERDICT_FAIL, END_EXIT, 1,
			"fanotify_init: Function not implemented\n", "",
			"an emulator limit of user mode: \"fanotify_init: Function not "
			"implemented\""},
		{"SIGSYS", "user", VERDICT_CRASH, END_SIGNAL, SIGSYS, "", "",
			"an emulator limit of user mode"},
		{"the same words of a real kernel", "system", VERDICT_FAIL, END_EXIT, 1,
			"", "fanotify_init: Function not implemented",
			"the machine's kernel lacks something: \"fanotify_init: Function "
			"not implemented\""},
		{"a kernel too old", "system", VERDICT_CRASH, END_SIGNAL, SIGABRT, "",
			"FATAL: kernel too old\n",
			"the kernel is too old for its C library: \"FATAL: kernel too "
			"old\""},
		{"a limit", "user", VERDICT_TIMEOUT, END_TIMEOUT, 0, "", "",
			"it takes longer in user than its time limit"},
		{"a library", "system", VERDICT_FAIL, END_EXIT, 127, "",
			"t: error while loading shared libraries: libz.so.1: cannot "
			"open\n",
			"a library is missing in the machine: \"t: error while loading "
			"shared libraries: libz.so.1: cannot open\""},
		{"a program", "system", VERDICT_FAIL, END_EXIT, 127, "",
			"./t.sh: 3: perl: not found\n",
			"a program is missing in the machine: \"./t.sh: 3: perl: not "
			"found\""},
		{"rights", "user", VERDICT_FAIL, END_EXIT, 1, "",
			"mount: Operation not permitted\n",
			"it is no root in user mode, as it is in a machine: \"mount: "
			"Operation not permitted\""},
		{"nothing tells", "user", VERDICT_FAIL, END_EXIT, 1, "expected 3, got 4",
			"", NULL},
		{"infrastructure has its own reason", "system", VERDICT_LOST, END_LOST, 0,
			"", "x: not found", NULL},
		{"control bytes are not quoted", "system", VERDICT_FAIL, END_EXIT, 1, "",
			"\x1b[31mperl: not found\x1b[0m\n",
			"a program is missing in the machine: \" [31mperl: not found "
			"[0m\""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct outcome o = {.kind = table[i].kind, .code = table[i].code};
		struct compare_result r = {.place = table[i].place,
			.verdict = table[i].verdict,
			.outcome = &o};
		autofree char *got = NULL;

		buf_append_str(&o.out, table[i].out);
		buf_append_str(&o.err, table[i].err);
		got = compare_cause_find(&r);
		is_str(got, table[i].want, table[i].name);
		outcome_release(&o);
	}
}

static void add(struct compare *c, size_t index, const char *group, const char *test,
	const char *place, enum verdict verdict, const char *reason, const char *err)
{
	autofree char *side = xasprintf("%s@%s", group, place);
	struct outcome o = {.kind = END_EXIT};

	buf_append_str(&o.err, err);
	compare_add(c, &(struct compare_result){.index = index,
			       .group = group,
			       .suite = "p::s",
			       .test = test,
			       .side = side,
			       .place = place,
			       .verdict = verdict,
			       .reason = reason,
			       .outcome = &o});
	outcome_release(&o);
}

static void test_differences(void)
{
	static const struct {
		const char *group, *test, *text, *cause;
	} want[] = {
		{"a", "c", "user: pass; system: crash, kernel panic", NULL},
		{"a", "b", "user: fail, exit status 1; system: pass",
			"an emulator limit of user mode: \"qemu: Unsupported syscall: "
			"1\""},
	};
	struct compare *c = compare_new();
	const struct difference *d;
	size_t n;

	/* The plan has c first; the system's results come first. */
	add(c, 3, "a", "b", "system", VERDICT_PASS, NULL, "");
	add(c, 2, "a", "c", "system", VERDICT_CRASH, "kernel panic", "");
	add(c, 0, "a", "c", "user", VERDICT_PASS, NULL, "");
	add(c, 1, "a", "b", "user", VERDICT_FAIL, "exit status 1",
		"qemu: Unsupported syscall: 1\n");
	add(c, 4, "a", "same", "user", VERDICT_FAIL, "exit status 1", "");
	add(c, 5, "a", "same", "system", VERDICT_FAIL, "exit status 2", "");
	add(c, 6, "a", "only here", "user", VERDICT_FAIL, NULL, "");
	add(c, 7, "z", "b", "user", VERDICT_FAIL, "another target", "");
	d = compare_differences(c, &n);
	is_int((long long)n, ARRAY_LEN(want), "so many differ");
	for (size_t i = 0; i < n && i < ARRAY_LEN(want); i++) {
		autofree char *text = compare_describe(&d[i]);

		is_str(d[i].group, want[i].group, "in the order of the plan");
		is_str(d[i].test, want[i].test, "  the case");
		is_str(text, want[i].text, "  what is said where");
		is_str(d[i].cause, want[i].cause, "  why");
	}
	add(c, 8, "a", "same", "system", VERDICT_LOST, "lost: no machine", "");
	d = compare_differences(c, &n);
	is_int((long long)n, 3, "more may come");
	if (n == 3) {
		autofree char *text = compare_describe(&d[2]);

		is_str(text,
			"a@user: fail, exit status 1; a@system: fail, exit status 2; "
			"a@system: lost: no machine",
			"sides in one place go by their own names");
	}
	compare_free(c);
}

int main(void)
{
	test_causes();
	test_differences();
	return tap_done();
}
