#include "model/config-keys.h"

/* The same for what is an object, or only what its first key holds. */
static const char *short_text(const struct config_key *first)
{
	switch (first->type) {
	case CONFIG_INTEGER:
		return "number or object";
	case CONFIG_STRING:
		return "text or object";
	case CONFIG_COMMAND:
		return "text, list of texts or object";
	default:
		return "duration or object";
	}
}

/* What the value looks like, for people. */
static const char *type_text(const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_WORD:
		return "text";
	case CONFIG_FLAG:
		return "true or false";
	case CONFIG_INTEGER:
	case CONFIG_DECIMAL:
		return "number";
	case CONFIG_DEPTH:
		return "number or \"infinite\"";
	case CONFIG_COUNT:
		return "number or word";
	case CONFIG_DURATION:
		return "duration";
	case CONFIG_FILTER:
		return "filterset";
	case CONFIG_STRINGS:
		return "list of texts";
	case CONFIG_NAMES:
	case CONFIG_COMMAND:
		return "text or list of texts";
	case CONFIG_COMMANDS:
		return "list of commands";
	case CONFIG_ENV:
		return "object of texts";
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
		return short_text(key->keys);
	case CONFIG_SWITCH:
		return "true, false or object";
	case CONFIG_LIST:
		return "list of objects";
	case CONFIG_MAP:
		return "object of objects, each under its name";
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		break;
	}
	return "object";
}

static void print_words(const struct config_key *key, struct buf *out)
{
	for (size_t i = 0; key->words[i]; i++)
		buf_printf(out, "%s\"%s\"", i ? ", " : "", key->words[i]);
}

static void print_keys(const struct config_key *keys, int indent, struct buf *out)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED) {
			print_keys(keys->keys, indent, out);
			continue;
		}
		buf_printf(out, "%*s%-*s %s (", indent, "", 28 - indent, keys->name,
			keys->help);
		if (keys->type == CONFIG_WORD)
			print_words(keys, out);
		else
			buf_append_str(out, type_text(keys));
		buf_printf(out, "%s)\n", keys->required ? "; required" : "");
		if (keys->keys)
			print_keys(keys->keys, indent + 2, out);
	}
}

void config_help_print(struct buf *out)
{
	print_keys(config_table_top, 2, out);
}

void config_help_print_user(struct buf *out)
{
	print_keys(config_table_user, 2, out);
}
