#include "adapter/make-tests.h"

#include "adapter/make-order.h"
#include "adapter/make-words.h"
#include "base/fs.h"
#include "base/proc.h"

#include <ctype.h>

/* The variable prefix for a test's extension: "SH_" for x.sh when .sh is one of
 * TEST_EXTENSIONS, "" when none fits. The caller's. */
static char *extension_prefix(const struct make_dir *dir, const char *test)
{
	autorelease(strv) struct strv extensions = STRV_INIT;
	const char *dot = strrchr(fs_basename(test), '.');
	char *prefix;

	strv_split(&extensions, make_ask_value(dir, "TEST_EXTENSIONS"), " \t");
	if (!dot || !strv_has(&extensions, dot))
		return xstrdup("");
	prefix = xasprintf("%s_", dot + 1);
	for (char *p = prefix; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return prefix;
}

static const char *with_prefix(
	const struct make_dir *dir, const char *prefix, const char *name)
{
	autofree char *whole = xasprintf("%s%s", prefix, name);

	return make_ask_value(dir, whole);
}

/* Where Automake finds a test: the build directory, else the source directory. The
 * caller's, absolute. */
static char *test_path(const struct make_dir *dir, const char *test, char **alias)
{
	const char *srcdir = make_ask_value(dir, "srcdir");
	autofree char *here = fs_normalize(test, dir->path);
	autofree char *there = NULL;

	*alias = NULL;
	if (fs_is_file(here) || !*srcdir)
		return take_ptr(here);
	*alias = xasprintf("%s/%s", srcdir, test);
	there = fs_normalize(*alias, dir->path);
	return fs_is_file(there) ? take_ptr(there) : take_ptr(here);
}

static bool word_in(const char *list, const char *word)
{
	autorelease(strv) struct strv words = STRV_INIT;

	strv_split(&words, list, " \t");
	return strv_has(&words, word);
}

/* What a recipe sees and make was not given: the makefile's `export`s. A longer value of
 * a path list is what was put before or after it. */
static void exported(struct suite *s, const struct strv *seen, const struct strv *given)
{
	static const char *const of_make[] = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL",
		"MAKEFILES", "MAKEOVERRIDES", "MAKE_TERMOUT", "MAKE_TERMERR", "SHLVL",
		"PWD", "OLDPWD", "_", "XTEST_ANSWER", "XTEST_MAKEFILE"};

	for (size_t i = 0; i < seen->len; i++) {
		size_t n = make_words_assignment(seen->v[i]);
		autofree char *name = xstrndup(seen->v[i], n);
		const char *value = seen->v[i] + n + 1;
		const char *old = strv_env_find(given, name);
		size_t len = strlen(value), old_len = old ? strlen(old) : 0;
		bool skip = !n || (old && streq(old, value));

		for (size_t k = 0; k < ARRAY_LEN(of_make); k++)
			skip = skip || streq(name, of_make[k]);
		if (skip)
			continue;
		if (old_len && len > old_len + 1 && ends_with(value, old) &&
			value[len - old_len - 1] == ':')
			strv_pushf(&s->env_prepend, "%s=%.*s", name,
				(int)(len - old_len - 1), value);
		else if (old_len && len > old_len + 1 && starts_with(value, old) &&
			 value[old_len] == ':')
			strv_pushf(&s->env_append, "%s=%s", name, value + old_len + 1);
		else
			strv_push(&s->env, seen->v[i]);
	}
}

/* Automake runs `$(AM_TESTS_ENVIRONMENT) $(TESTS_ENVIRONMENT) DRIVER… -- $(LOG_COMPILE)
 * "$tst"`: shell text in front of a command. A compiler that is plain words becomes part
 * of the command, one that needs a shell stays text. */
static void set_command(struct suite *s, const struct make_dir *dir, const char *compile,
	const char *path)
{
	const char *am_text = make_ask_value(dir, "AM_TESTS_ENVIRONMENT");
	const char *text = make_ask_value(dir, "TESTS_ENVIRONMENT");
	autorelease(strv) struct strv words = STRV_INIT;
	autorelease(buf) struct buf shell = BUF_INIT;

	buf_append_str(&shell, am_text);
	if (*text)
		buf_printf(&shell, "%s%s", shell.len ? " " : "", text);
	if (!make_words_split(compile, &words)) {
		strv_clear(&words);
		buf_printf(&shell, "%s%s", shell.len ? " " : "", compile);
	}
	strv_push(&words, path);
	/* The shell text is evaluated after the environment is set: what `env` assigns
	 * may go there when the text does not speak of it. */
	make_words_take_env(&words, buf_str(&shell), &s->env);
	if (shell.len)
		s->shell_env = buf_take(&shell);
	strv_copy(&s->command, &words);
	if (strchr(s->command.v[0], '/') && s->command.v[0][0] != '/') {
		char *absolute = fs_normalize(s->command.v[0], dir->path);

		free(s->command.v[0]);
		s->command.v[0] = absolute;
	}
}

