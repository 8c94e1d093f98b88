#include "transport/ssh-boot.h"

#include "base/duration.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/proc.h"
#include "transport/ssh-board.h"

#include <poll.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	ANSWER_MAX = 1 << 20,
	STEP_LIMIT_MS = 60000, /* a script, or the next piece of the upload */
	SPARE_KIB = 1024,
	DIGEST_SHOWN = 16,
	LOCK_EVERY_MS = 2000,
	LEASE_S = 60, /* of a runner no host is attached to */
};

/* The runner as it is here. */
struct program {
	struct buf bytes;
	char digest[HASH_HEX_SIZE];
	char *name; /* there */
};

static void program_release(struct program *p)
{
	buf_release(&p->bytes);
	free(p->name);
}

static int load_program(const char *path, struct program *p, struct err *e)
{
	if (!fs_is_file(path))
		return err_set(e, ERR_SETUP,
			"the runner %s is missing; run `make` or `make install`", path);
	if (fs_read_file(path, &p->bytes, e) < 0)
		return -1;
	hash_memory(p->bytes.data, p->bytes.len, p->digest);
	p->name = xasprintf("runner-%.*s", DIGEST_SHOWN, p->digest);
	return 0;
}

static void make_nonce(char nonce[SSH_NONCE_SIZE])
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof random, 0) < 0)
		random = (uint64_t)now_us() ^ (uint64_t)getpid() << 40;
	snprintf(nonce, SSH_NONCE_SIZE, "%016llx", (unsigned long long)random);
}

static int run_script(struct ssh_client *c, const struct buf *script,
	struct ssh_command *k, struct err *e)
{
	*k = (struct ssh_command){
		.line = "sh -s",
		.input = script->data,
		.input_len = script->len,
		.output_max = ANSWER_MAX,
		.limit_ms = STEP_LIMIT_MS,
	};
	return ssh_client_run(c, k, e);
}

/* ---- the first question */

static int ask(struct ssh_client *c, const struct ssh_board_need *need,
	struct ssh_board *board, struct err *e)
{
	autorelease(buf) struct buf script = BUF_INIT;
	autorelease(ssh_command) struct ssh_command k = {0};

	ssh_board_script(need, &script);
	if (run_script(c, &script, &k, e) < 0)
		return -1;
	return ssh_board_parse(buf_str(&k.out), k.out.len, need->nonce, board, e);
}

/* ---- the upload */

struct upload {
	const struct ssh_boot *boot;
	size_t total;
};

static void on_progress(void *ctx, size_t done)
{
	const struct upload *u = ctx;
	char text[64];

	snprintf(text, sizeof text, "the runner, %.1f of %.1f MiB",
		(double)done / (1 << 20), (double)u->total / (1 << 20));
	u->boot->doing(u->boot->ctx, text, (double)done / (double)u->total);
}

/* The last line of what a command said. */
static const char *last_words(struct buf *words)
{
	const char *line;

	while (words->len && words->data[words->len - 1] == '\n')
		buf_truncate(words, words->len - 1);
	line = strrchr(buf_str(words), '\n');
	return line ? line + 1 : buf_str(words);
}

/* What the board's gunzip makes the runner of; false where this machine has no gzip. */
static bool pack(const char *path, struct buf *packed)
{
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(proc_result) struct proc_result result = {0};
	struct err ignored = {0};

	strv_push_array(&argv, (const char *const[]){"gzip", "-9nc", path, NULL});
	if (proc_run(&argv, &(struct proc_options){.timeout_ms = STEP_LIMIT_MS}, &result,
		    &ignored) < 0 ||
		!proc_succeeded(&result))
		return false;
	buf_append(packed, result.out.data, result.out.len);
	return true;
}

static int send_program(struct ssh_client *c, const struct ssh_boot *boot,
	const struct program *p, const struct ssh_board_need *need, const char *dir,
	bool gunzip, struct err *e)
{
	autorelease(buf) struct buf packed = BUF_INIT;
	const bool is_packed = gunzip && pack(boot->config->runner_path, &packed);
	const struct buf *bytes = is_packed ? &packed : &p->bytes;
	autofree char *upload = xasprintf(".upload-%s", need->nonce);
	autofree char *line = xasprintf("sh -c 'umask 077; %s >%s/%s'",
		is_packed ? "gunzip -c" : "cat", dir, upload);
	autorelease(buf) struct buf script = BUF_INIT;
	struct upload u = {.boot = boot, .total = bytes->len};
	autorelease(ssh_command) struct ssh_command k = {
		.line = line,
		.input = bytes->data,
		.input_len = bytes->len,
		.output_max = ANSWER_MAX,
		.limit_ms = STEP_LIMIT_MS,
		.progress = on_progress,
		.ctx = &u,
	};
	autorelease(ssh_command) struct ssh_command install = {0};

	if (ssh_client_run(c, &k, e) < 0)
		return -1;
	if (k.status != 0)
		err_set(e, ERR_INFRA, "the runner could not be written to %s: %s", dir,
			last_words(&k.err));
	/* Also what came only in part is removed by this. */
	ssh_board_install_script(need, dir, upload, p->bytes.len, p->digest, &script);
	if (run_script(c, &script, &install, k.status ? &(struct err){0} : e) < 0 ||
		k.status != 0)
		return -1;
	return ssh_board_installed(
		buf_str(&install.out), install.out.len, need->nonce, e);
}

