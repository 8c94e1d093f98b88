#include "image/image.h"

#include "base/fs.h"
#include "base/json.h"
#include "model/target.h"

#include <stdint.h>

enum field_kind { FIELD_STRING, FIELD_STRV, FIELD_UINT, FIELD_BOOL };

/* One member of the file: where it is, and where it goes. */
struct field {
	const char *object; /* NULL: top level */
	const char *key;
	enum field_kind kind;
	size_t offset;
};

#define FIELD(object, key, kind, member)                                                 \
	{                                                                                \
		object, key, kind, offsetof(struct image_recipe, member)                 \
	}

static const struct field fields[] = {
	FIELD(NULL, "name", FIELD_STRING, name),
	FIELD(NULL, "description", FIELD_STRING, description),
	FIELD(NULL, "suite", FIELD_STRING, suite),
	FIELD(NULL, "architecture", FIELD_STRING, architecture),
	FIELD(NULL, "kernel", FIELD_STRING, kernel_package),
	FIELD(NULL, "modules", FIELD_STRV, modules),
	FIELD(NULL, "packages", FIELD_STRV, packages),
	FIELD(NULL, "command-line", FIELD_STRING, command_line),
	FIELD("machine", "qemu", FIELD_STRING, machine.qemu),
	FIELD("machine", "package", FIELD_STRING, machine.package),
	FIELD("machine", "type", FIELD_STRING, machine.machine),
	FIELD("machine", "cpu", FIELD_STRING, machine.cpu),
	FIELD("machine", "serial", FIELD_STRING, machine.serial),
	FIELD("machine", "console", FIELD_STRING, machine.console),
	FIELD("machine", "arguments", FIELD_STRV, machine.extra),
	FIELD("machine", "memory", FIELD_UINT, machine.memory_mib),
	FIELD("machine", "memory-step", FIELD_UINT, machine.memory_step_mib),
	FIELD("machine", "snapshots", FIELD_BOOL, machine.snapshots),
	FIELD("machine", "max-cpus", FIELD_UINT, machine.max_cpus),
};

/* Members that are read by hand; the patterns of "console" by model/console.h. */
static const char *const other_keys[] = {"console", "inherits", "links", "machine"};

/* What lies beside the recipes and is none: the patterns of model/console.h. */
static const char *const no_recipes[] = {"console.json"};

static void recipe_release(struct image_recipe *r)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		void *member = (char *)r + fields[i].offset;

		if (fields[i].kind == FIELD_STRING)
			free(*(char **)member);
		else if (fields[i].kind == FIELD_STRV)
			strv_release(member);
	}
	strv_release(&r->links);
	free(r->file);
}

/* ---- members */

