/* The place `ssh://…`: a board with a shell, as seen by the process that steers. */
#include "transport/child.h"
#include "model/config.h"
#include "transport/ssh-console.h"
#include "transport/ssh-helper.h"
#include "transport/ssh-hook.h"
#include "transport/ssh-uri.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLOSE_GRACE_MS = 7000,
	MESSAGES_AT_ONCE = 64,
};

struct ssh {
	int report_fd;
	char *name;
	char *doing, *note, *what; /* of the messages */
	int64_t deadline_ms;       /* for `what`; 0: none */
	const struct board_config *board;
	struct ssh_console *console; /* NULL: it has none */
	int64_t leave_ms;            /* its hooks for the end may take so long */
	char *reason;                /* it has failed */
	bool cut;
};

static bool ssh_claims(const char *uri)
{
	return ssh_uri_is(uri);
}

/* What its console says does not wait until it can be reached. */
static int open_console(struct ssh *s, struct err *e)
{
	const struct config_board *config = s->board->config;

	if (!config)
		return 0;
	s->leave_ms =
		ssh_hook_limit_ms(&config->after) + ssh_hook_limit_ms(&config->power_off);
	if (!config->console.len)
		return 0;
	s->console = ssh_console_open(s->board, e);
	return s->console ? 0 : -1;
}

static int ssh_open(const struct place_config *config, struct link *link, struct err *e)
{
	autorelease(ssh_uri) struct ssh_uri uri = {0};
	struct ssh *s;

	if (ssh_uri_parse(config->board->uri, &uri, e) < 0)
		return -1;
	s = xcalloc(1, sizeof *s);
	s->board = config->board;
	if (open_console(s, e) < 0 || ssh_helper_start(config, &link->pid, &link->in_fd,
					      &s->report_fd, e) < 0) {
		ssh_console_close(s->console);
		free(s);
		return -1;
	}
	fcntl(link->in_fd, F_SETFL, O_NONBLOCK);
	s->name = xstrdup(config->board->name);
	link->out_fd = link->in_fd;
	link->coming = true;
	link->fraction = -1;
	link->state = s;
	return 0;
}

/* ---- what the process tells */

static void set_doing(struct ssh *s, struct link *link, const char *text)
{
	char *what;
	long thousandths = strtol(text, &what, 10);

	free(s->doing);
	link->doing = s->doing = xstrdup(*what ? what + 1 : what);
	link->fraction = thousandths < 0 ? -1 : (double)thousandths / 1000;
}

static void add_note(struct ssh *s, struct link *link, const char *text)
{
	char *all = s->note ? xasprintf("%s; %s", s->note, text) : xstrdup(text);

	free(s->note);
	link->note = s->note = all;
}

static void set_limit(struct ssh *s, const char *text)
{
	char *what;
	long long limit_ms = strtoll(text, &what, 10);

	free(s->what);
	s->what = xstrdup(*what ? what + 1 : what);
	s->deadline_ms = limit_ms ? now_ms() + limit_ms : 0;
}

static void take_message(struct ssh *s, struct link *link, const char *message)
{
	const char *text = message + 1;

	switch ((enum ssh_report) * message) {
	case SSH_REPORT_DOING:
		set_doing(s, link, text);
		break;
	case SSH_REPORT_NOTE:
		add_note(s, link, text);
		break;
	case SSH_REPORT_ALLOW:
		set_limit(s, text);
		break;
	case SSH_REPORT_PREPARED:
		s->board->memory->prepared = true;
		break;
	case SSH_REPORT_RESET:
		s->board->memory->was_reset = true;
		break;
	case SSH_REPORT_UP:
		ssh_console_mark(s->console);
		link->coming = false;
		free(link->detail);
		link->detail = xstrdup(text);
		break;
	case SSH_REPORT_FAILED:
	case SSH_REPORT_CUT:
		free(s->reason);
		s->reason = xstrdup(text);
		s->cut = *message == SSH_REPORT_CUT;
		break;
	}
}

/* Reads what there is; false when the process has gone. */
static bool listen_to(struct ssh *s, struct link *link)
{
	char message[SSH_REPORT_MAX];

	for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
		ssize_t n = recv(s->report_fd, message, sizeof message - 1, MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		message[n] = '\0';
		take_message(s, link, message);
	}
	return true;
}

static size_t ssh_watch(struct link *link, int *fds, size_t max)
{
	const struct ssh *s = link->state;

	size_t n = 0;

	if (n < max)
		fds[n++] = s->report_fd;
	if (n < max && ssh_console_fd(s->console) >= 0)
		fds[n++] = ssh_console_fd(s->console);
	return n;
}

static bool ssh_check(struct link *link, int64_t silence_ms, struct demise *demise)
{
	struct ssh *s = link->state;
	bool lives = listen_to(s, link);

	(void)silence_ms;
	if (!s->reason && s->deadline_ms && now_ms() > s->deadline_ms)
		s->reason = xasprintf("%s: it took too long to %s", s->name, s->what);
	if (!s->reason && !lives)
		s->reason = xasprintf("%s: the runner has ended", s->name);
	/* Of a link that stands, what the kernel says of its end comes first. */
	if (ssh_console_read(s->console, demise) && !link->coming)
		return true;
	demise_release(demise);
	if (!s->reason)
		return false;
	demise->console = ssh_console_excerpt(s->console);
	demise->reason = take_ptr(s->reason);
	demise->may_return = s->cut;
	return true;
}

/* ---- its end */

static void ssh_close(struct link *link, char **why)
{
	struct ssh *s = link->state;
	int status;

	(void)why;
	if (!s)
		return;
	/* The runner is told by the end of its bytes; before there is one, nobody is. */
	shutdown(link->in_fd, SHUT_WR);
	close(link->in_fd);
	close(s->report_fd);
	if (link->coming)
		kill(link->pid, SIGTERM);
	else
		s->board->memory->prepared = s->cut;
	if (!child_reap_within(link->pid, CLOSE_GRACE_MS + s->leave_ms, &status)) {
		kill(link->pid, SIGKILL);
		child_reap_within(link->pid, CLOSE_GRACE_MS, &status);
	}
	ssh_console_close(s->console);
	free(s->name);
	free(s->doing);
	free(s->note);
	free(s->what);
	free(s->reason);
	free(s);
	link->state = NULL;
	link->in_fd = link->out_fd = -1;
	link->pid = 0;
}

const struct transport transport_ssh = {
	.name = "ssh",
	.help = "a board that is reached over SSH: ssh://[user@]host[:port]",
	.staged = true,
	.returns = true,
	.claims = ssh_claims,
	.open = ssh_open,
	.close = ssh_close,
	.watch = ssh_watch,
	.check = ssh_check,
};
