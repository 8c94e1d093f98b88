/* The way of a place: from a link over the answer, the tree and the view to tasks, with a
 * transport that is told what to do. The runner is the real one of this machine. */
#include "engine/place.h"

#include "base/fs.h"
#include "engine/ship.h"

#include "tests/tap.h"
#include "tests/unit/runner-bed.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { CAP_SYS_TIME_NUMBER = 25, LIMIT_MS = 30000 };

/* What the transport does, and what it was asked for. Tests run one after another. */
static struct script {
	const char *work;
	enum link_level level; /* of the next open() */
	bool dumb;             /* the next link ends at once */
	const char *dies_of;   /* what check() says from now on */
	const char *kills;     /* what kills() says */
	bool booted, sent;     /* what it was seen doing on its way */
	bool by_guest;
	int sign[2];        /* a pipe that is watched */
	int64_t silence_ms; /* the most check() was told */
	struct strv told;   /* "open", "save 1", "distrust", "close" */
} script;

static int script_open(
	const struct place_config *config UNUSED, struct link *link, struct err *e)
{
	int pair[2];

	strv_push(&script.told, "open");
	link->level = script.level;
	if (script.dumb) {
		script.dumb = false;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return err_set(e, ERR_INFRA, "no pair");
		close(pair[1]);
		link->in_fd = link->out_fd = pair[0];
		return 0;
	}
	link->in_fd = link->out_fd = runner_bed_start(script.work, &link->pid);
	link->detail = xstrdup("a box");
	return link->in_fd < 0 ? err_set(e, ERR_SETUP, "no runner") : 0;
}

static void script_close(struct link *link, char **why UNUSED)
{
	strv_push(&script.told, "close");
	close(link->in_fd);
	if (link->pid > 0) {
		kill(link->pid, SIGKILL);
		waitpid(link->pid, NULL, 0);
	}
}

static size_t script_watch(struct link *link UNUSED, int *fds, size_t max UNUSED)
{
	fds[0] = script.sign[0];
	return 1;
}

static bool script_check(
	struct link *link UNUSED, int64_t silence_ms, struct demise *demise)
{
	script.silence_ms = MAX(script.silence_ms, silence_ms);
	if (!script.dies_of)
		return false;
	*demise = (struct demise){.reason = xstrdup(script.dies_of),
		.console = xstrdup("[ 1.0] the last words"),
		.by_guest = script.by_guest};
	return true;
}

static char *script_kills(struct link *link UNUSED, int64_t since_ms)
{
	return since_ms && script.kills ? xstrdup(script.kills) : NULL;
}

static int script_save(
	struct link *link UNUSED, enum link_level level, struct err *e UNUSED)
{
	strv_pushf(&script.told, "save %d", (int)level);
	return 0;
}

static void script_distrust(struct link *link UNUSED)
{
	strv_push(&script.told, "distrust");
	script.level = LINK_FRESH;
}

static const struct transport scripted = {
	.name = "scripted",
	.staged = true,
	.open = script_open,
	.close = script_close,
	.watch = script_watch,
	.check = script_check,
	.kills = script_kills,
	.save = script_save,
	.distrust = script_distrust,
};

/* ---- a place, what is sent there, and a task */

struct bed {
	char *dir, *work, *original;
	struct archive_items items;
	struct archive_roots roots;
	struct shipment *shipment;
	struct machine_config machine;
	struct event_column column;
	struct place *place;
	struct task task;
	bool ended;
};

static void bed_init(struct bed *b)
{
	struct archive_item *item = xcalloc(1, sizeof *item);
	autofree char *file = NULL;
	struct err e = {0};

	*b = (struct bed){.dir = fs_temp_dir("xtest-place", &e),
		.work = fs_temp_dir("xtest-place-work", &e),
		.machine.snapshots = true,
		.column = {.label = "box", .target = "box", .place = "scripted"}};
	if (!b->dir || !b->work)
		exit(99);
	/* A path that is not there. */
	b->original = xasprintf("%s-original", b->dir);
	file = fs_join(b->dir, "hello");
	if (fs_write_file(file, "hello\n", 6, 0644, &e) < 0)
		exit(99);
	*item = (struct archive_item){.name = xstrdup("source/hello"),
		.origin = xstrdup(file),
		.reason = xstrdup(""),
		.kind = ARCHIVE_FILE,
		.mode = 0644,
		.size_bytes = 6};
	b->items = (struct archive_items){.v = item, .len = 1, .cap = 1};
	b->roots.v[ARCHIVE_SOURCE].original = xstrdup(b->original);
	b->roots.v[ARCHIVE_SOURCE].extracted = xstrdup(b->dir);
	if (shipment_digest(&b->items, NULL, NULL, &e) < 0)
		exit(99);
	b->shipment = shipment_new(&b->items, &b->roots);
	strv_release(&script.told);
	script = (struct script){.work = b->work, .sign = {-1, -1}};
	if (pipe(script.sign) < 0)
		exit(99);
}

