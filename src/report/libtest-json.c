/*
 * What Rust's libtest prints with `--format json`, as cargo-nextest's `--message-format
 * libtest-json` writes it for many programs: a block of lines for every suite, in one
 * piece when its last case has ended, because readers of this format know of one suite at
 * a time. A name is PACKAGE::SUITE$CASE, with @COLUMN behind the suite where there are
 * several. What libtest has no word for is told in the one that means the same for a
 * build: a crash is "failed".
 */
#include "base/hash.h"
#include "base/json.h"
#include "report/reporter.h"
#include "report/spill.h"

struct block {
	char *package, *suite; /* owned; the suite's name with its column and round */
	uint64_t key;
	struct {
		off_t at;
		size_t len;
	} * lines; /* owned: a piece for each case, in the spill */
	size_t len, cap;
	size_t passed, failed, ignored;
	int64_t wall_us;
};

struct libtest_json {
	int fd;
	bool plus; /* says more of the suite */
	bool many; /* there are several columns */
	struct spill spill;
	struct block *v; /* owned: suites that have begun */
	size_t len, cap;
};

static void *open_as(const struct report_options *options, bool plus)
{
	struct libtest_json *l = xcalloc(1, sizeof *l);

	l->fd = options->fd;
	l->plus = plus;
	spill_init(&l->spill);
	return l;
}

static void *libtest_open(const struct report_options *options, struct err *e UNUSED)
{
	return open_as(options, false);
}

static void *plus_open(const struct report_options *options, struct err *e UNUSED)
{
	return open_as(options, true);
}

static struct block *get_block(struct libtest_json *l, const struct event_item *item)
{
	const struct suite *s = item->suite;
	autofree char *stress =
		item->stress ? xasprintf("@stress-%u", item->stress - 1) : NULL;
	autofree char *name = xasprintf("%s%s%s%s", s->name, l->many ? "@" : "",
		l->many ? item->column->label : "", stress ? stress : "");
	uint64_t key =
		hash_xxh64(name, strlen(name), hash_xxh64(s->id, strlen(s->id), 0));
	size_t i = 0;

	while (i < l->len && l->v[i].key != key)
		i++;
	if (i < l->len)
		return &l->v[i];
	l->v = xgrow(l->v, &l->cap, l->len + 1, sizeof *l->v);
	l->v[l->len++] = (struct block){
		.package = xstrdup(s->package ? s->package : s->id),
		.suite = take_ptr(name),
		.key = key,
	};
	return &l->v[i];
}

static struct jsonw begin(struct buf *out, const char *type, const char *event)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "type", type);
	jsonw_string(&w, "event", event);
	return w;
}

static void end(struct jsonw *w, struct buf *out)
{
	jsonw_close(w, '}');
	buf_append_char(out, '\n');
}

static void write_name(struct jsonw *w, const struct block *b, const char *test)
{
	autofree char *name = xasprintf("%s::%s$%s", b->package, b->suite, test);

	jsonw_bytes(w, "name", name, strlen(name));
}

/* Both streams, as libtest mixes them. */
static void write_output(struct jsonw *w, const struct outcome *o)
{
	autorelease(buf) struct buf both = BUF_INIT;

	if (!o->out.len && !o->err.len)
		return;
	buf_append(&both, buf_str(&o->out), o->out.len);
	if (o->err.len && both.len && both.data[both.len - 1] != '\n')
		buf_append_char(&both, '\n');
	buf_append(&both, buf_str(&o->err), o->err.len);
	jsonw_bytes(w, "stdout", both.data, both.len);
}

static void write_result(struct buf *out, const struct block *b,
	const struct event *event, const char *word)
{
	const struct event_item *item = event->item.item;
	const struct judgement *j = event->item.judgement;
	const struct outcome *o = event->item.outcome;
	const char *test = *item->test->name ? item->test->name : item->suite->name;
	bool failed = streq(word, "failed");
	autofree char *message = judgement_message(j);
	struct jsonw w = begin(out, "test", "started");

	write_name(&w, b, test);
	end(&w, out);
	w = begin(out, "test", word);
	write_name(&w, b, test);
	if (!streq(word, "ignored"))
		jsonw_fixed(&w, "exec_time", (double)o->wall_us / 1e6, 6);
	if (failed)
		write_output(&w, o);
	if (j->verdict == VERDICT_TIMEOUT && failed)
		jsonw_string(&w, "reason", "time limit exceeded");
	if (!streq(word, "ok") && item->quarantine)
		jsonw_bytes(&w, "message", item->quarantine, strlen(item->quarantine));
	else if (!streq(word, "ok") && message)
		jsonw_bytes(&w, "message", message, strlen(message));
	end(&w, out);
}

