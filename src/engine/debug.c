#include "engine/debug.h"

#include "base/buf.h"
#include "base/elf.h"
#include "base/fs.h"
#include "framework/framework.h"
#include "transport/system.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEBUGGER "gdb-multiarch"

enum { WAIT_MS = 200 };

/* The one case while it is debugged. */
struct debugged {
	struct debug *d;
	struct workload *w;
	struct place *place;
	struct task task;
	const char *program; /* here */
	int ready_fd;        /* readable once the breakpoint is set */
	pid_t debugger;      /* 0: none of ours */
	bool own_debugger;   /* signals from the keyboard are its business */
	bool started, released, ended;
};

int debug_open(struct debug *d, struct err *e)
{
	autofree char *gdb = fs_find_program(DEBUGGER, NULL);

	if (!gdb)
		return err_set(e, ERR_SETUP, "%s is missing; install the package %s",
			DEBUGGER, DEBUGGER);
	d->dir = fs_temp_dir("xtest-gdb", e);
	if (!d->dir)
		return -1;
	d->gdb = xasprintf("unix:%s/gdb,server=on,wait=off", d->dir);
	return 0;
}

void debug_close(struct debug *d)
{
	struct err ignored;

	if (d->dir && fs_remove_tree(d->dir, &ignored) < 0)
		fprintf(stderr, "xtest: %s\n", ignored.msg);
	free(d->dir);
	free(d->gdb);
	*d = (struct debug){0};
}

/* How far from its file's addresses the program was loaded. */
static int find_offset(const char *path, uint64_t entry, uint64_t *offset, struct err *e)
{
	autorelease(elf) struct elf elf = {0};

	*offset = 0;
	if (elf_open(path, &elf, e) != 1)
		return err_set(e, ERR_SETUP,
			"%s is no ELF program: there is nothing to debug", path);
	if (elf.fixed)
		return 0;
	if (!entry)
		return err_set(e, ERR_INFRA,
			"the machine does not say where %s was loaded", path);
	*offset = entry - elf.entry;
	return 0;
}

/* Every process has its own memory at the same addresses: the breakpoint counts where
 * the program's own first instruction of main is. */
static int write_commands(const struct debugged *g, uint64_t offset, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	autofree char *path = fs_join(g->d->dir, "commands");

	buf_printf(&text,
		"set pagination off\nset confirm off\nfile %s\n"
		"set $xtest_main = *(unsigned int *) &main\n",
		g->program);
	if (offset)
		buf_printf(&text, "symbol-file -o 0x%llx %s\n",
			(unsigned long long)offset, g->program);
	buf_printf(&text,
		"target remote %s/gdb\n"
		"hbreak main if *(unsigned int *) &main == $xtest_main\n"
		"shell echo >%s/ready\ncontinue\n",
		g->d->dir, g->d->dir);
	return fs_write_file(path, text.data, text.len, 0600, e);
}

/* Ctrl-C and the rest are the debugger's meanwhile. */
static int start_debugger(struct debugged *g, struct err *e)
{
	autofree char *path = fs_join(g->d->dir, "commands");

	g->own_debugger = true;
	g->debugger = fork();
	if (g->debugger < 0) {
		g->debugger = 0;
		return err_sys(e, errno, "start %s", DEBUGGER);
	}
	if (g->debugger == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execlp(DEBUGGER, DEBUGGER, "-q", "-x", path, (char *)NULL);
		_exit(127);
	}
	return 0;
}

static int attach(struct debugged *g, struct err *e)
{
	uint64_t offset;

	if (find_offset(g->program, g->task.entry, &offset, e) < 0 ||
		write_commands(g, offset, e) < 0)
		return -1;
	if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return start_debugger(g, e);
	fprintf(stderr,
		"The case is held before its first instruction. To debug it:\n"
		"  %s -x %s/commands\n",
		DEBUGGER, g->d->dir);
	return 0;
}

static void on_started(void *ctx, struct task *task UNUSED)
{
	((struct debugged *)ctx)->started = true;
}

