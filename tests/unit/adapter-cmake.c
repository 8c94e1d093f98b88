#include "adapter/cmake.h"
#include "tests/unit/adapter-bed.h"

static const struct bed_row everywhere[] = {
	{"everything::old_style", "command", "[\"@B/prog\",\"one\"]"},
	{"everything::old_style", "package", "\"everything\""},
	{"everything::old_style", "cwd", "\"@B\""},
	{"everything::old_style", "binary", "\"@B/prog\""},
	{"everything::old_style", "platform", "\"target\""},
	{"everything::by_name", "command", "[\"@B/prog\",\"two\"]"},
	{"everything::by_file", "command", "[\"@B/prog\",\"three\"]"},
	{"everything::by_emulator", "command", "[\"@B/prog\",\"four\"]"},
	{"everything::by_name", "cases", "[{\"name\":\"\"}]"},
	{"everything::by_shell", "binary", "-"},
	{"everything::by_shell", "platform", "\"target\""},
	{"everything::script", "command", "[\"@S/sub/script.sh\"]"},
	{"everything::script", "platform", "\"target\""},
	{"everything::script", "files", "[\"@B/late\",\"@B/prog\"]"},
	{"everything::by_shell", "files", "-"},
	{"everything::by_name", "files", "-"},
	{"everything::missing", "command", "[\"@B/ctest found no program for it\"]"},
	{"everything::late", "command", "[\"@B/late\"]"},
	{"everything::odd;  name \"x\" ::y [z]", "name",
		"\"odd;  name \\\"x\\\" ::y [z]\""},
	{"part::in_part", "command", "[\"@B/prog\",\"sub\"]"},
	/* CTest itself takes both for tests of the directory it read last. */
	{"part::twin", "command", "[\"@B/prog\",\"first\"]"},
	{"part::twin#2", "command", "[\"@B/prog\",\"second\"]"},
	{"part::in_part", "cwd", "\"@B/sub\""},
	{"everything::properties", "cwd", "\"@S/sub\""},
	{"everything::properties", "env", "[\"A=1\",\"B=2 3\",\"DATA=@S/sub/data.txt\"]"},
	{"everything::properties", "labels", "[\"net\",\"slow\"]"},
	{"everything::properties", "timeout-ms", "2500"},
	{"everything::properties", "expect-fail", "true"},
	{"everything::properties", "skip-code", "5"},
	{"everything::properties", "skip-regex", "[\"skip\",\"me too\"]"},
	{"everything::properties", "pass-regex", "[\"^ok [0-9]+$\"]"},
	{"everything::properties", "fail-regex", "[\"bad{2}\\\\.x\"]"},
	{"everything::properties", "required-files",
		"[\"@S/prog.c\",\"/nonexistent/file\"]"},
	{"everything::properties", "fixtures-required", "[\"fixture\"]"},
	{"everything::properties", "depends",
		"[\"everything::by_name\",\"everything::prepare\"]"},
	{"everything::properties", "serial", "true"},
	{"everything::properties", "locks", "[\"disk\",\"port\"]"},
	{"everything::properties", "processors", "3"},
	{"everything::properties", "cost", "4.500"},
	{"everything::prepare", "fixtures-setup", "[\"fixture\"]"},
	{"everything::prepare", "timeout-ms", "90000"},
	{"everything::prepare", "skip-code", "-"},
	{"everything::prepare", "cases", "-"},
	{"everything::sweep", "fixtures-cleanup", "[\"fixture\"]"},
	{"everything::sweep", "timeout-ms", "-1"},
	{"everything::disabled", "cases", "[{\"name\":\"\",\"ignored\":true}]"},
	{"everything::modified", "env",
		"[\"OWN=m:n\",\"NEW=x:y=z\",\"TEXT=abc\",\"LIST=p\"]"},
	{"everything::modified", "env-unset", "[\"GONE\"]"},
	{"everything::modified", "env-prepend",
		"[\"PATHS=/b:/a\",\"LD_LIBRARY_PATH=/lib\"]"},
	{"everything::modified", "env-append", "[\"PATHS=/z\"]"},
};

