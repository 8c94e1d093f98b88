#include "adapter/adapter.h"
#include "tests/unit/adapter-bed.h"

static const struct bed_row everywhere[] = {
	{"everything::plain", "command", "[\"@B/prog\"]"},
	{"everything::plain", "cwd", "\"@B\""},
	{"everything::plain", "binary", "\"@B/prog\""},
	{"everything::plain", "labels", "-"},
	{"everything::plain", "timeout-ms", "60000"},
	{"everything::plain", "expect-fail", "-"},
	{"everything::plain", "serial", "-"},
	{"everything::plain", "kind", "\"test\""},
	{"everything::plain", "protocol", "\"exitcode\""},
	{"everything::plain", "env-prepend", "[\"LD_LIBRARY_PATH=@B/\"]"},
	{"everything::plain", "cases", "-"},
	{"everything::late", "command", "[\"@B/late\"]"},
	{"everything::late", "binary", "\"@B/late\""},
	{"everything::script", "command", "[\"@S/data/script.sh\"]"},
	{"everything::script", "binary", "-"},
	{"everything::script", "platform", "\"target\""},
	{"everything::script with program", "command",
		"[\"@S/data/script.sh\",\"./prog\"]"},
	{"everything::script with program", "platform", "\"target\""},
	{"everything::generated", "command",
		"[\"@S/data/script.sh\",\"@B/generated.txt\"]"},
	{"everything::generated", "cwd", "\"@S/data\""},
	{"everything::generated", "files",
		"[\"@B/generated.txt\",\"@B/generator\",\"@B/late\",\"@B/libvalue.so\","
		"\"@B/prog\",\"@B/subprojects/part/part\"]"},
	{"everything::twin", "labels", "[\"one\"]"},
	{"everything::twin", "cases", "[{\"name\":\"\"}]"},
	{"everything::twin#2", "labels", "[\"two\",\"three\"]"},
	{"everything::properties", "command",
		"[\"@B/prog\",\"--data\",\"@S/data/data.txt\"]"},
	{"everything::properties", "env-append", "[\"BACK=/z\"]"},
	{"everything::properties", "env-prepend",
		"[\"FRONT=/x:/y\",\"LD_LIBRARY_PATH=@B/\"]"},
	{"everything::properties", "cwd", "\"@S/data\""},
	{"everything::properties", "timeout-ms", "14000"},
	{"everything::properties", "expect-fail", "true"},
	{"everything::properties", "serial", "true"},
	{"everything::properties", "cost", "5.000"},
	{"everything::properties", "protocol", "\"tap\""},
	{"everything::endless", "timeout-ms", "-1"},
	{"everything::unwanted", "cases", "[{\"name\":\"\",\"ignored\":true}]"},
	{"everything::speed", "kind", "\"bench\""},
	{"everything::speed", "cases",
		"[{\"name\":\"\",\"ignored\":true,\"benchmark\":true}]"},
	{"part::in part", "package", "\"part\""},
	/* The default set-up is the top project's, for every test. */
	{"part::in part", "timeout-ms", "60000"},
};

static const struct bed_row native[] = {
	{"everything::plain", "env", "[\"SETUP=1\"]"},
	{"everything::properties", "env",
		"[\"BOTH=m:n\",\"LIST=p\",\"SET=a b:c\",\"SETUP=1\"]"},
	{"part::in part", "env", "[\"SETUP=1\"]"},
	{"everything::host program", "platform", "\"target\""},
};

static const struct bed_row foreign[] = {
	{"everything::plain", "env", "[\"SETUP=1\",\"MESON_EXE_WRAPPER=@E\"]"},
	{"everything::plain", "platform", "\"target\""},
	{"everything::plain", "platform-reason", "\"ELF machine AArch64\""},
	{"everything::host program", "platform", "\"host\""},
	{"everything::host program", "env", "[\"SETUP=1\"]"},
	{"everything::script with program", "platform-reason",
		"\"runs prog, ELF machine AArch64\""},
	{"everything::script with host program", "platform", "\"host\""},
	{"everything::interpreted", "platform-reason", "\"script\""},
};

/* "@E" stands for the emulator as a shell would read it. */
static void compare(const struct bed *bed, const struct suite_list *suites,
	const struct bed_row *rows, size_t n)
{
	autofree char *wrapper = strv_quote(&bed->wrapper);

	for (size_t i = 0; i < n; i++) {
		autorelease(buf) struct buf expected = BUF_INIT;
		struct bed_row row = rows[i];

		buf_append_str(&expected, row.expected);
		bed_mark(&expected, "@E", wrapper);
		row.expected = buf_str(&expected);
		bed_compare(bed, suites, &row, 1);
	}
}

/* Nothing changed, a changed meson.build, a failed set-up. */
static void test_again(struct bed *bed)
{
	struct suite_list suites = {0};
	struct err e = {0};
	int64_t start = now_ms();

	ok(bed_run(bed, &adapter_meson, &suites), "again");
	is_int(bed->steps, 0, "configures nothing");
	printf("# took %lld ms\n", (long long)(now_ms() - start));
	suite_list_release(&suites);

	strv_push(&bed->args, "-Dno_such_option=1");
	is_int(adapter_meson.configure(&bed->request, &e), -1, "a set-up that fails");
	is_int(e.kind, ERR_BUILD, "is ERR_BUILD");
	ok(strstr(buf_str(&bed->output), "no_such_option") != NULL,
		"with what Meson printed");
	is_int(adapter_meson.configure(&bed->request, &e), -1, "and fails again");
	strv_clear(&bed->args);
	ok(bed_run(bed, &adapter_meson, &suites), "without that option");
	is_int(bed->steps, 1, "it configures again");
	suite_list_release(&suites);
}

static void test_target(const char *target)
{
	struct bed bed = {0};
	autofree char *meson = fs_find_program("meson", NULL);
	autofree char *ninja = fs_find_program("ninja", NULL);
	const char *why = !meson   ? "meson"
			  : !ninja ? "ninja-build"
				   : bed_make(&bed, "adapters/meson", target);
	struct suite_list suites = {0};

	if (why) {
		skip(target ? target : "native", why);
		bed_release(&bed);
		return;
	}
	printf("# %s\n", target ? target : "native");
	if (ok(bed_run(&bed, &adapter_meson, &suites), "configure and build")) {
		is_int(bed.steps, 1, "configures once");
		compare(&bed, &suites, everywhere, ARRAY_LEN(everywhere));
		if (target)
			compare(&bed, &suites, foreign, ARRAY_LEN(foreign));
		else
			compare(&bed, &suites, native, ARRAY_LEN(native));
		is_int((long long)suites.len, 15, "that is all");
		test_again(&bed);
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
