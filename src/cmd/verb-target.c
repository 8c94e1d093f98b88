#include "cmd/verb.h"

#include "base/json.h"
#include "model/probe.h"
#include "model/toolchain.h"

#include <errno.h>
#include <stdio.h>

struct values {
	const char *format;
	bool json;
};

static const char *const formats[] = {"human", "json", "json-pretty", NULL};

static const struct opt output_options[] = {
	{"message-format", 0, "FORMAT", formats, OPT_STRING,
		offsetof(struct values, format), "human, json or json-pretty"},
	{"json", 0, NULL, NULL, OPT_FLAG, offsetof(struct values, json),
		"the same as --message-format json"},
	{0},
};

static const char *const verb_words[] = {"list", "show", "check", NULL};

static const struct opt_group groups[] = {
	{"Output options", output_options},
	{0},
};

/* One target as it is on this machine. */
struct row {
	const struct target *target;
	struct toolchain toolchain;
};

/* All that usually is needed: a C program can be built here, and started here. C++ is
 * not. */
static bool is_usable(const struct toolchain *tc)
{
	return toolchain_can_build(tc) && toolchain_can_run(tc) &&
	       !tc->missing[TOOLCHAIN_SYSROOT];
}

/* "qemu-aarch64 7.2.22", "runs here", or "-". The caller's. */
static char *emulator_text(const struct toolchain *tc)
{
	const char *slash = tc->emulator.len ? strrchr(tc->emulator.v[0], '/') : NULL;

	if (tc->native)
		return xstrdup("none needed");
	if (!slash)
		return xstrdup("-");
	return xasprintf(
		"%s %s", slash + 1, tc->emulator_version ? tc->emulator_version : "");
}

/* Packages of what is missing, each once, joined with blanks. The caller's. */
static char *missing_packages(const struct toolchain *tc, bool cxx)
{
	autorelease(strv) struct strv packages = STRV_INIT;

	for (enum toolchain_part i = 0; i < TOOLCHAIN_PARTS; i++)
		if (tc->missing[i] && (cxx || i != TOOLCHAIN_CXX) &&
			!strv_has(&packages, tc->package[i]))
			strv_push(&packages, tc->package[i]);
	return strv_join(&packages, " ");
}

static void write_toolchain(struct jsonw *w, const struct toolchain *tc)
{
	const struct {
		const char *key;
		const char *value;
	} tools[] = {
		{"ar", tc->ar},
		{"ranlib", tc->ranlib},
		{"strip", tc->strip},
		{"nm", tc->nm},
		{"objcopy", tc->objcopy},
		{"ld", tc->ld},
		{"pkg-config", tc->pkg_config},
		{"pkg-config-libdir", tc->pkg_config_libdir},
		{"sysroot", tc->sysroot},
		{"emulator-version", tc->emulator_version},
	};

	jsonw_bool(w, "native", tc->native);
	jsonw_strv(w, "cc", &tc->cc);
	jsonw_strv(w, "cxx", &tc->cxx);
	for (size_t i = 0; i < ARRAY_LEN(tools); i++)
		jsonw_string(w, tools[i].key, tools[i].value);
	jsonw_strv(w, "emulator", &tc->emulator);
	jsonw_open(w, "missing", '[');
	for (enum toolchain_part i = 0; i < TOOLCHAIN_PARTS; i++) {
		if (!tc->missing[i])
			continue;
		jsonw_open(w, NULL, '{');
		jsonw_string(w, "part", toolchain_part_name(i));
		jsonw_string(w, "package", tc->package[i]);
		jsonw_string(w, "message", tc->missing[i]);
		jsonw_close(w, '}');
	}
	jsonw_close(w, ']');
}

static void write_row(struct jsonw *w, const struct row *row)
{
	const struct target *t = row->target;

	jsonw_open(w, NULL, '{');
	jsonw_string(w, "name", t->name);
	jsonw_string(w, "description", t->description);
	jsonw_bool(w, "host", row->toolchain.is_host);
	jsonw_bool(w, "usable", is_usable(&row->toolchain));
	jsonw_open(w, "triples", '{');
	jsonw_string(w, "gnu", t->gnu);
	jsonw_string(w, "rust", t->rust);
	jsonw_string(w, "debian", t->debian);
	jsonw_close(w, '}');
	jsonw_strv(w, "aliases", &t->aliases);
	jsonw_open(w, "elf", '{');
	jsonw_int(w, "machine", t->elf.machine);
	jsonw_int(w, "class", t->elf.class);
	jsonw_string(w, "data", target_endian(t));
	jsonw_close(w, '}');
	write_toolchain(w, &row->toolchain);
	jsonw_close(w, '}');
}

