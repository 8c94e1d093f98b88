#include "filter/filter-ast.h"
#include "filter/filter-fault.h"

struct evaluation {
	const struct filter_subject *subject;
	bool case_known; /* a NULL name is the empty one */
	struct err *e;
};

static enum filter_answer eval(
	const struct filter_node *node, const struct evaluation *v);

static enum filter_answer match(
	const struct filter_matcher *m, const char *name, struct err *e)
{
	int got;

	switch (m->kind) {
	case FILTER_MATCH_EQUAL:
		return streq(m->value, name) ? FILTER_YES : FILTER_NO;
	case FILTER_MATCH_CONTAINS:
		return strstr(name, m->value) ? FILTER_YES : FILTER_NO;
	case FILTER_MATCH_GLOB:
	case FILTER_MATCH_REGEX:
		got = pattern_match(m->pattern, name, strlen(name), e);
		if (got < 0) {
			err_context(e, "filterset: '%s' against '%.60s'", m->value, name);
			e->kind = ERR_FILTER;
			return FILTER_ERROR;
		}
		return got ? FILTER_YES : FILTER_NO;
	case FILTER_MATCH_NOTHING:
		break;
	}
	return FILTER_YES;
}

static enum filter_answer match_any(
	const struct filter_matcher *m, const char *const *names, struct err *e)
{
	for (size_t i = 0; names[i]; i++) {
		enum filter_answer answer = match(m, names[i], e);

		if (answer != FILTER_NO)
			return answer;
	}
	return FILTER_NO;
}

/* The names a predicate looks at: a list, or one name put into one[0]. NULL: not known.
 */
static const char *const *names_of(
	enum filter_field field, const struct filter_subject *s, const char *one[2])
{
	switch (field) {
	case FILTER_FIELD_DEPS:
		return s->deps;
	case FILTER_FIELD_RDEPS:
		return s->rdeps;
	case FILTER_FIELD_TAG:
		return s->tags;
	case FILTER_FIELD_TEST:
		one[0] = s->test;
		break;
	case FILTER_FIELD_BINARY:
		one[0] = s->binary;
		break;
	case FILTER_FIELD_BINARY_ID:
		one[0] = s->binary_id;
		break;
	case FILTER_FIELD_PACKAGE:
		one[0] = s->package;
		break;
	case FILTER_FIELD_KIND:
		one[0] = s->kind;
		break;
	case FILTER_FIELD_PLATFORM:
		one[0] = s->platform == FILTER_HOST     ? "host"
			 : s->platform == FILTER_TARGET ? "target"
							: NULL;
		break;
	case FILTER_FIELD_GROUP:
		one[0] = s->group;
		break;
	case FILTER_FIELD_TARGET:
		one[0] = s->target;
		break;
	case FILTER_FIELD_PLACE:
		one[0] = s->place;
		break;
	case FILTER_FIELD_FRAMEWORK:
		one[0] = s->framework;
		break;
	default:
		break;
	}
	return one[0] ? one : NULL;
}

static enum filter_answer eval_term(
	const struct filter_node *node, const struct evaluation *v)
{
	const struct filter_subject *s = v->subject;
	static const char *const empty_list[] = {NULL};
	const char *one[2] = {NULL, NULL};
	const char *const *names;
	enum filter_field field = node->predicate->field;

	if (field == FILTER_FIELD_ALL ||
		(field == FILTER_FIELD_DEFAULT && !s->default_filter))
		return FILTER_YES;
	if (field == FILTER_FIELD_NONE)
		return FILTER_NO;
	if (field == FILTER_FIELD_DEFAULT)
		return eval(s->default_filter->root, v);
	names = names_of(field, s, one);
	if (!names && !v->case_known)
		return FILTER_DEPENDS;
	if (!names) {
		bool is_list = field == FILTER_FIELD_DEPS ||
			       field == FILTER_FIELD_RDEPS || field == FILTER_FIELD_TAG;

		one[0] = "";
		names = is_list ? empty_list : one;
	}
	return match_any(&node->matcher, names, v->e);
}

static enum filter_answer eval(const struct filter_node *node, const struct evaluation *v)
{
	enum filter_answer decided = node->op == FILTER_OR ? FILTER_YES : FILTER_NO;
	enum filter_answer result = node->op == FILTER_OR ? FILTER_NO : FILTER_YES;

	if (node->op == FILTER_TERM)
		return eval_term(node, v);
	for (size_t i = 0; i < node->len; i++) {
		enum filter_answer answer = eval(node->kids[i], v);

		if (node->op == FILTER_NOT)
			return answer == FILTER_YES  ? FILTER_NO
			       : answer == FILTER_NO ? FILTER_YES
						     : answer;
		if (answer == FILTER_ERROR || answer == decided)
			return answer;
		if (answer == FILTER_DEPENDS)
			result = FILTER_DEPENDS;
	}
	return result;
}

enum filter_answer filter_eval_suite(
	const struct filter *f, const struct filter_subject *subject, struct err *e)
{
	struct evaluation v = {.subject = subject, .case_known = false, .e = e};

	return eval(f->root, &v);
}

enum filter_answer filter_eval_case(
	const struct filter *f, const struct filter_subject *subject, struct err *e)
{
	struct evaluation v = {.subject = subject, .case_known = true, .e = e};

	return eval(f->root, &v);
}

static bool uses(const struct filter_node *node, const char *predicate)
{
	for (size_t i = 0; i < node->len; i++)
		if (uses(node->kids[i], predicate))
			return true;
	return node->op == FILTER_TERM && streq(node->predicate->name, predicate);
}

bool filter_uses(const struct filter *f, const char *predicate)
{
	return uses(f->root, predicate);
}

static const char *const *known_names(
	enum filter_field field, const struct filter_names *names)
{
	switch (field) {
	case FILTER_FIELD_BINARY:
		return names->binaries;
	case FILTER_FIELD_BINARY_ID:
		return names->binary_ids;
	case FILTER_FIELD_PACKAGE:
		return names->packages;
	case FILTER_FIELD_DEPS:
	case FILTER_FIELD_RDEPS:
		return names->deps;
	case FILTER_FIELD_GROUP:
		return names->groups;
	case FILTER_FIELD_TAG:
		return names->tags;
	case FILTER_FIELD_TARGET:
		return names->targets;
	case FILTER_FIELD_PLACE:
		return names->places;
	case FILTER_FIELD_FRAMEWORK:
		return names->frameworks;
	default:
		return NULL;
	}
}

static void check(const struct filter_node *node, const struct filter_names *names,
	struct filter_fault_list *faults)
{
	const char *const *known = NULL;
	const char *near, *what;
	struct err ignored = {0};

	for (size_t i = 0; i < node->len; i++)
		check(node->kids[i], names, faults);
	if (node->op == FILTER_TERM)
		known = known_names(node->predicate->field, names);
	if (!known || match_any(&node->matcher, known, &ignored) != FILTER_NO)
		return;
	what = node->predicate->field == FILTER_FIELD_DEPS ||
			       node->predicate->field == FILTER_FIELD_RDEPS
		       ? "package or library"
		       : node->predicate->name;
	near = util_nearest(node->matcher.value, known);
	filter_fault_add(faults, node->argument, node->argument_len,
		"matches no %s there is%s%.80s%s", what, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
}

int filter_check(const struct filter *f, const struct filter_names *names, struct err *e)
{
	struct filter_fault_list faults = {0};
	int status;

	check(f->root, names, &faults);
	status = filter_fault_report(&faults, f->text, e);
	filter_fault_release(&faults);
	return status;
}
