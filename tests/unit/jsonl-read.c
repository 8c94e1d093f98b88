#include "report/jsonl-read.h"

#include "base/fs.h"
#include "report/jsonl-file.h"
#include "report/jsonl.h"
#include "report/reporter.h"

#include "tests/tap.h"
#include "tests/unit/report-stream.h"

#include <fcntl.h>
#include <unistd.h>

typedef void stream_fn(stream_sink *sink, void *ctx);

/* ---- a run through the lines and back */

/* Outputs beside the lines: the one kept last. */
struct shelf {
	struct buf text;
	size_t kept, longer_than;
	char digest[HASH_HEX_SIZE];
};

static bool keep(void *ctx, const char *data, size_t len, char digest[HASH_HEX_SIZE])
{
	struct shelf *shelf = ctx;

	if (len <= shelf->longer_than)
		return false;
	hash_memory(data, len, digest);
	memcpy(shelf->digest, digest, HASH_HEX_SIZE);
	buf_clear(&shelf->text);
	buf_append(&shelf->text, data, len);
	shelf->kept++;
	return true;
}

static int get(void *ctx, const char *digest, struct buf *out)
{
	struct shelf *shelf = ctx;

	if (!streq(digest, shelf->digest))
		return -1;
	buf_append(out, shelf->text.data, shelf->text.len);
	return 0;
}

/* What the next in line gets. */
struct relay {
	struct jsonl_read *reader;
	const struct jsonl_store *store;
	stream_sink *sink;
	void *ctx;
	size_t faults;
};

static void through_a_line(void *ctx, const struct event *event)
{
	struct relay *relay = ctx;
	autorelease(buf) struct buf line = BUF_INIT;
	struct event read;
	struct err e = {0};

	jsonl_print(&line, event, relay->store);
	if (event->type == EVENT_TICK) {
		relay->faults += line.len != 0;
		relay->sink(relay->ctx, event);
		return;
	}
	if (jsonl_read_line(relay->reader, line.data, line.len - 1, &read, &e) != 1) {
		printf("# %s: %s\n", buf_str(&line), e.msg);
		relay->faults++;
		return;
	}
	relay->sink(relay->ctx, &read);
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

	o->failed |= o->reporter->event(o->state, event, &e) < 0;
}

/* What the reporter makes of the stream, as it is or read back. */
static void render(const struct reporter *reporter, stream_fn *stream,
	const struct jsonl_store *store, const struct jsonl_outputs *outputs, bool back,
	struct buf *out)
{
	char name[] = "/tmp/xtest-jsonl.XXXXXX";
	autoclose int fd = mkostemp(name, O_CLOEXEC);
	struct report_options options = {.fd = fd, .unicode = true};
	struct opened o = {.reporter = reporter};
	struct err e = {0};
	struct relay relay = {
		.store = store, .sink = to_reporter, .ctx = &o, .reader = NULL};

	o.state = reporter->open(&options, &e);
	if (back) {
		relay.reader = jsonl_read_new(outputs);
		stream(through_a_line, &relay);
		jsonl_read_free(relay.reader);
	} else {
		stream(to_reporter, &o);
	}
	ok(reporter->close(o.state, &e) == 0 && !o.failed && !relay.faults &&
			fs_read_file(name, out, &e) == 0,
		"%s: written %s%s", reporter->name, back ? "once more" : "", e.msg);
	unlink(name);
}

