/*
 * Reading and writing JSON. Reading gives a tree (json-c underneath; this is the one file
 * that knows it); comments are accepted. Writing appends to a buffer as it goes and keeps
 * no tree, so that a report of any size costs nothing.
 */
#ifndef XTEST_BASE_JSON_H
#define XTEST_BASE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct json; /* a value in a tree; only the root is owned, everything below is borrowed */

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/* Parses text; `name` stands for the text in messages ("FILE:LINE:COLUMN: …"). Kind of
 * error: ERR_SETUP. */
struct json *json_parse(const char *text, size_t len, const char *name, struct err *e);
/* Reads and parses a file. */
struct json *json_load(const char *path, struct err *e);
void json_free(struct json *root);
void json_release(struct json **root); /* for autorelease_json */
#define autorelease_json __attribute__((cleanup(json_release)))

enum json_kind json_kind(const struct json *value);
const char *json_kind_name(enum json_kind kind);
/* Member of an object; NULL when `object` is no object (or NULL) or has no such member.
 */
const struct json *json_find(const struct json *object, const char *key);
/* Number of elements or members; 0 for everything else. */
size_t json_len(const struct json *value);
/* Element of an array; NULL out of bounds. */
const struct json *json_at(const struct json *array, size_t i);

/* The value as a C type, or the fallback when it is NULL or of another type. Strings are
 * borrowed. */
const char *json_string(const struct json *value, const char *fallback);
/* Bytes of a string, NULs in it counted; 0 for other values. */
size_t json_string_len(const struct json *value);
int64_t json_int(const struct json *value, int64_t fallback);
double json_double(const struct json *value, double fallback);
bool json_boolean(const struct json *value, bool fallback);
/* Appends the strings of an array, or the one string; other values are passed over. */
void json_strv(const struct json *value, struct strv *out);
/* json_string(json_find(object, key), fallback). */
const char *json_find_string(
	const struct json *object, const char *key, const char *fallback);

/* Members of an object in file order: for (struct json_iter it = json_iter(o);
 * json_next(&it);) */
struct json_iter {
	const char *key;
	const struct json *value;
	void *entry; /* private */
};
struct json_iter json_iter(const struct json *object);
bool json_next(struct json_iter *it);

/* Writing. Keys and commas are put in by the writer; NULL as key inside arrays. Strings
 * are bytes: what is not UTF-8 is written as U+FFFD, control characters as \uXXXX. */
struct jsonw {
	struct buf *out; /* borrowed */
	unsigned depth;
	bool need_comma;
	bool pretty; /* one member a line, indented by two blanks a level */
};
void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_open(struct jsonw *w, const char *key, char bracket); /* '{' or '[' */
void jsonw_close(struct jsonw *w, char bracket);                 /* '}' or ']' */
void jsonw_string(
	struct jsonw *w, const char *key, const char *value); /* NULL writes null */
void jsonw_bytes(struct jsonw *w, const char *key, const char *data, size_t len);
void jsonw_int(struct jsonw *w, const char *key, int64_t value);
/* A number with `digits` decimals, the same in every locale. */
void jsonw_fixed(struct jsonw *w, const char *key, double value, int digits);
void jsonw_bool(struct jsonw *w, const char *key, bool value);
void jsonw_null(struct jsonw *w, const char *key);
void jsonw_strv(struct jsonw *w, const char *key, const struct strv *items);
/* A tree read before, as it is. */
void jsonw_value(struct jsonw *w, const char *key, const struct json *value);

/* Length of the UTF-8 sequence at the start of `s` (1–4), or 0 when the bytes are not
 * valid UTF-8. */
size_t json_utf8_len(const char *s, size_t len);

#endif
