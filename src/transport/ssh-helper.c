#include "transport/ssh-helper.h"

#include "transport/ssh-boot.h"
#include "model/config.h"
#include "transport/ssh-client.h"
#include "transport/ssh-hook.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	END_LIMIT_MS = 5000,
	END_WORDS_MAX = 4096,
	RESET_AFTER_MS = 15000, /* of no answer */
	BOOT_LIMIT_MS = 180000, /* from a switch to an answer */
	REACH_EVERY_MS = 2000,
};

struct helper {
	const struct place_config *config;
	int bytes_fd, report_fd;
	int64_t boot_ms, reset_ms; /* by now_ms(): until when it may boot; from when it
				      may be reset. 0: not */
	bool alone; /* nobody listens any more: what is left to do is done unheard */
};

static void report(struct helper *h, enum ssh_report kind, const char *text)
{
	char message[SSH_REPORT_MAX];
	int n;

	if (h->alone)
		return;
	n = snprintf(message, sizeof message, "%c%s", kind, text);
	if (send(h->report_fd, message, (size_t)MIN(n, SSH_REPORT_MAX - 1),
		    MSG_NOSIGNAL) < 0)
		_exit(1); /* nobody wants to know any more */
}

static void on_note(void *ctx, const char *text)
{
	report(ctx, SSH_REPORT_NOTE, text);
}

static void on_allow(void *ctx, int64_t limit_ms, const char *what)
{
	autofree char *text = xasprintf("%lld %s", (long long)limit_ms, what ? what : "");

	report(ctx, SSH_REPORT_ALLOW, text);
}

static void on_doing(void *ctx, const char *what, double fraction)
{
	autofree char *text =
		xasprintf("%d %s", fraction < 0 ? -1 : (int)(fraction * 1000), what);

	report(ctx, SSH_REPORT_DOING, text);
}

/* How the runner ended, when it was not by us. */
static void tell_end(
	struct helper *h, const char *name, int status, const struct buf *words)
{
	autofree char *text = NULL;

	if (status > 0)
		text = xasprintf("%s: the runner ended with exit status %d%s%s", name,
			status, words->len ? ": " : "", buf_str(words));
	else
		text = xasprintf("%s: the runner has ended%s%s", name,
			words->len ? ": " : "", buf_str(words));
	report(h, SSH_REPORT_FAILED, text);
	h->alone = true;
}

/* Whoever has closed that socket wants nothing more of the board. */
static bool has_hung_up(int fd)
{
	struct pollfd polled = {fd, POLLIN, 0};

	return poll(&polled, 1, 0) > 0 && polled.revents & POLLHUP;
}

static void end_runner(struct helper *h, struct ssh_client *c, const char *line)
{
	autorelease(ssh_command) struct ssh_command k = {
		.line = line, .output_max = END_WORDS_MAX, .limit_ms = END_LIMIT_MS};
	struct err ignored;

	h->alone = true;
	/* If this fails, its lease ends. */
	if (ssh_client_run(c, &k, &ignored) < 0)
		return;
}

/* Nobody waits for its result. */
static void run_late(struct helper *h, const char *what, const struct config_hook *hook)
{
	struct err ignored;

	if (ssh_hook_run(h->config->board, what, hook, &ignored) < 0)
		return;
}

/* The run wants nothing more of the board, which is switched off also when the hook
 * before that has failed. */
static void leave(struct helper *h)
{
	const struct config_board *b = h->config->board->config;

	if (!b)
		return;
	run_late(h, "after", &b->after);
	run_late(h, "power-off", &b->power_off);
}

static void work(struct helper *h, struct ssh_client *c)
{
	const struct ssh_boot boot = {.config = h->config, .doing = on_doing, .ctx = h};
	autorelease(buf) struct buf words = BUF_INIT;
	autorelease(ssh_booted) struct ssh_booted booted = {0};
	struct err e = {0};
	int status = 0;

	if (ssh_boot_run(c, &boot, &booted, &e) < 0) {
		report(h, ssh_client_is_up(c) ? SSH_REPORT_FAILED : SSH_REPORT_CUT,
			e.msg);
		return;
	}
	report(h, SSH_REPORT_UP, ssh_client_name(c));
	/* From now on the end of the bytes tells, and the board is left in order. */
	prctl(PR_SET_PDEATHSIG, 0);
	if (ssh_client_carry(c, booted.attach, h->bytes_fd, &words, &status, &e) < 0)
		report(h, SSH_REPORT_CUT, e.msg);
	else if (has_hung_up(h->bytes_fd))
		end_runner(h, c, booted.end);
	else
		tell_end(h, ssh_client_name(c), status, &words);
}

/* ---- reaching it */

