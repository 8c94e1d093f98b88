#include "report/progress.h"
#include "report/reporter.h"
#include "report/term.h"

#include "base/json.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A small terminal: takes what a program writes and keeps the rows, as far as the
 * progress line needs it. A character in a column beyond the width is counted in
 * `overflows` instead of being wrapped.
 */
struct screen {
	unsigned columns, row, column;
	unsigned overflows, unknown; /* characters outside; sequences it does not know */
	unsigned sync;               /* depth of synchronized updates */
	unsigned folding;            /* how often the folding of lines was switched off */
	bool is_folding;
	bool torn; /* something was written outside of them */
	struct buf rows[64];
	struct term_ruler ruler;
};

static void screen_release(struct screen *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->rows); i++)
		buf_release(&s->rows[i]);
	term_ruler_release(&s->ruler);
}

static size_t screen_escape(struct screen *s, const char *text, size_t len)
{
	size_t n = 2 + strspn(text + 2, "0123456789;?") + 1;

	if (n > len || text[1] != '[')
		return s->unknown++, 1;
	if (text[n - 1] == 'J' || text[n - 1] == 'K')
		buf_truncate(&s->rows[s->row], MIN(s->column, s->rows[s->row].len));
	else if (strncmp(text, "\x1b[?2026h", n) == 0)
		s->sync++;
	else if (strncmp(text, "\x1b[?2026l", n) == 0)
		s->sync--;
	else if (strncmp(text, "\x1b[?7l", n) == 0)
		s->is_folding = false, s->folding++;
	else if (strncmp(text, "\x1b[?7h", n) == 0)
		s->is_folding = true;
	else if (text[n - 1] != 'm')
		s->unknown++;
	return n;
}

static void screen_put(struct screen *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = MAX(json_utf8_len(text + i, len - i), 1);
		autofree char *one = xstrndup(text + i, n);

		if (text[i] == 0x1b) {
			i += screen_escape(s, text + i, len - i);
			continue;
		}
		s->torn = s->torn || (!s->sync && text[i] != '\r');
		if (text[i] == '\r') {
			s->column = 0;
		} else if (text[i] == '\n') {
			s->row = MIN(s->row + 1, (unsigned)ARRAY_LEN(s->rows) - 1);
			s->column = 0; /* the terminal driver adds the carriage return */
		} else {
			s->column += term_width(&s->ruler, one);
			s->overflows += s->column > s->columns;
			buf_append(&s->rows[s->row], text + i, n);
		}
		i += n;
	}
}

/* A run on a terminal of our own. */
struct rig {
	struct screen screen;
	int master, slave;
	void *state;
	int64_t now_ms;
};

static void resize(struct rig *r, unsigned columns)
{
	struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};

	ioctl(r->master, TIOCSWINSZ, &size);
	r->screen.columns = columns;
}

static void take(struct rig *r)
{
	struct pollfd p = {.fd = r->master, .events = POLLIN};
	autorelease(buf) struct buf all = BUF_INIT;

	while (poll(&p, 1, all.len ? 0 : 100) > 0 && (p.revents & POLLIN)) {
		char bytes[4096];
		ssize_t n = read(r->master, bytes, sizeof bytes);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != '\r' || i + 1 >= n || bytes[i + 1] != '\n')
				buf_append_char(&all, bytes[i]);
	}
	screen_put(&r->screen, buf_str(&all), all.len);
}

static void send(struct rig *r, struct event event)
{
	struct err e = {0};

	event.time_ms = r->now_ms;
	if (reporter_human.event(r->state, &event, &e) < 0)
		printf("# %s\n", e.msg);
	take(r);
}

static const char *last_row(const struct rig *r)
{
	return buf_str(&r->screen.rows[r->screen.row]);
}

static const struct event_column column = {
	.label = "aarch64", .target = "aarch64", .place = "user", .slots = 40};

static struct suite suite = {
	.id = (char *)"pkg::suite", .name = (char *)"suite", .package = (char *)"pkg"};

static struct test_case cases[] = {
	{.name = (char *)"short"},
	{.name = (char *)"a_rather_long_name_of_a_case_as_they_come_from_generated_"
			 "parameters/0123456789"},
	{.name = (char *)"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"
			 "\xe5\xad\x97"},
	{.name = (char *)"evil\n\x1b[2J\rname"},
	{.name = (char *)"\xff\xff\xff"},
};

static struct event_item items[ARRAY_LEN(cases)];

static void start_run(struct rig *r, bool color)
{
	static const struct event_column *const columns[] = {&column};
	static const size_t totals[] = {40};
	struct report_options o = {
		.is_terminal = true, .progress = true, .color = color, .unicode = true};
	struct err e = {0};

	o.fd = r->slave;
	r->state = reporter_human.open(&o, &e);
	send(r, (struct event){
			.type = EVENT_PLAN, .plan = {columns, 1, totals, 40, 1, 0}});
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		items[i] = (struct event_item){
			.index = i,
			.suite = &suite,
			.test = &cases[i],
			.column = &column,
			.attempt = 1,
			.attempts = 1,
			.started_ms = r->now_ms,
		};
		send(r, (struct event){
				.type = EVENT_CASE_START, .item = {.item = &items[i]}});
		r->now_ms += 100;
	}
}

