#include "model/config.h"

#include "base/fs.h"

#include "tests/tap.h"

/* Refused, with the whole message. */
static const struct {
	const char *text, *message;
} bad[] = {
	{"", "x.json:1:1: unexpected end of data"},
	{"[]", "x.json:1:1: expected an object, found an array"},
	{"{\"adapter\": \"cmake\"", "x.json:1:20: unexpected end of data"},
	{"{\n  \"adaptor\": \"cmake\"\n}",
		"x.json:2:3: unknown key 'adaptor'; did you mean 'adapter'?"},
	{"{\"zzzzzz\": 1}", "x.json:1:2: unknown key 'zzzzzz'"},
	{"{\"archive\": {\"includes\": []}}", "x.json:1:14: unknown key 'includes' in "
					      "'archive'; did you mean 'include'?"},
	{"{\"profiles\": {\"ci\": {\"inherit\": \"x\"}}}",
		"x.json:1:22: unknown key 'inherit' in 'profiles.ci'; did you mean "
		"'inherits'?"},
	{"{// c\n \"adapter\": 1}",
		"x.json:2:13: 'adapter': expected a string, found a number"},
	{"{\"adapter\": \"\"}", "x.json:1:13: 'adapter': an empty string"},
	{"{\"adapter\": \"a\", /* \" */ \"adapter\": \"b\"}",
		"x.json:1:26: 'adapter' is there twice"},
	{"{\"adapter\": \"a\", \"\\u0061dapter\": \"b\"}",
		"x.json:1:1: a key in it is there twice"},
	{"{\"targets\": \"aarch64\"}",
		"x.json:1:13: 'targets': expected an array of strings, found a string"},
	{"{\"targets\": [\"a\", 1]}",
		"x.json:1:19: 'targets[1]': expected a string, found a number"},
	{"{\"jobs\": 0}", "x.json:1:10: 'jobs': expected a whole number from 1 to 4096"},
	{"{\"jobs\": 1.5}",
		"x.json:1:10: 'jobs': expected a whole number from 1 to 4096"},
	{"{\"jobs\": \"4\"}", "x.json:1:10: 'jobs': expected a whole number from 1 to "
			      "4096, found a string"},
	{"{\"fail-fast\": 1}",
		"x.json:1:15: 'fail-fast': expected true, false or an object, "
		"found a number"},
	{"{\"fail-fast\": {\"max-fail\": 0}}",
		"x.json:1:28: 'fail-fast.max-fail': expected a whole number from 1 to "
		"4294967295, or a word"},
	{"{\"fail-fast\": {\"terminate\": \"wait\"}}",
		"x.json:1:15: 'fail-fast': 'max-fail' is missing"},
	{"{\"timeout-multiplier\": 0.05}",
		"x.json:1:24: 'timeout-multiplier': expected a number from 0.1 to 1000"},
	{"{\"timeout\": 5}",
		"x.json:1:13: 'timeout': expected a duration, or an object with a "
		"period, found a number"},
	{"{\"timeout\": \"5\"}",
		"x.json:1:13: 'timeout': invalid duration '5': a number without "
		"its unit (us, ms, s, m, h, d)"},
	{"{\"timeout\": \"0s\"}", "x.json:1:13: 'timeout': a duration of zero"},
	{"{\"timeout\": {\"grace-period\": \"1s\"}}",
		"x.json:1:13: 'timeout': 'period' is missing"},
	{"{\"timeout\": {\"period\": \"1s\", \"terminate-after\": 0}}",
		"x.json:1:49: 'timeout.terminate-after': expected a whole number from 1 "
		"to "
		"1000000"},
	{"{\"leak-timeout\": {\"period\": \"1s\", \"result\": \"fial\"}}",
		"x.json:1:45: 'leak-timeout.result': \"pass\" or \"fail\" is expected, "
		"not \"fial\"; did you mean \"fail\"?"},
	{"{\"retries\": -1}",
		"x.json:1:13: 'retries': expected a whole number from 0 to 1000"},
	{"{\"retries\": {\"backoff\": \"fixed\"}}",
		"x.json:1:13: 'retries': 'count' is missing"},
	{"{\"retries\": {\"count\": 2, \"backoff\": \"exponential\"}}",
		"x.json:1:13: 'retries': a backoff that doubles needs a 'delay' to begin "
		"with"},
	{"{\"retries\": {\"count\": 2, \"delay\": \"1s\", \"max-delay\": \"2s\"}}",
		"x.json:1:13: 'retries': 'max-delay' is for an exponential backoff"},
	{"{\"threads-required\": \"num-cpu\"}",
		"x.json:1:22: 'threads-required': \"num-cpus\" or \"num-test-threads\" "
		"is "
		"expected, not \"num-cpu\"; did you mean \"num-cpus\"?"},
	{"{\"threads-required\": true}",
		"x.json:1:22: 'threads-required': expected a whole number from 1 to "
		"4096, or a word, found true or false"},
	{"{\"priority\": 101}",
		"x.json:1:14: 'priority': expected a whole number from -100 to 100"},
	{"{\"test-groups\": {\"serial\": {}}}",
		"x.json:1:28: 'test-groups.serial': 'max-threads' is missing"},
	{"{\"test-groups\": {\"@x\": {\"max-threads\": 1}}}",
		"x.json:1:40: 'test-groups.@x.max-threads': names of groups that begin "
		"with '@' are xtest's own"},
	{"{\"test-group\": \"a\"}",
		"x.json:1:16: 'test-group': `test-groups` has no 'a'"},
	{"{\"test-groups\": {\"serial\": {\"max-threads\": 1}},\n"
	 "\"profiles\": {\"ci\": {\"overrides\": [{\"test-group\": \"seria\"}]}}}",
		"x.json:2:50: 'profiles.ci.overrides[0].test-group': `test-groups` has "
		"no 'seria'; did you mean 'serial'?"},
	{"{\"default-filter\": \"default()\"}",
		"x.json:1:20: 'default-filter': invalid filterset\n"
		"  default()\n"
		"  ^^^^^^^ default() is not allowed in the default filter"},
	{"{\"overrides\": [{\"filter\": \"group(a)\"}]}",
		"x.json:1:27: 'overrides[0].filter': invalid filterset\n"
		"  group(a)\n"
		"  ^^^^^ group() is not allowed in an override"},
	{"{\"overrides\": {}}",
		"x.json:1:15: 'overrides': expected an array, found an object"},
	{"{\"overrides\": [{\"platform\": \"hots\"}]}",
		"x.json:1:29: 'overrides[0].platform': \"target\" or \"host\" is "
		"expected, not "
		"\"hots\"; did you mean \"host\"?"},
	{"{\"archive\": {\"include\": [{\"path\": \"a\", \"depth\": \"deep\"}]}}",
		"x.json:1:49: 'archive.include[0].depth': expected a whole number from 0 "
		"to 1000, "
		"or \"infinite\", found a string"},
	{"{\"archive\": {\"include\": [{}]}}",
		"x.json:1:26: 'archive.include[0]': 'path' is missing"},
	{"{\"archive\": {\"include\": [{\"path\": \"a\", \"suites\": \"test(a)\"}]}}",
		"x.json:1:50: 'archive.include[0].suites': invalid filterset\n"
		"  test(a)\n"
		"  ^^^^ test() is not allowed when an archive is made"},
	{"{\"archive\": {\"exclude\": [\"a{b\"]}}",
		"x.json:1:25: 'archive.exclude': '{' without its '}'; write '[{]' for "
		"the "
		"character"},
	{"{\"suites\": [{\"name\": \"a\"}]}", "x.json:1:22: 'suites[0].name': this suite "
					      "has neither 'command' nor 'binary'"},
	{"{\"suites\": [{\"name\": \"a\", \"binary\": \"x\", \"depends\": "
	 "[\"p::b\"]},\n{\"name\": \"c\", "
	 "\"binary\": \"y\", \"depends\": [\"p::a\", \"d\"]}]}",
		"x.json:1:53: 'suites[0].depends': there is no suite 'p::b' in this "
		"file"},
	{"{\"suites\": [{\"command\": \"x\"}]}",
		"x.json:1:13: 'suites[0]': 'name' is missing"},
	{"{\"suites\": [{\"name\": \"a\", \"command\": []}]}",
		"x.json:1:38: 'suites[0].command': a command without a program"},
	{"{\"suites\": [{\"name\": \"a\", \"binary\": \"x\"},\n{\"name\": \"a\", "
	 "\"binary\": \"y\"}]}",
		"x.json:2:10: 'suites[1].name': this suite is there twice"},
	{"{\"suites\": [{\"name\": \"a\", \"binary\": \"b\", \"env\": {\"A\": 1}}]}",
		"x.json:1:55: 'suites[0].env.A': expected a string, found a number"},
	{"{\"suites\": [{\"name\": \"a\", \"binary\": \"b\", \"env\": {\"A=B\": \"\"}}]}",
		"x.json:1:57: 'suites[0].env.A=B': no name for an environment variable"},
	{"{\"build-commands\": [\"a\", 7]}", "x.json:1:26: 'build-commands[1]': expected "
					     "an array of strings, or a text for "
					     "the shell, found a number"},
	{"{\"profiles\": {\"a\": {\"inherits\": \"b\"}}}",
		"x.json:1:33: 'profiles.a.inherits': there is no such profile"},
	{"{\"profiles\": {\"a\": {\"inherits\": \"b\"}, \"b\": {\"inherits\": \"a\"}}}",
		"x.json:1:33: 'profiles.a.inherits': the profiles inherit in a circle"},
	{"{\"profiles\": {\"default\": {\"inherits\": \"a\"}, \"a\": {}}}",
		"x.json:1:39: 'profiles.default.inherits': the default profile cannot "
		"inherit"},
};

