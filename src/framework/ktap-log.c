#include "framework/ktap-log.h"

#include <ctype.h>

#include "framework/tap-parse.h"

enum {
	MAX_DEPTH = 16,
	CASE_DEPTH = 2,        /* document, suite, case */
	MAX_OUTPUT = 64 << 10, /* kept of a test */
	MAX_NODES = 200000,    /* kept of a log */
	MAX_PLAN = 100000,
	/* What a program under kselftest prints stands behind "# ", deeper than all else.
	 */
	INSIDE = 1000,
};

struct level {
	size_t indent;
	struct ktap_node *node; /* whose kids stand at this indentation */
};

struct ktap_log {
	struct ktap_node root; /* its kids are the documents */
	struct level level[MAX_DEPTH];
	size_t depth;  /* 0: no document is open */
	size_t prefix; /* bytes before the text of each line, of a kind nobody knows */
	size_t nodes;
	bool bare;
};

struct ktap_log *ktap_log_new(bool bare)
{
	struct ktap_log *log = xcalloc(1, sizeof *log);

	log->bare = bare;
	log->root.start_us = -1;
	return log;
}

static void release_node(struct ktap_node *n)
{
	for (size_t i = 0; i < n->len; i++) {
		release_node(n->kids[i]);
		free(n->kids[i]);
	}
	free(n->kids);
	free(n->name);
	free(n->why);
	free(n->console);
	buf_release(&n->output);
}

void ktap_log_free(struct ktap_log *log)
{
	if (!log)
		return;
	release_node(&log->root);
	free(log);
}

const struct ktap_node *ktap_log_documents(const struct ktap_log *log)
{
	return &log->root;
}

static struct ktap_node *add_kid(
	struct ktap_log *log, struct ktap_node *parent, const struct console_line *line)
{
	const struct ktap_node *last = parent->len ? parent->kids[parent->len - 1] : NULL;
	struct ktap_node *kid;

	if (log->nodes == MAX_NODES)
		return NULL;
	log->nodes++;
	kid = xcalloc(1, sizeof *kid);
	kid->line = line ? line->number : parent->line;
	kid->start_us = kid->end_us = -1;
	/* A test begins where the one before it has ended, the first with its suite. */
	kid->start_us = last ? last->end_us : parent->start_us;
	if (kid->start_us < 0 && line && line->stamped)
		kid->start_us = line->stamp_us;
	kid->number = last ? last->number + 1 : 1;
	parent->kids =
		xgrow(parent->kids, &parent->cap, parent->len + 1, sizeof *parent->kids);
	parent->kids[parent->len++] = kid;
	return kid;
}

static struct ktap_node *last_kid(const struct ktap_node *n)
{
	return n->len ? n->kids[n->len - 1] : NULL;
}

static bool is_full(const struct ktap_node *n)
{
	const struct ktap_node *last = last_kid(n);

	return n->has_plan && n->len >= n->planned && (!last || last->ended);
}

/* The kid that has no result yet; made when there is none. NULL when all are there. */
static struct ktap_node *unfinished_kid(
	struct ktap_log *log, struct ktap_node *n, const struct console_line *line)
{
	struct ktap_node *last = last_kid(n);

	if (last && !last->ended)
		return last;
	return is_full(n) ? NULL : add_kid(log, n, line);
}

static struct level *top(struct ktap_log *log)
{
	return log->depth ? &log->level[log->depth - 1] : NULL;
}

static void leave_deeper(struct ktap_log *log, size_t indent)
{
	while (log->depth > 1 && top(log)->indent > indent)
		log->depth--;
}

/* A level at this indentation: a document, or what is inside the test that runs. NULL
 * when it cannot be. */
static struct ktap_node *enter(
	struct ktap_log *log, size_t indent, const struct console_line *line)
{
	struct ktap_node *node;

	if (log->depth == MAX_DEPTH)
		return NULL;
	if (!log->depth) {
		node = add_kid(log, &log->root, line);
	} else {
		node = unfinished_kid(log, top(log)->node, line);
		/* More results than were planned are results. */
		if (!node)
			node = add_kid(log, top(log)->node, line);
	}
	if (node)
		log->level[log->depth++] = (struct level){indent, node};
	return node;
}

/* A document that has all its results is over. */
static void close_full(struct ktap_log *log)
{
	if (log->depth == 1 && is_full(log->level[0].node))
		log->depth = 0;
}

static void take_version(
	struct ktap_log *log, size_t indent, const struct console_line *line)
{
	struct level *l;

