#include "filter/filter-set.h"

#include "tests/tap.h"

static const char *const tags[] = {"slow", "net", NULL};
static const char *const deps[] = {"libz.so.1", "libm.so.6", NULL};
static const char *const rdeps[] = {"app", NULL};

static const struct filter_subject subject = {
	.test = "parse::Nested_é",
	.binary = "unit",
	.binary_id = "json::unit",
	.package = "json",
	.kind = "test",
	.platform = FILTER_TARGET,
	.target = "aarch64",
	.place = "user",
	.framework = "gtest",
	.group = "serial",
	.tags = tags,
	.deps = deps,
	.rdeps = rdeps,
};

/* For the case, and for its suite while the case name and the place are not known. */
static const struct {
	const char *expression;
	enum filter_answer of_case, of_suite;
} answers[] = {
	{"all()", FILTER_YES, FILTER_YES},
	{"none()", FILTER_NO, FILTER_NO},
	{"test(Nested)", FILTER_YES, FILTER_DEPENDS},
	{"test(nested)", FILTER_NO, FILTER_DEPENDS},
	{"test(=parse)", FILTER_NO, FILTER_DEPENDS},
	{"test(=parse::Nested_é)", FILTER_YES, FILTER_DEPENDS},
	{"test(#parse)", FILTER_NO, FILTER_DEPENDS},
	{"test(#parse::*_?)", FILTER_YES, FILTER_DEPENDS},
	{"test(/^parse::\\w+$/)", FILTER_YES, FILTER_DEPENDS},
	{"test(/arse/)", FILTER_YES, FILTER_DEPENDS},
	{"package(js)", FILTER_NO, FILTER_NO},
	{"package(js*)", FILTER_YES, FILTER_YES},
	{"package(~js)", FILTER_YES, FILTER_YES},
	{"package(=json)", FILTER_YES, FILTER_YES},
	{"binary(unit)", FILTER_YES, FILTER_YES},
	{"binary_id(json::*)", FILTER_YES, FILTER_YES},
	{"binary_id(unit)", FILTER_NO, FILTER_NO},
	{"kind(test)", FILTER_YES, FILTER_YES},
	{"kind(tes)", FILTER_NO, FILTER_NO},
	{"platform(target)", FILTER_YES, FILTER_YES},
	{"platform(host)", FILTER_NO, FILTER_NO},
	{"tag(net)", FILTER_YES, FILTER_YES},
	{"tag(ne)", FILTER_NO, FILTER_NO},
	{"deps(libm*)", FILTER_YES, FILTER_YES},
	{"deps(app)", FILTER_NO, FILTER_NO},
	{"rdeps(app)", FILTER_YES, FILTER_YES},
	{"target(aarch*)", FILTER_YES, FILTER_YES},
	{"place(user)", FILTER_YES, FILTER_DEPENDS},
	{"place(system)", FILTER_NO, FILTER_DEPENDS},
	{"framework(gtest)", FILTER_YES, FILTER_YES},
	{"group(serial)", FILTER_YES, FILTER_YES},
	{"default()", FILTER_YES, FILTER_YES},
	{"not test(x)", FILTER_YES, FILTER_DEPENDS},
	{"test(x) and package(other)", FILTER_NO, FILTER_NO},
	{"package(other) and test(x)", FILTER_NO, FILTER_NO},
	{"test(x) or package(json)", FILTER_YES, FILTER_YES},
	{"test(x) - package(json)", FILTER_NO, FILTER_NO},
	{"test(Nested) - package(other)", FILTER_YES, FILTER_DEPENDS},
	{"not (test(x) and none())", FILTER_YES, FILTER_YES},
	{"not (test(x) or all())", FILTER_NO, FILTER_NO},
	{"none() or test(Nested) and all()", FILTER_YES, FILTER_DEPENDS},
};

