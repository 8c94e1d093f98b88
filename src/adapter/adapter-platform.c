#include "adapter/adapter.h"

#include "base/elf.h"
#include "base/fs.h"

#include <stdio.h>

enum what { NOT_ELF, ELF_OF_HOST, ELF_OF_TARGET };

/* One binary is often the program of many tests: the last answer is kept. */
struct judge {
	struct elf_identity self; /* of xtest, which runs on the host */
	char *path;
	enum what what;
	uint16_t machine;
};

static void judge_release(struct judge *j)
{
	free(j->path);
}

static bool same_processor(const struct elf_identity *a, const struct elf_identity *b)
{
	return a->machine == b->machine && a->class == b->class &&
	       a->big_endian == b->big_endian;
}

static int judge_file(struct judge *j, const char *path, struct err *e)
{
	autorelease(elf) struct elf elf = {0};
	int is_elf;

	if (streq_null(j->path, path))
		return 0;
	free(j->path);
	j->path = NULL;
	is_elf = fs_is_file(path) ? elf_open(path, &elf, e) : 0;
	if (is_elf < 0)
		return -1;
	j->path = xstrdup(path);
	j->machine = elf.id.machine;
	j->what = !is_elf || elf.kind != ELF_KIND_EXECUTABLE ? NOT_ELF
		  : same_processor(&elf.id, &j->self)        ? ELF_OF_HOST
							     : ELF_OF_TARGET;
	return 0;
}

static void set_platform(struct suite *s, enum platform platform, char *reason)
{
	s->platform = platform;
	free(s->platform_reason);
	s->platform_reason = reason;
}

/* Whether a system's program that gets this file reads it as a program. */
static bool is_script(const char *path)
{
	char start[2] = "";
	FILE *f;
	bool shebang;

	if (!fs_is_file(path))
		return false;
	if (fs_is_executable(path))
		return true;
	f = fopen(path, "re");
	if (!f)
		return false;
	shebang = fread(start, 1, 2, f) == 2 && start[0] == '#' && start[1] == '!';
	fclose(f);
	return shebang;
}

/* Programs that run the program text they are given as a file, executable or not. */
static bool is_interpreter(const char *program)
{
	static const char *const stems[] = {"python", "perl", "ruby", "lua", "tclsh",
		"guile", "node", "gjs", "php", "bash", "dash", "ksh", "zsh", "sh",
		"busybox", "cmake", "make", "gmake", "expect", "wish", "env"};
	const char *name = fs_basename(program);

	for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
		const char *rest = name + strlen(stems[i]);

		if (starts_with(name, stems[i]) &&
			strspn(rest, "0123456789.-") == strlen(rest))
			return true;
	}
	return false;
}

/* A script, or a program of the system: what it is given decides. */
static int decide_by_words(struct suite *s, const char *program, bool of_project,
	const struct build_request *request, struct judge *j, struct err *e)
{
	autorelease(strv) struct strv paths = STRV_INIT;
	const char *host_file = NULL, *script = of_project ? program : NULL;

	adapter_files_named(s, request, &paths);
	for (size_t i = 0; i < paths.len; i++) {
		if (streq(paths.v[i], program))
			continue;
		if (judge_file(j, paths.v[i], e) < 0)
			return -1;
		if (j->what == ELF_OF_TARGET) {
			set_platform(s, PLATFORM_TARGET,
				xasprintf("runs %s, ELF machine %s",
					fs_basename(paths.v[i]),
					elf_machine_name(j->machine)));
			return 0;
		}
		if (j->what == ELF_OF_HOST)
			host_file = paths.v[i];
		else if (!script &&
			 (is_script(paths.v[i]) ||
				 (is_interpreter(program) && fs_is_file(paths.v[i]))))
			script = paths.v[i];
	}
	if (host_file)
		set_platform(s, PLATFORM_HOST,
			xasprintf("runs %s, a program of the host",
				fs_basename(host_file)));
	else if (script)
		set_platform(s, PLATFORM_TARGET, xstrdup("script"));
	else
		set_platform(s, PLATFORM_HOST,
			xasprintf("%s is a program of the system", program));
	return 0;
}

static int decide(struct suite *s, const struct build_request *request, struct judge *j,
	struct err *e)
{
	autofree char *found = NULL, *program = NULL;
	bool of_project;

	if (!s->command.len)
		return 0;
	found = strchr(s->command.v[0], '/') ? xstrdup(s->command.v[0])
					     : fs_find_program(s->command.v[0], NULL);
	program = fs_normalize(found ? found : s->command.v[0], s->cwd);
	of_project = fs_is_within(program, request->source_dir) ||
		     fs_is_within(program, request->build_dir);
	if (judge_file(j, program, e) < 0)
		return -1;
	if (of_project && j->what != NOT_ELF) {
		free(s->binary);
		s->binary = xstrdup(program);
	}
	if (!request->cross)
		set_platform(s, PLATFORM_TARGET, xstrdup("built for this machine"));
	else if (s->binary)
		set_platform(s, j->what == ELF_OF_HOST ? PLATFORM_HOST : PLATFORM_TARGET,
			xasprintf("ELF machine %s", elf_machine_name(j->machine)));
	else if (!fs_exists(program))
		set_platform(s, PLATFORM_TARGET, xstrdup("its program is not there"));
	else
		return decide_by_words(s, program, of_project, request, j, e);
	return 0;
}

int adapter_platform_decide(
	struct suite_list *suites, const struct build_request *request, struct err *e)
{
	autorelease(judge) struct judge j = {0};
	autorelease(elf) struct elf self = {0};

	if (elf_open("/proc/self/exe", &self, e) < 0)
		return -1;
	j.self = self.id;
	for (size_t i = 0; i < suites->len; i++)
		if (!suites->v[i].platform_reason &&
			decide(&suites->v[i], request, &j, e) < 0)
			return err_context(e, "platform of %s", suites->v[i].id);
	return 0;
}

static int compare_binaries(const void *a, const void *b)
{
	const struct suite *x = *(struct suite *const *)a, *y = *(struct suite *const *)b;

	return strcmp(x->binary, y->binary);
}

static bool has_selecting_argument(const struct suite *s)
{
	static const char *const options[] = {"--gtest_filter=", "--test-case=", "-tc="};

	for (size_t i = 1; i < s->command.len; i++)
		for (size_t k = 0; k < ARRAY_LEN(options); k++)
			if (starts_with(s->command.v[i], options[k]))
				return true;
	return false;
}

static void mark_selection(struct suite *s)
{
	if (s->command.len < 2 || s->listed)
		return;
	suite_clear_cases(s);
	suite_add_case(s, "");
	s->listed = true;
	if (!s->framework && (!s->protocol || !streq(s->protocol, "tap")))
		s->framework = xstrdup("plain");
}

void adapter_platform_mark_selections(struct suite_list *suites)
{
	struct suite **sorted = xcalloc(suites->len + 1, sizeof *sorted);
	size_t n = 0;

	for (size_t i = 0; i < suites->len; i++)
		if (suites->v[i].binary)
			sorted[n++] = &suites->v[i];
	qsort(sorted, n, sizeof *sorted, compare_binaries);
	for (size_t i = 0; i < n; i++) {
		bool shared =
			(i > 0 && streq(sorted[i - 1]->binary, sorted[i]->binary)) ||
			(i + 1 < n && streq(sorted[i + 1]->binary, sorted[i]->binary));

		if (shared || has_selecting_argument(sorted[i]))
			mark_selection(sorted[i]);
	}
	free(sorted);
}
