#include "base/duration.h"

#include "base/buf.h"

#include <ctype.h>
#include <inttypes.h>

struct unit {
	const char *names; /* blank before and after each */
	const char *shown;
	int64_t us;
};

/* Descending, for printing. */
static const struct unit units[] = {
	{" d day days ", "d", INT64_C(86400000000)},
	{" h hr hour hours ", "h", INT64_C(3600000000)},
	{" m min mins minute minutes ", "m", INT64_C(60000000)},
	{" s sec secs second seconds ", "s", INT64_C(1000000)},
	{" ms msec msecs millisecond milliseconds ", "ms", INT64_C(1000)},
	{" us usec usecs microsecond microseconds ", "us", INT64_C(1)},
};

static int64_t unit_find(const char *name, size_t len)
{
	autofree char *wanted = xasprintf(" %.*s ", (int)len, name);

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strstr(units[i].names, wanted))
			return units[i].us;
	return 0;
}

/* One number and its unit, added to *us. */
static int part(const char **at, const char *text, int64_t *us, struct err *e)
{
	const char *s = *at;
	int64_t whole = 0, scale = 1, fraction = 0, unit, sum;
	size_t len;
	bool overflow = false;

	if (!isdigit((unsigned char)*s))
		return err_set(e, ERR_SETUP,
			"invalid duration '%s': expected a number and a unit, as in "
			"'90s', '1m 30s' or '250ms'",
			text);
	for (; isdigit((unsigned char)*s); s++)
		overflow |= __builtin_mul_overflow(whole, 10, &whole) ||
			    __builtin_add_overflow(whole, *s - '0', &whole);
	if (*s == '.') {
		for (s++; isdigit((unsigned char)*s); s++) {
			if (scale == 1000000)
				continue;
			fraction = fraction * 10 + *s - '0';
			scale *= 10;
		}
	}
	while (*s == ' ')
		s++;
	for (len = 0; isalpha((unsigned char)s[len]); len++)
		;
	if (!len)
		return err_set(e, ERR_SETUP,
			"invalid duration '%s': a number without its unit (us, ms, s, m, "
			"h, d)",
			text);
	unit = unit_find(s, len);
	if (!unit)
		return err_set(e, ERR_SETUP,
			"invalid duration '%s': unknown unit '%.*s' (us, ms, s, m, h, d)",
			text, (int)MIN(len, 32), s);
	overflow |= __builtin_mul_overflow(whole, unit, &sum) ||
		    __builtin_add_overflow(sum, fraction * unit / scale, &sum) ||
		    __builtin_add_overflow(*us, sum, us);
	if (overflow)
		return err_set(e, ERR_SETUP, "invalid duration '%s': too long", text);
	*at = s + len;
	return 0;
}

int duration_parse(const char *text, int64_t *us, struct err *e)
{
	const char *at = text;
	int64_t total = 0;

	at += strspn(at, " ");
	do {
		if (part(&at, text, &total, e) < 0)
			return -1;
		at += strspn(at, " ");
	} while (*at);
	*us = total;
	return 0;
}

char *duration_format(int64_t us)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (us < units[i].us)
			continue;
		buf_printf(&out, "%s%" PRId64 "%s", out.len ? " " : "", us / units[i].us,
			units[i].shown);
		us %= units[i].us;
	}
	if (!out.len)
		buf_append_str(&out, "0s");
	return buf_take(&out);
}
