#include "model/target.h"

#include "base/fs.h"

#include "tests/tap.h"

#include <unistd.h>

static const struct {
	const char *name;
	const char *expected; /* NULL: unknown */
	const char *message;  /* part of it, when unknown */
} names[] = {
	{"aarch64", "aarch64", NULL},
	{"arm64", "aarch64", NULL},
	{"aarch64-linux-gnu", "aarch64", NULL},
	{"aarch64-unknown-linux-gnu", "aarch64", NULL},
	{"armhf", "armv7", NULL},
	{"arm-linux-gnueabihf", "armv7", NULL},
	{"armv7-unknown-linux-gnueabihf", "armv7", NULL},
	{"i386", "i686", NULL},
	{"i386-linux-gnu", "i686", NULL},
	{"i686-unknown-linux-gnu", "i686", NULL},
	{"amd64", "x86_64", NULL},
	{"x86_64-unknown-linux-gnu", "x86_64", NULL},
	{"riscv64gc-unknown-linux-gnu", "riscv64", NULL},
	{"ppc64el", "ppc64le", NULL},
	{"powerpc64le-linux-gnu", "ppc64le", NULL},
	{"s390x-linux-gnu", "s390x", NULL},
	{"mips64el-linux-gnuabi64", "mips64el", NULL},
	{"aarch46", NULL, "did you mean \"aarch64\""},
	{"aarch64-linux-gun", NULL, "did you mean \"aarch64-linux-gnu\""},
	{"vax", NULL, "known are aarch64, armv7, i686"},
};

static const struct {
	const char *name;
	struct elf_identity elf;
	const char *expected;
} identities[] = {
	{"64-bit ARM", {.machine = 183, .class = 64}, "aarch64"},
	{"big-endian 64-bit ARM", {.machine = 183, .class = 64, .big_endian = true},
		NULL},
	{"ARM hard float", {.machine = 40, .class = 32, .flags = 0x05000400}, "armv7"},
	{"ARM soft float", {.machine = 40, .class = 32, .flags = 0x05000200}, NULL},
	{"ARM EABI 4", {.machine = 40, .class = 32, .flags = 0x04000000}, NULL},
	{"32-bit x86", {.machine = 3, .class = 32}, "i686"},
	{"64-bit x86", {.machine = 62, .class = 64}, "x86_64"},
	{"x32", {.machine = 62, .class = 32}, NULL},
	{"RISC-V with doubles", {.machine = 243, .class = 64, .flags = 5}, "riscv64"},
	{"RISC-V without", {.machine = 243, .class = 64, .flags = 1}, NULL},
	{"POWER ELFv2", {.machine = 21, .class = 64, .flags = 2}, "ppc64le"},
	{"POWER ELFv1", {.machine = 21, .class = 64, .flags = 1, .big_endian = true},
		NULL},
	{"z", {.machine = 22, .class = 64, .big_endian = true}, "s390x"},
	{"MIPS n64", {.machine = 8, .class = 64, .flags = 0x80000007}, "mips64el"},
};

#define MEMBERS                                                                          \
	"\"name\": \"a\", \"description\": \"d\", \"runner\": \"r\", \"aliases\": [], "  \
	"\"triples\": {\"gnu\": \"g\", \"rust\": \"u\", \"debian\": \"d\"}, "            \
	"\"uname\": [], \"compilers\": [], \"multiarch\": \"m\", \"sysroots\": [], "     \
	"\"interpreter\": \"/i\", \"emulators\": [], "                                   \
	"\"cmake\": {\"system-processor\": \"p\"}, \"meson\": {\"cpu-family\": \"f\", "  \
	"\"cpu\": \"c\", \"endian\": \"little\"}, \"packages\": {\"cc\": \"1\", "        \
	"\"cxx\": \"2\", \"libc\": \"3\", \"emulator\": \"4\"}"

static const struct {
	const char *name;
	const char *text;
	const char *message; /* NULL: accepted */
} files[] = {
	{"complete",
		"{" MEMBERS
		", \"elf\": {\"machine\": 1, \"class\": 64, \"data\": \"big\"}}",
		NULL},
	{"no ELF identity", "{" MEMBERS "}", "\"elf\" needs machine"},
	{"an impossible class",
		"{" MEMBERS
		", \"elf\": {\"machine\": 1, \"class\": 16, \"data\": \"big\"}}",
		"class (32 or 64)"},
	{"a misspelt member", "{" MEMBERS ", \"emulater\": []}",
		"unknown member \"emulater\""},
	{"a misspelt inner member", "{" MEMBERS ", \"elf\": {\"klass\": 1}}",
		"unknown member \"klass\""},
	{"a missing string", "{\"name\": \"a\"}", "\"description\" must be a string"},
	{"a string for an array",
		"{\"name\": \"a\", \"description\": \"d\", \"runner\": \"r\", "
		"\"triples\": "
		"{\"gnu\": \"g\", \"rust\": \"u\", \"debian\": \"d\"}, \"aliases\": 3}",
		"\"aliases\" must be an array of strings"},
};

static void test_files(void)
{
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-target", &e);
	autofree char *path = fs_join(dir, "a.json");

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		struct target_list list;
		int failed;

		e = (struct err){0};
		if (fs_write_file(path, files[i].text, strlen(files[i].text), 0644, &e))
			ok(0, "%s: %s", files[i].name, e.msg);
		failed = target_list_load(&list, dir, &e);
		if (files[i].message)
			ok(failed && strstr(e.msg, files[i].message), "%s: %s",
				files[i].name, e.msg);
		else
			ok(!failed, "%s: %s", files[i].name, e.msg);
		if (!failed)
			target_list_release(&list);
	}
	if (fs_remove_tree(dir, &e))
		ok(0, "%s", e.msg);
}

int main(void)
{
	struct target_list list;
	struct err e = {0};

	if (!ok(!target_list_load(&list, NULL, &e), "all descriptions load %s", e.msg))
		return tap_done();
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct target *t;

		e = (struct err){0};
		t = target_list_get(&list, names[i].name, &e);
		is_str(t ? t->name : NULL, names[i].expected, names[i].name);
		if (names[i].message)
			ok(strstr(e.msg, names[i].message) != NULL, "%s", e.msg);
	}
	for (size_t i = 0; i < ARRAY_LEN(identities); i++) {
		const struct target *t = target_list_find_elf(&list, &identities[i].elf);

		is_str(t ? t->name : NULL, identities[i].expected, identities[i].name);
	}
	for (size_t i = 0; i < list.len; i++) {
		const struct target *t = &list.v[i];

		ok(target_list_find(&list, t->gnu) == t &&
				target_list_find(&list, t->rust) == t &&
				target_list_find(&list, t->debian) == t,
			"%s has names of its own", t->name);
	}
	if (target_list_host(&list)) {
		struct elf elf;

		is_int(elf_open("/proc/self/exe", &elf, &e), 1, "this program is ELF");
		ok(target_matches_elf(target_list_host(&list), &elf.id),
			"this machine is %s", target_list_host(&list)->name);
		elf_release(&elf);
	} else {
		skip("this machine's own target", "targets/ does not describe it");
	}
	target_list_release(&list);
	test_files();
	return tap_done();
}
