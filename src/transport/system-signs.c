#include "transport/system-private.h"

#include "base/fs.h"
#include "image/image.h"

#include <errno.h>
#include <unistd.h>

enum {
	EXCERPT_LINES = 40,
	CONSOLE_READS = 16, /* a flood must not keep us from the rest */
	CONSOLE_REST_MS = 20,
	LAST_WORDS_MS = 400, /* from a panic to the end of its report */
	SILENCE_LOOK_MS = 200,
};

/* ---- what it says of itself */

void system_on_finding(void *ctx, const struct console_finding *finding)
{
	struct system *s = ctx;

	if (finding->severity == CONSOLE_FATAL && !s->fatal) {
		s->fatal = xstrdup(finding->title);
		s->fatal_ms = now_ms();
	} else if (finding->severity == CONSOLE_OOPS) {
		free(s->oops);
		s->oops = xstrdup(finding->title);
	} else if (streq(finding->kind, "oom")) {
		size_t i = s->n_kills++ % KILLS_MAX;

		free(s->kills[i].line);
		s->kills[i].line = xstrdup(finding->title);
		s->kills[i].at_ms = now_ms();
	}
}

/* qapi/run-state.json of QEMU has the reasons. */
void system_on_event(void *ctx, const char *event, const struct json *data)
{
	struct system *s = ctx;

	if (streq(event, "SHUTDOWN")) {
		free(s->shutdown);
		s->shutdown = xstrdup(json_find_string(data, "reason", "none"));
		s->by_guest = json_boolean(json_find(data, "guest"), false);
	} else if (streq(event, "VSERPORT_CHANGE")) {
		s->answers = json_boolean(json_find(data, "open"), false);
	} else if (streq(event, "GUEST_PANICKED") && !s->fatal) {
		s->fatal = xstrdup("the kernel has panicked");
		s->fatal_ms = now_ms();
	}
}

static void read_console(struct system *s)
{
	char block[16384];

	for (int i = 0; s->machine.console_fd >= 0 && i < CONSOLE_READS; i++) {
		ssize_t n = read(s->machine.console_fd, block, sizeof block);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(take_fd(s->machine.console_fd));
			console_end(s->console);
			return;
		}
		s->console_ms = now_ms();
		console_feed(s->console, block, (size_t)n);
		/* A full disk must not end the tests. */
		if (s->log_fd >= 0 && fs_write_all(s->log_fd, block, (size_t)n) < 0)
			close(take_fd(s->log_fd));
	}
}

/* The version is not known before the monitor has said it. */
void system_describe(struct system *s, struct link *link)
{
	const char *version = qmp_version(s->qmp);

	if (link->detail && (s->described || !version))
		return;
	s->described = version != NULL;
	free(link->detail);
	link->detail = xasprintf("%s%s%s, %s", s->config->recipe->machine.qemu,
		version ? " " : "", version ? version : "", s->kvm ? "KVM" : "TCG");
}

/* ---- signs of life */

void system_listen(struct system *s)
{
	qmp_pump(s->qmp);
	machine_listen(&s->machine);
	read_console(s);
}

char *system_kills(struct link *link, int64_t since_ms)
{
	struct system *s = link->state;
	autorelease(buf) struct buf lines = BUF_INIT;
	size_t i;

	/* It was said before the process had ended, and may not be read yet. */
	read_console(s);
	i = s->n_kills > KILLS_MAX ? s->n_kills - KILLS_MAX : 0;
	for (; i < s->n_kills; i++)
		if (s->kills[i % KILLS_MAX].at_ms >= since_ms)
			buf_printf(&lines, "%s%s", lines.len ? "\n" : "",
				s->kills[i % KILLS_MAX].line);
	return lines.len ? xstrdup(buf_str(&lines)) : NULL;
}

size_t system_watch(struct link *link, int *fds, size_t max)
{
	const struct system *s = link->state;
	/* One that talks byte by byte is not woken up for each: it is read all the same,
	 * whenever something else happens and four times a second. */
	bool talks = now_ms() - s->console_ms < CONSOLE_REST_MS;
	const int all[] = {talks ? -1 : s->machine.console_fd, qmp_fd(s->qmp),
		s->machine.pid_fd, s->machine.words_fd};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(all) && n < max; i++)
		if (all[i] >= 0)
			fds[n++] = all[i];
	return n;
}

