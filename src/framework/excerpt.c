#include "framework/excerpt.h"

#include "base/json.h"
#include "framework/listing.h"

enum { MAX_EXCERPT = 600, MAX_LINE = 240 };

/* A line that says why, and what of its surroundings belongs to it. */
struct mark {
	const char *text;
	bool at_start;      /* of its line (behind blanks) */
	bool after_digit;   /* behind the number of a line */
	unsigned lines;     /* taken after it, up to an empty one */
	const char *unless; /* the line is of no interest that has this one, too */
	const char *until;  /* the line that begins so does not belong to it, either */
	bool skip_indented; /* the line itself and what is indented below it say nothing
			     */
	const char *also;   /* the first line with this one sums it up, and comes first */
};

/* From the most telling to the least. */
static const struct mark marks[] = {
	/* the program could not run */
	{.text = "error while loading shared libraries:"},
	{.text = "symbol lookup error:"},
	{.text = "Could not open '"},
	/* sanitizers, valgrind, the C library */
	{.text = "ERROR: AddressSanitizer", .also = "SUMMARY: "},
	{.text = "ERROR: HWAddressSanitizer", .also = "SUMMARY: "},
	{.text = "ERROR: LeakSanitizer", .also = "SUMMARY: "},
	{.text = "WARNING: ThreadSanitizer", .also = "SUMMARY: "},
	{.text = "WARNING: MemorySanitizer", .also = "SUMMARY: "},
	{.text = ": runtime error: "},
	{.text = "== Invalid ", .lines = 2},
	{.text = "== Conditional jump or move depends on", .lines = 2},
	{.text = " detected ***"}, /* stack smashing, buffer overflow */
	{.text = "double free or corruption"},
	{.text = "free(): ", .at_start = true},
	{.text = "malloc(): ", .at_start = true},
	{.text = "realloc(): ", .at_start = true},
	{.text = "munmap_chunk(): ", .at_start = true},
	{.text = "corrupted size vs. prev_size"},
	/* frameworks */
	{.text = "panicked at ", .lines = 3, .until = "stack backtrace:"},
	{.text = ": Failure\n", .lines = 6, .until = "[  FAILED"}, /* GoogleTest */
	{.text = ": FAILED:", .lines = 4},                         /* Catch2 */
	{.text = " is NOT correct!", .lines = 1},                  /* doctest */
	{.text = " ERROR: test case THREW exception:", .lines = 1},
	{.text = ":F:", .after_digit = true}, /* Check */
	{.text = ":E:", .after_digit = true},
	{.text = "Bail out! ", .at_start = true},
	{.text = "[  ERROR   ] --- ", .at_start = true, .lines = 1, .until = "[  FAILED"},
	{.text = "EXPECTATION FAILED at ", .lines = 4}, /* KUnit */
	{.text = "ASSERTION FAILED at ", .lines = 4},
	{.text = ": error: Failure in ", .lines = 3},        /* CppUTest */
	{.text = ": error: in \""},                          /* Boost.Test */
	{.text = "FAIL!  : ", .at_start = true, .lines = 3}, /* QtTest */
	{.text = ": Assertion Failed", .lines = 3},          /* Criterion */
	{.text = ":FAIL: "},                                 /* Unity */
	{.text = "#   Failed test ",
		.at_start = true,
		.lines = 4,
		.until = "# Looks like"},
	{.text = "--- FAIL: ", .at_start = true, .lines = 3}, /* Go */
	{.text = "panic: ", .at_start = true},
	{.text = "not ok ",
		.at_start = true,
		.lines = 3,
		.until = "ok ",
		.unless = "# TODO"},
	{.text = "Traceback (most recent call last):",
		.at_start = true,
		.skip_indented = true},
	/* assert() */
	{.text = "Assertion `"},
	{.text = "Assertion '"},
	{.text = "Assertion failed"},
	{.text = "assertion failed"},
	{.text = "terminate called", .at_start = true, .lines = 1},
	/* what a shell or an emulator says of a signal */
	{.text = "uncaught target signal"},
	{.text = "Segmentation fault"},
	{.text = "Illegal instruction"},
	{.text = "Bus error"},
	/* anything else that is said to be wrong */
	{.text = "fatal error:"},
	{.text = "error:"},
	{.text = "Error:"},
	{.text = "ERROR:"},
	{.text = "@@ -", .at_start = true, .lines = 6}, /* a difference of two files */
	{.text = "expected ", .lines = 1},
	{.text = "FAILED"},
	{.text = "FAIL:", .at_start = true},
};

struct text {
	const char *data;
	size_t len;
};

