#include "model/config-keys.h"

static void *at(const struct config_key *key, void *object)
{
	return (char *)object + key->offset;
}

void config_keys_init(const struct config_key *keys, void *object)
{
	for (; keys->name; keys++) {
		void *field = at(keys, object);

		switch (keys->type) {
		case CONFIG_FLAG:
		case CONFIG_WORD:
			*(int *)field = -1;
			break;
		case CONFIG_INTEGER:
		case CONFIG_DECIMAL:
		case CONFIG_DEPTH:
		case CONFIG_COUNT:
		case CONFIG_DURATION:
			*(int64_t *)field = CONFIG_UNSET;
			break;
		case CONFIG_SHORT:
		case CONFIG_TIMEOUT:
		case CONFIG_SWITCH:
		case CONFIG_OBJECT:
		case CONFIG_EMBED:
			config_keys_init(keys->keys, field);
			break;
		default:
			break;
		}
	}
}

bool config_keys_is_set(const struct config_key *key, const void *object)
{
	const void *field = (const char *)object + key->offset;

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_FILTER:
		return *(void *const *)field != NULL;
	case CONFIG_FLAG:
	case CONFIG_WORD:
		return *(const int *)field >= 0;
	case CONFIG_INTEGER:
	case CONFIG_DECIMAL:
	case CONFIG_DEPTH:
	case CONFIG_COUNT:
	case CONFIG_DURATION:
		return *(const int64_t *)field != CONFIG_UNSET;
	case CONFIG_STRINGS:
	case CONFIG_NAMES:
	case CONFIG_COMMAND:
	case CONFIG_ENV:
		return ((const struct strv *)field)->len > 0;
	case CONFIG_COMMANDS:
	case CONFIG_LIST:
	case CONFIG_MAP:
		return config_keys_items(key, object).len > 0;
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
	case CONFIG_SWITCH:
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		for (const struct config_key *k = key->keys; k->name; k++)
			if (config_keys_is_set(k, field))
				return true;
		break;
	}
	return false;
}

static size_t size_of(const struct config_key *key)
{
	size_t end = 0;

	switch (key->type) {
	case CONFIG_FLAG:
	case CONFIG_WORD:
		return sizeof(int);
	case CONFIG_STRING:
	case CONFIG_FILTER:
		return sizeof(void *);
	case CONFIG_INTEGER:
	case CONFIG_DECIMAL:
	case CONFIG_DEPTH:
	case CONFIG_COUNT:
	case CONFIG_DURATION:
		return sizeof(int64_t);
	case CONFIG_STRINGS:
	case CONFIG_NAMES:
	case CONFIG_COMMAND:
	case CONFIG_ENV:
		return sizeof(struct strv);
	case CONFIG_COMMANDS:
	case CONFIG_LIST:
	case CONFIG_MAP:
		return sizeof(struct config_items);
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
	case CONFIG_SWITCH:
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		for (const struct config_key *k = key->keys; k->name; k++)
			end = MAX(end, k->offset + size_of(k));
		break;
	}
	return end;
}

void config_keys_lend(const struct config_key *key, void *to, const void *from)
{
	memcpy(at(key, to), (const char *)from + key->offset, size_of(key));
}

void config_keys_inherit(const struct config_key *keys, void *to, const void *from)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED)
			config_keys_inherit(keys->keys, at(keys, to),
				(const char *)from + keys->offset);
		else if (!config_keys_is_set(keys, to))
			config_keys_lend(keys, to, from);
	}
}

/* The lists of struct config have typed pointers, so they are copied, not cast. */
struct config_items config_keys_items(const struct config_key *key, const void *object)
{
	struct config_items items;

	memcpy(&items, (const char *)object + key->offset, sizeof(items));
	return items;
}

void config_keys_set_items(
	const struct config_key *key, void *object, struct config_items items)
{
	memcpy(at(key, object), &items, sizeof(items));
}

static void release_items(const struct config_key *key, void *object)
{
	struct config_items items = config_keys_items(key, object);

	for (size_t i = 0; i < items.len; i++) {
		char *item = (char *)items.v + i * key->size;

		if (key->type == CONFIG_COMMANDS) {
			strv_release((struct strv *)(void *)item);
			continue;
		}
		if (key->type == CONFIG_MAP)
			free(*(char **)(void *)item);
		config_keys_release(key->keys, item);
	}
	free(items.v);
}

void config_keys_release(const struct config_key *keys, void *object)
{
	for (; keys->name; keys++) {
		void *field = at(keys, object);

		switch (keys->type) {
		case CONFIG_STRING:
			free(*(char **)field);
			break;
		case CONFIG_FILTER:
			filter_free(*(struct filter **)field);
			break;
		case CONFIG_STRINGS:
		case CONFIG_NAMES:
		case CONFIG_COMMAND:
		case CONFIG_ENV:
			strv_release(field);
			break;
		case CONFIG_SHORT:
		case CONFIG_TIMEOUT:
		case CONFIG_SWITCH:
		case CONFIG_OBJECT:
		case CONFIG_EMBED:
			config_keys_release(keys->keys, field);
			break;
		case CONFIG_COMMANDS:
		case CONFIG_LIST:
		case CONFIG_MAP:
			release_items(keys, object);
			break;
		default:
			break;
		}
	}
}