void make_tests_fill(struct suite *s, const struct make_dir *dir, const char *test,
	const struct strv *inherited)
{
	autofree char *prefix = extension_prefix(dir, test);
	autofree char *alias = NULL;
	autofree char *path = test_path(dir, test, &alias);
	const char *expected = make_ask_value(dir, "XFAIL_TESTS");
	const char *srcdir = make_ask_value(dir, "srcdir");
	const char *driver = with_prefix(dir, prefix, "LOG_DRIVER");

	s->name = xstrdup(starts_with(test, "./") ? test + 2 : test);
	s->cwd = xstrdup(dir->path);
	exported(s, &dir->environ, inherited);
	if (*srcdir)
		strv_env_set(&s->env, "srcdir", srcdir);
	set_command(s, dir, with_prefix(dir, prefix, "LOG_COMPILE"), path);
	s->expect_fail = word_in(expected, test) || (alias && word_in(expected, alias));
	if (strstr(driver, "tap-driver")) {
		s->protocol = xstrdup("tap");
		s->framework = xstrdup("tap");
	} else {
		s->protocol = xstrdup("exitcode");
	}
	if (!fs_exists(path))
		strv_push(&s->required_files, path);
}

/* The existing paths that the shell text names, however it uses them. */
static void files_in_text(
	struct suite *s, const char *top, const char *text, struct strv *files)
{
	autorelease(strv) struct strv words = STRV_INIT;

	strv_split(&words, text, " \t\n\"'`=:;()|&<>$,");
	for (size_t i = 0; i < words.len; i++) {
		autofree char *path = NULL;

		if (!strchr(words.v[i], '/') || strlen(words.v[i]) > 4000)
			continue;
		path = fs_normalize(words.v[i], s->cwd);
		if (fs_is_within(path, top) && !streq(path, top) && fs_exists(path))
			strv_push_take(files, take_ptr(path));
	}
}

/* Directories with data beside the tests: those below a test directory in which make has
 * no business. */
static int data_dirs(const struct make_dir *dir, struct strv *dirs, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	if (fs_list_dir(dir->path, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir->path, names.v[i]);

		if (names.v[i][0] == '.' || streq(names.v[i], "autom4te.cache") ||
			!fs_is_dir(path) || make_ask_makefile(path))
			continue;
		strv_push_take(dirs, take_ptr(path));
	}
	return 0;
}

/* Tests that are nowhere yet may be made by a rule of their own. */
static int make_missing(const struct build_request *request, const struct make_tree *tree,
	const struct make_dir *dir, const struct strv *tests, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	struct build_request quiet = *request;
	size_t words;

	make_ask_argv(request, tree->overrides, &argv);
	strv_push(&argv, "-k");
	words = argv.len;
	for (size_t i = 0; i < tests->len; i++) {
		autofree char *alias = NULL;
		autofree char *path = test_path(dir, tests->v[i], &alias);

		if (!fs_exists(path))
			strv_push(&argv, tests->v[i]);
	}
	if (argv.len == words)
		return 0;
	/* What could not be made is told when the test is run. */
	quiet.output = NULL;
	if (adapter_run(&quiet, &argv, dir->path, tree->env, e) < 0) {
		if (e->kind != ERR_BUILD)
			return -1;
		*e = (struct err){0};
	}
	return 0;
}

static const char *package_of(const struct make_tree *tree, const struct make_dir *dir)
{
	const char *package = make_ask_value(dir, "PACKAGE");

	if (!*package)
		package = make_ask_value(dir, "PACKAGE_TARNAME");
	return *package ? package : tree->package;
}

/* Automake's name for them, or one that plain makefiles use. */
static void tests_of(const struct make_dir *dir, struct strv *tests)
{
	static const char *const names[] = {
		"TESTS", "TEST_PROGRAMS", "TEST_PROGS", "CHECK_PROGS", "TEST_BINS"};

	for (size_t i = 0; i < ARRAY_LEN(names) && !tests->len; i++)
		strv_split(tests, make_ask_value(dir, names[i]), " \t\n");
}

