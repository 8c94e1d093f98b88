#include "model/toolchain.h"

#include "base/fs.h"
#include "base/proc.h"
#include "model/probe.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const part_names[TOOLCHAIN_PARTS] = {
	[TOOLCHAIN_CC] = "cc",
	[TOOLCHAIN_CXX] = "cxx",
	[TOOLCHAIN_LIBC] = "libc",
	[TOOLCHAIN_SYSROOT] = "sysroot",
	[TOOLCHAIN_EMULATOR] = "emulator",
};

const char *toolchain_part_name(enum toolchain_part part)
{
	return part_names[part];
}

static const char *package_of(const struct toolchain *tc, enum toolchain_part part)
{
	const struct target *t = tc->target;

	switch (part) {
	case TOOLCHAIN_CC:
		return tc->is_host ? "gcc" : t->package_cc;
	case TOOLCHAIN_CXX:
		return tc->is_host ? "g++" : t->package_cxx;
	case TOOLCHAIN_LIBC:
	case TOOLCHAIN_SYSROOT:
		return tc->is_host ? "libc6-dev" : t->package_libc;
	case TOOLCHAIN_EMULATOR:
		return t->package_emulator;
	default:
		return NULL;
	}
}

/* Notes that a part is missing; the sentence ends with the package to install. */
static void PRINTF_LIKE(3, 4)
	lack(struct toolchain *tc, enum toolchain_part part, const char *fmt, ...)
{
	autofree char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		abort();
	va_end(ap);
	free(tc->missing[part]);
	tc->package[part] = package_of(tc, part);
	tc->missing[part] = xasprintf("%s; install %s", what, tc->package[part]);
}

