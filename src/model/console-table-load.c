#include "base/fs.h"
#include "model/config.h"
#include "model/console-table.h"
#include "model/target.h"

static void write_row(struct jsonw *w, const struct config_console *row)
{
	jsonw_open(w, NULL, '{');
	jsonw_string(w, "pattern", row->pattern);
	if (row->kind)
		jsonw_string(w, "kind", row->kind);
	if (row->severity >= 0)
		jsonw_string(w, "severity", console_table_severities[row->severity]);
	if (row->role >= 0)
		jsonw_string(w, "role", console_table_roles[row->role]);
	if (row->end)
		jsonw_string(w, "end", row->end);
	if (row->stamp >= 0)
		jsonw_bool(w, "stamp", row->stamp);
	if (row->stage != CONFIG_UNSET)
		jsonw_int(w, "stage", row->stage);
	jsonw_close(w, '}');
}

static void write_config(struct jsonw *w, const struct config *c, const char *target)
{
	for (size_t i = 0; c && i < c->console.len; i++) {
		const struct config_console *row = &c->console.v[i];

		if (!row->target || streq_null(row->target, target))
			write_row(w, row);
	}
}

/* A target without a recipe has no rows. */
static int write_recipe(struct jsonw *w, const char *target, struct err *e)
{
	autofree char *dir = target_data_dir(e);
	autofree char *name = xasprintf("images/%s.json", target);
	autofree char *path = dir ? fs_join(dir, name) : NULL;
	autorelease_json struct json *recipe = NULL;
	const struct json *rows;

	if (!dir)
		return -1;
	if (!fs_exists(path))
		return 0;
	recipe = json_load(path, e);
	if (!recipe)
		return -1;
	rows = json_find(recipe, "console");
	for (size_t i = 0; i < json_len(rows); i++)
		jsonw_value(w, NULL, json_at(rows, i));
	return 0;
}

struct console_table *console_table_load_for(
	const struct config *config, const char *target, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	autorelease_json struct json *more = NULL;
	struct jsonw w;

	jsonw_init(&w, &text);
	jsonw_open(&w, NULL, '[');
	write_config(&w, config, target);
	if (target && write_recipe(&w, target, e) < 0)
		return NULL;
	jsonw_close(&w, ']');
	more = json_parse(buf_str(&text), text.len, "console patterns", e);
	return more ? console_table_load(NULL, more, e) : NULL;
}
