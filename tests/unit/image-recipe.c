#include "image/image.h"

#include "base/fs.h"
#include "model/target.h"

#include "tests/tap.h"

#include <unistd.h>

#define MACHINE_BUT_MEMORY                                                               \
	"\"qemu\": \"q\", \"package\": \"p\", \"type\": \"t\", \"cpu\": \"c\", "         \
	"\"serial\": \"s\", \"console\": \"tty\", \"arguments\": [], \"max-cpus\": 1, "  \
	"\"memory-step\": 64, \"snapshots\": true"
#define MEMBERS                                                                          \
	"\"name\": \"a\", \"description\": \"d\", \"architecture\": \"x\", "             \
	"\"kernel\": \"k\", \"modules\": [\"m\"]"
#define COMMON                                                                           \
	"\"suite\": \"old\", \"packages\": [\"b\"], \"command-line\": \"panic=-1\", "    \
	"\"links\": {\"busybox\": [\"bin/sh\", \"bin/ls\"]}"
#define MACHINE "\"machine\": {" MACHINE_BUT_MEMORY ", \"memory\": 256}"

static const struct {
	const char *name, *text;
	const char *message; /* part of it; NULL: accepted */
} files[] = {
	{"complete", "{" MEMBERS ", " COMMON ", " MACHINE "}", NULL},
	{"patterns of its console",
		"{\"console\": [{\"pattern\": \"a\"}], " MEMBERS ", " COMMON ", " MACHINE
		"}",
		NULL},
	{"inherited", "{\"inherits\": \"base\", " MEMBERS ", " MACHINE "}", NULL},
	{"its own before the inherited",
		"{\"inherits\": \"base\", \"suite\": \"new\", " MEMBERS ", " MACHINE "}",
		NULL},
	{"inherited from nothing",
		"{\"inherits\": \"nowhere\", " MEMBERS ", " MACHINE "}",
		"common/nowhere.json"},
	{"an unknown member",
		"{\"inherits\": \"base\", \"module\": [], " MEMBERS ", " MACHINE "}",
		"unknown member \"module\"; did you mean \"modules\"?"},
	{"an unknown member of the machine",
		"{\"inherits\": \"base\", " MEMBERS ", \"machine\": {" MACHINE_BUT_MEMORY
		", \"memori\": 1}}",
		"unknown member \"machine.memori\"; did you mean \"memory\"?"},
	{"one that is missing", "{\"inherits\": \"base\", " MACHINE "}",
		"\"name\" must be a string"},
	{"memory that is no number",
		"{\"inherits\": \"base\", " MEMBERS ", \"machine\": {" MACHINE_BUT_MEMORY
		", \"memory\": \"1\"}}",
		"\"machine.memory\" must be a number"},
	{"no machine", "{\"inherits\": \"base\", " MEMBERS "}",
		"\"machine.qemu\" must be a string"},
	{"links the wrong way round",
		"{\"inherits\": \"base\", \"links\": [\"sh\"], " MEMBERS ", " MACHINE "}",
		"\"links\" must be an object"},
	{"modules that are no strings",
		"{" COMMON ", \"name\": \"a\", \"description\": \"d\", "
		"\"architecture\": \"x\", \"kernel\": \"k\", \"modules\": [1], " MACHINE
		"}",
		"\"modules\" must be an array of strings"},
};

static void write_text(const char *path, const char *text)
{
	struct err e = {0};

	if (fs_write_file(path, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static void test_files(const char *dir)
{
	autofree char *path = fs_join(dir, "a.json"),
		      *other = fs_join(dir, "console.json");

	write_text(other, "[\"no recipe\"]");
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct image_recipe_list list;
		struct err e = {0};
		int status;

		write_text(path, files[i].text);
		status = image_recipe_list_load(&list, dir, &e);
		if (files[i].message)
			ok(status < 0 && e.kind == ERR_SETUP &&
					strstr(e.msg, files[i].message),
				"%s: %s", files[i].name, e.msg);
		else
			ok(status == 0 && list.len == 1 && list.v[0].links.len == 4 &&
					streq(list.v[0].links.v[1], "busybox"),
				"%s", files[i].name);
		image_recipe_list_release(&list);
	}
}

/* What one inherits from counts for what the images are made of. */
static void test_digest(const char *dir, const char *common)
{
	autofree char *path = fs_join(dir, "a.json");
	struct image_recipe_list before, same, after;
	struct err e = {0};

	write_text(path, files[2].text);
	ok(image_recipe_list_load(&before, dir, &e) == 0, "a recipe");
	write_text(path, files[2].text);
	ok(image_recipe_list_load(&same, dir, &e) == 0 &&
			streq(same.v[0].digest, before.v[0].digest),
		"written again: the same digest");
	write_text(common, "{" COMMON " }");
	ok(image_recipe_list_load(&after, dir, &e) == 0 &&
			!streq(after.v[0].digest, before.v[0].digest),
		"one byte more in what it inherits from: another digest");
	image_recipe_list_release(&before);
	image_recipe_list_release(&same);
	image_recipe_list_release(&after);
}

/* A target without recipe, or one nobody can be meant by, would be found out late. */
static void test_installed(void)
{
	struct image_recipe_list recipes;
	struct target_list targets;
	struct err e = {0};

	if (image_recipe_list_load(&recipes, NULL, &e) < 0 ||
		target_list_load(&targets, NULL, &e) < 0) {
		ok(false, "the installed ones: %s", e.msg);
		return;
	}
	is_int((long long)recipes.len, (long long)targets.len,
		"as many recipes as targets");
	for (size_t i = 0; i < targets.len; i++) {
		const struct image_recipe *r =
			image_recipe_get(&recipes, targets.v[i].name, &e);

		ok(r && streq(r->architecture, targets.v[i].debian),
			"a recipe for %s, of its architecture", targets.v[i].name);
	}
	ok(!image_recipe_get(&recipes, "aarch46", &e) &&
			strstr(e.msg, "did you mean \"aarch64\"?"),
		"an unknown one: %s", e.msg);
	ok(!image_recipe_get(&recipes, "vax", &e) && strstr(e.msg, "armv7, i686"),
		"one like none: %s", e.msg);
	image_recipe_list_release(&recipes);
	target_list_release(&targets);
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-image-recipe", &e);
	autofree char *common = NULL, *common_dir = NULL;

	if (!dir)
		return 99;
	common_dir = fs_join(dir, "common");
	common = fs_join(common_dir, "base.json");
	if (fs_mkdir_p(common_dir, &e) < 0)
		return 99;
	write_text(common, "{" COMMON "}");
	test_files(dir);
	test_digest(dir, common);
	test_installed();
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	return tap_done();
}
