#include "model/console.h"

#include "base/fs.h"

#include <malloc.h>

#include "tests/tap.h"

/* "LINE SEVERITY KIND TITLE\n" for every finding. */
static void record(void *ctx, const struct console_finding *f)
{
	static const char *const names[] = {"info", "oops", "fatal"};

	buf_printf(ctx, "%llu %s %s %s\n", (unsigned long long)f->line,
		names[f->severity], f->kind, f->title);
}

/* The findings in `data`, fed in pieces of `step` bytes; with them the excerpt's first
 * lines when `excerpt` is not 0. */
static char *scan(const struct console_table *table, const char *data, size_t len,
	size_t step, size_t excerpt)
{
	struct buf out = BUF_INIT;
	struct console *c = console_new(table, record, &out);

	for (size_t i = 0; i < len; i += step)
		console_feed(c, data + i, MIN(step, len - i));
	console_end(c);
	if (excerpt) {
		autofree char *text = console_excerpt(c, excerpt);

		buf_printf(&out, "--\n%s", text);
	}
	console_free(c);
	return buf_take(&out);
}

/* {name, what the console said, the findings} */
static const struct {
	const char *name, *input, *expected;
} table[] = {
	{"nothing", "", ""},
	{"a line without its end", "Kernel panic - not syncing: a",
		"1 fatal panic Kernel panic - not syncing: a\n"},
	{"stamp, level, caller",
		"<0>[    1.000000] Kernel panic - not syncing: a\n"
		"[    1.000000][  T123] Oops: 0002 [#1] SMP\n"
		"[    9.000000@1] Oops: 0002 [#1] SMP\n"
		"[   19.000000] [    C0] Oops: 0002 [#1] SMP\n",
		"1 fatal panic Kernel panic - not syncing: a\n"
		"3 oops oops Oops: 0002 [#1] SMP\n"
		"4 oops oops Oops: 0002 [#1] SMP\n"},
	{"what loggers add",
		"12:34:56 [    1.000000] Kernel panic - not syncing: a\n"
		"[2026-01-02 12:34:56.789] [    2.000000] Kernel panic - not syncing: b\n"
		"2026-01-02T12:34:56.789Z [    3.000000] Kernel panic - not syncing: c\n"
		"Jan  2 12:34:56 board kernel: [    4.000000] Kernel panic - not "
		"syncing: "
		"d\n",
		"1 fatal panic Kernel panic - not syncing: a\n"
		"2 fatal panic Kernel panic - not syncing: b\n"
		"3 fatal panic Kernel panic - not syncing: c\n"
		"4 fatal panic Kernel panic - not syncing: d\n"},
	{"colour, return, NUL and backspace",
		"\x1b[31m[    1.000000] \x1b[0mKernel pa\0nic - not syncing: a\r\r\n",
		"1 fatal panic Kernel panic - not syncing: a\n"},
	{"a line that is drawn anew", "10%\r20%\rKernel panic - not syncing: a\r\n",
		"1 fatal panic Kernel panic - not syncing: a\n"},
	{"a control sequence that never ends does not hide the next line",
		"\x1b]0;title\nKernel panic - not syncing: a\n",
		"2 fatal panic Kernel panic - not syncing: a\n"},
	{"a quotation in a line",
		"[    1.000000] Run /init as init process\n"
		"looking for 'Kernel panic - not syncing: a'\n"
		"[    2.000000] test: Kernel panic - not syncing: a\n"
		"found: [    2.000000] Kernel panic - not syncing: a\n",
		""},
	{"a line of a program where the kernel stamps its own",
		"[    1.000000] Run /init as init process\n"
		"Kernel panic - not syncing: quoted at the start\n",
		""},
	{"an unfinished line of a program before the kernel's",
		"(none) login: [    9.000000] Kernel panic - not syncing: a\n"
		"test parse ... [    9.000000] BUG: kernel NULL pointer dereference\n",
		"1 fatal panic Kernel panic - not syncing: a\n"
		"2 oops oops BUG: kernel NULL pointer dereference\n"},
	{"an oops ends in a panic",
		"[    1.0000] BUG: kernel NULL pointer dereference, address: 0\n"
		"[    1.0000] Oops: 0002 [#1] PREEMPT SMP\n"
		"[    1.0000] ---[ end trace 0000000000000000 ]---\n"
		"[    1.0000] Kernel panic - not syncing: Fatal exception\n"
		"[    1.0000] ---[ end Kernel panic - not syncing: Fatal exception "
		"]---\n",
		"1 oops oops BUG: kernel NULL pointer dereference, address: 0\n"
		"4 fatal panic Kernel panic - not syncing: Fatal exception\n"},
	{"two hung tasks are two",
		"[    1.0000] INFO: task a:1 blocked for more than 3 seconds.\n"
		"[    1.0000] INFO: task b:2 blocked for more than 3 seconds.\n",
		"1 oops hung-task INFO: task a:1 blocked for more than 3 seconds.\n"
		"2 oops hung-task INFO: task b:2 blocked for more than 3 seconds.\n"},
	{"one boot",
		"U-Boot SPL 2023.01 (Jan 20 2023)\nU-Boot 2023.01 (Jan 20 2023)\n"
		"[    0.000000] Booting Linux on physical CPU 0x0\n"
		"[    0.000000] Linux version 6.1.0 (a@b)\n",
		""},
	{"a log that is printed again is no second boot",
		"[    0.000000] Linux version 6.1.0 (a@b)\n[    0.500000] one\n"
		"[    1.000000] BUG: Bad page state\n[    1.000001] two\n"
		"[    0.000000] Linux version 6.1.0 (a@b)\n[    0.500000] one\n"
		"[    1.000000] BUG: Bad page state\n[    1.000001] two\n"
		"[   60.000000] BUG: Bad page map\n",
		"3 oops bug BUG: Bad page state\n9 oops bug BUG: Bad page map\n"},
	{"… but one after it is",
		"[    0.000000] Linux version 6.1.0 (a@b)\n[    0.5000] a\n[    0.6000] "
		"b\n"
		"[    0.7000] c\n"
		"[    0.000000] Linux version 6.1.0 (a@b)\n[    0.5000] a\n[    0.6000] "
		"b\n"
		"[    0.7000] c\n"
		"[    0.000000] Linux version 6.1.0 (a@b)\n[    0.5000] a\n[    0.6001] "
		"b\n"
		"[    0.8000] BUG: Bad page map\n",
		"9 fatal reset Linux version 6.1.0 (a@b)\n"
		"12 oops bug BUG: Bad page map\n"},
	{"a boot that goes no further than its banner",
		"[    0.500000] one\n[    0.000000] Linux version 6.1.0 (a@b)\n"
		"[    0.700000] two\n[    0.000000] Linux version 6.1.0 (a@b)\n",
		"4 fatal reset Linux version 6.1.0 (a@b)\n"},
	{"a second boot is one reset",
		"U-Boot SPL 2023.01 (a)\n[    0.000000] Linux version 6.1.0 (a@b)\n"
		"U-Boot SPL 2023.01 (a)\n[    0.000000] Linux version 6.1.0 (a@b)\n",
		"3 fatal reset U-Boot SPL 2023.01 (a)\n"},
};

