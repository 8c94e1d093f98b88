/* A program whose library is gone, built for AArch64 where there is a compiler. */
#include "engine/preflight.h"

#include "base/fs.h"
#include "base/proc.h"

#include "tests/tap.h"

static char *told;

static void record(void *ctx UNUSED, const struct event *event)
{
	if (event->type == EVENT_NOTE && !told)
		told = xstrdup(event->note.text);
}

static bool build(const char *dir)
{
	autofree char *script =
		xasprintf("cd '%s' && echo 'int x(void){return 0;}' >x.c && "
			  "echo 'int x(void);int main(void){return x();}' >main.c && "
			  "aarch64-linux-gnu-gcc -shared -fPIC -Wl,-soname,libgone.so.1 "
			  "-o libx.so x.c && "
			  "aarch64-linux-gnu-gcc -o bad main.c libx.so && "
			  "aarch64-linux-gnu-gcc -o good main.c x.c",
			dir);
	autofree char *out =
		proc_capture((const char *const[]){"sh", "-c", script, NULL});

	return out != NULL;
}

static void add(struct suite_list *list, const char *dir, const char *name)
{
	struct suite *s = suite_list_add(list);

	s->id = xstrdup(name);
	strv_push_take(&s->command, fs_join(dir, name));
	suite_add_case(s, "");
}

static void check(const char *dir)
{
	static const struct target target = {
		.name = "aarch64", .elf = {.machine = 183, .class = 64}};
	struct emit emit = {.send = record};
	struct workload_target wt = {.target = &target,
		.toolchain = {.target = &target,
			.sysroot = (char[]){"/usr/aarch64-linux-gnu"}}};
	struct workload_column column = {
		.launch = {.toolchain = &wt.toolchain, .emulate = true}};
	struct workload w = {.emit = &emit,
		.targets = &wt,
		.n_targets = 1,
		.columns = &column,
		.n_columns = 1};
	autorelease(plan) struct plan plan = {0};

	add(&wt.build.suites, dir, "bad");
	add(&wt.build.suites, dir, "good");
	for (size_t i = 0; i < 2; i++)
		plan_add(&plan, &wt.build.suites.v[i], &wt.build.suites.v[i].cases[0], 0);
	preflight_check(&w, &plan);
	ok(plan.items[0].blocked && strstr(plan.items[0].blocked, "libgone.so.1"),
		"a missing library blocks its program");
	ok(!plan.items[1].blocked, "and no other");
	ok(told && strstr(told, "libgone.so.1") && strstr(told, "/bad"),
		"who needs what is told before anything starts");
	suite_list_release(&wt.build.suites);
}

int main(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-unit", &e),
		      *compiler = fs_find_program("aarch64-linux-gnu-gcc", NULL);

	if (compiler && ok(build(dir), "two programs for AArch64"))
		check(dir);
	else
		skip("a missing library",
			"install gcc-aarch64-linux-gnu libc6-dev-arm64-cross");
	free(told);
	return fs_remove_tree(dir, &e) < 0 ? 1 : tap_done();
}
