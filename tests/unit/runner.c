/* The runner's loop in a child process, spoken to with frames alone, so that it runs on
 * every architecture. */
#include "runner/serve.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static struct link host;
static struct frame_reader reader;
static int fd = -1;
static pid_t server;

/* What has been heard of the one job that runs. */
static struct {
	int started, failed, exited, other;
	struct wire_failed fail;
	struct wire_exited end;
	char out[65536], names[512], text[256], tmpdir[256];
	size_t out_len;
	unsigned long long err_bytes;
	int entered;
	uint64_t entry;
	int struck;
	bool seen_enough; /* to be answered at once */
	uint32_t limit;
} heard;
static char kept_tmpdir[256];

/* The two signals that glibc keeps for its threads. A program that glibc's posix_spawn()
 * has started, as make's are, finds them ignored, and no sigaction() changes that. */
#define LIBC_SIGNALS (3ull << 31)

static void ignore_as_make_does(void)
{
	static const struct {
#ifdef __mips__
		unsigned int flags;
#endif
		void (*handler)(int);
		unsigned long rest[6];
	} ignored = {.handler = SIG_IGN};

	for (int i = 32; i <= 33; i++)
		syscall(SYS_rt_sigaction, i, &ignored, NULL, (size_t)NSIG / 8);
}

static void start_runner(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		exit(99);
	server = fork();
	if (server == 0) {
		struct serve_options options = {.in_fd = pair[1],
			.out_fd = pair[1],
			.mounts_fd = -1,
			.cages_fd = -1};

		close(pair[0]);
		signal(SIGHUP, SIG_IGN);
		ignore_as_make_does();
		if (geteuid() == 0 && setgroups(2, (const gid_t[]){0, 27}) < 0)
			exit(98);
		exit(serve(&options));
	}
	close(pair[1]);
	fd = pair[0];
	memset(&reader, 0, sizeof(reader));
	link_init_growing(&host);
}

static void flush_link(void)
{
	const uint8_t *data;
	size_t len;
	ssize_t n;

	while ((data = link_output(&host, &len))) {
		n = write(fd, data, len);
		if (n <= 0)
			return;
		link_wrote(&host, (size_t)n);
	}
}

static void keep_output(const struct wire_output *o)
{
	size_t n = o->data.len, room = sizeof(heard.out) - 1 - heard.out_len;

	if (o->stream == 2)
		heard.err_bytes += n;
	n = n < room ? n : room;
	memcpy(heard.out + heard.out_len, o->data.data, n);
	heard.out_len += n;
}

static void hear(const struct wire_header *h, const uint8_t *body)
{
	union {
		struct wire_output output;
		struct wire_started started;
		struct wire_struck struck;
		char room[512];
	} u;

	if (h->sequence && !link_is_next(&host, h->sequence)) {
		heard.other++;
		return;
	}
	if (h->sequence)
		link_take(&host);
	switch (h->type) {
	case WIRE_STARTED:
		heard.started++;
		msg_decode(msg_find(h->type), body, h->length, &u);
		heard.entry = u.started.entry;
		snprintf(heard.tmpdir, sizeof(heard.tmpdir), "%s", u.started.tmpdir);
		break;
	case WIRE_OUTPUT:
		msg_decode(msg_find(h->type), body, h->length, &u);
		keep_output(&u.output);
		break;
	case WIRE_STRUCK:
		heard.struck++;
		msg_decode(msg_find(h->type), body, h->length, &u);
		heard.limit = u.struck.kind;
		if (heard.seen_enough)
			link_send(&host, WIRE_KILL, h->job, &(struct wire_kill){0, 0});
		break;
	case WIRE_FAILED:
		heard.failed++;
		msg_decode(msg_find(h->type), body, h->length, &heard.fail);
		snprintf(heard.text, sizeof(heard.text), "%s", heard.fail.text);
		break;
	case WIRE_EXITED:
		heard.exited++;
		msg_decode(msg_find(h->type), body, h->length, &heard.end);
		snprintf(heard.names, sizeof(heard.names), "%s",
			heard.end.leak_names.count ? heard.end.leak_names.data : "");
		break;
	}
	link_say_sequence(&host, WIRE_ACK, host.seen);
}

