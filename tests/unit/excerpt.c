/* The lines that say why a test failed, found in what real programs print. */
#include "framework/excerpt.h"

#include "tests/tap.h"

static const struct {
	const char *name, *out, *err, *excerpt;
} excerpts[] = {
	{"nothing", "", "", NULL},
	{"the last line of standard error", "one\n", "two\nthree\n\n", "three"},
	{"of standard output", "one\ntwo\n", "\n", "two"},
	{"assert()", "", "noise\np: t.c:3: main: Assertion `1 == 2' failed.\nAborted\n",
		"p: t.c:3: main: Assertion `1 == 2' failed."},
	{"GoogleTest",
		"[ RUN      ] A.B\na.cc:6: Failure\nExpected equality of these values:\n "
		" 2 + "
		"2\n    Which is: 4\n  5\n[  FAILED  ] A.B (0 ms)\n",
		"",
		"a.cc:6: Failure\nExpected equality of these values:\n  2 + 2\n    Which "
		"is: "
		"4\n  5"},
	{"Catch2",
		"...\n\na.cc:5: FAILED:\n  REQUIRE( 2 + 2 == 5 )\nwith expansion:\n  4 "
		"== "
		"5\n\n====\n",
		"",
		"a.cc:5: FAILED:\n  REQUIRE( 2 + 2 == 5 )\nwith expansion:\n  4 == 5"},
	{"cmocka", "[ RUN      ] fails\n",
		"[  ERROR   ] --- 0x4 != 0x5\n[   LINE   ] --- c.c:8: error: Failure!\n",
		"[  ERROR   ] --- 0x4 != 0x5\n[   LINE   ] --- c.c:8: error: Failure!"},
	{"a panic", "running 1 test\n",
		"thread 'fails' panicked at src/lib.rs:5:5:\nassertion failed\n",
		"thread 'fails' panicked at src/lib.rs:5:5:\nassertion failed"},
	{"TAP", "1..2\nok 1\nnot ok 2 - b\n# got 3\n", "", "not ok 2 - b\n# got 3"},
	{"a sanitizer before all else", "not ok 1\n",
		"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1\n",
		"==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x1"},
	{"colours and control characters", "", "\033[31merror: x\033[0m \001y\n",
		"error: x ?y"},
	{"bytes that are no text", "", "error: \377\376\n", "error: ??"},
	{"Check, really",
		"Running suite(s): Numbers\n"
		"33%: Checks: 3, Failures: 1, Errors: 1\n"
		"/src/check.c:4:F:core:fails:0: Assertion '4 == 5' failed: 4 == 4, 5 == "
		"5\n"
		"/src/check.c:5:E:edge:crashes:0: (after this point) Received signal 11 "
		"(Segmentation fault)\n",
		"",
		"/src/check.c:4:F:core:fails:0: Assertion '4 == 5' failed: 4 == 4, 5 == "
		"5"},
	{"GoogleTest, really",
		"starting up\n"
		"Note: Google Test filter = Math.Wrong\n"
		"[==========] Running 1 test from 1 test suite.\n"
		"[----------] Global test environment set-up.\n"
		"[----------] 1 test from Math\n"
		"[ RUN      ] Math.Wrong\n"
		"/src/gtest.cc:6: Failure\n"
		"Expected equality of these values:\n"
		"  2 + 2\n"
		"    Which is: 4\n"
		"  5\n"
		"arithmetic broke\n"
		"[  FAILED  ] Math.Wrong (3 ms)\n"
		"[----------] 1 test from Math (3 ms total)\n"
		"\n"
		"[----------] Global test environment tear-down\n"
		"[==========] 1 test from 1 test suite ran. (3 ms total)\n"
		"[  PASSED  ] 0 tests.\n"
		"[  FAILED  ] 1 test, listed below:\n"
		"[  FAILED  ] Math.Wrong\n"
		"\n"
		" 1 FAILED TEST\n",
		"",
		"/src/gtest.cc:6: Failure\n"
		"Expected equality of these values:\n"
		"  2 + 2\n"
		"    Which is: 4\n"
		"  5\n"
		"arithmetic broke"},
	{"Catch2, really",
		"\n"
		"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~"
		"~~~~~~~\n"
		"catch2 is a Catch v2.13.10 host application.\n"
		"Run with -? for options\n"
		"\n"
		"------------------------------------------------------------------------"
		"-------\n"
		"wrong, \"quoted\" [and] *starred*\n"
		"------------------------------------------------------------------------"
		"-------\n"
		"/src/catch2.cc:5\n"
		"........................................................................"
		".......\n"
		"\n"
		"/src/catch2.cc:5: FAILED:\n"
		"  REQUIRE( 2 + 2 == 5 )\n"
		"with expansion:\n"
		"  4 == 5\n"
		"\n"
		"------------------------------------------------------------------------"
		"-------\n"
		"fails as it should\n"
		"------------------------------------------------------------------------"
		"-------\n"
		"/src/catch2.cc:12\n"
		"........................................................................"
		".......\n"
		"\n"
		"/src/catch2.cc:12: FAILED:\n"
		"  REQUIRE( false )\n"
		"\n"
		"========================================================================"
		"=======\n"
		"test cases: 10 | 8 passed | 1 failed | 1 failed as expected\n"
		"assertions: 10 | 8 passed | 1 failed | 1 failed as expected\n"
		"\n",
		"",
		"/src/catch2.cc:5: FAILED:\n"
		"  REQUIRE( 2 + 2 == 5 )\n"
		"with expansion:\n"
		"  4 == 5"},
	{"doctest, really",
		"[doctest] doctest version is \"2.4.9\"\n"
		"[doctest] run with \"--help\" for options\n"
		"========================================================================"
		"=======\n"
		"/src/doctest.cc:5:\n"
		"TEST CASE:  wrong, with a comma\n"
		"\n"
		"/src/doctest.cc:5: ERROR: CHECK( 2 + 2 == 5 ) is NOT correct!\n"
		"  values: CHECK( 4 == 5 )\n"
		"\n"
		"========================================================================"
		"=======\n"
		"/src/doctest.cc:11:\n"
		"TEST CASE:  fails as it should\n"
		"\n"
		"/src/doctest.cc:11: ERROR: CHECK( false ) is NOT correct!\n"
		"  values: CHECK( false )\n"
		"\n"
		"Failed as expected so marking it as not failed\n"
		"========================================================================"
		"=======\n"
		"[doctest] test cases: 8 | 7 passed | 1 failed | 1 skipped\n"
		"[doctest] assertions: 8 | 6 passed | 2 failed |\n"
		"[doctest] Status: FAILURE!\n",
		"",
		"/src/doctest.cc:5: ERROR: CHECK( 2 + 2 == 5 ) is NOT correct!\n"
		"  values: CHECK( 4 == 5 )"},
	{"cmocka, really",
		"[==========] Running 3 test(s).\n"
		"[ RUN      ] passes\n"
		"[       OK ] passes\n"
		"[ RUN      ] fails\n"
		"[  FAILED  ] fails\n"
		"[ RUN      ] skips\n"
		"[  SKIPPED ] skips\n"
		"[==========] 3 test(s) run.\n",
		"[  ERROR   ] --- 0x4 != 0x5\n"
		"[   LINE   ] --- /src/cmocka.c:8: error: Failure!\n"
		"[  PASSED  ] 1 test(s).\n"
		"[  SKIPPED ] 1 test(s), listed below:\n"
		"[  SKIPPED ] skips\n"
		"\n"
		" 1 SKIPPED TEST(S)\n"
		"[  FAILED  ] 1 test(s), listed below:\n"
		"[  FAILED  ] fails\n"
		"\n"
		" 1 FAILED TEST(S)\n",
		"[  ERROR   ] --- 0x4 != 0x5\n"
		"[   LINE   ] --- /src/cmocka.c:8: error: Failure!"},
	{"GLib, really",
		"# random seed: R02S764e22dae464ebc70db585245c03981b\n"
		"1..7\n"
		"ok 1 /a\n"
		"ok 2 /ab\n"
		"# Start of a tests\n"
		"ok 3 /a/b\n"
		"# End of a tests\n"
		"# Start of sub tests\n"
		"ok 4 /sub/skip # SKIP no device\n"
		"not ok 5 /sub/incomplete # TODO in time\n"
		"ok 6 /sub/with blank\n"
		"Bail out! ERROR:/src/glib.c:4:fails: assertion failed (2 + 2 == 5): (4 "
		"== 5)\n",
		"**\n"
		"ERROR:/src/glib.c:4:fails: assertion failed (2 + 2 == 5): (4 == 5)\n"
		"Aborted\n",
		"Bail out! ERROR:/src/glib.c:4:fails: assertion failed (2 + 2 == 5): (4 "
		"== 5)"},
	{"assert() of glibc, after a word of warning",
		"starting\n"
		"some error: none of it matters\n",
		"assert: a.c:3: main: Assertion `n == 4 && \"four is needed\"' failed.\n"
		"Aborted\n",
		"assert: a.c:3: main: Assertion `n == 4 && \"four is needed\"' failed."},
	{"AddressSanitizer, really", "",
		"=================================================================\n"
		"==31730==ERROR: AddressSanitizer: heap-use-after-free on address "
		"0x602000000011 at pc 0x55de16f861e4 bp 0x7ffd3e80d940 sp "
		"0x7ffd3e80d938\n"
		"READ of size 1 at 0x602000000011 thread T0\n"
		"    #0 0x55de16f861e3 in main /src/asan.c:3\n"
		"\n"
		"0x602000000011 is located 1 bytes inside of 8-byte region "
		"[0x602000000010,0x602000000018)\n"
		"freed by thread T0 here:\n"
		"    #0 0x7ff3724b76a8 in __interceptor_free "
		"../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:52\n"
		"\n"
		"previously allocated by thread T0 here:\n"
		"    #0 0x7ff3724b89cf in __interceptor_malloc "
		"../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"
		"\n"
		"SUMMARY: AddressSanitizer: heap-use-after-free /src/asan.c:3 in main\n",
		"SUMMARY: AddressSanitizer: heap-use-after-free /src/asan.c:3 in main\n"
		"==31730==ERROR: AddressSanitizer: heap-use-after-free on address "
		"0x602000000011 at pc 0x55de16f861e4 bp 0x7ffd3e80d940 sp "
		"0x7ffd3e80d938"},
	{"UndefinedBehaviorSanitizer, really", "",
		"<stdin>:2:45: runtime error: signed integer overflow: 2147483647 + 1 "
		"cannot be represented in type 'int'\n",
		"<stdin>:2:45: runtime error: signed integer overflow: 2147483647 + 1 "
		"cannot be represented in type 'int'"},
	{"LeakSanitizer, really", "",
		"\n"
		"=================================================================\n"
		"==31773==ERROR: LeakSanitizer: detected memory leaks\n"
		"\n"
		"Direct leak of 100 byte(s) in 1 object(s) allocated from:\n"
		"    #0 0x7f04420b89cf in __interceptor_malloc "
		"../../../../src/libsanitizer/asan/asan_malloc_linux.cpp:69\n"
		"\n"
		"SUMMARY: AddressSanitizer: 100 byte(s) leaked in 1 allocation(s).\n",
		"SUMMARY: AddressSanitizer: 100 byte(s) leaked in 1 allocation(s).\n"
		"==31773==ERROR: LeakSanitizer: detected memory leaks"},
	{"the stack protector", "",
		"*** stack smashing detected ***: terminated\n"
		"Aborted\n",
		"*** stack smashing detected ***: terminated"},
	{"glibc's malloc", "",
		"free(): double free detected in tcache 2\n"
		"Aborted\n",
		"free(): double free detected in tcache 2"},
	{"an exception nobody caught", "",
		"terminate called after throwing an instance of 'std::runtime_error'\n"
		"  what():  no such thing\n"
		"Aborted\n",
		"terminate called after throwing an instance of 'std::runtime_error'\n"
		"  what():  no such thing"},
	{"a shell whose program crashed",
		"running\n"
		"before\n"
		"status 139\n",
		"./segv.sh: line 3: 31796 Segmentation fault      ./segv\n",
		"./segv.sh: line 3: 31796 Segmentation fault      ./segv"},
	{"Python's unittest", "",
		"F\n"
		"======================================================================\n"
		"FAIL: test_a (__main__.T.test_a)\n"
		"----------------------------------------------------------------------\n"
		"Traceback (most recent call last):\n"
		"  File \"/src/py.py\", line 4, in test_a\n"
		"    self.assertEqual(1, 2, \"numbers differ\")\n"
		"AssertionError: 1 != 2 : numbers differ\n"
		"\n"
		"----------------------------------------------------------------------\n"
		"Ran 1 test in 0.001s\n"
		"\n"
		"FAILED (failures=1)\n",
		"AssertionError: 1 != 2 : numbers differ"},
	{"an exception of Python", "hello\n",
		"Traceback (most recent call last):\n"
		"  File \"/src/py2.py\", line 3, in <module>\n"
		"    f(0)\n"
		"  File \"/src/py2.py\", line 1, in f\n"
		"    def f(x): return 1 / x\n"
		"                     ~~^~~\n"
		"ZeroDivisionError: division by zero\n",
		"ZeroDivisionError: division by zero"},
	{"Test::More",
		"1..2\n"
		"ok 1 - fine\n"
		"not ok 2 - numbers\n",
		"#   Failed test 'numbers'\n"
		"#   at perl.t line 2.\n"
		"#          got: '1'\n"
		"#     expected: '2'\n"
		"# Looks like you failed 1 test of 2.\n",
		"#   Failed test 'numbers'\n"
		"#   at perl.t line 2.\n"
		"#          got: '1'\n"
		"#     expected: '2'"},
	{"TAP with diagnostics",
		"1..2\n"
		"ok 1 - a\n"
		"not ok 2 - b\n"
		"# expected: 3\n"
		"#   actual: 4\n",
		"", "not ok 2 - b\n# expected: 3\n#   actual: 4"},
	{"a difference",
		"comparing\n"
		"--- /src/x1\t2026-01-01 00:00:00.000000000 +0000\n"
		"+++ /src/x2\t2026-01-01 00:00:00.000000000 +0000\n"
		"@@ -1,2 +1,2 @@\n"
		" a\n"
		"-b\n"
		"+c\n",
		"",
		"@@ -1,2 +1,2 @@\n"
		" a\n"
		"-b\n"
		"+c"},
	{"a point that need not pass",
		"not ok 1 - a # TODO in time\nnot ok 2 - b\nok 3\n", "", "not ok 2 - b"},
	{"Rust's panic", "\nrunning 1 test\nfail out\ntest tests::b_fail ... FAILED\n",
		"\nthread 'tests::b_fail' (11954) panicked at src/lib.rs:5:49:\n"
		"assertion `left == right` failed: sum is odd\n  left: 2\n right: 3\n"
		"stack backtrace:\n   0: __rustc::rust_begin_unwind\n",
		"thread 'tests::b_fail' (11954) panicked at src/lib.rs:5:49:\n"
		"assertion `left == right` failed: sum is odd\n  left: 2\n right: 3"},
	{"libtest, killed before its test has said anything", "\nrunning 1 test\n", "",
		NULL},
	{"GoogleTest, killed in a test that has said something",
		"[==========] Running 1 test from 1 test suite.\n"
		"[----------] 1 test from Sum\n"
		"round 7\n"
		"[ RUN      ] Sum.Large\n",
		"", "round 7"},
	{"qemu", "",
		"qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n",
		"qemu: uncaught target signal 11 (Segmentation fault) - core dumped"},
};

static void check_excerpts(void)
{
	for (size_t i = 0; i < ARRAY_LEN(excerpts); i++) {
		struct outcome o = {0};
		autofree char *got = NULL;

		buf_append_str(&o.out, excerpts[i].out);
		buf_append_str(&o.err, excerpts[i].err);
		got = excerpt_find(&o);
		is_str(got, excerpts[i].excerpt, excerpts[i].name);
		outcome_release(&o);
	}
}

static void check_excerpt_bounds(void)
{
	struct outcome o = {0};
	autofree char *got = NULL;

	buf_append_str(&o.err, "x: Failure\n");
	for (int i = 0; i < 5000; i++)
		buf_append_str(&o.err, i % 999 ? "\303\244" : "\n");
	got = excerpt_find(&o);
	ok(got && strlen(got) <= 600, "an excerpt is bounded");
	outcome_release(&o);
}

int main(void)
{
	check_excerpts();
	check_excerpt_bounds();
	return tap_done();
}
