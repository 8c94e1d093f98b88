/* A real machine: it boots, is saved and gone on from, dies in several ways, and leaves
 * neither a process nor a file. */
#include "base/fs.h"
#include "base/proc.h"
#include "engine/session.h"
#include "image/image.h"
#include "model/console.h"
#include "model/target.h"
#include "transport/transport.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TARGET "aarch64"

enum { BOOT_MS = 120000, ANSWER_MS = 30000, OUT_MAX = 4096, MEMORY_MIB = 256 };

static const struct transport *const system_place = &transport_system;
static struct machine_config machine;
static struct image image;
static struct target target;
static const struct place_config config = {
	.uri = "system", .target = &target, .machine = &machine};
static char *cache;

/* A machine somebody talks to. */
struct bed {
	struct link link;
	struct session *session;
	struct demise demise;
	uint32_t last_job;
	bool ended, clock_set, dead;
	int64_t code;
	size_t out_len;
	char out[OUT_MAX];
};

static void on_exited(void *ctx, uint32_t job, const struct wire_exited *exited)
{
	struct bed *b = ctx;

	b->ended = job == b->last_job;
	b->code = exited->code;
}

static void on_failed(void *ctx, uint32_t job, const struct wire_failed *failed)
{
	struct bed *b = ctx;

	printf("# %s\n", failed->text);
	b->ended = job == b->last_job;
	b->code = -1;
}

static void on_output(void *ctx, uint32_t job UNUSED, int stream UNUSED,
	uint64_t skipped UNUSED, const uint8_t *data, size_t len)
{
	struct bed *b = ctx;

	len = MIN(len, OUT_MAX - 1 - b->out_len);
	memcpy(b->out + b->out_len, data, len);
	b->out_len += len;
	b->out[b->out_len] = '\0';
}

static void on_clock(void *ctx, const struct wire_result *result)
{
	((struct bed *)ctx)->clock_set = result->error == 0;
}

static const struct session_ops ops = {
	.exited = on_exited,
	.failed = on_failed,
	.output = on_output,
	.clock_set = on_clock,
};

/* ---- moving */

static void write_bed(struct bed *b)
{
	const void *data;
	size_t len;

	while ((data = session_output(b->session, &len)) && len) {
		ssize_t n = write(b->link.out_fd, data, len);

		if (n < 0)
			return;
		session_wrote(b->session, (size_t)n);
	}
}

static void step(struct bed *b, int64_t wait_ms)
{
	struct pollfd polled[1 + TRANSPORT_WATCH_MAX];
	int signs[TRANSPORT_WATCH_MAX];
	size_t n = system_place->watch(&b->link, signs, TRANSPORT_WATCH_MAX);
	char block[65536];
	struct err e = {0};
	ssize_t got;

	wait_ms = MIN(MIN(wait_ms, 100), session_tick(b->session, now_ms()));
	write_bed(b);
	polled[0] = (struct pollfd){b->link.in_fd, POLLIN, 0};
	for (size_t i = 0; i < n; i++)
		polled[1 + i] = (struct pollfd){signs[i], POLLIN, 0};
	poll(polled, 1 + n, (int)MAX(wait_ms, 0));
	got = read(b->link.in_fd, block, sizeof block);
	if (got > 0 && session_feed(b->session, block, (size_t)got, &e) < 0) {
		printf("# %s\n", e.msg);
		b->dead = true;
	}
	b->dead |= system_place->check(
		&b->link, session_unanswered_ms(b->session), &b->demise);
}

static bool wait_for(struct bed *b, const bool *what, int64_t limit_ms)
{
	int64_t deadline = now_ms() + limit_ms;

	while (!*what && !b->dead && now_ms() < deadline)
		step(b, deadline - now_ms());
	if (!*what && b->demise.reason)
		printf("# it died: %s\n", b->demise.reason);
	return *what;
}

static bool wait_ready(struct bed *b)
{
	int64_t deadline = now_ms() + BOOT_MS;

	while (!session_is_ready(b->session) && !b->dead && now_ms() < deadline)
		step(b, deadline - now_ms());
	if (b->demise.reason)
		printf("# %s\n%s\n", b->demise.reason, b->demise.console);
	return session_is_ready(b->session);
}

