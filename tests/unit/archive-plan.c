#include "base/json.h"
#include "model/config.h"
#include "tests/unit/archive-fixture.h"

static const struct archive_item *find(const struct archive_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->items.len; i++)
		if (streq(plan->items.v[i].name, name))
			return &plan->items.v[i];
	return NULL;
}

/* Makes the plan; prints the error and gives an empty one when that fails. */
static int make(struct fixture *f, struct archive_plan *plan, struct err *e)
{
	int result = archive_plan_make(&f->request, plan, e);

	if (result < 0)
		printf("# %s\n", e->msg);
	return result;
}

static void test_what_and_why(struct fixture *f)
{
	static const struct {
		const char *name, *reason;
	} table[] = {
		{"xtest/runner/native", "starts the tests on native"},
		{"target/tests/test_a", "program of p::a"},
		{"target/tests/run.sh", "program of p::script"},
		{"target/tools/gen", "named in the script run.sh"},
		{"source/data/a.txt", "in the environment of p::a"},
		{"source/data/lib.sh", NULL},
		{"source/data/sub/deep.txt", NULL},
		{"source/data/link-inside", "link to data/a.txt"},
	};
	static const char *const absent[] = {"target/tests/test_a.o",
		"target/tests/test_a.log", "target/tools/unrelated",
		"source/.git/config"};
	struct archive_plan plan;
	struct err e = {0};
	const struct archive_item *item;
	size_t libraries = 0;

	is_int(make(f, &plan, &e), 0, "a plan");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		item = find(&plan, table[i].name);
		if (ok(item != NULL, "%s is there", table[i].name) && table[i].reason)
			is_str(item->reason, table[i].reason, "with its reason");
	}
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		ok(!find(&plan, absent[i]), "%s is not", absent[i]);
	item = find(&plan, "source/data/link-outside");
	ok(item && item->kind == ARCHIVE_FILE, "a link out of the tree is its content");
	item = find(&plan, "source/data/dirlink");
	ok(item && item->kind == ARCHIVE_LINK, "a link to a directory stays a link");
	for (size_t i = 0; i < plan.items.len; i++)
		libraries += starts_with(plan.items.v[i].name, "sysroot/") &&
			     strstr(plan.items.v[i].name, "libc.so.6") != NULL;
	ok(libraries == 1, "the C library is there once");
	archive_plan_release(&plan);
}

/* A copy of true that asks for another library of the same length of name. */
static void make_broken(struct fixture *f, const char *name)
{
	autofree char *path = fs_join(f->build, name);
	autorelease(buf) struct buf bytes = BUF_INIT;
	struct err e = {0};
	char *at;

	fixture_must(fs_read_file("/bin/true", &bytes, &e), &e);
	while ((at = memmem(bytes.data, bytes.len, "libc.so.6", 9)))
		memcpy(at, "libq.so.6", 9);
	fixture_must(fs_write_file(path, bytes.data, bytes.len, 0755, &e), &e);
}

static void test_missing_library(struct fixture *f)
{
	autofree char *path = fs_join(f->build, "tests/test_a");
	struct archive_plan plan;
	struct err e = {0};

	make_broken(f, "tests/test_a");
	is_int(make(f, &plan, &e), -1, "a missing library");
	is_int(e.kind, ERR_ARCHIVE, "is an archive error");
	ok(strstr(e.msg, path) && strstr(e.msg, "libq.so.6"),
		"that names who needs what");
	archive_plan_release(&plan);
	fixture_copy("/bin/true", f->build, "tests/test_a");
	/* A program nobody names, beside one that is named. */
	make_broken(f, "tests/other");
	is_int(make(f, &plan, &e), 0, "of a program no suite names");
	ok(plan.notes.len == 1 && strstr(plan.notes.v[0], "libq.so.6"), "is a note");
	archive_plan_release(&plan);
	path[strlen(path) - strlen("test_a")] = '\0';
	strcat(path, "other");
	unlink(path);
}

