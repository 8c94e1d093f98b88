/*
 * Arguments and environment of a job: NULL-terminated arrays as execve() takes them.
 */
#ifndef XTEST_RUNNER_WORDS_H
#define XTEST_RUNNER_WORDS_H

#include "wire/wire.h"

/* The strings of two lists, copied, with room for `more` at the end. For words_free();
 * NULL without memory. */
char **words_join(const struct wire_list *a, const struct wire_list *b, size_t more);
void words_free(char **v);
/* Sets NAME=VALUE of an environment that has room for one more. */
void words_set(char **env, const char *name, const char *value);

#endif
