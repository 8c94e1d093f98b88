/* The words of OpenSSH's files: lines with quotes, lists of patterns, tokens. */
#ifndef XTEST_TRANSPORT_SSH_WORDS_H
#define XTEST_TRANSPORT_SSH_WORDS_H

#include "base/strv.h"

/* "Key value …" or "Key=value" of ssh_config(5): *key is the caller's, NULL of an empty
 * line or a comment; *rest is the text behind it (borrowed from the line, which loses its
 * trailing blanks). -1: a quote is not closed. */
int ssh_words_split(
	char *line, char **key, const char **rest, struct strv *words) MUST_CHECK;

/* True when `text` is matched by one pattern ('*', '?') of the list and by none of those
 * with a '!' in front. Letters of either case are the same. */
bool ssh_words_match_list(const char *list, const char *separators, const char *text);

struct ssh_token {
	char letter; /* "%h" is 'h'; 0 ends the array */
	const char *value;
};
/* Replaces tokens ("%%" is a percent sign, an unknown one stays), and with `home` a "~/"
 * in front. The caller's. */
char *ssh_words_expand(
	const char *text, const struct ssh_token *tokens, const char *home);

#endif