static int add_dir(const struct build_request *request, const struct make_tree *tree,
	const struct make_dir *dir, const struct strv *inherited,
	struct suite_list *suites, size_t *n, struct err *e)
{
	autorelease(strv) struct strv tests = STRV_INIT, data = STRV_INIT;
	size_t first = suites->len;

	tests_of(dir, &tests);
	if (!tests.len)
		return 0;
	*n += tests.len;
	if (make_missing(request, tree, dir, &tests, e) < 0 ||
		data_dirs(dir, &data, e) < 0)
		return -1;
	for (size_t i = 0; i < tests.len; i++) {
		struct suite *s = suite_list_add(suites);
		const char *below = fs_below(dir->path, tree->top);

		make_tests_fill(s, dir, tests.v[i], inherited);
		s->package = xstrdup(package_of(tree, dir));
		s->id = xasprintf("%s::%s", s->package, s->name);
		if (below && *below)
			strv_push(&s->labels, below);
		strv_push_all(&s->files, &data);
		if (s->shell_env)
			files_in_text(s, tree->top, s->shell_env, &s->files);
	}
	make_order_set(dir, suites->v + first, tests.len);
	return 0;
}

/* Only tests of the same directory depend on it. */
static void rename_in_dir(struct suite_list *suites, size_t first, const struct suite *s,
	const char *old_id)
{
	for (size_t i = first; i < suites->len; i++) {
		struct strv *depends = &suites->v[i].depends;

		if (!streq(suites->v[i].cwd, s->cwd))
			continue;
		for (size_t k = 0; k < depends->len; k++)
			if (streq(depends->v[k], old_id)) {
				strv_remove(depends, k);
				strv_insert(depends, k, s->id);
			}
	}
}

/* Names are those of the build system, as long as they differ; tests that share one get
 * their directory's in front. */
static void tell_apart(
	const struct make_tree *tree, struct suite_list *suites, size_t first)
{
	autorelease(strv) struct strv ids = STRV_INIT, shared = STRV_INIT;

	for (size_t i = first; i < suites->len; i++)
		strv_push(&ids, suites->v[i].id);
	strv_sort(&ids);
	for (size_t i = 1; i < ids.len; i++)
		if (streq(ids.v[i - 1], ids.v[i]))
			strv_push(&shared, ids.v[i]);
	for (size_t i = first; shared.len && i < suites->len; i++) {
		struct suite *s = &suites->v[i];
		const char *below = fs_below(s->cwd, tree->top);
		autofree char *old_id = NULL;
		char *name;

		if (!strv_has(&shared, s->id) || !below || !*below)
			continue;
		old_id = s->id;
		name = xasprintf("%s/%s", below, s->name);
		free(s->name);
		s->name = name;
		s->id = xasprintf("%s::%s", s->package, name);
		rename_in_dir(suites, first, s, old_id);
	}
}

static bool is_libtool_wrapper(const char *path)
{
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;

	if (!fs_is_executable(path) || fs_read_file(path, &text, &ignored) < 0 ||
		text.len < 2 || memcmp(text.data, "#!", 2) != 0)
		return false;
	return strstr(text.data, "temporary wrapper script for") != NULL &&
	       strstr(text.data, "Generated by libtool") != NULL;
}

/* The programs behind the libtool wrappers among a directory's tests, as libtool itself
 * names them, in one call. A wrapper stays the command: it sets the library path. */
static int unwrap(const struct build_request *request, const struct make_dir *dir,
	struct suite *tests, size_t n, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT, programs = STRV_INIT;
	autorelease(buf) struct buf out = BUF_INIT;
	autofree struct suite **wrapped = xcalloc(n + 1, sizeof(struct suite *));
	size_t len = 0;

	if (!make_words_split(make_ask_value(dir, "LIBTOOL"), &argv) || !argv.len)
		return 0;
	strv_push(&argv, "--mode=execute");
	strv_push(&argv, "printf");
	strv_push(&argv, "%s\\n");
	for (size_t i = 0; i < n; i++) {
		if (tests[i].command.len != 1 ||
			!is_libtool_wrapper(tests[i].command.v[0]))
			continue;
		strv_push(&argv, tests[i].command.v[0]);
		wrapped[len++] = &tests[i];
	}
	if (!len)
		return 0;
	if (adapter_capture(request, &argv, dir->path, NULL, &out, e) < 0)
		return err_context(e, "ask libtool for the programs behind its wrappers");
	strv_split(&programs, buf_str(&out), "\n");
	for (size_t i = 0; i < len && i < programs.len; i++) {
		struct suite *s = wrapped[i];

		if (streq(programs.v[i], s->command.v[0]) || !fs_is_file(programs.v[i]))
			continue;
		s->binary = xstrdup(programs.v[i]);
		s->platform = PLATFORM_TARGET;
		s->platform_reason = xstrdup("libtool wrapper of a program built here");
	}
	return 0;
}

