#include "adapter/cargo-nextest.h"

#include "base/fs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int failed, const struct err *e, enum err_kind kind)
{
	if (failed < 0 && (e->kind != kind || !*e->msg))
		abort();
}

/* What was read is written, and can be read again. */
static void rewrite(const struct cargo_build *b, struct buf *out)
{
	struct cargo_build again = {0};
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e = {0};

	cargo_nextest_write(b, NULL, b->build_dir, &text);
	if (cargo_nextest_read(&again, buf_str(&text), text.len, "again", &e) < 0)
		abort();
	cargo_nextest_write(&again, NULL, again.build_dir, out);
	cargo_build_release(&again);
}

/* It means the same then. Only the second text is a fixed point: bytes that are no UTF-8
 * are written as others, which may sort elsewhere. */
static void check_round(const struct cargo_build *b)
{
	autorelease(buf) struct buf second = BUF_INIT, third = BUF_INIT;
	struct cargo_build again = {0};
	struct err e = {0};

	rewrite(b, &second);
	if (cargo_nextest_read(&again, buf_str(&second), second.len, "second", &e) < 0)
		abort();
	rewrite(&again, &third);
	if (!streq(buf_str(&second), buf_str(&third)))
		abort();
	cargo_build_release(&again);
}

static void check_suites(const struct cargo_build *b, const struct cargo_workspace *w)
{
	const struct cargo_suite_options here = {.workspace_remap = "/now/ws",
						 .target_remap = "/now/target"},
					 there = {0};
	const struct cargo_suite_options *const options[] = {&here, &there};

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		struct suite_list suites = {0};
		struct err e = {0};
		int status = cargo_suites_make(b, w, options[i], &suites, &e);

		check(status, &e, ERR_METADATA);
		if (status == 0 && suite_list_check(&suites, "cargo", &e) < 0 && !*e.msg)
			abort();
		suite_list_release(&suites);
	}
}

/* The two descriptions of an archive of nextest's, with a NUL between them: refused in
 * words, or understood. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	autofree char *other = NULL;
	size_t len = strlen(text);
	struct cargo_build b = {0};
	struct cargo_workspace w = {0};
	struct err e = {0};
	int build = cargo_nextest_read(&b, text, len, "binaries", &e), workspace;

	check(build, &e, ERR_SETUP);
	other = len < size ? xstrndup((const char *)data + len + 1, size - len - 1)
			   : xstrdup("");
	workspace = cargo_workspace_read(&w, other, strlen(other), &e);
	check(workspace, &e, ERR_METADATA);
	if (build == 0)
		check_round(&b);
	if (build == 0 && workspace == 0)
		check_suites(&b, &w);
	cargo_workspace_release(&w);
	cargo_build_release(&b);
	return 0;
}
