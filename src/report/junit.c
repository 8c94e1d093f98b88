/*
 * JUnit XML in the shape that Jenkins, GitLab and the Surefire tools read (Jenkins' xUnit
 * plugin, junit-10.xsd). One testsuite per suite and column; they are written at the end,
 * because cases of many suites end in any order. Until then every case is a finished
 * piece of XML in a spill.
 */
#include "base/hash.h"
#include "model/compare.h"
#include "report/junit-properties.h"
#include "report/junit-script.h"
#include "report/reporter.h"
#include "report/spill.h"
#include "report/xml.h"

enum {
	/* Of each stream of a case that did not pass; the middle of more is left out,
	 * because consumers hold all in memory. */
	OUTPUT_HEAD = 64 << 10,
	OUTPUT_TAIL = 192 << 10,
};

/* One attempt of one case, or one of its points. */
struct piece {
	size_t index; /* in the plan */
	unsigned order;
	bool retry; /* an attempt before the last: goes into the last one's element */
	bool final; /* the first piece of the last attempt: takes the earlier ones in */
	bool failed;
	off_t at;
	size_t len;
};

struct junit_suite {
	char *name; /* owned: "SUITE (COLUMN)" */
	uint64_t key;
	int64_t started_ms;
	char *properties; /* owned: the XML of junit-properties.c */
	struct piece *v;  /* owned */
	size_t len, cap;
	size_t first_index;
	size_t tests, failures, errors, skipped;
	int64_t wall_us;
};

struct junit {
	int fd;
	struct spill spill;
	struct junit_suite *v; /* owned */
	size_t len, cap;
	size_t recent; /* the suite that was looked up last */
	char *project; /* owned */
	int64_t wall_clock_ms, time_ms;
	unsigned order;
	struct junit_scripts scripts;
	bool ended;       /* the last event has come */
	char *incomplete; /* owned: why some cases are not in here; NULL when all are */
};

static void *junit_open(const struct report_options *options, struct err *e UNUSED)
{
	struct junit *j = xcalloc(1, sizeof *j);

	j->fd = options->fd;
	spill_init(&j->spill);
	return j;
}

static void stream(
	struct xml *w, const char *element, const struct buf *data, uint64_t dropped)
{
	size_t head = data->len, tail = 0;

	if (!data->len)
		return;
	if (data->len > OUTPUT_HEAD + OUTPUT_TAIL) {
		head = OUTPUT_HEAD;
		tail = OUTPUT_TAIL;
	}
	xml_open(w, element);
	xml_text(w, data->data, head);
	if (tail) {
		autofree char *gap = xasprintf(
			"\n[%zu bytes left out here]\n", data->len - head - tail);

		xml_text(w, gap, strlen(gap));
		xml_text(w, data->data + data->len - tail, tail);
	}
	if (dropped) {
		autofree char *more = xasprintf("\n[%llu more bytes were not kept]\n",
			(unsigned long long)dropped);

		xml_text(w, more, strlen(more));
	}
	xml_close(w);
}

static void streams(struct xml *w, const struct outcome *o)
{
	autorelease(buf) struct buf both = BUF_INIT;

	stream(w, "system-out", &o->out, o->out_dropped);
	if (!o->console) {
		stream(w, "system-err", &o->err, o->err_dropped);
		return;
	}
	/* The schema has room for two streams. */
	buf_append(&both, buf_str(&o->err), o->err.len);
	buf_printf(&both, "%sconsole:\n%s", both.len ? "\n" : "", o->console);
	stream(w, "system-err", &both, o->err_dropped);
}

/* <failure>, <error> or <skipped>; nothing for what counts as passed. */
static void verdict_element(
	struct xml *w, enum verdict v, const char *message, const char *excerpt)
{
	const char *element = verdict_is_failure(v) ? "failure"
			      : v == VERDICT_LOST   ? "error"
			      : v == VERDICT_SKIP   ? "skipped"
						    : NULL;

