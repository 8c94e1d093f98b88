#include "model/target.h"

#include "base/fs.h"

#include <stdio.h>
#include <sys/utsname.h>

enum field_kind { FIELD_STRING, FIELD_STRV, FIELD_UINT };

/* One member of the file: where it is, and where it goes. */
struct field {
	const char *object; /* NULL: top level */
	const char *key;
	enum field_kind kind;
	bool optional;
	size_t offset;
};

#define STRING(object, key, member)                                                      \
	{                                                                                \
		object, key, FIELD_STRING, false, offsetof(struct target, member)        \
	}
#define STRINGS(key, member, optional)                                                   \
	{                                                                                \
		NULL, key, FIELD_STRV, optional, offsetof(struct target, member)         \
	}

static const struct field fields[] = {
	STRING(NULL, "name", name),
	STRING(NULL, "description", description),
	STRING(NULL, "runner", runner),
	STRING("triples", "gnu", gnu),
	STRING("triples", "rust", rust),
	STRING("triples", "debian", debian),
	STRINGS("aliases", aliases, false),
	STRINGS("uname", uname, false),
	STRINGS("compilers", compilers, false),
	STRING(NULL, "multiarch", multiarch),
	STRINGS("sysroots", sysroots, false),
	STRING(NULL, "interpreter", interpreter),
	STRINGS("native-on", native_on, true),
	STRINGS("emulators", emulators, false),
	STRINGS("emulator-arguments", emulator_args, true),
	STRING("cmake", "system-processor", cmake_processor),
	STRING("meson", "cpu-family", meson_cpu_family),
	STRING("meson", "cpu", meson_cpu),
	STRING("packages", "cc", package_cc),
	STRING("packages", "cxx", package_cxx),
	STRING("packages", "libc", package_libc),
	STRING("packages", "emulator", package_emulator),
};

/* Members that are read by hand. */
static const struct field other_fields[] = {
	{"elf", "machine", FIELD_UINT, false, 0},
	{"elf", "class", FIELD_UINT, false, 0},
	{"elf", "data", FIELD_STRING, false, 0},
	{"elf", "flags-mask", FIELD_UINT, true, 0},
	{"elf", "flags", FIELD_UINT, true, 0},
	{"meson", "endian", FIELD_STRING, false, 0},
};

static void target_release(struct target *t)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		void *member = (char *)t + fields[i].offset;

		if (fields[i].kind == FIELD_STRING)
			free(*(char **)member);
		else
			strv_release(member);
	}
}

static bool is_known(
	const char *object, const char *key, const struct field *table, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq_null(table[i].object, object) && streq(table[i].key, key))
			return true;
	return false;
}

static bool is_object(const char *key)
{
	static const char *const objects[] = {
		"triples", "elf", "cmake", "meson", "packages"};

	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (streq(objects[i], key))
			return true;
	return false;
}

/* A misspelt member would otherwise be silently without effect. */
static int check_members(
	const struct json *value, const char *object, const char *path, struct err *e)
{
	for (struct json_iter it = json_iter(value); json_next(&it);) {
		if (!object && is_object(it.key)) {
			if (check_members(it.value, it.key, path, e))
				return -1;
		} else if (!is_known(object, it.key, fields, ARRAY_LEN(fields)) &&
			   !is_known(object, it.key, other_fields,
				   ARRAY_LEN(other_fields))) {
			return err_set(
				e, ERR_SETUP, "%s: unknown member \"%s\"", path, it.key);
		}
	}
	return 0;
}

static int read_field(struct target *t, const struct field *f, const struct json *root,
	const char *path, struct err *e)
{
	const struct json *object = f->object ? json_find(root, f->object) : root;
	const struct json *value = json_find(object, f->key);
	void *member = (char *)t + f->offset;

	if (!value && f->optional)
		return 0;
	if (f->kind == FIELD_STRING && value && json_kind(value) == JSON_STRING)
		*(char **)member = xstrdup(json_string(value, NULL));
	else if (f->kind == FIELD_STRV && value && json_kind(value) == JSON_ARRAY)
		json_strv(value, member);
	else
		return err_set(e, ERR_SETUP, "%s: \"%s%s%s\" must be %s", path,
			f->object ? f->object : "", f->object ? "." : "", f->key,
			f->kind == FIELD_STRING ? "a string" : "an array of strings");
	return 0;
}

