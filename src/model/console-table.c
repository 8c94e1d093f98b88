#include "model/console-table.h"

#include "base/fs.h"
#include "base/json-position.h"
#include "model/target.h"

enum { MAX_PATTERN = 500, MAX_ROWS = 1000, GROUP_ROWS = 64 };

struct console_table {
	struct console_row *rows; /* owned */
	size_t len, cap;
	/* Owned; [i] matches whenever one of the GROUP_ROWS rows from i * GROUP_ROWS
	 * does: most lines tell nothing, and one pattern says so instead of many. */
	struct pattern **groups;
	size_t n_groups;
};

/* Who reads rows, and where they stand, for messages. */
struct source {
	const char *name;
	const char *text; /* NULL: positions are not known */
	struct err *e;
};

const char *const console_table_severities[] = {
	[CONSOLE_INFO] = "info",
	[CONSOLE_OOPS] = "oops",
	[CONSOLE_FATAL] = "fatal",
	NULL,
};

const char *const console_table_roles[] = {
	[CONSOLE_ROLE_FINDING] = "finding",
	[CONSOLE_ROLE_PART] = "part",
	[CONSOLE_ROLE_PRELUDE] = "prelude",
	[CONSOLE_ROLE_BOOT] = "boot",
	[CONSOLE_ROLE_END] = "end",
	[CONSOLE_ROLE_IGNORE] = "ignore",
	NULL,
};

/* Index of a word in a list, or -1. */
static int word_index(const char *word, const char *const *list)
{
	for (size_t i = 0; list[i]; i++)
		if (streq(word, list[i]))
			return (int)i;
	return -1;
}

static int fault(const struct source *s, const struct json_position *at, size_t row,
	const char *why)
{
	unsigned line, column;

	if (!s->text || !at)
		return err_set(s->e, ERR_SETUP, "%s: row %zu: %s", s->name, row + 1, why);
	json_position_find(s->text, at->value, &line, &column);
	return err_set(s->e, ERR_SETUP, "%s:%u:%u: %s", s->name, line, column, why);
}

/* "PREFIX" TEXT ")". A pattern that is whole only inside the parentheses is none. */
static struct pattern *compile(const char *text, const char *prefix, struct err *e)
{
	autofree char *wrapped = xasprintf("%s%s)", prefix, text);
	struct pattern *alone;

	if (strlen(text) > MAX_PATTERN)
		return err_null(e, ERR_SETUP, "a pattern of %zu bytes; %d are allowed",
			strlen(text), MAX_PATTERN);
	alone = pattern_regex(text, PATTERN_STRICT, NULL, e);
	if (!alone)
		return NULL;
	pattern_free(alone);
	return pattern_regex(wrapped, PATTERN_STRICT, NULL, e);
}

/* Takes one member of a row. NULL, or what is wrong with it (in *why when it must be
 * made). */
static const char *take_member(struct console_row *row, const char *key,
	const struct json *value, struct err *why)
{
	const char *text = json_string(value, NULL);
	int index;

	if (streq(key, "stage")) {
		row->stage = (unsigned)json_int(value, 0);
		return row->stage >= 1 && row->stage <= 9 ? NULL
							  : "stage is a number, 1 to 9";
	}
	if (streq(key, "stamp")) {
		row->needs_stamp = json_boolean(value, true);
		return json_kind(value) == JSON_BOOL ? NULL : "stamp is true or false";
	}
	if (streq(key, "examples"))
		return json_kind(value) == JSON_ARRAY ? NULL
						      : "examples is a list of lines";
	if (!text)
		return "must be a string";
	if (streq(key, "note"))
		return NULL;
	if (streq(key, "kind")) {
		free(row->kind);
		row->kind = xstrdup(text);
		return *text ? NULL : "kind is empty";
	}
	if (streq(key, "severity")) {
		index = word_index(text, console_table_severities);
		row->severity = index < 0 ? CONSOLE_INFO : (enum console_severity)index;
		return index < 0 ? "severity is info, oops or fatal" : NULL;
	}
	if (streq(key, "role")) {
		index = word_index(text, console_table_roles);
		row->role = index < 0 ? CONSOLE_ROLE_FINDING : (enum console_role)index;
		return index < 0 ? "role is finding, part, prelude, boot, end or "
				   "ignore"
				 : NULL;
	}
	if (streq(key, "pattern")) {
		row->text = xstrdup(text);
		row->pattern = compile(text, "^(?:", why);
	} else if (streq(key, "end")) {
		row->end = compile(text, "(?:", why);
	} else {
		return "unknown member; a row has kind, severity, pattern, end, role, "
		       "stamp, stage, examples, note";
	}
	return why->kind ? why->msg : NULL;
}

/* What a row lacks; NULL when it is whole. */
static const char *check_row(const struct console_row *row, bool has_severity)
{
	bool tells =
		row->role != CONSOLE_ROLE_PRELUDE && row->role != CONSOLE_ROLE_IGNORE;

	if (!row->pattern)
		return "a row needs a pattern";
	if (tells && (!row->kind || !has_severity))
		return "a row needs kind and severity";
	if (row->role == CONSOLE_ROLE_BOOT && !row->stage)
		return "a row of role boot needs a stage";
	return NULL;
}