/* "XTEST_<WHAT>_<NAME of the target in capitals>"; the caller's. */
static char *setting_name(const struct toolchain *tc, const char *what)
{
	char *name = xasprintf("XTEST_%s_%s", what, tc->target->name);

	for (char *p = name; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return name;
}

/* The variable's value unless it is empty. Borrowed. */
static const char *setting(
	const struct toolchain *tc, const struct strv *env, const char *what)
{
	autofree char *name = setting_name(tc, what);
	const char *value = strv_env_find(env, name);

	return value && value[0] ? value : NULL;
}

/* ---- the compiler */

/* What the last candidate was refused for, so that the sentence can tell. */
struct refusal {
	char *program; /* owned; NULL: none was found at all */
	char *why;     /* owned */
	bool wrong_machine;
};

static void refusal_release(struct refusal *r)
{
	free(r->program);
	free(r->why);
}

/* Takes the command as tc->cc when it is there and links for this target. 1, 0 or -1. */
static int try_compiler(struct toolchain *tc, const char *command, const struct strv *env,
	struct refusal *refused, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct elf_identity id;
	char *program, *why;
	int linked;

	strv_split(&words, command, " \t");
	program = words.len ? fs_find_program(words.v[0], strv_env_find(env, "PATH"))
			    : NULL;
	if (!program)
		return 0;
	free(words.v[0]);
	words.v[0] = program;
	linked = probe_link(&words, env, &id, &why, e);
	if (linked == 1 && target_matches_elf(tc->target, &id)) {
		strv_copy(&tc->cc, &words);
		return 1;
	}
	/* The first refusal says most: later candidates are ever less likely. */
	if (linked >= 0 && !refused->program) {
		refused->program = xstrdup(program);
		refused->why = take_ptr(why);
		refused->wrong_machine = linked == 1;
	}
	free(why);
	return linked < 0 ? -1 : 0;
}

static void list_candidates(
	const struct toolchain *tc, const struct strv *env, struct strv *commands)
{
	static const char *const own[] = {"CC_FOR_BUILD", "CC"};
	static const char *const native[] = {"cc", "gcc", "clang"};

	/* $CC may be the compiler of the other side; then its programs do not match. */
	for (size_t i = tc->is_host ? 0 : 1; i < ARRAY_LEN(own); i++)
		if (strv_env_find(env, own[i]))
			strv_push(commands, strv_env_find(env, own[i]));
	if (tc->is_host)
		strv_push_array(commands,
			(const char *const[]){native[0], native[1], native[2], NULL});
	for (size_t i = 0; i < tc->target->compilers.len; i++)
		strv_pushf(commands, "%sgcc", tc->target->compilers.v[i]);
	for (size_t i = 0; i < tc->target->native_on.len; i++)
		if (tc->native)
			strv_push(commands, "gcc -m32");
	strv_pushf(commands, "clang --target=%s", tc->target->gnu);
}

static int find_cc(struct toolchain *tc, const struct strv *env, struct err *e)
{
	autorelease(strv) struct strv commands = STRV_INIT;
	autorelease(refusal) struct refusal refused = {0};
	const char *set = setting(tc, env, "CC");
	autofree char *name = setting_name(tc, "CC");

	if (set)
		strv_push(&commands, set);
	else
		list_candidates(tc, env, &commands);
	for (size_t i = 0; i < commands.len; i++) {
		int taken = try_compiler(tc, commands.v[i], env, &refused, e);

		if (taken)
			return taken < 0 ? -1 : 0;
	}
	if (set && (!refused.program || refused.wrong_machine))
		lack(tc, TOOLCHAIN_CC, "%s=%s %s for %s", name, set,
			refused.program ? "makes no programs" : "names no compiler",
			tc->target->name);
	else if (refused.program && !refused.wrong_machine)
		lack(tc, TOOLCHAIN_LIBC, "%s links no program for %s (%s)",
			refused.program, tc->target->name, refused.why);
	else
		lack(tc, TOOLCHAIN_CC, "no C compiler for %s (%sgcc)", tc->target->name,
			tc->is_host ? "" : tc->target->compilers.v[0]);
	return 0;
}

/* ---- its companions */

/* Where in the base name of a compiler's path the part lies that says which it is. */
static bool split_compiler(const char *path, size_t *at, size_t *len, const char **cxx)
{
	static const struct {
		const char *cc;
		const char *cxx;
	} names[] = {{"gcc", "g++"}, {"clang", "clang++"}, {"cc", "c++"}};
	const char *base = fs_basename(path);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *found = NULL;

		for (const char *p = base; (p = strstr(p, names[i].cc)) != NULL; p++)
			found = p;
		if (found) {
			*at = (size_t)(found - path);
			*len = strlen(names[i].cc);
			*cxx = names[i].cxx;
			return true;
		}
	}
	return false;
}

/* prefix + name in the compiler's directory, else on PATH. */
static char *find_tool(const struct toolchain *tc, const struct strv *env,
	const char *prefix, const char *name)
{
	autofree char *dir = fs_dirname(tc->cc.v[0]);
	autofree char *file = xasprintf("%s%s", prefix, name);
	autofree char *beside = fs_join(dir, file);

	if (fs_is_executable(beside))
		return take_ptr(beside);
	return fs_find_program(file, strv_env_find(env, "PATH"));
}

static void find_cxx(struct toolchain *tc, const struct strv *env, const char *prefix)
{
	const char *set = strv_env_find(env, "CXX");
	const char *cc_set = strv_env_find(env, "CC");
	autofree char *name = NULL;
	char *program = NULL;
	size_t at, len;
	const char *cxx;

	/* $CXX goes with $CC: it is this target's when $CC is. */
	if (set && set[0] && cc_set) {
		autorelease(strv) struct strv words = STRV_INIT;
		autofree char *cc = NULL;

		strv_split(&words, cc_set, " \t");
		cc = words.len ? fs_find_program(words.v[0], strv_env_find(env, "PATH"))
			       : NULL;
		if (cc && streq(cc, tc->cc.v[0])) {
			strv_split(&tc->cxx, set, " \t");
			return;
		}
	}
	if (split_compiler(tc->cc.v[0], &at, &len, &cxx)) {
		name = xasprintf(
			"%.*s%s%s", (int)at, tc->cc.v[0], cxx, tc->cc.v[0] + at + len);
		program = fs_is_executable(name) ? xstrdup(name)
						 : find_tool(tc, env, prefix, cxx);
	}
	if (!program) {
		lack(tc, TOOLCHAIN_CXX, "no C++ compiler for %s (%s)", tc->target->name,
			name ? fs_basename(name) : "g++");
		return;
	}
	strv_push_take(&tc->cxx, program);
	for (size_t i = 1; i < tc->cc.len; i++)
		strv_push(&tc->cxx, tc->cc.v[i]);
}