	if (!element)
		return;
	xml_open(w, element);
	if (v != VERDICT_SKIP)
		xml_attribute(w, "type", verdict_name(v));
	if (message)
		xml_attribute(w, "message", message);
	if (excerpt)
		xml_text(w, excerpt, strlen(excerpt));
	xml_close(w);
}

static void open_testcase(struct xml *w, const struct event_item *item, const char *name)
{
	autofree char *class = xasprintf("%s.%s", item->column->label, item->suite->id);

	xml_open(w, "testcase");
	xml_attribute(w, "name", name);
	xml_attribute(w, "classname", class);
	junit_properties_of_case(w, item);
}

static const char *case_name(const struct event_item *item)
{
	return *item->test->name ? item->test->name : item->suite->name;
}

/* Takes what `w` has composed as one piece. */
static int add_piece(struct junit *j, struct junit_suite *s, struct piece piece,
	struct xml *w, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;

	xml_drain(w, &out);
	piece.order = j->order++;
	piece.len = out.len;
	if (spill_append(&j->spill, out.data, out.len, &piece.at, e) < 0)
		return -1;
	s->v = xgrow(s->v, &s->cap, s->len + 1, sizeof *s->v);
	s->v[s->len++] = piece;
	return 0;
}

static void count(struct junit_suite *s, enum verdict v)
{
	s->tests++;
	s->failures += verdict_is_failure(v);
	s->errors += v == VERDICT_LOST;
	s->skipped += v == VERDICT_SKIP;
}

static uint64_t suite_key(const char *id, const char *label)
{
	return hash_xxh64(id, strlen(id), hash_xxh64(label, strlen(label), 0));
}

static struct junit_suite *get_suite(struct junit *j, const struct event_item *item)
{
	autofree char *id = event_item_suite(item);
	const char *label = item->column->label;
	uint64_t key = suite_key(id, label);
	struct junit_suite *s;

	/* Cases of one suite mostly come together. */
	if (j->recent < j->len && j->v[j->recent].key == key)
		return &j->v[j->recent];
	for (j->recent = 0; j->recent < j->len; j->recent++)
		if (j->v[j->recent].key == key)
			return &j->v[j->recent];
	j->v = xgrow(j->v, &j->cap, j->len + 1, sizeof *j->v);
	s = &j->v[j->len++];
	*s = (struct junit_suite){
		.name = xasprintf("%s (%s)", id, label),
		.key = key,
		.started_ms = item->started_ms,
		.properties = junit_properties_new(item),
		.first_index = item->index,
	};
	return s;
}

/* Whether the report holds what the case printed. */
static bool is_stored(const struct event *event)
{
	enum verdict v = event->item.judgement->verdict;
	bool bad = verdict_is_failure(v) || v == VERDICT_LOST || v == VERDICT_LEAK;

	return bad ? event->item.item->junit_failure : event->item.item->junit_success;
}

/* An earlier attempt: a testcase with one element, whose name is put in when it is known
 * how the last one ended. */
static void write_retry(struct xml *w, const struct event *event)
{
	const struct judgement *judgement = event->item.judgement;
	autofree char *message = judgement_message(judgement);

	open_testcase(w, event->item.item, case_name(event->item.item));
	xml_open(w, "x");
	xml_attribute(w, "type", verdict_name(judgement->verdict));
	if (message)
		xml_attribute(w, "message", message);
	if (judgement->excerpt)
		xml_text(w, judgement->excerpt, strlen(judgement->excerpt));
	if (is_stored(event))
		streams(w, event->item.outcome);
	xml_close(w);
	xml_close(w);
}

/* For those who read the report the failure does not count. */
static void quarantine_element(struct xml *w, const struct event *event)
{
	const struct judgement *j = event->item.judgement;
	autofree char *message =
		xasprintf("in quarantine: %s; %s", event->item.item->quarantine,
			j->reason ? j->reason : verdict_name(j->verdict));

	verdict_element(w, VERDICT_SKIP, message, j->excerpt);
}

