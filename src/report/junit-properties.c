#include "report/junit-properties.h"

#include "model/compare.h"
#include "report/xml.h"

static const char end_tag[] = "</properties>";

static void add_property(struct xml *w, const char *name, const char *value)
{
	if (!value)
		return;
	xml_open(w, "property");
	xml_attribute(w, "name", name);
	xml_attribute(w, "value", value);
	xml_close(w);
}

void junit_properties_of_case(struct xml *w, const struct event_item *item)
{
	if (!item->board)
		return;
	xml_open(w, "properties");
	add_property(w, "board", item->board);
	xml_close(w);
}

char *junit_properties_new(const struct event_item *item)
{
	const struct {
		const char *name, *value;
	} list[] = {
		{"target", item->column->target},
		{"place", item->column->place},
		{"place.detail", item->column->detail},
		{"emulator", item->column->emulator},
		{"kernel", item->column->kernel},
		{"platform", platform_name(item->suite->platform)},
		{"package", item->suite->package},
		{"framework", item->suite->framework},
		{"build-system", item->suite->adapter},
	};
	autorelease(xml) struct xml x;
	struct buf out = BUF_INIT;

	xml_init(&x);
	xml_open(&x, "properties");
	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		add_property(&x, list[i].name, list[i].value);
	xml_close(&x);
	xml_drain(&x, &out);
	return buf_take(&out);
}

void junit_properties_add(char **xml, const struct difference *d)
{
	autofree char *what = compare_describe(d);
	autofree char *value = xasprintf("%s%s%s%s%s%s", d->test, *d->test ? ": " : "",
		what, d->cause ? " (" : "", d->cause ? d->cause : "",
		d->cause ? ")" : "");
	autofree char *old = *xml;
	autorelease(xml) struct xml x;
	struct buf out = BUF_INIT;

	buf_append(&out, old, strlen(old) - strlen(end_tag));
	xml_init(&x);
	add_property(&x, "difference", value);
	xml_drain(&x, &out);
	buf_append_str(&out, end_tag);
	*xml = buf_take(&out);
}
