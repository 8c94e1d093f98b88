#include "model/toolchain.h"

#include "base/fs.h"
#include "model/probe.h"

#include "tests/tap.h"

#include <sys/stat.h>
#include <unistd.h>

/* A machine made of a few files: a bin directory, which is all of PATH, and a system
 * root. */
struct machine {
	char *dir;
	struct target_list targets;
	struct strv env;
};

static void put_file(const struct machine *m, const char *name, const char *text,
	size_t len, mode_t mode)
{
	autofree char *path = fs_join(m->dir, name);
	autofree char *dir = fs_dirname(path);
	struct err e = {0};

	if (fs_mkdir_p(dir, &e) || fs_write_file(path, text, len, mode, &e))
		ok(0, "%s", e.msg);
}

static void put_program(const struct machine *m, const char *name, const char *script)
{
	autofree char *path = xasprintf("bin/%s", name);
	autofree char *text = xasprintf("#!/bin/sh\n%s\n", script);

	put_file(m, path, text, strlen(text), 0755);
}

/* The smallest ELF header of a machine, which is all a test link is looked at for. */
static void put_elf(const struct machine *m, const char *name, unsigned char machine)
{
	char header[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

	header[16] = 2;
	header[18] = (char)machine;
	header[20] = 1;
	header[52] = 64;
	put_file(m, name, header, sizeof(header), 0644);
}

/* A compiler that puts a ready program where -o says. */
static void put_compiler(const struct machine *m, const char *name, const char *program)
{
	autofree char *script = xasprintf("case $* in\n"
					  "*-dumpmachine*) echo fake-machine ;;\n"
					  "*-print*) echo ;;\n"
					  "*) while [ \"$1\" != -o ]; do shift; done\n"
					  "   /bin/cp '%s/%s' \"$2\" ;;\n"
					  "esac",
		m->dir, program);

	put_program(m, name, script);
}

static void machine_init(struct machine *m)
{
	struct err e = {0};
	autofree char *path = NULL, *cache = NULL;

	*m = (struct machine){0};
	m->dir = fs_temp_dir("xtest-toolchain", &e);
	path = fs_join(m->dir, "bin");
	cache = fs_join(m->dir, "cache");
	strv_env_set(&m->env, "PATH", path);
	strv_env_set(&m->env, "XDG_CACHE_HOME", cache);
	ok(m->dir && !target_list_load(&m->targets, NULL, &e), "a machine %s", e.msg);
	put_elf(m, "elf-aarch64", 183);
	put_elf(m, "elf-x86", 62);
}

static void machine_release(struct machine *m)
{
	struct err e = {0};

	if (fs_remove_tree(m->dir, &e))
		ok(0, "%s", e.msg);
	free(m->dir);
	strv_release(&m->env);
	target_list_release(&m->targets);
}

static void resolve(const struct machine *m, struct toolchain *tc)
{
	struct err e = {0};

	if (toolchain_resolve(tc, target_list_find(&m->targets, "aarch64"),
		    target_list_find(&m->targets, "x86_64"), &m->env, &e)) {
		ok(0, "resolve: %s", e.msg);
		exit(1);
	}
}

/* What is missing, as "part package part package". */
static void is_missing(const struct machine *m, const char *expected, const char *name)
{
	autorelease(toolchain) struct toolchain tc;
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *text = NULL;

	resolve(m, &tc);
	for (enum toolchain_part i = 0; i < TOOLCHAIN_PARTS; i++) {
		if (!tc.missing[i])
			continue;
		strv_push(&words, toolchain_part_name(i));
		strv_push(&words, tc.package[i]);
		if (!strstr(tc.missing[i], tc.package[i]))
			ok(0, "the sentence names the package: %s", tc.missing[i]);
	}
	text = strv_join(&words, " ");
	is_str(text, expected, name);
}

static void test_growing_machine(struct machine *m)
{
	autofree char *root = fs_join(m->dir, "root");
	autorelease(toolchain) struct toolchain tc;
	autofree char *emulator = NULL, *expected = NULL;
	struct err e = {0};

	strv_env_set(&m->env, "XTEST_SYSROOT_AARCH64", root);
	is_missing(m,
		"cc gcc-aarch64-linux-gnu sysroot libc6-dev-arm64-cross emulator "
		"qemu-user",
		"an empty machine");
	resolve(m, &tc);
	ok(toolchain_need_build(&tc, true, &e) && e.kind == ERR_SETUP &&
			strstr(e.msg, "apt-get install gcc-aarch64-linux-gnu"),
		"building needs: %s", e.msg);
	ok(toolchain_need_run(&tc, &e) && strstr(e.msg, "apt-get install qemu-user"),
		"running needs: %s", e.msg);
	toolchain_release(&tc);

	put_program(m, "aarch64-linux-gnu-gcc",
		"echo 'ld: cannot find crt1.o: No such file' >&2; exit 1");
	is_missing(m,
		"libc libc6-dev-arm64-cross sysroot libc6-dev-arm64-cross emulator "
		"qemu-user",
		"a compiler without a C library");
	resolve(m, &tc);
	ok(strstr(tc.missing[TOOLCHAIN_LIBC], "cannot find crt1.o") != NULL,
		"with what the compiler said: %s", tc.missing[TOOLCHAIN_LIBC]);
	toolchain_release(&tc);

	put_compiler(m, "aarch64-linux-gnu-gcc", "elf-x86");
	is_missing(m,
		"cc gcc-aarch64-linux-gnu sysroot libc6-dev-arm64-cross emulator "
		"qemu-user",
		"a compiler for another machine");

	put_compiler(m, "aarch64-linux-gnu-gcc", "elf-aarch64");
	is_missing(m,
		"cxx g++-aarch64-linux-gnu sysroot libc6-dev-arm64-cross emulator "
		"qemu-user",
		"a compiler");
	put_compiler(m, "aarch64-linux-gnu-g++", "elf-aarch64");
	put_program(m, "qemu-aarch64-static",
		"echo 'qemu-aarch64 version 7.2.22 (Debian 1:7.2)'; echo Copyright");
	put_file(m, "root/lib/ld-linux-aarch64.so.1", "", 0, 0755);
	put_file(m, "root/usr/lib/pkgconfig/a.pc", "", 0, 0644);
	is_missing(m, "", "everything");

	resolve(m, &tc);
	emulator = strv_join(&tc.emulator, " ");
	expected = xasprintf("%s/bin/qemu-aarch64-static -L %s", m->dir, root);
	is_str(emulator, expected, "the emulator with its system root");
	is_str(tc.emulator_version, "7.2.22", "its version");
	is_str(fs_basename(tc.cxx.v[0]), "aarch64-linux-gnu-g++", "the C++ compiler");
	is_str(fs_below(tc.pkg_config_libdir, root), "usr/lib/pkgconfig",
		"pkg-config stays within a root of one's own");
	is_str(tc.triple, "fake-machine", "the compiler names the triple");
	is_int(tc.native || tc.is_host, 0, "foreign");
}

/* What only this machine's programs can be given is not there for a target's tests. */
static void test_hidden(struct machine *m)
{
	autorelease(toolchain) struct toolchain tc = {0};
	autorelease(strv) struct strv binds = STRV_INIT;
	autofree char *link = fs_join(m->dir, "bin/valgrind"), *joined = NULL;
	autofree char *expected = xasprintf("/dev/null %s/bin/real-valgrind", m->dir);

	resolve(m, &tc);
	toolchain_hide(&tc, &m->env, &binds);
	is_int((long long)binds.len, 0, "nothing to hide");
	put_program(m, "real-valgrind", "exit 0");
	ok(symlink("real-valgrind", link) == 0, "a link to valgrind");
	toolchain_hide(&tc, &m->env, &binds);
	joined = strv_join(&binds, " ");
	is_str(joined, expected, "the program behind it is covered");
	strv_clear(&binds);
	tc.is_host = true;
	toolchain_hide(&tc, &m->env, &binds);
	is_int((long long)binds.len, 0, "the host's tests may have it");
}

static const struct {
	const char *name;
	const char *variable;
	const char *value;
	const char *cc; /* base name and options; "" none */
	const char *cxx;
} settings[] = {
	{"$CC of another machine is passed over", "CC", "other-gcc",
		"aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"},
	{"$CC of this machine comes first", "CC", "arm-gcc", "arm-gcc", ""},
	{"$CC with options", "CC", "aarch64-linux-gnu-gcc -O1",
		"aarch64-linux-gnu-gcc -O1", "aarch64-linux-gnu-g++ -O1"},
	{"a compiler set for the target", "XTEST_CC_AARCH64", "arm-gcc", "arm-gcc", ""},
	{"one that is not there is not replaced by another", "XTEST_CC_AARCH64",
		"nope-gcc", "", ""},
	{"nor one of another machine", "XTEST_CC_AARCH64", "other-gcc", "", ""},
};

static char *base_command(const struct strv *words)
{
	autorelease(strv) struct strv copy = STRV_INIT;

	strv_push_all(&copy, words);
	if (copy.len) {
		strv_insert(&copy, 0, fs_basename(copy.v[0]));
		strv_remove(&copy, 1);
	}
	return strv_join(&copy, " ");
}

static void test_settings(struct machine *m)
{
	put_compiler(m, "other-gcc", "elf-x86");
	put_compiler(m, "arm-gcc", "elf-aarch64");
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		autorelease(toolchain) struct toolchain tc;
		autofree char *cc = NULL, *cxx = NULL;

		strv_env_set(&m->env, settings[i].variable, settings[i].value);
		resolve(m, &tc);
		strv_env_unset(&m->env, settings[i].variable);
		cc = base_command(&tc.cc);
		cxx = base_command(&tc.cxx);
		is_str(cc, settings[i].cc, settings[i].name);
		is_str(cxx, settings[i].cxx, "  and its C++ compiler");
	}
}

/* The real machine, for what it has. */
static void test_host(void)
{
	struct target_list list;
	autorelease(toolchain) struct toolchain tc = {0};
	autofree char *why = NULL;
	const struct target *host;
	struct err e = {0};

	if (target_list_load(&list, NULL, &e))
		return;
	host = target_list_host(&list);
	if (!host) {
		skip("the host's toolchain", "targets/ does not describe this machine");
	} else {
		ok(!toolchain_resolve(&tc, host, host, NULL, &e) && tc.is_host &&
				tc.native && toolchain_can_build(&tc) && !tc.emulator.len,
			"the host builds and runs by itself %s", e.msg);
		is_int(probe_run(&tc.cc, &tc.emulator, NULL, &why, &e), 1,
			"a program of the host runs");
	}
	target_list_release(&list);
}

int main(void)
{
	struct machine m;

	machine_init(&m);
	test_growing_machine(&m);
	test_hidden(&m);
	test_settings(&m);
	machine_release(&m);
	test_host();
	return tap_done();
}
