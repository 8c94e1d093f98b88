/* xtest image: the kernels and initramfs of machines. */
#include "cmd/common.h"
#include "cmd/verb.h"
#include "engine/step.h"
#include "image/image.h"
#include "report/report-set.h"

#include <stdio.h>

struct image_options {
	const char *deb_dir, *kernel, *initramfs;
	struct strv packages;
	bool update, explain;
};

static const struct opt source_opts[] = {
	{"deb-dir", 0, "DIR", NULL, OPT_STRING, offsetof(struct image_options, deb_dir),
		"take the packages from this folder of .deb files instead of with apt"},
	{"package", 0, "NAME", NULL, OPT_LIST, offsetof(struct image_options, packages),
		"one more Debian package in the image, with what it needs"},
	{"kernel", 0, "FILE", NULL, OPT_STRING, offsetof(struct image_options, kernel),
		"a kernel of one's own instead of the package's"},
	{"initramfs", 0, "FILE", NULL, OPT_STRING,
		offsetof(struct image_options, initramfs),
		"an archive of one's own (newc) below the image's"},
	{"update", 0, NULL, NULL, OPT_FLAG, offsetof(struct image_options, update),
		"build: ask apt for the newest versions"},
	{"explain", 0, NULL, NULL, OPT_FLAG, offsetof(struct image_options, explain),
		"key: print what it is made of"},
	{0},
};

static const struct opt_group groups[] = {
	{"Image", source_opts},
	{0},
};

static const char *const verb_words[] = {
	"build", "list", "show", "key", "remove", "prune", NULL};

/* What every word begins with. */
struct invocation {
	struct image_options o;
	struct target_list targets;
	struct image_recipe_list recipes;
	struct interrupt interrupt;
	struct emit emit;
};

/* ---- what is asked for */

static bool on_cancelled(void *ctx)
{
	struct invocation *in = ctx;

	return interrupt_check(&in->interrupt);
}

/* A request for the target called `name`; *runner is the caller's. */
static int make_request(struct invocation *in, const char *name, char **runner,
	struct image_request *request, struct err *e)
{
	const struct target *target = target_list_get(&in->targets, name, e);
	const struct image_recipe *recipe =
		target ? image_recipe_get(&in->recipes, target->name, e) : NULL;

	*runner = recipe ? target_runner_path(target, e) : NULL;
	if (!*runner)
		return -1;
	*request = (struct image_request){
		.recipe = recipe,
		.runner_path = *runner,
		.packages = &in->o.packages,
		.deb_dir = in->o.deb_dir,
		.update = in->o.update,
		.kernel = in->o.kernel,
		.initramfs = in->o.initramfs,
		.cancelled = on_cancelled,
		.ctx = in,
	};
	return 0;
}

static const struct image_kept *newest_of(
	const struct image_kept_list *kept, const char *recipe)
{
	for (size_t i = 0; i < kept->len; i++)
		if (streq(kept->v[i].recipe, recipe))
			return &kept->v[i];
	return NULL;
}

/* ---- build */

struct building {
	struct invocation *in;
	struct step step;
};

static void on_progress(void *ctx, const char *line, double fraction)
{
	struct building *b = ctx;

	step_line(&b->step, line, fraction);
}

static bool on_build_cancelled(void *ctx)
{
	struct building *b = ctx;

	return on_cancelled(b->in);
}

static int build_one(struct invocation *in, const char *name, struct err *e)
{
	autofree char *runner = NULL, *what = NULL, *summary = NULL;
	struct building b = {.in = in, .step = {.emit = &in->emit, .verb = "Building"}};
	struct image_request request;
	struct image image;

	if (make_request(in, name, &runner, &request, e) < 0)
		return -1;
	what = xasprintf("image %s", request.recipe->name);
	b.step.what = what;
	request.progress = on_progress;
	request.cancelled = on_build_cancelled;
	request.ctx = &b;
	if (image_get(&request, &image, e) < 0)
		return -1;
	summary = xasprintf("image %s, kernel %s", request.recipe->name,
		image.kernel_release[0] ? image.kernel_release : in->o.kernel);
	step_end(&b.step, "Built", summary);
	printf("%s\n", image.dir);
	image_release(&image);
	return 0;
}

static void report_event(void *ctx, const struct event *event)
{
	report_set_event(ctx, event);
}

