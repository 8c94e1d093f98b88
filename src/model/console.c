#include "model/console-boot.h"
#include "model/console-line.h"
#include "model/console-table.h"

enum {
	RECENT_LINES = 100, /* shown when nothing was found */
	KEPT_LINES = 300,   /* of reports, between two marks */
	PRELUDE_LINES = 8,
	REPORT_LINES = 120,      /* a report whose end is not known, or never comes */
	REPORT_GAP_US = 2000000, /* the kernel writes a report in one go */
	TITLE_MAX = 240,
};

/* A line that may be shown. */
struct kept {
	char *text; /* owned */
	bool telling;
	bool gap;                       /* stands for lines that are left out */
	enum console_severity severity; /* of a telling line */
};

struct kept_list {
	struct kept v[KEPT_LINES];
	size_t len;
};

struct console {
	const struct console_table *table; /* borrowed */
	void (*on_finding)(void *ctx, const struct console_finding *finding);
	void *ctx;
	struct console_line_reader reader;
	bool stamps; /* a stamped line was seen */
	struct console_boot boot;
	/* A banner that may be a reset, until it is known. */
	const struct console_row *banner_row;
	char *banner; /* owned */
	uint64_t banner_line;
	const struct console_row *open; /* the report that goes on, or NULL */
	size_t open_lines;
	int64_t last_us; /* stamp of the last stamped line */
	struct kept_list reports;
	bool gap; /* lines were left out since the last one of `reports` */
	struct kept_list prelude;
	char *recent[RECENT_LINES]; /* owned: a ring */
	size_t recent_next;
	size_t recent_len;
};

static void kept_clear(struct kept_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->v[i].text);
	list->len = 0;
}

static void kept_add(struct kept_list *list, struct kept line)
{
	if (list->len < KEPT_LINES)
		list->v[list->len++] = line;
	else
		free(line.text);
}

struct console *console_new(const struct console_table *table,
	void (*on_finding)(void *ctx, const struct console_finding *finding), void *ctx)
{
	struct console *c = xcalloc(1, sizeof *c);

	c->table = table;
	c->on_finding = on_finding;
	c->ctx = ctx;
	return c;
}

void console_clear(struct console *c)
{
	kept_clear(&c->reports);
	kept_clear(&c->prelude);
	for (size_t i = 0; i < RECENT_LINES; i++) {
		free(c->recent[i]);
		c->recent[i] = NULL;
	}
	c->recent_len = 0;
	c->open = NULL;
	c->gap = false;
}

void console_free(struct console *c)
{
	if (!c)
		return;
	console_clear(c);
	free(c->banner);
	free(c);
}

static void remember(struct console *c, const struct console_line *line)
{
	char **slot = &c->recent[c->recent_next];

	free(*slot);
	*slot = xstrndup(line->text, line->len);
	c->recent_next = (c->recent_next + 1) % RECENT_LINES;
	c->recent_len = MIN(c->recent_len + 1, RECENT_LINES);
}

/* The worst that is kept; false when nothing is. */
static bool worst_kept(const struct console *c, enum console_severity *worst)
{
	bool any = false;

	*worst = CONSOLE_INFO;
	for (size_t i = 0; i < c->reports.len; i++)
		if (c->reports.v[i].telling) {
			*worst = MAX(*worst, c->reports.v[i].severity);
			any = true;
		}
	return any;
}

static void keep(struct console *c, const struct console_line *line, bool telling,
	enum console_severity severity)
{
	struct kept kept = {
		.text = xstrndup(line->text, line->len),
		.telling = telling,
		.severity = severity,
	};

	kept_add(&c->reports, kept);
}

static void begin_report(
	struct console *c, const struct console_row *row, const struct console_line *line)
{
	enum console_severity worst;

	/* Many warnings must leave room for the panic. */
	if (c->reports.len + PRELUDE_LINES + 1 >= KEPT_LINES && worst_kept(c, &worst) &&
		worst < row->severity) {
		kept_clear(&c->reports);
		c->gap = false;
	}
	if (c->gap && c->reports.len)
		kept_add(&c->reports, (struct kept){.text = xstrdup("…"), .gap = true});
	for (size_t i = 0; i < c->prelude.len; i++)
		kept_add(&c->reports, c->prelude.v[i]);
	c->prelude.len = 0;
	keep(c, line, true, row->role == CONSOLE_ROLE_END ? CONSOLE_INFO : row->severity);
	c->open = row;
	c->open_lines = 1;
	c->gap = false;
}

static void find(
	struct console *c, const struct console_row *row, const struct console_line *line)
{
	autofree char *title = xstrndup(line->text, MIN(line->len, (size_t)TITLE_MAX));
	struct console_finding finding = {
		.severity = row->severity,
		.kind = row->kind,
		.title = title,
		.line = line->number,
	};

	begin_report(c, row, line);
	c->on_finding(c->ctx, &finding);
}

/* What a banner waits with until it is known whether a machine has started. */
static void hold_banner(
	struct console *c, const struct console_row *row, const struct console_line *line)
{
	free(c->banner);
	c->banner = xstrndup(line->text, line->len);
	c->banner_row = row;
	c->banner_line = line->number;
}

static void find_banner(struct console *c)
{
	struct console_line line = {
		.text = c->banner, .len = strlen(c->banner), .number = c->banner_line};

	c->boot.stage = c->banner_row->stage;
	c->open = NULL;
	find(c, c->banner_row, &line);
}

