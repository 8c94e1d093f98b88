/*
 * A TAP stream (testanything.org): a point for every case in the order they end, a
 * subtest for a case with points of its own, and a YAML block of diagnostics where a case
 * did not pass. It is written so that version 13 and 14 both mean the same by it, and
 * says 13, because Perl's prove before 3.48 (Debian 12 has 3.44) calls 14 an error.
 */
#include "base/json.h"
#include "report/reporter.h"

/* The lines of output that go into the diagnostics: the last ones say most. */
enum {
	OUTPUT_LINES = 100,
	OUTPUT_BYTES = 64 << 10,
	/* Of what has to be quoted: prove takes no more than 65,534 characters, and a
	 * byte may become six. */
	QUOTED_BYTES = 8 << 10,
};

struct tap {
	int fd;
	size_t number;
	bool open_ended; /* the plan comes last */
	struct buf text;
};

static void *tap_open(const struct report_options *options, struct err *e UNUSED)
{
	struct tap *t = xcalloc(1, sizeof *t);

	t->fd = options->fd;
	return t;
}

/* A description or directive: one line of text; '#' and '\' are escaped where they would
 * be read as a directive. */
static void append_text(struct buf *out, const char *s, bool escape)
{
	size_t len = strlen(s);

	while (len) {
		size_t n = json_utf8_len(s, len);
		unsigned char c = (unsigned char)*s;

		if (escape && (c == '#' || c == '\\'))
			buf_append_char(out, '\\');
		if (n == 0)
			buf_append_str(out, "\xef\xbf\xbd");
		else if (n == 1 && (c < 0x20 || c == 0x7f))
			buf_append_char(out, ' ');
		else
			buf_append(out, s, n);
		n = MAX(n, 1);
		s += n;
		len -= n;
	}
}

static void append_point(struct buf *out, const char *indent, size_t number, bool passed,
	const char *description, const char *skip, const char *todo)
{
	buf_printf(out, "%s%s %zu - ", indent, passed ? "ok" : "not ok", number);
	append_text(out, description, true);
	if (skip) {
		buf_append_str(out, " # SKIP ");
		append_text(out, skip, false);
		while (out->data[out->len - 1] == ' ')
			buf_truncate(out, out->len - 1);
	}
	if (todo) {
		buf_append_str(out, " # TODO in quarantine: ");
		append_text(out, todo, false);
	}
	buf_append_char(out, '\n');
}

static void append_comment(struct buf *out, const char *text)
{
	buf_append_str(out, "# ");
	append_text(out, text, false);
	buf_append_char(out, '\n');
}

/* "key: "value"": JSON's strings are YAML's (YAML 1.2). */
static void yaml_string(struct buf *out, const char *lead, const char *s, size_t len)
{
	struct jsonw w;

	buf_append_str(out, lead);
	jsonw_init(&w, out);
	jsonw_bytes(&w, NULL, s, len);
	buf_append_char(out, '\n');
}

/* Whether text can be a literal block of YAML 1.2 (section 8.1.2) without an indentation
 * indicator, which prove cannot read. */