/* ---- what a place does */

static bool open_bed(struct bed *b, struct err *e)
{
	struct session_options options = {.heartbeat_ms = 300};

	*b = (struct bed){.link = {.in_fd = -1, .out_fd = -1}};
	if (system_place->open(&config, &b->link, e) < 0)
		return false;
	if (getrandom(&options.id, sizeof options.id, 0) < 0)
		return false;
	b->session = session_new(&options, &ops, b);
	session_greet(b->session);
	return wait_ready(b);
}

static void close_bed(struct bed *b)
{
	autofree char *why = NULL;
	pid_t pid = b->link.pid;

	system_place->close(&b->link, &why);
	if (why)
		printf("# closed: %s\n", why);
	ok(pid <= 0 || kill(pid, 0) < 0, "QEMU is gone");
	free(b->link.detail);
	session_free(b->session);
	demise_release(&b->demise);
}

static bool set_clock(struct bed *b)
{
	char entropy[64];

	if (getrandom(entropy, sizeof entropy, 0) < 0)
		return false;
	session_clock(
		b->session, (uint64_t)wall_clock_ms() * 1000000, entropy, sizeof entropy);
	return wait_for(b, &b->clock_set, ANSWER_MS);
}

static void begin(struct bed *b, const char *script)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL};
	const char *const env[] = {"PATH=/bin:/sbin", NULL};
	struct wire_run run = {.argv.v = argv, .env.v = env, .cwd = "/"};
	struct err e = {0};

	b->ended = false;
	b->out_len = 0;
	b->out[0] = '\0';
	if (session_run(b->session, ++b->last_job, &run, NULL, 0, &e) < 0)
		printf("# %s\n", e.msg);
}

/* What the script printed; NULL when it did not end well. */
static const char *run(struct bed *b, const char *script)
{
	begin(b, script);
	return wait_for(b, &b->ended, ANSWER_MS) && b->code == 0 ? b->out : NULL;
}