static int read_elf(
	struct target *t, const struct json *elf, const char *path, struct err *e)
{
	const char *data = json_find_string(elf, "data", "");

	t->elf.machine = (uint16_t)json_int(json_find(elf, "machine"), 0);
	t->elf.class = (uint8_t)json_int(json_find(elf, "class"), 0);
	t->elf.big_endian = streq(data, "big");
	t->elf_flags_mask = (uint32_t)json_int(json_find(elf, "flags-mask"), 0);
	t->elf.flags = (uint32_t)json_int(json_find(elf, "flags"), 0);
	if (!t->elf.machine || (t->elf.class != 32 && t->elf.class != 64) ||
		(!t->elf.big_endian && !streq(data, "little")))
		return err_set(e, ERR_SETUP,
			"%s: \"elf\" needs machine (a number), class (32 or 64) and data "
			"(\"little\" or \"big\")",
			path);
	return 0;
}

static int target_read(struct target *t, const char *path, struct err *e)
{
	autorelease_json struct json *root = json_load(path, e);

	if (!root || check_members(root, NULL, path, e))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (read_field(t, &fields[i], root, path, e))
			return -1;
	return read_elf(t, json_find(root, "elf"), path, e);
}

void target_list_release(struct target_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		target_release(&list->v[i]);
	free(list->v);
	*list = (struct target_list){0};
}

int target_list_load(struct target_list *list, const char *dir, struct err *e)
{
	autofree char *data_dir = dir ? NULL : target_data_dir(e);
	autofree char *targets_dir = NULL;
	autorelease(strv) struct strv names = STRV_INIT;
	size_t cap = 0;

	*list = (struct target_list){0};
	if (!dir) {
		if (!data_dir)
			return -1;
		dir = targets_dir = fs_join(data_dir, "targets");
	}
	if (fs_list_dir(dir, &names, e))
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);

		if (!ends_with(path, ".json"))
			continue;
		list->v = xgrow(list->v, &cap, list->len + 1, sizeof(*list->v));
		list->v[list->len] = (struct target){0};
		if (target_read(&list->v[list->len++], path, e)) {
			target_list_release(list);
			return -1;
		}
	}
	return 0;
}

bool target_is_called(const struct target *t, const char *name)
{
	return streq(t->name, name) || streq(t->gnu, name) || streq(t->rust, name) ||
	       streq(t->debian, name) || streq(t->multiarch, name) ||
	       strv_has(&t->aliases, name);
}

const struct target *target_list_find(const struct target_list *list, const char *name)
{
	for (size_t i = 0; i < list->len; i++)
		if (target_is_called(&list->v[i], name))
			return &list->v[i];
	return NULL;
}

const struct target *target_list_get(
	const struct target_list *list, const char *name, struct err *e)
{
	const struct target *t = target_list_find(list, name);
	autorelease(strv) struct strv known = STRV_INIT;
	autorelease(strv) struct strv names = STRV_INIT;
	autofree char *text = NULL;
	const char *nearest;

	if (t)
		return t;
	for (size_t i = 0; i < list->len; i++) {
		t = &list->v[i];
		strv_push(&names, t->name);
		strv_push(&known, t->name);
		strv_push(&known, t->gnu);
		strv_push(&known, t->rust);
		strv_push(&known, t->debian);
		strv_push_all(&known, &t->aliases);
	}
	nearest = util_nearest(name, (const char *const *)strv_argv(&known));
	if (nearest)
		return err_null(e, ERR_SETUP,
			"unknown target \"%s\"; did you mean \"%s\"?", name, nearest);
	text = strv_join(&names, ", ");
	return err_null(e, ERR_SETUP, "unknown target \"%s\"; known are %s", name, text);
}

