#include "transport/ssh-hook.h"

#include "base/proc.h"
#include "model/config.h"

enum { DEFAULT_LIMIT_MS = 60000, OUTPUT_MAX = 1 << 20 };

int64_t ssh_hook_limit_ms(const struct config_hook *hook)
{
	if (!hook->command.len)
		return 0;
	return hook->timeout_us == CONFIG_UNSET ? DEFAULT_LIMIT_MS
						: hook->timeout_us / 1000;
}

static const char *last_line(struct buf *text)
{
	const char *line;

	while (text->len && text->data[text->len - 1] == '\n')
		buf_truncate(text, text->len - 1);
	line = strrchr(buf_str(text), '\n');
	return line ? line + 1 : buf_str(text);
}

int ssh_hook_run(const struct board_config *board, const char *what,
	const struct config_hook *hook, struct err *e)
{
	autorelease(strv) struct strv env = STRV_INIT;
	autorelease(proc_result) struct proc_result result = {0};
	const struct proc_options options = {
		.cwd = board->directory,
		.env = &env,
		.timeout_ms = ssh_hook_limit_ms(hook),
		.merge_stderr = true,
		.max_output_bytes = OUTPUT_MAX,
	};
	const char *said;
	char end[80];

	if (!hook->command.len)
		return 0;
	proc_environ_outside_make(&env);
	strv_env_set(&env, "XTEST_BOARD", board->name);
	if (proc_run(&hook->command, &options, &result, e) < 0) {
		e->kind = ERR_INFRA;
		return err_context(e, "%s: its hook %s", board->name, what);
	}
	if (proc_succeeded(&result))
		return 0;
	said = last_line(&result.out);
	return err_set(e, ERR_INFRA, "%s: its hook %s: %s%s%s", board->name, what,
		proc_describe(&result, end, sizeof end), *said ? ": " : "", said);
}