/* True when the line begins something, and so belongs to no report before it. */
static bool take_row(
	struct console *c, const struct console_row *row, const struct console_line *line)
{
	switch (row->role) {
	case CONSOLE_ROLE_IGNORE:
		return false;
	case CONSOLE_ROLE_PRELUDE:
		if (c->open || c->prelude.len == PRELUDE_LINES)
			return false;
		kept_add(&c->prelude,
			(struct kept){.text = xstrndup(line->text, line->len)});
		return true;
	case CONSOLE_ROLE_PART:
		if (c->open && c->open->severity >= row->severity)
			return false;
		break;
	case CONSOLE_ROLE_BOOT:
		switch (console_boot_banner(&c->boot, row->stage, line)) {
		case CONSOLE_BOOT_FIRST:
			return false;
		case CONSOLE_BOOT_LATER:
			hold_banner(c, row, line);
			return true;
		case CONSOLE_BOOT_RESET:
			break;
		}
		break;
	case CONSOLE_ROLE_FINDING:
	case CONSOLE_ROLE_END:
		break;
	}
	find(c, row, line);
	return true;
}

/* A line of the open report. */
static void continue_report(struct console *c, const struct console_line *line)
{
	keep(c, line, false, CONSOLE_INFO);
	if (++c->open_lines == REPORT_LINES || console_table_ends(c->open, line))
		c->open = NULL;
}

/* True when the line belongs to what waits, or was there before. */
static bool take_boot(struct console *c, const struct console_line *line)
{
	if (!c->boot.undecided)
		return false;
	switch (console_boot_decide(&c->boot, line)) {
	case CONSOLE_BOOT_LATER:
		return true;
	case CONSOLE_BOOT_RESET:
		find_banner(c);
		break;
	case CONSOLE_BOOT_FIRST:
		break;
	}
	return false;
}

/* Of a log that is printed again only a banner counts: it may be a real one. */
static bool counts(
	struct console *c, const struct console_row *row, const struct console_line *line)
{
	bool again = console_boot_is_again(&c->boot, line);

	return row && (!again || row->role == CONSOLE_ROLE_BOOT);
}

void console_take(struct console *c, const struct console_line *line)
{
	const struct console_row *row;
	bool later =
		line->stamped && (line->stamp_us > c->last_us + REPORT_GAP_US ||
					 line->stamp_us + REPORT_GAP_US < c->last_us);

	if (line->stamped) {
		c->stamps = true;
		c->last_us = line->stamp_us;
	}
	if (later) {
		c->open = NULL;
		kept_clear(&c->prelude);
	}
	remember(c, line);
	if (take_boot(c, line))
		return;
	row = console_table_find(c->table, line, c->stamps);
	if (counts(c, row, line) && take_row(c, row, line))
		return;
	if (c->open)
		continue_report(c, line);
	else
		c->gap = true;
}

static void take_line(void *ctx, const struct console_line *line)
{
	console_take(ctx, line);
}

void console_feed(struct console *c, const void *data, size_t len)
{
	console_line_feed(&c->reader, data, len, take_line, c);
}

void console_end(struct console *c)
{
	console_line_end(&c->reader, take_line, c);
	if (console_boot_end(&c->boot))
		find_banner(c);
}

/* Where the excerpt begins: a warning before an oops is another matter. */
static size_t first_shown(const struct console *c)
{
	enum console_severity worst, least;
	size_t from = 0;

	worst_kept(c, &worst);
	least = MIN(worst, CONSOLE_OOPS);
	for (size_t i = 0; i < c->reports.len; i++) {
		if (c->reports.v[i].gap)
			from = i + 1;
		if (c->reports.v[i].telling && c->reports.v[i].severity >= least)
			return from;
	}
	return 0;
}

static size_t count_telling(const struct console *c, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < c->reports.len; i++)
		n += c->reports.v[i].telling;
	return n;
}

/* The head of the reports, and of what does not fit the telling lines. */
static void write_reports(const struct console *c, size_t max_lines, struct buf *out)
{
	size_t from = first_shown(c), head = c->reports.len;

	if (head - from > max_lines) {
		head = from + max_lines;
		while (head > from + 1 &&
			head - from + 1 + count_telling(c, head) > max_lines)
			head--;
	}
	for (size_t i = from; i < head; i++)
		buf_printf(out, "%s\n", c->reports.v[i].text);
	if (head == c->reports.len)
		return;
	max_lines -= MIN(max_lines, head - from);
	if (max_lines)
		buf_append_str(out, "…\n");
	for (size_t i = head; i < c->reports.len && max_lines > 1; i++)
		if (c->reports.v[i].telling) {
			buf_printf(out, "%s\n", c->reports.v[i].text);
			max_lines--;
		}
}

static void write_recent(const struct console *c, size_t max_lines, struct buf *out)
{
	size_t n = MIN(c->recent_len, max_lines);

	for (size_t i = n; i > 0; i--)
		buf_printf(out, "%s\n",
			c->recent[(c->recent_next + RECENT_LINES - i) % RECENT_LINES]);
}

char *console_excerpt(const struct console *c, size_t max_lines)
{
	struct buf out = BUF_INIT;

	if (max_lines && c->reports.len)
		write_reports(c, max_lines, &out);
	else
		write_recent(c, max_lines, &out);
	return buf_take(&out);
}

void console_mark(struct console *c)
{
	console_clear(c);
	c->boot.running = true;
}