static const char good[] =
	"// a comment\n"
	"{\n"
	"  \"$schema\": \"xtest.schema.json\", \"adapter\": \"manifest\", \"source\": "
	"\"src\",\n"
	"  \"build\": {\"args\": [\"-DX=1\"]},\n"
	"  \"machine\": {\"memory\": 512, \"cpus\": 2, \"packages\": [\"perl-base\"], "
	"\"kernel\": \"Image\", \"command-line\": \"quiet\"},\n"
	"  \"build-commands\": [[\"make\", \"all\"], \"cc -o t t.c\"],\n"
	"  \"targets\": [\"aarch64\", \"s390x\"], \"timeout\": \"1m 30s\", \"jobs\": 3,\n"
	"  \"fail-fast\": true, \"default-filter\": \"not test(slow)\", \"place\": "
	"\"user\",\n"
	"  \"user\": \"nobody\", \"fresh\": \"case\",\n"
	"  \"suites\": [\n"
	"    {\"name\": \"t\", \"package\": \"p\", \"command\": [\"./t\", \"-v\"], "
	"\"cwd\": \"d\",\n"
	"     \"env\": {\"A\": \"1\", \"B\": \"\"}, \"framework\": \"tap\", "
	"\"platform\": \"host\",\n"
	"     \"labels\": [\"x\"], \"timeout\": \"2s\", \"expect-fail\": true, "
	"\"skip-code\": 7,\n"
	"     \"files\": [\"f\"], \"depends\": [\"p::u\"], \"serial\": false},\n"
	"    {\"name\": \"u\", \"binary\": \"u\"}],\n"
	"  \"archive\": {\"include\": [{\"path\": \"data\", \"relative-to\": \"build\", "
	"\"depth\": 4,\n"
	"      \"on-missing\": \"ignore\", \"platform\": \"target\", \"suites\": "
	"\"package(p)\"},\n"
	"      {\"path\": \"x\", \"depth\": \"infinite\"}],\n"
	"    \"exclude\": [\"**/*.o\"], \"on-missing\": \"warn\"},\n"
	"  \"overrides\": [\n"
	"    {\"filter\": \"test(perf)\", \"place\": \"system\", \"timeout\": \"9s\"},\n"
	"    {\"filter\": \"test(perf)\", \"timeout\": {\"period\": \"5s\", "
	"\"terminate-after\": 3,\n"
	"      \"grace-period\": \"1s\"}},\n"
	"    {\"filter\": \"package(gen)\", \"platform\": \"host\", \"framework\": "
	"\"plain\"},\n"
	"    {\"target\": \"s390x\", \"framework\": \"gtest\"}],\n"
	"  \"profiles\": {\"ci\": {\"inherits\": \"base\", \"jobs\": 8}, \"base\": "
	"{\"user\": \"t\"},\n"
	"    \"default\": {\"fail-fast\": false}},\n"
	"}\n";