static int hook(
	struct helper *h, const char *what, const struct config_hook *hook, struct err *e)
{
	if (!hook->command.len)
		return 0;
	on_doing(h, what, -1);
	return ssh_hook_run(h->config->board, what, hook, e);
}

static int prepare(struct helper *h, struct err *e)
{
	const struct config_board *b = h->config->board->config;

	if (!b || h->config->board->memory->prepared)
		return 0;
	if (hook(h, "power-on", &b->power_on, e) < 0 ||
		hook(h, "before", &b->before, e) < 0)
		return -1;
	report(h, SSH_REPORT_PREPARED, "");
	if (b->power_on.command.len)
		h->boot_ms = now_ms() + BOOT_LIMIT_MS;
	return 0;
}

static int reset(struct helper *h, struct err *e)
{
	const struct config_board *b = h->config->board->config;
	autofree char *text = NULL;

	h->reset_ms = 0;
	text = xasprintf("%s could not be reached (%s) and was reset",
		h->config->board->name, e->msg);
	report(h, SSH_REPORT_RESET, "");
	if (hook(h, "reset", &b->reset, e) < 0)
		return -1;
	report(h, SSH_REPORT_NOTE, text);
	h->boot_ms = now_ms() + BOOT_LIMIT_MS;
	return 0;
}

/* One that was switched on or reset needs its time; one that does not answer for a while
 * is reset, once. */
static struct ssh_client *reach(struct helper *h, const struct ssh_uri *uri,
	const struct ssh_client_options *o, struct err *e)
{
	const struct board_config *board = h->config->board;

	if (prepare(h, e) < 0)
		return NULL;
	if (board->config && board->config->reset.command.len &&
		!board->memory->was_reset)
		h->reset_ms = now_ms() + RESET_AFTER_MS;
	for (;;) {
		struct ssh_client *c = ssh_client_open(uri, o, e);
		int64_t now = now_ms();

		if (c || !*o->unreachable)
			return c;
		if (now >= h->boot_ms && h->reset_ms && now >= h->reset_ms &&
			reset(h, e) < 0)
			return NULL;
		if (now_ms() >= MAX(h->boot_ms, h->reset_ms))
			return NULL;
		on_doing(h, "waiting until it answers", -1);
		poll(NULL, 0, REACH_EVERY_MS);
	}
}

static void helper_main(struct helper *h)
{
	const struct board_config *board = h->config->board;
	autorelease(ssh_uri) struct ssh_uri uri = {0};
	bool unreachable = false;
	const struct ssh_client_options options = {
		.config = board->ssh_config,
		.accept_new = board->accept_new,
		.parent_fd = h->report_fd,
		.unreachable = &unreachable,
		.note = on_note,
		.allow = on_allow,
		.ctx = h,
	};
	struct ssh_client *c = NULL;
	struct err e = {0};

	on_doing(h, "connecting", -1);
	if (ssh_uri_parse(board->uri, &uri, &e) == 0)
		c = reach(h, &uri, &options, &e);
	if (!c) {
		report(h, SSH_REPORT_FAILED, e.msg);
		return;
	}
	work(h, c);
	ssh_client_free(c);
	if (h->alone)
		leave(h);
}

/* What else this program has open is other places': their ends must be seen when they
 * end. The terminal stays, to be asked on, but Ctrl-C is for the program to decide on. */
static void begin(struct helper *h, pid_t parent)
{
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(h->bytes_fd, 3);
	dup2(h->report_fd, 4);
	h->bytes_fd = 3;
	h->report_fd = 4;
	close_range(5, ~0u, 0);
	/* A core would have the secrets in it. */
	prctl(PR_SET_DUMPABLE, 0);
}

static int make_pairs(int bytes[2], int reports[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bytes) < 0)
		return err_sys(e, errno, "make a socket pair");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, reports) == 0)
		return 0;
	close(bytes[0]);
	close(bytes[1]);
	return err_sys(e, errno, "make a socket pair");
}

int ssh_helper_start(const struct place_config *config, pid_t *pid, int *bytes_fd,
	int *report_fd, struct err *e)
{
	const pid_t parent = getpid();
	int bytes[2], reports[2];

	if (make_pairs(bytes, reports, e) < 0)
		return -1;
	*pid = fork();
	if (*pid == 0) {
		struct helper h = {
			.config = config, .bytes_fd = bytes[1], .report_fd = reports[1]};

		begin(&h, parent);
		helper_main(&h);
		_exit(0);
	}
	close(bytes[1]);
	close(reports[1]);
	*bytes_fd = bytes[0];
	*report_fd = reports[0];
	if (*pid > 0)
		return 0;
	close(bytes[0]);
	close(reports[0]);
	return err_sys(e, errno, "start a process");
}
