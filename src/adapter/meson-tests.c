#include "adapter/meson.h"

#include "base/fs.h"

static void read_labels(struct suite *s, const struct json *suites)
{
	for (size_t i = 0; i < json_len(suites); i++) {
		/* "project:suite", or "project" for a test of no suite */
		const char *suite = strchr(json_string(json_at(suites, i), ""), ':');

		if (suite && suite[1])
			strv_push(&s->labels, suite + 1);
	}
}

static void read_assignments(struct strv *out, const struct json *object)
{
	for (struct json_iter it = json_iter(object); json_next(&it);)
		strv_env_set(out, it.key, json_string(it.value, ""));
}

static void read_env(
	struct suite *s, const struct json *test, const struct build_request *request)
{
	const struct json *env = json_find(test, "env");
	autorelease(strv) struct strv paths = STRV_INIT;

	read_assignments(&s->env, json_find(env, "set"));
	read_assignments(&s->env_prepend, json_find(env, "prepend"));
	read_assignments(&s->env_append, json_find(env, "append"));
	json_strv(json_find(env, "unset"), &s->env_unset);
	json_strv(json_find(test, "paths"), &paths);
	if (paths.len) {
		autofree char *joined = strv_join(&paths, ":");

		strv_env_set(&s->env_prepend, "PATH", joined);
	}
	/* Scripts start programs of the target with it. */
	if (json_boolean(json_find(test, "cross"), false) && request->exec_wrapper->len) {
		autofree char *wrapper = strv_quote(request->exec_wrapper);

		strv_env_set(&s->env, "MESON_EXE_WRAPPER", wrapper);
	}
}

/* What "meson test" does not run by itself is there, and runs when asked for. */
static void read_kind(struct suite *s, const struct json *test)
{
	bool bench = streq(json_find_string(test, "kind", ""), "bench");

	s->kind = xstrdup(bench ? "bench" : "test");
	if (bench || json_boolean(json_find(test, "excluded"), false)) {
		struct test_case *c = suite_add_case(s, "");

		c->ignored = true;
		c->benchmark = bench;
		s->listed = true;
	}
}

/* Files of each target, by its id. */
static void push_outputs(
	struct strv *files, const struct json *targets, const struct json *ids)
{
	for (size_t i = 0; i < json_len(ids); i++)
		for (size_t k = 0; k < json_len(targets); k++) {
			const struct json *t = json_at(targets, k);

			if (streq(json_find_string(t, "id", ""),
				    json_string(json_at(ids, i), "-")))
				json_strv(json_find(t, "filename"), files);
		}
}

static void push_artifacts(struct strv *artifacts, const struct json *targets)
{
	for (size_t i = 0; i < json_len(targets); i++) {
		const struct json *t = json_at(targets, i);
		const char *type = json_find_string(t, "type", "");
		const struct json *files = json_find(t, "filename");

		if (!streq(type, "executable") && !streq(type, "shared library") &&
			!streq(type, "shared module"))
			continue;
		for (size_t k = 0; k < json_len(files); k++)
			if (fs_exists(json_string(json_at(files, k), "")))
				strv_push(artifacts, json_string(json_at(files, k), ""));
	}
}

/* Meson names files of the source as BUILD/../SOURCE/…, and files of the build from a
 * working directory in the source as ../BUILD/…. Who moves the two directories apart must
 * see where the files really are. */
static void read_command(struct suite *s, const struct json *words)
{
	for (size_t i = 0; i < json_len(words); i++) {
		const char *word = json_string(json_at(words, i), "");
		autofree char *path = fs_normalize(word, s->cwd);
		bool winding = starts_with(word, "../") ||
			       (word[0] == '/' && strstr(word, "/../"));

		strv_push(&s->command, winding && fs_exists(path) ? path : word);
	}
}

/* A test that has to end with a certain status (Meson 1.11): a shell turns that into 0,
 * and 0 into a failure. */
static void expect_exit_code(struct suite *s, int64_t code)
{
	autofree char *script = xasprintf("\"$@\"; s=$?; [ $s -eq %d ] && exit 0; "
					  "[ $s -eq 0 ] && exit 1; exit $s",
		(int)code);

	if (code <= 0)
		return;
	strv_insert(&s->command, 0, "sh");
	strv_insert(&s->command, 0, script);
	strv_insert(&s->command, 0, "-c");
	strv_insert(&s->command, 0, "sh");
}

static void read_test(struct suite *s, const struct json *test,
	const struct json *targets, const struct build_request *request)
{
	int64_t timeout_s = json_int(json_find(test, "timeout"), 0);
	const char *workdir = json_find_string(test, "workdir", NULL);

	s->adapter = xstrdup("meson");
	s->package = xstrdup(json_find_string(test, "project", ""));
	s->name = xstrdup(json_find_string(test, "name", ""));
	if (!request->cross)
		json_strv(json_find(test, "wrapper"), &s->command);
	s->cwd = fs_normalize(workdir ? workdir : ".", request->build_dir);
	read_command(s, json_find(test, "command"));
	expect_exit_code(s, json_int(json_find(test, "exit_code"), 0));
	s->timeout_ms = timeout_s > 0 ? timeout_s * 1000 : -1;
	s->expect_fail = json_boolean(json_find(test, "expect_fail"), false);
	s->serial = !json_boolean(json_find(test, "parallel"), true);
	s->cost = json_double(json_find(test, "priority"), 0);
	s->protocol = xstrdup(json_find_string(test, "protocol", "exitcode"));
	read_labels(s, json_find(test, "suites"));
	read_env(s, test, request);
	read_kind(s, test);
	push_outputs(&s->files, targets, json_find(test, "depends"));
}

int meson_tests_read(const struct json *answer, const struct build_request *request,
	struct suite_list *suites, struct strv *artifacts, struct err *e)
{
	autofree char *path =
		fs_join(request->build_dir, "meson-info/intro-targets.json");
	autorelease_json struct json *targets = NULL;
	const struct json *tests = json_find(answer, "tests");

	if (json_kind(tests) != JSON_ARRAY)
		return err_set(e, ERR_METADATA, "meson: no tests in its answer");
	if (!json_len(tests))
		return 0;
	targets = json_load(path, e);
	if (!targets)
		return -1;
	push_artifacts(artifacts, targets);
	for (size_t i = 0; i < json_len(tests); i++)
		read_test(suite_list_add(suites), json_at(tests, i), targets, request);
	adapter_ids_assign(suites);
	return 0;
}
