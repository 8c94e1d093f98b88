/*
 * What the tests of the adapters share: a request for a target of this machine or a
 * foreign one, and suites compared member by member as they are written to JSON.
 */
#ifndef XTEST_TESTS_ADAPTER_BED_H
#define XTEST_TESTS_ADAPTER_BED_H

#include "adapter/adapter.h"
#include "base/fs.h"
#include "model/toolchain.h"
#include "tests/tap.h"

struct bed {
	struct target_list targets;
	struct toolchain toolchain;
	struct strv wrapper, args;
	char *source, *dir;
	struct build_request request;
	struct buf output; /* of failed commands */
	unsigned steps;    /* "configure" steps that were taken */
};

__attribute__((unused)) static void bed_step(void *ctx, const char *what)
{
	struct bed *bed = ctx;

	bed->steps += streq(what, "configure");
}

__attribute__((unused)) static void bed_output(void *ctx, const char *data, size_t len)
{
	struct bed *bed = ctx;

	buf_append(&bed->output, data, len);
}

/* Why the bed cannot be made, or NULL. `fixture` is a directory below tests/fixtures. */
__attribute__((unused)) static const char *bed_make(
	struct bed *bed, const char *fixture, const char *target_name)
{
	const char *top = getenv("srcdir");
	autofree char *path = xasprintf("%s/tests/fixtures/%s", top ? top : ".", fixture);
	autofree char *targets = xasprintf("%s/targets", top ? top : ".");
	static struct err e;
	const struct target *host, *target;

	*bed = (struct bed){0};
	if (target_list_load(&bed->targets, targets, &e) < 0)
		return e.msg;
	host = target_list_host(&bed->targets);
	target = target_name ? target_list_get(&bed->targets, target_name, &e) : host;
	if (!target)
		return "no description of this machine";
	if (toolchain_resolve(&bed->toolchain, target, host, NULL, &e) < 0 ||
		toolchain_need_build(&bed->toolchain, false, &e) < 0 ||
		toolchain_need_run(&bed->toolchain, &e) < 0)
		return e.msg;
	bed->source = fs_normalize(path, NULL);
	bed->dir = fs_temp_dir("xtest-adapter", &e);
	if (!bed->dir)
		return e.msg;
	strv_push_all(&bed->wrapper, &bed->toolchain.emulator);
	bed->request = (struct build_request){
		.source_dir = bed->source,
		.build_dir = bed->dir,
		.target = target,
		.toolchain = &bed->toolchain,
		.cross = target != host,
		.exec_wrapper = &bed->wrapper,
		.args = &bed->args,
		.jobs = 2,
		.step = bed_step,
		.output = bed_output,
		.ctx = bed,
	};
	return NULL;
}

__attribute__((unused)) static void bed_release(struct bed *bed)
{
	struct err e = {0};

	if (bed->dir && fs_remove_tree(bed->dir, &e) < 0)
		printf("# %s\n", e.msg);
	toolchain_release(&bed->toolchain);
	target_list_release(&bed->targets);
	strv_release(&bed->wrapper);
	strv_release(&bed->args);
	buf_release(&bed->output);
	free(bed->source);
	free(bed->dir);
}

/* Both steps of an adapter. False, with the output as comments, when one fails. */
__attribute__((unused)) static bool bed_run(
	struct bed *bed, const struct adapter *adapter, struct suite_list *suites)
{
	struct err e = {0};
	const char *line;
	size_t len, pos = 0;

	buf_clear(&bed->output);
	bed->steps = 0;
	if ((!adapter->configure || adapter->configure(&bed->request, &e) == 0) &&
		adapter->build(&bed->request, suites, &e) == 0 &&
		suite_list_check(suites, adapter->name, &e) == 0)
		return true;
	printf("# %s\n", e.msg);
	while (buf_next_line(buf_str(&bed->output), bed->output.len, &pos, &line, &len))
		printf("# %.*s\n", (int)len, line);
	return false;
}

/* Every `path` becomes `mark`. */
__attribute__((unused)) static void bed_mark(
	struct buf *text, const char *path, const char *mark)
{
	struct buf out = BUF_INIT;
	const char *at = buf_str(text), *found;

	while ((found = strstr(at, path))) {
		buf_append(&out, at, (size_t)(found - at));
		buf_append_str(&out, mark);
		at = found + strlen(path);
	}
	buf_append_str(&out, at);
	buf_release(text);
	*text = out;
}

/* A member of a suite as JSON text, "@S" for the source and "@B" for the build directory;
 * "-" when it is not written. The caller's. */
__attribute__((unused)) static char *bed_member(
	const struct bed *bed, const struct suite *s, const char *key)
{
	autorelease(buf) struct buf whole = BUF_INIT;
	autorelease_json struct json *root = NULL;
	struct buf text = BUF_INIT;
	struct jsonw w;
	struct err e = {0};

	jsonw_init(&w, &whole);
	suite_write(s, &w, NULL);
	root = json_parse(buf_str(&whole), whole.len, "suite", &e);
	if (!json_find(root, key))
		return xstrdup("-");
	jsonw_init(&w, &text);
	jsonw_value(&w, NULL, json_find(root, key));
	bed_mark(&text, bed->dir, "@B");
	bed_mark(&text, bed->source, "@S");
	return buf_take(&text);
}

struct bed_row {
	const char *id, *key, *expected;
};

__attribute__((unused)) static void bed_compare(const struct bed *bed,
	const struct suite_list *suites, const struct bed_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct suite *s = suite_list_find(suites, rows[i].id);
		autofree char *name = xasprintf("%s: %s", rows[i].id, rows[i].key);
		autofree char *got =
			s ? bed_member(bed, s, rows[i].key) : xstrdup("(no such suite)");

		is_str(got, rows[i].expected, name);
	}
}

#endif
