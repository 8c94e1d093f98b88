/* Asks a person on the terminal for what must not be written anywhere. */
#ifndef XTEST_TRANSPORT_SSH_PROMPT_H
#define XTEST_TRANSPORT_SSH_PROMPT_H

#include "base/util.h"

/* There is a terminal to ask on. */
bool ssh_prompt_can(void);
/* Shows the text and reads a line, unseen unless `echo`. Gives up when `parent_fd` is
 * hung up. -1: no answer. Whoever has it overwrites it after use. */
int ssh_prompt_ask(
	const char *text, bool echo, int parent_fd, char *answer, size_t size) MUST_CHECK;

#endif
