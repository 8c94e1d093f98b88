#include "model/console-line.h"

#include <ctype.h>

/* Where in a terminal control sequence the reader is (ECMA-48, 5.4 and 5.6). */
enum state {
	TEXT,
	ESCAPE,
	SEQUENCE,       /* ESC [ … up to a byte from '@' to '~' */
	COMMAND,        /* ESC ] … up to BEL or ESC \ */
	COMMAND_ESCAPE, /* an ESC inside it */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *s)
{
	while (is_digit(*s))
		s++;
	return s;
}

/* "[   12.345678]", "[   12.345678@1]": printk's time, and behind it perhaps the caller:
 * "[  T123]", "[    C0]" (print_time() and print_caller() in kernel/printk/printk.c).
 * Returns what follows, or NULL. */
static const char *skip_stamp(const char *s, int64_t *us)
{
	const char *digits = s + 1 + strspn(s + 1, " "), *point, *end, *caller;
	int64_t seconds = 0, fraction = 0;

	if (*s != '[' || !is_digit(*digits))
		return NULL;
	point = skip_digits(digits);
	end = *point == '.' ? skip_digits(point + 1) : point;
	if (point - digits > 10 || end - point < 4 || end - point > 10)
		return NULL;
	for (const char *p = digits; p < point; p++)
		seconds = seconds * 10 + (*p - '0');
	for (int i = 1; i <= 6; i++)
		fraction = fraction * 10 + (point + i < end ? point[i] - '0' : 0);
	if (*end == '@')
		end = skip_digits(end + 1);
	if (*end != ']')
		return NULL;
	*us = seconds * 1000000 + fraction;
	end++;
	caller = end + strspn(end, " ");
	if (*caller == '[') {
		caller += 1 + strspn(caller + 1, " ");
		if ((*caller == 'T' || *caller == 'C') && is_digit(caller[1])) {
			caller = skip_digits(caller + 1);
			if (*caller == ']')
				end = caller + 1;
		}
	}
	return *end == ' ' ? end + 1 : end;
}

/* "dd:dd:dd", with a fraction and a zone. Returns what follows, or NULL. */
static const char *skip_clock(const char *s)
{
	for (int i = 0; i < 3; i++, s += 2) {
		if (i && *s++ != ':')
			return NULL;
		if (!is_digit(s[0]) || !is_digit(s[1]))
			return NULL;
	}
	if (*s == '.' || *s == ',')
		s = skip_digits(s + 1);
	if (*s == 'Z')
		s++;
	else if ((*s == '+' || *s == '-') && is_digit(s[1]))
		s += 1 + strspn(s + 1, "0123456789:");
	return s;
}

/* What terminal programs, loggers and test farms put before a line: "12:34:56.789 ",
 * "[2026-01-02 12:34:56] ", "2026-01-02T12:34:56Z ". Returns what follows, or NULL. */
static const char *skip_logger(const char *s)
{
	bool bracket = *s == '[';
	const char *p = s + bracket;

	if (is_digit(p[0]) && strspn(p, "0123456789") == 4 && p[4] == '-' &&
		is_digit(p[5]) && is_digit(p[6]) && p[7] == '-' && is_digit(p[8]) &&
		is_digit(p[9]) && (p[10] == 'T' || p[10] == ' '))
		p += 11;
	p = skip_clock(p);
	if (!p || (bracket && *p++ != ']') || *p != ' ')
		return NULL;
	return p + 1;
}

/* "Jan  2 12:34:56 host kernel: " and "2026-01-02T12:34:56+00:00 host kernel: ", as
 * syslog and the journal write kernel lines. Returns what follows, or NULL. */
static const char *skip_syslog(const char *s)
{
	const char *p = s;

	if (isalpha((unsigned char)p[0]) && isalpha((unsigned char)p[1]) &&
		isalpha((unsigned char)p[2]) && p[3] == ' ') {
		p += 4 + strspn(p + 4, " ");
		p = skip_digits(p);
		p = *p == ' ' ? skip_clock(p + 1) : NULL;
		p = p && *p == ' ' ? p + 1 : NULL;
	} else {
		p = skip_logger(s);
	}
	if (!p)
		return NULL;
	p += strcspn(p, " :");
	return starts_with(p, " kernel: ") ? p + strlen(" kernel: ") : NULL;
}