/* A misspelt member would otherwise be silently without effect. */
static int check_members(
	const struct json *value, const char *object, const char *path, struct err *e)
{
	const char *known[ARRAY_LEN(fields) + ARRAY_LEN(other_keys) + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (streq_null(fields[i].object, object))
			known[n++] = fields[i].key;
	for (size_t i = 0; !object && i < ARRAY_LEN(other_keys); i++)
		known[n++] = other_keys[i];
	known[n] = NULL;
	for (struct json_iter it = json_iter(value); json_next(&it);) {
		const char *near;
		size_t i = 0;

		while (i < n && !streq(known[i], it.key))
			i++;
		if (i < n)
			continue;
		near = util_nearest(it.key, known);
		return err_set(e, ERR_SETUP, "%s: unknown member \"%s%s%s\"%s%s%s", path,
			object ? object : "", object ? "." : "", it.key,
			near ? "; did you mean \"" : "", near ? near : "",
			near ? "\"?" : "");
	}
	return object ? 0
		      : check_members(json_find(value, "machine"), "machine", path, e);
}

static bool all_strings(const struct json *array)
{
	for (size_t i = 0; i < json_len(array); i++)
		if (json_kind(json_at(array, i)) != JSON_STRING)
			return false;
	return true;
}

static int bad_member(const struct field *f, const char *path, struct err *e)
{
	static const char *const kinds[] = {
		[FIELD_STRING] = "a string",
		[FIELD_STRV] = "an array of strings",
		[FIELD_UINT] = "a number from 1 on",
		[FIELD_BOOL] = "true or false",
	};

	return err_set(e, ERR_SETUP, "%s: \"%s%s%s\" must be %s", path,
		f->object ? f->object : "", f->object ? "." : "", f->key, kinds[f->kind]);
}

static int read_field(struct image_recipe *r, const struct field *f,
	const struct json *value, const char *path, struct err *e)
{
	void *member = (char *)r + f->offset;

	if (!value)
		return bad_member(f, path, e);
	if (f->kind == FIELD_STRING && json_kind(value) == JSON_STRING) {
		*(char **)member = xstrdup(json_string(value, NULL));
	} else if (f->kind == FIELD_STRV && json_kind(value) == JSON_ARRAY &&
		   all_strings(value)) {
		json_strv(value, member);
	} else if (f->kind == FIELD_UINT && json_int(value, 0) >= 1 &&
		   json_int(value, 0) <= INT32_MAX) {
		*(unsigned *)member = (unsigned)json_int(value, 0);
	} else if (f->kind == FIELD_BOOL && json_kind(value) == JSON_BOOL) {
		*(bool *)member = json_boolean(value, false);
	} else {
		return bad_member(f, path, e);
	}
	return 0;
}

/* {"busybox": ["bin/sh", …]}: an aim, and the links that lead to it. */
static int read_links(
	struct image_recipe *r, const struct json *links, const char *path, struct err *e)
{
	if (json_kind(links) != JSON_OBJECT)
		return err_set(e, ERR_SETUP,
			"%s: \"links\" must be an object: what the links lead to, and an "
			"array of their names",
			path);
	for (struct json_iter it = json_iter(links); json_next(&it);) {
		if (json_kind(it.value) != JSON_ARRAY || !all_strings(it.value))
			return err_set(e, ERR_SETUP,
				"%s: \"links.%s\" must be an array of strings", path,
				it.key);
		for (size_t i = 0; i < json_len(it.value); i++) {
			strv_push(&r->links, json_string(json_at(it.value, i), ""));
			strv_push(&r->links, it.key);
		}
	}
	return 0;
}

/* ---- files */

/* Content of both files that make a recipe: what one was inherited from counts as well.
 */
static int digest_files(struct image_recipe *r, const char *common, struct err *e)
{
	struct hash_sha256 *h = hash_sha256_new();
	autorelease(buf) struct buf text = BUF_INIT;
	int status = fs_read_file(r->file, &text, e);

	if (!status && common) {
		buf_append_char(&text, '\0');
		status = fs_read_file(common, &text, e);
	}
	hash_sha256_update(h, text.data, text.len);
	hash_sha256_finish(h, r->digest);
	return status;
}

static char *common_path(const struct json *root, const char *path)
{
	const char *inherits = json_find_string(root, "inherits", NULL);
	autofree char *dir = fs_dirname(path);

	return inherits ? xasprintf("%s/common/%s.json", dir, inherits) : NULL;
}

static int recipe_read(struct image_recipe *r, const char *path, struct err *e)
{
	autorelease_json struct json *root = json_load(path, e), *common = NULL;
	autofree char *common_file = NULL;
	const struct json *links;

	r->file = xstrdup(path);
	if (!root || check_members(root, NULL, path, e))
		return -1;
	common_file = common_path(root, path);
	if (common_file) {
		common = json_load(common_file, e);
		if (!common || check_members(common, NULL, common_file, e))
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct field *f = &fields[i];
		const struct json *own = f->object ? json_find(root, f->object) : root;
		const struct json *value = json_find(own, f->key);

		if (!value && !f->object)
			value = json_find(common, f->key);
		if (read_field(r, f, value, path, e))
			return -1;
	}
	links = json_find(root, "links");
	if (!links)
		links = json_find(common, "links");
	if (links && read_links(r, links, path, e))
		return -1;
	return digest_files(r, common_file, e);
}

static bool is_recipe(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(no_recipes); i++)
		if (streq(no_recipes[i], name))
			return false;
	return ends_with(name, ".json");
}

void image_recipe_list_release(struct image_recipe_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		recipe_release(&list->v[i]);
	free(list->v);
	*list = (struct image_recipe_list){0};
}

int image_recipe_list_load(struct image_recipe_list *list, const char *dir, struct err *e)
{
	autofree char *data_dir = dir ? NULL : target_data_dir(e);
	autofree char *images_dir = NULL;
	autorelease(strv) struct strv names = STRV_INIT;
	size_t cap = 0;

	*list = (struct image_recipe_list){0};
	if (!dir) {
		if (!data_dir)
			return -1;
		dir = images_dir = fs_join(data_dir, "images");
	}
	if (fs_list_dir(dir, &names, e))
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);

		if (!is_recipe(names.v[i]))
			continue;
		list->v = xgrow(list->v, &cap, list->len + 1, sizeof(*list->v));
		list->v[list->len] = (struct image_recipe){0};
		if (recipe_read(&list->v[list->len++], path, e)) {
			image_recipe_list_release(list);
			return -1;
		}
	}
	return 0;
}

const struct image_recipe *image_recipe_get(
	const struct image_recipe_list *list, const char *target, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;
	autofree char *text = NULL;
	const char *near;

	for (size_t i = 0; i < list->len; i++) {
		if (streq(list->v[i].name, target))
			return &list->v[i];
		strv_push(&names, list->v[i].name);
	}
	near = util_nearest(target, (const char *const *)strv_argv(&names));
	text = strv_join(&names, ", ");
	return err_null(e, ERR_SETUP, "no recipe of an image for \"%s\"; %s%s%s", target,
		near ? "did you mean \"" : "there are ", near ? near : text,
		near ? "\"?" : "");
}
