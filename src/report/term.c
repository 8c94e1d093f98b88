#include "report/term.h"

#include "base/json.h"

#include <limits.h>
#include <sys/ioctl.h>
#include <wchar.h>

enum {
	ESC = 0x1b,
	SEQUENCE_MAX = 64, /* a longer "escape sequence" is taken for noise */
};

/* Length of a whole SGR sequence (ECMA-48 8.3.117: ESC [ digits ; : m), or 0. */
static size_t sgr_len(const char *s, size_t len)
{
	size_t i = 2;

	if (len < 3 || s[0] != ESC || s[1] != '[')
		return 0;
	while (i < len && i < SEQUENCE_MAX &&
		((s[i] >= '0' && s[i] <= '9') || s[i] == ';' || s[i] == ':'))
		i++;
	return i < len && s[i] == 'm' ? i + 1 : 0;
}

/* C0 without newline and tab, DEL, and C1 (U+0080 to U+009F), which an eight-bit terminal
 * obeys like ESC sequences. */
static bool is_control(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];

	if (n == 2)
		return c == 0xc2 && (unsigned char)s[1] < 0xa0;
	return n == 1 && (c < 0x20 || c == 0x7f) && c != '\n' && c != '\t';
}

static void append_shown(struct buf *out, const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		const char shown[] = {'\\', 'x', digits[c >> 4], digits[c & 15]};

		buf_append(out, shown, sizeof shown);
	}
}

void term_append(struct buf *out, const char *data, size_t len, enum term_bytes mode)
{
	size_t plain = 0, i = 0; /* bytes from `plain` to `i` can go as they are */

	if (mode == TERM_BYTES_RAW) {
		buf_append(out, data, len);
		return;
	}
	while (i < len) {
		size_t n = json_utf8_len(data + i, len - i);
		size_t sgr = sgr_len(data + i, len - i);

		if (sgr && mode == TERM_BYTES_COLOR) {
			i += sgr;
			continue;
		}
		if (!sgr && n && !is_control(data + i, n)) {
			i += n;
			continue;
		}
		buf_append(out, data + plain, i - plain);
		if (sgr)
			n = sgr;
		else
			append_shown(out, data + i, n = MAX(n, 1));
		plain = i += n;
	}
	buf_append(out, data + plain, i - plain);
}

void term_append_line(struct buf *out, const char *text)
{
	size_t start = out->len;

	term_append(out, text, strlen(text), TERM_BYTES_PLAIN);
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] == '\n' || out->data[i] == '\t')
			out->data[i] = ' ';
}

/* What the last rewriting of a line left to be seen: a progress display that a test
 * draws. */
static void last_state(const char **line, size_t *len)
{
	const char *end = *line + *len, *start;

	while (end > *line && end[-1] == '\r')
		end--;
	for (start = end; start > *line && start[-1] != '\r'; start--)
		;
	*line = start;
	*len = (size_t)(end - start);
}

void term_append_block(struct buf *out, const char *data, size_t len, const char *indent,
	enum term_bytes mode)
{
	size_t pos = 0;

	while (pos < len) {
		const char *line = data + pos;
		const char *newline = memchr(line, '\n', len - pos);
		size_t n = newline ? (size_t)(newline - line) : len - pos;

		pos += n + 1;
		if (mode != TERM_BYTES_RAW)
			last_state(&line, &n);
		if (n)
			buf_append_str(out, indent);
		term_append(out, line, n, mode);
		buf_append_char(out, '\n');
	}
	if (mode == TERM_BYTES_COLOR && len && memchr(data, ESC, len)) {
		buf_truncate(out, out->len - 1);
		buf_append_str(out, "\x1b[0m\n");
	}
}

void term_paint(struct buf *out, bool color, const char *sgr, const char *text)
{
	if (color)
		buf_printf(out, "\x1b[%sm%s\x1b[0m", sgr, text);
	else
		buf_append_str(out, text);
}

size_t term_whole(const char *data, size_t len)
{
	size_t back = MIN(len, SEQUENCE_MAX);

	for (size_t i = len; i-- > len - back;) {
		unsigned char c = (unsigned char)data[i];
		size_t n = len - i;

		if (c == ESC) {
			/* Cut off when nothing but parameters follows the "ESC [". */
			if (n == 1 ||
				(data[i + 1] == '[' &&
					strspn(data + i + 2, "0123456789;:") >= n - 2))
				return i;
			return len;
		}
		if (c >= 0xc2 && c <= 0xf4) {
			size_t want = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

			return n < want ? i : len;
		}
		if (c < 0x80 && c != '[' && c != ';' && c != ':' &&
			!(c >= '0' && c <= '9'))
			return len;
	}
	return len;
}

void term_ruler_init(struct term_ruler *r)
{
	r->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

void term_ruler_release(struct term_ruler *r)
{
	if (r->utf8)
		freelocale(r->utf8);
	r->utf8 = (locale_t)0;
}

size_t term_fit(
	const struct term_ruler *r, const char *text, unsigned columns, unsigned *used)
{
	locale_t before = r->utf8 ? uselocale(r->utf8) : (locale_t)0;
	size_t len = strlen(text), at = 0;
	unsigned width = 0;

	while (at < len) {
		size_t n = json_utf8_len(text + at, len - at);
		int w = 1;

		if (n > 1) {
			mbstate_t state = {0};
			wchar_t c;

			w = 2;
			if (before && mbrtowc(&c, text + at, n, &state) == n)
				w = wcwidth(c);
			/* Unassigned characters: a terminal may draw them as wide ones.
			 */
			if (w < 0)
				w = 2;
		}
		if (width + (unsigned)w > columns)
			break;
		width += (unsigned)w;
		at += MAX(n, 1);
	}
	if (before)
		uselocale(before);
	*used = width;
	return at;
}

unsigned term_width(const struct term_ruler *r, const char *text)
{
	unsigned used;

	term_fit(r, text, UINT_MAX / 2, &used);
	return used;
}

unsigned term_columns(int fd)
{
	struct winsize size = {0};

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}
