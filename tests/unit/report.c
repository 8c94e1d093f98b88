#include "report/report-set.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/strv.h"

#include "tests/tap.h"
#include "tests/unit/report-stream.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

typedef void stream_fn(stream_sink *sink, void *ctx);

static char *source_path(const char *name)
{
	const char *dir = getenv("srcdir");

	return xasprintf("%s/%s", dir ? dir : ".", name);
}

struct opened {
	const struct reporter *reporter;
	void *state;
	bool failed;
};

static void to_reporter(void *ctx, const struct event *event)
{
	struct opened *o = ctx;
	struct err e = {0};

	if (o->reporter->event(o->state, event, &e) < 0)
		o->failed = true;
}

/* Runs a stream through one reporter into memory. */
static void render(const struct reporter *reporter, struct report_options options,
	stream_fn *stream, struct buf *out)
{
	char name[] = "/tmp/xtest-report.XXXXXX";
	autoclose int fd = mkostemp(name, O_CLOEXEC);
	struct opened o = {.reporter = reporter};
	struct err e = {0};

	options.fd = fd;
	o.state = reporter->open(&options, &e);
	stream(to_reporter, &o);
	if (reporter->close(o.state, &e) < 0 || o.failed ||
		fs_read_file(name, out, &e) < 0)
		printf("# %s\n", e.msg);
	unlink(name);
}

/* Compares with tests/golden/report/NAME, or writes it when asked to. */
static void check_golden(const char *name, const struct buf *got)
{
	autofree char *relative = xasprintf("tests/golden/report/%s", name);
	autofree char *path = source_path(relative);
	autorelease(buf) struct buf want = BUF_INIT;
	struct err e = {0};

	if (getenv("XTEST_GOLDEN_UPDATE") &&
		fs_write_if_changed(path, got->data, got->len, 0644, &e) < 0)
		printf("# %s\n", e.msg);
	if (fs_read_file(path, &want, &e) < 0)
		printf("# %s\n", e.msg);
	ok(got->len == want.len && memcmp(got->data, want.data, got->len) == 0,
		"%s is as recorded (make golden records anew)", relative);
}

static void test_goldens(void)
{
	static const struct {
		const char *name;
		const struct reporter *reporter;
		struct report_options options;
		stream_fn *stream;
	} table[] = {
		{"whole-pipe.human", &reporter_human, {.unicode = true}, stream_whole},
		{"whole-verbose.human", &reporter_human, {.verbose = true}, stream_whole},
		{"whole-terminal.human", &reporter_human,
			{.is_terminal = true, .unicode = true}, stream_whole},
		{"whole-color.human", &reporter_human,
			{.is_terminal = true, .color = true, .unicode = true},
			stream_whole},
		{"whole-progress.human", &reporter_human,
			{.is_terminal = true,
				.color = true,
				.progress = true,
				.unicode = true,
				.columns = 80},
			stream_whole},
		{"whole-live.human", &reporter_human,
			{.is_terminal = true, .no_capture = true}, stream_whole},
		{"interrupted.human", &reporter_human, {.unicode = true},
			stream_interrupted},
		{"whole.jsonl", &reporter_jsonl, {.fd = -1}, stream_whole},
		{"interrupted.jsonl", &reporter_jsonl, {.fd = -1}, stream_interrupted},
		{"whole.junit", &reporter_junit, {.fd = -1}, stream_whole},
		{"interrupted.junit", &reporter_junit, {.fd = -1}, stream_interrupted},
		{"whole.libtest-json", &reporter_libtest_json, {.fd = -1}, stream_whole},
		{"interrupted.libtest-json", &reporter_libtest_json_plus, {.fd = -1},
			stream_interrupted},
		{"whole.tap", &reporter_tap, {.fd = -1}, stream_whole},
		{"whole.trace", &reporter_trace, {.fd = -1}, stream_whole},
		{"interrupted.trace", &reporter_trace, {.fd = -1}, stream_interrupted},
		{"interrupted.tap", &reporter_tap, {.fd = -1}, stream_interrupted},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf out = BUF_INIT;

		render(table[i].reporter, table[i].options, table[i].stream, &out);
		check_golden(table[i].name, &out);
	}
}