/* The project's own library is found by each way a build system says it. */
static void test_own_library(struct fixture *f)
{
	static const struct {
		const char *name, *flags, *env;
	} table[] = {
		{"RUNPATH", "-Wl,--enable-new-dtags,-rpath,%s/lib", NULL},
		{"RPATH", "-Wl,--disable-new-dtags,-rpath,%s/lib", NULL},
		{"$ORIGIN", "'-Wl,-rpath,$ORIGIN/../lib' -L%s", NULL},
		{"LD_LIBRARY_PATH", "-L%s", "LD_LIBRARY_PATH=%s/lib:/nowhere"},
	};
	struct suite *s;
	size_t n = f->suites.len;

	if (system("cc --version >/dev/null 2>&1") != 0) {
		skip("the project's own library", "gcc");
		return;
	}
	s = fixture_suite(f, "p::own", "tests/own");
	s->name = xstrdup("own");
	s->binary = xstrdup(s->command.v[0]);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf command = BUF_INIT;
		const struct archive_item *item;
		struct archive_plan plan;
		struct err e = {0};
		int made;

		buf_printf(&command,
			"cd %s && mkdir -p lib && echo 'int f(void){return 0;}' | "
			"cc -shared -fPIC -Wl,-soname,libown.so.1 -o lib/libown.so.1.2 "
			"-x c - "
			"&& ln -sf libown.so.1.2 lib/libown.so.1 && "
			"echo 'int f(void); int main(void){return f();}' | "
			"cc -o tests/own -x c - -x none lib/libown.so.1 ",
			f->build);
		for (const char *p = table[i].flags; *p; p++)
			if (starts_with(p, "%s"))
				buf_append_str(&command, f->build), p++;
			else
				buf_append_char(&command, *p);
		if (table[i].env) {
			autofree char *value = xasprintf("%s/lib:/nowhere", f->build);

			strv_env_set(&s->env, "LD_LIBRARY_PATH", value);
		}
		made = system(buf_str(&command));
		is_int(made, 0, table[i].name);
		is_int(make(f, &plan, &e), 0, "planned");
		item = find(&plan, "target/lib/libown.so.1");
		ok(item && item->kind == ARCHIVE_LINK, "the link of the version");
		item = find(&plan, "target/lib/libown.so.1.2");
		ok(item && item->kind == ARCHIVE_FILE, "and the library");
		ok(plan.library_dirs[n].len == 1 &&
				ends_with(plan.library_dirs[n].v[0], "/lib"),
			"and its directory is remembered");
		archive_plan_release(&plan);
	}
	f->suites.len--;
	suite_release(&f->suites.v[n]);
}

static void test_include(struct fixture *f)
{
	static const struct {
		const char *name, *text, *there, *absent;
		int result;
	} table[] = {
		{"a file", "{\"include\": [{\"path\": \".git/config\"}]}",
			"source/.git/config", NULL, 0},
		{"a glob in the build directory",
			"{\"include\": [{\"path\": \"tools/unrel*\", \"relative-to\": "
			"\"build\"}]}",
			"target/tools/unrelated", NULL, 0},
		{"a tree as deep as it is",
			"{\"include\": [{\"path\": \".\", \"relative-to\": \"build\"}]}",
			"target/tools/unrelated", NULL, 0},
		{"a directory without what is below",
			"{\"include\": [{\"path\": \".\", \"relative-to\": \"build\", "
			"\"depth\": 0}]}",
			NULL, "target/tools/unrelated", 0},
		{"an object file when asked for",
			"{\"include\": [{\"path\": \"tests/test_a.o\", \"relative-to\": "
			"\"build\"}]}",
			"target/tests/test_a.o", NULL, 0},
		{"of another platform",
			"{\"include\": [{\"path\": \".git/config\", \"platform\": "
			"\"host\"}]}",
			NULL, "source/.git/config", 0},
		{"excluded by name", "{\"exclude\": [\"b.txt\"]}",
			"source/data/sub/deep.txt", "source/data/b.txt", 0},
		{"excluded by path", "{\"exclude\": [\"data/sub/**\"]}",
			"source/data/b.txt", "source/data/sub/deep.txt", 0},
		{"missing", "{\"include\": [{\"path\": \"nothing\"}]}", NULL, NULL, -1},
		{"missing and only a warning",
			"{\"include\": [{\"path\": \"nothing\", \"on-missing\": "
			"\"warn\"}]}",
			"target/tests/test_a", NULL, 0},
		{"out of the tree", "{\"include\": [{\"path\": \"../x\"}]}", NULL, NULL,
			-1},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *text = xasprintf("{\"archive\": %s}", table[i].text);
		struct archive_plan plan;
		struct err e = {0};
		struct config *c = config_parse(text, strlen(text), "xtest.json", &e);

		if (!c) {
			/* The configuration itself may refuse it. */
			ok(table[i].result < 0, "%s: %s", table[i].name, e.msg);
			continue;
		}
		f->request.config = &c->archive;
		is_int(make(f, &plan, &e), table[i].result, table[i].name);
		if (table[i].there)
			ok(find(&plan, table[i].there) != NULL, "%s is there",
				table[i].there);
		if (table[i].absent)
			ok(!find(&plan, table[i].absent), "%s is not", table[i].absent);
		archive_plan_release(&plan);
		config_free(c);
	}
	f->request.config = NULL;
}

static void test_limit(struct fixture *f)
{
	struct archive_plan plan;
	struct err e = {0};

	f->request.walk_limit_bytes = 6;
	is_int(make(f, &plan, &e), 0, "a directory over the limit");
	ok(plan.notes.len && strstr(plan.notes.v[0], "only in part"), "is a note");
	archive_plan_release(&plan);
	f->request.walk_limit_bytes = 0;
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	test_what_and_why(&f);
	test_include(&f);
	test_limit(&f);
	test_missing_library(&f);
	test_own_library(&f);
	fixture_release(&f);
	return tap_done();
}
