#include "runner/job.h"

#include "runner/board.h"
#include "runner/flow.h"
#include "runner/hold.h"
#include "runner/kin.h"
#include "runner/later.h"
#include "runner/limits.h"
#include "runner/pause.h"
#include "runner/signo.h"
#include "runner/spawn.h"
#include "runner/terminal.h"
#include "runner/tmpdir.h"
#include "runner/words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEAK_LOOK_MS 10
#define KILL_LOOK_MS 5
#define LEAK_NAMES_MAX 16

static int64_t now_ms(void)
{
	return runner_now_us() / 1000;
}

static struct job *find(struct runner *r, uint32_t id)
{
	for (size_t i = 0; i < WIRE_JOBS_MAX; i++)
		if (r->jobs[i].state != JOB_FREE && r->jobs[i].id == id &&
			!r->jobs[i].mute)
			return &r->jobs[i];
	return NULL;
}

static struct job *find_free(struct runner *r)
{
	for (size_t i = 0; i < WIRE_JOBS_MAX; i++)
		if (r->jobs[i].state == JOB_FREE)
			return &r->jobs[i];
	return NULL;
}

static void release(struct runner *r, struct job *j)
{
	flow_release(j);
	tmpdir_put(&r->tmpdirs, j->tmpdir);
	j->tmpdir = NULL;
	j->state = JOB_FREE;
}

/* ---- start */

static int make_tmpdir(
	struct runner *r, struct job *j, const struct wire_run *run, char **env)
{
	const char *at = NULL, *name;
	int err;

	if (!run->tmpdir_names.count && !run->tmpdir[0])
		return 0;
	err = tmpdir_take(&r->tmpdirs, run->tmpdir, &j->tmpdir);
	if (err < 0)
		return err;
	if (run->flags & WIRE_RUN_IDS && chown(j->tmpdir, run->uid, run->gid) < 0)
		return -errno;
	while ((name = msg_list_next(&run->tmpdir_names, &at)))
		words_set(env, name, j->tmpdir);
	return 0;
}

/* The three pipes: ours into the job, the job's into `stdio`. */
static int make_streams(struct job *j, const struct wire_run *run, int stdio[3])
{
	int fds[2];

	if (run->flags & WIRE_RUN_INHERIT)
		return 0;
	if (run->flags & WIRE_RUN_TTY)
		return terminal_open(j, run, stdio);
	if (run->flags & WIRE_RUN_INPUT) {
		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		stdio[0] = fds[0];
		j->input_fd = fds[1];
		fcntl(j->input_fd, F_SETFL, O_NONBLOCK);
	} else {
		stdio[0] = flow_open_nothing();
		if (stdio[0] < 0)
			return -errno;
	}
	for (int i = 0; i < 2; i++) {
		if (i == 1 && run->flags & WIRE_RUN_MERGE) {
			stdio[2] = fcntl(stdio[1], F_DUPFD_CLOEXEC, 0);
			return stdio[2] < 0 ? -errno : 0;
		}
		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		j->streams[i].fd = fds[0];
		stdio[i + 1] = fds[1];
		fcntl(fds[0], F_SETFL, O_NONBLOCK);
		/* So that /dev/stdout can be opened by the other user too. */
		if (run->flags & WIRE_RUN_IDS && fchown(fds[1], run->uid, run->gid) < 0)
			return -errno;
	}
	return 0;
}

static int say_failed(
	struct runner *r, uint32_t id, uint32_t step, int err, const char *what)
{
	char text[1024];
	struct wire_failed failed = {.step = step, .error = (uint32_t)-err, .text = text};

	snprintf(text, sizeof(text), "cannot %s %s: %s", spawn_step_name(step), what,
		strerror(-err));
	return link_send(&r->link, WIRE_FAILED, id, &failed);
}

static const char *failed_thing(
	uint32_t step, const struct wire_run *run, const struct spawn *s)
{
	if (step == WIRE_STEP_CHDIR)
		return run->cwd;
	if (step == WIRE_STEP_EXEC && s->program && access(s->argv[0], X_OK) == 0)
		return s->program;
	return s->argv[0];
}

static void set_job(
	struct runner *r, struct job *j, uint32_t id, const struct wire_run *run)
{
	int64_t now = now_ms();