/* Reads for at most `ms`. False at the end of the stream. */
static bool listen_for(int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct wire_header h;
	const uint8_t *body;
	size_t room;
	uint8_t *to;
	ssize_t n;

	flush_link();
	if (poll(&p, 1, ms) <= 0)
		return true;
	to = frame_reader_room(&reader, &room);
	n = read(fd, to, room);
	if (n <= 0)
		return false;
	frame_reader_add(&reader, (size_t)n);
	while (frame_reader_next(&reader, &h, &body))
		hear(&h, body);
	flush_link();
	return true;
}

static void run_job(uint32_t id, struct wire_run *run)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "A=1", NULL};
	bool seen_enough = heard.seen_enough;
	int64_t until = runner_now_us() + 60 * 1000000ll;

	memset(&heard, 0, sizeof(heard));
	heard.seen_enough = seen_enough;
	if (!run->env.v)
		run->env.v = env;
	link_send(&host, WIRE_RUN, id, run);
	while (!heard.failed && !heard.exited && runner_now_us() < until &&
		listen_for(1000))
		continue;
}

struct fate {
	const char *name, *script;
	struct wire_run run;
	uint32_t kind, code, leaked;
	const char *out;
};

static const struct fate fates[] = {
	{"exit 0", "echo hello; echo world >&2; exit 0", {.flags = WIRE_RUN_MERGE},
		WIRE_END_EXIT, 0, 0, "hello\nworld\n"},
	{"exit 77", "exit 77", {0}, WIRE_END_EXIT, 77, 0, ""},
	{"signal", "kill -SEGV $$", {0}, WIRE_END_SIGNAL, 11, 0, ""},
	{"the environment is the one given", "echo $A-$HOME-$B", {0}, WIRE_END_EXIT, 0, 0,
		"1--\n"},
	{"signals ignored outside are not ignored", "kill -HUP $$", {0}, WIRE_END_SIGNAL,
		1, 0, ""},
	{"standard input is empty", "cat; echo end", {0}, WIRE_END_EXIT, 0, 0, "end\n"},
	{"its directory", "pwd", {.cwd = "/usr"}, WIRE_END_EXIT, 0, 0, "/usr\n"},
	{"wall time-out", "echo a; exec sleep 30", {.wall_ms = 200, .grace_ms = 2000},
		WIRE_END_WALL, 256 + 15, 0, "a\n"},
	{"wall time-out, ignores TERM",
		"exec 2>/dev/null; trap '' TERM; while :; do sleep 0.1; done",
		{.wall_ms = 200, .grace_ms = 300}, WIRE_END_WALL, 256 + 9, 0, ""},
	{"wall time-out, ends by itself in its grace",
		"exec 2>/dev/null; trap 'exit 3' TERM; while :; do sleep 0.1; done",
		{.wall_ms = 300, .grace_ms = 5000}, WIRE_END_WALL, 3, 0, ""},
	{"idle time-out", "for i in 1 2 3 4; do echo $i; sleep 0.2; done; exec sleep 30",
		{.idle_ms = 600}, WIRE_END_IDLE, 256 + 9, 0, "1\n2\n3\n4\n"},
	{"processor time-out, of a child", "(while :; do :; done)& wait", {.cpu_ms = 300},
		WIRE_END_CPU, 256 + 9, 0, ""},
	{"leaves a child", "sleep 30 >/dev/null 2>&1 & echo left", {.leak_ms = 100},
		WIRE_END_EXIT, 0, 1, "left\n"},
	{"leaves a child with its streams open", "sleep 30 & echo left", {.leak_ms = 100},
		WIRE_END_EXIT, 0, 1, "left\n"},
	{"leaves a daemon",
		"env -i setsid /bin/sh -c 'exec <&- >&- 2>&-; sleep 30; :' & sleep 0.3",
		{.leak_ms = 100}, WIRE_END_EXIT, 0, 2, ""},
	{"leaves a child that ends in time", "sleep 0.1 >/dev/null 2>&1 & :",
		{.leak_ms = 5000}, WIRE_END_EXIT, 0, 0, ""},
	{"closes its streams and goes on", "exec >&- 2>&-; sleep 0.2; exit 5", {0},
		WIRE_END_EXIT, 5, 0, ""},
	{"head and tail",
		"i=0; while [ $i -lt 100 ]; do echo 123456789; i=$((i+1)); done; echo "
		"the end",
		{.output_bytes = 20, .tail_bytes = 12}, WIRE_END_EXIT, 0, 0,
		"123456789\n123456789\n789\nthe end\n"},
};