static void test_rows(const struct console_table *t)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		/* The one NUL inside an input is meant. */
		size_t len = strlen(table[i].input);
		autofree char *got = NULL;

		if (len && table[i].input[len - 1] != '\n' &&
			strstr(table[i].name, "NUL"))
			len += 1 + strlen(table[i].input + len + 1);
		got = scan(t, table[i].input, len, 4096, 0);
		is_str(got, table[i].expected, table[i].name);
	}
}

/* Every example of the installed table is told as its row says. */
static void test_examples(const struct console_table *t, const struct json *rows)
{
	for (size_t r = 0; r < json_len(rows); r++) {
		const struct json *row = json_at(rows, r);
		const struct json *examples = json_find(row, "examples");
		const char *role = json_find_string(row, "role", "finding");
		bool silent = streq(role, "prelude") || streq(role, "ignore");

		ok(json_len(examples) > 0, "row %zu has an example", r);
		for (size_t i = 0; i < json_len(examples); i++) {
			const char *line = json_string(json_at(examples, i), "");
			/* What boots is a finding the second time. */
			autofree char *input = xasprintf(
				"%s\n%s%s", line, streq(role, "boot") ? line : "", "\n");
			autofree char *got = scan(t, input, strlen(input), 4096, 0);
			autofree char *want =
				xasprintf("%d %s %s ", streq(role, "boot") ? 2 : 1,
					json_find_string(row, "severity", ""),
					json_find_string(row, "kind", ""));
			bool right = silent ? !*got
					    : starts_with(got, want) &&
						      strchr(got, '\n') ==
							      got + strlen(got) - 1;

			if (!ok(right, "%s", line))
				printf("# got: %s# expected: %s\n", got, want);
		}
	}
}