	*j = (struct job){
		.state = JOB_RUNNING,
		.id = id,
		.own_group = !(run->flags & WIRE_RUN_INHERIT),
		.prompt = run->flags & (WIRE_RUN_TTY | WIRE_RUN_INPUT),
		.streams = {{.fd = -1}, {.fd = -1}},
		.input_fd = -1,
		.cage = {.groups_fd = r->cages_fd,
			.slot = (size_t)(j - r->jobs),
			.timed = run->cpu_ms},
		.output_bytes = run->output_bytes,
		.tail_bytes = run->tail_bytes < RUNNER_TAIL_MAX ? run->tail_bytes
								: RUNNER_TAIL_MAX,
		.wall_ms = run->wall_ms,
		.idle_ms = run->idle_ms,
		.cpu_ms = run->cpu_ms,
		.grace_ms = run->grace_ms,
		.leak_ms = run->leak_ms,
		.notice_ms = run->notice_ms,
		.heard_ms = now,
		.cpu_due_ms = now + LIMITS_LOOK_MS,
	};
	/* Counts down: a limit may always be lowered. */
	if (r->mark_base)
		j->cage.mark = r->mark_base - 1 - r->mark_next++ % (r->mark_base / 2);
}

static int start(struct runner *r, struct job *j, const struct wire_run *run,
	struct spawn *s, uint32_t *step)
{
	struct wire_started started = {0};
	int err;

	*step = WIRE_STEP_TMPDIR;
	err = make_tmpdir(r, j, run, (char **)(uintptr_t)s->env);
	if (err < 0)
		return err;
	*step = WIRE_STEP_STREAMS;
	err = make_streams(j, run, s->stdio);
	if (err < 0)
		return err;
	s->cage_fd = cage_open(&j->cage);
	j->start_us = runner_now_us();
	err = spawn_start(s, &j->pid, step);
	runner_close(&s->cage_fd);
	if (err < 0)
		return err;
	if (s->hold)
		hold_catch(j->pid, &started.entry);
	started.pid = (uint32_t)j->pid;
	started.tmpdir = j->tmpdir;
	return s->hold ? link_send(&r->link, WIRE_STARTED, j->id, &started)
		       : later_send(r, WIRE_STARTED, j->id, &started);
}

static int try_run(
	struct runner *r, struct job *j, const struct wire_run *run, struct spawn *s)
{
	uint32_t step, id = j->id;
	int err = start(r, j, run, s, &step);

	for (int i = 0; i < 3; i++)
		runner_close(&s->stdio[i]);
	if (err == 0)
		return 0;
	err = say_failed(r, id, step, err, failed_thing(step, run, s));
	release(r, j);
	return err;
}

int job_run(struct runner *r, uint32_t id, const struct wire_run *run)
{
	struct spawn s = {
		.cwd = run->cwd,
		.stdio = {-1, -1, -1},
		.new_session = !(run->flags & WIRE_RUN_INHERIT),
		.die_with_us = true,
		.watched = run->notice_ms,
		.mounts_fd = r->mounts_fd,
		.cage_fd = -1,
		.terminal = run->flags & WIRE_RUN_TTY,
		.hold = run->flags & WIRE_RUN_HOLD,
		.rlimits = run->rlimits,
		.set_ids = run->flags & WIRE_RUN_IDS,
		.uid = run->uid,
		.gid = run->gid,
	};
	struct job *j = find_free(r);
	char **argv, **env;
	int err;

	if (link_room(&r->link) < 8192)
		return -ENOBUFS;
	if (!id || !run->argv.count || find(r, id))
		return say_failed(r, id, WIRE_STEP_REQUEST, -EINVAL,
			"of a job that already runs or has no command");
	if (!j)
		return say_failed(
			r, id, WIRE_STEP_REQUEST, -EAGAIN, "of one more job at once");
	set_job(r, j, id, run);
	argv = words_join(&run->prefix, &run->argv, 0);
	env = words_join(&run->env, &(struct wire_list){0}, run->tmpdir_names.count);
	s.argv = argv;
	s.env = env;
	s.mark = j->cage.mark;
	s.program = argv && run->prefix.count ? argv[run->prefix.count] : NULL;
	if (argv && env)
		err = try_run(r, j, run, &s);
	else
		err = say_failed(r, id, WIRE_STEP_REQUEST, -ENOMEM, "of that size");
	if (!argv || !env)
		release(r, j);
	words_free(argv);
	words_free(env);
	return err;
}

/* ---- signals and input */

