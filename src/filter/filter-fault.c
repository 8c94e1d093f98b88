#include "filter/filter-fault.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	FAULTS_SHOWN = 8,
	FAULT_WIDTH = 100, /* columns of the text that are shown */
};

void filter_fault_add(
	struct filter_fault_list *list, size_t at, size_t len, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	if (list->closed)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	list->items = xgrow(list->items, &list->cap, list->len + 1, sizeof(*list->items));
	list->items[list->len++] = (struct filter_fault){at, len, xstrdup(message)};
}

void filter_fault_final(struct filter_fault_list *list, size_t at, const char *message)
{
	if (list->closed)
		return;
	filter_fault_release(list);
	filter_fault_add(list, at, 1, "%s", message);
	list->closed = true;
}

void filter_fault_release(struct filter_fault_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i].message);
	free(list->items);
	*list = (struct filter_fault_list){0};
}

static int by_position(const void *a, const void *b)
{
	const struct filter_fault *x = a, *y = b;

	return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
			      : (x->len > y->len) - (x->len < y->len);
}

/* Bytes of the character at `s`; 1 for a byte that belongs to none. */
static size_t step(const char *s, const char *end)
{
	size_t len = json_utf8_len(s, (size_t)(end - s));

	return len ? len : 1;
}

static size_t columns(const char *from, const char *to, const char *end)
{
	size_t count = 0;

	for (; from < to; from += step(from, end))
		count++;
	return count;
}

/* One column per character, whatever the byte is. */
static void draw_text(struct buf *out, const char *from, const char *to)
{
	for (size_t len; from < to; from += len) {
		len = step(from, to);
		if (*from == '\t')
			buf_append_char(out, ' ');
		else if (len == 1 &&
			 ((unsigned char)*from < ' ' || *from & 0x80 || *from == 0x7f))
			buf_append_char(out, '?');
		else
			buf_append(out, from, len);
	}
}

/* The part of a line that is shown around a fault: [from, to). */
struct window {
	const char *from, *to;
	bool cut_left, cut_right;
};

static struct window window_of(const char *text, const struct filter_fault *fault)
{
	const char *end = text + strlen(text), *at = text + MIN(fault->at, strlen(text));
	struct window w = {at, at, false, false};

	while (w.from > text && w.from[-1] != '\n' &&
		columns(w.from, at, end) < FAULT_WIDTH / 2)
		w.from--;
	while ((*w.from & 0xc0) == 0x80)
		w.from++;
	w.cut_left = w.from > text && w.from[-1] != '\n';
	while (w.to < end && *w.to != '\n' && columns(w.from, w.to, end) < FAULT_WIDTH)
		w.to += step(w.to, end);
	w.cut_right = w.to < end && *w.to != '\n';
	return w;
}

static void draw_marker(struct buf *out, const char *text, const struct window *w,
	const struct filter_fault *fault)
{
	const char *end = text + strlen(text), *at = text + MIN(fault->at, strlen(text));
	const char *to = MIN(at + fault->len, w->to);
	size_t indent = columns(w->from, at, end) + (w->cut_left ? 2 : 0);
	size_t marks = to > at ? columns(at, to, end) : 1;

	buf_printf(out, "\n  %*s", (int)indent, "");
	while (marks--)
		buf_append_char(out, '^');
	buf_printf(out, " %s", fault->message);
}

int filter_fault_report(struct filter_fault_list *list, const char *text, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct window drawn = {0};
	size_t shown = 0;

	if (!list->len)
		return 0;
	qsort(list->items, list->len, sizeof(*list->items), by_position);
	for (; shown < MIN(list->len, FAULTS_SHOWN); shown++) {
		const struct filter_fault *fault = &list->items[shown];
		struct window w = window_of(text, fault);
		bool same_line =
			drawn.from && (!drawn.cut_left || drawn.from == w.from) &&
			text + fault->at >= drawn.from && text + fault->at <= drawn.to;

		if (out.len + FAULT_WIDTH * 3 > sizeof(e->msg))
			break;
		if (!same_line) {
			drawn = w;
			buf_append_str(&out, w.cut_left ? "\n  … " : "\n  ");
			draw_text(&out, w.from, w.to);
			if (w.cut_right)
				buf_append_str(&out, " …");
		}
		draw_marker(&out, text, &drawn, fault);
	}
	if (shown < list->len)
		buf_printf(&out, "\n  and %zu more", list->len - shown);
	return err_set(e, ERR_FILTER, "invalid filterset%s", buf_str(&out));
}