static void test_excerpt(const struct console_table *t)
{
	static const char said[] =
		"[    1.0000] quiet\n"
		"[    1.0000] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n"
		"[    1.0000] ---[ end trace 0000000000000000 ]---\n"
		"[    2.0000] quiet\n"
		"[    3.0000] ------------[ cut here ]------------\n"
		"[    3.0000] kernel BUG at a.c:2!\n"
		"[    3.0000] 1\n[    3.0000] 2\n[    3.0000] 3\n"
		"[    3.0000] ---[ end trace 0000000000000000 ]---\n"
		"[    9.0000] quiet\n"
		"[    9.0000] Kernel panic - not syncing: a\n";
	struct buf found = BUF_INIT;
	struct console *c = console_new(t, record, &found);
	autofree char *whole = NULL, *cut = NULL, *last = NULL, *none = NULL;

	console_feed(c, said, sizeof said - 1);
	whole = console_excerpt(c, 100);
	is_str(whole,
		"------------[ cut here ]------------\nkernel BUG at a.c:2!\n1\n2\n3\n"
		"---[ end trace 0000000000000000 ]---\n…\nKernel panic - not syncing: "
		"a\n",
		"from what came with the first oops to the end");
	cut = console_excerpt(c, 5);
	is_str(cut,
		"------------[ cut here ]------------\nkernel BUG at a.c:2!\n1\n…\n"
		"Kernel panic - not syncing: a\n",
		"what does not fit leaves out the middle");
	console_mark(c);
	none = console_excerpt(c, 5);
	is_str(none, "", "nothing after a mark");
	console_feed(c, "[   10.000000] one\n[   11.000000] two\n[   11.0000] three\n",
		sizeof "[   10.000000] one\n[   11.000000] two\n[   11.0000] three\n" -
			1);
	last = console_excerpt(c, 2);
	is_str(last, "two\nthree\n", "the last lines where nothing was found");
	buf_clear(&found);
	console_feed(c, "[    0.0000] Linux version 6.1.0 (a@b)\n",
		sizeof "[    0.0000] Linux version 6.1.0 (a@b)\n" - 1);
	console_end(c);
	is_str(buf_str(&found), "16 fatal reset Linux version 6.1.0 (a@b)\n",
		"whatever boots after a mark has reset");
	console_free(c);
	buf_release(&found);
}

/* xorshift64; the seed is fixed, so that a failure comes again. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_noise(const struct console_table *t)
{
	enum { SIZE = 1 << 20 };
	autofree char *noise = xmalloc(SIZE);
	autofree char *got = NULL, *after = NULL;
	static const char panic[] = "\n[    1.000000] Kernel panic - not syncing: a\n";
	uint64_t state = 88172645463325252ULL;

	for (size_t i = 0; i < SIZE; i++)
		noise[i] = (char)next_random(&state);
	got = scan(t, noise, SIZE, 4096, 0);
	is_str(got, "", "a megabyte of random bytes tells nothing");
	memcpy(noise + SIZE - sizeof panic, panic, sizeof panic);
	after = scan(t, noise, SIZE, 777, 0);
	ok(strstr(after, " fatal panic Kernel panic - not syncing: a\n") != NULL,
		"a panic behind them is found");
}

static void test_memory(const struct console_table *t)
{
	struct buf found = BUF_INIT;
	struct console *c = console_new(t, record, &found);
	autofree char *block = xmalloc(1 << 16);
	size_t before, most = 0;

	before = mallinfo2().uordblks;
	for (int round = 0; round < 64; round++) {
		/* Long lines, many reports, and one line without an end. */
		memset(block, round % 3 ? 'x' : 0, 1 << 16);
		for (size_t i = 0; round % 3 == 1 && i + 2000 < 1 << 16; i += 2000)
			memcpy(block + i, "\nBUG: scheduling while atomic: ", 31);
		console_feed(c, block, 1 << 16);
		buf_release(&found);
		most = MAX(most, mallinfo2().uordblks - before);
	}
	ok(most < 512 << 10, "four megabytes of reports keep %zu bytes", most);
	console_free(c);
}

/* Where bytes are split changes nothing. */
static void test_every_split(const struct console_table *t)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		size_t len = strlen(table[i].input), bad = 0;
		autofree char *whole = scan(t, table[i].input, len, len + 1, 9);

		for (size_t at = 0; at < len; at++) {
			struct buf found = BUF_INIT;
			struct console *c = console_new(t, record, &found);
			autofree char *excerpt = NULL;

			console_feed(c, table[i].input, at);
			console_feed(c, table[i].input + at, len - at);
			console_end(c);
			excerpt = console_excerpt(c, 9);
			buf_printf(&found, "--\n%s", excerpt);
			bad += !streq(buf_str(&found), whole);
			console_free(c);
			buf_release(&found);
		}
		ok(!bad, "every split: %s", table[i].name);
	}
}