static void find_tools(struct toolchain *tc, const struct strv *env)
{
	struct {
		const char *name;
		char **path;
	} tools[] = {
		{"ar", &tc->ar},
		{"ranlib", &tc->ranlib},
		{"strip", &tc->strip},
		{"nm", &tc->nm},
		{"objcopy", &tc->objcopy},
		{"ld", &tc->ld},
	};
	autofree char *prefix = NULL;
	size_t at, len;
	const char *cxx;

	if (split_compiler(tc->cc.v[0], &at, &len, &cxx)) {
		const char *base = fs_basename(tc->cc.v[0]);

		prefix = xstrndup(base, (size_t)(tc->cc.v[0] + at - base));
	} else {
		prefix = xstrdup("");
	}
	find_cxx(tc, env, prefix);
	/* A compiler for many machines (clang --target) has GNU's or LLVM's tools beside
	 * it. */
	if (!tc->is_host && !prefix[0] &&
		starts_with(fs_basename(tc->cc.v[0]), "clang")) {
		free(prefix);
		prefix = xasprintf("%s-", tc->target->gnu);
	}
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		*tools[i].path = find_tool(tc, env, prefix, tools[i].name);
		if (!*tools[i].path)
			*tools[i].path = find_tool(tc, env, "llvm-", tools[i].name);
	}
	tc->pkg_config = find_tool(tc, env, prefix, "pkg-config");
	if (!tc->pkg_config)
		tc->pkg_config = find_tool(tc, env, "", "pkg-config");
}

/* ---- the system root */

static bool has_loader(const struct toolchain *tc, const char *root)
{
	autofree char *path =
		xasprintf("%s%s", streq(root, "/") ? "" : root, tc->target->interpreter);

	return fs_exists(path);
}

static void find_sysroot(struct toolchain *tc, const struct strv *env)
{
	const char *set = setting(tc, env, "SYSROOT");
	autorelease(strv) struct strv roots = STRV_INIT;
	autofree char *asked = NULL;
	autofree char *text = NULL;

	if (set) {
		strv_push(&roots, set);
	} else if (!tc->native) {
		asked = tc->cc.len ? probe_ask(&tc->cc, "-print-sysroot") : NULL;
		/* Debian's cross compilers say "/", where a foreign libc may lie too. */
		if (asked && asked[0] == '/' && asked[1])
			strv_push(&roots, asked);
		strv_push_all(&roots, &tc->target->sysroots);
	}
	if (!set)
		strv_push(&roots, "/");
	for (size_t i = 0; i < roots.len && !tc->sysroot; i++)
		if (has_loader(tc, roots.v[i]))
			tc->sysroot = fs_normalize(roots.v[i], NULL);
	if (tc->sysroot)
		return;
	text = strv_join(&roots, ", ");
	lack(tc, TOOLCHAIN_SYSROOT, "no dynamic loader %s for %s (below %s)",
		tc->target->interpreter, tc->target->name, text);
}

static void push_if_dir(struct strv *dirs, const char *root, const char *below)
{
	autofree char *path = xasprintf("%s%s", streq(root, "/") ? "" : root, below);

	if (fs_is_dir(path))
		strv_push(dirs, path);
}

