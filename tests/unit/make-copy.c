#include "adapter/make-copy.h"
#include "base/fs.h"
#include "base/proc.h"
#include "tests/tap.h"

#include <sys/stat.h>
#include <unistd.h>

/* One shell script a step, run in the source; then what the refresh counted and what is
 * in the copy: names, and the content of small files. */
static const struct {
	const char *name, *script;
	size_t updated, removed;
	bool fresh;
	const char *files;
} steps[] = {
	{"the first copy",
		"mkdir -p d/.git .git .xtest/build; echo 1 >a; echo 2 >d/b; ln -s a l;"
		"echo x >.git/c; echo x >.xtest/c; echo o >a.o; chmod 444 d/b",
		3, 0, true, "a d d/b l"},
	{"nothing changed", ":", 0, 0, false, "a d d/b l"},
	{"a change, a file gone", "echo 3 >a; rm l", 1, 1, false, "a d d/b"},
	{"an older file", "echo 4 >a; touch -d 2001-01-01 a", 1, 0, false, "a d d/b"},
	{"configured in place",
		"printf 'config_files=\" Makefile d/x:d/x.in\"\\nconfig_headers=\"\"\\n'"
		" >config.status; touch Makefile d/x d/x.in config.log",
		1, 0, false, "a d d/b d/x.in"},
	{"a program", "cp /bin/true prog; cp /bin/true data; chmod 644 data", 1, 0, false,
		"a d d/b d/x.in data"},
	{"a directory becomes a file", "rm -rf d; echo 5 >d", 1, 2, false, "a d data"},
	{"a file becomes a directory", "rm d; mkdir d; echo 6 >d/c", 1, 1, false,
		"a d d/c data"},
};

static void run(const char *dir, const char *script)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(proc_result) struct proc_result r = {0};
	struct proc_options options = {.cwd = dir};
	struct err e = {0};

	strv_push(&argv, "sh");
	strv_push(&argv, "-ec");
	strv_push(&argv, script);
	if (proc_run(&argv, &options, &r, &e) < 0 || !proc_succeeded(&r)) {
		printf("Bail out! %s: %s\n", e.msg, buf_str(&r.err));
		exit(1);
	}
}

static void names_below(const char *dir, const char *below, struct strv *names)
{
	autorelease(strv) struct strv here = STRV_INIT;
	struct err e = {0};

	if (fs_list_dir(dir, &here, &e) < 0)
		strv_push(names, e.msg);
	for (size_t i = 0; i < here.len; i++) {
		autofree char *path = fs_join(dir, here.v[i]);
		autofree char *name = xasprintf("%s%s", below, here.v[i]);
		autofree char *deeper = xasprintf("%s/", name);
		struct stat st;

		strv_push(names, name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			names_below(path, deeper, names);
	}
}

static time_t mtime_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mtime : -1;
}

static void test_steps(const char *from, const char *to, const char *record)
{
	autofree char *a = fs_join(to, "a");

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		autorelease(strv) struct strv names = STRV_INIT;
		autofree char *joined = NULL;
		struct make_copy done;
		struct err e = {0};

		run(from, steps[i].script);
		ok(make_copy_refresh(from, to, record, "k", &done, &e) == 0, "%s",
			steps[i].name);
		if (e.kind)
			printf("# %s\n", e.msg);
		names_below(to, "", &names);
		joined = strv_join(&names, " ");
		is_str(joined, steps[i].files, steps[i].name);
		is_int((long long)done.updated, (long long)steps[i].updated, "updated");
		is_int((long long)done.removed, (long long)steps[i].removed, "removed");
		is_int(done.fresh, steps[i].fresh, "made anew");
	}
	ok(mtime_of(a) > 1000000000, "a file that got older is new for make");
}

/* What the build writes in the copy stays, until the original changes or the key does. */
static void test_own_files(const char *from, const char *to, const char *record)
{
	autofree char *a = fs_join(to, "a"), *built = fs_join(to, "built");
	autorelease(buf) struct buf text = BUF_INIT;
	struct make_copy done;
	struct err e = {0};
	bool fine;

	fine = fs_write_file(a, "own\n", 4, 0644, &e) == 0 &&
	       fs_write_file(built, "x", 1, 0644, &e) == 0 &&
	       make_copy_refresh(from, to, record, "k", &done, &e) == 0 &&
	       fs_read_file(a, &text, &e) == 0;
	ok(fine, "refreshed after a build%s", e.msg);
	is_str(buf_str(&text), "own\n", "a file the build changed is left alone");
	ok(fs_exists(built), "a file the build made stays");
	ok(make_copy_refresh(from, to, record, "other", &done, &e) == 0 && done.fresh,
		"another key makes it anew");
	ok(!fs_exists(built), "with nothing of the last build in it");
	run(from, "mkdir -p locked; echo 1 >locked/x; chmod 000 locked");
	if (geteuid() == 0)
		skip("an unreadable directory", "root reads everything");
	else
		ok(make_copy_refresh(from, to, record, "other", &done, &e) < 0,
			"an unreadable directory: %s", e.msg);
}

int main(void)
{
	struct err e = {0};
	autofree char *top = fs_temp_dir("xtest-make-copy", &e);
	autofree char *from = NULL, *to = NULL, *record = NULL;

	if (!top) {
		printf("Bail out! %s\n", e.msg);
		return 1;
	}
	from = fs_join(top, "from");
	to = fs_join(top, "from/.xtest/build/src");
	record = fs_join(top, "from/.xtest/build/record");
	run(top, "mkdir from");
	test_steps(from, to, record);
	test_own_files(from, to, record);
	run(top, "chmod -R u+rwx .");
	if (fs_remove_tree(top, &e) < 0)
		printf("# %s\n", e.msg);
	return tap_done();
}