static int read_row(struct console_table *t, const struct source *s,
	const struct json *object, const struct json_position *at, size_t number)
{
	struct console_row *row;
	struct err why = {0};
	size_t i = 0;
	const char *wrong = NULL;

	if (json_kind(object) != JSON_OBJECT)
		return fault(s, at, number, "a row is an object");
	t->rows = xgrow(t->rows, &t->cap, t->len + 1, sizeof *t->rows);
	row = &t->rows[t->len++];
	*row = (struct console_row){.needs_stamp = true};
	for (struct json_iter it = json_iter(object); json_next(&it); i++) {
		const char *bad = take_member(row, it.key, it.value, &why);
		autofree char *message = bad ? xasprintf("%s: %s", it.key, bad) : NULL;

		if (bad)
			return fault(s, at && i < at->len ? &at->kids[i] : NULL, number,
				message);
	}
	wrong = check_row(row, json_find(object, "severity") != NULL);
	return wrong ? fault(s, at, number, wrong) : 0;
}

static int read_rows(struct console_table *t, const struct source *s,
	const struct json *rows, const struct json_position *at)
{
	if (json_kind(rows) != JSON_ARRAY)
		return fault(s, at, 0, "the table is an array of rows");
	if (json_len(rows) > MAX_ROWS)
		return fault(s, at, 0, "more than 1000 rows");
	for (size_t i = 0; i < json_len(rows); i++)
		if (read_row(t, s, json_at(rows, i),
			    at && i < at->len ? &at->kids[i] : NULL, i) < 0)
			return -1;
	return 0;
}

static int read_file(struct console_table *t, const char *path, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	autorelease(json_position) struct json_position position = {0};
	autorelease_json struct json *root = NULL;
	struct source s = {.name = path, .e = e};

	if (fs_read_file(path, &text, e) < 0)
		return -1;
	s.text = buf_str(&text);
	root = json_parse(s.text, text.len, path, e);
	if (!root || json_position_scan(&position, s.text, text.len, path, e) < 0)
		return -1;
	return read_rows(t, &s, root, &position);
}

static int compile_groups(struct console_table *t, struct err *e)
{
	t->groups = xcalloc(t->len / GROUP_ROWS + 1, sizeof *t->groups);
	for (size_t i = 0; i < t->len;) {
		autorelease(buf) struct buf text = BUF_INIT;

		do {
			buf_printf(&text, "%s(?:%s)",
				text.len ? "|" : "^(?:", t->rows[i].text);
		} while (++i < t->len && i % GROUP_ROWS);
		buf_append_char(&text, ')');
		t->groups[t->n_groups] =
			pattern_regex(buf_str(&text), PATTERN_STRICT, NULL, e);
		if (!t->groups[t->n_groups++])
			return err_context(e, "the console patterns together");
	}
	return 0;
}

struct console_table *console_table_load(
	const char *path, const struct json *more, struct err *e)
{
	autofree char *dir = path ? NULL : target_data_dir(e);
	autofree char *installed = dir ? fs_join(dir, "images/console.json") : NULL;
	struct console_table *t;
	struct source added = {.name = "console patterns", .e = e};

	if (!path && !dir)
		return NULL;
	t = xcalloc(1, sizeof *t);
	/* What a project adds comes first: it may say that a line is nothing. */
	if ((more && read_rows(t, &added, more, NULL) < 0) ||
		read_file(t, path ? path : installed, e) < 0 ||
		compile_groups(t, e) < 0) {
		console_table_free(t);
		return NULL;
	}
	return t;
}

void console_table_free(struct console_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->len; i++) {
		free(t->rows[i].kind);
		free(t->rows[i].text);
		pattern_free(t->rows[i].pattern);
		pattern_free(t->rows[i].end);
	}
	for (size_t i = 0; i < t->n_groups; i++)
		pattern_free(t->groups[i]);
	free(t->groups);
	free(t->rows);
	free(t);
}

/* A pattern that gives up (pattern.h, match limits) has not matched: the console goes
 * on. */
static bool matches(const struct pattern *p, const struct console_line *line)
{
	struct err ignored = {0};

	return pattern_match(p, line->text, line->len, &ignored) == 1;
}

const struct console_row *console_table_find(
	const struct console_table *t, const struct console_line *line, bool stamps)
{
	for (size_t g = 0; g < t->n_groups; g++) {
		struct err gave_up = {0};

		if (pattern_match(t->groups[g], line->text, line->len, &gave_up) == 0)
			continue;
		for (size_t i = g * GROUP_ROWS; i < MIN(t->len, (g + 1) * GROUP_ROWS);
			i++) {
			const struct console_row *row = &t->rows[i];

			if ((line->stamped || !row->needs_stamp || !stamps) &&
				matches(row->pattern, line))
				return row;
		}
	}
	return NULL;
}

bool console_table_ends(const struct console_row *row, const struct console_line *line)
{
	return row->end && matches(row->end, line);
}
