#include "base/version.h"

#include "config.h"

#include <ctype.h>

enum { MAX_NUMBERS = 4, MAX_DIGITS = 9 };

const char *version_own(void)
{
	return PACKAGE_VERSION;
}

bool version_is_valid(const char *text)
{
	for (int numbers = 1; numbers <= MAX_NUMBERS; numbers++) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || digits > MAX_DIGITS)
			return false;
		text += digits;
		if (!*text)
			return true;
		if (*text++ != '.')
			return false;
	}
	return false;
}

static long next_number(const char **text)
{
	char *end;
	long number;

	if (!isdigit((unsigned char)**text))
		return 0;
	number = strtol(*text, &end, 10);
	*text = *end == '.' ? end + 1 : end;
	return number;
}

int version_compare(const char *a, const char *b)
{
	for (int i = 0; i < MAX_NUMBERS; i++) {
		long x = next_number(&a), y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}