	if (log->depth && indent <= log->level[0].indent) {
		l = &log->level[0];
		if (log->depth == 1 && !l->node->len && !l->node->has_plan)
			return;
		log->depth = 0;
	}
	leave_deeper(log, indent);
	l = top(log);
	if (l && l->indent == indent) {
		if (!l->node->len && !l->node->has_plan)
			return;
		log->depth--;
	}
	enter(log, indent, line);
}

static void take_plan(struct ktap_log *log, size_t indent, size_t planned,
	const struct console_line *line)
{
	struct ktap_node *node;

	if (!log->depth && !log->bare)
		return;
	leave_deeper(log, indent);
	if (!log->depth || top(log)->indent < indent)
		node = enter(log, indent, line);
	else
		node = top(log)->node;
	if (!node || node->has_plan)
		return;
	node->has_plan = true;
	node->planned = MIN(planned, (size_t)MAX_PLAN);
	close_full(log);
}

static void set_name(struct ktap_node *n, const char *name)
{
	free(n->name);
	n->name = xstrdup(name);
}

static void take_subtest(struct ktap_log *log, size_t indent, const char *name,
	const struct console_line *line)
{
	struct ktap_node *node;

	leave_deeper(log, indent);
	if (!log->depth || top(log)->indent < indent) {
		/* Kernels before 5.11 had no version line of a suite's own. */
		node = log->depth || !indent ? enter(log, indent, line) : NULL;
	} else if (log->depth > 1 && !top(log)->node->name && !top(log)->node->len) {
		node = top(log)->node;
	} else {
		/* TAP 14 may say it one level above. */
		node = unfinished_kid(log, top(log)->node, line);
	}
	if (node)
		set_name(node, name);
}

/* KTAP has more directives than TAP, and any text may follow the mark: "# exit=1",
 * "# TIMEOUT 45 seconds". */
static void cut_diagnostic(struct tap_parse_point *p)
{
	char *mark = strstr(p->name, " # ");

	if (!mark && starts_with(p->name, "# "))
		mark = p->name;
	if (!mark)
		return;
	if (!*p->why) {
		free(p->why);
		p->why = xstrdup(mark + strspn(mark, " #"));
	}
	while (mark > p->name && mark[-1] == ' ')
		mark--;
	*mark = '\0';
	if (p->verdict == VERDICT_FAIL && starts_with(p->why, "TIMEOUT"))
		p->verdict = VERDICT_TIMEOUT;
	if (starts_with(p->why, "XFAIL"))
		p->verdict = VERDICT_PASS;
}

static bool take_point(struct ktap_log *log, size_t indent, struct tap_parse_point *p,
	const struct console_line *line)
{
	struct ktap_node *node;

	if (!log->depth && !log->bare)
		return false;
	cut_diagnostic(p);
	leave_deeper(log, indent);
	if ((!log->depth || top(log)->indent < indent) && !enter(log, indent, line))
		return false;
	node = unfinished_kid(log, top(log)->node, line);
	if (!node)
		node = add_kid(log, top(log)->node, line);
	if (!node)
		return false;
	if (*p->name)
		set_name(node, p->name);
	node->ended = true;
	node->number = p->number;
	node->verdict = p->verdict;
	node->why = *p->why ? xstrdup(p->why) : NULL;
	node->line = line->number;
	node->end_us = line->stamped ? line->stamp_us : -1;
	close_full(log);
	return true;
}

/* "# example_simple_test: initializing": kunit names the test that talks. */
static void take_hint(
	struct ktap_node *node, const struct ktap_node *parent, const char *text)
{
	size_t len;
	autofree char *name = NULL;

	text += strspn(text, "# ");
	len = strcspn(text, ": \t");
	if (node->name || !len || text[len] != ':' || text[len + 1] != ' ')
		return;
	name = xstrndup(text, len);
	if (!streq_null(parent->name, name) && !starts_with(text + len, ": pass:"))
		node->name = take_ptr(name);
}

static void append(struct ktap_node *node, size_t indent, const char *text)
{
	if (node->output.len + strlen(text) < MAX_OUTPUT)
		buf_printf(&node->output, "%*s%s\n", (int)MIN(indent, 40), "", text);
}