static void write_case(struct xml *w, const struct event *event)
{
	const struct event_item *item = event->item.item;
	const struct judgement *judgement = event->item.judgement;
	enum verdict v = judgement->verdict;
	autofree char *message = judgement_message(judgement);

	open_testcase(w, item, case_name(item));
	xml_seconds(w, "time", event->item.outcome->wall_us);
	if (event_is_quarantined(item, v))
		quarantine_element(w, event);
	else
		verdict_element(w, v, message, judgement->excerpt);
	if (is_stored(event))
		streams(w, event->item.outcome);
	xml_close(w);
}

static bool has_bad_point(const struct judgement *judgement)
{
	for (size_t i = 0; i < judgement->n_points; i++)
		if (verdict_is_failure(judgement->points[i].verdict))
			return true;
	return false;
}

/* A testcase for each point; the first bad one carries what the case printed. */
static int add_points(struct junit *j, struct junit_suite *s, const struct event *event,
	struct piece piece, struct xml *w, struct err *e)
{
	const struct event_item *item = event->item.item;
	const struct judgement *judgement = event->item.judgement;
	bool shown = false;

	for (size_t i = 0; i < judgement->n_points; i++) {
		const struct point *p = &judgement->points[i];
		autofree char *name =
			*item->test->name ? xasprintf("%s: %s", case_name(item), p->name)
					  : xstrdup(p->name);

		open_testcase(w, item, name);
		verdict_element(w, p->verdict, p->reason, NULL);
		if (!shown && is_stored(event) &&
			(verdict_is_failure(p->verdict) || !has_bad_point(judgement))) {
			streams(w, event->item.outcome);
			shown = true;
		}
		xml_close(w);
		count(s, p->verdict);
		if (add_piece(j, s, piece, w, e) < 0)
			return -1;
		piece.final = false;
	}
	return 0;
}

static int case_end(struct junit *j, const struct event *event, struct err *e)
{
	const struct judgement *judgement = event->item.judgement;
	struct junit_suite *s = get_suite(j, event->item.item);
	struct piece piece = {
		.index = event->item.item->index,
		.retry = event_is_retried(event),
		.final = !event_is_retried(event),
		.failed = verdict_is_failure(judgement->verdict) ||
			  judgement->verdict == VERDICT_LOST,
	};
	/* A case is told by its points, unless they do not tell what became of it. */
	bool quarantined = event_is_quarantined(event->item.item, judgement->verdict);
	bool by_points = judgement->n_points && !quarantined &&
			 (judgement->verdict == VERDICT_PASS || has_bad_point(judgement));
	autorelease(xml) struct xml x;
	struct xml *w = &x;
	int r = 0;

	xml_init(w);
	s->wall_us += event->item.outcome->wall_us;
	s->first_index = MIN(s->first_index, piece.index);
	if (piece.retry) {
		write_retry(w, event);
		r = add_piece(j, s, piece, w, e);
	} else {
		if (!by_points) {
			write_case(w, event);
			count(s, quarantined ? VERDICT_SKIP : judgement->verdict);
			r = add_piece(j, s, piece, w, e);
			piece.final = false;
		}
		if (r == 0)
			r = add_points(j, s, event, piece, w, e);
	}
	return r;
}

/* Said in the suites of all the columns it is about. */
static void differences(struct junit *j, const struct event *event)
{
	for (size_t i = 0; i < event->end.n_differences; i++) {
		const struct difference *d = &event->end.differences[i];

		for (size_t k = 0; k < d->n_sides * j->len; k++) {
			struct junit_suite *s = &j->v[k / d->n_sides];

			if (s->key == suite_key(d->suite, d->sides[k % d->n_sides].side))
				junit_properties_add(&s->properties, d);
		}
	}
}

