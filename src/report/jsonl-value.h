/* What a field of a JSON line holds (docs/events.md), as the events have it. */
#ifndef XTEST_REPORT_JSONL_VALUE_H
#define XTEST_REPORT_JSONL_VALUE_H

#include "base/json.h"
#include "model/outcome.h"

/* Appends the bytes of a field: the exact ones (NAME_base64) where they are there. False:
 * it is null, or not there. */
bool jsonl_value_bytes(const struct json *object, const char *key, struct buf *out);
/* The same as a string; NULL for null. The first two live as long as `strings`, to which
 * they are appended; jsonl_value_word() is "" for null. The third is the caller's. */
const char *jsonl_value_text(
	struct strv *strings, const struct json *object, const char *key);
const char *jsonl_value_word(
	struct strv *strings, const struct json *object, const char *key);
char *jsonl_value_owned(const struct json *object, const char *key);
/* Numbers; 0 for what is none. The last two are never negative. */
int64_t jsonl_value_int(const struct json *object, const char *key);
size_t jsonl_value_size(const struct json *object, const char *key);
unsigned jsonl_value_unsigned(const struct json *object, const char *key);
/* The members `verdict` and `end`. What is not known is lost, and no pass. */
enum verdict jsonl_value_verdict(const struct json *object);
enum end_kind jsonl_value_end(const struct json *object);

#endif
