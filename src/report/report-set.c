#include "report/report-set.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Places that are no files. */
#define STDOUT_NAME "standard output"
#define STDERR_NAME "standard error"

struct member {
	const struct reporter *reporter;
	void *state; /* NULL once closed */
	char *name;  /* owned: where it goes, for messages */
	char *path;  /* owned: file to be renamed to; NULL when written in place */
	char *temp;  /* owned: its name until then */
	int fd;
	bool own_fd;
	bool failed;
};

struct report_set {
	struct member *v; /* owned */
	size_t len, cap;
	struct err error; /* the first one */
};

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static bool is_smart_terminal(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && *term && !streq(term, "dumb");
}

/* A locale that is set to something without UTF-8, or the kernel's console, cannot show
 * line-drawing characters; no locale at all (as in containers and CI) says nothing. */
static bool has_unicode(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *term = getenv("TERM");

	if (term && streq(term, "linux"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (!value || !*value)
			continue;
		return strcasestr(value, "utf-8") || strcasestr(value, "utf8") ||
		       streq(value, "C") || streq(value, "POSIX");
	}
	return true;
}

static struct report_options options_for(const struct report_set_options *options, int fd)
{
	bool smart = is_smart_terminal(fd);

	return (struct report_options){
		.fd = fd,
		.is_terminal = isatty(fd),
		.color = options->color == REPORT_COLOR_ALWAYS ||
			 (options->color == REPORT_COLOR_AUTO && smart &&
				 !is_set("NO_COLOR")),
		.progress = smart && !options->no_progress && !options->no_capture,
		.unicode = has_unicode(),
		.no_capture = options->no_capture,
		.verbose = options->verbose,
		.display = options->display,
	};
}

static void keep_error(struct report_set *set, struct member *m, struct err *e)
{
	m->failed = true;
	if (set->error.kind != ERR_NONE)
		return;
	err_context(e, "--report %s (%s)", m->reporter->name, m->name);
	set->error = *e;
	set->error.kind = ERR_OUTPUT;
}

/* Opens `path`: in place when it streams or is no regular file, else under a temporary
 * name. */
static int open_file(struct member *m, const char *path, bool streams, struct err *e)
{
	autofree char *dir = fs_dirname(path);
	autofree char *real = realpath(path, NULL);
	struct stat st;

	m->own_fd = true;
	if (fs_mkdir_p(dir, e) < 0)
		return err_context(e, "make the directory of %s", path);
	if (streams || (real && stat(real, &st) == 0 && !S_ISREG(st.st_mode))) {
		m->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		return m->fd < 0 ? err_sys(e, errno, "open %s", path) : 0;
	}
	/* A link stays one: what it points to is replaced. */
	m->path = real ? take_ptr(real) : xstrdup(path);
	m->temp = xasprintf("%s.%ld.tmp", m->path, (long)getpid());
	m->fd = open(m->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return m->fd < 0 ? err_sys(e, errno, "make %s", m->temp) : 0;
}

static void add(
	struct report_set *set, const struct reporter *reporter, const char *place)
{
	set->v = xgrow(set->v, &set->cap, set->len + 1, sizeof *set->v);
	set->v[set->len++] =
		(struct member){.reporter = reporter, .name = xstrdup(place), .fd = -1};
}

static int start(
	struct member *m, const struct report_set_options *options, struct err *e)
{
	struct report_options o;
	int r = 0;

	if (streq(m->name, STDOUT_NAME))
		m->fd = STDOUT_FILENO;
	else if (streq(m->name, STDERR_NAME))
		m->fd = STDERR_FILENO;
	else
		r = open_file(m, m->name, m->reporter != &reporter_junit, e);
	if (r == 0) {
		o = options_for(options, m->fd);
		m->state = m->reporter->open(&o, e);
		r = m->state ? 0 : -1;
	}
	if (r == 0)
		return 0;
	err_context(e, "--report %s=%s", m->reporter->name, m->name);
	e->kind = ERR_OUTPUT;
	return -1;
}

/* One specification. *place is standard output where none was given. */
static const struct reporter *parse_spec(
	const char *spec, const char **place, struct err *e)
{
	const char *equals = strchr(spec, '=');
	autofree char *name =
		equals ? xstrndup(spec, (size_t)(equals - spec)) : xstrdup(spec);
	const struct reporter *reporter = report_find(name);
	const char *known[16] = {NULL};
	const char *nearest;

	*place = equals && !streq(equals, "=-") ? equals + 1 : STDOUT_NAME;
	if (reporter && **place)
		return reporter;
	if (reporter)
		return err_null(e, ERR_USAGE,
			"--report %s: no file after the '='; use - for standard output",
			spec);
	for (size_t i = 0; report_table[i] && i + 1 < ARRAY_LEN(known); i++)
		known[i] = report_table[i]->name;
	nearest = util_nearest(name, known);
	return err_null(e, ERR_USAGE,
		"--report %s: there is no report of this name%s%s%s; there are human, "
		"jsonl, junit, libtest-json, libtest-json-plus, tap and trace",
		name, nearest ? ", did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?" : "");
}

static int check_free(const struct report_set *set, const char *place, struct err *e)
{
	for (size_t i = 0; i < set->len; i++)
		if (streq(set->v[i].name, place))
			return err_set(e, ERR_USAGE,
				"two reports want %s; give one of them a file with "
				"--report %s=FILE",
				place, set->v[i].reporter->name);
	return 0;
}

/* Fills the set with what was asked for, nothing opened yet. */
static int add_all(
	struct report_set *set, const struct report_set_options *options, struct err *e)
{
	const struct strv *specs = options->specs;
	const char *human_place = options->answers ? STDERR_NAME : STDOUT_NAME;
	bool human_placed = false;

	for (size_t i = 0; specs && i < specs->len; i++) {
		const char *spec = specs->v[i], *place;
		const struct reporter *reporter = parse_spec(spec, &place, e);

		if (!reporter)
			return -1;
		if (reporter == &reporter_human && !strchr(spec, '='))
			continue;
		if (check_free(set, place, e) < 0)
			return -1;
		human_placed = human_placed || reporter == &reporter_human;
		if (streq(place, STDOUT_NAME))
			human_place = STDERR_NAME;
		add(set, reporter, place);
	}
	if (!human_placed)
		add(set, &reporter_human, human_place);
	return 0;
}

struct report_set *report_set_open(
	const struct report_set_options *options, struct err *e)
{
	struct report_set *set = xcalloc(1, sizeof *set);
	struct err ignored = {0};
	int r = add_all(set, options, e);

	for (size_t i = 0; r == 0 && i < set->len; i++)
		r = start(&set->v[i], options, e);
	if (r == 0)
		return set;
	/* What was opened is not wanted: no empty file takes a good one's place. */
	for (size_t i = 0; i < set->len; i++)
		set->v[i].failed = true;
	if (report_set_close(set, &ignored) < 0)
		return NULL;
	return NULL;
}

int report_set_add(struct report_set *set, const struct report_set_options *options,
	const char *spec, struct err *e)
{
	const char *place;
	const struct reporter *reporter = parse_spec(spec, &place, e);

	if (!reporter || check_free(set, place, e) < 0)
		return -1;
	add(set, reporter, place);
	if (start(&set->v[set->len - 1], options, e) == 0)
		return 0;
	set->v[set->len - 1].failed = true;
	return -1;
}

void report_set_event(struct report_set *set, const struct event *event)
{
	for (size_t i = 0; i < set->len; i++) {
		struct member *m = &set->v[i];
		struct err e = {0};

		if (!m->failed && m->reporter->event(m->state, event, &e) < 0)
			keep_error(set, m, &e);
	}
}

static int finish(struct member *m, struct err *e)
{
	if (m->own_fd && m->fd >= 0 && close(take_fd(m->fd)) < 0)
		return err_sys(e, errno, "write %s", m->name);
	if (!m->temp)
		return 0;
	if (m->failed) {
		unlink(m->temp);
		return 0;
	}
	if (rename(m->temp, m->path) == 0)
		return 0;
	err_sys(e, errno, "rename %s to %s", m->temp, m->path);
	unlink(m->temp);
	return -1;
}

int report_set_close(struct report_set *set, struct err *e)
{
	struct err first;

	for (size_t i = 0; i < set->len; i++) {
		struct member *m = &set->v[i];
		struct err one = {0};

		if (m->state && m->reporter->close(m->state, &one) < 0)
			keep_error(set, m, &one);
		if (finish(m, &one) < 0)
			keep_error(set, m, &one);
		free(m->name);
		free(m->path);
		free(m->temp);
	}
	first = set->error;
	free(set->v);
	free(set);
	if (first.kind == ERR_NONE)
		return 0;
	*e = first;
	return -1;
}
