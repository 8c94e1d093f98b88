#include "base/json.h"

#include "base/fs.h"
#include "base/json-position.h"

#include <json-c/json.h>
#include <inttypes.h>
#include <stdio.h>

enum { JSON_MAX_DEPTH = 64 };

/* struct json is never defined: a pointer to it is a json-c pointer in disguise. */
static struct json_object *unwrap(const struct json *value)
{
	union {
		const struct json *in;
		struct json_object *out;
	} u = {.in = value};

	return u.out;
}

static struct json *wrap(struct json_object *object)
{
	return (struct json *)object;
}

struct json *json_parse(const char *text, size_t len, const char *name, struct err *e)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH);
	struct json_object *root = NULL;
	enum json_tokener_error status = json_tokener_error_parse_eof;
	unsigned line, column;
	size_t end = 0;

	if (len > INT32_MAX) {
		json_tokener_free(tokener);
		return err_null(e, ERR_SETUP, "%s: larger than 2 GiB", name);
	}
	if (len) {
		root = json_tokener_parse_ex(tokener, text, (int)len);
		status = json_tokener_get_error(tokener);
		end = json_tokener_get_parse_end(tokener);
	}
	if (status == json_tokener_continue) {
		/* A number or literal at the very end is complete only when something
		 * follows. */
		root = json_tokener_parse_ex(tokener, "\n", 1);
		status = json_tokener_get_error(tokener);
		if (status == json_tokener_continue)
			status = json_tokener_error_parse_eof;
	}
	json_tokener_free(tokener);
	if (status == json_tokener_success) {
		while (end < len && strchr(" \t\r\n", text[end]) && text[end])
			end++;
		if (end >= len && root)
			return wrap(root);
	}
	json_object_put(root);
	json_position_find(text, MIN(end, len), &line, &column);
	return err_null(e, ERR_SETUP, "%s:%u:%u: %s", name, line, column,
		status != json_tokener_success ? json_tokener_error_desc(status)
		: root ? "something follows the end of the JSON value"
		       : "expected an object, found null");
}

struct json *json_load(const char *path, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	if (fs_read_file(path, &text, e) < 0)
		return NULL;
	return json_parse(buf_str(&text), text.len, path, e);
}

void json_free(struct json *root)
{
	json_object_put(unwrap(root));
}

void json_release(struct json **root)
{
	json_free(*root);
}

enum json_kind json_kind(const struct json *value)
{
	switch (json_object_get_type(unwrap(value))) {
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
	case json_type_int:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	default:
		return JSON_NULL;
	}
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_NULL] = "null",
		[JSON_BOOL] = "true or false",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return names[kind];
}

const struct json *json_find(const struct json *object, const char *key)
{
	struct json_object *member;

	if (json_kind(object) != JSON_OBJECT ||
		!json_object_object_get_ex(unwrap(object), key, &member))
		return NULL;
	return wrap(member);
}

size_t json_len(const struct json *value)
{
	if (json_kind(value) == JSON_ARRAY)
		return json_object_array_length(unwrap(value));
	if (json_kind(value) == JSON_OBJECT)
		return (size_t)json_object_object_length(unwrap(value));
	return 0;
}

const struct json *json_at(const struct json *array, size_t i)
{
	if (json_kind(array) != JSON_ARRAY || i >= json_len(array))
		return NULL;
	return wrap(json_object_array_get_idx(unwrap(array), i));
}

const char *json_string(const struct json *value, const char *fallback)
{
	return json_kind(value) == JSON_STRING ? json_object_get_string(unwrap(value))
					       : fallback;
}

size_t json_string_len(const struct json *value)
{
	return json_kind(value) == JSON_STRING
		       ? (size_t)json_object_get_string_len(unwrap(value))
		       : 0;
}

int64_t json_int(const struct json *value, int64_t fallback)
{
	return json_kind(value) == JSON_NUMBER ? json_object_get_int64(unwrap(value))
					       : fallback;
}

double json_double(const struct json *value, double fallback)
{
	return json_kind(value) == JSON_NUMBER ? json_object_get_double(unwrap(value))
					       : fallback;
}

bool json_boolean(const struct json *value, bool fallback)
{
	return json_kind(value) == JSON_BOOL ? json_object_get_boolean(unwrap(value))
					     : fallback;
}

void json_strv(const struct json *value, struct strv *out)
{
	if (json_kind(value) == JSON_STRING)
		strv_push(out, json_string(value, ""));
	for (size_t i = 0; json_kind(value) == JSON_ARRAY && i < json_len(value); i++)
		if (json_kind(json_at(value, i)) == JSON_STRING)
			strv_push(out, json_string(json_at(value, i), ""));
}