/* Real logs, each with what is in it; XTEST_GOLDEN_UPDATE=1 writes that anew. */
static void test_log(const struct console_table *t, const char *dir, const char *name)
{
	autorelease(buf) struct buf log = BUF_INIT;
	autorelease(buf) struct buf expected = BUF_INIT;
	autofree char *path = fs_join(dir, name);
	autofree char *golden = xasprintf(
		"%.*s.expected", (int)(strlen(path) - strlen(".console")), path);
	autofree char *got = NULL;
	struct err e = {0};
	uint64_t state = 1 + strlen(name);
	size_t bad = 0;

	if (!ok(fs_read_file(path, &log, &e) == 0, "%s %s", name, e.msg))
		return;
	got = scan(t, log.data, log.len, log.len, 12);
	if (getenv("XTEST_GOLDEN_UPDATE") &&
		fs_write_file(golden, got, strlen(got), 0644, &e) < 0)
		ok(0, "%s", e.msg);
	if (ok(fs_read_file(golden, &expected, &e) == 0, "%s: expected %s", name, e.msg))
		is_str(got, buf_str(&expected), name);
	for (int i = 0; i < 8; i++) {
		size_t step = i ? 1 + next_random(&state) % (i < 4 ? 40 : log.len) : 1;
		autofree char *pieces = scan(t, log.data, log.len, step, 12);

		bad += !streq(pieces, got);
	}
	ok(!bad, "%s: the same in pieces", name);
}

static void test_logs(const struct console_table *t, const char *top)
{
	autofree char *dir = fs_join(top, "tests/fixtures/console");
	autorelease(strv) struct strv names = STRV_INIT;
	struct err e = {0};
	size_t n = 0;

	if (!ok(fs_list_dir(dir, &names, &e) == 0, "logs %s", e.msg))
		return;
	for (size_t i = 0; i < names.len; i++)
		if (ends_with(names.v[i], ".console")) {
			test_log(t, dir, names.v[i]);
			n++;
		}
	ok(n > 40, "%zu logs", n);
}

static void test_faults(void)
{
	static const struct {
		const char *rows, *expected;
	} faults[] = {
		{"{}", "the table is an array of rows"},
		{"[1]", ":1:2: a row is an object"},
		{"[{\"kind\": \"a\", \"severity\": \"oops\"}]",
			":1:2: a row needs a pattern"},
		{"[{\"pattern\": \"a\"}]", "a row needs kind and severity"},
		{"[{\"pattern\": \"(\", \"kind\": \"a\"}]", ":1:14: pattern: "},
		{"[{\"pattern\": \"a)|(b\"}]", ":1:14: pattern: "},
		{"[{\"severity\": \"bad\"}]", ":1:15: severity: severity is info"},
		{"[{\"patern\": \"a\"}]", "unknown member"},
		{"[{\"role\": \"boot\", \"kind\": \"a\", \"severity\": \"info\", "
		 "\"pattern\": "
		 "\"a\"}]",
			"needs a stage"},
	};
	struct err e = {0};
	autofree char *dir = fs_temp_dir("console-", &e);
	autofree char *path = fs_join(dir, "table.json");

	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct console_table *t;

		e = (struct err){0};
		ok(fs_write_file(
			   path, faults[i].rows, strlen(faults[i].rows), 0644, &e) == 0 &&
				!(t = console_table_load(path, NULL, &e)) &&
				e.kind == ERR_SETUP && strstr(e.msg, faults[i].expected),
			"%s: %s", faults[i].rows, e.msg);
	}
	ok(fs_remove_tree(dir, &e) == 0, "clean");
}

static void test_more(const char *path)
{
	static const char rows[] =
		"[{\"role\": \"ignore\", \"pattern\": \"BUG: ours\"},"
		" {\"kind\": \"board\", \"severity\": \"fatal\", \"stamp\": false,"
		"  \"pattern\": \"PMIC: undervoltage\"}]";
	static const char said[] = "[    1.000000] BUG: ours is none\n"
				   "PMIC: undervoltage on rail 3\n";
	struct err e = {0};
	autorelease_json struct json *more =
		json_parse(rows, sizeof rows - 1, "more", &e);
	struct console_table *t = console_table_load(path, more, &e);
	autofree char *got = NULL;

	if (!ok(t != NULL, "more rows %s", e.msg))
		return;
	got = scan(t, said, sizeof said - 1, 9, 0);
	is_str(got, "2 fatal board PMIC: undervoltage on rail 3\n",
		"a project's rows come first");
	console_table_free(t);
}

int main(void)
{
	struct err e = {0};
	const char *dir = getenv("srcdir");
	autofree char *path = fs_join(dir ? dir : ".", "images/console.json");
	struct console_table *t = console_table_load(path, NULL, &e);
	autorelease_json struct json *rows = json_load(path, &e);

	if (!ok(t && rows, "the table is read %s", e.msg))
		return tap_done();
	test_rows(t);
	test_examples(t, rows);
	test_excerpt(t);
	test_noise(t);
	test_memory(t);
	test_every_split(t);
	test_logs(t, dir ? dir : ".");
	test_faults();
	test_more(path);
	console_table_free(t);
	return tap_done();
}
