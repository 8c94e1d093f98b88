#include "adapter/make-words.h"

#include "base/buf.h"

#include <ctype.h>

/* Reads one quoted or escaped piece at *text into `word`; false when a shell is needed.
 */
static bool read_piece(const char **text, struct buf *word)
{
	const char *p = *text;

	if (*p == '\'') {
		const char *end = strchr(++p, '\'');

		if (!end)
			return false;
		buf_append(word, p, (size_t)(end - p));
		*text = end + 1;
		return true;
	}
	if (*p == '"') {
		for (p++; *p != '"'; p++) {
			if (!*p || *p == '$' || *p == '`')
				return false;
			if (*p == '\\' && p[1] && strchr("$`\"\\\n", p[1]))
				p++;
			buf_append_char(word, *p);
		}
		*text = p + 1;
		return true;
	}
	if (*p == '\\') {
		if (!p[1])
			return false;
		if (p[1] != '\n')
			buf_append_char(word, p[1]);
		*text = p + 2;
		return true;
	}
	if (strchr("$`;&|<>(){}*?[#~!", *p))
		return false;
	buf_append_char(word, *p);
	*text = p + 1;
	return true;
}

bool make_words_split(const char *text, struct strv *words)
{
	autorelease(strv) struct strv found = STRV_INIT;

	for (;;) {
		autorelease(buf) struct buf word = BUF_INIT;

		while (isspace((unsigned char)*text))
			text++;
		if (!*text)
			break;
		while (*text && !isspace((unsigned char)*text))
			if (!read_piece(&text, &word))
				return false;
		strv_push(&found, buf_str(&word));
	}
	strv_push_all(words, &found);
	return true;
}

size_t make_words_assignment(const char *word)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*word) && *word != '_')
		return 0;
	while (isalnum((unsigned char)word[n]) || word[n] == '_')
		n++;
	return word[n] == '=' ? n : 0;
}

void make_words_take_env(struct strv *command, const char *text, struct strv *env)
{
	size_t n = 1;

	if (!command->len || !streq(command->v[0], "env"))
		return;
	for (; n < command->len && make_words_assignment(command->v[n]); n++) {
		autofree char *name =
			xstrndup(command->v[n], make_words_assignment(command->v[n]));

		if (strstr(text, name))
			return;
	}
	if (n == command->len || command->v[n][0] == '-')
		return;
	for (size_t i = 1; i < n; i++)
		strv_env_put(env, command->v[i]);
	while (n--)
		strv_remove(command, 0);
}

bool make_words_set_up(const char *text)
{
	static const char *const separators = ";&|(){}\n \t";
	bool start = true; /* a command may begin here */

	while (*text) {
		size_t blank = strspn(text, separators), len, name;

		if (blank && (strcspn(text, ";&|(){}\n") < blank))
			start = true;
		text += blank;
		len = strcspn(text, separators);
		if (!len)
			continue;
		name = make_words_assignment(text);
		if (start && name && name < len) {
			const char *next = text + len + strspn(text + len, " \t");

			if (*next && !strchr(";&|)\n", *next))
				return true;
		}
		if (start && ((len == 6 && strncmp(text, "export", 6) == 0) ||
				     (len == 2 && strncmp(text, "cd", 2) == 0)))
			return true;
		/* A word that a command may follow. */
		start = (len == 2 && strncmp(text, "do", 2) == 0) ||
			(len == 2 && strncmp(text, "if", 2) == 0) ||
			(len == 4 && strncmp(text, "then", 4) == 0) ||
			(len == 4 && strncmp(text, "else", 4) == 0) ||
			(len == 1 && *text == '!');
		text += len;
	}
	return false;
}