static int count_states(void)
{
	autofree char *dir = fs_join(cache, "states");
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;
	int n = 0;

	if (fs_list_dir(dir, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.len; i++)
		n += !ends_with(names.v[i], ".verified");
	return n;
}

/* ---- the tests, in the order of a machine's life */

static bool test_boot(void)
{
	struct err e = {0};
	struct bed b;
	bool good;

	good = ok(open_bed(&b, &e), "a machine boots %s", e.msg);
	if (!good)
		return false;
	is_int(b.link.level, LINK_FRESH, "from nothing");
	ok(starts_with(b.link.detail, machine.recipe->machine.qemu) &&
			ends_with(b.link.detail, "TCG"),
		"it says in what: %s", b.link.detail);
	is_int(system_place->save(&b.link, LINK_BOOTED, &e), 0, "it is saved");
	is_int(count_states(), 1, "as one state");
	is_str(run(&b, "echo on"), "on\n", "it goes on afterwards");
	is_int(system_place->save(&b.link, LINK_BOOTED, &e), 0,
		"what is saved already is not saved again");
	close_bed(&b);
	return true;
}

static bool test_staging(void)
{
	struct err e = {0};
	struct bed b;
	bool good;

	good = ok(open_bed(&b, &e), "it is restored %s", e.msg);
	if (!good)
		return false;
	is_int(b.link.level, LINK_BOOTED, "as it was after its start");
	ok(set_clock(&b), "its clock is set");
	is_str(run(&b, "echo staged > /marker; sync; cat /marker"), "staged\n",
		"something is put into it");
	is_int(system_place->save(&b.link, LINK_STAGED, &e), 0, "it is saved");
	is_str(run(&b, "echo changed > /marker; cat /marker"), "changed\n",
		"it goes on afterwards");
	is_int(count_states(), 2, "two states are kept");
	close_bed(&b);
	return true;
}

/* Two machines out of one state: of one past, and with nothing in common since. */
static void test_two(void)
{
	static const char random[] = "od -An -tx8 -N16 /dev/urandom";
	struct err e = {0};
	struct bed a, b;
	char first[64];

	ok(open_bed(&a, &e) && open_bed(&b, &e), "two are restored at once %s", e.msg);
	is_int(a.link.level, LINK_STAGED, "as staged");
	is_int(b.link.level, LINK_STAGED, "both of them");
	ok(set_clock(&a) && set_clock(&b), "their clocks are set");
	is_str(run(&a, "cat /marker; rm -rf /marker /bin/cat; echo gone"),
		"staged\ngone\n", "one finds what was staged, and removes it");
	is_str(run(&b, "cat /marker"), "staged\n", "the other one still has it");
	snprintf(first, sizeof first, "%s", run(&a, random));
	ok(run(&b, random) && !streq(first, b.out), "their random numbers differ");
	run(&a, "date +%s");
	ok(llabs(strtoll(a.out, NULL, 10) - (long long)time(NULL)) < 10,
		"they have the time of today");
	close_bed(&a);
	close_bed(&b);
}

/* Ways to die. `signal`: sent to QEMU. */
static const struct {
	const char *name, *script;
	int signal;
	const char *reason, *console;
	bool by_guest;
} deaths[] = {
	{"a panic", "echo c > /proc/sysrq-trigger", 0,
		"Kernel panic - not syncing: sysrq triggered crash", "Call trace:", true},
	{"a reset", "echo b > /proc/sysrq-trigger", 0, "eset", NULL, true},
	{"a power-off", "echo o > /proc/sysrq-trigger; sleep 20", 0, "ower", NULL, true},
	{"QEMU killed", "sleep 20", SIGKILL, "QEMU was killed by signal 9 (SIGKILL)",
		NULL, false},
	{"QEMU stopped", "sleep 20", SIGSTOP, "s: QEMU has been stopped", NULL, false},
};

static void test_deaths(void)
{
	for (size_t i = 0; i < ARRAY_LEN(deaths); i++) {
		int64_t start;
		struct err e = {0};
		struct bed b;

		if (!ok(open_bed(&b, &e) && set_clock(&b), "%s: restored %s",
			    deaths[i].name, e.msg))
			continue;
		begin(&b, deaths[i].script);
		if (deaths[i].signal) {
			step(&b, 0);
			kill(b.link.pid, deaths[i].signal);
		}
		start = now_ms();
		wait_for(&b, &b.dead, ANSWER_MS);
		ok(b.dead && b.demise.reason &&
				strstr(b.demise.reason, deaths[i].reason) &&
				b.demise.by_guest == deaths[i].by_guest,
			"%s is known for what it is: %s", deaths[i].name,
			b.demise.reason ? b.demise.reason : "it lives");
		ok(!deaths[i].console || (b.demise.console && strstr(b.demise.console,
								      deaths[i].console)),
			"%s: what its console said is there", deaths[i].name);
		printf("# after %lld ms\n", (long long)(now_ms() - start));
		close_bed(&b);
	}
}

/* An image that is built anew leaves states nobody can use. */
static void test_stale(void)
{
	autofree char *dir = fs_join(cache, "states"), *gone = fs_join(cache, "gone");
	char *const key = machine.image->key, *const was = machine.image->dir;
	struct err e = {0};
	struct bed b;

	image.key = (char *)(uintptr_t) "another";
	image.dir = gone;
	ok(open_bed(&b, &e), "a machine of another image boots %s", e.msg);
	is_int(b.link.level, LINK_FRESH, "from nothing");
	is_int(system_place->save(&b.link, LINK_BOOTED, &e), 0, "it is saved");
	is_int(count_states(), 3, "beside the states of the first");
	image.key = key;
	image.dir = was;
	machine.content = "something else";
	is_int(system_place->save(&b.link, LINK_STAGED, &e), 0, "another state is saved");
	machine.content = "what is staged";
	is_int(count_states(), 3, "and that of the image that is gone is dropped");
	close_bed(&b);
}

static void damage_states(void)
{
	autofree char *dir = fs_join(cache, "states");
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;

	if (fs_list_dir(dir, &names, &ignored) < 0)
		exit(99);
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		autoclose int fd = open(path, O_RDWR | O_CLOEXEC);

		if (!ends_with(path, ".verified") &&
			(fd < 0 || pwrite(fd, "damage", 6, 64 << 20) != 6))
			exit(99);
	}
}

