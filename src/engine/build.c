#include "engine/build.h"

#include "adapter/adapter.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* One build under way, as the adapter's callbacks see it. */
struct progress {
	const struct build_options *o;
	char *summary; /* owned: "json-c for aarch64-linux-gnu with cmake" */
	int64_t start_ms;
	char *programs_dir; /* owned; NULL: in the build directory */
};

static void send_step(const struct progress *p, enum event_type type, const char *verb,
	const char *line, size_t len)
{
	struct event event = {
		.type = type,
		.step =
			{
				.verb = verb,
				.summary = p->summary,
				.line = line,
				.line_len = len,
				.elapsed_ms = now_ms() - p->start_ms,
				.fraction = -1,
			},
	};

	emit_send(p->o->emit, &event);
}

static void on_step(void *ctx, const char *what)
{
	send_step(ctx, EVENT_STEP_LINE, "Building", what, strlen(what));
}

static void on_line(void *ctx, const char *line, size_t len)
{
	send_step(ctx, EVENT_STEP_LINE, "Building", line, len);
}

static void on_build_output(void *ctx, const char *data, size_t len)
{
	if (len)
		send_step(ctx, EVENT_STEP_OUTPUT, "Building", data, len);
}

static void on_built_in(void *ctx, const char *dir)
{
	struct progress *p = ctx;

	free(p->programs_dir);
	p->programs_dir = xstrdup(dir);
}

static bool on_cancelled(void *ctx)
{
	return interrupt_check(((struct progress *)ctx)->o->interrupt);
}

/* Holds the lock of a build directory until the descriptor is closed; waits, and says so,
 * when another xtest has it. */
static int lock_build_dir(const char *build_dir, const struct emit *emit, struct err *e)
{
	autofree char *path = xasprintf("%s.lock", build_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0)
		return err_set(e, ERR_SETUP,
			"%s cannot be written: %s; set XTEST_STATE_DIR to a directory of "
			"your own",
			path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	emit_note(emit, "another xtest is building here; waiting for it");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			close(fd);
			return err_sys(e, errno, "lock %s", path);
		}
	return fd;
}

static int prepare_build_dir(const struct project *project,
	const struct toolchain *toolchain, const char *adapter, char **dir, struct err *e)
{
	autofree char *parent =
		xasprintf("%s/build/%s", project->state_dir, toolchain->triple);
	autofree char *path = xasprintf("%s/%s", parent, adapter);

	if (project_make_state(project, e) < 0 || fs_mkdir_p(path, e) < 0)
		return -1;
	*dir = take_ptr(path);
	return 0;
}

static int configure(
	const struct adapter *adapter, struct build_request *request, struct err *e)
{
	return adapter->configure ? adapter->configure(request, e) : 0;
}

/* Builds with one adapter. *configured tells whether a failure came after the configure
 * step. */
static int try_adapter(const struct project *project, const struct toolchain *toolchain,
	const struct build_options *o, const struct adapter *adapter,
	struct build_result *result, bool *configured, struct err *e)
{
	autofree char *build_dir = NULL;
	autoclose int lock_fd = -1;
	struct progress progress = {.o = o, .start_ms = now_ms()};
	struct build_request request = {
		.source_dir = project->source_dir,
		.target = toolchain->target,
		.toolchain = toolchain,
		.cross = !toolchain->is_host,
		.exec_wrapper = o->exec_wrapper,
		.args = o->args,
		.config = project->config,
		.jobs = o->jobs,
		.verbose = o->verbose,
		.step = on_step,
		.line = on_line,
		.output = on_build_output,
		.built_in = on_built_in,
		.cancelled = on_cancelled,
		.ctx = &progress,
	};
	int status;

	*configured = false;
	if (prepare_build_dir(project, toolchain, adapter->name, &build_dir, e) < 0)
		return -1;
	lock_fd = lock_build_dir(build_dir, o->emit, e);
	if (lock_fd < 0)
		return -1;
	request.build_dir = build_dir;
	progress.summary = xasprintf(
		"%s for %s with %s", project->name, toolchain->triple, adapter->name);
	send_step(&progress, EVENT_STEP_START, "Building", NULL, 0);
	status = configure(adapter, &request, e);
	if (status == 0) {
		*configured = true;
		status = adapter->build(&request, &result->suites, e);
	}
	if (status == 0)
		status = suite_list_check(&result->suites, adapter->name, e);
	if (status == 0) {
		send_step(&progress, EVENT_STEP_END, "Built", NULL, 0);
		result->adapter = adapter->name;
		result->build_dir = take_ptr(build_dir);
		result->programs_dir = progress.programs_dir
					       ? take_ptr(progress.programs_dir)
					       : xstrdup(result->build_dir);
	}
	free(progress.programs_dir);
	free(progress.summary);
	return status;
}

static int rank(const struct project *project, const char *name,
	const struct adapter *ranked[ADAPTER_MAX], size_t *n, struct strv *reasons,
	struct err *e)
{
	const char *names[ADAPTER_MAX + 1];
	size_t count = 0;
	const char *near;

	if (!name)
		return adapter_rank(project->source_dir, ranked, n, reasons, e);
	ranked[0] = adapter_find(name);
	*n = 1;
	if (ranked[0])
		return 0;
	for (; adapter_table[count]; count++)
		names[count] = adapter_table[count]->name;
	names[count] = NULL;
	near = util_nearest(name, names);
	return err_set(e, ERR_USAGE, "there is no adapter \"%s\"%s%s%s", name,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* A tree with several build systems: which one it was, by what, and how to have another.
 */
static void tell_choice(const struct emit *emit, const struct adapter *const ranked[],
	size_t n, const struct strv *reasons)
{
	autofree char *note = NULL;

	if (n < 2)
		return;
	note = xasprintf(
		"built with %s (%s); %s is there too (%s): --adapter %s takes that",
		ranked[0]->name, reasons->v[0], ranked[1]->name, reasons->v[1],
		ranked[1]->name);
	emit_note(emit, note);
}

int build_project(const struct project *project, const struct toolchain *toolchain,
	const struct build_options *options, struct build_result *result, struct err *e)
{
	const struct adapter *ranked[ADAPTER_MAX];
	autorelease(strv) struct strv reasons = STRV_INIT;
	size_t n = 0;

	*result = (struct build_result){0};
	if (rank(project, options->adapter, ranked, &n, &reasons, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		autofree char *note = NULL;
		bool configured;

		if (try_adapter(project, toolchain, options, ranked[i], result,
			    &configured, e) == 0) {
			if (i == 0)
				tell_choice(options->emit, ranked, n, &reasons);
			return 0;
		}
		if (configured || e->kind != ERR_BUILD || i + 1 == n)
			return -1;
		note = xasprintf("%s could not configure this project; %s is tried (%s)",
			ranked[i]->name, ranked[i + 1]->name, reasons.v[i + 1]);
		emit_note(options->emit, note);
	}
	return -1;
}

void build_result_release(struct build_result *r)
{
	free(r->build_dir);
	free(r->programs_dir);
	suite_list_release(&r->suites);
	*r = (struct build_result){0};
}