void job_kill(struct runner *r, uint32_t id, const struct wire_kill *k)
{
	struct job *j = find(r, id);
	int signal = signo_native(k->signal);

	if (j && !k->signal)
		limits_end_notice(j, now_ms());
	if (!j || !signal)
		return;
	limits_signal(j, signal);
	pause_heed(j, signal);
	if (signal == SIGCONT || signal == SIGSTOP)
		return;
	j->killed_by_host = k->signal;
	j->strike_due_ms = 0;
	/* SIGKILL is meant for all of it. */
	if (signal == SIGKILL)
		cage_kill(&j->cage);
	if (k->grace_ms)
		j->kill_due_ms = now_ms() + k->grace_ms;
}

int job_input(struct runner *r, uint32_t id, const struct wire_input *input)
{
	struct job *j = find(r, id);

	if (!j || j->input_fd < 0)
		return 0;
	terminal_resize(j->input_fd, input->rows, input->columns);
	if (j->input_len + input->data.len > RUNNER_INPUT_MAX)
		return -ENOBUFS;
	if (!j->input)
		j->input = malloc(RUNNER_INPUT_MAX);
	if (!j->input)
		return -ENOBUFS;
	if (input->data.len)
		memcpy(j->input + j->input_len, input->data.data, input->data.len);
	j->input_len += input->data.len;
	j->input_eof = input->eof;
	flow_feed(j);
	return 0;
}

void job_kill_all(struct runner *r, bool mute)
{
	for (size_t i = 0; i < WIRE_JOBS_MAX; i++) {
		struct job *j = &r->jobs[i];

		if (j->state == JOB_FREE)
			continue;
		j->mute |= mute;
		j->leak_ms = 0;
		j->leak_due_ms = 0;
		limits_kill(j);
	}
}

size_t job_count(const struct runner *r)
{
	size_t count = 0;

	for (size_t i = 0; i < WIRE_JOBS_MAX; i++)
		count += r->jobs[i].state != JOB_FREE;
	return count;
}

/* ---- end */

static bool only_jobs_are_children(struct runner *r)
{
	pid_t known[WIRE_JOBS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < WIRE_JOBS_MAX; i++)
		if (r->jobs[i].state == JOB_RUNNING)
			known[count++] = r->jobs[i].pid;
	return !kin_has_others(known, count);
}

bool job_reaped(struct runner *r, pid_t pid, int status, const struct rusage *usage)
{
	int64_t now = now_ms();

	for (size_t i = 0; i < WIRE_JOBS_MAX; i++) {
		struct job *j = &r->jobs[i];

		if (j->state != JOB_RUNNING || j->pid != pid)
			continue;
		j->state = JOB_LINGERING;
		j->end_us = runner_now_us();
		j->status = status;
		j->usage = *usage;
		j->scan_due_ms = now;
		j->leak_due_ms = now + (j->timeout || j->killed_by_host ? 0 : j->leak_ms);
		return true;
	}
	return false;
}

static void note_leak(void *ctx, pid_t pid)
{
	struct job *j = ctx;
	size_t room = sizeof(j->leak_names) - j->leak_names_len;
	char name[64];

	j->leaked++;
	if (j->leak_names_count == LEAK_NAMES_MAX)
		return;
	kin_name(pid, name, sizeof(name));
	if (!name[0] || strlen(name) >= room)
		return;
	memcpy(j->leak_names + j->leak_names_len, name, strlen(name) + 1);
	j->leak_names_len += (uint32_t)strlen(name) + 1;
	j->leak_names_count++;
}

static uint64_t time_us(const struct timeval *t)
{
	return (uint64_t)t->tv_sec * 1000000 + (uint64_t)t->tv_usec;
}

static void set_code(const struct job *j, struct wire_exited *e)
{
	bool signaled = WIFSIGNALED(j->status);

	e->kind = signaled ? WIRE_END_SIGNAL : WIRE_END_EXIT;
	e->code = signaled ? signo_x86(WTERMSIG(j->status))
			   : (uint32_t)WEXITSTATUS(j->status);
	e->core = signaled && WCOREDUMP(j->status);
	if (j->timeout) {
		e->kind = j->timeout;
		e->code += signaled ? 256 : 0;
	}
}

