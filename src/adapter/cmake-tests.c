#include "adapter/cmake.h"

#include "base/fs.h"

/* Sets a value that grows by what the test's environment holds so far. What the place has
 * under that name is not known here and takes no part. */
static void grow(struct strv *env, const char *name, const char *value,
	const char *separator, bool in_front)
{
	const char *old = strv_env_find(env, name);
	autofree char *grown = NULL;

	if (!old || !*old)
		grown = xstrdup(value);
	else
		grown = xasprintf("%s%s%s", in_front ? value : old, separator,
			in_front ? old : value);
	strv_env_set(env, name, grown);
}

/* A path list goes around what the place has. */
static void grow_path(struct suite *s, const char *name, const char *value, bool in_front)
{
	struct strv *list = in_front ? &s->env_prepend : &s->env_append;

	if (strv_env_find(&s->env, name) || strv_has(&s->env_unset, name))
		grow(&s->env, name, value, ":", in_front);
	else
		grow(list, name, value, ":", in_front);
}

static void forget(struct suite *s, const char *name)
{
	strv_env_unset(&s->env, name);
	strv_env_unset(&s->env_prepend, name);
	strv_env_unset(&s->env_append, name);
}

/* "NAME=OP:VALUE"; the operations of ENVIRONMENT_MODIFICATION, in order. */
static void modify(struct suite *s, const char *name, const char *op, const char *value)
{
	size_t len = strlen(value);

	if (streq(op, "set")) {
		forget(s, name);
		strv_env_set(&s->env, name, value);
	} else if (streq(op, "unset")) {
		forget(s, name);
		strv_push(&s->env_unset, name);
	} else if (streq(op, "reset")) {
		forget(s, name);
	} else if (streq(op, "path_list_append")) {
		grow_path(s, name, value, false);
	} else if (streq(op, "path_list_prepend")) {
		grow_path(s, name, value, true);
	} else if (streq(op, "cmake_list_append")) {
		grow(&s->env, name, value, ";", false);
	} else if (streq(op, "cmake_list_prepend")) {
		grow(&s->env, name, value, ";", true);
	} else if (streq(op, "string_append") && value[0] == ':') {
		grow_path(s, name, value + 1, false);
	} else if (streq(op, "string_prepend") && len && value[len - 1] == ':') {
		autofree char *path = xstrndup(value, len - 1);

		grow_path(s, name, path, true);
	} else if (streq(op, "string_append")) {
		grow(&s->env, name, value, "", false);
	} else if (streq(op, "string_prepend")) {
		grow(&s->env, name, value, "", true);
	}
}

static void read_modifications(struct suite *s, const struct json *value)
{
	autorelease(strv) struct strv words = STRV_INIT;

	json_strv(value, &words);
	for (size_t i = 0; i < words.len; i++) {
		char *op = strchr(words.v[i], '=');
		char *text = op ? strchr(op, ':') : NULL;

		if (!text)
			continue;
		*op++ = *text++ = '\0';
		modify(s, words.v[i], op, text);
	}
}

static void read_env(struct suite *s, const struct json *value)
{
	autorelease(strv) struct strv words = STRV_INIT;

	json_strv(value, &words);
	for (size_t i = 0; i < words.len; i++)
		if (strchr(words.v[i], '='))
			strv_env_put(&s->env, words.v[i]);
}

/* ctest counts an explicit 0 as "no limit". */
static int64_t timeout_ms(const struct json *value)
{
	double seconds = json_double(value, 0);

	return seconds > 0 ? (int64_t)(seconds * 1000) : -1;
}

static void ignore(struct suite *s)
{
	suite_clear_cases(s);
	suite_add_case(s, "")->ignored = true;
	s->listed = true;
}