/* ---- the lock */

static int try_lock(struct ssh_client *c, const char *line, enum ssh_lock *lock,
	char **owner, uint64_t *seconds, struct err *e)
{
	autorelease(ssh_command) struct ssh_command k = {
		.line = line, .output_max = ANSWER_MAX, .limit_ms = STEP_LIMIT_MS};

	if (ssh_client_run(c, &k, e) < 0)
		return -1;
	if (ssh_board_read_lock(buf_str(&k.out), k.out.len, lock, owner, seconds, e) == 0)
		return 0;
	if (k.err.len)
		err_set(e, ERR_INFRA, "the runner did not start: %s", last_words(&k.err));
	return -1;
}

static int take_lock(
	struct ssh_client *c, const struct ssh_boot *b, const char *line, struct err *e)
{
	int64_t deadline = now_ms() + b->config->board->lock_timeout_ms;

	for (;;) {
		enum ssh_lock lock = SSH_LOCK_OURS;
		autofree char *owner = NULL, *text = NULL, *since = NULL;
		uint64_t seconds = 0;

		if (try_lock(c, line, &lock, &owner, &seconds, e) < 0)
			return -1;
		if (lock == SSH_LOCK_OURS)
			return 0;
		since = duration_format((int64_t)seconds * 1000000);
		if (now_ms() >= deadline)
			return err_set(e, ERR_INFRA,
				"%s has held the board for %s; it was waited for as "
				"long as --lock-timeout says",
				owner, since);
		text = xasprintf("waiting for %s, who has held it for %s", owner, since);
		b->doing(b->ctx, text, -1);
		/* Who gives up meanwhile ends this process. */
		poll(NULL, 0, (int)MIN(LOCK_EVERY_MS, MAX(0, deadline - now_ms())));
	}
}

/* ---- all of it */

void ssh_booted_release(struct ssh_booted *b)
{
	free(b->attach);
	free(b->end);
	*b = (struct ssh_booted){0};
}

static int boot(struct ssh_client *c, const struct ssh_boot *b, const struct program *p,
	struct ssh_booted *booted, struct err *e)
{
	const struct board_config *config = b->config->board;
	char nonce[SSH_NONCE_SIZE];
	const struct ssh_board_need need = {
		.nonce = nonce,
		.runner = p->name,
		.need_kib = ((config->disk_bytes + p->bytes.len) >> 10) + SPARE_KIB,
	};
	autorelease(ssh_board) struct ssh_board board = {0};
	autofree char *start = NULL, *runner = NULL;
	const struct ssh_dir *dir;

	make_nonce(nonce);
	b->doing(b->ctx, "asking what is there", -1);
	if (ask(c, &need, &board, e) < 0 ||
		ssh_board_check_machine(&board, b->config->target, e) < 0)
		return -1;
	dir = ssh_board_choose(&board, need.need_kib, e);
	if (!dir)
		return -1;
	if ((board.runner_bytes != p->bytes.len ||
		    !streq(board.runner_digest, p->digest)) &&
		send_program(c, b, p, &need, dir->path, board.gunzip, e) < 0)
		return -1;
	runner = xasprintf("sh -c 'exec %s/%s", dir->path, p->name);
	start = xasprintf("%s --board %s --owner %s --lease %d'", runner, dir->path,
		config->owner, LEASE_S);
	b->doing(b->ctx, "starting the runner", -1);
	if (take_lock(c, b, start, e) < 0)
		return -1;
	booted->attach = xasprintf("%s --attach %s'", runner, dir->path);
	booted->end = xasprintf("%s --end %s %s'", runner, dir->path, config->owner);
	return 0;
}

int ssh_boot_run(struct ssh_client *c, const struct ssh_boot *b,
	struct ssh_booted *booted, struct err *e)
{
	struct program p = {0};
	int status = load_program(b->config->runner_path, &p, e);

	if (status == 0) {
		status = boot(c, b, &p, booted, e);
		/* What the connection itself says names the board. */
		if (status < 0 && !starts_with(e->msg, ssh_client_name(c)))
			err_context(e, "%s", ssh_client_name(c));
	}
	program_release(&p);
	return status;
}