static void print_json(const struct row *rows, size_t n, bool pretty, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	w.pretty = pretty;
	jsonw_open(&w, NULL, '{');
	jsonw_int(&w, "version", 1);
	jsonw_open(&w, "targets", '[');
	for (size_t i = 0; i < n; i++)
		write_row(&w, &rows[i]);
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
}

static void print_table(const struct row *rows, size_t n, struct buf *out)
{
	buf_printf(out, "%-9s %-6s %-28s %-24s %s\n", "target", "usable", "compiler",
		"emulator", "missing packages");
	for (size_t i = 0; i < n; i++) {
		const struct toolchain *tc = &rows[i].toolchain;
		const char *slash = tc->cc.len ? strrchr(tc->cc.v[0], '/') : NULL;
		autofree char *emulator = emulator_text(tc);
		autofree char *packages = missing_packages(tc, true);

		buf_printf(out, "%-9s %-6s %-28s %-24s %s", rows[i].target->name,
			is_usable(tc) ? "yes" : "no", slash ? slash + 1 : "-", emulator,
			packages);
		while (out->data[out->len - 1] == ' ')
			buf_truncate(out, out->len - 1);
		buf_append_char(out, '\n');
	}
}

static void print_field(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "  %-12s %s\n", name, value && value[0] ? value : "-");
}

static void print_row(const struct row *row, struct buf *out)
{
	const struct target *t = row->target;
	const struct toolchain *tc = &row->toolchain;
	autofree char *aliases = strv_join(&t->aliases, " ");
	autofree char *triples = xasprintf("%s %s %s", t->gnu, t->rust, t->debian);
	autofree char *elf = xasprintf("%s, %u bit, %s-endian",
		elf_machine_name(t->elf.machine), t->elf.class, target_endian(t));
	autofree char *cc = strv_quote(&tc->cc);
	autofree char *cxx = strv_quote(&tc->cxx);
	autofree char *emulator = strv_quote(&tc->emulator);
	struct err e = {0};
	autofree char *runner = target_runner_path(t, &e);
	autofree char *packages = missing_packages(tc, true);

	buf_printf(out, "%s: %s%s\n", t->name, t->description,
		tc->is_host ? ", this machine" : "");
	print_field(out, "triples", triples);
	print_field(out, "aliases", aliases);
	print_field(out, "ELF", elf);
	print_field(out, "C", cc);
	print_field(out, "C++", cxx);
	print_field(out, "pkg-config", tc->pkg_config);
	print_field(out, "  looks in",
		tc->is_host ? "its own directories" : tc->pkg_config_libdir);
	print_field(out, "sysroot", tc->sysroot);
	print_field(out, "emulator", tc->native ? "none needed" : emulator);
	print_field(out, "  version", tc->emulator_version);
	print_field(out, "runner", runner);
	for (enum toolchain_part i = 0; i < TOOLCHAIN_PARTS; i++)
		if (tc->missing[i])
			print_field(out, "missing", tc->missing[i]);
	if (packages[0])
		buf_printf(
			out, "  To have all of it:\n    apt-get install %s\n", packages);
}

/* Builds a program and starts it. 0 when it runs; 1 when it does not, with the reason in
 * `out`. */
static int check_row(const struct row *row, struct buf *out, struct err *e)
{
	const struct toolchain *tc = &row->toolchain;
	autofree char *packages = missing_packages(tc, false);
	autofree char *emulator = emulator_text(tc);
	autofree char *why = NULL;
	int runs;

	if (!is_usable(tc)) {
		buf_printf(out, "%s: not usable\n", row->target->name);
		for (enum toolchain_part i = 0; i < TOOLCHAIN_PARTS; i++)
			if (tc->missing[i] && i != TOOLCHAIN_CXX)
				buf_printf(out, "  %s\n", tc->missing[i]);
		buf_printf(out, "    apt-get install %s\n", packages);
		return 1;
	}
	runs = probe_run(&tc->cc, &tc->emulator, NULL, &why, e);
	if (runs < 0)
		return -1;
	if (!runs) {
		buf_printf(out, "%s: a program is built, but does not run: %s\n",
			row->target->name, why);
		return 1;
	}
	buf_printf(out, "%s: a program was built with %s and ran %s%s\n",
		row->target->name, tc->cc.v[0], tc->native ? "here" : "in ",
		tc->native ? "" : emulator);
	if (tc->missing[TOOLCHAIN_CXX])
		buf_printf(out, "  %s\n", tc->missing[TOOLCHAIN_CXX]);
	return 0;
}

