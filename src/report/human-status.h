/* What runs just now, for whoever has asked: the cases, and the end of what each has
 * said.
 */
#ifndef XTEST_REPORT_HUMAN_STATUS_H
#define XTEST_REPORT_HUMAN_STATUS_H

#include "report/human-line.h"

/* Of an EVENT_STATUS. */
void human_status_write(
	struct buf *out, const struct human_style *style, const struct event *event);

#endif