/* The tools that make was told to use are no concern of a test. */
static void forget_tools(struct make_answer *answer, const struct strv *tools)
{
	for (size_t i = 0; i < answer->len; i++)
		for (size_t k = 0; k < tools->len; k++) {
			autofree char *name =
				xstrndup(tools->v[k], make_words_assignment(tools->v[k]));

			strv_env_unset(&answer->v[i].environ, name);
		}
}

int make_tests_find(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, size_t *n, struct err *e)
{
	autorelease(make_answer) struct make_answer answer = {0};
	autorelease(strv) struct strv inherited = STRV_INIT;
	size_t first = suites->len, count = 0;

	proc_environ(&inherited);
	strv_env_merge(&inherited, tree->env);
	if (tree->overrides)
		strv_env_merge(&inherited, tree->overrides);
	if (make_ask_tests(request, tree->top, tree->env, tree->overrides, &answer, e) <
		0)
		return -1;
	forget_tools(&answer, tree->env);
	for (size_t i = 0; i < answer.len; i++) {
		size_t from = suites->len;

		if (add_dir(request, tree, &answer.v[i], &inherited, suites, &count, e) <
			0)
			return -1;
		if (unwrap(request, &answer.v[i], suites->v + from, suites->len - from,
			    e) < 0)
			return -1;
	}
	tell_apart(tree, suites, first);
	if (n)
		*n = count;
	return 0;
}

int make_tests_whole(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, struct err *e)
{
	static const char *const targets[] = {"check", "test"};

	for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
		autorelease(strv) struct strv argv = STRV_INIT;
		autorelease(buf) struct buf dry = BUF_INIT;
		struct build_request quiet = *request;
		struct suite *s;

		quiet.output = NULL;
		make_ask_argv(request, tree->overrides, &argv);
		strv_push(&argv, "-n");
		strv_push(&argv, targets[i]);
		if (adapter_capture(&quiet, &argv, tree->top, tree->env, &dry, e) < 0) {
			if (e->kind != ERR_BUILD)
				return -1;
			*e = (struct err){0};
			continue;
		}
		s = suite_list_add(suites);
		s->package = xstrdup(tree->package);
		s->name = xstrdup(targets[i]);
		s->id = xasprintf("%s::%s", tree->package, targets[i]);
		s->cwd = xstrdup(tree->top);
		strv_push(&s->command, "make");
		strv_push(&s->command, "--no-print-directory");
		if (tree->overrides)
			strv_push_all(&s->command, tree->overrides);
		strv_push(&s->command, targets[i]);
		strv_copy(&s->env, tree->env);
		s->protocol = xstrdup("exitcode");
		s->framework = xstrdup("plain");
		s->platform = PLATFORM_TARGET;
		s->platform_reason = xasprintf(
			"make %s runs what was built for the target", targets[i]);
		/* A whole project's tests, not one test. */
		s->timeout_ms = (int64_t)30 * 60 * 1000;
		return 0;
	}
	return 0;
}

int make_tests_finish(const struct build_request *request, const struct make_tree *tree,
	struct suite_list *suites, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT, artifacts = STRV_INIT;

	if (adapter_platform_decide(suites, request, e) < 0 ||
		fs_list_dir(tree->top, &names, e) < 0)
		return -1;
	/* A script runs in the tree as it is and may read or start anything in it. */
	for (size_t i = 0; i < names.len; i++)
		if (names.v[i][0] != '.' && !streq(names.v[i], "autom4te.cache") &&
			!streq(names.v[i], "config.log"))
			strv_push_take(&artifacts, fs_join(tree->top, names.v[i]));
	adapter_files_add_artifacts(suites, request, &artifacts);
	return suite_list_check(suites, tree->adapter, e);
}