/* How QEMU says why a guest stopped, in words. */
static char *shutdown_words(const struct system *s)
{
	static const struct {
		const char *reason, *words;
	} table[] = {
		{"guest-reset", "the machine was reset from inside"},
		{"guest-shutdown", "the machine was switched off from inside"},
		{"guest-panic", "the kernel has panicked"},
		{"subsystem-reset", "the machine was reset from inside"},
		{"host-signal", "QEMU was told to end by a signal"},
		{"host-error", "QEMU ended after an error of this host"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (streq(s->shutdown, table[i].reason))
			return xstrdup(table[i].words);
	return xasprintf("QEMU ended (%s)", s->shutdown);
}

static char *end_words(const struct system *s, bool *by_guest)
{
	autofree char *words = NULL;

	if (s->fatal) {
		*by_guest = true;
		return xstrdup(s->fatal);
	}
	*by_guest = s->shutdown && s->by_guest;
	if (!s->shutdown && qmp_failure(s->qmp))
		return xasprintf("QEMU: %s", qmp_failure(s->qmp));
	words = s->shutdown ? shutdown_words(s) : machine_end_words(&s->machine);
	if (s->oops)
		return xasprintf("%s, after: %s", words, s->oops);
	return take_ptr(words);
}

static bool die(struct system *s, struct demise *demise, char *reason, bool by_guest)
{
	demise->reason = reason;
	demise->by_guest = by_guest;
	demise->console = console_excerpt(s->console, EXCERPT_LINES);
	return true;
}

/* Looks now and then at what the silence is made of. False when there is nothing new. */
static bool follow_silence(struct system *s, int64_t silence_ms)
{
	struct silence_sample now;
	int64_t step_ms = now_ms() - s->silence.last_ms;

	/* A debugger may have stopped it for as long as it likes. */
	if (s->config->gdb || silence_ms < SILENCE_LOOK_MS) {
		s->silence.last_ms = 0;
		return false;
	}
	if (s->silence.last_ms && step_ms < SILENCE_LOOK_MS)
		return false;
	silence_look(s->machine.pid, &now);
	if (s->silence.last_ms) {
		s->silence.fair_ms += silence_fair_ms(&s->silence.last, &now, step_ms);
	} else {
		s->silence.before = now;
		s->silence.fair_ms = SILENCE_LOOK_MS;
	}
	s->silence.last = now;
	s->silence.last_ms = now_ms();
	return true;
}

/* Why it is dead when it has been silent for so long; the caller's, NULL while it may
 * live. */
static char *judge_silence(struct system *s, int64_t silence_ms, bool *starved)
{
	struct silence facts;
	const char *why;

	if (!follow_silence(s, silence_ms))
		return NULL;
	facts = (struct silence){
		.silence_ms = silence_ms,
		.fair_ms = s->silence.fair_ms,
		.state = s->silence.last.state,
		.qemu_cpu_ms =
			s->silence.last.qemu_cpu_ms - s->silence.before.qemu_cpu_ms,
	};
	why = silence_judge(&facts, starved);
	return why ? xasprintf("the machine has not answered for %.1f s: %s",
			     (double)silence_ms / 1000, why)
		   : NULL;
}

bool system_check(struct link *link, int64_t silence_ms, struct demise *demise)
{
	struct system *s = link->state;
	bool by_guest = false;
	char *reason;

	system_listen(s);
	system_describe(s, link);
	if (s->answers && !s->told_open)
		link->opened = true;
	s->told_open = s->answers;
	if (machine_reap(&s->machine)) {
		link->pid = 0;
		system_listen(s);
		reason = end_words(s, &by_guest);
		return die(s, demise, reason, by_guest);
	}
	if (s->fatal && now_ms() - s->fatal_ms > LAST_WORDS_MS)
		return die(s, demise, xstrdup(s->fatal), true);
	if (qmp_failure(s->qmp))
		return die(s, demise, xasprintf("QEMU: %s", qmp_failure(s->qmp)), false);
	reason = judge_silence(s, silence_ms, &demise->by_host);
	if (!reason)
		return false;
	/* An oops that took the runner with it is the guest's own doing. One that was not
	 * given the CPU has seen stalls of its own that are none. */
	return die(s, demise, reason, s->oops && !demise->by_host);
}
