#include "engine/archive-private.h"
#include "tests/tap.h"

static const char *const roots[ARCHIVE_N_ROOTS] = {
	[ARCHIVE_TARGET] = "/home/u/p/.xtest/build/arm",
	[ARCHIVE_SOURCE] = "/home/u/p",
	[ARCHIVE_SYSROOT] = "/usr/arm",
};

static const char *const moved[ARCHIVE_N_ROOTS] = {
	[ARCHIVE_TARGET] = "/x/target",
	[ARCHIVE_SOURCE] = "/x/source",
	[ARCHIVE_SYSROOT] = "/x/sysroot",
};

static void test_packing(void)
{
	static const struct {
		const char *plain, *packed, *relocated;
	} table[] = {
		{"/home/u/p", "@source@", "/x/source"},
		{"/home/u/p/a", "@source@/a", "/x/source/a"},
		{"/home/u/p/.xtest/build/arm/t", "@target@/t", "/x/target/t"},
		{"-DDIR=/home/u/p/d", "-DDIR=@source@/d", "-DDIR=/x/source/d"},
		{"-I/home/u/p/d", "-I@source@/d", "-I/x/source/d"},
		{"P=/usr/arm/lib:/home/u/p:/usr/lib", "P=@sysroot@/lib:@source@:/usr/lib",
			"P=/x/sysroot/lib:/x/source:/usr/lib"},
		{"cd '/home/u/p' && \"/home/u/p/x\"", "cd '@source@' && \"@source@/x\"",
			"cd '/x/source' && \"/x/source/x\""},
		{"/home/u/p-1.2/x", "/home/u/p-1.2/x", "/home/u/p-1.2/x"},
		{"/home/u/p.orig", "/home/u/p.orig", "/home/u/p.orig"},
		{"/mnt/home/u/p/x", "/mnt/home/u/p/x", "/mnt/home/u/p/x"},
		{"../home/u/p", "../home/u/p", "../home/u/p"},
		{"user@host", "user@@host", "user@host"},
		{"@source@/x", "@@source@@/x", "@source@/x"},
		{"@@", "@@@@", "@@"},
		{"", "", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *packed = archive_root_pack(roots, table[i].plain);
		autofree char *plain = archive_root_unpack(roots, packed);
		autofree char *relocated = archive_root_unpack(moved, packed);

		is_str(packed, table[i].packed, table[i].plain);
		is_str(plain, table[i].plain, "comes back as it was");
		is_str(relocated, table[i].relocated, "and elsewhere");
	}
}

static void test_refusals(void)
{
	static const char *const table[] = {
		"@", "a@b", "@source", "@host@/x", "@nowhere@"};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *plain = archive_root_unpack(roots, table[i]);

		is_str(plain, NULL, table[i]);
	}
}

static void test_root_of(void)
{
	static const struct {
		const char *path;
		int root;
		const char *below;
	} table[] = {
		{"/home/u/p/a/b", ARCHIVE_SOURCE, "a/b"},
		{"/home/u/p", ARCHIVE_SOURCE, ""},
		{"/home/u/p/.xtest/build/arm/x", ARCHIVE_TARGET, "x"},
		{"/usr/arm/lib/libc.so.6", ARCHIVE_SYSROOT, "lib/libc.so.6"},
		{"/usr/lib/libc.so.6", -1, NULL},
		{"/home/u/pp", -1, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *below = NULL;

		is_int(archive_root_of(roots, table[i].path, &below), table[i].root,
			table[i].path);
		is_str(below, table[i].below, "what is below");
	}
}

int main(void)
{
	test_packing();
	test_refusals();
	test_root_of();
	return tap_done();
}
