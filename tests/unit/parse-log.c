#include "engine/parse-log.h"

#include "base/fs.h"
#include "engine/emit.h"
#include "report/reporter.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <unistd.h>

static char *source_path(const char *name)
{
	const char *dir = getenv("srcdir");

	return xasprintf("%s/%s", dir ? dir : ".", name);
}

/* Compares with tests/golden/parse/NAME, or writes it when asked to. */
static void check_golden(const char *name, const struct buf *got)
{
	autofree char *relative = xasprintf("tests/golden/parse/%s", name);
	autofree char *path = source_path(relative);
	autorelease(buf) struct buf want = BUF_INIT;
	struct err e = {0};

	if (getenv("XTEST_GOLDEN_UPDATE") &&
		fs_write_if_changed(path, buf_str(got), got->len, 0644, &e) < 0)
		printf("# %s\n", e.msg);
	if (fs_read_file(path, &want, &e) < 0)
		printf("# %s\n", e.msg);
	is_mem(buf_str(got), got->len, buf_str(&want), want.len, relative);
}

static void parse(struct parse_log *p, const struct console_table *t, const char *name,
	const char *log, size_t len, size_t step)
{
	bool bare = starts_with(name, "plain");

	parse_log_init(p, t, bare ? PARSE_LOG_KTAP : PARSE_LOG_AUTO, name);
	for (size_t i = 0; i < len; i += step)
		parse_log_feed(p, log + i, MIN(step, len - i));
	parse_log_end(p);
}

/* "VERDICT SUITE CASE (REASON)", points indented, notes behind. */
static void summarize(const struct parse_log *p, struct buf *out)
{
	for (size_t i = 0; i < p->len; i++) {
		const struct parse_log_case *c = &p->cases[i];
		const struct suite *s = &p->suites.v[c->suite];
		const struct judgement *j = &c->judgement;

		buf_printf(out,
			"%s %s [%s] (%s) %lld us, %zu bytes, %zu of the console\n",
			verdict_label(j->verdict), s->id, s->cases[c->test].name,
			j->reason ? j->reason : "", (long long)c->outcome.wall_us,
			c->outcome.out.len,
			c->outcome.console ? strlen(c->outcome.console) : 0);
		for (size_t k = 0; k < j->n_points; k++)
			buf_printf(out, "  %s %s (%s)\n",
				verdict_label(j->points[k].verdict), j->points[k].name,
				j->points[k].reason ? j->points[k].reason : "");
	}
	for (size_t i = 0; i < p->notes.len; i++)
		buf_printf(out, "note %s\n", p->notes.v[i]);
}

struct opened {
	const struct reporter *reporter;
	void *state;
	bool failed;
};

/* The clock of a golden output stands still. */
static void to_reporter(void *ctx, const struct event *event)
{
	struct opened *o = ctx;
	struct event still = *event;
	struct err e = {0};

	still.time_ms = 0;
	o->failed |= o->reporter->event(o->state, &still, &e) < 0;
}

static void check_report(
	const struct parse_log *p, const char *name, const struct reporter *reporter)
{
	char temporary[] = "/tmp/xtest-parse.XXXXXX";
	autoclose int fd = mkostemp(temporary, O_CLOEXEC);
	struct report_options options = {.fd = fd, .unicode = true};
	struct err e = {0};
	struct opened o = {.reporter = reporter, .state = reporter->open(&options, &e)};
	struct emit emit = {.send = to_reporter, .ctx = &o};
	struct event start = {.type = EVENT_RUN_START,
		.run = {"log", "0.1.0", name, "xtest parse LOG", 1767268800000, NULL}};
	autofree char *golden =
		xasprintf("%.*s.%s", (int)strcspn(name, "."), name, reporter->name);
	autorelease(buf) struct buf out = BUF_INIT;
	int code;

	emit_send(&emit, &start);
	code = parse_log_tell(p, &emit);
	ok(reporter->close(o.state, &e) == 0 && !o.failed, "%s %s", golden, e.msg);
	is_int(code, strstr(name, "panic") ? 107 : 100, "its exit code");
	if (fs_read_file(temporary, &out, &e) < 0)
		printf("# %s\n", e.msg);
	unlink(temporary);
	check_golden(golden, &out);
}

