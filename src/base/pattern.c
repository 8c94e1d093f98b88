#include "base/pattern.h"

#include "base/json.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A filter is matched against names, a pass expression against captured output. With
 * these a catastrophic expression gives up within a second or so. */
enum {
	PATTERN_MAX_LENGTH = 64 << 10,
	PATTERN_MATCH_LIMIT = 10000000,
	PATTERN_DEPTH_LIMIT = 200000,
	PATTERN_HEAP_LIMIT_KIB = 64 << 10,
};

struct pattern {
	pcre2_code *by_character;
	pcre2_code *by_byte; /* NULL when it names a character that is no byte */
	pcre2_match_context *limits;
};

static pcre2_code *compile(
	const struct buf *text, uint32_t options, int *code, size_t *at)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *result;

	if (!context)
		abort();
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_max_pattern_length(context, PATTERN_MAX_LENGTH);
	result = pcre2_compile((PCRE2_SPTR)buf_str(text), text->len,
		options | PCRE2_NEVER_BACKSLASH_C, code, at, context);
	pcre2_compile_context_free(context);
	return result;
}

static struct pattern *compile_both(const struct buf *text, uint32_t options,
	const char *shown, bool positions, size_t *fault, struct err *e)
{
	struct pattern *p = xcalloc(1, sizeof(*p));
	int code;
	size_t at;

	p->by_character = compile(text, options | PCRE2_UTF | PCRE2_UCP, &code, &at);
	if (!p->by_character) {
		PCRE2_UCHAR why[128];

		pcre2_get_error_message(code, why, sizeof(why));
		if (fault)
			*fault = positions ? at : 0;
		free(p);
		return err_null(e, ERR_SETUP, "invalid expression '%s': %s", shown,
			(const char *)why);
	}
	p->by_byte = compile(text, options, &code, &at);
	p->limits = pcre2_match_context_create(NULL);
	if (!p->limits)
		abort();
	pcre2_set_match_limit(p->limits, PATTERN_MATCH_LIMIT);
	pcre2_set_depth_limit(p->limits, PATTERN_DEPTH_LIMIT);
	pcre2_set_heap_limit(p->limits, PATTERN_HEAP_LIMIT_KIB);
	return p;
}

static bool is_utf8(const char *text, size_t *fault)
{
	size_t len = strlen(text);

	for (size_t i = 0, step; i < len; i += step) {
		step = json_utf8_len(text + i, len - i);
		if (!step) {
			if (fault)
				*fault = i;
			return false;
		}
	}
	return true;
}

struct pattern *pattern_regex(
	const char *text, unsigned flags, size_t *fault, struct err *e)
{
	autorelease(buf) struct buf translated = BUF_INIT;

	if (!is_utf8(text, fault))
		return err_null(e, ERR_SETUP, "an expression must be UTF-8");
	if (!(flags & PATTERN_STRICT))
		buf_append_str(&translated, text);
	else if (pattern_regex_translate(text, &translated, fault, e) < 0)
		return NULL;
	return compile_both(&translated, PCRE2_DOLLAR_ENDONLY, text,
		streq(buf_str(&translated), text), fault, e);
}

struct pattern *pattern_glob(
	const char *text, unsigned flags, size_t *fault, struct err *e)
{
	autorelease(buf) struct buf translated = BUF_INIT;

	if (!is_utf8(text, fault))
		return err_null(e, ERR_SETUP, "a glob must be UTF-8");
	if (pattern_glob_translate(text, flags, &translated, fault, e) < 0)
		return NULL;
	return compile_both(
		&translated, PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY, text, false, fault, e);
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->by_character);
	pcre2_code_free(p->by_byte);
	pcre2_match_context_free(p->limits);
	free(p);
}

int pattern_match(const struct pattern *p, const char *text, size_t len, struct err *e)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	PCRE2_UCHAR why[128];
	int got;

	if (!data)
		abort();
	got = pcre2_match(p->by_character, (PCRE2_SPTR)text, len, 0, 0, data, p->limits);
	if (got <= PCRE2_ERROR_UTF8_ERR1 && got >= PCRE2_ERROR_UTF8_ERR21)
		got = p->by_byte ? pcre2_match(p->by_byte, (PCRE2_SPTR)text, len, 0, 0,
					   data, p->limits)
				 : PCRE2_ERROR_NOMATCH;
	pcre2_match_data_free(data);
	if (got >= 0)
		return 1;
	if (got == PCRE2_ERROR_NOMATCH)
		return 0;
	pcre2_get_error_message(got, why, sizeof(why));
	return err_set(e, ERR_SETUP, "gave up on matching %zu bytes: %s", len,
		(const char *)why);
}
