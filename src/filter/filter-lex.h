/*
 * The words of the filterset language: blanks, operators, and the arguments of predicates
 * with their matcher prefix and escapes. For the parser only.
 */
#ifndef XTEST_FILTER_FILTER_LEX_H
#define XTEST_FILTER_FILTER_LEX_H

#include "filter/filter-ast.h"
#include "filter/filter-fault.h"

struct filter_lex {
	const char *text;
	size_t at;
	struct filter_fault_list faults;
};

void filter_lex_blanks(struct filter_lex *l);
/* Length of the name ([A-Za-z_][A-Za-z0-9_-]*) at the cursor, or 0. */
size_t filter_lex_word(const struct filter_lex *l);
/* Takes `word` when it stands at the cursor as a whole name. */
bool filter_lex_take_word(struct filter_lex *l, const char *word);
bool filter_lex_take_char(struct filter_lex *l, char c);
/* True when the cursor is at the end of the text. */
bool filter_lex_at_end(const struct filter_lex *l);
/* Reads an argument up to its ')' or the end of the text, and compiles it. A fault leaves
 * m->kind FILTER_MATCH_NOTHING and the cursor where the parser can go on. */
void filter_lex_argument(struct filter_lex *l, enum filter_matcher_kind implicit,
	struct filter_matcher *m);

#endif