static void test_fates(void)
{
	static uint32_t id = 100;

	for (size_t i = 0; i < sizeof(fates) / sizeof(fates[0]); i++) {
		const struct fate *f = &fates[i];
		const char *const argv[] = {"/bin/sh", "-c", f->script, NULL};
		struct wire_run run = f->run;

		run.argv.v = argv;
		run_job(id++, &run);
		if (!ok(heard.exited == 1 && heard.started == 1 &&
				    heard.end.kind == f->kind &&
				    heard.end.code == f->code &&
				    heard.end.leaked >= f->leaked &&
				    !heard.end.leaked == !f->leaked,
			    "%s", f->name))
			printf("# exited %d, failed %d %s, kind %u, code %u, leaked %u "
			       "%s\n",
				heard.exited, heard.failed, heard.text, heard.end.kind,
				heard.end.code, heard.end.leaked, heard.names);
		is_str(heard.out, f->out, "and its output");
	}
}

/* What a limit has struck goes on until its notice is over, or the host has seen enough
 * of it, which is no end by the host. */
static void test_notice(void)
{
	static const struct {
		const char *name, *script;
		struct wire_run run;
		bool seen_enough;
		uint32_t kind, code;
		const char *out;
	} table[] = {
		{"a notice that nobody ends",
			"exec 2>/dev/null; trap 'echo told; exit 3' TERM; while :; do "
			"sleep 0.1; done",
			{.wall_ms = 100, .notice_ms = 300, .grace_ms = 9000}, false,
			WIRE_END_WALL, 3, "told\n"},
		{"the host has seen enough", "exec sleep 50",
			{.idle_ms = 100, .notice_ms = 50000, .grace_ms = 9000}, true,
			WIRE_END_IDLE, 256 + 15, ""},
		{"without a grace", "while :; do :; done",
			{.cpu_ms = 100, .notice_ms = 50000}, true, WIRE_END_CPU, 256 + 9,
			""},
		{"it ends by itself meanwhile", "sleep 0.5; exit 4",
			{.wall_ms = 100, .notice_ms = 50000}, false, WIRE_END_WALL, 4,
			""},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *const argv[] = {"/bin/sh", "-c", table[i].script, NULL};
		struct wire_run run = table[i].run;

		run.argv.v = argv;
		heard.seen_enough = table[i].seen_enough;
		run_job(500 + (uint32_t)i, &run);
		if (!ok(heard.struck == 1 && heard.limit == table[i].kind &&
				    heard.exited == 1 &&
				    heard.end.kind == table[i].kind &&
				    heard.end.code == table[i].code &&
				    !heard.end.killed_by_host,
			    "%s", table[i].name))
			printf("# struck %d by %u, kind %u, code %u, killed %u\n",
				heard.struck, heard.limit, heard.end.kind, heard.end.code,
				heard.end.killed_by_host);
		is_str(heard.out, table[i].out, "and its output");
	}
	heard.seen_enough = false;
}

static void test_signals(void)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "grep -E '^Sig(Blk|Ign):' /proc/self/status", NULL};
	struct wire_run run = {.argv = {.v = argv}};
	unsigned long long blocked = 0, ignored = 0;
	int n;

	run_job(190, &run);
	n = sscanf(heard.out, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored);
	if (!ok(n == 2 && !blocked && !(ignored & ~LIBC_SIGNALS),
		    "no signal is blocked or ignored"))
		printf("# %d read, blocked %llx, ignored %llx\n", n, blocked, ignored);
	if (getenv("RUN_FOREIGN_EMULATOR"))
		skip("nor are the C library's own",
			"the emulator gives its guest no number for signal 32 of this "
			"machine");
	else if (!ok(!(ignored & LIBC_SIGNALS), "nor are the C library's own"))
		printf("# ignored %llx\n", ignored);
}

