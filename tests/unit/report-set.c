#include "report/report-set.h"

#include "base/fs.h"
#include "base/json.h"

#include "tests/tap.h"
#include "tests/unit/report-stream.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;

static void to_set(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

/* Opens what `specs` (ends with NULL) asks for, with %s standing for the test's
 * directory. */
static struct report_set *open_set(const char *const *specs, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct report_set_options options = {.specs = &words};

	for (; *specs; specs++) {
		const char *place = strstr(*specs, "DIR");

		if (place)
			strv_pushf(&words, "%.*s%s%s", (int)(place - *specs), *specs, dir,
				place + 3);
		else
			strv_push(&words, *specs);
	}
	return report_set_open(&options, e);
}

static char *in_dir(const char *name)
{
	return fs_join(dir, name);
}

static bool contains(const char *name, const char *text)
{
	autofree char *path = in_dir(name);
	autorelease(buf) struct buf content = BUF_INIT;
	struct err e = {0};

	return fs_read_file(path, &content, &e) == 0 &&
	       memmem(content.data, content.len, text, strlen(text));
}

static void test_refusals(void)
{
	static const struct {
		const char *name;
		const char *specs[4];
		enum err_kind kind;
		const char *message;
	} table[] = {
		{"unknown name", {"junt=x"}, ERR_USAGE, "did you mean \"junit\""},
		{"no file after the sign", {"jsonl="}, ERR_USAGE,
			"no file after the '='"},
		{"standard output twice", {"jsonl", "tap=-"}, ERR_USAGE,
			"two reports want standard output"},
		{"one file twice", {"jsonl=DIR/a", "junit=DIR/a"}, ERR_USAGE,
			"two reports want"},
		{"a directory as file", {"tap=DIR"}, ERR_OUTPUT, "Is a directory"},
		{"a file as directory", {"tap=/dev/null/x"}, ERR_OUTPUT,
			"Not a directory"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = {0};
		struct report_set *set = open_set(table[i].specs, &e);

		ok(!set && e.kind == table[i].kind && strstr(e.msg, table[i].message),
			"%s", table[i].name);
		if (set || !strstr(e.msg, table[i].message))
			printf("# %s\n", e.msg);
	}
}

static void test_files(void)
{
	static const char *const specs[] = {"human=DIR/human", "jsonl=DIR/new/events",
		"junit=DIR/junit.xml", "tap=DIR/tap", NULL};
	autofree char *junit = in_dir("junit.xml");
	autofree char *target = in_dir("elsewhere.xml");
	struct err e = {0};
	struct strv names = STRV_INIT;
	struct stat st;
	struct report_set *set;

	ok(fs_write_file(target, "old", 3, 0644, &e) == 0 && symlink(target, junit) == 0,
		"a link is there");
	set = open_set(specs, &e);
	if (!ok(set != NULL, "four reports at once"))
		return;
	stream_whole(to_set, set);
	ok(contains("new/events", "\"run-end\"") && contains("tap", "ok 15"),
		"lines and TAP are there as they happen");
	ok(contains("elsewhere.xml", "old"), "JUnit is not there before the end");
	is_int(report_set_close(set, &e), 0, "all end well");
	ok(contains("human", "Summary") && contains("elsewhere.xml", "</testsuites>"),
		"human and JUnit are there at the end");
	ok(lstat(junit, &st) == 0 && S_ISLNK(st.st_mode), "the link is still one");
	ok(fs_list_dir(dir, &names, &e) == 0 && names.len == 5,
		"no temporary file stays");
	strv_release(&names);
}

static void test_interrupt(void)
{
	static const char *const specs[] = {"human=/dev/null", "junit=DIR/cut.xml", NULL};
	struct err e = {0};
	struct report_set *set = open_set(specs, &e);
	struct stream s = {.sink = to_set, .ctx = set, .column_totals = {0, 2, 0}};

	stream_start(&s, 2);
	stream_plan(&s, 2, 0);
	stream_case(&s, &stream_cases[2]);
	is_int(report_set_close(set, &e), 0, "closing without a last event is no error");
	ok(contains("cut.xml", "expected 3, got 4") &&
			contains("cut.xml", "the run ended before"),
		"what came until then is there, and that it is not all");
	compare_free(s.compare);
}

static void test_full_disk(void)
{
	static const char *const broken[] = {
		"jsonl=/dev/full", "tap=/dev/full", "junit=/dev/full", "human=/dev/full"};

	for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
		const char *const specs[] = {broken[i],
			i == 0 ? "tap=DIR/good" : "jsonl=DIR/good",
			i == 3 ? NULL : "human=/dev/null", NULL};
		struct err e = {0};
		struct report_set *set = open_set(specs, &e);

		if (!ok(set != NULL, "%s opens", broken[i]))
			continue;
		stream_whole(to_set, set);
		ok(report_set_close(set, &e) < 0 && e.kind == ERR_OUTPUT &&
				strstr(e.msg, "/dev/full") &&
				strstr(e.msg, "No space left"),
			"%s is an error at the end", broken[i]);
		ok(contains("good", i == 0 ? "ok 15" : "\"run-end\""),
			"the other report is whole");
	}
}

static void test_closed_pipe(void)
{
	static const char *const specs[] = {"human=DIR/pipe", "jsonl=DIR/good", NULL};
	autofree char *path = in_dir("pipe");
	autoclose int reader = -1;
	struct err e = {0};
	struct report_set *set;

	if (mkfifo(path, 0600) < 0 ||
		(reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0 ||
		!(set = open_set(specs, &e))) {
		ok(0, "a pipe to report into: %s", e.msg);
		return;
	}
	close(take_fd(reader));
	stream_whole(to_set, set);
	ok(report_set_close(set, &e) < 0 && e.kind == ERR_OUTPUT,
		"a closed pipe is an error at the end");
	ok(contains("good", "\"run-end\""), "the others go on");
}

/* A reader that is slow must not cost bytes, even if someone has made the pipe
 * non-blocking. */
static void test_slow_pipe(void)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e = {0};
	char bytes[4096];
	long long total = 0;
	ssize_t n;
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0 || (child = fork()) < 0) {
		ok(0, "pipe and fork");
		return;
	}
	for (size_t i = 0; i < 300000; i++)
		buf_append_char(&text, 'x');
	if (child == 0)
		_exit(report_write(fds[1], &text, &e) < 0);
	close(fds[1]);
	fcntl(fds[0], F_SETFL, 0);
	while ((n = read(fds[0], bytes, sizeof bytes)) > 0)
		total += n;
	close(fds[0]);
	is_int(total, 300000, "a non-blocking pipe gets everything");
}

int main(void)
{
	struct err e = {0};

	signal(SIGPIPE, SIG_IGN);
	dir = fs_temp_dir("xtest-report-set", &e);
	test_refusals();
	test_files();
	test_interrupt();
	test_full_disk();
	test_closed_pipe();
	test_slow_pipe();
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	free(dir);
	return tap_done();
}
