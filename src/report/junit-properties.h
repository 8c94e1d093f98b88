/* The <properties> of a JUnit testsuite: what its cases have in common, and which of them
 * ended otherwise in another place; and those of a testcase: what is its alone. */
#ifndef XTEST_REPORT_JUNIT_PROPERTIES_H
#define XTEST_REPORT_JUNIT_PROPERTIES_H

#include "model/event.h"

struct xml;

/* The testsuite's, with the target, the place, …; the caller's. */
char *junit_properties_new(const struct event_item *item);
/* The testcase's: the board it ran on. Nothing where there are no boards. */
void junit_properties_of_case(struct xml *w, const struct event_item *item);
/* One more property in *xml: "difference" with the case, its verdicts and the cause. */
void junit_properties_add(char **xml, const struct difference *d);

#endif
