#include "engine/rerun.h"

#include "base/fs.h"
#include "engine/run-store.h"
#include "report/jsonl-file.h"

#include <search.h>

#define FIRST_LINE "xtest-cases 1\n"

enum { CHAIN_MAX = 200 };

/* Words of the file; what is no longer outstanding begins with a p. */
static const char open_word[] = "open", passed_word[] = "passed",
		  pardoned_word[] = "pardoned";

struct known {
	char *key; /* owned; target, place, platform, suite and case as fields of a line
		    */
	bool passed;
	bool pardoned; /* it has failed in quarantine, which passes for that */
	bool gone;     /* forgotten */
};

struct rerun {
	void *tree;       /* tsearch tree of struct known */
	struct known **v; /* owned, each; in the order they came */
	size_t len, cap;
};

struct rerun *rerun_new(void)
{
	return xcalloc(1, sizeof(struct rerun));
}

static void leave(void *p UNUSED)
{
}

void rerun_free(struct rerun *r)
{
	if (!r)
		return;
	tdestroy(r->tree, leave);
	for (size_t i = 0; i < r->len; i++) {
		free(r->v[i]->key);
		free(r->v[i]);
	}
	free(r->v);
	free(r);
}

static char *make_key(const struct event_column *column, enum platform platform,
	const char *suite, const char *test)
{
	const char *const parts[] = {
		column->target, column->place, platform_name(platform), suite, test};
	struct buf key = BUF_INIT;

	buf_append_fields(&key, parts, ARRAY_LEN(parts));
	return buf_take(&key);
}

static int compare_known(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->key, ((const struct known *)b)->key);
}

static struct known *find(const struct rerun *r, char *key)
{
	struct known wanted = {.key = key};
	struct known **found = tfind(&wanted, &r->tree, compare_known);

	return found ? *found : NULL;
}

/* Takes `key`. */
static struct known *set(struct rerun *r, char *key, bool passed)
{
	struct known *k = find(r, key);

	if (k) {
		free(key);
	} else {
		k = xcalloc(1, sizeof *k);
		k->key = key;
		tsearch(k, &r->tree, compare_known);
		r->v = xgrow(r->v, &r->cap, r->len + 1, sizeof(struct known *));
		r->v[r->len++] = k;
	}
	k->passed = passed;
	k->pardoned = k->gone = false;
	return k;
}

bool rerun_has_passed(const struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test)
{
	autofree char *key = make_key(column, suite->platform, suite->id, test->name);
	const struct known *k = find(r, key);

	return k && k->passed;
}

bool rerun_is_pardoned(const struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test)
{
	autofree char *key = make_key(column, suite->platform, suite->id, test->name);
	const struct known *k = find(r, key);

	return k && k->pardoned;
}

void rerun_expect(struct rerun *r, const struct event_column *column,
	const struct suite *suite, const struct test_case *test)
{
	set(r, make_key(column, suite->platform, suite->id, test->name), false);
}

void rerun_add_event(struct rerun *r, const struct event *event)
{
	const struct event_item *item = event->item.item;
	enum verdict v = event->item.judgement->verdict;
	bool pardoned = event_is_quarantined(item, v);
	bool passed = pardoned || (!verdict_is_failure(v) && v != VERDICT_LOST);
	struct known *k;

	/* Passing in a later round of a stress run makes no earlier one good. */
	if (event_is_retried(event) || (passed && item->stress > 1))
		return;
	k = set(r,
		make_key(item->column, item->suite->platform, item->suite->id,
			item->test->name),
		passed);
	k->pardoned = pardoned;
}

size_t rerun_outstanding(const struct rerun *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->len; i++)
		n += !r->v[i]->passed && !r->v[i]->gone;
	return n;
}

/* ---- cases that are gone */

/* What there still is, as it stands in keys: "PLATFORM\tSUITE\tCASE", and
 * "PLATFORM\tSUITE" for a suite whose cases nobody knows. In order. */
static void index_cases(const struct suite *const *suites, size_t n, struct strv *index)
{
	for (size_t i = 0; i < n; i++) {
		const struct suite *s = suites[i];
		const char *parts[] = {platform_name(s->platform), s->id, NULL};
		struct buf key = BUF_INIT;

		for (size_t k = 0; s->listed && k < s->n_cases; k++) {
			parts[2] = s->cases[k].name;
			buf_clear(&key);
			buf_append_fields(&key, parts, 3);
			strv_push(index, buf_str(&key));
		}
		buf_clear(&key);
		buf_append_fields(&key, parts, 2);
		if (!s->listed)
			strv_push(index, buf_str(&key));
		buf_release(&key);
	}
	strv_sort(index);
}