static int add_case(
	struct libtest_json *l, struct block *b, const struct event *event, struct err *e)
{
	enum verdict v = event->item.judgement->verdict;
	bool ignored = v == VERDICT_SKIP || event_is_quarantined(event->item.item, v);
	bool failed = !ignored && (verdict_is_failure(v) || v == VERDICT_LOST);
	autorelease(buf) struct buf out = BUF_INIT;

	write_result(&out, b, event, ignored ? "ignored" : failed ? "failed" : "ok");
	b->ignored += ignored;
	b->failed += failed;
	b->passed += !ignored && !failed;
	b->wall_us += event->item.outcome->wall_us;
	b->lines = xgrow(b->lines, &b->cap, b->len + 1, sizeof *b->lines);
	b->lines[b->len].len = out.len;
	return spill_append(&l->spill, out.data, out.len, &b->lines[b->len++].at, e);
}

static void write_more(
	struct jsonw *w, const struct libtest_json *l, const struct block *b)
{
	if (!l->plus)
		return;
	jsonw_open(w, "nextest", '{');
	jsonw_string(w, "crate", b->package);
	jsonw_string(w, "test_binary", b->suite);
	jsonw_string(w, "kind", "test");
	jsonw_close(w, '}');
}

/* The block goes out, and its memory goes. */
static int finish(struct libtest_json *l, struct block *b, struct err *e)
{
	autorelease(buf) struct buf out = BUF_INIT;
	struct jsonw w = begin(&out, "suite", "started");
	int r = 0;

	jsonw_int(&w, "test_count", (int64_t)b->len);
	write_more(&w, l, b);
	end(&w, &out);
	for (size_t i = 0; r == 0 && i < b->len; i++) {
		r = spill_read(&l->spill, b->lines[i].at, b->lines[i].len, &out, e);
		if (r == 0)
			r = report_write(l->fd, &out, e);
	}
	w = begin(&out, "suite", b->failed ? "failed" : "ok");
	jsonw_int(&w, "passed", (int64_t)b->passed);
	jsonw_int(&w, "failed", (int64_t)b->failed);
	jsonw_int(&w, "ignored", (int64_t)b->ignored);
	jsonw_int(&w, "measured", 0);
	jsonw_int(&w, "filtered_out", 0);
	jsonw_fixed(&w, "exec_time", (double)b->wall_us / 1e6, 6);
	write_more(&w, l, b);
	end(&w, &out);
	if (r == 0)
		r = report_write(l->fd, &out, e);
	free(b->package);
	free(b->suite);
	free(b->lines);
	return r;
}

static int libtest_event(void *state, const struct event *event, struct err *e)
{
	struct libtest_json *l = state;
	size_t used = 0;
	struct block *b, done;

	if (event->type == EVENT_PLAN) {
		for (size_t i = 0; i < event->plan.n_columns; i++)
			used += event->plan.column_totals[i] > 0;
		l->many = used > 1;
	}
	if (event->type != EVENT_CASE_END || event_is_retried(event))
		return 0;
	b = get_block(l, event->item.item);
	if (add_case(l, b, event, e) < 0)
		return -1;
	if (!event->item.item->ends_suite)
		return 0;
	done = *b;
	l->len--;
	memmove(b, b + 1, (size_t)(l->v + l->len - b) * sizeof *b);
	return finish(l, &done, e);
}

static int libtest_close(void *state, struct err *e)
{
	struct libtest_json *l = state;
	struct err first = {0};

	/* Of a run that was cut short, what there is. */
	for (size_t i = 0; i < l->len; i++) {
		struct err one = {0};

		if (finish(l, &l->v[i], &one) < 0 && first.kind == ERR_NONE)
			first = one;
	}
	spill_release(&l->spill);
	free(l->v);
	free(l);
	if (first.kind == ERR_NONE)
		return 0;
	*e = first;
	return -1;
}

const struct reporter reporter_libtest_json = {
	.name = "libtest-json",
	.help = "JSON lines as Rust's libtest and cargo-nextest write them",
	.open = libtest_open,
	.event = libtest_event,
	.close = libtest_close,
};

const struct reporter reporter_libtest_json_plus = {
	.name = "libtest-json-plus",
	.help = "the same, and which package and program a suite is",
	.open = plus_open,
	.event = libtest_event,
	.close = libtest_close,
};
