#include "framework/tap-parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/buf.h"

enum {
	MAX_DEPTH = 16,
	MAX_NAME = 1024,
	MAX_POINTS = 100000, /* recorded; all are counted */
	MAX_REASON = 300,
	MAX_REASON_LINES = 4,
};

struct level {
	size_t indent;
	size_t first; /* index of the first point inside it */
};

struct parser {
	struct tap_parse *t;
	struct judgement *j;
	unsigned flags;
	struct level level[MAX_DEPTH];
	size_t depth;
	bool plan_was_late;
	/* Between "---" and "...", after a point. */
	bool in_yaml, after_point;
	size_t yaml_indent;
	/* The failed point that diagnostics belong to. */
	size_t diagnosed;
	bool can_diagnose;
	size_t diagnostic_lines;
};

static void fault(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void fault(struct parser *p, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (p->t->fault)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->t->fault = xstrdup(text);
}

/* A directive after '#': the word, and its explanation behind it. */
struct directive {
	bool skip, todo;
	const char *why; /* "" when there is none */
};

/* Cuts the directive off the text. "\#" is no directive (TAP 14, "Escaping"). */
static struct directive cut_directive(char *text)
{
	struct directive d = {.why = ""};

	for (char *hash = strchr(text, '#'); hash; hash = strchr(hash + 1, '#')) {
		const char *word = hash + 1 + strspn(hash + 1, " \t");
		size_t len = strcspn(word, " \t:");

		if (hash > text && hash[-1] == '\\')
			continue;
		/* "# skipped: no device" is as common as "# SKIP no device". */
		d.skip = len >= 4 && strncasecmp(word, "skip", 4) == 0;
		d.todo = len == 4 && strncasecmp(word, "todo", 4) == 0;
		if (!d.skip && !d.todo)
			continue;
		d.why = word + len + strspn(word + len, " \t:");
		while (hash > text && isspace((unsigned char)hash[-1]))
			hash--;
		*hash = '\0';
		break;
	}
	return d;
}

/* "name \# 1" is "name # 1"; in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && (text[1] == '#' || text[1] == '\\'))
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

/* Leaves the levels deeper than this indent and enters a new one when it is deeper than
 * all. Returns the index of the first point that is a child of a point at this indent. */
static size_t enter_level(struct parser *p, size_t indent)
{
	size_t children = p->j->n_points;

	while (p->depth && p->level[p->depth - 1].indent > indent)
		children = p->level[--p->depth].first;
	if (p->depth < MAX_DEPTH && (!p->depth || p->level[p->depth - 1].indent < indent))
		p->level[p->depth++] = (struct level){indent, children};
	return children;
}

/* Names the children after their parent. True when one of them failed. */
static bool adopt(struct parser *p, size_t children, const char *parent)
{
	bool failed = false;

	for (size_t i = children; i < p->j->n_points; i++) {
		struct point *child = &p->j->points[i];
		char *name = xasprintf("%s > %s", parent, child->name);

		free(child->name);
		child->name = name;
		failed |= child->verdict == VERDICT_FAIL;
	}
	return failed;
}

static void count(struct parser *p, unsigned long number, bool has_number, enum verdict v)
{
	struct tap_parse *t = p->t;

	t->total++;
	t->failed += v == VERDICT_FAIL;
	t->skipped += v == VERDICT_SKIP;
	if (has_number && number != t->total)
		fault(p, "point %lu came where %zu was due", number, t->total);
	if (p->plan_was_late)
		fault(p, "a point after the plan at the end");
}

static void add_point(struct parser *p, size_t indent, const char *name, enum verdict v,
	const char *why)
{
	size_t children = enter_level(p, indent);
	bool has_children = children < p->j->n_points;
	bool explained = adopt(p, children, name) || v != VERDICT_FAIL;

	p->can_diagnose = false;
	if ((has_children && explained) || p->j->n_points >= MAX_POINTS)
		return;
	judgement_add_point(p->j, name, v, *why ? why : NULL);
	p->can_diagnose = v == VERDICT_FAIL && !*why;
	p->diagnosed = p->j->n_points - 1;
	p->diagnostic_lines = 0;
}

/* A word ends here. */
static bool ends(char c)
{
	return !isalnum((unsigned char)c) && c != '_';
}

/* The verdict of "ok" and "not ok" with a directive, and the text that explains it. */
static enum verdict judge(struct tap_parse_point *p, bool ok, unsigned flags,
	struct directive d, char **name)
{
	if (d.skip && !ok && (flags & TAP_PARSE_CMOCKA)) {
		/* The name may stand behind the directive. */
		if (**name) {
			p->why = xstrdup(d.why);
		} else {
			*name += d.why - *name;
			p->why = xstrdup("");
		}
		return VERDICT_SKIP;
	}
	if (d.todo && (ok || !*d.why)) {
		p->why = xstrdup(ok ? "passed, but is marked TODO" : "TODO");
	} else {
		p->why = xstrdup(d.why);
	}
	if (d.skip && ok)
		return VERDICT_SKIP;
	/* Meson and Automake agree: what is to be done and passes is a failure. */
	return ok != d.todo ? VERDICT_PASS : VERDICT_FAIL;
}

bool tap_parse_point_read(const char *line, unsigned flags, struct tap_parse_point *p)
{
	bool ok = starts_with(line, "ok") && ends(line[2]);
	autofree char *text = NULL;
	struct directive d;
	char *start, *end;

	*p = (struct tap_parse_point){0};
	if (!ok && !(starts_with(line, "not ok") && ends(line[6])))
		return false;
	text = xstrndup(line + (ok ? 2 : 6), MAX_NAME);
	start = text + strspn(text, " \t");
	p->has_number = isdigit((unsigned char)*start);
	if (p->has_number) {
		p->number = strtoul(start, &end, 10);
		start = end + strspn(end, " \t");
	}
	d = cut_directive(start);
	if (start[0] == '-' && (isspace((unsigned char)start[1]) || !start[1]))
		start += 1 + strspn(start + 1, " \t");
	p->verdict = judge(p, ok, flags, d, &start);
	unescape(start);
	p->name = xstrdup(start);
	return true;
}

void tap_parse_point_release(struct tap_parse_point *p)
{
	free(p->name);
	free(p->why);
	*p = (struct tap_parse_point){0};
}

static void take_point(
	struct parser *p, size_t indent, const struct tap_parse_point *point)
{
	autofree char *unnamed =
		*point->name ? NULL : xasprintf("%zu", p->t->total + !indent);

	if (!indent)
		count(p, point->number, point->has_number, point->verdict);
	add_point(p, indent, unnamed ? unnamed : point->name, point->verdict, point->why);
}

/* After "1..". */
static void read_plan(struct parser *p, const char *text)
{
	autofree char *copy = xstrndup(text, MAX_NAME);
	struct tap_parse *t = p->t;
	struct directive d;
	char *end;
	unsigned long n = strtoul(copy, &end, 10);

	if (t->has_plan) {
		fault(p, "more than one plan");
		return;
	}
	d = cut_directive(end);
	if (d.skip && n)
		fault(p, "a plan of %lu points that says SKIP", n);
	t->has_plan = true;
	t->planned = n;
	t->skip_all = n == 0;
	t->skip_why = *d.why ? xstrdup(d.why) : NULL;
	p->plan_was_late = t->total > 0;
}

/* "# text" after a failed point is its reason, when it has no other. */
static void diagnose(struct parser *p, const char *text)
{
	static const char *const markers[] = {"Subtest:", "Start of ", "End of "};
	struct point *point;
	char *joined;

	text += strspn(text, "# \t");
	if (!p->can_diagnose || !*text || p->diagnostic_lines == MAX_REASON_LINES)
		return;
	for (size_t i = 0; i < ARRAY_LEN(markers); i++)
		if (starts_with(text, markers[i]))
			return;
	point = &p->j->points[p->diagnosed];
	p->diagnostic_lines++;
	joined = xasprintf("%s%s%.*s", point->reason ? point->reason : "",
		point->reason ? "; " : "", MAX_REASON, text);
	free(point->reason);
	point->reason = joined;
}

/* Inside "---" … "...": only the message is of use. False when the block has ended
 * without its "..." and the line is TAP again. */
static bool read_yaml(struct parser *p, size_t indent, const char *text)
{
	if (*text && indent < p->yaml_indent) {
		p->in_yaml = false;
		return false;
	}
	if (starts_with(text, "...")) {
		p->in_yaml = false;
	} else if (starts_with(text, "message:")) {
		autofree char *value = xstrdup(text + 8 + strspn(text + 8, " \t'\"|>"));
		size_t len = strlen(value);

		while (len && strchr("'\" ", value[len - 1]))
			value[--len] = '\0';
		diagnose(p, value);
	}
	return true;
}

static void read_line(struct parser *p, const char *line)
{
	size_t indent = strspn(line, " \t");
	const char *text = line + indent;
	bool after_point = p->after_point;
	autorelease(tap_parse_point) struct tap_parse_point point = {0};

	if (p->in_yaml && read_yaml(p, indent, text))
		return;
	p->after_point = false;
	if (after_point && indent && starts_with(text, "---")) {
		p->in_yaml = true;
		p->yaml_indent = indent;
	} else if (tap_parse_point_read(text, p->flags, &point)) {
		take_point(p, indent, &point);
		p->after_point = true;
	} else if (starts_with(text, "1..") && isdigit((unsigned char)text[3])) {
		if (!indent)
			read_plan(p, text + 3);
	} else if (starts_with(text, "Bail out!")) {
		const char *why = text + 9 + strspn(text + 9, " \t");

		p->t->bailed_out = true;
		if (!p->t->bail_why && *why)
			p->t->bail_why = xstrndup(why, MAX_REASON);
	} else if (*text == '#') {
		diagnose(p, text);
		p->after_point = after_point;
	}
}

void tap_parse(const char *data, size_t len, unsigned flags, struct tap_parse *t,
	struct judgement *j)
{
	struct parser p = {.t = t, .j = j, .flags = flags};
	const char *line;
	size_t pos = 0, size;

	while (buf_next_line(data, len, &pos, &line, &size)) {
		char text[MAX_NAME * 2];

		size = MIN(size, sizeof text - 1);
		while (size && isspace((unsigned char)line[size - 1]))
			size--;
		memcpy(text, line, size);
		text[size] = '\0';
		read_line(&p, text);
	}
	if (t->has_plan && !t->bailed_out && t->total != t->planned)
		fault(&p, "%zu points planned, %zu seen", t->planned, t->total);
}

void tap_parse_release(struct tap_parse *t)
{
	free(t->skip_why);
	free(t->bail_why);
	free(t->fault);
	*t = (struct tap_parse){0};
}