static void top_level(const struct config *c)
{
	autofree char *args = strv_join(&c->build.args, "|");
	autofree char *second = strv_join(&c->build_commands.v[1], "|");
	autofree char *targets = strv_join(&c->settings.targets, "|");

	is_str(c->schema, "xtest.schema.json", "$schema");
	is_str(c->adapter, "manifest", "adapter");
	is_str(c->source, "src", "source");
	is_str(args, "-DX=1", "build.args");
	is_int(c->machine.memory, 512, "machine.memory");
	is_int(c->machine.cpus, 2, "machine.cpus");
	is_str(c->machine.packages.v[0], "perl-base", "machine.packages");
	is_str(c->machine.kernel, "Image", "machine.kernel");
	is_str(c->machine.command_line, "quiet", "machine.command-line");
	is_int((long long)c->build_commands.len, 2, "build-commands");
	is_str(c->build_commands.v[0].v[1], "all", "as an array");
	is_str(second, "sh|-c|cc -o t t.c", "as a text");
	is_str(targets, "aarch64|s390x", "targets");
	is_int(c->settings.of_case.timeout.period_us, 90000000, "timeout");
	is_int(c->settings.of_case.timeout.terminate_after, 1,
		"a plain one ends the test");
	is_int(c->settings.of_case.timeout.grace_us, CONFIG_UNSET,
		"and has no grace period");
	is_int(c->settings.jobs, 3, "jobs");
	is_int(c->settings.fail_fast.max_fail, 1, "fail-fast");
	ok(c->settings.default_filter != NULL, "default-filter");
	is_str(c->settings.place, "user", "place");
	is_str(c->settings.user, "nobody", "user");
	is_int(c->settings.fresh, CONFIG_FRESH_CASE, "fresh");
}

