#include "base/json.h"
#include "model/config-keys.h"

static void print_object(struct jsonw *w, const struct config_key *keys);
static void print_type(struct jsonw *w, const struct config_key *key);

static void print_strings(struct jsonw *w)
{
	jsonw_string(w, "type", "array");
	jsonw_open(w, "items", '{');
	jsonw_string(w, "type", "string");
	jsonw_close(w, '}');
}

/* { "type": TYPE } as an element, or with `open` left to be filled. */
static void open_choice(struct jsonw *w, const char *type)
{
	jsonw_open(w, NULL, '{');
	jsonw_string(w, "type", type);
}

static void print_command(struct jsonw *w)
{
	jsonw_open(w, "anyOf", '[');
	open_choice(w, "string");
	jsonw_close(w, '}');
	jsonw_open(w, NULL, '{');
	print_strings(w);
	jsonw_int(w, "minItems", 1);
	jsonw_close(w, '}');
	jsonw_close(w, ']');
}

static void print_number(struct jsonw *w, const struct config_key *key)
{
	jsonw_string(w, "type", "integer");
	jsonw_int(w, "minimum", key->min);
	jsonw_int(w, "maximum", key->max);
}

static void print_decimal(struct jsonw *w, const struct config_key *key)
{
	jsonw_string(w, "type", "number");
	jsonw_fixed(w, "minimum", (double)key->min / 1000, 1);
	jsonw_fixed(w, "maximum", (double)key->max / 1000, 1);
}

static void print_switch(struct jsonw *w, const struct config_key *key)
{
	jsonw_open(w, "anyOf", '[');
	open_choice(w, "boolean");
	jsonw_close(w, '}');
	jsonw_open(w, NULL, '{');
	print_object(w, key->keys);
	jsonw_close(w, '}');
	jsonw_close(w, ']');
}

/* As base/duration.h reads them, leaving the exact unit names to it. */
static void print_duration(struct jsonw *w)
{
	jsonw_string(w, "type", "string");
	jsonw_string(w, "pattern", "^ *([0-9]+(\\.[0-9]*)? *[a-z]+ *)+$");
}

static void print_words(struct jsonw *w, const struct config_key *key)
{
	jsonw_open(w, "enum", '[');
	for (size_t i = 0; key->words[i]; i++)
		jsonw_string(w, NULL, key->words[i]);
	jsonw_close(w, ']');
}

static void print_anyof(struct jsonw *w, const struct config_key *key)
{
	jsonw_open(w, "anyOf", '[');
	jsonw_open(w, NULL, '{');
	if (key->keys)
		print_type(w, key->keys);
	else
		print_number(w, key);
	jsonw_close(w, '}');
	jsonw_open(w, NULL, '{');
	if (key->keys)
		print_object(w, key->keys);
	else if (key->words)
		print_words(w, key);
	else
		jsonw_string(w, "const", "infinite");
	jsonw_close(w, '}');
	jsonw_close(w, ']');
}

static void print_items(struct jsonw *w, const struct config_key *key)
{
	bool is_map = key->type == CONFIG_MAP;

	jsonw_string(w, "type", is_map ? "object" : "array");
	jsonw_open(w, is_map ? "additionalProperties" : "items", '{');
	if (key->type == CONFIG_COMMANDS)
		print_command(w);
	else
		print_object(w, key->keys);
	jsonw_close(w, '}');
}

static void print_type(struct jsonw *w, const struct config_key *key)
{
	switch (key->type) {
	case CONFIG_STRING:
		jsonw_string(w, "type", "string");
		jsonw_int(w, "minLength", 1);
		break;
	case CONFIG_FILTER:
		jsonw_string(w, "type", "string");
		break;
	case CONFIG_FLAG:
		jsonw_string(w, "type", "boolean");
		break;
	case CONFIG_INTEGER:
		print_number(w, key);
		break;
	case CONFIG_DECIMAL:
		print_decimal(w, key);
		break;
	case CONFIG_DURATION:
		print_duration(w);
		break;
	case CONFIG_DEPTH:
	case CONFIG_COUNT:
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
		print_anyof(w, key);
		break;
	case CONFIG_SWITCH:
		print_switch(w, key);
		break;
	case CONFIG_WORD:
		print_words(w, key);
		break;
	case CONFIG_STRINGS:
		print_strings(w);
		break;
	case CONFIG_NAMES:
	case CONFIG_COMMAND:
		print_command(w);
		break;
	case CONFIG_ENV:
		jsonw_string(w, "type", "object");
		jsonw_open(w, "additionalProperties", '{');
		jsonw_string(w, "type", "string");
		jsonw_close(w, '}');
		break;
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		print_object(w, key->keys);
		break;
	case CONFIG_COMMANDS:
	case CONFIG_LIST:
	case CONFIG_MAP:
		print_items(w, key);
		break;
	}
}

static void print_properties(struct jsonw *w, const struct config_key *keys)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED) {
			print_properties(w, keys->keys);
			continue;
		}
		jsonw_open(w, keys->name, '{');
		jsonw_string(w, "description", keys->help);
		print_type(w, keys);
		jsonw_close(w, '}');
	}
}

static void print_object(struct jsonw *w, const struct config_key *keys)
{
	bool any = false;

	jsonw_string(w, "type", "object");
	jsonw_open(w, "properties", '{');
	print_properties(w, keys);
	jsonw_close(w, '}');
	for (const struct config_key *k = keys; k->name; k++)
		any |= k->required;
	if (any) {
		jsonw_open(w, "required", '[');
		for (const struct config_key *k = keys; k->name; k++)
			if (k->required)
				jsonw_string(w, NULL, k->name);
		jsonw_close(w, ']');
	}
	jsonw_bool(w, "additionalProperties", false);
}

static void print_schema(
	const char *title, const struct config_key *keys, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	w.pretty = true;
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
	jsonw_string(&w, "title", title);
	print_object(&w, keys);
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
}

void config_schema_print(struct buf *out)
{
	print_schema("xtest.json", config_table_top, out);
}

void config_schema_print_user(struct buf *out)
{
	print_schema("xtest/config.json", config_table_user, out);
}