static int build(struct invocation *in, const struct strv *names, struct err *e)
{
	/* The answer is where the images are. */
	struct report_set_options options = {.answers = true};
	struct report_set *reports;
	struct err lost = {0};
	int status = 0;

	reports = report_set_open(&options, e);
	if (!reports)
		return -1;
	in->emit =
		(struct emit){.send = report_event, .ctx = reports, .start_ms = now_ms()};
	for (size_t i = 1; !status && i < names->len; i++)
		status = build_one(in, names->v[i], e);
	if (report_set_close(reports, &lost) < 0 && !status) {
		*e = lost;
		status = -1;
	}
	return status;
}

/* ---- list, show */

static void print_size(uint64_t bytes)
{
	printf("%.1f MiB", (double)bytes / (1 << 20));
}

static int list(struct invocation *in, struct err *e)
{
	struct image_kept_list kept;

	if (image_kept_list_load(&kept, e) < 0)
		return -1;
	printf("%-9s %-12s %-28s %s\n", "target", "image", "kernel", "recipe");
	for (size_t i = 0; i < in->recipes.len; i++) {
		const struct image_recipe *r = &in->recipes.v[i];
		const struct image_kept *k = newest_of(&kept, r->name);
		const char *release = k ? k->image.kernel_release : r->kernel_package;

		printf("%-9s %-12.12s %-28s %s\n", r->name, k ? k->image.key : "-",
			release[0] ? release : "-", r->description);
	}
	image_kept_list_release(&kept);
	return 0;
}

static void show_field(const char *name, const char *value)
{
	printf("  %-12s %s\n", name, value[0] ? value : "-");
}

static void show_recipe(const struct image_recipe *r)
{
	const struct image_machine *m = &r->machine;
	autofree char *modules = strv_join(&r->modules, " ");
	autofree char *packages = strv_join(&r->packages, " ");
	autofree char *debian = xasprintf("%s for %s", r->suite, r->architecture);
	autofree char *machine = xasprintf("%s -M %s -cpu %s -m %u (package %s)", m->qemu,
		m->machine, m->cpu, m->memory_mib, m->package);
	autofree char *devices = xasprintf("%s, console %s, at most %u CPU%s", m->serial,
		m->console, m->max_cpus, m->max_cpus == 1 ? "" : "s");

	printf("%s: %s\n", r->name, r->description);
	show_field("recipe", r->file);
	show_field("Debian", debian);
	show_field("kernel", r->kernel_package);
	show_field("modules", modules);
	show_field("packages", packages);
	show_field("arguments", r->command_line);
	show_field("machine", machine);
	show_field("devices", devices);
}

static int show(struct invocation *in, const char *name, struct err *e)
{
	const struct target *target = target_list_get(&in->targets, name, e);
	const struct image_recipe *recipe =
		target ? image_recipe_get(&in->recipes, target->name, e) : NULL;
	struct image_kept_list kept;

	if (!recipe || image_kept_list_load(&kept, e) < 0)
		return -1;
	show_recipe(recipe);
	for (size_t i = 0; i < kept.len; i++) {
		const struct image_kept *k = &kept.v[i];

		if (!streq(k->recipe, recipe->name))
			continue;
		printf("  %-12s %.12s, kernel %s, ", "image", k->image.key,
			k->image.kernel_release[0] ? k->image.kernel_release
						   : "of one's own");
		print_size(k->size_bytes);
		printf("\n  %-12s %s\n", "", k->image.dir);
	}
	image_kept_list_release(&kept);
	return 0;
}

/* ---- key */

static int print_key(struct invocation *in, const char *name, struct err *e)
{
	struct image_ingredient_list ingredients;
	struct image_request request;
	char key[HASH_HEX_SIZE];
	autofree char *runner = NULL;

	if (make_request(in, name, &runner, &request, e) < 0 ||
		image_explain(&request, &ingredients, key, e) < 0)
		return -1;
	printf("%s\n", key);
	for (size_t i = 0; in->o.explain && i < ingredients.len; i++)
		printf("  %-9s  %-64s  %s\n", ingredients.v[i].kind,
			ingredients.v[i].digest, ingredients.v[i].what);
	image_ingredient_list_release(&ingredients);
	return 0;
}

/* ---- remove, prune */

enum { SHORTEST_KEY = 6 };