static const struct {
	const char *expressions[3];
	const char *names, *skips, *default_filter;
	bool exact, ignore_default;
	enum filter_answer of_case, of_suite;
	enum filter_set_reason reason;
} sets[] = {
	{{0}, "", "", NULL, 0, 0, FILTER_YES, FILTER_YES, FILTER_SET_MATCHES},
	{{"none()", "test(Nested)"}, "", "", NULL, 0, 0, FILTER_YES, FILTER_DEPENDS, 0},
	{{"none()", "test(x)"}, "", "", NULL, 0, 0, FILTER_NO, FILTER_DEPENDS,
		FILTER_SET_EXPRESSION},
	{{0}, "zzz|Nested", "", NULL, 0, 0, FILTER_YES, FILTER_DEPENDS, 0},
	{{0}, "zzz", "", NULL, 0, 0, FILTER_NO, FILTER_DEPENDS, FILTER_SET_NAME},
	{{0}, "json::unit", "", NULL, 0, 0, FILTER_YES, FILTER_YES, 0},
	{{0}, "unit parse", "", NULL, 0, 0, FILTER_YES, FILTER_DEPENDS, 0},
	{{0}, "unit parse", "", NULL, 1, 0, FILTER_NO, FILTER_DEPENDS, FILTER_SET_NAME},
	{{0}, "json::unit parse::Nested_é", "", NULL, 1, 0, FILTER_YES, FILTER_DEPENDS,
		0},
	{{0}, "json::unit", "", NULL, 1, 0, FILTER_YES, FILTER_YES, 0},
	{{0}, "parse::Nested_é", "", NULL, 1, 0, FILTER_YES, FILTER_DEPENDS, 0},
	{{0}, "", "Nested", NULL, 0, 0, FILTER_NO, FILTER_DEPENDS, FILTER_SET_NAME},
	{{0}, "", "Nested", NULL, 1, 0, FILTER_YES, FILTER_DEPENDS, 0},
	{{0}, "", "json::unit", NULL, 0, 0, FILTER_NO, FILTER_NO, FILTER_SET_NAME},
	{{"all()"}, "zzz", "", NULL, 0, 0, FILTER_NO, FILTER_DEPENDS, FILTER_SET_NAME},
	{{"none()"}, "Nested", "", NULL, 0, 0, FILTER_NO, FILTER_NO,
		FILTER_SET_EXPRESSION},
	{{0}, "", "", "not package(json)", 0, 0, FILTER_NO, FILTER_NO,
		FILTER_SET_DEFAULT},
	{{0}, "", "", "not package(json)", 0, 1, FILTER_YES, FILTER_YES, 0},
	{{"default()"}, "", "", "none()", 0, 1, FILTER_NO, FILTER_NO,
		FILTER_SET_EXPRESSION},
	{{"not default()"}, "", "", "none()", 0, 1, FILTER_YES, FILTER_YES, 0},
};

static void one_set(size_t i)
{
	autorelease(filter_set) struct filter_set set = {0};
	struct filter_subject suite = subject;
	enum filter_set_reason reason;
	struct filter *standard = NULL;
	struct err e = {0};

	suite.test = NULL;
	for (size_t k = 0; sets[i].expressions[k]; k++)
		if (filter_set_add(
			    &set, sets[i].expressions[k], FILTER_COMMAND_LINE, &e) < 0)
			ok(0, "%s", e.msg);
	strv_split(&set.names, sets[i].names, "|");
	strv_split(&set.skips, sets[i].skips, "|");
	set.exact = sets[i].exact;
	set.ignore_default = sets[i].ignore_default;
	if (sets[i].default_filter)
		standard = filter_parse(sets[i].default_filter, FILTER_DEFAULT, &e);
	set.default_filter = standard;
	is_int(filter_set_case(&set, &subject, &reason, &e), sets[i].of_case,
		"set: the case");
	is_int(reason, sets[i].reason, "set: the reason");
	is_int(filter_set_suite(&set, &suite, NULL, &e), sets[i].of_suite,
		"set: the suite");
	filter_free(standard);
}

static void unknown_names_are_refused(void)
{
	static const char *const packages[] = {"json", "wire", NULL};
	static const char *const none[] = {NULL};
	static const struct filter_names names = {
		.packages = packages, .deps = packages, .tags = none};
	autorelease(filter_set) struct filter_set set = {0};
	struct err e = {0};

	if (filter_set_add(&set, "package(js*) or kind(x) or test(x) or binary(x)",
		    FILTER_COMMAND_LINE, &e) < 0)
		ok(0, "%s", e.msg);
	is_int(filter_set_check(&set, &names, &e), 0, "names that exist pass");
	if (filter_set_add(&set,
		    "not package(jsn) and (tag(a) or deps(/^w/) or rdeps(zz))",
		    FILTER_COMMAND_LINE, &e) < 0)
		ok(0, "%s", e.msg);
	is_int(filter_set_check(&set, &names, &e), -1,
		"names that do not exist are refused");
	is_int(e.kind, ERR_FILTER, "as a filter error");
	is_str(e.msg,
		"invalid filterset\n"
		"  not package(jsn) and (tag(a) or deps(/^w/) or rdeps(zz))\n"
		"              ^^^ matches no package there is; did you mean 'json'?\n"
		"                            ^ matches no tag there is\n"
		"                                                      ^^ matches no "
		"package or library there is",
		"each of them marked");
}

static void a_slow_expression_is_an_error(void)
{
	struct filter_subject s = {
		.test = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"};
	struct err e = {0};
	struct filter *f =
		filter_parse("not test(/^(a|aa|b?a)+$/)", FILTER_COMMAND_LINE, &e);

	is_int(filter_eval_case(f, &s, &e), FILTER_ERROR, "the match limit is no answer");
	is_int(e.kind, ERR_FILTER, "but a filter error");
	ok(strstr(e.msg, "match limit") != NULL, "%s", e.msg);
	filter_free(f);
}

int main(void)
{
	struct filter_subject suite = subject;

	suite.test = suite.place = NULL;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct err e = {0};
		struct filter *f =
			filter_parse(answers[i].expression, FILTER_COMMAND_LINE, &e);

		if (!ok(f != NULL, "%s %s", answers[i].expression, e.msg))
			continue;
		is_int(filter_eval_case(f, &subject, &e), answers[i].of_case, "the case");
		is_int(filter_eval_suite(f, &suite, &e), answers[i].of_suite,
			"the suite");
		filter_free(f);
	}
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		one_set(i);
	unknown_names_are_refused();
	a_slow_expression_is_an_error();
	return tap_done();
}
