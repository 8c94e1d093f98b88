#include "model/history.h"

#include "base/fs.h"

#include "tests/tap.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *dir;

static void put(const char *name, const char *text)
{
	autofree char *path = fs_join(dir, name);
	struct err e = {0};

	if (fs_write_file(path, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static char *get(const char *name)
{
	autofree char *path = fs_join(dir, name);
	struct buf text = BUF_INIT;
	struct err e = {0};

	if (fs_read_file(path, &text, &e) < 0)
		printf("# %s\n", e.msg);
	return buf_take(&text);
}

/* Saves results of one case, the last one latest. */
static char *save(const char *test, const int64_t *us, const int64_t *kib, size_t n)
{
	struct history *h = history_new();
	struct err e = {0};
	char *fault;

	for (size_t i = 0; i < n; i++)
		history_add(h, "aarch64", "user", "p::s", test, 1000 + (int64_t)i, us[i],
			kib[i]);
	ok(history_save(h, dir, &fault, &e) == 0, "%zu results are saved %s", n, e.msg);
	history_free(h);
	return fault;
}

static int64_t duration(const char *test)
{
	struct history *h = history_load(dir);
	int64_t us = history_duration_us(h, "aarch64", "user", "p::s", test);

	history_free(h);
	return us;
}

static int64_t memory(const char *test)
{
	struct history *h = history_load(dir);
	int64_t kib = history_rss_kib(h, "aarch64", "user", "p::s", test);

	history_free(h);
	return kib;
}

static void test_results(void)
{
	static const struct {
		const char *name;
		int64_t us[7], kib[7];
		size_t n;
		int64_t duration, memory;
	} rows[] = {
		{"one", {70}, {900}, 1, 70, 900},
		{"outlier", {10, 9000, 12}, {100, 90, 80}, 3, 12, 100},
		{"two", {10, 30}, {5, 6}, 2, 30, 6},
		{"the last five", {1, 1, 50, 60, 70, 80, 90}, {99, 99, 1, 2, 3, 4, 5}, 7,
			70, 5},
		{"no memory", {1}, {0}, 1, 1, -1},
		{"strange \\ \t\n\x7f\xff name", {5}, {6}, 1, 5, 6},
		{"", {3}, {4}, 1, 3, 4},
	};

	is_int(duration("one"), -1, "without a file nothing is known");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *fault =
			save(rows[i].name, rows[i].us, rows[i].kib, rows[i].n);

		is_str(fault, NULL, "and nothing was wrong");
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ok(duration(rows[i].name) == rows[i].duration, "duration of row %zu", i);
		ok(memory(rows[i].name) == rows[i].memory, "memory of row %zu", i);
	}
}

static void test_keys(void)
{
	struct history *h = history_load(dir);

	is_int(history_duration_us(h, "aarch64", "system", "p::s", "one"), -1,
		"another place");
	is_int(history_duration_us(h, "riscv64", "user", "p::s", "one"), -1,
		"another target");
	is_int(history_duration_us(h, "aarch64", "user", "p::t", "one"), -1,
		"another suite");
	is_int(history_duration_us(h, "aarch64", "user", "p::s", "on"), -1,
		"another case");
	history_free(h);
}

static void test_more(void)
{
	static const int64_t us[] = {100, 200, 300}, kib[] = {7, 7, 7};
	autofree char *first = save("grows", us, kib, 3);
	autofree char *second = save("grows", us, kib, 3);
	autofree char *text = get("history");

	ok(strstr(text, "\tgrows\t1002\t300,200,100,300,200\t7,7,7,7,7\n") != NULL,
		"later results stand before earlier ones, five in all");
}

static void test_damage(void)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{"empty", ""},
		{"another file", "{\"version\": 1}\n"},
		{"another version", "xtest-history 2\n"},
		{"cut", "xtest-history 1\na\tuser\ts\tc\t10\t5,6\t7\na\tus"},
		{"cut between numbers", "xtest-history 1\na\tuser\ts\tc\t10\t5,6"},
		{"few fields", "xtest-history 1\na\tuser\ts\tc\n"},
		{"no number", "xtest-history 1\na\tuser\ts\tc\tx\t5\t7\n"},
		{"negative", "xtest-history 1\na\tuser\ts\tc\t1\t-5\t7\n"},
		{"huge", "xtest-history 1\na\tuser\ts\tc\t1\t99999999999999999999\t7\n"},
		{"six numbers", "xtest-history 1\na\tuser\ts\tc\t1\t1,2,3,4,5,6\t7\n"},
		{"more behind", "xtest-history 1\na\tuser\ts\tc\t1\t1\t7\t8\n"},
	};
	static const int64_t us[] = {5}, kib[] = {6};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct history *h;

		put("history", rows[i].text);
		h = history_load(dir);
		ok(history_fault(h) && strstr(history_fault(h), "/history is damaged"),
			"%s: said", rows[i].name);
		is_int(history_duration_us(h, "a", "user", "s", "c"), -1,
			"and nothing of it is believed");
		history_free(h);
	}
	{
		autofree char *fault = save("anew", us, kib, 1);

		ok(fault != NULL, "the next run says that it begins anew");
		is_int(duration("anew"), 5, "and does");
	}
}