static void test_damage(void)
{
	int before = count_states();
	struct err e = {0};
	struct bed b;

	damage_states();
	ok(open_bed(&b, &e), "with damaged states a machine boots %s", e.msg);
	is_int(b.link.level, LINK_FRESH, "from nothing");
	ok(b.link.note && strstr(b.link.note, "was damaged"), "and it is told: %s",
		b.link.note ? b.link.note : "nothing");
	is_int(count_states(), before - 2, "the damaged states are gone");
	close_bed(&b);
}

/* The program that has the machine is killed. */
static void test_orphan(void)
{
	int64_t deadline = now_ms() + 5000;
	int pipes[2], before = count_states();
	pid_t pid, qemu = 0;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		exit(99);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct link link = {.in_fd = -1, .out_fd = -1};
		struct err e = {0};

		alarm(60);
		if (system_place->open(&config, &link, &e) < 0 ||
			write(pipes[1], &link.pid, sizeof link.pid) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	ok(read(pipes[0], &qemu, sizeof qemu) == sizeof qemu && qemu > 0,
		"another program has a machine");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (kill(qemu, 0) == 0 && now_ms() < deadline)
		poll(NULL, 0, 10);
	ok(kill(qemu, 0) < 0 && errno == ESRCH, "it is killed, and QEMU with it");
	is_int(count_states(), before, "no file is left");
	close(pipes[0]);
	close(pipes[1]);
}

static void test_memory(void)
{
	struct err e = {0};
	struct link link = {.in_fd = -1, .out_fd = -1};

	machine.memory_mib = 1u << 30;
	is_int(system_place->open(&config, &link, &e), -1, "too much memory is refused");
	ok(e.kind == ERR_SETUP && strstr(e.msg, "1073741888 MiB"), "with the figure: %s",
		e.msg);
	machine.memory_mib = MEMORY_MIB;
}

/* ---- set up */

static bool never(void *ctx UNUSED)
{
	return true;
}

/* One that is kept; none is made for this test alone. */
static bool find_image(void)
{
	const char *dir = getenv("XTEST_LIBEXECDIR");
	autofree char *runner =
		xasprintf("%s/xtest-runner-" TARGET, dir ? dir : XTEST_LIBEXECDIR);
	struct image_request request = {
		.recipe = machine.recipe, .runner_path = runner, .cancelled = never};
	struct err e = {0};

	if (image_get(&request, &image, &e) == 0)
		return true;
	printf("# %s\n", e.msg);
	return false;
}

int main(void)
{
	struct image_recipe_list recipes = {0};
	struct console_table *table;
	struct err e = {0};
	autofree char *qemu = NULL;

	if (image_recipe_list_load(&recipes, NULL, &e) < 0 ||
		!(machine.recipe = image_recipe_get(&recipes, TARGET, &e)) ||
		!(table = console_table_load(NULL, NULL, &e)))
		return ok(false, "set up: %s", e.msg), tap_done();
	qemu = fs_find_program(machine.recipe->machine.qemu, NULL);
	if (!qemu || !find_image()) {
		skip("a real machine", qemu ? "run: xtest image build " TARGET
					    : machine.recipe->machine.package);
		return tap_done();
	}
	machine.image = &image;
	cache = fs_temp_dir("machine", &e);
	if (!cache || setenv("XTEST_CACHE_DIR", cache, 1) < 0)
		return 99;
	signal(SIGPIPE, SIG_IGN);
	machine.console = table;
	machine.cpus = 2;
	machine.memory_mib = MEMORY_MIB;
	machine.snapshots = true;
	machine.content = "what is staged";
	if (test_boot() && test_staging()) {
		test_two();
		test_deaths();
		test_stale();
		test_damage();
		test_orphan();
	}
	test_memory();
	ok(fs_remove_tree(cache, &e) == 0, "the end %s", e.msg);
	free(cache);
	console_table_free(table);
	image_release(&image);
	image_recipe_list_release(&recipes);
	return tap_done();
}
