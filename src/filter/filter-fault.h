/*
 * Faults found in an expression, collected so that one report can mark them all.
 */
#ifndef XTEST_FILTER_FILTER_FAULT_H
#define XTEST_FILTER_FILTER_FAULT_H

#include "base/buf.h"
#include "base/err.h"

struct filter_fault {
	size_t at, len; /* bytes of the text; len 0 marks the place before `at` */
	char *message;
};

struct filter_fault_list {
	struct filter_fault *items;
	size_t len, cap;
	bool closed;
};

void filter_fault_add(struct filter_fault_list *list, size_t at, size_t len,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Reports this fault alone; whatever is added later is passed over. */
void filter_fault_final(struct filter_fault_list *list, size_t at, const char *message);
void filter_fault_release(struct filter_fault_list *list);
/* Draws the lines of `text` with a marker and the message under each fault, in the order
 * of the text. Returns -1 with ERR_FILTER, or 0 when the list is empty. */
int filter_fault_report(
	struct filter_fault_list *list, const char *text, struct err *e) MUST_CHECK;

#endif