static const struct bed_row foreign[] = {
	{"everything::old_style", "platform-reason", "\"ELF machine AArch64\""},
	{"everything::host_program", "platform", "\"host\""},
	{"everything::host_program", "platform-reason", "\"ELF machine x86-64\""},
	{"everything::by_shell", "platform-reason", "\"runs prog, ELF machine AArch64\""},
	{"everything::by_define", "platform-reason",
		"\"runs prog, ELF machine AArch64\""},
	{"everything::script", "platform-reason", "\"script\""},
	{"everything::interpreted", "platform-reason", "\"script\""},
	{"everything::system", "platform", "\"host\""},
	{"everything::missing", "platform-reason", "\"its program is not there\""},
};

/* A program outside the default target is kept up to date like the others. */
static void test_extra(struct bed *bed)
{
	struct suite_list suites = {0};
	autofree char *stale = fs_join(bed->dir, "late");
	struct err e = {0};

	is_int(fs_remove_tree(stale, &e), 0, "such a program is gone");
	ok(bed_run(bed, &adapter_cmake, &suites), "again");
	ok(fs_exists(stale), "and made again");
	suite_list_release(&suites);
}

/* The other generator, and no answer that depends on the first. */
static void test_make(struct bed *bed)
{
	struct suite_list suites = {0};

	strv_push(&bed->args, "-GUnix Makefiles");
	if (ok(bed_run(bed, &adapter_cmake, &suites), "with make")) {
		bed_compare(bed, &suites, everywhere, ARRAY_LEN(everywhere));
		is_int((long long)suites.len, 21, "that is all");
	}
	strv_clear(&bed->args);
	suite_list_release(&suites);
}

/* Nothing changed, changed arguments, a failed configure. */
static void test_again(struct bed *bed)
{
	struct suite_list suites = {0};
	struct err e = {0};
	int64_t start = now_ms();

	ok(bed_run(bed, &adapter_cmake, &suites), "again");
	is_int(bed->steps, 0, "configures nothing");
	printf("# took %lld ms\n", (long long)(now_ms() - start));
	suite_list_release(&suites);

	strv_push(&bed->args, "-DCMAKE_C_COMPILER_WORKS=OFF");
	strv_push(&bed->args, "-DCMAKE_C_FLAGS=--no-such-option");
	is_int(adapter_cmake.configure(&bed->request, &e), -1, "a configure that fails");
	is_int(e.kind, ERR_BUILD, "is ERR_BUILD");
	ok(strstr(buf_str(&bed->output), "no-such-option") != NULL,
		"with what CMake printed");
	is_int(adapter_cmake.configure(&bed->request, &e), -1, "and fails again");
	strv_clear(&bed->args);
	ok(bed_run(bed, &adapter_cmake, &suites), "without those arguments");
	is_int(bed->steps, 1, "it configures again");
	suite_list_release(&suites);
}

static void test_target(const char *target)
{
	struct bed bed = {0};
	autofree char *cmake = fs_find_program("cmake", NULL);
	const char *why = cmake ? bed_make(&bed, "adapters/cmake", target) : "cmake";
	struct suite_list suites = {0};

	if (why) {
		skip(target ? target : "native", why);
		bed_release(&bed);
		return;
	}
	printf("# %s\n", target ? target : "native");
	if (ok(bed_run(&bed, &adapter_cmake, &suites), "configure and build")) {
		is_int(bed.steps, 1, "configures once");
		bed_compare(&bed, &suites, everywhere, ARRAY_LEN(everywhere));
		if (target)
			bed_compare(&bed, &suites, foreign, ARRAY_LEN(foreign));
		is_int((long long)suites.len, 21, "that is all");
		test_again(&bed);
		test_extra(&bed);
		if (!target)
			test_make(&bed);
	}
	suite_list_release(&suites);
	bed_release(&bed);
}

int main(void)
{
	test_target(NULL);
	test_target("aarch64");
	return tap_done();
}
