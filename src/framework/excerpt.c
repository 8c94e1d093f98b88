#include "framework/excerpt.h"

#include "base/json.h"
#include "framework/listing.h"

enum { MAX_EXCERPT = 600, MAX_LINE = 240 };

/* From the most telling to the least. */
static const struct mark {
	const char *text;
	bool at_start;   /* of its line (behind blanks) */
	unsigned lines;  /* taken after it, up to an empty one */
	unsigned before; /* 1: the line above belongs to it */
} marks[] = {
	/* the program could not run */
	{"error while loading shared libraries:", false, 0, 0},
	{"symbol lookup error:", false, 0, 0},
	{"Could not open '", false, 0, 0},
	/* sanitizers */
	{"ERROR: AddressSanitizer", false, 0, 0},
	{"ERROR: LeakSanitizer", false, 0, 0},
	{"WARNING: ThreadSanitizer", false, 0, 0},
	{"WARNING: MemorySanitizer", false, 0, 0},
	{": runtime error: ", false, 0, 0},
	{"ERROR: HWAddressSanitizer", false, 0, 0},
	{"*** stack smashing detected ***", false, 0, 0},
	/* frameworks */
	{"panicked at ", false, 3, 0},
	{": Failure\n", false, 5, 0},
	{": FAILED:", false, 4, 0},
	{" is NOT correct!", false, 1, 0},
	{" ERROR: test case THREW exception:", false, 1, 0},
	{"Bail out! ", true, 0, 0},
	{"[  ERROR   ] --- ", true, 1, 0},
	{"EXPECTATION FAILED at ", false, 4, 0},
	{"ASSERTION FAILED at ", false, 4, 0},
	{"not ok ", true, 3, 0},
	{"AssertionError", true, 0, 1},
	/* assert() */
	{"Assertion `", false, 0, 0},
	{"Assertion '", false, 0, 0},
	{"Assertion failed", false, 0, 0},
	{"assertion failed", false, 0, 0},
	{"terminate called", true, 1, 0},
	/* anything else that is said to be wrong */
	{"fatal error:", false, 0, 0},
	{"error:", false, 0, 0},
	{"Error:", false, 0, 0},
	{"ERROR:", false, 0, 0},
	{"expected ", false, 1, 0},
	{"FAILED", false, 0, 0},
	{"FAIL:", true, 0, 0},
	{"uncaught target signal", false, 0, 0},
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
		if (!m->at_start)
			return true;
		while (*start < at && strchr(" \t", t.data[*start]))
			++*start;
		if (*start == at)
			return true;
		from = at + len;
	}
	return false;
}

static void take(struct text t, const struct mark *m, size_t start, struct buf *out)
{
	const char *line;
	size_t pos = start, len;

	if (m->before && start)
		pos = line_start(t, start - 1);
	for (unsigned left = 1 + m->lines + (pos < start); left; left--) {
		if (!buf_next_line(t.data, t.len, &pos, &line, &len) || !len)
			break;
		append_line(out, line, len);
	}
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
