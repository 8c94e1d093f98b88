/*
 * The parsed form of a filterset; for the files of src/filter only.
 */
#ifndef XTEST_FILTER_FILTER_AST_H
#define XTEST_FILTER_FILTER_AST_H

#include "base/pattern.h"
#include "filter/filter.h"

enum filter_field {
	FILTER_FIELD_ALL,
	FILTER_FIELD_NONE,
	FILTER_FIELD_DEFAULT,
	FILTER_FIELD_TEST,
	FILTER_FIELD_BINARY,
	FILTER_FIELD_BINARY_ID,
	FILTER_FIELD_PACKAGE,
	FILTER_FIELD_DEPS,
	FILTER_FIELD_RDEPS,
	FILTER_FIELD_KIND,
	FILTER_FIELD_PLATFORM,
	FILTER_FIELD_GROUP,
	FILTER_FIELD_TAG,
	FILTER_FIELD_TARGET,
	FILTER_FIELD_PLACE,
	FILTER_FIELD_FRAMEWORK,
};

enum filter_matcher_kind {
	FILTER_MATCH_NOTHING, /* the predicate takes no argument */
	FILTER_MATCH_EQUAL,
	FILTER_MATCH_CONTAINS,
	FILTER_MATCH_GLOB,
	FILTER_MATCH_REGEX,
};

struct filter_predicate {
	const char *name;
	enum filter_field field;
	enum filter_matcher_kind implicit; /* what a bare argument means */
	unsigned banned;                   /* bit per enum filter_context */
	const char *help;                  /* one line: what is selected */
};

struct filter_matcher {
	enum filter_matcher_kind kind;
	char *value;             /* owned; the argument without escapes */
	struct pattern *pattern; /* owned; globs and regular expressions */
};

enum filter_op { FILTER_TERM, FILTER_NOT, FILTER_AND, FILTER_OR };

struct filter_node {
	enum filter_op op;
	struct filter_node **kids; /* owned; one for NOT, two or more for AND and OR */
	size_t len, cap;
	const struct filter_predicate *predicate; /* of a TERM */
	struct filter_matcher matcher;
	size_t argument, argument_len; /* where in the text the argument is */
};

struct filter {
	char *text; /* owned; as it was written */
	struct filter_node *root;
};

/* The table of predicates; ends with a NULL name. */
extern const struct filter_predicate filter_parse_predicates[];

#endif
