#include "model/history.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define FIRST_LINE "xtest-history 1\n"

enum { NAMES_MAX = 1 << 14 };

struct entry {
	char *key;    /* owned: target, place, suite and case as they stand in the file */
	size_t order; /* in which it came: the later one has the later results */
	int64_t when_s;
	unsigned n_us, n_kib;
	int64_t us[HISTORY_KEPT], kib[HISTORY_KEPT]; /* the latest first */
};

struct history {
	struct entry *v; /* owned; sorted by key up to `sorted`, then as they came */
	size_t len, cap, sorted;
	char *fault; /* owned */
};

struct history *history_new(void)
{
	return xcalloc(1, sizeof(struct history));
}

static void clear(struct history *h)
{
	for (size_t i = 0; i < h->len; i++)
		free(h->v[i].key);
	h->len = h->sorted = 0;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	clear(h);
	free(h->v);
	free(h->fault);
	free(h);
}

const char *history_fault(const struct history *h)
{
	return h->fault;
}

static char *make_key(
	const char *target, const char *place, const char *suite, const char *test_case)
{
	const char *const parts[] = {target, place, suite, test_case};
	struct buf key = BUF_INIT;

	buf_append_fields(&key, parts, ARRAY_LEN(parts));
	return buf_take(&key);
}

/* ---- one of each case, in order */

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = strcmp(x->key, y->key);

	return r ? r : x->order > y->order ? -1 : x->order < y->order;
}

static void append_numbers(int64_t *to, unsigned *n, const int64_t *from, unsigned n_from)
{
	for (unsigned i = 0; i < n_from && *n < HISTORY_KEPT; i++)
		to[(*n)++] = from[i];
}

/* Entries of one key become one: the latest results go first. */
static void settle(struct history *h)
{
	size_t n = 0;

	if (h->sorted == h->len)
		return;
	qsort(h->v, h->len, sizeof *h->v, by_key);
	for (size_t i = 0; i < h->len; i++) {
		struct entry *last = n ? &h->v[n - 1] : NULL, *one = &h->v[i];

		if (!last || !streq(last->key, one->key)) {
			h->v[n++] = *one;
			continue;
		}
		append_numbers(last->us, &last->n_us, one->us, one->n_us);
		append_numbers(last->kib, &last->n_kib, one->kib, one->n_kib);
		last->when_s = MAX(last->when_s, one->when_s);
		free(one->key);
	}
	h->len = h->sorted = n;
}

static struct entry *append(struct history *h, char *key)
{
	h->v = xgrow(h->v, &h->cap, h->len + 1, sizeof *h->v);
	h->v[h->len] = (struct entry){.key = key, .order = h->len};
	return &h->v[h->len++];
}

void history_add(struct history *h, const char *target, const char *place,
	const char *suite, const char *test_case, int64_t when_s, int64_t us, int64_t kib)
{
	struct entry *entry;
	char *key = make_key(target, place, suite, test_case);

	if (strlen(key) > NAMES_MAX) {
		free(key);
		return;
	}
	entry = append(h, key);
	entry->when_s = MAX(when_s, 0);
	entry->us[entry->n_us++] = MAX(us, 0);
	if (kib > 0)
		entry->kib[entry->n_kib++] = kib;
}

void history_add_event(struct history *h, const struct event *event, int64_t when_s)
{
	const struct event_item *item = event->item.item;
	const struct outcome *o = event->item.outcome;

	if (event_is_retried(event) || event->item.judgement->verdict == VERDICT_LOST ||
		o->kind == END_NOT_STARTED || o->kind == END_LOST ||
		o->kind == END_MACHINE)
		return;
	history_add(h, item->column->target, item->column->place, item->suite->id,
		item->test->name, when_s, o->wall_us, o->max_rss_kib);
}

/* ---- questions */

static int find_key(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entry *)entry)->key);
}

static const struct entry *find(const struct history *h, const char *target,
	const char *place, const char *suite, const char *test_case)
{
	autofree char *key = make_key(target, place, suite, test_case);

	if (!h->sorted)
		return NULL;
	return bsearch(key, h->v, h->sorted, sizeof *h->v, find_key);
}

