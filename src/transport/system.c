/* The place `system`: a machine of the target's architecture in QEMU, with the runner as
 * its first process. It boots once; from then on its saved states are gone on from. */
#include "transport/system.h"

#include "base/fs.h"
#include "base/hash.h"
#include "image/image.h"
#include "model/console.h"
#include "model/target.h"
#include "transport/accel.h"
#include "transport/machine.h"
#include "transport/qmp.h"
#include "transport/silence.h"
#include "transport/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATE_FORMAT = 1,
	EXCERPT_LINES = 40,
	CONSOLE_READS = 16,  /* a flood must not keep us from the rest */
	LAST_WORDS_MS = 400, /* from a panic to the end of its report */
	CALL_LIMIT_MS = 10000,
	SAVE_LIMIT_MS = 30000,
	QEMU_OWN_MIB = 64, /* beside the machine's memory */
};

/* The memory is a file already: only the devices travel. */
#define IGNORE_SHARED                                                                    \
	"{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":true}]}"

/* An open machine. */
struct system {
	const struct machine_config *config;
	char *program;
	bool kvm;
	struct machine machine;
	struct qmp *qmp;
	struct console *console;
	int log_fd;
	struct state_store *states; /* NULL: none are kept */
	char *restored;             /* key of the state it came from */
	char *note;

	/* What was learned of its end. */
	char *fatal, *oops; /* titles of findings */
	int64_t fatal_ms;
	char *shutdown; /* reason of QEMU's SHUTDOWN event */
	bool by_guest, ended;
	struct silence_sample before; /* the silence */
	int64_t before_ms;
};

static bool system_claims(const char *uri)
{
	return streq(uri, "system");
}

static uint64_t ram_bytes(const struct system *s)
{
	return (uint64_t)s->config->memory_mib << 20;
}

/* ---- what it says of itself */

static void on_finding(void *ctx, const struct console_finding *finding)
{
	struct system *s = ctx;

	if (finding->severity == CONSOLE_FATAL && !s->fatal) {
		s->fatal = xstrdup(finding->title);
		s->fatal_ms = now_ms();
	} else if (finding->severity == CONSOLE_OOPS) {
		free(s->oops);
		s->oops = xstrdup(finding->title);
	}
}

/* qapi/run-state.json of QEMU has the reasons. */
static void on_event(void *ctx, const char *event, const struct json *data)
{
	struct system *s = ctx;

	if (streq(event, "SHUTDOWN")) {
		free(s->shutdown);
		s->shutdown = xstrdup(json_find_string(data, "reason", "none"));
		s->by_guest = json_boolean(json_find(data, "guest"), false);
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
		console_feed(s->console, block, (size_t)n);
		/* A full disk must not end the tests. */
		if (s->log_fd >= 0 && fs_write_all(s->log_fd, block, (size_t)n) < 0)
			close(take_fd(s->log_fd));
	}
}

/* ---- opening */

static void free_system(struct system *s)
{
	machine_release(&s->machine);
	qmp_free(s->qmp);
	console_free(s->console);
	if (s->log_fd >= 0)
		close(s->log_fd);
	state_store_close(s->states);
	free(s->program);
	free(s->restored);
	free(s->note);
	free(s->fatal);
	free(s->oops);
	free(s->shutdown);
	free(s);
}

static char *find_qemu(const struct image_machine *m, struct err *e)
{
	autofree char *found = fs_find_program(m->qemu, NULL);

	if (!found)
		return err_null(e, ERR_SETUP, "%s is missing; install the package %s",
			m->qemu, m->package);
	return fs_real_path(found, e);
}

static int check_memory(const struct machine_config *c, struct err *e)
{
	uint64_t have = machine_host_memory_mib();

	if (have && have < (uint64_t)c->memory_mib + QEMU_OWN_MIB)
		return err_set(e, ERR_SETUP,
			"a machine for %s needs %u MiB of memory and %llu MiB are free "
			"here; end something, or run fewer machines at once",
			c->recipe->name, c->memory_mib + QEMU_OWN_MIB,
			(unsigned long long)have);
	return 0;
}

