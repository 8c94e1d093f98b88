#include "filter/filter-set.h"

void filter_set_release(struct filter_set *set)
{
	for (size_t i = 0; i < set->len; i++)
		filter_free(set->expressions[i]);
	free(set->expressions);
	strv_release(&set->names);
	strv_release(&set->skips);
	*set = (struct filter_set){0};
}

int filter_set_add(struct filter_set *set, const char *expression,
	enum filter_context context, struct err *e)
{
	struct filter *f = filter_parse(expression, context, e);

	if (!f)
		return -1;
	set->expressions = xgrow(
		set->expressions, &set->cap, set->len + 1, sizeof(*set->expressions));
	set->expressions[set->len++] = f;
	return 0;
}

bool filter_set_uses(const struct filter_set *set, const char *predicate)
{
	for (size_t i = 0; i < set->len; i++)
		if (filter_uses(set->expressions[i], predicate))
			return true;
	return set->default_filter && filter_uses(set->default_filter, predicate);
}

int filter_set_check(
	const struct filter_set *set, const struct filter_names *names, struct err *e)
{
	for (size_t i = 0; i < set->len; i++)
		if (filter_check(set->expressions[i], names, e) < 0)
			return -1;
	return 0;
}

static bool name_matches(const char *name, const char *wanted, bool exact)
{
	return exact ? streq(name, wanted) : strstr(name, wanted) != NULL;
}

/* Does one of the names match? With the case name still unknown, a suite id that matches
 * already settles it. */
static enum filter_answer match_names(const struct strv *names, bool exact,
	const struct filter_subject *subject, bool case_known)
{
	const char *suite = subject->binary_id ? subject->binary_id : "";
	const char *test = subject->test ? subject->test : "";
	autofree char *id = xasprintf("%s %s", suite, test);

	for (size_t i = 0; i < names->len; i++) {
		if (name_matches(suite, names->v[i], exact))
			return FILTER_YES;
		if ((subject->test || case_known) &&
			(name_matches(test, names->v[i], exact) ||
				name_matches(id, names->v[i], exact)))
			return FILTER_YES;
	}
	return names->len && !subject->test && !case_known ? FILTER_DEPENDS : FILTER_NO;
}

static enum filter_answer invert(enum filter_answer answer)
{
	return answer == FILTER_YES  ? FILTER_NO
	       : answer == FILTER_NO ? FILTER_YES
				     : answer;
}

static enum filter_answer eval(const struct filter *f,
	const struct filter_subject *subject, bool case_known, struct err *e)
{
	return case_known ? filter_eval_case(f, subject, e)
			  : filter_eval_suite(f, subject, e);
}

static enum filter_answer eval_expressions(const struct filter_set *set,
	const struct filter_subject *subject, bool case_known, struct err *e)
{
	enum filter_answer result = set->len ? FILTER_NO : FILTER_YES;

	for (size_t i = 0; i < set->len; i++) {
		enum filter_answer answer =
			eval(set->expressions[i], subject, case_known, e);

		if (answer == FILTER_ERROR || answer == FILTER_YES)
			return answer;
		if (answer == FILTER_DEPENDS)
			result = answer;
	}
	return result;
}

static enum filter_answer match_side(
	const struct filter_set *set, const struct filter_subject *subject)
{
	bool host = subject->platform == FILTER_HOST;

	return !set->side || streq(set->side, host ? "host" : "target") ? FILTER_YES
									: FILTER_NO;
}

static enum filter_answer eval_set(const struct filter_set *set,
	const struct filter_subject *given, bool case_known,
	enum filter_set_reason *reason, struct err *e)
{
	struct filter_subject subject = *given;
	enum filter_answer parts[] = {
		FILTER_YES, FILTER_YES, match_side(set, given), FILTER_YES, FILTER_YES};
	static const enum filter_set_reason reasons[] = {FILTER_SET_NAME, FILTER_SET_NAME,
		FILTER_SET_EXPRESSION, FILTER_SET_EXPRESSION, FILTER_SET_DEFAULT};
	enum filter_answer result = FILTER_YES;

	subject.default_filter = set->default_filter;
	if (set->names.len)
		parts[0] = match_names(&set->names, set->exact, &subject, case_known);
	parts[1] = invert(match_names(&set->skips, set->exact, &subject, case_known));
	parts[3] = eval_expressions(set, &subject, case_known, e);
	if (set->default_filter && !set->ignore_default)
		parts[4] = eval(set->default_filter, &subject, case_known, e);
	if (reason)
		*reason = FILTER_SET_MATCHES;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i] == FILTER_ERROR)
			return FILTER_ERROR;
		if (parts[i] == FILTER_NO) {
			if (reason)
				*reason = reasons[i];
			return FILTER_NO;
		}
		if (parts[i] == FILTER_DEPENDS)
			result = FILTER_DEPENDS;
	}
	return result;
}

enum filter_answer filter_set_suite(const struct filter_set *set,
	const struct filter_subject *subject, enum filter_set_reason *reason,
	struct err *e)
{
	return eval_set(set, subject, false, reason, e);
}

enum filter_answer filter_set_case(const struct filter_set *set,
	const struct filter_subject *subject, enum filter_set_reason *reason,
	struct err *e)
{
	return eval_set(set, subject, true, reason, e);
}
