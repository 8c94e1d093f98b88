/*
 * The result lines that GoogleTest made common and cmocka prints too:
 * "[ RUN      ] name", "[       OK ] name (3 ms)", "[  FAILED  ] name", "[  SKIPPED ]
 * name".
 */
#ifndef XTEST_FRAMEWORK_BRACKET_H
#define XTEST_FRAMEWORK_BRACKET_H

#include "model/outcome.h"

struct bracket {
	size_t total, failed, skipped;
	bool ran_nothing; /* it says itself that no test ran */
};

/* Adds a point per test that was started; one that was not ended has failed. */
void bracket_parse(const char *data, size_t len, struct bracket *b, struct judgement *j);

#endif
