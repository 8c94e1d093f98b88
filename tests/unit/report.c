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
		{"whole.tap", &reporter_tap, {.fd = -1}, stream_whole},
		{"interrupted.tap", &reporter_tap, {.fd = -1}, stream_interrupted},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf out = BUF_INIT;

		render(table[i].reporter, table[i].options, table[i].stream, &out);
		check_golden(table[i].name, &out);
	}
}

int main(void)
{
	test_goldens();
	return tap_done();
}
