#include "report/junit-script.h"

#include "report/xml.h"

static void stream(struct xml *w, const char *element, const struct buf *data)
{
	if (!data->len)
		return;
	xml_open(w, element);
	xml_text(w, data->data, data->len);
	xml_close(w);
}

static void testcase(struct xml *w, const struct event *event, const char *class)
{
	xml_raw(w, "\n    ");
	xml_open(w, "testcase");
	xml_attribute(w, "name", event->script.name);
	xml_attribute(w, "classname", class);
	xml_seconds(w, "time", event->script.elapsed_ms * 1000);
	if (event->script.reason) {
		xml_open(w, "error");
		xml_attribute(w, "message", event->script.reason);
		xml_close(w);
	}
	stream(w, "system-out", event->script.out);
	stream(w, "system-err", event->script.err);
	xml_close(w);
	xml_raw(w, "\n  ");
}

void junit_script_add(
	struct junit_scripts *s, const struct event *event, int64_t wall_clock_ms)
{
	autofree char *name =
		xasprintf("@%s-script:%s", event->script.phase, event->script.name);
	autorelease(xml) struct xml x;
	struct xml *w = &x;

	xml_init(w);
	xml_raw(w, "\n  ");
	xml_open(w, "testsuite");
	xml_attribute(w, "name", name);
	xml_time(w, "timestamp",
		wall_clock_ms + event->time_ms - event->script.elapsed_ms);
	xml_count(w, "tests", 1);
	xml_count(w, "failures", 0);
	xml_count(w, "errors", event->script.reason != NULL);
	xml_count(w, "skipped", 0);
	xml_seconds(w, "time", event->script.elapsed_ms * 1000);
	testcase(w, event, name);
	xml_close(w);
	xml_drain(w, &s->xml);
	s->len++;
	s->failed += event->script.reason != NULL;
}
