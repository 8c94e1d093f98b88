/*
 * A suite is one test binary or script as the build system names it; a case is one test
 * inside it. Adapters make suites, frameworks fill in their cases, everything after that
 * only reads them.
 */
#ifndef XTEST_MODEL_SUITE_H
#define XTEST_MODEL_SUITE_H

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

/* Which side a suite was built for. */
enum platform { PLATFORM_TARGET, PLATFORM_HOST };

struct test_case {
	char *name; /* as the framework lists it; "" when the suite as a whole is the one
		       case */
	bool ignored;   /* listed as disabled: runs only when asked for */
	bool benchmark; /* a benchmark, not a test */
};

struct suite {
	char *id;      /* "package::name", unique within (target, platform) */
	char *package; /* project or sub-project that owns it */
	char *name;    /* the binary or test as the build system names it */
	char *kind; /* "test", "bench", "example", "lib", …; "test" when the build system
		       knows no kinds */
	char *adapter; /* who found it: "cmake", "meson", … */
	enum platform platform;
	char *platform_reason; /* "ELF machine AArch64", "script", "xtest.json:12" */

	/* How it is run, without any emulator in front. command.v[0] is an absolute path,
	 * or a program name to be found in PATH. */
	struct strv command;
	/* What the project itself puts in front of the command on this machine (Cargo's
	 * target runner), in the place of an emulator; nothing elsewhere. */
	struct strv runner;
	char *binary;    /* absolute path of the ELF file whose cases these are; NULL for
			    scripts and interpreters */
	char *cwd;       /* absolute */
	struct strv env; /* "NAME=VALUE" over the environment of the place */
	struct strv env_unset;   /* names taken out of it */
	struct strv env_prepend; /* "NAME=VALUE": VALUE goes before what is there, with
				    ':' between */
	struct strv env_append;
	/* Shell text that stands in front of the command (Automake's
	 * AM_TESTS_ENVIRONMENT and TESTS_ENVIRONMENT), or NULL: assignments, statements
	 * that end in ';', and perhaps a command of its own that takes the test as its
	 * arguments. It is run as `sh -c 'TEXT "$@"' sh COMMAND…`, in `cwd` and with the
	 * environment above; no `exec` goes before "$@", because the text may end in a
	 * command. */
	char *shell_env;

	/* What the build system says of it. */
	struct strv labels;
	int64_t timeout_ms; /* 0: the run's default; -1: none */
	bool expect_fail;   /* WILL_FAIL, should_fail, XFAIL_TESTS */
	int skip_code; /* exit status that means skipped; -1: none; plain's own 77 always
			  holds */
	struct strv pass_regex, fail_regex,
		skip_regex; /* matched against stdout and stderr; any one decides */
	struct strv required_files; /* absolute; a missing one means the suite was not
				       run: a failure that says so */
	struct strv depends; /* ids that must have ended before, whatever their verdict */
	struct strv fixtures_required, fixtures_setup, fixtures_cleanup;
	struct strv locks;   /* resource names no two running suites share */
	bool serial;         /* runs alone */
	unsigned processors; /* slots it takes; 0 means 1 */
	double cost;         /* bigger starts earlier */

	/* Names of the libraries it is linked with, as far as the build system tells; see
	 * suite_add_library(). */
	struct strv libraries;
	/* What the filter predicates deps() and rdeps() match of it; empty until the
	 * engine had to find out. */
	struct strv deps, rdeps;

	/* For the archive: what it reads beside its binary, absolute paths of files or
	 * directories. */
	struct strv files;

	char *protocol;  /* the build system's word for its output: "exitcode", "tap",
			    "gtest", "rust"; or NULL */
	char *framework; /* name in the framework table; NULL until detected */
	char *digest;    /* stands for the content of its program where that is known
			    without reading it; NULL. Of this run only */
	struct test_case *cases; /* owned */
	size_t n_cases;
	bool listed; /* `cases` is what the framework said (or needs no asking) */
};

struct suite_list {
	struct suite *v; /* owned; in the build system's order */
	size_t len, cap;
};

void suite_release(struct suite *s);
/* Appends a case; `name` is copied. */
struct test_case *suite_add_case(struct suite *s, const char *name);
void suite_clear_cases(struct suite *s);
/* True when `helper` sets up, or cleans up after, a fixture `user` needs. */
bool suite_serves(const struct suite *helper, const struct suite *user);
/* Adds the names of a library to `list`: "libz.so.1", "libz" and "z" of a path, a
 * DT_NEEDED entry or "-lz". What names no library adds nothing. */
void suite_add_library(struct strv *list, const char *word);
struct test_case *suite_find_case(const struct suite *s, const char *name);

void suite_list_release(struct suite_list *list);
/* A zeroed suite at the end of the list (skip_code -1). Valid until the next add. */
struct suite *suite_list_add(struct suite_list *list);
struct suite *suite_list_find(const struct suite_list *list, const char *id);
/* Ends with an error (ERR_METADATA) when an id is there twice or a suite lacks id,
 * command or cwd; fills what has a natural value (package, kind, name). Adapters' results
 * pass through here. */
int suite_list_check(
	struct suite_list *list, const char *adapter, struct err *e) MUST_CHECK;

/* All fields but the cases' listing state, as an object; the other direction refuses what
 * it does not know. */
void suite_write(const struct suite *s, struct jsonw *w, const char *key);
int suite_read(struct suite *s, const struct json *object, struct err *e) MUST_CHECK;

const char *platform_name(enum platform p); /* "target", "host" */

#endif