/* Adds "EVENT KEY" for every member; those of objects in lists as "EVENT LIST.KEY". */
static void collect_fields(
	const struct json *object, const char *event, const char *list, struct strv *out)
{
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		strv_pushf(out, "%s %s%s%s", event, list, *list ? "." : "", it.key);
		if (json_kind(it.value) != JSON_ARRAY)
			continue;
		for (size_t i = 0; i < json_len(it.value); i++)
			collect_fields(json_at(it.value, i), event, it.key, out);
	}
}

/* Adds each word in backquotes of the first column of a table under a heading that names
 * the events. */
static void collect_documented(const char *text, size_t size, struct strv *out)
{
	autorelease(strv) struct strv events = STRV_INIT;
	size_t pos = 0, len;
	const char *line;

	while (buf_next_line(text, size, &pos, &line, &len)) {
		autofree char *copy = xstrndup(line, len);
		bool is_heading = starts_with(copy, "## ");
		char *end, *word = copy;

		if (is_heading)
			strv_clear(&events);
		else if (!starts_with(copy, "| `"))
			continue;
		else if ((end = strchr(copy + 1, '|')))
			*end = 0;
		while ((word = strchr(word, '`')) && (end = strchr(word + 1, '`'))) {
			*end = 0;
			if (is_heading)
				strv_push(&events, word + 1);
			for (size_t i = 0; !is_heading && i < events.len; i++)
				strv_pushf(out, "%s %s", events.v[i], word + 1);
			word = end + 1;
		}
	}
}

static void test_every_field_is_documented(void)
{
	autofree char *path = source_path("docs/events.md");
	autorelease(buf) struct buf doc = BUF_INIT, out = BUF_INIT;
	autorelease(strv) struct strv documented = STRV_INIT, written = STRV_INIT;
	size_t pos = 0, len, faults = 0;
	struct err e = {0};
	const char *line;

	if (!ok(fs_read_file(path, &doc, &e) == 0, "docs/events.md is there"))
		return;
	collect_documented(doc.data, doc.len, &documented);
	render(&reporter_jsonl, (struct report_options){.fd = -1}, stream_whole, &out);
	while (buf_next_line(out.data, out.len, &pos, &line, &len)) {
		autorelease_json struct json *object = json_parse(line, len, "line", &e);

		faults += !object;
		collect_fields(
			object, json_find_string(object, "event", ""), "", &written);
	}
	is_int((long long)faults, 0, "every line is JSON by itself");
	faults = 0;
	strv_unique(&written);
	for (size_t i = 0; i < written.len; i++) {
		const char *dot = strrchr(written.v[i], '.');
		autofree char *event = xstrndup(written.v[i], strcspn(written.v[i], " "));
		const char *key = strchr(written.v[i], ' ') + 1;
		autofree char *plain = xasprintf("`%s`", dot ? dot + 1 : key);

		/* Members of objects in lists are named in the row of the list, or belong
		 * to `place`. */
		if (streq(key, "event") || streq(key, "time_ms") ||
			strv_has(&documented, written.v[i]) ||
			(dot && strstr(buf_str(&doc), plain)))
			continue;
		printf("# %s: %s is not in docs/events.md\n", event, key);
		faults++;
	}
	is_int((long long)faults, 0, "every field that is written is documented");
	faults = 0;
	for (size_t i = 0; i < documented.len; i++) {
		bool step = starts_with(documented.v[i], "step-");

		/* One table serves the four events of a step; its second column says
		 * which has what. */
		if (step || strv_has(&written, documented.v[i]) ||
			ends_with(documented.v[i], "stderr_base64"))
			continue;
		printf("# %s is documented and not written\n", documented.v[i]);
		faults++;
	}
	is_int((long long)faults, 0, "every field that is documented is written");
}

/* Whether xmllint takes the file; -1 when there is no xmllint. */
static int is_valid_junit(const char *path)
{
	autofree char *lint = fs_find_program("xmllint", NULL);
	autofree char *schema = source_path("tests/golden/report/junit.xsd");
	const char *const argv[] = {
		"xmllint", "--noout", "--huge", "--schema", schema, path, NULL};
	autorelease(strv) struct strv words = STRV_INIT;
	struct proc_options options = {.merge_stderr = true};
	struct proc_result r = {0};
	struct err e = {0};
	int valid;

	if (!lint)
		return -1;
	strv_push_array(&words, argv);
	valid = proc_run(&words, &options, &r, &e) == 0 && proc_succeeded(&r);
	if (!valid)
		printf("# %s%.300s\n", e.msg, buf_str(&r.out));
	proc_result_release(&r);
	return valid;
}

