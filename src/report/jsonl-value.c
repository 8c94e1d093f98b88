#include "report/jsonl-value.h"

#include "report/jsonl.h"

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
				      : -1;
}

/* Stops at what is no base64. */
static void append_base64_decoded(struct buf *out, const char *text)
{
	unsigned bits = 0, n = 0;

	for (; base64_digit(*text) >= 0; text++) {
		bits = bits << 6 | (unsigned)base64_digit(*text);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_append_char(out, (char)(bits >> n & 0xff));
		}
	}
}

/* The bytes of a field: the exact ones where there are two. False: it is null. */
bool jsonl_value_bytes(const struct json *object, const char *key, struct buf *out)
{
	autofree char *exact_key = xasprintf("%s_base64", key);
	const char *exact = json_find_string(object, exact_key, NULL);
	const struct json *value = json_find(object, key);

	if (exact)
		append_base64_decoded(out, exact);
	else if (json_kind(value) == JSON_STRING)
		buf_append(out, json_string(value, ""), json_string_len(value));
	return exact || json_kind(value) == JSON_STRING;
}

/* The same as a string that lives as long as `strings`; NULL for null. */
const char *jsonl_value_text(
	struct strv *strings, const struct json *object, const char *key)
{
	struct buf text = BUF_INIT;

	if (!jsonl_value_bytes(object, key, &text)) {
		buf_release(&text);
		return NULL;
	}
	strv_push_take(strings, buf_take(&text));
	return strings->v[strings->len - 1];
}

const char *jsonl_value_word(
	struct strv *strings, const struct json *object, const char *key)
{
	const char *text = jsonl_value_text(strings, object, key);

	return text ? text : "";
}

char *jsonl_value_owned(const struct json *object, const char *key)
{
	struct buf text = BUF_INIT;

	if (jsonl_value_bytes(object, key, &text))
		return buf_take(&text);
	buf_release(&text);
	return NULL;
}

int64_t jsonl_value_int(const struct json *object, const char *key)
{
	return json_int(json_find(object, key), 0);
}

size_t jsonl_value_size(const struct json *object, const char *key)
{
	return (size_t)MAX(jsonl_value_int(object, key), 0);
}

unsigned jsonl_value_unsigned(const struct json *object, const char *key)
{
	return (unsigned)MIN(MAX(jsonl_value_int(object, key), 0), INT32_MAX);
}

enum verdict jsonl_value_verdict(const struct json *object)
{
	const char *name = json_find_string(object, "verdict", "");

	for (enum verdict v = VERDICT_PASS; v < VERDICT_LOST; v++)
		if (streq(verdict_name(v), name))
			return v;
	/* What is not known is no pass. */
	return VERDICT_LOST;
}

enum end_kind jsonl_value_end(const struct json *object)
{
	const char *name = json_find_string(object, "end", "");

	for (enum end_kind k = END_EXIT; k < END_MACHINE; k++)
		if (streq(jsonl_end_name(k), name))
			return k;
	return END_MACHINE;
}
