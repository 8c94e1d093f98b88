#include "runner/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char **copy_list(char **to, const struct wire_list *list)
{
	const char *at = NULL, *s;

	while ((s = msg_list_next(list, &at))) {
		*to = strdup(s);
		if (!*to)
			return NULL;
		to++;
	}
	return to;
}

char **words_join(const struct wire_list *a, const struct wire_list *b, size_t more)
{
	char **v = calloc((size_t)a->count + b->count + more + 1, sizeof(*v)), **end;

	if (!v)
		return NULL;
	end = copy_list(v, a);
	if (end && copy_list(end, b))
		return v;
	words_free(v);
	return NULL;
}

void words_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

void words_set(char **env, const char *name, const char *value)
{
	size_t len = strlen(name);
	char *entry;

	if (asprintf(&entry, "%s=%s", name, value) < 0)
		return;
	for (; *env; env++) {
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') {
			free(*env);
			break;
		}
	}
	*env = entry;
}
