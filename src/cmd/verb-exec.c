/* xtest exec: a drop-in emulator for other tools. Replaces itself by the program, so exit
 * code, signal, standard streams and the terminal are the program's own. */
#include "base/fs.h"
#include "base/proc.h"
#include "cmd/verb.h"
#include "model/toolchain.h"

#include <errno.h>
#include <unistd.h>

struct exec_options {
	const char *target;
};

static const struct opt exec_opts[] = {
	{"target", 't', "NAME", NULL, OPT_STRING, offsetof(struct exec_options, target),
		"the CPU (default: that of PROGRAM; $XTEST_TARGET for scripts)"},
	{0},
};

static const struct opt_group groups[] = {{"Exec", exec_opts}, {0}};

/* The target by name, by the program's ELF header, or by the environment of a test that
 * is itself run by xtest. */
static const struct target *choose_target(const struct target_list *known,
	const char *name, const char *program, const struct elf *elf, struct err *e)
{
	const struct target *found = elf ? target_list_find_elf(known, &elf->id) : NULL;

	if (name)
		return target_list_get(known, name, e);
	if (found)
		return found;
	if (getenv("XTEST_TARGET"))
		return target_list_get(known, getenv("XTEST_TARGET"), e);
	return err_null(e, ERR_USAGE,
		"%s is no program of a known target; name the target with --target",
		program);
}

static void push_hex(
	struct strv *argv, const char *option, const uint8_t *bytes, size_t len)
{
	char hex[2 * TARGET_MAGIC_SIZE + 1];

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
	strv_push(argv, option);
	strv_push(argv, hex);
}

/* The runner's own `exec`: sets up the private view, in which child processes of the
 * target run too, then becomes the program. */
static void runner_argv(const struct toolchain *t, const char *runner, struct strv *argv)
{
	autorelease(strv) struct strv binds = STRV_INIT;
	uint8_t magic[TARGET_MAGIC_SIZE], mask[TARGET_MAGIC_SIZE];

	strv_push_array(argv, (const char *const[]){runner, "exec", "--quiet", NULL});
	toolchain_hide(t, NULL, &binds);
	for (size_t i = 0; i < binds.len; i += 2)
		strv_push_array(argv, (const char *const[]){"--bind", binds.v[i],
					      binds.v[i + 1], NULL});
	strv_push_array(argv, (const char *const[]){"--emulator", t->target->name,
				      t->emulator.v[0], NULL});
	for (size_t i = 1; i < t->emulator.len; i++) {
		strv_push(argv, "--arg");
		strv_push(argv, t->emulator.v[i]);
	}
	target_elf_magic(t->target, magic, mask);
	push_hex(argv, "--magic", magic, sizeof magic);
	push_hex(argv, "--mask", mask, sizeof mask);
	strv_push_array(argv, (const char *const[]){"--argv0-option", "-0", "--", NULL});
}

static int become(const struct strv *argv, const char *program, struct err *e)
{
	execvp(argv->v[0], strv_argv(argv));
	return err_sys(e, errno, "start %s", program);
}

static int exec_program(const struct target_list *known, const struct exec_options *o,
	const struct strv *words, struct err *e)
{
	autofree char *program = fs_find_program(words->v[0], NULL), *runner = NULL;
	autorelease(toolchain) struct toolchain toolchain = {0};
	autorelease(elf) struct elf elf = {0};
	autorelease(strv) struct strv argv = STRV_INIT;
	const struct target *target, *host = target_list_host(known);
	bool is_elf, is_target;

	if (!program)
		return err_set(e, ERR_SETUP, "%s: no such program", words->v[0]);
	is_elf = elf_open(program, &elf, e) == 1;
	target = choose_target(known, o->target, program, is_elf ? &elf : NULL, e);
	if (!target || toolchain_resolve(&toolchain, target, host, NULL, e) < 0)
		return -1;
	is_target = is_elf && target_matches_elf(target, &elf.id);
	if (!toolchain.native) {
		if (toolchain_need_run(&toolchain, e) < 0)
			return -1;
		runner = host ? target_runner_path(host, e) : NULL;
		if (!runner)
			return -1;
		runner_argv(&toolchain, runner, &argv);
		if (is_target)
			strv_push_all(&argv, &toolchain.emulator);
	}
	strv_push(&argv, program);
	for (size_t i = 1; i < words->len; i++)
		strv_push(&argv, words->v[i]);
	return become(&argv, program, e);
}

static int exec_main(int argc, char **argv, struct err *e)
{
	struct exec_options o = {0};
	autorelease(strv) struct strv words = STRV_INIT;
	autorelease(target_list) struct target_list known = {0};

	if (opts_parse_leading(groups, argc, argv, &o, &words, e) < 0)
		return -1;
	if (!words.len)
		return err_set(e, ERR_USAGE,
			"exec needs a program: xtest exec [--target NAME] [--] PROGRAM "
			"[ARGUMENT]…");
	if (target_list_load(&known, NULL, e) < 0)
		return -1;
	return exec_program(&known, &o, &words, e);
}

const struct verb verb_exec = {
	.name = "exec",
	.usage = "[--target NAME] [--] PROGRAM [ARGUMENT]…",
	.summary = "Run one program of a target here, as other tools' emulator",
	.details = "Usable wherever a tool asks for an emulator: Meson's exe_wrapper, "
		   "CMAKE_CROSSCOMPILING_EMULATOR,\n"
		   "Automake's LOG_COMPILER, cargo's target runner. Scripts and child "
		   "processes find their programs too.",
	.groups = groups,
	.run = exec_main,
};
