/* xtest parse: what a saved log says, told as a run is. */
#include "config.h"

#include "base/fs.h"
#include "cmd/common.h"
#include "cmd/verb.h"
#include "engine/parse-log.h"
#include "report/report-set.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct parse_options {
	struct common c; /* first: the shared options are found in it */
	const char *format, *target;
};

static const char *const formats[] = {"auto", "console", "ktap", NULL};

static const struct opt parse_opts[] = {
	{"format", 0, "FORMAT", formats, OPT_STRING,
		offsetof(struct parse_options, format),
		"auto; console: no test results; ktap: results without a version line, "
		"too"},
	{"target", 't', "NAME", NULL, OPT_STRING, offsetof(struct parse_options, target),
		"what the log's machine was: adds the patterns that are for it"},
	{0},
};

static const struct opt_group groups[] = {
	{"Parse", parse_opts},
	{"Report", common_report_opts},
	{0},
};

static void send(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

static int read_log(struct parse_log *p, const char *path, struct err *e)
{
	bool standard = streq(path, "-");
	autoclose int fd = standard ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int from = standard ? STDIN_FILENO : fd;
	char block[1 << 16];
	ssize_t n;

	if (from < 0)
		return err_sys(e, errno, "%s", path);
	while ((n = read(from, block, sizeof block)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, errno, "read %s", path);
		parse_log_feed(p, block, (size_t)n);
	}
	parse_log_end(p);
	return 0;
}

static void tell_start(const struct emit *emit, const char *path)
{
	const char *const argv[] = {"xtest", "parse", path, NULL};
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *command_line = NULL;
	struct event event = {
		.type = EVENT_RUN_START,
		.run = {.id = "log",
			.version = PACKAGE_VERSION,
			.project = fs_basename(path),
			.wall_clock_ms = wall_clock_ms()},
	};

	strv_push_array(&words, argv);
	command_line = strv_quote(&words);
	event.run.command_line = command_line;
	emit_send(emit, &event);
}

static int go(const struct parse_options *o, const char *path, struct err *e)
{
	struct report_set_options options = {
		.specs = &o->c.reports,
		.color = streq(o->c.color, "always")  ? REPORT_COLOR_ALWAYS
			 : streq(o->c.color, "never") ? REPORT_COLOR_NEVER
						      : REPORT_COLOR_AUTO,
		.no_progress = true,
	};
	enum parse_log_format format = streq(o->format, "console") ? PARSE_LOG_CONSOLE
				       : streq(o->format, "ktap")  ? PARSE_LOG_KTAP
								   : PARSE_LOG_AUTO;
	autorelease_config struct config *config = config_load_project(".", e);
	struct console_table *table =
		config ? console_table_load_for(config, o->target, e) : NULL;
	struct parse_log p = {0};
	struct emit emit = {.send = send, .start_ms = now_ms()};
	struct err lost = {0};
	int code = -1;

	if (!table)
		return -1;
	parse_log_init(&p, table, format, streq(path, "-") ? "stdin" : fs_basename(path));
	if (read_log(&p, path, e) == 0 && (emit.ctx = report_set_open(&options, e))) {
		tell_start(&emit, path);
		code = parse_log_tell(&p, &emit);
		if (report_set_close(emit.ctx, &lost) < 0) {
			*e = lost;
			code = -1;
		}
	}
	parse_log_release(&p);
	console_table_free(table);
	return code;
}

static int parse_main(int argc, char **argv, struct err *e)
{
	struct parse_options o = {.format = "auto"};
	autorelease(strv) struct strv words = STRV_INIT;
	int code = -1;

	common_defaults(&o.c);
	if (common_parse(groups, argc, argv, &o, &words, NULL, e) == 0) {
		if (words.len == 1)
			code = go(&o, words.v[0], e);
		else
			err_set(e, ERR_USAGE,
				"parse needs one file: xtest parse [OPTION]… FILE|-");
	}
	common_release(&o.c);
	return code;
}

const struct verb verb_parse = {
	.name = "parse",
	.usage = "[OPTION]… FILE|-",
	.summary = "Report what a saved console log or KTAP log says",
	.details =
		"Looks for panics, oopses, hung tasks, resets and the like, and for the "
		"KTAP of kunit and kselftest\n"
		"in any log, and reports both as a run. Exit codes are those of a run.",
	.groups = groups,
	.run = parse_main,
};
