#include "engine/inside.h"

#include "base/fs.h"
#include "base/tty.h"

#include <errno.h>
#include <unistd.h>

enum {
	BLOCK = 16384,   /* read of standard input at once */
	LOOK_MS = 200,   /* how often the window and the signals are looked at */
	SIGNALLED = 128, /* what a shell adds to a signal's number */
};

struct inside {
	struct place *place;
	struct task *task;
	unsigned rows, columns;
	bool input_ended, ended;
};

bool inside_has_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void on_output(void *ctx UNUSED, struct task *task UNUSED, int stream,
	const char *data, size_t len)
{
	/* Whoever does not read any more does not want the rest. */
	if (fs_write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, data, len) < 0)
		return;
}

static void on_end(void *ctx, struct task *task UNUSED)
{
	((struct inside *)ctx)->ended = true;
}

static void pass_input(struct inside *in)
{
	char block[BLOCK];
	ssize_t n = read(STDIN_FILENO, block, sizeof block);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	in->input_ended = n <= 0;
	place_input(in->place, in->task, block, n > 0 ? (size_t)n : 0, n <= 0);
}

static void pass_size(struct inside *in)
{
	unsigned rows, columns;

	tty_size(STDIN_FILENO, &rows, &columns);
	if (rows == in->rows && columns == in->columns)
		return;
	in->rows = rows;
	in->columns = columns;
	place_resize(in->place, in->task, rows, columns);
}

static void serve(struct inside *in, struct interrupt *interrupt)
{
	place_submit(in->place, in->task);
	while (!in->ended && !interrupt_check(interrupt)) {
		bool listen =
			!in->input_ended && place_input_room(in->place) >= 2 * BLOCK;

		if (place_wait(&in->place, 1, listen ? STDIN_FILENO : interrupt->fd,
			    LOOK_MS) &&
			listen && !in->ended)
			pass_input(in);
		if (in->task->terminal && !in->ended)
			pass_size(in);
	}
	if (!in->ended)
		place_take_down(in->place, "interrupted");
}

static int status_of(const struct outcome *o, const struct interrupt *interrupt,
	const char *program, struct err *e)
{
	switch (o->kind) {
	case END_EXIT:
		return o->code;
	case END_SIGNAL:
		return SIGNALLED + o->code;
	case END_NOT_STARTED:
		return err_set(e, ERR_SETUP, "%s", o->detail ? o->detail : program);
	default:
		if (interrupt->count)
			return SIGNALLED + interrupt->signal;
		return err_set(e, ERR_INFRA, "%s was lost: %s", program,
			o->detail ? o->detail : "its place has ended");
	}
}

int inside_run(struct place *place, struct task *task, struct interrupt *interrupt,
	struct err *e)
{
	struct inside in = {.place = place, .task = task};
	struct tty tty = {0};

	task->terminal = inside_has_terminal();
	task->input = !task->terminal;
	task->output_bytes = 0;
	task->on_output = on_output;
	task->on_end = on_end;
	task->ctx = &in;
	if (task->terminal) {
		tty_size(STDIN_FILENO, &in.rows, &in.columns);
		task->rows = in.rows;
		task->columns = in.columns;
		if (tty_make_raw(&tty, STDIN_FILENO, e) < 0)
			return -1;
	}
	serve(&in, interrupt);
	tty_restore(&tty);
	return status_of(&task->outcome, interrupt, task->argv.v[0], e);
}
