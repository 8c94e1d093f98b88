/*
 * The table of configuration keys; for the files src/model/config*.c only.
 */
#ifndef XTEST_MODEL_CONFIG_KEYS_H
#define XTEST_MODEL_CONFIG_KEYS_H

#include "model/config.h"

enum config_type {
	CONFIG_STRING,   /* char * */
	CONFIG_FLAG,     /* int: -1, 0, 1 */
	CONFIG_INTEGER,  /* int64_t */
	CONFIG_DECIMAL,  /* int64_t, thousandths; so are `min` and `max` */
	CONFIG_DEPTH,    /* int64_t; "infinite" is INT64_MAX */
	CONFIG_COUNT,    /* int64_t; one of `words` is CONFIG_COUNT_WORD of its index */
	CONFIG_DURATION, /* int64_t, microseconds */
	CONFIG_WORD,     /* int: index in `words` */
	CONFIG_FILTER,   /* struct filter * */
	CONFIG_STRINGS,  /* struct strv */
	CONFIG_NAMES,    /* struct strv; a string or an array of strings */
	CONFIG_COMMAND,  /* struct strv; a string or an array of strings */
	CONFIG_COMMANDS, /* struct config_items of struct strv */
	CONFIG_ENV,      /* struct strv of "NAME=VALUE"; an object of strings */
	CONFIG_SHORT, /* the fields of `keys`, in place, or only the first one's value */
	CONFIG_TIMEOUT, /* the same for a struct config_timeout: then it ends a test */
	CONFIG_SWITCH,  /* the fields of `keys`, in place, or true: the first one (a
			   COUNT) is 1, or false: it is its first word */
	CONFIG_OBJECT,  /* the fields of `keys`, in place */
	CONFIG_EMBED,   /* the same, but its keys stand beside the others; no name */
	CONFIG_LIST,    /* struct config_items; an array of objects of `keys` */
	CONFIG_MAP, /* struct config_items; an object; the item begins with its name */
};

struct config_key {
	const char *name; /* NULL ends a table */
	enum config_type type;
	size_t offset; /* in the struct the table describes */
	const char *help;
	const struct config_key *keys; /* OBJECT, LIST, MAP, SHORT, TIMEOUT, SWITCH */
	size_t size;                   /* of an item: LIST, MAP, COMMANDS */
	const char *const *words;      /* WORD, COUNT */
	int64_t min, max;              /* INTEGER, DECIMAL, DEPTH, COUNT */
	bool required;
	enum filter_context context; /* FILTER */
	const char *option;   /* of the command line, that says the same; NULL: none */
	const char *fallback; /* what holds when nobody says anything, for people */
	/* What is wrong with the value, or NULL. */
	const char *(*check)(const void *field);
};

/* The layout of every list in struct config. */
struct config_items {
	void *v;
	size_t len;
};

/* config-table.c: the whole file; what governs a run; what governs a case; the user's
 * file. */
extern const struct config_key config_table_top[], config_table_settings[],
	config_table_case[], config_table_user[];

/* Sets every field of the table to "not given", and the reverse of reading. */
void config_keys_init(const struct config_key *keys, void *object);
void config_keys_release(const struct config_key *keys, void *object);
/* The fields of a list; what is written back with config_keys_set_items(). */
struct config_items config_keys_items(const struct config_key *key, const void *object);
void config_keys_set_items(
	const struct config_key *key, void *object, struct config_items l);
/* Was the key given? */
bool config_keys_is_set(const struct config_key *key, const void *object);
/* Copies a value from one object of the table to another; what it points to stays the
 * first one's. */
void config_keys_lend(const struct config_key *key, void *to, const void *from);
/* Lends every value that `to` has not. */
void config_keys_inherit(const struct config_key *keys, void *to, const void *from);

#endif