static void find_pkg_config_dirs(struct toolchain *tc, const struct strv *env)
{
	const char *set = setting(tc, env, "PKG_CONFIG_LIBDIR");
	autorelease(strv) struct strv dirs = STRV_INIT;
	autofree char *multiarch = NULL;

	if (set || tc->is_host) {
		tc->pkg_config_libdir = xstrdup(set ? set : "");
		return;
	}
	multiarch = xasprintf("/usr/lib/%s/pkgconfig", tc->target->multiarch);
	if (tc->sysroot && !streq(tc->sysroot, "/")) {
		push_if_dir(&dirs, tc->sysroot, multiarch);
		push_if_dir(&dirs, tc->sysroot, "/usr/lib/pkgconfig");
		push_if_dir(&dirs, tc->sysroot, "/lib/pkgconfig");
		push_if_dir(&dirs, tc->sysroot, "/usr/share/pkgconfig");
	}
	/* A root of one's own is meant to hold everything; beside Debian's there is
	 * multiarch. */
	if (!setting(tc, env, "SYSROOT")) {
		strv_push(&dirs, multiarch);
		push_if_dir(&dirs, "/", "/usr/share/pkgconfig");
	}
	if (!dirs.len)
		strv_pushf(&dirs, "%s%s", tc->sysroot ? tc->sysroot : "", multiarch);
	tc->pkg_config_libdir = strv_join(&dirs, ":");
}

/* ---- the emulator */

void toolchain_emulator(
	const struct toolchain *tc, const char *sysroot, struct strv *argv)
{
	/* The system root is the last thing in tc->emulator, when there is one. */
	size_t n = tc->emulator.len;

	if (n >= 3 && streq(tc->emulator.v[n - 2], "-L"))
		n -= 2;
	for (size_t i = 0; i < n; i++)
		strv_push(argv, tc->emulator.v[i]);
	if (n && sysroot) {
		strv_push(argv, "-L");
		strv_push(argv, sysroot);
	}
}

void toolchain_hide(
	const struct toolchain *tc, const struct strv *env, struct strv *binds)
{
	/* Interprets this machine's programs only (nor 32-bit ones), and says so in the
	 * tests' output.
	 */
	static const char *const names[] = {"valgrind"};

	for (size_t i = 0; i < ARRAY_LEN(names) && !tc->is_host; i++) {
		autofree char *path = fs_find_program(
			names[i], env ? strv_env_find(env, "PATH") : NULL);
		autofree char *real = path ? realpath(path, NULL) : NULL;

		if (!real)
			continue;
		strv_push(binds, "/dev/null");
		strv_push(binds, real);
	}
}

static void find_emulator(struct toolchain *tc, const struct strv *env)
{
	const char *set = setting(tc, env, "EMULATOR");
	const struct target *t = tc->target;
	autorelease(strv) struct strv names = STRV_INIT;

	if (set)
		strv_push(&names, set);
	else
		strv_push_all(&names, &t->emulators);
	for (size_t i = 0; i < names.len && !tc->emulator.len; i++) {
		char *program = fs_find_program(names.v[i], strv_env_find(env, "PATH"));

		if (program)
			strv_push_take(&tc->emulator, program);
	}
	if (!tc->emulator.len) {
		lack(tc, TOOLCHAIN_EMULATOR, "no emulator for %s programs (%s)", t->name,
			names.len ? names.v[0] : "none known");
		return;
	}
	tc->emulator_version = probe_version(tc->emulator.v[0]);
	strv_push_all(&tc->emulator, &t->emulator_args);
	if (tc->sysroot && !streq(tc->sysroot, "/")) {
		strv_push(&tc->emulator, "-L");
		strv_push(&tc->emulator, tc->sysroot);
	}
}

/* ---- all of it */