const struct target *target_list_host(const struct target_list *list)
{
	/* A 32-bit userland under a 64-bit kernel is a 32-bit host. */
	const uint8_t bits = sizeof(void *) == 8 ? 64 : 32;
	struct utsname u;

	if (uname(&u))
		return NULL;
	for (size_t i = 0; i < list->len; i++)
		if (strv_has(&list->v[i].uname, u.machine) &&
			list->v[i].elf.class == bits)
			return &list->v[i];
	for (size_t i = 0; i < list->len; i++) {
		const struct target *t = target_list_find(list, u.machine);

		if (t && t->elf.class != bits &&
			strv_has(&list->v[i].native_on, t->name) &&
			list->v[i].elf.class == bits)
			return &list->v[i];
	}
	return NULL;
}

bool target_matches_elf(const struct target *t, const struct elf_identity *elf)
{
	return t->elf.machine == elf->machine && t->elf.class == elf->class &&
	       t->elf.big_endian == elf->big_endian &&
	       (elf->flags & t->elf_flags_mask) == t->elf.flags;
}

const struct target *target_list_find_elf(
	const struct target_list *list, const struct elf_identity *elf)
{
	for (size_t i = 0; i < list->len; i++)
		if (target_matches_elf(&list->v[i], elf))
			return &list->v[i];
	return NULL;
}

const char *target_endian(const struct target *t)
{
	return t->elf.big_endian ? "big" : "little";
}

/* The first of: the directory the variable names, the program's own, `beside_bin` below
 * the parent of the program's, the configured one; that has `file`. */
static char *find_installed(const char *variable, const char *beside_bin,
	const char *configured, const char *file)
{
	autofree char *self = fs_self_path();
	autofree char *own_dir = fs_dirname(self);
	autofree char *prefix = fs_dirname(own_dir);
	autofree char *relocated = fs_join(prefix, beside_bin);
	const char *dirs[] = {getenv(variable), own_dir, relocated, configured};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		autofree char *path = NULL;

		if (!dirs[i] || !dirs[i][0])
			continue;
		path = fs_join(dirs[i], file);
		if (fs_exists(path))
			return xstrdup(dirs[i]);
	}
	return NULL;
}

char *target_data_dir(struct err *e)
{
	char *dir =
		find_installed("XTEST_DATADIR", "share/xtest", XTEST_DATADIR, "targets");

	if (!dir)
		return err_null(e, ERR_SETUP,
			"no target descriptions in %s/targets; reinstall xtest or set "
			"XTEST_DATADIR to the directory that holds targets/",
			XTEST_DATADIR);
	return dir;
}

char *target_runner_path(const struct target *t, struct err *e)
{
	autofree char *name = xasprintf("xtest-runner-%s", t->runner);
	autofree char *dir = find_installed(
		"XTEST_LIBEXECDIR", "libexec/xtest", XTEST_LIBEXECDIR, name);

	if (!dir)
		return err_null(e, ERR_FEATURE,
			"%s is not installed: it was not built, because there was no "
			"compiler that links static programs for it; install %s and %s, "
			"then build xtest again",
			name, t->package_cc, t->package_libc);
	return fs_join(dir, name);
}

void target_elf_magic(const struct target *t, uint8_t magic[TARGET_MAGIC_SIZE],
	uint8_t mask[TARGET_MAGIC_SIZE])
{
	const struct elf_identity *id = &t->elf;
	uint8_t type[2] = {2, 0},
		machine[2] = {(uint8_t)id->machine, (uint8_t)(id->machine >> 8)};

	memset(magic, 0, TARGET_MAGIC_SIZE);
	memset(mask, 0xff, TARGET_MAGIC_SIZE);
	memcpy(magic,
		"\x7f"
		"ELF",
		4);
	magic[4] = id->class == 64 ? 2 : 1;
	magic[5] = id->big_endian ? 2 : 1;
	magic[6] = 1;
	mask[7] = 0;
	memcpy(magic + 16, (uint8_t[]){type[id->big_endian], type[!id->big_endian]}, 2);
	memcpy(magic + 18, (uint8_t[]){machine[id->big_endian], machine[!id->big_endian]},
		2);
	mask[16 + id->big_endian] = 0xfe;
}