static void test_failed(void)
{
	static const struct {
		const char *name, *argv[3], *prefix[2], *cwd;
		uint32_t step;
	} table[] = {
		{"a program that is not there", {"/nowhere/at/all"}, {0}, "",
			WIRE_STEP_EXEC},
		{"a program that is not in PATH", {"no-such-program"}, {0}, "",
			WIRE_STEP_EXEC},
		{"a program that may not be executed", {"/etc/passwd"}, {0}, "",
			WIRE_STEP_EXEC},
		{"a directory that is not there", {"/bin/true"}, {0}, "/nowhere",
			WIRE_STEP_CHDIR},
		{"behind an emulator, a program that is not there", {"/nowhere/at/all"},
			{"/usr/bin/env"}, "", WIRE_STEP_EXEC},
		{"an emulator that is not there", {"/bin/true"}, {"/nowhere/emulator"},
			"", WIRE_STEP_EXEC},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct wire_run run = {.argv = {.v = table[i].argv},
			.prefix = {.v = table[i].prefix},
			.cwd = table[i].cwd};

		run_job(200 + (uint32_t)i, &run);
		if (!ok(heard.failed == 1 && !heard.exited && !heard.started &&
				    heard.fail.step == table[i].step,
			    "%s could not be started", table[i].name))
			printf("# exited %d code %u, step %u: %s\n", heard.exited,
				heard.end.code, heard.fail.step, heard.text);
	}
}

/* Each job in turn: what it does to its directory, and whether that is there
 * afterwards. */
static void test_tmpdir(void)
{
	static const struct {
		const char *name, *script;
		bool kept;
	} table[] = {
		{"that is full", "mkdir -p $T/a/b; echo >$T/a/file; chmod 0 $T/a", false},
		{"that was left empty", ":", true},
		{"that is open to all", "chmod 777 $T", false},
		{"that is a link", "rmdir $T; ln -s /usr $T", false},
		{"that is gone", "rmdir $T", false},
		{"that was emptied", "echo >$T/.file; rm $T/.file", true},
	};
	static const char *const names[] = {"TMPDIR", "T", NULL};
	struct stat st;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char script[512];
		const char *const argv[] = {"/bin/sh", "-c", script, NULL};
		struct wire_run run = {.argv = {.v = argv}, .tmpdir_names = {.v = names}};

		snprintf(script, sizeof(script),
			"echo $TMPDIR $(stat -c %%a $T) $(ls -A $T | wc -l); %s",
			table[i].script);
		run_job(300 + (uint32_t)i, &run);
		snprintf(script, sizeof(script), "%s 700 0\n", heard.tmpdir);
		is_str(heard.out, script, "an empty directory of its own");
		ok(heard.tmpdir[0] == '/' && !lstat(heard.tmpdir, &st) == table[i].kept,
			"one %s is %s", table[i].name,
			table[i].kept ? "kept for the next job" : "removed");
	}
	snprintf(kept_tmpdir, sizeof(kept_tmpdir), "%s", heard.tmpdir);
}

/* Another user: no group of ours stays, and the directory is that user's. */
static void test_ids(void)
{
	static const char *const argv[] = {"/bin/sh", "-c",
		"id -u; id -G; stat -c '%u %g %a' $T; touch $T/file && echo hi "
		">/dev/stdout; "
		"grep CapEff /proc/self/status",
		NULL};
	static const char *const names[] = {"T", NULL};
	struct wire_run run = {.flags = WIRE_RUN_IDS,
		.argv = {.v = argv},
		.tmpdir_names = {.v = names},
		.uid = 1234,
		.gid = 4321};

	run_job(340, &run);
	if (geteuid() != 0) {
		ok(heard.failed && heard.fail.error == EPERM,
			"only root may become another user: %s", heard.text);
		skip("a job of another user", "needs root");
		return;
	}
	is_str(heard.out, "1234\n4321\n1234 4321 700\nhi\nCapEff:\t0000000000000000\n",
		"a job of another user");
	ok(heard.tmpdir[0] && access(heard.tmpdir, F_OK) < 0,
		"and its directory goes with it");
}

static pid_t start_stranger(rlim_t mark)
{
	struct rlimit limit = {mark, mark};
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_LOCKS, &limit);
		for (;;)
			pause();
	}
	return pid;
}

