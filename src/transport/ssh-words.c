#include "transport/ssh-words.h"

#include "base/buf.h"

#include <ctype.h>

static const char blanks[] = " \t\r\f";

int ssh_words_split(char *line, char **key, const char **rest, struct strv *words)
{
	size_t len = strlen(line);
	char *at = line;

	while (len && strchr(blanks, line[len - 1]))
		line[--len] = '\0';
	at += strspn(at, blanks);
	*rest = at;
	if (!*at || *at == '#')
		return 0;
	len = strcspn(at, " \t=");
	*key = xstrndup(at, len);
	at += len;
	at += strspn(at, blanks);
	if (*at == '=')
		at++;
	at += strspn(at, blanks);
	*rest = at;
	while (*at && *at != '#') {
		bool quoted = *at == '"';
		const char *word = at + quoted;

		len = strcspn(word, quoted ? "\"" : blanks);
		if (quoted && !word[len])
			return -1;
		strv_push_take(words, xstrndup(word, len));
		at = (char *)(uintptr_t)word + len + quoted;
		at += strspn(at, blanks);
	}
	return 0;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* A star that did not lead to an end is tried one letter longer: linear in each star. */
static bool match_one(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *again = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = ++pattern;
			again = text;
		} else if (pattern < end &&
			   (*pattern == '?' || same_letter(*pattern, *text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++again;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool ssh_words_match_list(const char *list, const char *separators, const char *text)
{
	bool any = false;

	for (;;) {
		bool negated;
		size_t len;

		list += strspn(list, separators);
		if (!*list)
			return any;
		negated = *list == '!';
		list += negated;
		len = strcspn(list, separators);
		if (match_one(list, len, text)) {
			if (negated)
				return false;
			any = true;
		}
		list += len;
	}
}

char *ssh_words_expand(const char *text, const struct ssh_token *tokens, const char *home)
{
	struct buf out = BUF_INIT;

	if (home && *text == '~' && (text[1] == '/' || !text[1])) {
		buf_append_str(&out, home);
		text++;
	}
	for (; *text; text++) {
		const struct ssh_token *t = tokens;

		if (*text != '%' || !text[1]) {
			buf_append_char(&out, *text);
			continue;
		}
		text++;
		while (t->letter && t->letter != *text)
			t++;
		if (t->letter)
			buf_append_str(&out, t->value);
		else if (*text == '%')
			buf_append_char(&out, '%');
		else
			buf_printf(&out, "%%%c", *text);
	}
	return buf_take(&out);
}
