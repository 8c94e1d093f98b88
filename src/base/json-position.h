/*
 * Where in its text each member of a JSON document stands. The parser keeps no positions;
 * this scans a text that was parsed already, so that a message can say FILE:LINE:COLUMN.
 */
#ifndef XTEST_BASE_JSON_POSITION_H
#define XTEST_BASE_JSON_POSITION_H

#include "base/err.h"

/* A value, and its members or elements in the order of the text, which is also the order
 * of json_iter() and json_at(). */
struct json_position {
	size_t key;   /* offset of the member's key; of the value in an array */
	size_t value; /* offset of the value */
	struct json_position *kids; /* owned */
	size_t len, cap;
};

/* Scans the text of a document that json_parse() accepted. Refuses an object that has a
 * member twice (ERR_SETUP, "NAME:LINE:COLUMN: …"), because the parser would drop one
 * silently. */
int json_position_scan(struct json_position *root, const char *text, size_t len,
	const char *name, struct err *e) MUST_CHECK;
void json_position_release(struct json_position *root);
/* Line and column, both from 1; the column counts bytes. */
void json_position_find(
	const char *text, size_t offset, unsigned *line, unsigned *column);

#endif
