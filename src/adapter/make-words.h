/*
 * Shell text as a makefile holds it (LOG_COMPILER, TESTS_ENVIRONMENT), read without a
 * shell where that is possible.
 */
#ifndef XTEST_ADAPTER_MAKE_WORDS_H
#define XTEST_ADAPTER_MAKE_WORDS_H

#include "base/strv.h"

/* Appends the words a POSIX shell would make of `text` (XCU 2.2 "Quoting", 2.3 "Token
 * Recognition"). False, with nothing appended, when only a shell can tell: expansions,
 * command substitution, operators, globs, comments, tildes, unbalanced quotes. */
bool make_words_split(const char *text, struct strv *words);

/* Moves a leading `env NAME=VALUE…` (no options) of a command over to `env`. `command` is
 * left as it is when nothing would remain, when it starts otherwise, or when one of the
 * names occurs in `text`, shell text that is evaluated in between. */
void make_words_take_env(struct strv *command, const char *text, struct strv *env);

/* Length of the NAME of an assignment word "NAME=VALUE"; 0 when it is none. */
size_t make_words_assignment(const char *word);

/* True when the shell text puts an assignment before a command, exports something, or
 * changes directory: running the command alone is then not the same. */
bool make_words_set_up(const char *text);

#endif
