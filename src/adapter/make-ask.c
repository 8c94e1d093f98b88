#include "adapter/make-ask.h"

#include "base/fs.h"
#include "model/toolchain.h"

#include <ctype.h>

/* GNU make 4.0 or later ($(file)). `all` was made before, so that BUILT_SOURCES and the
 * libraries are there. A test that is not there yet is no prerequisite here: whether a
 * rule makes it is asked apart, because make would stop without one. Command-line
 * variables (XTEST_…) reach every make below. */
static const char makefile[] =
	"define xtest_eol\n\n\nendef\n"
	"xtest_names := TESTS XFAIL_TESTS TESTS_ENVIRONMENT AM_TESTS_ENVIRONMENT \\\n"
	"  TEST_EXTENSIONS TEST_SUITE_LOG srcdir top_builddir PACKAGE PACKAGE_TARNAME "
	"LIBTOOL \\\n"
	"  TEST_PROGRAMS TEST_PROGS "
	"CHECK_PROGS TEST_BINS \\\n"
	"  $(filter %LOG_COMPILE %LOG_DRIVER,$(.VARIABLES))\n"
	"xtest_set = $(filter file command override,$(firstword $(origin $1)))\n"
	"xtest_one = [$1]$(xtest_eol)$($1)$(xtest_eol)[.]$(xtest_eol)\n"
	"xtest_all = $(foreach v,$(xtest_names),$(if $(call xtest_set,$v),$(call "
	"xtest_one,$v)))\n"
	"xtest_there = $(foreach t,$1,$(if $(wildcard $t $(srcdir)/$t),$t))\n"
	"xtest_dirs := $(if $(call xtest_set,SUBDIRS),$(SUBDIRS))\n"
	"xtest_tests := $(firstword $(foreach v,TESTS TEST_PROGRAMS TEST_PROGS "
	"CHECK_PROGS "
	"TEST_BINS,\\\n"
	"  $(if $(call xtest_set,$v),$(if $(strip $($v)),$v))))\n"
	"xtest_tests := $(if $(xtest_tests),$($(xtest_tests)))\n"
	".PHONY: xtest-tests xtest-here\n"
	"xtest-here: $(check_PROGRAMS) $(check_LIBRARIES) $(check_LTLIBRARIES) \\\n"
	"  $(check_SCRIPTS) $(check_DATA) $(check_HEADERS) $(call "
	"xtest_there,$(xtest_tests))\n"
	"\t$(file >>$(XTEST_ANSWER),[/]$(xtest_eol)$(CURDIR)$(xtest_eol)[.]$(xtest_eol)$("
	"xtest_all))\n"
	"\t$(if $(xtest_tests),@{ printf '[!]\\n'; env -0; printf '\\n[.]\\n'; } "
	">>'$(XTEST_ANSWER)')\n"
	"ifeq ($(strip $(xtest_dirs)),)\n"
	"xtest-tests: xtest-here\n"
	"else\n"
	"xtest-tests:\n"
	"\t@set -e; for d in $(xtest_dirs) $(if $(filter .,$(xtest_dirs)),,.); do \\\n"
	"\t  f=; for m in Makefile makefile GNUmakefile; do if test -f $$d/$$m; then "
	"f=$$m; fi; done; \\\n"
	"\t  t=xtest-tests; if test $$d = .; then t=xtest-here; fi; \\\n"
	"\t  if test -n \"$$f\"; then \\\n"
	"\t    $(MAKE) -C $$d --no-print-directory -f $$f -f '$(XTEST_MAKEFILE)' $$t; "
	"\\\n"
	"\t  fi; \\\n"
	"\tdone\n"
	"endif\n";

const char *make_ask_makefile(const char *dir)
{
	static const char *const names[] = {"GNUmakefile", "makefile", "Makefile"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		autofree char *path = fs_join(dir, names[i]);

		if (fs_is_file(path))
			return names[i];
	}
	return NULL;
}

void make_ask_argv(const struct build_request *request, const struct strv *overrides,
	struct strv *argv)
{
	strv_push(argv, "make");
	strv_push(argv, "--no-print-directory");
	strv_pushf(argv, "-j%u", MAX(1, request->jobs));
	if (overrides)
		strv_push_all(argv, overrides);
}