static void on_end(void *ctx, struct task *task UNUSED)
{
	((struct debugged *)ctx)->ended = true;
}

static bool debugger_has_ended(struct debugged *g)
{
	if (g->debugger && waitpid(g->debugger, NULL, WNOHANG) == 0)
		return false;
	g->debugger = 0;
	return true;
}

static int serve(struct debugged *g, struct err *e)
{
	bool attached = false;

	place_submit(g->place, &g->task);
	while (!g->ended || !debugger_has_ended(g)) {
		bool ready =
			place_wait(&g->place, 1, g->released ? -1 : g->ready_fd, WAIT_MS);

		if (interrupt_check(g->w->interrupt) && !g->own_debugger)
			return err_set(e, ERR_TESTS_FAILED, "interrupted");
		if (g->started && !attached && !g->ended) {
			attached = true;
			if (attach(g, e) < 0)
				return -1;
		}
		if (ready && !g->released) {
			g->released = true;
			place_release(g->place, &g->task);
		}
	}
	/* What is not taken would end us when signals are let in again. */
	interrupt_check(g->w->interrupt);
	g->w->interrupt->count = 0;
	return 0;
}

static int tell(struct debugged *g, struct err *e)
{
	const struct outcome *o = &g->task.outcome;

	fwrite(buf_str(&o->out), 1, o->out.len, stdout);
	fwrite(buf_str(&o->err), 1, o->err.len, stderr);
	if (o->kind == END_NOT_STARTED || o->kind == END_LOST)
		return err_set(e, ERR_INFRA, "the case has no verdict: %s",
			o->detail ? o->detail : "its machine has ended");
	fprintf(stderr, "The case ended with %s %d\n",
		o->kind == END_SIGNAL ? "signal" : "exit status", o->code);
	return o->kind == END_EXIT && !o->code ? 0 : (int)ERR_TESTS_FAILED;
}

static int debug_case(struct debugged *g, struct workload_column *c,
	const struct plan_item *item, struct err *e)
{
	autofree char *fifo = fs_join(g->d->dir, "ready");
	int code = -1;

	if (mkfifo(fifo, 0600) < 0)
		return err_sys(e, errno, "make %s", fifo);
	/* Our own writing end keeps it from looking like its end. */
	g->ready_fd = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (g->ready_fd < 0)
		return err_sys(e, errno, "open %s", fifo);
	launch_case(&c->launch, item->suite, framework_find(item->suite->framework),
		item->test, &(struct launch_turn){.attempt = 1, .attempts = 1}, &g->task);
	g->task.hold = true;
	g->task.on_started = on_started;
	g->task.on_end = on_end;
	g->task.ctx = g;
	if (serve(g, e) == 0)
		code = tell(g, e);
	if (!g->ended)
		place_take_down(g->place, "interrupted");
	close(g->ready_fd);
	task_release(&g->task);
	return code;
}

int debug_run(struct debug *d, struct workload *w, const struct plan *plan, struct err *e)
{
	struct debugged g = {.d = d, .w = w};
	const struct plan_item *item = plan->items;
	struct workload_column *c;

	if (plan->len != 1)
		return err_set(e, ERR_USAGE,
			"--gdb takes exactly one case and %zu are selected; give its "
			"whole name and one --on",
			plan->len);
	c = &w->columns[item->column];
	if (!streq(c->uri, transport_system.name))
		return err_set(e, ERR_USAGE,
			"--gdb debugs in a machine, and %s is none; name --on system",
			c->label);
	if (!item->suite->binary ||
		!streq(item->suite->binary, item->suite->command.v[0]))
		return err_set(e, ERR_SETUP,
			"--gdb: %s is started by %s and not by its own program",
			item->suite->id, item->suite->command.v[0]);
	g.program = item->suite->binary;
	if (workload_open_column(w, c, e) < 0)
		return -1;
	g.place = c->places[0];
	return debug_case(&g, c, item, e);
}
