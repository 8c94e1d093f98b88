#include "base/duration.h"

#include "tests/tap.h"

static const struct {
	const char *text;
	int64_t us;        /* -1: refused */
	const char *shown; /* or a part of the message */
} table[] = {
	{"120s", 120000000, "2m"},
	{"1m 30s", 90000000, "1m 30s"},
	{"1m30s", 90000000, "1m 30s"},
	{"500ms", 500000, "500ms"},
	{" 2 h ", 7200000000, "2h"},
	{"1.5s", 1500000, "1s 500ms"},
	{"0.0000019s", 1, "1us"},
	{"0s", 0, "0s"},
	{"3 days 2 hours", 266400000000, "3d 2h"},
	{"10us", 10, "10us"},
	{"30min", 1800000000, "30m"},
	{"106751991d", 9223372022400000000, "106751991d"},
	{"", -1, "expected a number"},
	{" ", -1, "expected a number"},
	{"120", -1, "without its unit"},
	{"1m 30", -1, "without its unit"},
	{"-1s", -1, "expected a number"},
	{"s", -1, "expected a number"},
	{"1x", -1, "unknown unit 'x'"},
	{"1S", -1, "unknown unit 'S'"},
	{"1s;", -1, "expected a number"},
	{"106751992d", -1, "too long"},
	{"99999999999999999999s", -1, "too long"},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct err e = {0};
		int64_t us = -1;
		int got = duration_parse(table[i].text, &us, &e);

		if (table[i].us < 0) {
			ok(got < 0 && strstr(e.msg, table[i].shown),
				"'%s' is refused: %s", table[i].text, e.msg);
			continue;
		}
		ok(got == 0 && us == table[i].us, "'%s' is %lld us", table[i].text,
			(long long)us);
		autofree char *shown = duration_format(us);
		is_str(shown, table[i].shown, "and is printed");
	}
	return tap_done();
}
