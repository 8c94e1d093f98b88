#include "base/elf.h"
#include "base/fs.h"

#include <elf.h>

#include "tests/tap.h"

int elf_test_marker_symbol(void);

int elf_test_marker_symbol(void)
{
	return 0;
}

/* Smallest headers: no segments, no sections. */
static const struct {
	const char *name;
	unsigned char bytes[64];
	size_t len;
	int result;
	struct elf_identity id;
	enum elf_kind kind;
} headers[] = {
	{"an empty file", "", 0, 0, {0}, 0},
	{"three bytes", "\177EL", 3, 0, {0}, 0},
	{"a script", "#!/bin/sh\n", 10, 0, {0}, 0},
	{"an archive", "!<arch>\n", 8, 0, {0}, 0},
	{"nothing but the magic", "\177ELF", 4, -1, {0}, 0},
	{"32 bit, big endian, object",
		{0x7f, 'E', 'L', 'F', 1, 2, 1, [17] = 1, [19] = 8, [23] = 1, [36] = 0x50,
			0, 0x10, 1, [41] = 52},
		52, 1, {EM_MIPS, 32, true, 0x50001001}, ELF_KIND_OBJECT},
	{"64 bit, little endian, executable",
		{0x7f, 'E', 'L', 'F', 2, 1,
			1, [16] = 2, [18] = 0xf3, [20] = 1, [48] = 5, [52] = 64},
		64, 1, {EM_RISCV, 64, false, 5}, ELF_KIND_EXECUTABLE},
	{"a type no one knows",
		{0x7f, 'E', 'L', 'F', 2, 1,
			1, [16] = 9, [18] = 0xf3, [20] = 1, [52] = 64},
		64, -1, {0}, 0},
	{"a header cut short",
		{0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 0xf3, [20] = 1}, 40, -1,
		{0}, 0},
	{"program headers beyond the end",
		{0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 0xf3, [20] = 1,
			[33] = 0x7f, [52] = 64, [54] = 56, [56] = 3},
		64, -1, {0}, 0},
};

static void check_headers(const char *dir)
{
	autofree char *path = fs_join(dir, "header");

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct err e = {0};
		struct elf elf = {0};
		int r;

		if (fs_write_file(path, headers[i].bytes, headers[i].len, 0600, &e) < 0)
			ok(0, "%s", e.msg);
		r = elf_open(path, &elf, &e);
		is_int(r, headers[i].result, headers[i].name);
		if (r != 1)
			continue;
		ok(elf.id.machine == headers[i].id.machine &&
				elf.id.class == headers[i].id.class &&
				elf.id.big_endian == headers[i].id.big_endian &&
				elf.id.flags == headers[i].id.flags,
			"its identity");
		is_int(elf.kind, headers[i].kind, "its kind");
		elf_release(&elf);
	}
}

/* Cutting a real program anywhere gives an error or a readable file, never a crash. */
static void check_cut(const char *self, const char *dir)
{
	autofree char *path = fs_join(dir, "cut");
	autorelease(buf) struct buf whole = BUF_INIT;
	struct err e = {0};
	size_t refused = 0;
	bool found = false;

	if (fs_read_file(self, &whole, &e) < 0) {
		ok(0, "%s", e.msg);
		return;
	}
	for (size_t len = 0; len < whole.len; len += len < 1200 ? 61 : whole.len / 37) {
		struct elf elf;
		int r;

		if (fs_write_file(path, whole.data, len, 0600, &e) < 0)
			ok(0, "%s", e.msg);
		r = elf_open(path, &elf, &e);
		refused += r < 0;
		if (r <= 0)
			continue;
		found |= elf_has_symbol(&elf, "no such symbol") ||
			 elf_has_symbol_like(&elf, "no such symbol");
		elf_has_string(&elf, "anything");
		elf_release(&elf);
	}
	ok(refused > 10 && !found, "cut programs are refused (%zu)", refused);
}

static void check_self(const char *self)
{
	char text[] = "kram gnirts tinu fle";
	struct elf elf = {0};
	struct err e = {0};

	if (!is_int(elf_open(self, &elf, &e), 1, "this program is ELF"))
		return;
	is_int(elf.kind, ELF_KIND_EXECUTABLE,
		"it is a program, position-independent or not");
	ok(strv_has(&elf.needed, "libelf.so.1"), "it needs libelf");
	ok(elf.interpreter && elf.interpreter[0] == '/', "it has an interpreter");
	ok(!elf.soname, "it has no soname");
	ok(elf_has_symbol(&elf, "elf_test_marker_symbol"), "a defined symbol");
	ok(elf_has_symbol(&elf, "gelf_getsym"), "a needed symbol");
	ok(!elf_has_symbol(&elf, "test_marker_symbol"),
		"the end of a name is not the name");
	ok(!elf_has_symbol(&elf, "elf_test_marker"), "nor is its beginning");
	ok(elf_has_symbol_like(&elf, "test_marker_sym"), "a part of a name");
	ok(!elf_has_symbol_like(&elf, "libelf.so.1"), "a library's name is no symbol");
	ok(elf_has_string(&elf, "cut programs are refused"), "a string of the program");
	for (size_t i = 0, n = strlen(text); i < n / 2; i++) {
		char c = text[i];

		text[i] = text[n - 1 - i];
		text[n - 1 - i] = c;
	}
	ok(!elf_has_string(&elf, text), "a string it makes only while it runs");
	elf_release(&elf);
}

static void check_library(void)
{
	static const char *const where[] = {"/lib/x86_64-linux-gnu/libc.so.6",
		"/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"};
	struct elf elf = {0};
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(where); i++) {
		if (!fs_exists(where[i]))
			continue;
		is_int(elf_open(where[i], &elf, &e), 1, "the C library is ELF");
		is_int(elf.kind, ELF_KIND_SHARED,
			"and a library, though it has an interpreter");
		is_str(elf.soname, "libc.so.6", "its soname");
		elf_release(&elf);
		return;
	}
	skip("the C library", "libc6 is not where it is looked for");
}

int main(void)
{
	struct err e = {0};
	struct elf elf = {0};
	autofree char *self = fs_self_path();
	autofree char *dir = fs_temp_dir("xtest-elf", &e);
	autofree char *missing = fs_join(dir, "missing");

	check_headers(dir);
	check_self(self);
	check_cut(self, dir);
	check_library();
	is_int(elf_open(missing, &elf, &e), -1, "a missing file is an error");
	is_int(elf_open(dir, &elf, &e), 0, "a directory is something else");
	is_str(elf_machine_name(EM_AARCH64), "AArch64", "machine 183");
	is_str(elf_machine_name(0xfff0), "unknown", "a machine without a name");
	ok(fs_remove_tree(dir, &e) == 0, "clean up");
	return tap_done();
}