/* Two runners at work on one machine may come to mark their jobs alike. */
static void test_strangers(void)
{
	static const char *const argv[] = {"/bin/sh", "-c",
		"sed -n 's/^Max file locks *\\([0-9]*\\).*/\\1/p' /proc/self/limits; "
		"sleep 30 &",
		NULL};
	struct wire_run run = {.argv = {.v = argv}};
	unsigned long mark;
	pid_t stranger;

	run_job(350, &run);
	mark = strtoul(heard.out, NULL, 10);
	if (!mark || prctl(PR_SET_CHILD_SUBREAPER, 0) < 0) {
		skip("a process of another with the same mark",
			"this kernel or emulator marks no processes, or adopts no "
			"orphans");
		return;
	}
	stranger = start_stranger(mark - 1);
	run_job(351, &run);
	is_int((long long)strtoul(heard.out, NULL, 10), (long long)mark - 1,
		"marks count down");
	is_int(heard.end.leaked, 1, "a leak is found by its mark");
	ok(kill(stranger, 0) == 0 && waitpid(stranger, NULL, WNOHANG) == 0,
		"and the process of another with that mark is left alone");
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
}

static void test_kill(void)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "echo up; exec sleep 30", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	struct wire_run run = {.argv = {.v = argv}, .env = {.v = env}};
	struct wire_kill k = {15, 0};

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 400, &run);
	while (!heard.out_len && listen_for(1000))
		continue;
	link_send(&host, WIRE_KILL, 399, &k);
	link_send(&host, WIRE_KILL, 400, &k);
	while (!heard.exited && listen_for(1000))
		continue;
	ok(heard.end.kind == WIRE_END_SIGNAL && heard.end.code == 15 &&
			heard.end.killed_by_host == 15,
		"killed by the host");
}

static void test_input(void)
{
	static const char *const argv[] = {"/bin/cat", NULL};
	static const char *const env[] = {NULL};
	struct wire_run run = {
		.flags = WIRE_RUN_INPUT, .argv = {.v = argv}, .env = {.v = env}};
	struct wire_input input = {.data = {(const uint8_t *)"some words\n", 11}};

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 450, &run);
	link_send(&host, WIRE_INPUT, 450, &input);
	input.eof = 1;
	link_send(&host, WIRE_INPUT, 450, &input);
	while (!heard.exited && listen_for(1000))
		continue;
	is_str(heard.out, "some words\nsome words\n", "standard input from the host");
}

static void test_terminal(void)
{
	static const char *const argv[] = {"/bin/sh", "-c",
		"test -t 2 && read word && stty size && echo $word", NULL};
	static const char *const env[] = {"PATH=/bin:/usr/bin", NULL};
	struct wire_run run = {.flags = WIRE_RUN_TTY,
		.argv = {.v = argv},
		.env = {.v = env},
		.rows = 33,
		.columns = 101};
	struct wire_input input = {
		.data = {(const uint8_t *)"typed\r", 6}, .rows = 44, .columns = 120};

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 460, &run);
	link_send(&host, WIRE_INPUT, 460, &input);
	while (!heard.exited && listen_for(1000))
		continue;
	is_str(heard.out, "typed\r\n44 120\r\ntyped\r\n", "a terminal and its size");
}

/* An emulator of programs traces none. */
static bool can_trace(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static void test_hold(void)
{
	static const char *const argv[] = {"/bin/echo", "on", NULL};
	struct wire_run run = {.flags = WIRE_RUN_HOLD, .argv = {.v = argv}};
	struct wire_kill k = {18, 0};

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 470, &run);
	for (int i = 0; i < 3; i++)
		listen_for(100);
	if (can_trace())
		ok(heard.entry && !heard.out_len && !heard.exited,
			"a held program stands at its entry point");
	else
		skip("a held program stands at its entry point",
			"this emulator traces no programs");
	link_send(&host, WIRE_KILL, 470, &k);
	while (!heard.exited && listen_for(1000))
		continue;
	is_str(heard.out, "on\n", "and goes on when it is let go");
	ok(heard.end.kind == WIRE_END_EXIT && !heard.end.killed_by_host,
		"which is nothing that has killed it");
}

/* The time in which it stands still does not count, and no signal has killed it. */
static void test_pause(void)
{
	static const char *const argv[] = {
		"/bin/sh", "-c", "echo up; sleep 0.1; echo on", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	struct wire_run run = {
		.argv = {.v = argv}, .env = {.v = env}, .wall_ms = 6000, .idle_ms = 6000};
	struct wire_kill stop = {19, 0}, go_on = {18, 0};
	int64_t until;

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 480, &run);
	while (!heard.out_len && listen_for(1000))
		continue;
	link_send(&host, WIRE_KILL, 480, &stop);
	until = runner_now_us() + 6500 * 1000;
	while (!heard.exited && runner_now_us() < until)
		listen_for(100);
	ok(!heard.exited, "a stopped job does not hit its limits");
	link_send(&host, WIRE_KILL, 480, &go_on);
	while (!heard.exited && listen_for(1000))
		continue;
	is_str(heard.out, "up\non\n", "it goes on where it was");
	ok(heard.end.kind == WIRE_END_EXIT && !heard.end.killed_by_host &&
			heard.end.wall_us < 6000 * 1000,
		"and has not taken the time it stood");
}