static void bed_release(struct bed *b)
{
	struct err ignored;

	place_cleanup(&b->place);
	task_release(&b->task);
	shipment_free(b->shipment);
	archive_roots_release(&b->roots);
	free(b->items.v[0].name);
	free(b->items.v[0].origin);
	free(b->items.v[0].reason);
	free(b->items.v);
	if (fs_remove_tree(b->dir, &ignored) < 0 || fs_remove_tree(b->work, &ignored) < 0)
		printf("# %s\n", ignored.msg);
	free(b->dir);
	free(b->work);
	free(b->original);
	close(script.sign[0]);
	close(script.sign[1]);
}

static void wait_for(struct bed *b, enum place_state state)
{
	int64_t deadline = now_ms() + LIMIT_MS;

	while (place_state(b->place) != state && now_ms() < deadline)
		place_wait(&b->place, 1, -1, 100);
}

static bool open_place(struct bed *b)
{
	const struct place_config config = {.uri = "scripted",
		.runner_path = "",
		.machine = &b->machine,
		.transport = &scripted};
	struct err e = {0};

	b->place = place_start(&b->column, &config, NULL, b->shipment, &e);
	if (!ok(b->place != NULL, "a place is started %s", e.msg))
		return false;
	is_int(place_state(b->place), PLACE_COMING, "which takes its time");
	while (place_state(b->place) == PLACE_COMING) {
		double fraction;
		const char *doing = place_doing(b->place, &fraction);

		script.booted |= doing && starts_with(doing, "its kernel");
		script.sent |= doing && starts_with(doing, "sending") && fraction <= 1;
		place_wait(&b->place, 1, -1, 100);
	}
	return true;
}

static void on_end(void *ctx, struct task *task UNUSED)
{
	((struct bed *)ctx)->ended = true;
}

static void submit(struct bed *b, const char *command)
{
	task_release(&b->task);
	b->ended = false;
	b->task.on_end = on_end;
	b->task.ctx = b;
	b->task.cwd = xstrdup("/");
	strv_push_array(
		&b->task.argv, (const char *const[]){"/bin/sh", "-c", command, NULL});
	strv_push(&b->task.env, "PATH=/usr/bin:/bin");
	place_submit(b->place, &b->task);
}

static void wait_end(struct bed *b)
{
	int64_t deadline = now_ms() + LIMIT_MS;

	while (!b->ended && now_ms() < deadline)
		place_wait(&b->place, 1, -1, 100);
}

static void told_is(const char *want, const char *name)
{
	autofree char *got = strv_join(&script.told, ", ");

	is_str(got, want, name);
}

/* ---- tests */

/* False where the kernel refuses to mount. */
static bool test_way_up(void)
{
	autorelease(bed) struct bed b;
	autofree char *command = NULL;

	bed_init(&b);
	command = xasprintf("cat %s/hello", b.original);
	if (!open_place(&b))
		return false;
	if (place_state(b.place) == PLACE_DOWN &&
		strstr(place_why_down(b.place), "cannot be shown")) {
		ok(true, "binds are refused here: %s", place_why_down(b.place));
		return false;
	}
	is_int(place_state(b.place), PLACE_UP, "and is up");
	ok(script.booted && script.sent, "and it was told what it did on its way");
	told_is("open, save 1, save 2",
		"it was saved after its boot and when it was full");
	ok(strstr(place_detail(b.place), "a box, Linux ") != NULL &&
			strstr(place_detail(b.place), "booted in") != NULL,
		"it says what it is: %s", place_detail(b.place));
	submit(&b, command);
	wait_end(&b);
	is_str(buf_str(&b.task.outcome.out), "hello\n", "what was sent is where it was");
	return true;
}

static void test_restored(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b);
	script.level = LINK_STAGED;
	if (!open_place(&b))
		return;
	is_int(place_state(b.place), PLACE_UP, "a restored one is up");
	told_is("open", "nothing is sent or saved");
	ok(!script.booted && !script.sent, "and nothing is told of its way");
	ok(place_has_binds(b.place), "its view stands");
	ok(strstr(place_detail(b.place), "restored in") != NULL, "and it says so: %s",
		place_detail(b.place));
}

static void test_distrust(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b);
	script.level = LINK_STAGED;
	script.dumb = true;
	if (!open_place(&b))
		return;
	is_int(place_state(b.place), PLACE_UP,
		"one whose state does not answer is up in the end");
	told_is("open, distrust, close, open, save 1, save 2", "without that state");
	ok(place_remark(b.place) && strstr(place_remark(b.place), "saved state"),
		"which is told: %s", place_remark(b.place));
}