static void test_log(const struct console_table *table, const char *dir, const char *name)
{
	autofree char *path = fs_join(dir, name);
	autofree char *golden = xasprintf("%.*s.txt", (int)strcspn(name, "."), name);
	autorelease(buf) struct buf log = BUF_INIT;
	autorelease(buf) struct buf whole = BUF_INIT;
	autorelease(buf) struct buf pieces = BUF_INIT;
	struct parse_log p;
	struct err e = {0};

	if (!ok(fs_read_file(path, &log, &e) == 0, "%s %s", name, e.msg))
		return;
	parse(&p, table, name, log.data, log.len, log.len + 1);
	summarize(&p, &whole);
	if (strstr(name, "kunit-panic") || strstr(name, "kselftest-panic"))
		for (size_t i = 0; report_table[i]; i++)
			check_report(&p, name, report_table[i]);
	parse_log_release(&p);
	check_golden(golden, &whole);
	parse(&p, table, name, log.data, log.len, 1);
	summarize(&p, &pieces);
	parse_log_release(&p);
	is_str(buf_str(&pieces), buf_str(&whole), "the same byte by byte");
}

/* {what the log says, what comes of it} */
static const struct {
	const char *name, *log, *expected;
} table[] = {
	{"an empty log", "", "PASS console::log [] () 0 us, 0 bytes, 0 of the console\n"},
	{"nothing wrong", "[    1.000000] quiet\nok is what it says\n",
		"PASS console::log [] () 0 us, 0 bytes, 0 of the console\n"},
	{"a warning is a note",
		"[    1.0000] WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n",
		"PASS console::log [] () 0 us, 0 bytes, 42 of the console\n"
		"note line 1: warning: WARNING: CPU: 0 PID: 1 at a.c:1 f+0x1/0x2\n"},
	{"an oops and its panic are one",
		"[    1.0000] BUG: kernel NULL pointer dereference, address: 0\n"
		"[    1.0000] ---[ end trace 0 ]---\n"
		"[    1.0000] Kernel panic - not syncing: Fatal exception\n",
		"CRASH console::log [line 1: oops] (BUG: kernel NULL pointer "
		"dereference, "
		"address: 0) 0 us, 0 bytes, 115 of the console\n"},
	{"a reboot that was asked for",
		"[    0.0000] Linux version 6.1.0 (a@b)\n"
		"[    9.0000] reboot: Restarting system\n"
		"[    0.0000] Linux version 6.1.0 (a@b)\n",
		"PASS console::log [] () 0 us, 0 bytes, 0 of the console\n"},
	{"a reboot in the middle of a test",
		"KTAP version 1\n1..2\nok 1 a\n[    9.0000] reboot: Restarting system\n",
		"PASS ktap::log [a] () 0 us, 0 bytes, 0 of the console\n"
		"CRASH ktap::log [test 2] (reboot: Restarting system) 0 us, 0 bytes, 26 "
		"of the "
		"console\n"},
	{"more results than planned",
		"KTAP version 1\n1..1\n    KTAP version 1\n    1..1\n"
		"    ok 1 a\n    ok 2 b\nok 1 s\n",
		"PASS ktap::s [a] () 0 us, 0 bytes, 0 of the console\n"
		"PASS ktap::s [b] () 0 us, 0 bytes, 0 of the console\n"},
	{"a plan nobody can keep", "KTAP version 1\n1..99999999999\nok 1 a\n", NULL},
	{"deeper than anything",
		"KTAP version 1\n 1..1\n  1..1\n   1..1\n    1..1\n     1..1\n      "
		"1..1\n"
		"       1..1\n        1..1\n         1..1\n          1..1\n           "
		"1..1\n"
		"            1..1\n             1..1\n              1..1\n"
		"               1..1\n                1..1\n                 1..1\n",
		NULL},
	{"an unknown prefix", "qemu| KTAP version 1\nqemu| 1..1\nqemu| ok 1 a\n",
		"PASS ktap::log [a] () 0 us, 0 bytes, 0 of the console\n"},
};

static void test_rows(const struct console_table *t)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf got = BUF_INIT;
		struct parse_log p;

		parse(&p, t, "log", table[i].log, strlen(table[i].log), 7);
		summarize(&p, &got);
		if (table[i].expected)
			is_str(buf_str(&got), table[i].expected, table[i].name);
		else
			ok(p.len > 0 && p.len < 2000, "%s: %zu cases", table[i].name,
				p.len);
		parse_log_release(&p);
	}
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = source_path("tests/fixtures/ktap");
	autofree char *path = source_path("images/console.json");
	autorelease(strv) struct strv names = STRV_INIT;
	struct console_table *t = console_table_load(path, NULL, &e);

	if (!ok(t && fs_list_dir(dir, &names, &e) == 0, "table and logs %s", e.msg))
		return tap_done();
	for (size_t i = 0; i < names.len; i++)
		test_log(t, dir, names.v[i]);
	test_rows(t);
	console_table_free(t);
	return tap_done();
}
