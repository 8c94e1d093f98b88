#include "report/xml.h"

#include "base/json.h"

#include <libxml/xmlwriter.h>
#include <time.h>

#define XML(s) ((const xmlChar *)(s))

void xml_init(struct xml *x)
{
	x->buffer = xmlBufferCreate();
	x->writer = xmlNewTextWriterMemory(x->buffer, 0);
	if (!x->writer)
		abort(); /* out of memory, as in xmalloc() */
}

void xml_release(struct xml *x)
{
	xmlFreeTextWriter(x->writer);
	xmlBufferFree(x->buffer);
	*x = (struct xml){NULL, NULL};
}

/* Skips a terminal's control sequence (ECMA-48: CSI, and OSC up to BEL or ST). */
static size_t escape_len(const char *s, size_t len)
{
	size_t i = 2;

	if (len < 2 || s[0] != 0x1b)
		return len && s[0] == 0x1b;
	if (s[1] == '[') {
		while (i < len && s[i] >= 0x20 && s[i] < 0x40)
			i++;
		return i < len && s[i] >= 0x40 && s[i] < 0x7f ? i + 1 : i;
	}
	if (s[1] == ']') {
		while (i < len && s[i] != '\n' && s[i] != 0x07 && s[i] != 0x1b)
			i++;
		return i < len && s[i] == 0x07 ? i + 1 : i;
	}
	return 1;
}

/* What XML 1.0 (section 2.2, Char) allows, as UTF-8: escape sequences and other control
 * characters go, bytes that are no text become U+FFFD. */
static void append_chars(struct buf *out, const char *s, size_t len)
{
	while (len) {
		size_t n = json_utf8_len(s, len);
		unsigned char c = (unsigned char)s[0];
		bool noncharacter = n == 3 && memcmp(s, "\xef\xbf", 2) == 0 &&
				    (unsigned char)s[2] >= 0xbe;

		if (c == 0x1b)
			n = escape_len(s, len);
		else if (n == 0 || noncharacter)
			buf_append_str(out, "\xef\xbf\xbd");
		else if (n > 1 || c == '\t' || c == '\n' || (c >= 0x20 && c != 0x7f))
			buf_append(out, s, n);
		n = MAX(n, 1);
		s += n;
		len -= n;
	}
}

void xml_declaration(struct xml *x)
{
	xmlTextWriterStartDocument(x->writer, NULL, "UTF-8", NULL);
}

void xml_open(struct xml *x, const char *element)
{
	xmlTextWriterStartElement(x->writer, XML(element));
}

void xml_close(struct xml *x)
{
	xmlTextWriterEndElement(x->writer);
}

void xml_attribute(struct xml *x, const char *name, const char *value)
{
	autorelease(buf) struct buf clean = BUF_INIT;

	append_chars(&clean, value, strlen(value));
	xmlTextWriterWriteAttribute(x->writer, XML(name), XML(buf_str(&clean)));
}

void xml_count(struct xml *x, const char *name, size_t n)
{
	autofree char *number = xasprintf("%zu", n);

	xml_attribute(x, name, number);
}

void xml_seconds(struct xml *x, const char *name, int64_t us)
{
	autofree char *seconds = xasprintf(
		"%lld.%03lld", (long long)(us / 1000000), (long long)(us / 1000 % 1000));

	xml_attribute(x, name, seconds);
}

void xml_time(struct xml *x, const char *name, int64_t wall_clock_ms)
{
	time_t t = (time_t)(wall_clock_ms / 1000);
	char stamp[32];
	struct tm tm;

	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	xml_attribute(x, name, stamp);
}

void xml_text(struct xml *x, const char *s, size_t len)
{
	autorelease(buf) struct buf clean = BUF_INIT;

	append_chars(&clean, s, len);
	xmlTextWriterWriteString(x->writer, XML(buf_str(&clean)));
}

void xml_raw(struct xml *x, const char *markup)
{
	xmlTextWriterWriteRaw(x->writer, XML(markup));
}

void xml_drain(struct xml *x, struct buf *out)
{
	xmlTextWriterFlush(x->writer);
	buf_append(out, xmlBufferContent(x->buffer), (size_t)xmlBufferLength(x->buffer));
	xmlBufferEmpty(x->buffer);
}