const char *json_find_string(
	const struct json *object, const char *key, const char *fallback)
{
	return json_string(json_find(object, key), fallback);
}

struct json_iter json_iter(const struct json *object)
{
	struct json_iter it = {NULL, NULL, NULL};

	if (json_kind(object) == JSON_OBJECT)
		it.entry = json_object_get_object(unwrap(object))->head;
	return it;
}

bool json_next(struct json_iter *it)
{
	struct lh_entry *entry = it->entry;

	if (!entry)
		return false;
	it->key = lh_entry_k(entry);
	it->value = wrap(lh_entry_v(entry));
	it->entry = entry->next;
	return true;
}

void jsonw_init(struct jsonw *w, struct buf *out)
{
	*w = (struct jsonw){.out = out};
}

static void new_line(struct jsonw *w)
{
	if (!w->pretty)
		return;
	buf_append_char(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		buf_append_str(w->out, "  ");
}

size_t json_utf8_len(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = len == 0      ? 0
		   : u[0] < 0x80 ? 1
		   : u[0] < 0xc2 ? 0
		   : u[0] < 0xe0 ? 2
		   : u[0] < 0xf0 ? 3
		   : u[0] < 0xf5 ? 4
				 : 0;

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f)))
		return 0; /* overlong, or a surrogate */
	if (n == 4 && ((u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f)))
		return 0; /* overlong, or beyond U+10FFFF */
	return n;
}

static void write_quoted(struct buf *out, const char *s, size_t len)
{
	buf_append_char(out, '"');
	while (len) {
		size_t n = json_utf8_len(s, len);
		unsigned char c = (unsigned char)*s;

		if (n == 0) {
			buf_append_str(out, "\\ufffd");
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_printf(out, "\\%c", c);
		} else if (c == '\n') {
			buf_append_str(out, "\\n");
		} else if (c == '\t') {
			buf_append_str(out, "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_append(out, s, n);
		}
		s += n;
		len -= n;
	}
	buf_append_char(out, '"');
}

static void begin_value(struct jsonw *w, const char *key)
{
	if (w->need_comma)
		buf_append_char(w->out, ',');
	if (w->depth)
		new_line(w);
	w->need_comma = true;
	if (key) {
		write_quoted(w->out, key, strlen(key));
		buf_append_str(w->out, w->pretty ? ": " : ":");
	}
}

void jsonw_open(struct jsonw *w, const char *key, char bracket)
{
	begin_value(w, key);
	buf_append_char(w->out, bracket);
	w->need_comma = false;
	w->depth++;
}

void jsonw_close(struct jsonw *w, char bracket)
{
	w->depth--;
	if (w->need_comma)
		new_line(w);
	buf_append_char(w->out, bracket);
	w->need_comma = true;
}

void jsonw_bytes(struct jsonw *w, const char *key, const char *data, size_t len)
{
	begin_value(w, key);
	write_quoted(w->out, data, len);
}

void jsonw_string(struct jsonw *w, const char *key, const char *value)
{
	if (value)
		jsonw_bytes(w, key, value, strlen(value));
	else
		jsonw_null(w, key);
}

void jsonw_int(struct jsonw *w, const char *key, int64_t value)
{
	begin_value(w, key);
	buf_printf(w->out, "%" PRId64, value);
}

void jsonw_fixed(struct jsonw *w, const char *key, double value, int digits)
{
	char text[64];
	char *comma;

	snprintf(text, sizeof text, "%.*f", digits, value);
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	begin_value(w, key);
	buf_append_str(w->out, text);
}

void jsonw_bool(struct jsonw *w, const char *key, bool value)
{
	begin_value(w, key);
	buf_append_str(w->out, value ? "true" : "false");
}

void jsonw_null(struct jsonw *w, const char *key)
{
	begin_value(w, key);
	buf_append_str(w->out, "null");
}

void jsonw_strv(struct jsonw *w, const char *key, const struct strv *items)
{
	jsonw_open(w, key, '[');
	for (size_t i = 0; i < items->len; i++)
		jsonw_string(w, NULL, items->v[i]);
	jsonw_close(w, ']');
}

void jsonw_value(struct jsonw *w, const char *key, const struct json *value)
{
	begin_value(w, key);
	buf_append_str(
		w->out, json_object_to_json_string_ext(unwrap(value),
				JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}
