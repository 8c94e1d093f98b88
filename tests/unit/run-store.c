#include "engine/run-store.h"

#include "base/fs.h"
#include "engine/rerun.h"
#include "model/suite.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir;

static void put(const char *path, const char *text)
{
	autofree char *full = fs_join(dir, path);
	autofree char *parent = fs_dirname(full);
	struct err e = {0};

	if (fs_mkdir_p(parent, &e) < 0 ||
		fs_write_file(full, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static bool is_there(const char *path)
{
	autofree char *full = fs_join(dir, path);

	return fs_exists(full);
}

static void clear(void)
{
	autofree char *runs = fs_join(dir, "runs");
	struct err e = {0};

	if (fs_remove_tree(runs, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

/* ---- names */

static void test_find(void)
{
	static const struct {
		const char *name, *id, *error;
	} rows[] = {
		{"latest", "20260103T1-b", NULL},
		{"-1", "20260103T1-b", NULL},
		{"~1", "20260103T1-b", NULL},
		{"-2", "20260102T1-a", NULL},
		{"~3", "20260101T1-a", NULL},
		{"20260102T1-a", "20260102T1-a", NULL},
		{"20260103", "20260103T1-b", NULL},
		{"-4", NULL, "only 3 runs"},
		{"-0", NULL, "no run -0"},
		{"-2x", NULL, "no run -2x"},
		{"2026010", NULL, "the beginning of 20260101T1-a and of 20260102T1-a"},
		{"outputs", NULL, "no run outputs"},
		{"", NULL, "2026"},
	};
	struct err e = {0};

	clear();
	ok(!run_store_find(dir, "latest", &e) && strstr(e.msg, "no run is recorded"),
		"no directory: %s", e.msg);
	put("runs/20260102T1-a/events.jsonl", "");
	put("runs/20260103T1-b/events.jsonl", "");
	put("runs/20260101T1-a/events.jsonl", "");
	put("runs/outputs/aa/bb", "");
	put("runs/.gone-20250101T1-a/events.jsonl", "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *id = run_store_find(dir, rows[i].name, &e);

		if (rows[i].id)
			is_str(id, rows[i].id, rows[i].name);
		else
			ok(!id && strstr(e.msg, rows[i].error), "\"%s\": %s",
				rows[i].name, e.msg);
	}
}

/* ---- outputs */

static unsigned long links(const char *path)
{
	autofree char *full = fs_join(dir, path);
	struct stat st;

	return stat(full, &st) == 0 ? st.st_nlink : 0;
}

static void test_outputs(void)
{
	static const char text[] = "some\0output";
	static const char *const bad[] = {"", "../../../etc/passwd", "abc",
		"ZZ4e1243bd22c66e76c2ba9eddc1f91394e57f9f83eeb6ff9f2c4b5a1c0d9b1a"};
	char digest[HASH_HEX_SIZE], again[HASH_HEX_SIZE];
	autofree char *own = NULL, *shared = NULL;
	struct buf out = BUF_INIT;
	struct err e = {0};

	clear();
	put("runs/1/events.jsonl", "");
	put("runs/2/events.jsonl", "");
	ok(run_store_put(dir, "1", text, sizeof text, digest, &e) == 0, "kept %s", e.msg);
	ok(run_store_put(dir, "2", text, sizeof text, again, &e) == 0, "and once more");
	ok(run_store_put(dir, "2", text, sizeof text, again, &e) == 0,
		"and again by the same run");
	is_str(again, digest, "the digest is that of the bytes");
	own = xasprintf("runs/1/outputs/%s", digest);
	shared = xasprintf("runs/outputs/%.2s/%s", digest, digest + 2);
	is_int((long long)links(own), 3, "two runs and the store share it");
	is_int((long long)links(shared), 3, "under its digest");
	buf_append_str(&out, "before ");
	ok(run_store_get(dir, "2", digest, &out) == 0, "it can be read");
	is_mem(out.data + 7, out.len - 7, text, sizeof text, "as it was");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(run_store_get(dir, "1", bad[i], &out) < 0, "no digest: \"%s\"",
			bad[i]);
	put(own, "something else");
	buf_clear(&out);
	ok(run_store_get(dir, "1", digest, &out) < 0 && !out.len,
		"what is not what it was is not given");
	buf_release(&out);
}

/* ---- room */

static void age(const char *path, int seconds)
{
	autofree char *full = fs_join(dir, path);
	struct timespec times[2] = {{wall_clock_ms() / 1000 - seconds, 0}, {0, 0}};

	times[1] = times[0];
	utimensat(AT_FDCWD, full, times, 0);
}

static void test_prune(void)
{
	static const struct {
		const char *name;
		struct run_store_limits limits;
		const char *removed;
	} rows[] = {
		{"nothing is over", {9, INT64_MAX, INT64_MAX}, ""},
		{"number", {2, INT64_MAX, INT64_MAX}, "1"},
		{"size", {9, INT64_MAX, 2500}, "1"},
		{"size of two", {9, INT64_MAX, 1000}, "1 2"},
		{"age", {9, 5000LL * 1000000, INT64_MAX}, "1 2"},
		{"all but the one in progress", {0, -1, -1}, "1 2"},
	};
	autofree char *thousand = xcalloc(1001, 1);
	struct err e = {0};

	memset(thousand, 'x', 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		bool dry = i % 2 == 0;
		autorelease(strv) struct strv removed = STRV_INIT;
		autofree char *joined = NULL, *live = NULL;
		char digest[HASH_HEX_SIZE];
		autoclose int fd = -1;

		clear();
		put("runs/1/events.jsonl", thousand);
		put("runs/2/events.jsonl", thousand);
		put("runs/3/events.jsonl", thousand);
		put("runs/.gone-0/events.jsonl", thousand);
		age("runs/1/events.jsonl", 9000);
		age("runs/2/events.jsonl", 6000);
		live = fs_join(dir, "runs/3/events.jsonl");
		fd = open(live, O_RDONLY | O_CLOEXEC);
		run_store_lock(fd);
		if (run_store_put(dir, "1", "only", 4, digest, &e) < 0 ||
			run_store_prune(dir, &rows[i / 2].limits, dry, &removed, &e) < 0)
			printf("# %s\n", e.msg);
		joined = strv_join(&removed, " ");
		is_str(joined, rows[i / 2].removed, rows[i / 2].name);
		ok(is_there("runs/1") == (dry || !*joined), "%s",
			dry ? "only said" : "and done");
		if (!dry && *joined) {
			autofree char *shared =
				xasprintf("runs/outputs/%.2s/%s", digest, digest + 2);

			ok(!is_there(shared) && !is_there("runs/.gone-0"),
				"what no run has is gone, too");
		}
		ok(is_there("runs/3/events.jsonl"), "the one in progress stays");
	}
	clear();
	put("runs/1/events.jsonl", thousand);
	put("runs/1/outputs/x", "12345");
	is_int(run_store_size(dir, "1"), 1005, "the size of a run");
	put("runs/1/outputs/y", "12345");
	is_int(run_store_size(dir, "1"), 1005, "is remembered when it has ended");
}

/* ---- what is outstanding */

#define START(id, parent)                                                                \
	"{\"event\": \"run-start\", \"format\": \"xtest-events\", "                      \
	"\"format_version\": 1, \"run\": \"" id "\", \"rerun_of\": " parent "}\n"        \
	"{\"event\": \"place\", \"column\": \"arm\", \"target\": \"arm\", \"place\": "   \
	"\"user\"}\n"
#define RESULT(name, verdict, rest)                                                      \
	"{\"event\": \"case-end\", \"column\": \"arm\", \"suite\": \"p::s\", \"case\": " \
	"\"" name "\", \"attempt\": 1, \"verdict\": \"" verdict "\"" rest "}\n"
#define OPEN(name) "open\tarm\tuser\ttarget\tp::s\t" name "\n"
#define PASSED(name) "passed\tarm\tuser\ttarget\tp::s\t" name "\n"

static const struct event_column column = {
	.label = "arm", .target = "arm", .place = "user"};

static void test_rerun(void)
{
	static const struct {
		const char *name, *cases, *events;
		const char *passed; /* of "a b c d\xff" */
		int open;           /* -1: refused */
	} rows[] = {
		{"killed before its plan", NULL, START("9", "null"), "", 0},
		{"killed before its first case", "xtest-cases 1\n" OPEN("a") OPEN("b"),
			START("9", "null"), "", 2},
		{"killed later", "xtest-cases 1\n" OPEN("a") OPEN("b"),
			START("9", "null") RESULT("a", "pass", ""), "a", 1},
		{"every verdict",
			"xtest-cases 1\n" OPEN("a") OPEN("b") OPEN("c") OPEN("d\xff"),
			START("9", "null") RESULT("a", "flaky", "") RESULT("b", "skip",
				"") RESULT("c", "leak", "") RESULT("d\xef\xbf\xbd",
				"timeout", ", \"case_base64\": \"ZP8=\""),
			"abc", 1},
		{"lost is not passed", "xtest-cases 1\n" OPEN("a"),
			START("9", "null") RESULT("a", "lost", ""), "", 1},
		{"not final", "xtest-cases 1\n" OPEN("a"),
			START("9", "null") RESULT("a", "fail", ", \"final\": false"), "",
			1},
		{"inherited", "xtest-cases 1\n" PASSED("a") OPEN("b") OPEN("c"),
			START("9", "\"8\"") RESULT("b", "pass", ""), "ab", 1},
		{"fails again", "xtest-cases 1\n" PASSED("a") OPEN("b"),
			START("9", "\"8\"") RESULT("a", "fail", ""), "", 2},
		{"a rerun that was killed before its plan", NULL, START("9", "\"8\""),
			"bd", 1},
		{"a rerun of itself", NULL, START("9", "\"9\""), NULL, -1},
		{"its parent is gone", NULL, START("9", "\"7\""), NULL, -1},
		{"damaged", "something\n", START("9", "null"), NULL, -1},
		{"damaged line", "xtest-cases 1\nopen\tarm\n", START("9", "null"), NULL,
			-1},
		{"half a line", "xtest-cases 1\n" OPEN("a") "open\tarm\tus",
			START("9", "null"), NULL, -1},
	};
	static const char *const names[] = {"a", "b", "c", "d\xff"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = {0};
		struct rerun *r;
		struct buf passed = BUF_INIT;
		struct suite suite = {.id = (char *)(uintptr_t) "p::s"};

		clear();
		put("runs/8/events.jsonl",
			START("8", "null") RESULT("b", "pass", "") RESULT(
				"d\xef\xbf\xbd", "pass", ", \"case_base64\": \"ZP8=\""));
		put("runs/8/cases", "xtest-cases 1\n" OPEN("a") OPEN("b") OPEN("d\xff"));
		put("runs/9/events.jsonl", rows[i].events);
		if (rows[i].cases)
			put("runs/9/cases", rows[i].cases);
		r = rerun_load(dir, "9", &e);
		if (rows[i].open < 0) {
			ok(!r, "%s: %s", rows[i].name, e.msg);
			rerun_free(r);
			continue;
		}
		if (!ok(r != NULL, "%s %s", rows[i].name, e.msg))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			struct test_case test = {.name = (char *)(uintptr_t)names[k]};

			if (rerun_has_passed(r, &column, &suite, &test))
				buf_append_char(&passed, names[k][0]);
		}
		is_str(buf_str(&passed), rows[i].passed, "what has passed");
		is_int((long long)rerun_outstanding(r), rows[i].open, "what is open");
		buf_release(&passed);
		rerun_free(r);
	}
}

static void test_forget(void)
{
	struct test_case cases[] = {{.name = (char *)(uintptr_t) "a"},
		{.name = (char *)(uintptr_t) "with a blank"}};
	struct suite listed = {.id = (char *)(uintptr_t) "p::listed",
		.cases = cases,
		.n_cases = 2,
		.listed = true};
	struct suite unlisted = {.id = (char *)(uintptr_t) "p::unlisted"};
	struct suite gone = {.id = (char *)(uintptr_t) "p::gone"};
	struct test_case other = {.name = (char *)(uintptr_t) "b"};
	const struct suite *const suites[] = {&unlisted, &listed};
	struct event_column elsewhere = {.target = "arm", .place = "system"};
	struct rerun *r = rerun_new();
	struct buf text = BUF_INIT;

	rerun_expect(r, &column, &listed, &cases[0]);
	rerun_expect(r, &column, &listed, &cases[1]);
	rerun_expect(r, &column, &listed, &other);
	rerun_expect(r, &column, &unlisted, &other);
	rerun_expect(r, &column, &gone, &other);
	rerun_expect(r, &elsewhere, &gone, &other);
	is_int((long long)rerun_forget(r, &column, suites, 2), 2,
		"a case and a suite that are not there any more");
	is_int((long long)rerun_outstanding(r), 4, "the others are outstanding");
	rerun_print(r, &text);
	ok(!strstr(buf_str(&text), "user\ttarget\tp::gone") &&
			strstr(buf_str(&text), "system\ttarget\tp::gone") &&
			strstr(buf_str(&text), "with\\x20a\\x20blank"),
		"and are written");
	rerun_expect(r, &column, &gone, &other);
	is_int((long long)rerun_outstanding(r), 5, "it may come back");
	is_int((long long)rerun_forget(r, &column, NULL, 0), 4, "no suite at all");
	buf_release(&text);
	rerun_free(r);
}

int main(void)
{
	struct err e = {0};
	autofree char *made = fs_temp_dir("xtest-runs", &e);

	if (!made)
		return 99;
	dir = made;
	test_find();
	test_outputs();
	test_prune();
	test_rerun();
	test_forget();
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	return tap_done();
}