static void suites(const struct config *c)
{
	const struct config_suite *s = &c->suites.v[0], *bare = &c->suites.v[1];
	autofree char *command = strv_join(&s->command, "|"),
		      *env = strv_join(&s->env, "|");

	is_int((long long)c->suites.len, 2, "suites");
	is_str(s->name, "t", "name");
	is_str(s->package, "p", "package");
	is_str(command, "./t|-v", "command");
	is_str(s->cwd, "d", "cwd");
	is_str(env, "A=1|B=", "env");
	is_str(s->framework, "tap", "framework");
	is_int(s->platform, CONFIG_HOST, "platform");
	is_str(s->labels.v[0], "x", "labels");
	is_int(s->timeout_us, 2000000, "timeout");
	is_int(s->expect_fail, 1, "expect-fail");
	is_int(s->skip_code, 7, "skip-code");
	is_str(s->files.v[0], "f", "files");
	is_str(s->depends.v[0], "p::u", "depends");
	is_int(s->serial, 0, "serial");
	is_str(bare->binary, "u", "binary");
	ok(!bare->package && !bare->command.len && bare->platform == -1 &&
			bare->timeout_us == CONFIG_UNSET && bare->expect_fail == -1 &&
			bare->skip_code == CONFIG_UNSET,
		"what is not given is unset");
}

static void archive(const struct config *c)
{
	const struct config_include *i = &c->archive.include.v[0];

	is_int((long long)c->archive.include.len, 2, "archive.include");
	is_str(i->path, "data", "path");
	is_int(i->relative_to, CONFIG_BUILD, "relative-to");
	is_int(i->depth, 4, "depth");
	is_int(i->on_missing, CONFIG_MISSING_IGNORE, "on-missing");
	is_int(i->platform, CONFIG_TARGET, "platform");
	ok(i->suites != NULL, "suites");
	is_int(i[1].depth, INT64_MAX, "infinite depth");
	is_int(i[1].on_missing, CONFIG_MISSING_UNSET, "on-missing not given");
	is_str(c->archive.exclude.v[0], "**/*.o", "exclude");
	is_int(c->archive.on_missing, CONFIG_MISSING_WARN, "on-missing of the archive");
}