static void test_long_environment(void)
{
	static const char *const argv[] = {"/bin/sh", "-c", "echo ${#LONG}", NULL};
	char *big = malloc(120000);
	const char *const env[] = {big, "PATH=/bin", NULL};
	struct wire_run run = {.argv = {.v = argv}, .env = {.v = env}};

	memset(big, 'x', 119999);
	memcpy(big, "LONG=", 5);
	big[119999] = '\0';
	run_job(500, &run);
	is_str(heard.out, "119994\n", "an environment longer than a frame");
	free(big);
}

/* Random bytes, good frames with bad content, unknown types: the runner drops them and
 * lives. */
static void test_hostile(void)
{
	static const char *const argv[] = {"/bin/echo", "alive", NULL};
	struct wire_run run = {.argv = {.v = argv}};
	uint8_t noise[3000];
	uint32_t x = 99;

	for (int round = 0; round < 100; round++) {
		struct wire_header h = {
			.type = (uint16_t)(round * 2), .job = 7, .length = 100};

		for (size_t i = 0; i < sizeof(noise); i++) {
			x = x * 1664525 + 1013904223;
			noise[i] = (uint8_t)(x >> 24);
		}
		if (round % 2 && h.type != WIRE_HELLO && h.type != WIRE_ACK &&
			h.type != WIRE_RESEND)
			frame_seal(noise, &h);
		if (write(fd, noise, sizeof(noise)) < 0)
			break;
		listen_for(0);
	}
	for (unsigned int type = 10; type < 60; type++) {
		uint8_t *body = link_reserve(&host, 40);

		if (type == WIRE_BYE || type == WIRE_CLOCK)
			continue;
		memset(body, 0xff, 40);
		link_commit(&host, type, 0, 3, 40);
	}
	run_job(600, &run);
	is_str(heard.out, "alive\n", "noise and nonsense do no harm");
}

static void test_end(void)
{
	static const char *const argv[] = {"/bin/sh", "-c",
		"trap '' TERM HUP; echo $$; while :; do sleep 1; done", NULL};
	static const char *const env[] = {"PATH=/bin", NULL};
	struct wire_run run = {.argv = {.v = argv}, .env = {.v = env}};
	int status = -1, tries = 0;
	pid_t job;

	memset(&heard, 0, sizeof(heard));
	link_send(&host, WIRE_RUN, 700, &run);
	while (!heard.out_len && listen_for(1000))
		continue;
	job = atoi(heard.out);
	close(fd);
	waitpid(server, &status, 0);
	is_int(status, 0, "the runner ends when the link does");
	ok(kept_tmpdir[0] && access(kept_tmpdir, F_OK) < 0,
		"and no directory that was kept is left");
	while (job > 0 && kill(job, 0) == 0 && tries++ < 100)
		usleep(20000);
	ok(job > 0 && kill(job, 0) < 0, "and its jobs with it");
	link_release(&host);
}

static void test_silence(void)
{
	struct wire_hello hello = {
		.version = WIRE_VERSION, .session = 9, .silence_ms = 300};
	int status = -1;

	start_runner();
	link_say(&host, WIRE_HELLO, &hello);
	while (listen_for(3000))
		continue;
	waitpid(server, &status, 0);
	ok(WIFEXITED(status), "a silent host is left after the time it gave");
	close(fd);
	link_release(&host);
}

int main(void)
{
	struct wire_hello hello = {.version = WIRE_VERSION, .session = 1};

	signal(SIGPIPE, SIG_IGN);
	start_runner();
	link_say(&host, WIRE_HELLO, &hello);
	test_fates();
	test_notice();
	test_signals();
	test_failed();
	test_tmpdir();
	test_ids();
	test_strangers();
	test_kill();
	test_input();
	test_terminal();
	test_hold();
	test_pause();
	test_long_environment();
	test_hostile();
	test_end();
	test_silence();
	return tap_done();
}
