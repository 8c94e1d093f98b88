/* The scripts of a run in a JUnit document: a suite of its own for each, as cargo-nextest
 * has it. */
#ifndef XTEST_REPORT_JUNIT_SCRIPT_H
#define XTEST_REPORT_JUNIT_SCRIPT_H

#include "base/buf.h"
#include "model/event.h"

/* Zero-initialise; release `xml`. */
struct junit_scripts {
	struct buf xml; /* whole testsuites */
	size_t len, failed;
};

/* An EVENT_SCRIPT_END of a run that began at this time. */
void junit_script_add(
	struct junit_scripts *s, const struct event *event, int64_t wall_clock_ms);

#endif