/* `rest` is "PLATFORM\tSUITE\tCASE". */
static bool is_gone(const char *rest, const struct strv *index)
{
	const char *test = strrchr(rest, '\t');
	autofree char *suite = xstrndup(rest, (size_t)(test - rest));

	return !strv_has_sorted(index, rest) && !strv_has_sorted(index, suite);
}

size_t rerun_forget(struct rerun *r, const struct event_column *column,
	const struct suite *const *suites, size_t n_suites)
{
	autorelease(strv) struct strv index = STRV_INIT;
	const char *const parts[] = {column->target, column->place};
	autorelease(buf) struct buf prefix = BUF_INIT;
	size_t forgotten = 0;

	index_cases(suites, n_suites, &index);
	buf_append_fields(&prefix, parts, ARRAY_LEN(parts));
	buf_append_char(&prefix, '\t');
	for (size_t i = 0; i < r->len; i++) {
		struct known *k = r->v[i];

		if (k->passed || k->gone || !starts_with(k->key, buf_str(&prefix)))
			continue;
		k->gone = is_gone(k->key + prefix.len, &index);
		forgotten += k->gone;
	}
	return forgotten;
}

/* ---- as text */

void rerun_print(const struct rerun *r, struct buf *out)
{
	buf_append_str(out, FIRST_LINE);
	for (size_t i = 0; i < r->len; i++)
		if (!r->v[i]->gone)
			buf_printf(out, "%s\t%s\n",
				r->v[i]->pardoned ? pardoned_word
				: r->v[i]->passed ? passed_word
						  : open_word,
				r->v[i]->key);
}

static int read_cases(struct rerun *r, const char *path, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	size_t pos = strlen(FIRST_LINE), len;
	const char *line;

	if (fs_read_file(path, &text, e) < 0)
		return -1;
	if (!starts_with(buf_str(&text), FIRST_LINE))
		return err_set(e, ERR_SETUP, "%s is damaged", path);
	while (buf_next_line(text.data, text.len, &pos, &line, &len)) {
		const char *key = memchr(line, '\t', len);
		struct known *k;
		unsigned tabs = 0;

		for (size_t i = 0; i < len; i++)
			tabs += line[i] == '\t';
		if (tabs != 5)
			return err_set(e, ERR_SETUP, "%s is damaged", path);
		key++;
		k = set(r, xstrndup(key, len - (size_t)(key - line)),
			line[0] == passed_word[0]);
		k->pardoned = starts_with(line, pardoned_word);
	}
	return 0;
}

/* ---- what a record says */

struct reading {
	struct rerun *r;
	char *parent; /* owned; NULL: it began anew */
};

static void take(void *ctx, const struct event *event)
{
	struct reading *reading = ctx;

	if (event->type == EVENT_RUN_START) {
		free(reading->parent);
		reading->parent = xstrdup_null(event->run.rerun_of);
	} else if (event->type == EVENT_CASE_END) {
		rerun_add_event(reading->r, event);
	}
}

/* A run that was killed before its plan has added nothing to the one it went on from. */
static int load(struct rerun *r, const char *state_dir, const char *id, unsigned depth,
	struct err *e)
{
	autofree char *cases = run_store_path(state_dir, id, "cases");
	autofree char *events = run_store_path(state_dir, id, "events.jsonl");
	struct reading reading = {.r = r};
	struct jsonl_seen seen;
	int result = 0;

	if (fs_exists(cases) && read_cases(r, cases, e) < 0)
		return -1;
	if (jsonl_file_read(events, NULL, take, &reading, &seen, e) < 0)
		result = -1;
	else if (!fs_exists(cases) && reading.parent && depth == CHAIN_MAX)
		result = err_set(e, ERR_SETUP, "it goes on from itself");
	else if (!fs_exists(cases) && reading.parent)
		result = load(r, state_dir, reading.parent, depth + 1, e);
	free(reading.parent);
	return result;
}

struct rerun *rerun_load(const char *state_dir, const char *id, struct err *e)
{
	struct rerun *r = rerun_new();

	if (load(r, state_dir, id, 0, e) == 0)
		return r;
	rerun_free(r);
	return err_context(e, "run %s", id), NULL;
}

char *rerun_find_latest(const char *state_dir, struct err *e)
{
	autorelease(strv) struct strv ids = STRV_INIT;

	if (run_store_list(state_dir, &ids, e) < 0)
		return NULL;
	for (size_t i = ids.len; i > 0; i--) {
		autofree char *cases = run_store_path(state_dir, ids.v[i - 1], "cases");

		if (fs_exists(cases))
			return xstrdup(ids.v[i - 1]);
	}
	return err_null(e, ERR_SETUP,
		"no run is recorded here that came as far as its tests; --failed goes on "
		"from one");
}