static void tick(struct rig *r)
{
	r->now_ms += 100;
	send(r, (struct event){.type = EVENT_TICK});
}

static void end_case(struct rig *r, size_t i, enum verdict v)
{
	struct outcome outcome = {.wall_us = 1000};
	struct judgement judgement = {.verdict = v};

	send(r, (struct event){.type = EVENT_CASE_END,
			.item = {.item = &items[i],
				.outcome = &outcome,
				.judgement = &judgement}});
}

static void test_widths(bool color)
{
	static const unsigned widths[] = {80, 200, 20, 3, 1, 63, 120};
	struct rig r = {.screen = {.columns = 80}};
	struct err e = {0};

	term_ruler_init(&r.screen.ruler);
	if (!ok(openpty(&r.master, &r.slave, NULL, NULL, NULL) == 0, "a terminal"))
		return;
	resize(&r, 80);
	start_run(&r, color);
	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		resize(&r, widths[i]);
		tick(&r);
		tick(&r);
		ok(r.screen.overflows == 0 && term_width(&r.screen.ruler, last_row(&r)) <
						      MAX(widths[i], 2u),
			"at %u columns the line stays within them", widths[i]);
		if (r.screen.overflows)
			printf("# %s\n", last_row(&r));
		r.screen.overflows = 0;
		is_int(r.screen.column, 0, "the cursor rests at its start");
	}
	ok(strstr(last_row(&r), "0/40") &&
			strstr(last_row(&r), "5 running: short 1.9s, "
					     "a_rather_long_name_of_a_case_as_… 1.8s, "
					     "漢字漢字漢字 1.7s, +2"),
		"what is running is there: %s", last_row(&r));
	end_case(&r, 0, VERDICT_FAIL);
	ok(!!strstr(last_row(&r),
		   "1/40  1 failed  4 running: a_rather_long_name_of_a_case_as_… 1.8s, "),
		"what has failed is there: %s", last_row(&r));
	ok(!!strstr(buf_str(&r.screen.rows[r.screen.row - 1]), "FAIL"),
		"the line of the result is above");
	for (size_t i = 1; i < ARRAY_LEN(cases); i++)
		end_case(&r, i, VERDICT_PASS);
	is_int(reporter_human.close(r.state, &e), 0, "closed");
	take(&r);
	is_str(last_row(&r), "", "nothing of the line stays");
	ok(!r.screen.torn, "all is written inside synchronized updates");
	is_int(r.screen.unknown, 0, "no sequence but the expected ones");
	ok(r.screen.folding && r.screen.is_folding, "lines fold but for that one");
	screen_release(&r.screen);
	close(r.master);
	close(r.slave);
}

static void test_build(void)
{
	struct rig r = {.screen = {.columns = 80}};
	struct event e = {.type = EVENT_STEP_START,
		.step = {.verb = "Building",
			.summary = "json-c with cmake",
			.fraction = -1}};
	struct report_options o = {
		.is_terminal = true, .progress = true, .unicode = true};
	struct err error = {0};

	term_ruler_init(&r.screen.ruler);
	if (!ok(openpty(&r.master, &r.slave, NULL, NULL, NULL) == 0, "a terminal"))
		return;
	resize(&r, 80);
	o.fd = r.slave;
	r.state = reporter_human.open(&o, &error);
	send(&r, e);
	is_str(last_row(&r), "    Building json-c with cmake  0s",
		"a step shows while it goes on");
	r.now_ms = 3000;
	e.type = EVENT_STEP_LINE;
	e.step.fraction = 0.5;
	e.step.line = "\x1b[32mcc -c "
		      "a_file_with_a_long_name_in_a_folder_with_a_long_name.c -o x.o\r\n";
	e.step.line_len = strlen(e.step.line);
	send(&r, e);
	ok(starts_with(last_row(&r),
		   "    Building json-c with cmake  3s  50%  cc -c a_file") &&
			ends_with(last_row(&r), "…") &&
			term_width(&r.screen.ruler, last_row(&r)) == 79,
		"its last line is cut to the width: %s", last_row(&r));
	e.type = EVENT_STEP_END;
	e.step.verb = "Built";
	e.step.elapsed_ms = 3000;
	send(&r, e);
	is_str(buf_str(&r.screen.rows[0]), "       Built json-c with cmake  3.0s",
		"and then what stays");
	is_int(reporter_human.close(r.state, &error), 0, "closed");
	screen_release(&r.screen);
	close(r.master);
	close(r.slave);
}

/* No bar where nobody can see it. */
static void test_pipe(void)
{
	struct rig r = {.screen = {.columns = 80}};
	struct report_options o = {.progress = true};
	struct err e = {0};
	int fds[2];

	if (!ok(pipe2(fds, O_CLOEXEC) == 0, "a pipe"))
		return;
	r.master = fds[0];
	o.fd = fds[1];
	r.state = reporter_human.open(&o, &e);
	tick(&r);
	send(&r, (struct event){.type = EVENT_NOTE, .note = {"said"}});
	is_str(buf_str(&r.screen.rows[0]), "        Note said", "a pipe gets lines only");
	is_int(r.screen.unknown + r.screen.sync, 0, "and no escape sequence");
	is_int(reporter_human.close(r.state, &e), 0, "closed");
	screen_release(&r.screen);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	test_widths(false);
	test_widths(true);
	test_build();
	test_pipe();
	return tap_done();
}