static int say_exited(struct runner *r, struct job *j)
{
	struct wire_exited e = {
		.wall_us = (uint64_t)(j->end_us - j->start_us),
		.user_us = time_us(&j->usage.ru_utime),
		.system_us = time_us(&j->usage.ru_stime),
		.max_rss_kib = (uint64_t)j->usage.ru_maxrss,
		.leaked = j->leaked,
		.leak_names = {.data = j->leak_names,
			.len = j->leak_names_len,
			.count = j->leak_names_count},
		.dropped_out_bytes = j->streams[0].dropped_bytes,
		.dropped_err_bytes = j->streams[1].dropped_bytes,
		.killed_by_host = j->killed_by_host,
	};
	int err;

	if (j->mute)
		return 0;
	err = flow_finish(r, j);
	if (err < 0)
		return err;
	e.dropped_out_bytes = j->streams[0].dropped_bytes;
	e.dropped_err_bytes = j->streams[1].dropped_bytes;
	set_code(j, &e);
	err = link_send(&r->link, WIRE_EXITED, j->id, &e);
	if (!err)
		board_keep(r, j->id, &e);
	return err;
}

/* Takes what is still in the pipes; a bounded number of reads, for what was left behind
 * may write on for ever. True when they are empty. */
static bool drain(struct runner *r, struct job *j)
{
	bool empty = true;

	for (int i = 0; i < 2; i++) {
		int n = 1;

		for (int reads = 0; n > 0 && reads < 64; reads++)
			n = flow_read(r, j, i);
		empty &= n == 0 || n == -EAGAIN;
	}
	return empty || j->mute;
}

/* The job's own process has ended: wait for what it left behind, then report and kill
 * that. */
static void settle(struct runner *r, struct job *j, int64_t now)
{
	bool alone, drained;

	if (j->state == JOB_ENDED || now < j->scan_due_ms)
		return;
	drained = drain(r, j);
	alone = (r->adopts && only_jobs_are_children(r)) || cage_is_empty(&j->cage);
	if (alone) {
		j->state = drained ? JOB_ENDED : j->state;
		j->scan_due_ms = now_ms() + KILL_LOOK_MS;
		return;
	}
	if (j->state == JOB_LINGERING && now >= j->leak_due_ms) {
		/* What dies with a job that was killed is no leak. */
		if (!j->timeout && !j->killed_by_host && !r->closing)
			cage_each(&j->cage, note_leak, j);
		j->state = JOB_KILLING;
	}
	if (j->state == JOB_KILLING)
		cage_kill(&j->cage);
	/* In a machine we run before all others: they need the time to die, however long
	 * a look takes. */
	j->scan_due_ms =
		now_ms() + (j->state == JOB_KILLING ? KILL_LOOK_MS : LEAK_LOOK_MS);
}

int64_t job_tick(struct runner *r)
{
	int64_t now = now_ms(), wait = -1;

	for (size_t i = 0; i < WIRE_JOBS_MAX; i++) {
		struct job *j = &r->jobs[i];

		if (j->state == JOB_FREE)
			continue;
		if (j->state == JOB_RUNNING && !j->paused_ms)
			limits_check(r, j, now);
		else if (j->state != JOB_RUNNING)
			settle(r, j, now);
		if (j->state == JOB_ENDED && say_exited(r, j) == 0)
			release(r, j);
		if (j->state == JOB_LINGERING || j->state == JOB_KILLING)
			limits_sooner(&wait, j->scan_due_ms, now);
		else if (j->state == JOB_RUNNING)
			limits_plan(j, now, &wait);
	}
	return wait;
}

/* ---- polling */

size_t job_poll(struct runner *r, struct pollfd *fds, struct job_poll *from, size_t max)
{
	bool room = flow_has_room(r);
	size_t n = 0, first = r->turn++;

	for (size_t k = 0; k < WIRE_JOBS_MAX && n + 3 <= max; k++) {
		struct job *j = &r->jobs[(first + k) % WIRE_JOBS_MAX];

		if (j->state == JOB_FREE)
			continue;
		for (int i = 0; i < 2; i++) {
			if (j->streams[i].fd < 0 || !room)
				continue;
			fds[n] =
				(struct pollfd){.fd = j->streams[i].fd, .events = POLLIN};
			from[n++] = (struct job_poll){j, i};
		}
		if (j->input_fd >= 0 && (j->input_len || j->input_eof)) {
			fds[n] = (struct pollfd){.fd = j->input_fd, .events = POLLOUT};
			from[n++] = (struct job_poll){j, 2};
		}
	}
	return n;
}

void job_polled(struct runner *r, const struct job_poll *from, short revents)
{
	if (!revents)
		return;
	if (from->stream == 2)
		flow_feed(from->job);
	else
		flow_read(r, from->job, from->stream);
}
