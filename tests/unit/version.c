#include "base/version.h"

#include "tests/tap.h"

static const struct {
	const char *a, *b;
	int order;
} pairs[] = {
	{"1.2", "1.2", 0},
	{"1.2", "1.2.0", 0},
	{"1.10", "1.9", 1},
	{"0.9.9", "1", -1},
	{"2.0.0-rc1", "2", 0},
	{"1.2.3.4", "1.2.3.5", -1},
};

static const struct {
	const char *text;
	bool valid;
} texts[] = {
	{"1", true},
	{"0.1.0", true},
	{"1.2.3.4", true},
	{"1.2.3.4.5", false},
	{"", false},
	{".1", false},
	{"1.", false},
	{"1.x", false},
	{"1.2-rc1", false},
	{"1234567890", false},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		int got = version_compare(pairs[i].a, pairs[i].b);
		int back = version_compare(pairs[i].b, pairs[i].a);

		is_int((got > 0) - (got < 0), pairs[i].order, pairs[i].a);
		is_int((back > 0) - (back < 0), -pairs[i].order, "and the other way");
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		is_int(version_is_valid(texts[i].text), texts[i].valid, texts[i].text);
	ok(version_is_valid(version_own()), "xtest's own");
	return tap_done();
}