void make_ask_env(const struct build_request *request, struct strv *env)
{
	/* The names in use for the build machine's own compilers: GNU configure scripts,
	 * autoconf-archive, Kbuild, GCC's tree. */
	static const char *const cc[] = {"CC_FOR_BUILD", "BUILD_CC", "HOSTCC", "HOST_CC"};
	static const char *const cxx[] = {"CXX_FOR_BUILD", "BUILD_CXX", "HOSTCXX"};

	toolchain_environment(request->toolchain, env);
	for (size_t i = 0; i < ARRAY_LEN(cc); i++)
		strv_env_set(env, cc[i], "cc");
	for (size_t i = 0; i < ARRAY_LEN(cxx); i++)
		strv_env_set(env, cxx[i], "c++");
	/* `git status` in a build rule would refresh the index of the project. */
	strv_env_set(env, "GIT_OPTIONAL_LOCKS", "0");
	/* Variables of the environment are variables of every makefile. */
	strv_env_set(env, "MAKEFILES", "");
}

void make_answer_release(struct make_answer *answer)
{
	for (size_t i = 0; i < answer->len; i++) {
		free(answer->v[i].path);
		strv_release(&answer->v[i].variables);
		strv_release(&answer->v[i].environ);
	}
	free(answer->v);
	*answer = (struct make_answer){0};
}

const char *make_ask_value(const struct make_dir *dir, const char *name)
{
	const char *value = strv_env_find(&dir->variables, name);

	return value ? value : "";
}

static char *trimmed(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return xstrndup(text, len);
}

/* One record is "[name]\n", the value, "\n[.]\n". "[/]" starts a directory, "[!]" is the
 * environment with NULs in between. */
static int read_record(struct make_answer *answer, const char *name, const char *value,
	size_t len, struct err *e)
{
	struct make_dir *dir = answer->len ? &answer->v[answer->len - 1] : NULL;
	autofree char *text = NULL;

	if (streq(name, "/")) {
		answer->v = xgrow(
			answer->v, &answer->cap, answer->len + 1, sizeof *answer->v);
		answer->v[answer->len++] = (struct make_dir){.path = trimmed(value, len)};
		return 0;
	}
	if (!dir)
		return err_set(
			e, ERR_METADATA, "make's answer does not begin with a directory");
	if (streq(name, "!")) {
		for (size_t at = 0; at < len; at += strnlen(value + at, len - at) + 1)
			strv_push_take(&dir->environ,
				xstrndup(value + at, strnlen(value + at, len - at)));
		return 0;
	}
	text = trimmed(value, len);
	strv_pushf(&dir->variables, "%s=%s", name, text);
	return 0;
}

static int read_answer(const struct buf *text, struct make_answer *answer, struct err *e)
{
	static const char end[] = "\n[.]\n";
	size_t at = 0;

	while (at < text->len) {
		const char *head = text->data + at;
		const char *eol = memchr(head, '\n', text->len - at);
		const char *stop;
		autofree char *name = NULL;

		/* $(foreach) and $(file) put blanks and a newline between records. */
		if (*head == ' ' || *head == '\n') {
			at++;
			continue;
		}
		if (!eol || head[0] != '[' || eol[-1] != ']')
			return err_set(e, ERR_METADATA,
				"make's answer about its tests is damaged at byte %zu",
				at);
		/* The newline before the value may be the one that ends it. */
		stop = memmem(
			eol, (size_t)(text->data + text->len - eol), end, sizeof end - 1);
		if (!stop)
			return err_set(e, ERR_METADATA,
				"make's answer about its tests ends too early");
		name = xstrndup(head + 1, (size_t)(eol - head) - 2);
		if (read_record(answer, name, stop > eol ? eol + 1 : "",
			    stop > eol ? (size_t)(stop - eol) - 1 : 0, e) < 0)
			return -1;
		at = (size_t)(stop - text->data) + sizeof end - 1;
	}
	return 0;
}

int make_ask_tests(const struct build_request *request, const char *top,
	const struct strv *env, const struct strv *overrides, struct make_answer *answer,
	struct err *e)
{
	autofree char *file = fs_join(request->build_dir, "xtest-answer");
	autofree char *extra = fs_join(request->build_dir, "xtest-tests.mk");
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(buf) struct buf text = BUF_INIT;
	const char *own = make_ask_makefile(top);

	if (!own)
		return err_set(e, ERR_METADATA, "%s has no makefile", top);
	if (fs_write_if_changed(extra, makefile, strlen(makefile), 0666, e) < 0 ||
		fs_write_file(file, "", 0, 0666, e) < 0)
		return -1;
	make_ask_argv(request, overrides, &argv);
	strv_push(&argv, "-f");
	strv_push(&argv, own);
	strv_push(&argv, "-f");
	strv_push(&argv, extra);
	strv_pushf(&argv, "XTEST_ANSWER=%s", file);
	strv_pushf(&argv, "XTEST_MAKEFILE=%s", extra);
	strv_push(&argv, "xtest-tests");
	if (adapter_run(request, &argv, top, env, e) < 0)
		return err_context(e, "build the test programs");
	if (fs_read_file(file, &text, e) < 0)
		return -1;
	return read_answer(&text, answer, e);
}
