#include "adapter/meson.h"

#include "base/fs.h"

#include <sys/stat.h>

/*
 * Run by "meson runpython", which has mesonbuild in its path however Meson was installed.
 * What a variable becomes is found by giving it a value that cannot occur: what stands
 * before and after that in the result was prepended and appended. Members that some
 * versions lack have defaults: should_fail became expected_fail in 1.11.
 */
static const char program[] =
	"import json, os, pickle, sys\n"
	"from mesonbuild import build\n"
	"MARK = '\\x01'\n"
	"def names(env):\n"
	"    if not hasattr(env, 'get_env'):\n"
	"        return set(env)\n"
	"    return set(env.get_env({})) | set(getattr(env, 'unset_vars', ()))\n"
	"def apply(env, over):\n"
	"    if hasattr(env, 'get_env'):\n"
	"        return env.get_env(over)\n"
	"    return {**over, **env}\n"
	"def variables(envs):\n"
	"    marked = {n: MARK for e in envs for n in names(e)}\n"
	"    plain = {}\n"
	"    for e in envs:\n"
	"        marked, plain = apply(e, marked), apply(e, plain)\n"
	"    out = {'set': {}, 'prepend': {}, 'append': {}, 'unset': []}\n"
	"    for n in sorted({n for e in envs for n in names(e)}):\n"
	"        value = marked.get(n)\n"
	"        before, mark, after = (value or '').partition(MARK)\n"
	"        if value is None:\n"
	"            out['unset'].append(n)\n"
	"        elif not mark:\n"
	"            out['set'][n] = value\n"
	"        elif before[-1:] not in ('', ':') or after[:1] not in ('', ':'):\n"
	"            out['set'][n] = plain.get(n, '')\n"
	"        else:\n"
	"            if before:\n"
	"                out['prepend'][n] = before[:-1]\n"
	"            if after:\n"
	"                out['append'][n] = after[1:]\n"
	"    return out\n"
	"def load(name):\n"
	"    path = os.path.join(sys.argv[1], 'meson-private', name)\n"
	"    if not os.path.exists(path):\n"
	"        return []\n"
	"    with open(path, 'rb') as f:\n"
	"        return pickle.load(f)\n"
	"def in_suites(test, excluded):\n"
	"    for word in excluded:\n"
	"        project, _, suite = word.rpartition(':')\n"
	"        for own in test.suite:\n"
	"            p, _, s = own.partition(':')\n"
	"            if ':' not in word and word in (p, s) or \\\n"
	"               ':' in word and project in ('', p) and suite in ('', s):\n"
	"                return True\n"
	"    return False\n"
	"data = build.load(sys.argv[1])\n"
	"default = data.test_setup_default_name\n"
	"def setup_of(test):\n"
	"    if not default:\n"
	"        return None\n"
	"    name = default if ':' in default else test.project_name + ':' + default\n"
	"    return data.test_setups.get(name)\n"
	"def describe(test, kind):\n"
	"    setup = setup_of(test) if kind == 'test' else None\n"
	"    timeout = test.timeout or 0\n"
	"    if setup:\n"
	"        timeout = max(0, timeout * setup.timeout_multiplier)\n"
	"    fname = [test.fname] if isinstance(test.fname, str) else list(test.fname)\n"
	"    return {\n"
	"        'kind': kind,\n"
	"        'name': test.name,\n"
	"        'project': test.project_name,\n"
	"        'suites': list(test.suite),\n"
	"        'command': fname + list(test.cmd_args),\n"
	"        'wrapper': list(setup.exe_wrapper or []) if setup else [],\n"
	"        'cross': bool(test.is_cross_built and getattr(test, "
	"'needs_exe_wrapper', "
	"True)),\n"
	"        'env': variables(([setup.env] if setup else []) + [test.env]),\n"
	"        'paths': list(getattr(test, 'extra_paths', [])),\n"
	"        'expect_fail': bool(getattr(test, 'expected_fail', None) or\n"
	"                            getattr(test, 'should_fail', False)),\n"
	"        'exit_code': getattr(test, 'expected_exitcode', None) or 0,\n"
	"        'timeout': timeout,\n"
	"        'workdir': test.workdir,\n"
	"        'protocol': str(test.protocol),\n"
	"        'priority': test.priority,\n"
	"        'parallel': bool(test.is_parallel),\n"
	"        'depends': list(test.depends),\n"
	"        'excluded': bool(setup and in_suites(test, setup.exclude_suites)),\n"
	"    }\n"
	"tests = [describe(t, 'test') for t in load('meson_test_setup.dat')]\n"
	"tests += [describe(t, 'bench') for t in load('meson_benchmark_setup.dat')]\n"
	"json.dump({'key': sys.argv[2], 'tests': tests}, sys.stdout)\n";

/* Changes whenever Meson has written its data again, and when the program above does. */
static char *data_key(const struct build_request *request)
{
	static const char *const files[] = {"meson-private/meson_test_setup.dat",
		"meson-private/meson_benchmark_setup.dat", "meson-private/build.dat"};
	struct buf key = BUF_INIT;

	buf_printf(&key, "%zu", sizeof program);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		autofree char *path = fs_join(request->build_dir, files[i]);
		struct stat st = {0};

		if (stat(path, &st) < 0)
			st = (struct stat){0};
		buf_printf(&key, " %lld.%09ld %lld", (long long)st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec, (long long)st.st_size);
	}
	return buf_take(&key);
}

static struct json *ask_again(const struct build_request *request, const char *path,
	const char *key, struct err *e)
{
	autofree char *script = fs_join(request->build_dir, "xtest-ask.py");
	autorelease(strv) struct strv argv = STRV_INIT;
	autorelease(buf) struct buf answer = BUF_INIT;
	struct json *root;

	if (fs_write_if_changed(script, program, sizeof program - 1, 0644, e) < 0)
		return NULL;
	strv_push_array(&argv, (const char *const[]){"meson", "runpython", script,
				       request->build_dir, key, NULL});
	if (adapter_capture(request, &argv, request->build_dir, NULL, &answer, e) < 0) {
		err_set(e, ERR_METADATA,
			"%s: Meson's test data could not be read with its own Python "
			"(meson runpython); Meson 0.61 or newer is needed",
			request->build_dir);
		return NULL;
	}
	root = json_parse(buf_str(&answer), answer.len, "meson runpython", e);
	if (!root) {
		e->kind = ERR_METADATA;
		return NULL;
	}
	if (fs_write_file(path, answer.data, answer.len, 0644, e) < 0) {
		json_free(root);
		return NULL;
	}
	return root;
}

struct json *meson_ask(const struct build_request *request, struct err *e)
{
	autofree char *path = fs_join(request->build_dir, "xtest-tests.json");
	autofree char *key = data_key(request);
	struct err ignored;
	struct json *root = fs_exists(path) ? json_load(path, &ignored) : NULL;

	if (root && streq(json_find_string(root, "key", ""), key))
		return root;
	json_free(root);
	return ask_again(request, path, key, e);
}
