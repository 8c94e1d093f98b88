#include "model/config-show.h"

#include "base/duration.h"
#include "base/json.h"
#include "model/config-profile.h"
#include "model/config-read.h"

/* ---- values as JSON */

static void print_value(struct jsonw *w, const char *name, const struct config_key *key,
	const void *object);

static void print_keys(struct jsonw *w, const struct config_key *keys, const void *object)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED)
			print_keys(w, keys->keys, (const char *)object + keys->offset);
		else if (config_keys_is_set(keys, object))
			print_value(w, keys->name, keys, object);
	}
}

static void print_items(struct jsonw *w, const char *name, const struct config_key *key,
	const void *object)
{
	struct config_items items = config_keys_items(key, object);
	bool is_map = key->type == CONFIG_MAP;

	jsonw_open(w, name, is_map ? '{' : '[');
	for (size_t i = 0; i < items.len; i++) {
		const char *item = (const char *)items.v + i * key->size;

		if (key->type == CONFIG_COMMANDS) {
			jsonw_strv(w, NULL, (const struct strv *)(const void *)item);
			continue;
		}
		jsonw_open(w, is_map ? *(char *const *)(const void *)item : NULL, '{');
		print_keys(w, key->keys, item);
		jsonw_close(w, '}');
	}
	jsonw_close(w, is_map ? '}' : ']');
}

static void print_number(
	struct jsonw *w, const char *name, const struct config_key *key, int64_t number)
{
	if (key->type == CONFIG_DEPTH && number == INT64_MAX)
		jsonw_string(w, name, "infinite");
	else if (key->type == CONFIG_COUNT && number < key->min)
		jsonw_string(w, name, key->words[number - CONFIG_COUNT_WORD(0)]);
	else
		jsonw_int(w, name, number);
}

static void print_decimal(struct jsonw *w, const char *name, int64_t thousandths)
{
	if (thousandths % 1000)
		jsonw_fixed(w, name, (double)thousandths / 1000, 3);
	else
		jsonw_int(w, name, thousandths / 1000);
}

static void print_value(struct jsonw *w, const char *name, const struct config_key *key,
	const void *object)
{
	const void *field = (const char *)object + key->offset;
	autorelease(buf) struct buf text = BUF_INIT;
	autofree char *duration = NULL;

	switch (key->type) {
	case CONFIG_STRING:
		jsonw_string(w, name, *(char *const *)field);
		break;
	case CONFIG_FILTER:
		filter_print(*(struct filter *const *)field, &text);
		jsonw_string(w, name, buf_str(&text));
		break;
	case CONFIG_FLAG:
		jsonw_bool(w, name, *(const int *)field);
		break;
	case CONFIG_WORD:
		jsonw_string(w, name, key->words[*(const int *)field]);
		break;
	case CONFIG_INTEGER:
	case CONFIG_DEPTH:
	case CONFIG_COUNT:
		print_number(w, name, key, *(const int64_t *)field);
		break;
	case CONFIG_DECIMAL:
		print_decimal(w, name, *(const int64_t *)field);
		break;
	case CONFIG_DURATION:
		duration = duration_format(*(const int64_t *)field);
		jsonw_string(w, name, duration);
		break;
	case CONFIG_STRINGS:
	case CONFIG_NAMES:
	case CONFIG_COMMAND:
	case CONFIG_ENV:
		jsonw_strv(w, name, field);
		break;
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
	case CONFIG_SWITCH:
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		jsonw_open(w, name, '{');
		print_keys(w, key->keys, field);
		jsonw_close(w, '}');
		break;
	case CONFIG_COMMANDS:
	case CONFIG_LIST:
	case CONFIG_MAP:
		print_items(w, name, key, object);
		break;
	}
}

/* ---- who said it */

struct show {
	const struct config *config;
	config_show_fn each;
	void *ctx;
};

/* `path` NULL: nobody has said it. */
static void show(const struct show *s, const struct config_key *key, const void *object,
	const char *path)
{
	const struct config_origin *at =
		path ? config_origins_find(&s->config->origins, path) : NULL;
	autorelease(buf) struct buf value = BUF_INIT;
	struct config_shown shown = {
		.key = key->name, .option = key->option, .fallback = key->fallback};
	struct jsonw w;

	if (at) {
		jsonw_init(&w, &value);
		print_value(&w, NULL, key, object);
		shown.value = buf_str(&value);
		shown.file = s->config->path;
		shown.line = at->line;
		shown.column = at->column;
	}
	s->each(s->ctx, &shown);
}

/* The first override that matches and has the key. */
static int show_override(const struct show *s, struct config_layers l,
	const struct config_key *key, const struct filter_subject *subject, struct err *e)
{
	while (config_layers_next(&l)) {
		for (size_t i = 0; i < l.overrides->len; i++) {
			const struct config_override *o = &l.overrides->v[i];
			autofree char *inner =
				xasprintf("overrides[%zu].%s", i, key->name);
			autofree char *path = config_layers_path(&l, inner);
			enum filter_answer answer;

			if (!config_keys_is_set(key, &o->of_case))
				continue;
			answer = config_override_applies(o, subject, true, e);
			if (answer == FILTER_ERROR)
				return -1;
			if (answer != FILTER_YES)
				continue;
			show(s, key, &o->of_case, path);
			return 1;
		}
	}
	return 0;
}

static void show_setting(const struct show *s, struct config_layers l,
	const struct config_key *key, size_t offset)
{
	while (config_layers_next(&l)) {
		const char *object = (const char *)l.settings + offset;
		autofree char *path = config_layers_path(&l, key->name);

		if (!config_keys_is_set(key, object))
			continue;
		show(s, key, object, path);
		return;
	}
	show(s, key, NULL, NULL);
}

static void show_table(const struct show *s, const struct config_layers *l,
	const struct config_key *keys, size_t offset)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED)
			show_table(s, l, keys->keys, offset + keys->offset);
		else
			show_setting(s, *l, keys, offset);
	}
}

int config_show_settings(const struct config *c, const char *profile, config_show_fn each,
	void *ctx, struct err *e)
{
	const struct show s = {c, each, ctx};
	struct config_layers l;

	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	show_table(&s, &l, config_table_settings, 0);
	return 0;
}

int config_show_case(const struct config *c, const char *profile,
	const struct filter_subject *subject, config_show_fn each, void *ctx,
	struct err *e)
{
	const struct show s = {c, each, ctx};
	struct config_layers l;

	if (config_layers_open(&l, c, profile, e) < 0)
		return -1;
	for (const struct config_key *key = config_table_case; key->name; key++) {
		int found = show_override(&s, l, key, subject, e);

		if (found < 0)
			return -1;
		if (!found)
			show_setting(
				&s, l, key, offsetof(struct config_settings, of_case));
	}
	return 0;
}

void config_show_rest(const struct config *c, config_show_fn each, void *ctx)
{
	const struct show s = {c, each, ctx};

	for (const struct config_key *key = config_table_top; key->name; key++) {
		bool elsewhere = key->type == CONFIG_EMBED ||
				 streq(key->name, "overrides") ||
				 streq(key->name, "profiles");

		if (!elsewhere && config_keys_is_set(key, c))
			show(&s, key, c, key->name);
	}
}
