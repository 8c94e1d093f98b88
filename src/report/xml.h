/*
 * Composes XML 1.0 in UTF-8 from bytes of any kind (libxml2's xmlwriter underneath; this
 * is the one file that knows it). What XML cannot hold never gets in.
 */
#ifndef XTEST_REPORT_XML_H
#define XTEST_REPORT_XML_H

#include "base/buf.h"

struct xml {
	struct _xmlBuffer *buffer;
	struct _xmlTextWriter *writer;
};

void xml_init(struct xml *x);
void xml_release(struct xml *x);
void xml_declaration(struct xml *x);
void xml_open(struct xml *x, const char *element);
void xml_close(struct xml *x);
void xml_attribute(struct xml *x, const char *name, const char *value);
void xml_count(struct xml *x, const char *name, size_t n);
/* Seconds with three decimals. */
void xml_seconds(struct xml *x, const char *name, int64_t us);
/* A time in milliseconds since 1970, in UTC. */
void xml_time(struct xml *x, const char *name, int64_t wall_clock_ms);
/* Escape sequences of terminals and control characters are left out, bytes that are not
 * UTF-8 become U+FFFD. */
void xml_text(struct xml *x, const char *s, size_t len);
/* Markup made by another writer. */
void xml_raw(struct xml *x, const char *markup);
/* Moves what has been composed so far to the end of `out`. */
void xml_drain(struct xml *x, struct buf *out);

#endif