static int by_number(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int64_t history_duration_us(const struct history *h, const char *target,
	const char *place, const char *suite, const char *test_case)
{
	const struct entry *entry = find(h, target, place, suite, test_case);
	int64_t us[HISTORY_KEPT];

	if (!entry || !entry->n_us)
		return -1;
	memcpy(us, entry->us, sizeof us);
	qsort(us, entry->n_us, sizeof *us, by_number);
	return us[entry->n_us / 2];
}

int64_t history_rss_kib(const struct history *h, const char *target, const char *place,
	const char *suite, const char *test_case)
{
	const struct entry *entry = find(h, target, place, suite, test_case);
	int64_t most = -1;

	for (unsigned i = 0; entry && i < entry->n_kib; i++)
		most = MAX(most, entry->kib[i]);
	return most;
}

/* ---- the file */

static int read_number(const char **at, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(*at, &end, 10);
	if (end == *at || errno || *number < 0 || **at == '+' || **at == ' ')
		return -1;
	*at = end;
	return 0;
}

/* May be empty. */
static int read_numbers(const char **at, int64_t *numbers, unsigned *n)
{
	while (**at && **at != '\t') {
		if (*n == HISTORY_KEPT || (*n && *(*at)++ != ',') ||
			read_number(at, &numbers[*n]) < 0)
			return -1;
		++*n;
	}
	return 0;
}

/* Takes apart what write_entry() wrote; `line` is changed. */
static int read_entry(struct history *h, char *line)
{
	struct entry read = {0}, *entry;
	const char *at = line;
	size_t key_len = 0;

	for (unsigned tabs = 0; tabs < 4; tabs++) {
		at = strchr(at, '\t');
		if (!at)
			return -1;
		key_len = (size_t)(at++ - line);
	}
	if (read_number(&at, &read.when_s) < 0 || *at++ != '\t' ||
		read_numbers(&at, read.us, &read.n_us) < 0 || *at++ != '\t' ||
		read_numbers(&at, read.kib, &read.n_kib) < 0 || *at)
		return -1;
	entry = append(h, xstrndup(line, key_len));
	read.key = entry->key;
	read.order = entry->order;
	*entry = read;
	return 0;
}

static int read_lines(struct history *h, const struct buf *text)
{
	size_t pos = strlen(FIRST_LINE), len;
	const char *line;

	if (!text->len || !starts_with(text->data, FIRST_LINE) ||
		text->data[text->len - 1] != '\n')
		return -1;
	while (buf_next_line(text->data, text->len, &pos, &line, &len)) {
		autofree char *copy = xstrndup(line, len);

		if (h->len == 2 * HISTORY_CASES || read_entry(h, copy) < 0)
			return -1;
	}
	return 0;
}

struct history *history_load(const char *state_dir)
{
	struct history *h = history_new();
	autofree char *path = fs_join(state_dir, "history");
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e;

	if (!fs_exists(path))
		return h;
	if (fs_read_file(path, &text, &e) < 0) {
		h->fault = xasprintf("what earlier runs took is not known: %s", e.msg);
	} else if (read_lines(h, &text) < 0) {
		clear(h);
		h->fault = xasprintf(
			"%s is damaged: what earlier runs took is not known", path);
	}
	settle(h);
	return h;
}

static void write_numbers(struct buf *out, const int64_t *numbers, unsigned n, char end)
{
	for (unsigned i = 0; i < n; i++)
		buf_printf(out, "%s%lld", i ? "," : "", (long long)numbers[i]);
	buf_append_char(out, end);
}

static int by_age(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x > *y ? -1 : *x < *y;
}

/* The time of the last case that is kept; those of the same second are kept, too. */
static int64_t find_bound(const struct history *h)
{
	autofree int64_t *times = NULL;

	if (h->len <= HISTORY_CASES)
		return 0;
	times = xcalloc(h->len, sizeof *times);
	for (size_t i = 0; i < h->len; i++)
		times[i] = h->v[i].when_s;
	qsort(times, h->len, sizeof *times, by_age);
	return times[HISTORY_CASES - 1];
}

static void print(const struct history *h, struct buf *out)
{
	int64_t bound = find_bound(h);
	size_t n = 0;

	buf_append_str(out, FIRST_LINE);
	for (size_t i = 0; i < h->len && n < 2 * HISTORY_CASES; i++) {
		const struct entry *entry = &h->v[i];

		if (entry->when_s < bound)
			continue;
		buf_printf(out, "%s\t%lld\t", entry->key, (long long)entry->when_s);
		write_numbers(out, entry->us, entry->n_us, '\t');
		write_numbers(out, entry->kib, entry->n_kib, '\n');
		n++;
	}
}

static int lock(const char *state_dir, struct err *e)
{
	autofree char *path = fs_join(state_dir, "history.lock");
	autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(e, errno, "open %s", path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "lock %s", path);
	return take_fd(fd);
}

static void merge(struct history *into, const struct history *from)
{
	for (size_t i = 0; i < from->len; i++) {
		const struct entry *entry = &from->v[i];
		struct entry *copy = append(into, xstrdup(entry->key));
		struct entry values = *entry;

		values.key = copy->key;
		values.order = copy->order;
		*copy = values;
	}
	settle(into);
}

int history_save(
	const struct history *h, const char *state_dir, char **fault, struct err *e)
{
	autofree char *path = fs_join(state_dir, "history");
	autorelease(buf) struct buf text = BUF_INIT;
	autoclose int lock_fd = lock(state_dir, e);
	struct history *all;

	*fault = NULL;
	if (lock_fd < 0)
		return -1;
	all = history_load(state_dir);
	merge(all, h);
	print(all, &text);
	*fault = take_ptr(all->fault);
	history_free(all);
	return fs_write_file(path, text.data, text.len, 0644, e);
}