static void take_text(struct ktap_log *log, size_t indent, const char *text,
	const struct console_line *line)
{
	struct ktap_node *node, *parent;
	size_t depth = log->depth;
	bool remark = starts_with(text, "# ");

	if (!depth || !*text)
		return;
	/* A remark stands at the indentation of what it is about. */
	while (remark && depth > 1 && log->level[depth - 1].indent > indent)
		depth--;
	parent = log->level[depth - 1].node;
	if (starts_with(text, "# module: ") && !parent->len)
		return;
	node = last_kid(parent);
	/* TAP explains a failure behind it, KTAP before it. */
	if (!log->bare || !remark || !node || node->verdict != VERDICT_FAIL)
		node = unfinished_kid(log, parent, line);
	if (!node)
		node = parent;
	else if (remark && !node->ended)
		take_hint(node, parent, text);
	node->line = line->number;
	if (indent >= INSIDE)
		return;
	/* What is said inside a case is said by the case. */
	append(depth > CASE_DEPTH ? log->level[CASE_DEPTH].node : node,
		indent - MIN(indent, log->level[depth - 1].indent), text);
}

/* "KTAP version 1", "TAP version 14" */
static bool is_version(const char *text)
{
	if (*text == 'K')
		text++;
	if (!starts_with(text, "TAP version "))
		return false;
	text += strlen("TAP version ");
	return isdigit((unsigned char)*text) && !text[strspn(text, "0123456789")];
}

/* "1..4", and perhaps a remark. */
static bool is_plan(const char *text, size_t *planned)
{
	char *end;

	if (!starts_with(text, "1..") || !isdigit((unsigned char)text[3]))
		return false;
	*planned = strtoul(text + 3, &end, 10);
	return !*end || starts_with(end, " #");
}

static bool take_words(struct ktap_log *log, size_t indent, const char *text,
	const struct console_line *line)
{
	autorelease(tap_parse_point) struct tap_parse_point point = {0};
	size_t planned;

	if (is_version(text)) {
		take_version(log, indent, line);
	} else if (is_plan(text, &planned)) {
		take_plan(log, indent, planned, line);
	} else if (starts_with(text, "# Subtest: ")) {
		take_subtest(log, indent, text + strlen("# Subtest: "), line);
	} else if (tap_parse_point_read(text, 0, &point) && point.has_number) {
		return take_point(log, indent, &point, line);
	} else {
		take_text(log, indent, text, line);
	}
	return false;
}

/* A kselftest program is announced at the left edge of an open document. */
static bool begins_selftest(const struct ktap_log *log, const char *text)
{
	return log->depth && starts_with(text, "# selftests: ");
}

static bool in_selftest(struct ktap_log *log)
{
	const struct ktap_node *running =
		log->depth ? last_kid(log->level[0].node) : NULL;

	return running && !running->ended && running->name &&
	       starts_with(running->name, "selftests: ");
}

/* Before a version line may stand what no prefix is known for; it is as long on all
 * lines. */
static const char *skip_unknown(struct ktap_log *log, const struct console_line *line)
{
	const char *version = strstr(line->text, "TAP version ");
	size_t before;

	if (line->stamped)
		return line->text;
	if (version && version > line->text && version[-1] == 'K')
		version--;
	if (version && is_version(version)) {
		before = (size_t)(version - line->text);
		if (before == strspn(line->text, " \t#"))
			before = 0;
		if (!log->depth || before)
			log->prefix = before;
	}
	return line->text + MIN(log->prefix, line->len);
}

bool ktap_log_take(struct ktap_log *log, const struct console_line *line)
{
	const char *text = skip_unknown(log, line);
	size_t indent = strspn(text, " \t");
	struct ktap_node *node;

	if (!indent && begins_selftest(log, text)) {
		leave_deeper(log, 0);
		node = unfinished_kid(log, top(log)->node, line);
		if (node)
			set_name(node, text + 2);
		return false;
	}
	if (!indent && in_selftest(log) && starts_with(text, "# ")) {
		text += 2;
		/* All of it is the program's output, its results too. */
		indent = strspn(text, " \t");
		append(last_kid(log->level[0].node), 0, text);
		take_words(log, INSIDE + indent, text + indent, line);
		return false;
	}
	return take_words(log, indent, text + indent, line);
}

struct ktap_node *ktap_log_running(struct ktap_log *log)
{
	for (size_t d = log->depth; d > 0; d--) {
		struct ktap_node *parent = log->level[d - 1].node;
		struct ktap_node *last = last_kid(parent);

		if (last && !last->ended)
			return last;
		if (parent->has_plan && !is_full(parent))
			return unfinished_kid(log, parent, NULL);
	}
	return NULL;
}

struct ktap_node *ktap_log_crash(struct ktap_log *log, const char *why)
{
	struct ktap_node *node = ktap_log_running(log);

	log->depth = 0;
	if (!node)
		return NULL;
	node->ended = true;
	node->verdict = VERDICT_CRASH;
	node->why = xstrdup(why);
	return node;
}