/* Appends one line, safe to print. */
static void append_line(struct buf *out, const char *line, size_t len)
{
	autofree char *text = listing_clean(line, MIN(len, 4 * MAX_LINE));
	size_t size = strlen(text), end = out->len + MAX_LINE, step;

	if (!size)
		return;
	if (out->len)
		buf_append_char(out, '\n');
	for (size_t i = 0; i < size && out->len < end; i += step) {
		step = json_utf8_len(text + i, size - i);
		if (!step ||
			(step == 1 && ((unsigned char)text[i] < ' ' || text[i] == 127))) {
			buf_append_char(out, text[i] == '\t' ? ' ' : '?');
			step = 1;
		} else {
			buf_append(out, text + i, step);
		}
	}
}

static size_t line_start(struct text t, size_t at)
{
	const char *newline = at ? memrchr(t.data, '\n', at) : NULL;

	return newline ? (size_t)(newline + 1 - t.data) : 0;
}

static bool counts(struct text t, const struct mark *m, size_t start, size_t at)
{
	const char *line;
	size_t len;

	if (m->after_digit && !(at && t.data[at - 1] >= '0' && t.data[at - 1] <= '9'))
		return false;
	for (size_t i = start; m->at_start && i < at; i++)
		if (!strchr(" \t", t.data[i]))
			return false;
	return !m->unless || !buf_next_line(t.data, t.len, &start, &line, &len) ||
	       !memmem(line, len, m->unless, strlen(m->unless));
}

/* The first line with the mark, and where in the text it starts. */
static bool find(struct text t, const struct mark *m, size_t *start)
{
	size_t len = strlen(m->text), from = 0;

	while (from < t.len) {
		const char *hit = memmem(t.data + from, t.len - from, m->text, len);
		size_t at;

		if (!hit)
			return false;
		at = (size_t)(hit - t.data);
		*start = line_start(t, at);
		if (counts(t, m, *start, at))
			return true;
		from = at + len;
	}
	return false;
}

/* The first line after that at `start` that is not indented; `start` when there is none.
 */
static size_t skip_indented(struct text t, size_t start)
{
	size_t pos = start, at = start, len;
	const char *line;

	buf_next_line(t.data, t.len, &pos, &line, &len);
	do
		at = pos;
	while (buf_next_line(t.data, t.len, &pos, &line, &len) && len &&
		strchr(" \t", *line));
	return at < t.len && len ? at : start;
}

static bool begins(const char *line, size_t len, const char *text)
{
	return text && len >= strlen(text) && memcmp(line, text, strlen(text)) == 0;
}

static void take(struct text t, const struct mark *m, size_t start, struct buf *out)
{
	const struct mark also = {.text = m->also};
	const char *line;
	size_t pos, len;

	if (m->also && find(t, &also, &pos) &&
		buf_next_line(t.data, t.len, &pos, &line, &len))
		append_line(out, line, len);
	pos = m->skip_indented ? skip_indented(t, start) : start;
	for (unsigned left = 1 + m->lines; left; left--) {
		if (!buf_next_line(t.data, t.len, &pos, &line, &len) || !len ||
			begins(line, len, m->until))
			break;
		append_line(out, line, len);
	}
}

/* A framework's own word that tests begin: it says nothing of how they ended. */
static bool only_begins(const char *line, size_t len)
{
	static const char *const words[] = {
		"running 1 test", "[ RUN      ]", "[==========]", "[----------]"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (begins(line, len, words[i]))
			return true;
	return false;
}

static void take_last(struct text t, struct buf *out)
{
	while (t.len && !out->len) {
		size_t start;

		if (t.data[t.len - 1] == '\n') {
			t.len--;
			continue;
		}
		start = line_start(t, t.len);
		if (!only_begins(t.data + start, t.len - start))
			append_line(out, t.data + start, t.len - start);
		t.len = start;
	}
}

char *excerpt_find(const struct outcome *o)
{
	const struct text texts[] = {
		{o->err.data, o->err.len}, {o->out.data, o->out.len}};
	autorelease(buf) struct buf out = BUF_INIT;
	size_t start;

	for (size_t m = 0; m < ARRAY_LEN(marks) && !out.len; m++)
		for (size_t i = 0; i < ARRAY_LEN(texts) && !out.len; i++)
			if (find(texts[i], &marks[m], &start))
				take(texts[i], &marks[m], start, &out);
	for (size_t i = 0; i < ARRAY_LEN(texts) && !out.len; i++)
		take_last(texts[i], &out);
	if (!out.len)
		return NULL;
	if (out.len > MAX_EXCERPT) {
		size_t end = MAX_EXCERPT;

		while (end && (out.data[end] & 0xc0) == 0x80)
			end--;
		buf_truncate(&out, end);
	}
	return buf_take(&out);
}