static int junit_event(void *state, const struct event *event, struct err *e)
{
	struct junit *j = state;

	j->time_ms = event->time_ms;
	if (event->type == EVENT_RUN_START) {
		free(j->project);
		j->project = xstrdup_null(event->run.project);
		j->wall_clock_ms = event->run.wall_clock_ms;
	}
	if (event->type == EVENT_RUN_END) {
		j->ended = true;
		if (event->end.cancelled)
			j->incomplete = xasprintf("%s: %zu of %zu tests not run",
				event->end.cancelled, event->end.counts->not_run,
				event->end.counts->total);
		differences(j, event);
	}
	if (event->type == EVENT_SCRIPT_END)
		junit_script_add(&j->scripts, event, j->wall_clock_ms);
	return event->type == EVENT_CASE_END ? case_end(j, event, e) : 0;
}

static int by_plan(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_first_index(const void *a, const void *b)
{
	const struct junit_suite *x = a, *y = b;

	return x->first_index < y->first_index ? -1 : x->first_index > y->first_index;
}

/* Puts the element of an earlier attempt (the inside of its testcase, "<x …</x>") into
 * the testcase at the end of `out`, under the name `element`. */
static void take_in(struct buf *out, const char *xml, size_t len, const char *element)
{
	static const char end[] = "</testcase>";
	const char *inner = memmem(xml, len, "<x ", 3);
	size_t inner_len = (size_t)(xml + len - inner) - strlen(end);
	const char *tail = "</x>";

	if (ends_with(buf_str(out), end)) {
		buf_truncate(out, out->len - strlen(end));
	} else {
		buf_truncate(out, out->len - strlen("/>"));
		buf_append_char(out, '>');
	}
	if (inner_len < strlen(tail) ||
		memcmp(inner + inner_len - strlen(tail), tail, strlen(tail)) != 0)
		tail = "/>";
	buf_printf(out, "<%s", element);
	buf_append(out, inner + 2, inner_len - 2 - strlen(tail));
	if (streq(tail, "/>"))
		buf_append_str(out, tail);
	else
		buf_printf(out, "</%s>", element);
	buf_append_str(out, end);
}

/* A case whose last attempt never came: the run ended before it. */
static void open_orphan(struct buf *out, const char *xml, size_t len)
{
	buf_append(out, xml, (size_t)((const char *)memmem(xml, len, "<x ", 3) - xml));
	buf_append_str(out,
		"<error type=\"lost\" message=\"the run ended before its next "
		"attempt\"/></testcase>");
}

/* Appends a case: the piece at `i`, the earlier attempts that stand before it taken in.
 * Returns the index of the next piece. */
static size_t build_case(struct junit *j, const struct junit_suite *s, size_t i,
	struct buf *out, struct err *e)
{
	autorelease(buf) struct buf retry = BUF_INIT;
	size_t last = i;
	bool orphan;

	while (last < s->len && s->v[last].retry && s->v[last].index == s->v[i].index)
		last++;
	orphan = last == s->len || s->v[last].index != s->v[i].index;
	if (!orphan && spill_read(&j->spill, s->v[last].at, s->v[last].len, out, e) < 0)
		return SIZE_MAX;
	for (size_t k = i; k < last; k++) {
		buf_clear(&retry);
		if (spill_read(&j->spill, s->v[k].at, s->v[k].len, &retry, e) < 0)
			return SIZE_MAX;
		if (orphan && k == i)
			open_orphan(out, retry.data, retry.len);
		take_in(out, retry.data, retry.len,
			orphan || s->v[last].failed ? "rerunFailure" : "flakyFailure");
	}
	return orphan ? last : last + 1;
}

static size_t count_orphans(const struct junit_suite *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->len; i++)
		n += s->v[i].retry &&
		     (i + 1 == s->len || s->v[i + 1].index != s->v[i].index);
	return n;
}

/* What has been composed so far goes out. */
static int drain(struct junit *j, struct xml *w, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;

	xml_drain(w, &out);
	return report_write(j->fd, &out, e);
}