static void test_bound(void)
{
	struct history *h = history_new();
	struct err e = {0};
	char *fault;

	put("history", "xtest-history 1\n");
	for (int i = 0; i < HISTORY_CASES + 100; i++) {
		autofree char *name = xasprintf("case %d", i);

		history_add(h, "a", "user", "s", name, i, 1, 0);
	}
	ok(history_save(h, dir, &fault, &e) == 0, "more cases than are kept");
	history_free(h);
	h = history_load(dir);
	is_int(history_duration_us(h, "a", "user", "s", "case 99"), -1,
		"those that ran longest ago are forgotten");
	is_int(history_duration_us(h, "a", "user", "s", "case 100"), 1,
		"the others are not");
	history_free(h);
}

/* Runs at the same time keep each other's results. */
static void test_concurrent(void)
{
	enum { WRITERS = 4, ROUNDS = 10 };
	struct history *h;
	size_t n = 0;

	put("history", "xtest-history 1\n");
	fflush(stdout);
	for (int w = 0; w < WRITERS; w++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < ROUNDS; i++) {
			struct history *one = history_new();
			struct err e = {0};
			autofree char *name = xasprintf("%d-%d", w, i);
			char *fault;

			history_add(one, "a", "user", "s", name, 1, 1, 1);
			if (history_save(one, dir, &fault, &e) < 0 || fault)
				_exit(1);
			history_free(one);
		}
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status = -1;

		wait(&status);
		ok(status == 0, "writer %d", w);
	}
	h = history_load(dir);
	for (int w = 0; w < WRITERS; w++)
		for (int i = 0; i < ROUNDS; i++) {
			autofree char *name = xasprintf("%d-%d", w, i);

			n += history_duration_us(h, "a", "user", "s", name) == 1;
		}
	is_int((long long)n, WRITERS * ROUNDS, "no result is lost");
	history_free(h);
}

static void test_events(void)
{
	static const struct {
		const char *name;
		enum end_kind end;
		enum verdict verdict;
		unsigned attempt, attempts;
		bool kept;
	} rows[] = {
		{"a pass", END_EXIT, VERDICT_PASS, 1, 1, true},
		{"a failure", END_EXIT, VERDICT_FAIL, 1, 1, true},
		{"a time limit", END_TIMEOUT, VERDICT_TIMEOUT, 1, 1, true},
		{"not final", END_EXIT, VERDICT_FAIL, 1, 2, false},
		{"not started", END_NOT_STARTED, VERDICT_FAIL, 1, 1, false},
		{"lost", END_LOST, VERDICT_LOST, 1, 1, false},
		{"took its machine along", END_MACHINE, VERDICT_CRASH, 1, 1, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct suite suite = {.id = (char *)(uintptr_t) "s"};
		struct test_case test = {.name = (char *)(uintptr_t) ""};
		struct event_column column = {.target = "a", .place = "user"};
		struct event_item item = {.suite = &suite,
			.test = &test,
			.column = &column,
			.attempt = rows[i].attempt,
			.attempts = rows[i].attempts};
		struct outcome outcome = {
			.kind = rows[i].end, .wall_us = 11, .max_rss_kib = 12};
		struct judgement judgement = {.verdict = rows[i].verdict};
		struct event event = {.type = EVENT_CASE_END,
			.item = {.item = &item,
				.outcome = &outcome,
				.judgement = &judgement}};
		struct history *h = history_new();
		struct err e = {0};
		char *fault;

		put("history", "xtest-history 1\n");
		history_add_event(h, &event, 1);
		if (history_save(h, dir, &fault, &e) < 0)
			printf("# %s\n", e.msg);
		history_free(h);
		h = history_load(dir);
		ok(history_duration_us(h, "a", "user", "s", "") ==
				(rows[i].kept ? 11 : -1),
			"%s", rows[i].name);
		ok(history_rss_kib(h, "a", "user", "s", "") == (rows[i].kept ? 12 : -1),
			"%s: memory", rows[i].name);
		history_free(h);
	}
}

int main(void)
{
	struct err e = {0};
	autofree char *made = fs_temp_dir("xtest-history", &e);
	autofree char *nowhere = made ? fs_join(made, "no/where") : NULL;
	struct history *h;
	char *fault;

	if (!made)
		return 99;
	dir = made;
	test_results();
	test_keys();
	test_more();
	test_damage();
	test_bound();
	test_concurrent();
	test_events();
	h = history_new();
	ok(history_save(h, nowhere, &fault, &e) < 0 && strstr(e.msg, "no/where"),
		"where nothing can be written: %s", e.msg);
	history_free(h);
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	return tap_done();
}