static int resolve_rows(const struct target_list *list, const char *name,
	struct row **rows, size_t *n, struct err *e)
{
	const struct target *host = target_list_host(list);
	const struct target *one = name ? target_list_get(list, name, e) : NULL;

	if (name && !one)
		return -1;
	*rows = xcalloc(list->len, sizeof(**rows));
	for (size_t i = 0; i < list->len; i++) {
		struct row *row = &(*rows)[*n];

		if (one && one != &list->v[i])
			continue;
		row->target = &list->v[i];
		if (toolchain_resolve(&row->toolchain, row->target, host, NULL, e))
			return -1;
		(*n)++;
	}
	return 0;
}

/* `target check NAME` fails when it is not usable; without a name, only when nothing is.
 */
static int check_rows(const struct row *rows, size_t n, struct buf *out, struct err *e)
{
	size_t unusable = 0;

	for (size_t i = 0; i < n; i++) {
		int bad = check_row(&rows[i], out, e);

		if (bad < 0)
			return -1;
		unusable += (size_t)bad;
	}
	return unusable == n ? ERR_SETUP : 0;
}

static int print_rows(const char *word, const struct row *rows, size_t n,
	const struct values *values, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;
	bool pretty = streq_null(values->format, "json-pretty");
	int code = 0;

	if (streq(word, "check"))
		code = check_rows(rows, n, &out, e);
	else if (values->json || pretty || streq_null(values->format, "json"))
		print_json(rows, n, pretty, &out);
	else if (streq(word, "list"))
		print_table(rows, n, &out);
	else
		print_row(&rows[0], &out);
	if (code >= 0 &&
		(fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout))) {
		err_sys(e, errno, "write to standard output");
		e->kind = ERR_OUTPUT;
		return -1;
	}
	return code;
}

/* `list` takes no name, `show` one, `check` one or none. */
static int check_words(const struct strv *words, struct err *e)
{
	static const struct {
		const char *word;
		size_t min, max;
	} verbs[] = {{"list", 1, 1}, {"show", 2, 2}, {"check", 1, 2}};
	const char *near;

	if (!words->len)
		return err_set(e, ERR_USAGE,
			"xtest target needs one of list, show NAME, check [NAME]");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (!streq(words->v[0], verbs[i].word))
			continue;
		if (words->len >= verbs[i].min && words->len <= verbs[i].max)
			return 0;
		return err_set(e, ERR_USAGE, "xtest target %s takes %s", verbs[i].word,
			verbs[i].max == 1   ? "no name"
			: verbs[i].min == 2 ? "one name"
					    : "at most one name");
	}
	near = util_nearest(words->v[0], verb_words);
	return err_set(e, ERR_USAGE,
		"xtest target knows no \"%s\"; it is one of list, show NAME, check "
		"[NAME]%s%s",
		words->v[0], near ? "; nearest: " : "", near ? near : "");
}

static int target_run(int argc, char **argv, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	struct values values = {0};
	struct target_list list;
	struct row *rows = NULL;
	size_t n = 0;
	int code = -1;

	if (opts_parse(groups, argc, argv, &values, &words, NULL, e) ||
		check_words(&words, e))
		return -1;
	if (target_list_load(&list, NULL, e))
		return -1;
	if (!resolve_rows(&list, words.len > 1 ? words.v[1] : NULL, &rows, &n, e))
		code = print_rows(words.v[0], rows, n, &values, e);
	for (size_t i = 0; i < n; i++)
		toolchain_release(&rows[i].toolchain);
	free(rows);
	target_list_release(&list);
	return code;
}

const struct verb verb_target = {
	.name = "target",
	.usage = "list | show NAME | check [NAME]",
	.summary = "Show the targets, and what of them is usable on this machine",
	.details = "`list` names all, with the packages that are missing; `show` tells "
		   "everything about one;\n"
		   "`check` builds a program and runs it. A target is named by its short "
		   "name, an alias or its GNU,\n"
		   "Rust or Debian triple.",
	.groups = groups,
	.words = verb_words,
	.run = target_run,
};