static void open_suite(struct xml *w, const struct junit *j, const char *name,
	int64_t started_ms, size_t tests, size_t failures, size_t errors, size_t skipped)
{
	xml_raw(w, "\n  ");
	xml_open(w, "testsuite");
	xml_attribute(w, "name", name);
	xml_time(w, "timestamp", j->wall_clock_ms + started_ms);
	xml_count(w, "tests", tests);
	xml_count(w, "failures", failures);
	xml_count(w, "errors", errors);
	xml_count(w, "skipped", skipped);
}

static int write_suite(
	struct junit *j, struct junit_suite *s, struct xml *w, struct err *e)
{
	size_t orphans = count_orphans(s), i = 0;

	open_suite(w, j, s->name, s->started_ms, s->tests + orphans, s->failures,
		s->errors + orphans, s->skipped);
	xml_seconds(w, "time", s->wall_us);
	xml_raw(w, "\n    ");
	xml_raw(w, s->properties);
	while (i < s->len) {
		autorelease(buf) struct buf out = BUF_INIT;

		i = build_case(j, s, i, &out, e);
		if (i == SIZE_MAX)
			return -1;
		xml_raw(w, "\n    ");
		xml_raw(w, buf_str(&out));
		if (drain(j, w, e) < 0)
			return -1;
	}
	xml_raw(w, "\n  ");
	xml_close(w);
	return 0;
}

/* A green report of half a run would be a lie. */
static void write_incomplete(struct xml *w, const struct junit *j)
{
	open_suite(w, j, "xtest", j->time_ms, 1, 0, 1, 0);
	xml_open(w, "testcase");
	xml_attribute(w, "name", "the run came to its end");
	xml_attribute(w, "classname", "xtest");
	verdict_element(w, VERDICT_LOST, j->incomplete, NULL);
	xml_close(w);
	xml_close(w);
}

static int write_document(struct junit *j, struct xml *w, struct err *e)
{
	struct junit_suite sum = {0};

	for (size_t i = 0; i < j->len; i++) {
		size_t orphans = count_orphans(&j->v[i]);

		sum.tests += j->v[i].tests + orphans;
		sum.failures += j->v[i].failures;
		sum.errors += j->v[i].errors + orphans;
	}
	xml_declaration(w);
	xml_open(w, "testsuites");
	xml_attribute(w, "name", j->project ? j->project : "xtest");
	xml_count(w, "tests", sum.tests + j->scripts.len + !!j->incomplete);
	xml_count(w, "failures", sum.failures);
	xml_count(w, "errors", sum.errors + j->scripts.failed + !!j->incomplete);
	xml_seconds(w, "time", j->time_ms * 1000);
	xml_raw(w, buf_str(&j->scripts.xml));
	for (size_t i = 0; i < j->len; i++)
		if (write_suite(j, &j->v[i], w, e) < 0)
			return -1;
	if (j->incomplete)
		write_incomplete(w, j);
	xml_raw(w, "\n");
	xml_close(w);
	xml_raw(w, "\n");
	return drain(j, w, e);
}

static int junit_close(void *state, struct err *e)
{
	struct junit *j = state;
	autorelease(xml) struct xml x;
	struct xml *w = &x;
	int r;

	xml_init(w);
	if (!j->ended)
		j->incomplete = xstrdup("the run ended before its last test");
	for (size_t i = 0; i < j->len; i++)
		if (j->v[i].len)
			qsort(j->v[i].v, j->v[i].len, sizeof *j->v[i].v, by_plan);
	if (j->len)
		qsort(j->v, j->len, sizeof *j->v, by_first_index);
	r = write_document(j, w, e);
	for (size_t i = 0; i < j->len; i++) {
		free(j->v[i].name);
		free(j->v[i].properties);
		free(j->v[i].v);
	}
	free(j->v);
	free(j->project);
	free(j->incomplete);
	buf_release(&j->scripts.xml);
	spill_release(&j->spill);
	free(j);
	return r;
}

const struct reporter reporter_junit = {
	.name = "junit",
	.help = "JUnit XML, written when the run has ended",
	.open = junit_open,
	.event = junit_event,
	.close = junit_close,
};