/* A member of the suite that takes a list of strings as it is. */
static struct strv *plain_list(struct suite *s, const char *name)
{
	const struct {
		const char *name;
		struct strv *list;
	} table[] = {
		{"LABELS", &s->labels},
		{"DEPENDS", &s->depends},
		{"FIXTURES_REQUIRED", &s->fixtures_required},
		{"FIXTURES_SETUP", &s->fixtures_setup},
		{"FIXTURES_CLEANUP", &s->fixtures_cleanup},
		{"RESOURCE_LOCK", &s->locks},
		{"REQUIRED_FILES", &s->required_files},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (streq(table[i].name, name))
			return table[i].list;
	return NULL;
}

/* cmake-properties(7), "Properties on Tests". */
static void read_property(struct suite *s, const char *name, const struct json *value)
{
	struct strv *list = plain_list(s, name);

	if (list)
		json_strv(value, list);
	else if (streq(name, "WORKING_DIRECTORY"))
		s->cwd = fs_normalize(json_string(value, "."), NULL);
	else if (streq(name, "ENVIRONMENT"))
		read_env(s, value);
	else if (streq(name, "TIMEOUT"))
		s->timeout_ms = timeout_ms(value);
	else if (streq(name, "WILL_FAIL"))
		s->expect_fail = json_boolean(value, false);
	else if (streq(name, "SKIP_RETURN_CODE"))
		s->skip_code = (int)json_int(value, -1);
	else if (streq(name, "SKIP_REGULAR_EXPRESSION"))
		json_strv(value, &s->skip_regex);
	else if (streq(name, "PASS_REGULAR_EXPRESSION"))
		json_strv(value, &s->pass_regex);
	else if (streq(name, "FAIL_REGULAR_EXPRESSION"))
		json_strv(value, &s->fail_regex);
	else if (streq(name, "RUN_SERIAL"))
		s->serial = json_boolean(value, false);
	else if (streq(name, "PROCESSORS"))
		s->processors = (unsigned)MAX(0, json_int(value, 0));
	else if (streq(name, "COST"))
		s->cost = json_double(value, 0);
	else if (streq(name, "DISABLED") && json_boolean(value, false))
		ignore(s);
}

static void read_properties(struct suite *s, const struct json *properties)
{
	const struct json *modifications = NULL;

	for (size_t i = 0; i < json_len(properties); i++) {
		const struct json *p = json_at(properties, i);
		const char *name = json_find_string(p, "name", "");

		/* Works on what ENVIRONMENT set, wherever that stands. */
		if (streq(name, "ENVIRONMENT_MODIFICATION"))
			modifications = json_find(p, "value");
		else
			read_property(s, name, json_find(p, "value"));
	}
	read_modifications(s, modifications);
}

/* The place brings its own emulator: the one that CMake put in front goes. */
static void strip_emulator(struct strv *command, const struct strv *wrapper)
{
	if (!wrapper || !wrapper->len || command->len <= wrapper->len)
		return;
	for (size_t i = 0; i < wrapper->len; i++)
		if (!streq(command->v[i], wrapper->v[i]))
			return;
	for (size_t i = 0; i < wrapper->len; i++)
		strv_remove(command, 0);
}

/* The project of the CMakeLists.txt in which the test was added: the end of its chain of
 * calls. */
static const char *project_of(const struct json *answer, const struct json *test,
	const struct cmake_model *model)
{
	const struct json *graph = json_find(answer, "backtraceGraph");
	const struct json *nodes = json_find(graph, "nodes");
	int64_t at = json_int(json_find(test, "backtrace"), -1);
	const struct json *node = at < 0 ? NULL : json_at(nodes, (size_t)at);
	autofree char *dir = NULL;

	for (int depth = 0; json_find(node, "parent") && depth < 1000; depth++)
		node = json_at(nodes, (size_t)json_int(json_find(node, "parent"), 0));
	if (node) {
		size_t file = (size_t)json_int(json_find(node, "file"), 0);

		dir = fs_dirname(
			json_string(json_at(json_find(graph, "files"), file), ""));
	}
	for (size_t i = 0; dir && i < model->n_directories; i++)
		if (streq(model->directories[i].source, dir))
			return model->directories[i].project;
	return model->project;
}

size_t cmake_tests_missing(const struct json *answer)
{
	const struct json *tests = json_find(answer, "tests");
	size_t n = 0;

	for (size_t i = 0; i < json_len(tests); i++)
		n += json_len(json_find(json_at(tests, i), "command")) == 0;
	return n;
}

static void read_test(struct suite *s, const struct json *answer, const struct json *test,
	const struct cmake_model *model, const struct build_request *request,
	int64_t timeout)
{
	const char *project = project_of(answer, test, model);

	s->adapter = xstrdup("cmake");
	s->package =
		xstrdup(project && *project ? project : fs_basename(request->source_dir));
	s->name = xstrdup(json_find_string(test, "name", ""));
	s->kind = xstrdup("test");
	json_strv(json_find(test, "command"), &s->command);
	strip_emulator(&s->command, request->exec_wrapper);
	if (!s->command.len) /* a path that cannot be started, and says why */
		strv_push_take(&s->command,
			fs_join(request->build_dir, "ctest found no program for it"));
	s->timeout_ms = timeout;
	read_properties(s, json_find(test, "properties"));
	if (!s->cwd)
		s->cwd = xstrdup(request->build_dir);
}

/* The limit for tests without one (CTEST_TEST_TIMEOUT), from the file include(CTest)
 * writes. CTest's own default is no wish of the project. */
static int64_t default_timeout_ms(const struct build_request *request)
{
	autofree char *path = fs_join(request->build_dir, "DartConfiguration.tcl");
	autorelease(buf) struct buf text = BUF_INIT;
	struct err ignored;
	const char *line;
	size_t len, pos = 0;

	if (!fs_exists(path) || fs_read_file(path, &text, &ignored) < 0)
		return 0;
	while (buf_next_line(buf_str(&text), text.len, &pos, &line, &len)) {
		long seconds = starts_with(line, "TimeOut: ")
				       ? strtol(line + strlen("TimeOut: "), NULL, 10)
				       : 0;

		if (seconds > 0)
			return seconds == 1500 ? 0 : seconds * 1000;
	}
	return 0;
}

int cmake_tests_read(const struct json *answer, const struct cmake_model *model,
	const struct build_request *request, struct suite_list *suites, struct err *e)
{
	const struct json *tests = json_find(answer, "tests");
	int64_t timeout = default_timeout_ms(request);

	if (json_kind(tests) != JSON_ARRAY)
		return err_set(e, ERR_METADATA,
			"ctest --show-only=json-v1: no \"tests\" in its answer; CMake "
			"3.14 "
			"or newer is needed");
	for (size_t i = 0; i < json_len(tests); i++)
		read_test(suite_list_add(suites), answer, json_at(tests, i), model,
			request, timeout);
	adapter_ids_assign(suites);
	return 0;
}