int toolchain_resolve(struct toolchain *tc, const struct target *t,
	const struct target *host, const struct strv *env, struct err *e)
{
	autorelease(strv) struct strv own_env = STRV_INIT;

	*tc = (struct toolchain){.target = t, .is_host = t == host};
	if (!env) {
		proc_environ(&own_env);
		env = &own_env;
	}
	tc->native = tc->is_host || (host && strv_has(&t->native_on, host->name) &&
					    has_loader(tc, "/") && probe_runs_i386());
	if (find_cc(tc, env, e)) {
		toolchain_release(tc);
		return -1;
	}
	if (tc->cc.len) {
		find_tools(tc, env);
		tc->triple = probe_ask(&tc->cc, "-dumpmachine");
	}
	if (!tc->triple)
		tc->triple = xstrdup(t->gnu);
	find_sysroot(tc, env);
	find_pkg_config_dirs(tc, env);
	if (!tc->native)
		find_emulator(tc, env);
	return 0;
}

void toolchain_release(struct toolchain *tc)
{
	strv_release(&tc->cc);
	strv_release(&tc->cxx);
	strv_release(&tc->emulator);
	free(tc->ar);
	free(tc->ranlib);
	free(tc->strip);
	free(tc->nm);
	free(tc->objcopy);
	free(tc->ld);
	free(tc->pkg_config);
	free(tc->triple);
	free(tc->sysroot);
	free(tc->pkg_config_libdir);
	free(tc->emulator_version);
	for (size_t i = 0; i < TOOLCHAIN_PARTS; i++)
		free(tc->missing[i]);
	*tc = (struct toolchain){0};
}

bool toolchain_can_build(const struct toolchain *tc)
{
	return tc->cc.len > 0;
}

bool toolchain_can_run(const struct toolchain *tc)
{
	return tc->native || tc->emulator.len > 0;
}

/* All of `parts` (bits) that are missing, in one message with one line to type. */
static int need(const struct toolchain *tc, unsigned parts, struct err *e)
{
	autorelease(strv) struct strv sentences = STRV_INIT, packages = STRV_INIT;
	autofree char *text = NULL, *line = NULL;

	for (size_t i = 0; i < TOOLCHAIN_PARTS; i++)
		if ((parts & 1u << i) && tc->missing[i]) {
			strv_push(&sentences, tc->missing[i]);
			if (!strv_has(&packages, tc->package[i]))
				strv_push(&packages, tc->package[i]);
		}
	if (!sentences.len)
		return 0;
	text = strv_join(&sentences, "\n");
	line = strv_join(&packages, " ");
	return err_set(e, ERR_SETUP, "%s\n    apt-get install %s", text, line);
}

int toolchain_need_build(const struct toolchain *tc, bool cxx, struct err *e)
{
	return need(tc,
		1u << TOOLCHAIN_CC | 1u << TOOLCHAIN_LIBC |
			(cxx ? 1u << TOOLCHAIN_CXX : 0),
		e);
}

int toolchain_need_run(const struct toolchain *tc, struct err *e)
{
	return need(tc, 1u << TOOLCHAIN_EMULATOR, e);
}

void toolchain_environment(const struct toolchain *tc, struct strv *env)
{
	const struct {
		const char *name;
		const char *value;
	} tools[] = {
		{"AR", tc->ar},
		{"RANLIB", tc->ranlib},
		{"STRIP", tc->strip},
		{"NM", tc->nm},
		{"OBJCOPY", tc->objcopy},
		{"LD", tc->ld},
		{"PKG_CONFIG", tc->pkg_config},
	};
	autofree char *cc = strv_join(&tc->cc, " ");
	autofree char *cxx = strv_join(&tc->cxx, " ");

	if (cc[0])
		strv_env_set(env, "CC", cc);
	if (cxx[0])
		strv_env_set(env, "CXX", cxx);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		if (tools[i].value)
			strv_env_set(env, tools[i].name, tools[i].value);
	if (tc->pkg_config_libdir[0]) {
		strv_env_set(env, "PKG_CONFIG_LIBDIR", tc->pkg_config_libdir);
		strv_env_set(env, "PKG_CONFIG_PATH", "");
	}
}