/* What a state of this machine at this level depends on. The caller's. */
static char *state_key(const struct system *s, enum link_level level)
{
	const struct qemu_options o = {.config = s->config, .kvm = s->kvm};
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *text = NULL;
	char hex[HASH_HEX_SIZE];
	struct stat st = {0};

	if (stat(s->program, &st) < 0)
		return NULL;
	strv_pushf(&words, "format %d", STATE_FORMAT);
	strv_pushf(&words, "%s %lld %lld.%09ld", s->program, (long long)st.st_size,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	qemu_shape(&o, &words);
	strv_push(&words, s->config->image->key);
	if (level == LINK_STAGED)
		strv_push(&words, s->config->content);
	text = strv_quote(&words);
	hash_memory(text, strlen(text), hex);
	return xstrdup(hex);
}

static bool level_is_kept(const struct system *s, enum link_level level)
{
	return s->states && level > LINK_FRESH &&
	       (level != LINK_STAGED || s->config->content);
}

/* Goes on from devices that arrive over `state_fd`. The answers are not waited for: the
 * machine runs, or its monitor says why not. */
static int send_restore(struct system *s, int state_fd, struct err *e)
{
	char from[64];

	snprintf(from, sizeof from, "{\"uri\":\"fd:%d\"}", state_fd);
	if (qmp_send(s->qmp, "migrate-set-capabilities", IGNORE_SHARED, -1, e) < 0)
		return -1;
	return qmp_send(s->qmp, "migrate-incoming", from, -1, e);
}

/* Starts QEMU; takes `ram_fd`. */
static int start(struct system *s, int ram_fd, bool shared, int state_fd, struct err *e)
{
	struct qemu_options o = {
		.config = s->config,
		.program = s->program,
		.kvm = s->kvm,
		.incoming = state_fd >= 0,
		.shared = shared,
	};

	if (machine_start(&s->machine, &o, ram_fd, state_fd, e) < 0)
		return -1;
	s->qmp = qmp_new(take_fd(s->machine.monitor_fd), on_event, s);
	return state_fd >= 0 ? send_restore(s, state_fd, e) : 0;
}

/* What is staged is not saved again: the machine may write over a private map of the
 * state's own file. What was only booted gets memory of its own, to be saved from. */
static int restore(struct system *s, enum link_level level, int state_fd, struct err *e)
{
	int ram_fd;

	if (level == LINK_STAGED) {
		ram_fd = fcntl(state_fd, F_DUPFD_CLOEXEC, 0);
		if (ram_fd < 0)
			return err_sys(e, errno, "use a saved state");
		return start(s, ram_fd, false, state_fd, e);
	}
	ram_fd = machine_new_ram(ram_bytes(s), e);
	if (ram_fd < 0)
		return -1;
	if (state_copy_ram(state_fd, ram_bytes(s), ram_fd, e) < 0) {
		close(ram_fd);
		return -1;
	}
	return start(s, ram_fd, true, state_fd, e);
}

/* LINK_FRESH when there is no good state to go on from. */
static enum link_level try_restore(struct system *s, enum link_level level)
{
	autofree char *key = level_is_kept(s, level) ? state_key(s, level) : NULL;
	autoclose int state_fd = -1;
	struct err e = {0};

	if (!key)
		return LINK_FRESH;
	switch (state_open(s->states, key, ram_bytes(s), &state_fd, &e)) {
	case STATE_NONE:
		return LINK_FRESH;
	case STATE_BAD:
		break;
	case STATE_GOOD:
		if (restore(s, level, state_fd, &e) == 0) {
			s->restored = take_ptr(key);
			return level;
		}
		machine_release(&s->machine);
		qmp_free(take_ptr(s->qmp));
		break;
	}
	free(s->note);
	s->note = xstrdup(e.msg);
	return LINK_FRESH;
}

static void open_states(struct system *s, const struct target *target)
{
	struct err e = {0};
	autofree char *cache = image_cache_dir(&e);
	autofree char *dir = cache ? fs_join(cache, "states") : NULL;

	s->kvm = cache && accel_has_kvm(target, cache);
	if (!s->config->snapshots)
		return;
	s->states = dir ? state_store_open(dir, &e) : NULL;
	if (!s->states)
		s->note = xasprintf("no state of a machine is kept: %s", e.msg);
}

static int bring_up(struct system *s, struct link *link, struct err *e)
{
	int ram_fd;

	link->level = try_restore(s, LINK_STAGED);
	if (link->level == LINK_FRESH)
		link->level = try_restore(s, LINK_BOOTED);
	if (link->level != LINK_FRESH)
		return 0;
	ram_fd = machine_new_ram(ram_bytes(s), e);
	if (ram_fd < 0)
		return -1;
	return start(s, ram_fd, true, -1, e);
}

static int system_open(
	const struct place_config *config, struct link *link, struct err *e)
{
	const struct machine_config *c = config->machine;
	struct system *s;

	if (!c)
		return err_set(e, ERR_SETUP, "no image of a machine for %s was made",
			config->target->name);
	s = xcalloc(1, sizeof *s);
	s->machine = (struct machine)MACHINE_INIT;
	s->config = c;
	s->log_fd = -1;
	s->program = find_qemu(&c->recipe->machine, e);
	if (!s->program || check_memory(c, e) < 0) {
		free_system(s);
		return -1;
	}
	if (c->log_path)
		s->log_fd = open(
			c->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	s->console = console_new(c->console, on_finding, s);
	open_states(s, config->target);
	if (bring_up(s, link, e) < 0) {
		free_system(s);
		return -1;
	}
	if (link->level != LINK_FRESH)
		console_mark(s->console);
	link->in_fd = link->out_fd = s->machine.port_fd;
	link->pid = s->machine.pid;
	link->detail =
		xasprintf("%s, %s", c->recipe->machine.qemu, s->kvm ? "KVM" : "TCG");
	link->note = s->note;
	link->state = s;
	return 0;
}

static void system_close(struct link *link, char **why)
{
	struct system *s = link->state;

	if (!s)
		return;
	/* Nothing in it is worth a farewell; what was, has been told. */
	if (machine_reap(&s->machine) && !s->shutdown)
		*why = machine_end_words(&s->machine);
	free_system(s);
	link->state = NULL;
	link->in_fd = link->out_fd = -1;
	link->pid = 0;
}

/* ---- signs of life */

static size_t system_watch(struct link *link, int *fds, size_t max)
{
	const struct system *s = link->state;
	const int all[] = {s->machine.console_fd, qmp_fd(s->qmp), s->machine.pid_fd,
		s->machine.words_fd};
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

/* Why it is dead when it has been silent for so long; the caller's, NULL while it may
 * live. */
static char *judge_silence(struct system *s, int64_t silence_ms)
{
	struct silence_sample now;
	struct silence facts;
	const char *why;

	if (silence_ms < SILENCE_LIMIT_MS / 6) {
		s->before_ms = 0;
		return NULL;
	}
	if (!s->before_ms) {
		silence_look(s->machine.pid, &s->before);
		s->before_ms = now_ms();
		return NULL;
	}
	if (silence_ms <= SILENCE_LIMIT_MS)
		return NULL;
	silence_look(s->machine.pid, &now);
	facts = (struct silence){
		.silence_ms = silence_ms,
		.state = now.state,
		.qemu_cpu_ms = now.qemu_cpu_ms - s->before.qemu_cpu_ms,
		.host_idle_ms = now.host_idle_ms - s->before.host_idle_ms,
	};
	why = silence_judge(&facts);
	return why ? xasprintf("the machine has not answered for %.1f s: %s",
			     (double)silence_ms / 1000, why)
		   : NULL;
}

static bool system_check(struct link *link, int64_t silence_ms, struct demise *demise)
{
	struct system *s = link->state;
	bool by_guest = false;
	char *reason;

	qmp_pump(s->qmp);
	machine_listen(&s->machine);
	read_console(s);
	if (machine_reap(&s->machine)) {
		link->pid = 0;
		qmp_pump(s->qmp);
		read_console(s);
		reason = end_words(s, &by_guest);
		return die(s, demise, reason, by_guest);
	}
	if (s->fatal && now_ms() - s->fatal_ms > LAST_WORDS_MS)
		return die(s, demise, xstrdup(s->fatal), true);
	if (qmp_failure(s->qmp))
		return die(s, demise, xasprintf("QEMU: %s", qmp_failure(s->qmp)), false);
	reason = judge_silence(s, silence_ms);
	if (!reason)
		return false;
	/* An oops that took the runner with it is the guest's own doing. */
	return die(s, demise, reason, s->oops != NULL);
}

/* ---- saving */

static int wait_migrated(struct system *s, struct err *e)
{
	int64_t deadline = now_ms() + SAVE_LIMIT_MS;

	for (;;) {
		struct json *info = NULL;
		autofree char *status = NULL, *words = NULL;

		if (qmp_call(s->qmp, "query-migrate", NULL, -1, CALL_LIMIT_MS, &info, e) <
			0)
			return -1;
		status = xstrdup(
			json_find_string(json_find(info, "return"), "status", "none"));
		words = xstrdup_null(
			json_find_string(json_find(info, "return"), "error-desc", NULL));
		json_free(info);
		if (streq(status, "completed"))
			return 0;
		if (streq(status, "failed") || streq(status, "cancelled"))
			return err_set(e, ERR_INFRA,
				"QEMU could not save the machine: %s",
				words ? words : status);
		if (now_ms() >= deadline)
			return err_set(e, ERR_INFRA,
				"QEMU has not saved the machine within %d s",
				SAVE_LIMIT_MS / 1000);
		poll(NULL, 0, 1);
	}
}

/* The migration itself stops the machine and leaves it so; told to stop before, it would
 * be stopped when it is restored, too. */
static int save_standing(struct system *s, int fd, uint64_t *sum, struct err *e)
{
	if (qmp_call(s->qmp, "getfd", "{\"fdname\":\"state\"}", fd, CALL_LIMIT_MS, NULL,
		    e) < 0 ||
		qmp_call(s->qmp, "migrate", "{\"uri\":\"fd:state\"}", -1, CALL_LIMIT_MS,
			NULL, e) < 0 ||
		wait_migrated(s, e) < 0)
		return -1;
	return state_add_ram(fd, ram_bytes(s), s->machine.ram_fd, sum, e);
}

static int save_as(
	struct system *s, enum link_level level, const char *key, struct err *e)
{
	autoclose int fd = state_begin(s->states, ram_bytes(s), e);
	autofree char *about = NULL;
	struct err ignored;
	uint64_t sum = 0;
	int status;

	if (fd < 0 || qmp_call(s->qmp, "migrate-set-capabilities", IGNORE_SHARED, -1,
			      CALL_LIMIT_MS, NULL, e) < 0)
		return -1;
	status = save_standing(s, fd, &sum, e);
	if (qmp_call(s->qmp, "cont", NULL, -1, CALL_LIMIT_MS, NULL,
		    status < 0 ? &ignored : e) < 0 ||
		status < 0)
		return -1;
	about = xasprintf("%s, %s, %u MiB\n", s->config->recipe->name,
		level == LINK_STAGED ? "staged" : "booted", s->config->memory_mib);
	return state_finish(s->states, key, fd, ram_bytes(s), sum, about, e);
}

static int system_save(struct link *link, enum link_level level, struct err *e)
{
	struct system *s = link->state;
	autofree char *key = level_is_kept(s, level) ? state_key(s, level) : NULL;

	if (!key || state_exists(s->states, key))
		return 0;
	return save_as(s, level, key, e);
}

static void system_distrust(struct link *link)
{
	struct system *s = link->state;

	if (s->restored)
		state_remove(s->states, s->restored);
}

/* ---- by hand */

char *system_command_line(const struct place_config *config, struct err *e)
{
	autofree char *program = find_qemu(&config->machine->recipe->machine, e);
	const struct qemu_options o = {
		.config = config->machine,
		.program = program,
		.ram_fd = -1,
		.port_fd = -1,
		.monitor_fd = -1,
		.console_fd = -1,
	};
	autorelease(strv) struct strv argv = STRV_INIT;

	if (!program)
		return NULL;
	qemu_argv(&o, &argv);
	return strv_quote(&argv);
}

const struct transport transport_system = {
	.name = "system",
	.help = "a machine of the target's architecture in QEMU, with a kernel of its "
		"own",
	.staged = true,
	.claims = system_claims,
	.open = system_open,
	.close = system_close,
	.watch = system_watch,
	.check = system_check,
	.save = system_save,
	.distrust = system_distrust,
};