static bool is_literal(const char *s, size_t len)
{
	if (s[0] == ' ' || s[0] == '\t' || s[0] == '\n')
		return false;
	while (len) {
		size_t n = json_utf8_len(s, len);
		unsigned char c = (unsigned char)*s;

		/* Controls, C1 among them, and the noncharacters U+FFFE and U+FFFF. */
		if (n == 0 || (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f ||
			(c == 0xc2 && (unsigned char)s[1] < 0xa0) ||
			(n == 3 && memcmp(s, "\xef\xbf", 2) == 0 &&
				(unsigned char)s[2] >= 0xbe))
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static void yaml_text(struct buf *out, const char *key, const char *data, size_t len)
{
	size_t pos = 0, n;
	const char *line;

	if (!is_literal(data, len)) {
		autofree char *lead = xasprintf("  %s: ", key);

		yaml_string(out, lead, data, len);
		return;
	}
	buf_printf(out, "  %s: |\n", key);
	/* Empty lines are indented too: to prove they would end the block. */
	while (buf_next_line(data, len, &pos, &line, &n)) {
		buf_append_str(out, "    ");
		buf_append(out, line, n);
		buf_append_char(out, '\n');
	}
}

/* The last lines of what a case printed. */
static void yaml_output(struct buf *out, const char *key, const char *data, size_t len)
{
	size_t start = len > OUTPUT_BYTES ? len - OUTPUT_BYTES : 0;
	size_t pos, lines = 0;

	if (!len)
		return;
	for (pos = len; pos > start; pos--)
		if (pos < len && data[pos - 1] == '\n' && ++lines == OUTPUT_LINES)
			break;
	if (len - pos > QUOTED_BYTES && !is_literal(data + pos, len - pos))
		pos = len - QUOTED_BYTES;
	if (pos > 0)
		buf_printf(out, "  %s_left_out_bytes: %zu\n", key, pos);
	yaml_text(out, key, data + pos, len - pos);
}

static void append_diagnostics(struct buf *out, const struct event *event)
{
	const struct outcome *o = event->item.outcome;
	const struct judgement *j = event->item.judgement;
	const struct event_column *column = event->item.item->column;

	buf_append_str(out, "  ---\n");
	buf_printf(out, "  verdict: %s\n", verdict_name(j->verdict));
	if (j->reason)
		yaml_string(out, "  message: ", j->reason, strlen(j->reason));
	buf_printf(out, "  duration_ms: %lld\n", (long long)(o->wall_us / 1000));
	yaml_string(out, "  target: ", column->target, strlen(column->target));
	yaml_string(out, "  place: ", column->place, strlen(column->place));
	if (o->leaked_names)
		yaml_string(out, "  leaked: ", o->leaked_names, strlen(o->leaked_names));
	if (j->excerpt && *j->excerpt)
		yaml_text(out, "excerpt", j->excerpt, strlen(j->excerpt));
	if (j->verdict != VERDICT_FLAKY) {
		yaml_output(out, "stdout", o->out.data, o->out.len);
		yaml_output(out, "stderr", o->err.data, o->err.len);
		if (o->console)
			yaml_output(out, "console", o->console, strlen(o->console));
	}
	buf_append_str(out, "  ...\n");
}

static void append_subtest(struct buf *out, const char *name, const struct judgement *j)
{
	append_comment(out, name);
	for (size_t i = 0; i < j->n_points; i++) {
		const struct point *p = &j->points[i];
		bool skipped = p->verdict == VERDICT_SKIP;

		append_point(out, "    ", i + 1, p->verdict == VERDICT_PASS || skipped,
			p->name, skipped ? (p->reason ? p->reason : "") : NULL, NULL);
	}
	buf_printf(out, "    1..%zu\n", j->n_points);
}

static void case_end(struct tap *t, const struct event *event)
{
	const struct judgement *j = event->item.judgement;
	enum verdict v = j->verdict;
	bool passed = !verdict_is_failure(v) && v != VERDICT_LOST;
	autofree char *plain = event_item_name(event->item.item);
	autofree char *name = xasprintf("%s %s", event->item.item->column->label, plain);

	if (event_is_retried(event)) {
		autofree char *text =
			xasprintf("attempt %u of %s: %s", event->item.item->attempt, name,
				j->reason ? j->reason : verdict_name(v));

		append_comment(&t->text, text);
		return;
	}
	if (j->n_points) {
		autofree char *heading = xasprintf("Subtest: %s", name);

		append_subtest(&t->text, heading, j);
	}
	append_point(&t->text, "", ++t->number, passed, name,
		v == VERDICT_SKIP ? (j->reason ? j->reason : "") : NULL,
		event_is_quarantined(event->item.item, v) ? event->item.item->quarantine
							  : NULL);
	if (v != VERDICT_PASS && v != VERDICT_SKIP)
		append_diagnostics(&t->text, event);
}

static void script_end(struct tap *t, const struct event *event)
{
	const char *reason = event->script.reason;
	autofree char *text = xasprintf("%s script %s: %s", event->script.phase,
		event->script.name, reason ? reason : "done");

	append_comment(&t->text, text);
}

static int tap_event(void *state, const struct event *event, struct err *e)
{
	struct tap *t = state;

	switch (event->type) {
	case EVENT_RUN_START:
		buf_append_str(&t->text, "TAP version 13\n");
		break;
	case EVENT_NOTE:
		append_comment(&t->text, event->note.text);
		break;
	case EVENT_SCRIPT_END:
		script_end(t, event);
		break;
	case EVENT_PLAN:
		t->open_ended = event->plan.open_ended;
		if (!t->open_ended)
			buf_printf(&t->text, "1..%zu\n", event->plan.total);
		break;
	case EVENT_CASE_END:
		case_end(t, event);
		break;
	case EVENT_RUN_END:
		if (t->open_ended)
			buf_printf(&t->text, "1..%zu\n", t->number);
		if (!event->end.cancelled)
			break;
		buf_append_str(&t->text, "Bail out! ");
		append_text(&t->text, event->end.cancelled, true);
		buf_append_char(&t->text, '\n');
		break;
	default:
		break;
	}
	return t->text.len ? report_write(t->fd, &t->text, e) : 0;
}

static int tap_close(void *state, struct err *e UNUSED)
{
	struct tap *t = state;

	buf_release(&t->text);
	free(t);
	return 0;
}

const struct reporter reporter_tap = {
	.name = "tap",
	.help = "TAP, a point for every case as it ends",
	.open = tap_open,
	.event = tap_event,
	.close = tap_close,
};