/* printk starts a line of its own only where the console's last character was its own:
 * what a shell, a login or a test left unfinished stands before the stamp. Anything else
 * there may be a quotation. */
static const char *find_interrupted(const char *s, int64_t *us)
{
	static const char *const unfinished[] = {
		"login: ", "assword: ", "# ", "$ ", "... "};

	for (const char *at = strchr(s, '['); at; at = strchr(at + 1, '['))
		for (size_t i = 0; at > s && i < ARRAY_LEN(unfinished); i++) {
			size_t len = strlen(unfinished[i]);
			const char *text;

			if ((size_t)(at - s) < len ||
				memcmp(at - len, unfinished[i], len))
				continue;
			text = skip_stamp(at, us);
			if (text)
				return text;
		}
	return NULL;
}

static void skip_prefix(struct console_line *line)
{
	const char *s = line->whole, *next;

	next = skip_syslog(s);
	if (!next)
		next = skip_logger(s);
	if (next)
		s = next;
	if (*s == '<' && is_digit(s[1]) && *skip_digits(s + 1) == '>')
		s = skip_digits(s + 1) + 1;
	next = skip_stamp(s, &line->stamp_us);
	if (!next) {
		next = find_interrupted(s, &line->stamp_us);
		line->mid_line = next != NULL;
	}
	line->stamped = next != NULL;
	line->text = next ? next : s;
	line->len = line->whole_len - (size_t)(line->text - line->whole);
}

static void tell(struct console_line_reader *r, console_line_fn *take, void *ctx)
{
	struct console_line line = {.whole = r->text, .number = ++r->number};

	while (r->len && (r->text[r->len - 1] == ' ' || r->text[r->len - 1] == '\t'))
		r->len--;
	r->text[r->len] = '\0';
	line.whole_len = r->len;
	skip_prefix(&line);
	take(ctx, &line);
	r->len = 0;
	r->started = false;
	r->pending_return = false;
}

static void put(struct console_line_reader *r, unsigned char c)
{
	if (c == '\r') {
		r->pending_return = true;
		return;
	}
	if (c == '\b' && r->len)
		r->len--;
	if ((c < ' ' && c != '\t') || c == 0x7f)
		return;
	/* A return with more text behind it: the line is written anew, as progress bars
	 * do. */
	if (r->pending_return)
		r->len = 0;
	r->pending_return = false;
	if (r->len < CONSOLE_LINE_MAX)
		r->text[r->len++] = (char)c;
}

/* One byte of a control sequence. A newline ends any of them: what lost its end to noise
 * must not swallow the log. */
static void step(struct console_line_reader *r, unsigned char c)
{
	switch ((enum state)r->state) {
	case TEXT:
		break;
	case ESCAPE:
		if (c == '[')
			r->state = SEQUENCE;
		else if (c == ']' || c == 'P' || c == '_' || c == '^')
			r->state = COMMAND;
		else if (c < 0x20 || c > 0x2f) /* intermediate bytes go on */
			r->state = TEXT;
		break;
	case SEQUENCE:
		if (c < 0x20 || c > 0x3f)
			r->state = TEXT;
		break;
	case COMMAND:
		if (c == 0x07)
			r->state = TEXT;
		else if (c == 0x1b)
			r->state = COMMAND_ESCAPE;
		break;
	case COMMAND_ESCAPE:
		r->state = c == '\\' ? TEXT : COMMAND;
		break;
	}
}

void console_line_feed(struct console_line_reader *r, const void *data, size_t len,
	console_line_fn *take, void *ctx)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = bytes[i];

		r->started = true;
		if (c == '\n') {
			r->state = TEXT;
			tell(r, take, ctx);
		} else if (r->state != TEXT) {
			step(r, c);
		} else if (c == 0x1b) {
			r->state = ESCAPE;
		} else {
			put(r, c);
		}
	}
}

void console_line_end(struct console_line_reader *r, console_line_fn *take, void *ctx)
{
	r->state = TEXT;
	if (r->started)
		tell(r, take, ctx);
}