/* Names and words that are no text, retries known late, a case without a start. */
static void stream_odd(stream_sink *sink, void *ctx)
{
	struct stream s = {.sink = sink, .ctx = ctx, .column_totals = {1, 3, 0}};
	static const struct stream_case cases[] = {
		{0, &stream_user, "caf\xe9", "na\xefve/\x01\x02 \x7f", 1, 1, VERDICT_FAIL,
			END_EXIT, 1, "\xff detail", "\xff reason", "\xff excerpt\n",
			.console = "\xfe console", .leaked = 1},
		{1, &stream_user, "plain", "", 1, 2, VERDICT_LOST, END_LOST, 0, "gone",
			"lost: gone", .wall_ms = 1},
		{1, &stream_user, "plain", "", 2, 2, .wall_ms = 2},
		{2, &stream_user, "empty", "", 1, 1, .out = ""},
		{3, &stream_host, "plain", "", 1, 1, VERDICT_SKIP, END_EXIT, 77,
			.wall_ms = 3},
	};

	stream_start(&s, 4);
	stream_plan(&s, 4, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		stream_case(&s, &cases[i]);
	stream_end(&s, 100, NULL);
}

static void test_same_reports(void)
{
	static const struct reporter *const reporters[] = {&reporter_jsonl,
		&reporter_junit, &reporter_tap, &reporter_human, &reporter_trace};
	static const struct {
		const char *name;
		stream_fn *stream;
	} streams[] = {{"a whole run", stream_whole}, {"a cut one", stream_interrupted},
		{"strange names", stream_odd}};
	struct shelf shelf = {.longer_than = 40};
	struct jsonl_store store = {keep, &shelf};
	struct jsonl_outputs outputs = {get, &shelf};

	for (size_t i = 0; i < ARRAY_LEN(streams) * ARRAY_LEN(reporters); i++) {
		const struct reporter *reporter = reporters[i % ARRAY_LEN(reporters)];
		stream_fn *stream = streams[i / ARRAY_LEN(reporters)].stream;
		autorelease(buf) struct buf want = BUF_INIT, got = BUF_INIT,
					    kept = BUF_INIT;

		render(reporter, stream, NULL, NULL, false, &want);
		render(reporter, stream, NULL, NULL, true, &got);
		is_mem(got.data, got.len, want.data, want.len,
			streams[i / ARRAY_LEN(reporters)].name);
		render(reporter, stream, &store, &outputs, true, &kept);
		is_mem(kept.data, kept.len, want.data, want.len,
			"and with outputs beside the lines");
	}
	ok(shelf.kept > 10, "%zu outputs lay beside the lines", shelf.kept);
	buf_release(&shelf.text);
}

static void test_output_that_is_gone(void)
{
	struct shelf shelf = {.longer_than = 0};
	struct jsonl_store store = {keep, &shelf};
	autorelease(buf) struct buf got = BUF_INIT;

	render(&reporter_tap, stream_whole, &store, NULL, true, &got);
	ok(strstr(buf_str(&got), "[this output is no longer kept: ") != NULL,
		"an output that is gone is told in its place");
	buf_release(&shelf.text);
}

/* ---- lines that are none */

#define START                                                                            \
	"{\"event\": \"run-start\", \"format\": \"xtest-events\", "                      \
	"\"format_version\": 1}\n"
#define END "{\"event\": \"run-end\", \"exit_code\": 100}\n"

static void count(void *ctx, const struct event *event)
{
	size_t *n = ctx;

	*n += event->type != EVENT_TICK;
}

static void test_files(void)
{
	static const struct {
		const char *name, *text;
		int events; /* -1: refused */
		bool ended;
		const char *error; /* part of it */
	} rows[] = {
		{"whole", START END, 2, true, NULL},
		{"killed", START, 1, false, NULL},
		{"killed within a line", START "{\"event\": \"no", 1, false, NULL},
		{"killed before a newline", START "{\"event\": \"note\"}", 1, false,
			NULL},
		{"an event of the future", START "{\"event\": \"moon\"}\n" END, 2, true,
			NULL},
		{"a case without its start",
			START "{\"event\": \"case-end\", \"index\": 3}\n", 2, false,
			NULL},
		{"fields of other types",
			START "{\"event\": \"case-end\", \"index\": \"x\", \"suite\": 3, "
			      "\"points\": {\"a\": 1}, \"stdout\": [], \"verdict\": "
			      "null}\n"
			      "{\"event\": \"run-end\", \"columns\": 1, \"differences\": "
			      "[1, {\"verdicts\": [2]}], \"total\": -5}\n",
			3, true, NULL},
		{"a huge index",
			START "{\"event\": \"case-start\", \"index\": "
			      "9223372036854775807}\n",
			2, false, NULL},
		{"empty", "", -1, false, "before it began"},
		{"half of the first line", "{\"event\": \"run-st", -1, false,
			"before it began"},
		{"no JSON", "hello\n", -1, false, ":1: "},
		{"no JSON later", START "hello\n" END, -1, false, ":2: "},
		{"no object", START "3\n", -1, false, "no event"},
		{"another format", "{\"event\": \"run-start\", \"format\": \"x\"}\n", -1,
			false, "no record of a run"},
		{"another first event", "{\"event\": \"note\"}\n", -1, false,
			"no record of a run"},
		{"a later version",
			"{\"event\": \"run-start\", \"format\": \"xtest-events\", "
			"\"format_version\": 2}\n",
			-1, false, "has format version 2; this xtest reads 1"},
		{"something behind the end", START END END, -1, false, "behind run-end"},
	};
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-jsonl", &e);
	autofree char *path = dir ? fs_join(dir, "events.jsonl") : NULL;
	struct jsonl_seen seen;
	size_t n = 0;

	for (size_t i = 0; dir && i < ARRAY_LEN(rows); i++) {
		int r;

		e = (struct err){0};
		n = 0;
		if (fs_write_file(path, rows[i].text, strlen(rows[i].text), 0600, &e) < 0)
			printf("Bail out! %s\n", e.msg);
		r = jsonl_file_read(path, NULL, count, &n, &seen, &e);
		if (rows[i].events < 0)
			ok(r < 0 && strstr(e.msg, rows[i].error) &&
					strstr(e.msg, "events.jsonl"),
				"%s: %s", rows[i].name, e.msg);
		else
			ok(r == 0 && n == (size_t)rows[i].events && seen.events == n &&
					seen.ended == rows[i].ended,
				"%s %s", rows[i].name, e.msg);
	}
	ok(dir && jsonl_file_read(dir, NULL, count, &n, &seen, &e) < 0, "a directory: %s",
		e.msg);
	if (dir && fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
}

/* Every cut of a real record is a record, or one that had not begun. */
static void test_every_cut(void)
{
	autorelease(buf) struct buf all = BUF_INIT;
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-jsonl", &e);
	autofree char *path = dir ? fs_join(dir, "events.jsonl") : NULL;
	size_t faults = 0, first;

	render(&reporter_jsonl, stream_interrupted, NULL, NULL, false, &all);
	first = (size_t)(strchr(buf_str(&all), '\n') - buf_str(&all)) + 1;
	for (size_t len = 0; dir && len < all.len; len += 13) {
		struct jsonl_seen seen;
		size_t n = 0;

		if (fs_write_file(path, all.data, len, 0600, &e) < 0)
			printf("Bail out! %s\n", e.msg);
		faults += (jsonl_file_read(path, NULL, count, &n, &seen, &e) == 0) !=
			  (len >= first);
	}
	is_int((long long)faults, 0, "a record may end anywhere");
	if (dir && fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
}

int main(void)
{
	test_same_reports();
	test_output_that_is_gone();
	test_files();
	test_every_cut();
	return tap_done();
}