static void overrides(const struct config *c)
{
	struct filter_subject s = {.test = "perf_1",
		.package = "gen",
		.target = "aarch64",
		.place = "system"};
	struct config_case_settings got;
	const struct config_timeout *timeout = &got.timeout;
	enum config_platform platform;
	const char *framework;
	struct err e = {0};

	ok(config_case_overrides(c, NULL, &s, &got, &e) == 0 &&
			timeout->period_us == 9000000,
		"the first override that applies wins");
	s.place = "user";
	ok(config_case_overrides(c, NULL, &s, &got, &e) == 0 &&
			timeout->period_us == 5000000 && timeout->terminate_after == 3 &&
			timeout->grace_us == 1000000,
		"another place, another override");
	s.test = "x";
	ok(config_case_overrides(c, NULL, &s, &got, &e) == 0 &&
			timeout->period_us == CONFIG_UNSET,
		"and another test, none");
	s.test = NULL;
	ok(config_override_platform(c, NULL, &s, &platform, &e) == 0 &&
			platform == CONFIG_HOST,
		"platform");
	ok(config_override_framework(c, NULL, &s, &framework, &e) == 0, "framework");
	is_str(framework, "plain", "by package");
	s.package = "other";
	s.target = "s390x";
	ok(config_override_framework(c, NULL, &s, &framework, &e) == 0, "framework");
	is_str(framework, "gtest", "by target");
	ok(config_override_platform(c, NULL, &s, &platform, &e) == 0 &&
			platform == CONFIG_PLATFORM_UNSET,
		"no platform");
}

/* Whether it holds for the suite cannot be known before its cases are: nobody would see
 * why it never does. */
static void undecidable(void)
{
	static const char text[] = "{\"overrides\": [\n"
				   "{\"filter\": \"test(a)\", \"timeout\": \"1s\"},\n"
				   "{\"filter\": \"test(a)\", \"framework\": \"tap\"}]}";
	autorelease_config struct config *c =
		config_parse(text, strlen(text), "x.json", &(struct err){0});
	struct filter_subject s = {.binary = "a"};
	enum config_platform platform;
	const char *framework;
	struct err e = {0};

	if (!ok(c != NULL, "a framework by the name of a case"))
		return;
	ok(config_override_platform(c, NULL, &s, &platform, &e) == 0, "says no platform");
	is_int(config_override_framework(c, NULL, &s, &framework, &e), -1, "is refused");
	ok(starts_with(e.msg, "x.json:3:12: platform and framework are said of whole "),
		"with its place in the file: %s", e.msg);
}

static void profiles(const struct config *c)
{
	struct config_settings s;
	struct err e = {0};

	ok(config_profile_settings(c, NULL, &s, &e) == 0 &&
			s.fail_fast.max_fail == CONFIG_ALL && s.jobs == 3,
		"the default profile is over the top level");
	ok(config_profile_settings(c, "ci", &s, &e) == 0 && s.jobs == 8 &&
			s.fail_fast.max_fail == CONFIG_ALL && streq(s.user, "t") &&
			streq(s.place, "user") && s.targets.len == 2 &&
			s.fresh == CONFIG_FRESH_CASE,
		"a profile, what it inherits, the default one, the top level");
	is_int(config_profile_settings(c, "zz", &s, &e), -1, "an unknown profile");
	is_str(e.msg, "there is no profile 'zz'; there are: default, ci, base",
		"is named");
}

static void origins(const struct config *c)
{
	const struct config_origin *o =
		config_origin_find(c, "overrides[1].timeout.period");

	ok(o && o->line == 22 && o->column == 52, "where a value was set");
	ok(!config_origin_find(c, "overrides[9]"), "and what was not");
}

static void schema(void)
{
	const char *dir = getenv("srcdir");
	autofree char *path = fs_join(dir ? dir : ".", "tests/golden/xtest.schema.json");
	autorelease(buf) struct buf got = BUF_INIT, want = BUF_INIT;
	struct err e = {0};

	config_schema_print(&got);
	if (getenv("XTEST_GOLDEN"))
		ok(fs_write_file(path, got.data, got.len, 0644, &e) == 0, "refresh %s",
			e.msg);
	if (ok(fs_read_file(path, &want, &e) == 0, "the schema %s", e.msg))
		is_str(buf_str(&got), buf_str(&want), "is the one that is published");
}

int main(void)
{
	struct err e = {0};
	autorelease_config struct config *c = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		autofree char *name = xstrdup(bad[i].text);
		struct err why = {0};

		for (char *p = name; *p; p++)
			if (*p == '\n' || *p == '#')
				*p = ' ';
		c = config_parse(bad[i].text, strlen(bad[i].text), "x.json", &why);
		is_str(c ? "accepted" : why.msg, bad[i].message, name);
		config_free(take_ptr(c));
	}
	c = config_parse(good, strlen(good), "xtest.json", &e);
	if (!ok(c != NULL, "a full configuration %s", e.msg))
		return tap_done();
	top_level(c);
	suites(c);
	archive(c);
	overrides(c);
	undecidable();
	profiles(c);
	origins(c);
	schema();
	return tap_done();
}