static void test_no_snapshots(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b);
	b.machine.snapshots = false;
	if (open_place(&b))
		told_is("open", "nothing is saved when nobody wants it");
}

static void test_demise(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	bed_init(&b);
	if (!open_place(&b))
		return;
	submit(&b, "sleep 60");
	script.dies_of = "kernel panic: for the test";
	script.by_guest = true;
	if (write(script.sign[1], "x", 1) != 1)
		exit(99);
	wait_end(&b);
	is_int(b.task.outcome.kind, END_LOST, "what ran when it died is lost");
	is_str(b.task.outcome.detail, "kernel panic: for the test", "with the reason");
	is_str(b.task.outcome.console, "[ 1.0] the last words", "and the console");
	is_int(place_state(b.place), PLACE_DOWN, "it is down");
	is_str(place_why_down(b.place), "kernel panic: for the test", "and says why");
	ok(place_demise(b.place) && place_demise(b.place)->by_guest, "and whose doing");
	submit(&b, "true");
	ok(b.ended && b.task.outcome.kind == END_LOST, "it takes nothing more");

	script.dies_of = NULL;
	is_int(place_renew(b.place, &e), 0, "it is made anew");
	is_int(place_state(b.place), PLACE_COMING, "and is coming");
	wait_for(&b, PLACE_UP);
	ok(!place_demise(b.place) && !place_why_down(b.place), "the past is forgotten");
	submit(&b, "exit 3");
	wait_end(&b);
	is_int(b.task.outcome.code, 3, "it runs what it is given");
}

/* Whom the kernel killed, and who only ends like that. */
static void test_memory(void)
{
	static const struct {
		const char *command, *kills, *reason;
	} rows[] = {
		{"kill -KILL $$", "Killed process 7",
			"signal 9 (SIGKILL): out of memory"},
		{"kill -KILL $$", NULL, "signal 9 (SIGKILL)"},
		{"exit 137", "Killed process 7", "exit status 137: out of memory"},
		{"exit 1", "Killed process 7", "exit status 1"},
		{"kill -TERM $$", "Killed process 7", "signal 15 (SIGTERM)"},
	};
	autorelease(bed) struct bed b;

	bed_init(&b);
	if (!open_place(&b))
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *reason = NULL;

		script.kills = rows[i].kills;
		submit(&b, rows[i].command);
		wait_end(&b);
		reason = outcome_describe(&b.task.outcome);
		is_str(reason, rows[i].reason, rows[i].command);
		is_str(b.task.outcome.console,
			b.task.outcome.detail ? rows[i].kills : NULL,
			"with what the console said of it");
	}
	script.kills = NULL;
}

/* The bytes end first, the reason is known a little later. */
static void test_late_sign(void)
{
	autorelease(bed) struct bed b;

	bed_init(&b);
	if (!open_place(&b))
		return;
	script.dies_of = "QEMU was killed";
	submit(&b, "kill -9 $PPID; sleep 60");
	wait_end(&b);
	is_str(place_why_down(b.place), "QEMU was killed", "its own signs tell why");
}

static void test_renew_while_up(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	bed_init(&b);
	if (!open_place(&b))
		return;
	script.level = LINK_STAGED;
	is_int(place_renew(b.place, &e), 0, "one that is up is made anew");
	wait_for(&b, PLACE_UP);
	told_is("open, save 1, save 2, close, open", "from its saved state");
	submit(&b, "exit 4");
	wait_end(&b);
	is_int(b.task.outcome.code, 4, "and runs what it is given");
}

static void test_silence(void)
{
	autorelease(bed) struct bed b;
	int64_t end;

	bed_init(&b);
	if (!open_place(&b))
		return;
	for (end = now_ms() + 1500; now_ms() < end;)
		place_wait(&b.place, 1, -1, 100);
	ok(script.silence_ms < 1000, "one that answers is not silent: %lld ms",
		(long long)script.silence_ms);
	submit(&b, "kill -STOP $PPID; sleep 60");
	for (end = now_ms() + 2500; now_ms() < end;)
		place_wait(&b.place, 1, -1, 100);
	ok(script.silence_ms > 1000 && script.silence_ms < 2600,
		"one that does not is, since it was asked: %lld ms",
		(long long)script.silence_ms);
	script.dies_of = "gone";
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* The clock of this machine is none of ours. */
	prctl(PR_CAPBSET_DROP, CAP_SYS_TIME_NUMBER, 0, 0, 0);
	if (!test_way_up()) {
		skip("the way of a place",
			"a runner that may mount (root, or user namespaces)");
		return tap_done();
	}
	test_restored();
	test_distrust();
	test_no_snapshots();
	test_demise();
	test_memory();
	test_late_sign();
	test_renew_while_up();
	test_silence();
	strv_release(&script.told);
	return tap_done();
}