static void test_junit_schema(void)
{
	static const char *const names[] = {"whole.junit", "interrupted.junit"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *relative = xasprintf("tests/golden/report/%s", names[i]);
		autofree char *path = source_path(relative);
		int valid = is_valid_junit(path);

		if (valid < 0)
			skip(names[i], "xmllint is missing (package libxml2-utils)");
		else
			ok(valid, "%s is valid by the common schema", relative);
	}
}

/* Perl's harness is the consumer that takes TAP most strictly. */
static void test_prove(void)
{
	autofree char *prove = fs_find_program("prove", NULL);
	autofree char *path = source_path("tests/golden/report/whole.tap");
	const char *const argv[] = {"prove", "--exec", "cat", path, NULL};
	autorelease(strv) struct strv words = STRV_INIT;
	struct proc_options options = {.merge_stderr = true};
	struct proc_result r = {0};
	struct err e = {0};

	if (!prove) {
		skip("prove reads the TAP", "prove is missing (package perl)");
		return;
	}
	strv_push_array(&words, argv);
	if (proc_run(&words, &options, &r, &e) < 0)
		printf("# %s\n", e.msg);
	ok(strstr(buf_str(&r.out), "Failed tests:  3-4, 7-8, 11-12, 14") &&
			!strstr(buf_str(&r.out), "Parse errors"),
		"prove sees the failures and no errors");
	if (strstr(buf_str(&r.out), "Parse errors"))
		printf("# %s\n", buf_str(&r.out));
	proc_result_release(&r);
}

enum { FLOOD_CASES = 60, FLOOD_BYTES = 400000 };

/* More output than is kept in memory, from cases of two suites that end in turns. */
static void stream_flood(stream_sink *sink, void *ctx)
{
	struct stream s = {
		.sink = sink, .ctx = ctx, .column_totals = {0, FLOOD_CASES, 0}};
	struct stream_case c = {.column = &stream_user,
		.attempt = 1,
		.attempts = 1,
		.verdict = VERDICT_FAIL,
		.out_len = FLOOD_BYTES};
	autofree char *out = xmalloc(FLOOD_BYTES);

	stream_start(&s, FLOOD_CASES);
	for (size_t i = 0; i < FLOOD_CASES; i++) {
		autofree char *name = xasprintf("case %zu", i);

		memset(out, 'a' + (int)(i % 26), FLOOD_BYTES);
		c.index = FLOOD_CASES - i;
		c.suite = i % 2 ? "odd" : "even";
		c.test = name;
		c.out = out;
		stream_case(&s, &c);
	}
	stream_end(&s, 100, NULL);
}

static void test_junit_flood(void)
{
	autorelease(buf) struct buf out = BUF_INIT;
	autofree char *dir = NULL, *path = NULL;
	struct err e = {0};
	const char *at;
	size_t whole = 0;
	int valid;

	render(&reporter_junit, (struct report_options){.fd = -1}, stream_flood, &out);
	for (size_t i = 0; i < FLOOD_CASES; i++) {
		autofree char *head = xasprintf(
			"<testcase name=\"case %zu\" classname=\"aarch64.json-c::%s\"", i,
			i % 2 ? "odd" : "even");
		char tail[] = "xxxx</system-out></testcase>";

		memset(tail, 'a' + (int)(i % 26), 4);
		at = strstr(buf_str(&out), head);
		at = at ? strstr(at, "</system-out>") : NULL;
		whole += at && starts_with(at - 4, tail);
	}
	is_int((long long)whole, FLOOD_CASES, "every case has its own output");
	ok(strstr(buf_str(&out), "[137856 bytes left out here]") != NULL,
		"without its middle");
	dir = fs_temp_dir("xtest-junit", &e);
	path = fs_join(dir, "flood.xml");
	if (fs_write_file(path, out.data, out.len, 0600, &e) < 0)
		printf("# %s\n", e.msg);
	valid = is_valid_junit(path);
	if (valid < 0)
		skip("a big report is valid",
			"xmllint is missing (package libxml2-utils)");
	else
		ok(valid, "a big report is valid");
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
}

int main(void)
{
	test_goldens();
	test_every_field_is_documented();
	test_junit_schema();
	test_junit_flood();
	test_prove();
	return tap_done();
}