/* An image is named by the beginning of its key, all of a target by the target. */
static bool is_meant(
	const struct image_kept *kept, const char *name, const struct target *target)
{
	if (target)
		return streq(kept->recipe, target->name);
	return strlen(name) >= SHORTEST_KEY && starts_with(kept->image.key, name);
}

static int remove_one(struct invocation *in, const struct image_kept_list *kept,
	const char *name, struct err *e)
{
	const struct target *target = target_list_find(&in->targets, name);
	size_t n = 0;

	for (size_t i = 0; i < kept->len; i++) {
		if (!is_meant(&kept->v[i], name, target))
			continue;
		if (image_remove(&kept->v[i], e) < 0)
			return -1;
		n++;
	}
	return n ? 0
		 : err_set(e, ERR_SETUP,
			   "there is no image of a target or with a key like \"%s\"",
			   name);
}

static int remove_images(struct invocation *in, const struct strv *names, struct err *e)
{
	struct image_kept_list kept;
	int status = image_kept_list_load(&kept, e);

	for (size_t i = 1; !status && i < names->len; i++)
		status = remove_one(in, &kept, names->v[i], e);
	image_kept_list_release(&kept);
	return status;
}

static int prune(struct err *e)
{
	uint64_t bytes = 0;

	if (image_prune(&bytes, e) < 0)
		return -1;
	printf("freed ");
	print_size(bytes);
	printf("\n");
	return 0;
}

/* ---- the verb */

static int run_word(struct invocation *in, const struct strv *words, struct err *e)
{
	const char *word = words->v[0];

	if (streq(word, "build"))
		return build(in, words, e);
	if (streq(word, "list"))
		return list(in, e);
	if (streq(word, "show"))
		return show(in, words->v[1], e);
	if (streq(word, "key"))
		return print_key(in, words->v[1], e);
	if (streq(word, "remove"))
		return remove_images(in, words, e);
	return prune(e);
}

static int check_words(const struct strv *words, struct err *e)
{
	static const struct {
		const char *word;
		size_t min, max;
		const char *takes;
	} verbs[] = {
		{"build", 2, SIZE_MAX, "one or more targets"},
		{"list", 1, 1, "no name"},
		{"show", 2, 2, "one target"},
		{"key", 2, 2, "one target"},
		{"remove", 2, SIZE_MAX, "one or more targets or keys"},
		{"prune", 1, 1, "no name"},
	};
	const char *near;

	if (!words->len)
		return err_set(e, ERR_USAGE,
			"xtest image needs one of build, list, show, key, remove, prune");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!streq(words->v[0], verbs[i].word))
			continue;
		if (words->len >= verbs[i].min && words->len <= verbs[i].max)
			return 0;
		return err_set(e, ERR_USAGE, "xtest image %s takes %s", verbs[i].word,
			verbs[i].takes);
	}
	near = util_nearest(words->v[0], verb_words);
	return err_set(e, ERR_USAGE,
		"xtest image knows no \"%s\"; it is one of build, list, show, key, "
		"remove, prune%s%s",
		words->v[0], near ? "; nearest: " : "", near ? near : "");
}

static int image_main(int argc, char **argv, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct invocation in = {0};
	int status = opts_parse(groups, argc, argv, &in.o, &words, NULL, e);

	interrupt_open(&in.interrupt);
	if (!status)
		status = check_words(&words, e);
	if (!status)
		status = target_list_load(&in.targets, NULL, e);
	if (!status)
		status = image_recipe_list_load(&in.recipes, NULL, e);
	if (!status)
		status = run_word(&in, &words, e);
	if (fflush(stdout) && !status)
		status = err_set(e, ERR_OUTPUT, "write to standard output");
	interrupt_close(&in.interrupt);
	image_recipe_list_release(&in.recipes);
	target_list_release(&in.targets);
	strv_release(&in.o.packages);
	return status;
}

const struct verb verb_image = {
	.name = "image",
	.usage = "build NAME… | list | show NAME | key NAME | remove NAME… | prune",
	.summary = "Make and keep the kernels and initramfs that machines boot",
	.details = "A run makes what it needs by itself. `build` does it beforehand and "
		   "prints "
		   "where it is;\n"
		   "`key` names the image a run would take, with --explain what that "
		   "depends "
		   "on; `prune` keeps\n"
		   "the newest image of each target.",
	.groups = groups,
	.words = verb_words,
	.heeds_signals = true,
	.run = image_main,
};
