#include "model/partition.h"

#include "base/hash.h"
#include "base/strv.h"

#include <stdlib.h>
#include <string.h>

enum {
	PARTITION_MAX = 65536,
	/* What starting a process costs at least: a thousand tests that take no time are
	   work, too. */
	DURATION_MIN_US = 1000,
};

static const struct {
	const char *name;
	enum partition_method method;
} methods[] = {
	{"slice", PARTITION_SLICE},
	{"hash", PARTITION_HASH},
	{"count", PARTITION_COUNT},
	{"balanced", PARTITION_BALANCED},
};

/* ---- reading */

/* A whole number without sign or blanks, at most PARTITION_MAX. */
static bool parse_number(const char *text, const char *end, unsigned *out)
{
	unsigned value = 0;

	if (text == end)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > PARTITION_MAX)
			return false;
	}
	*out = value;
	return true;
}

static bool parse_numbers(const char *text, struct partition *out)
{
	const char *slash = strchr(text, '/');

	return slash && parse_number(text, slash, &out->index) &&
	       parse_number(slash + 1, slash + strlen(slash), &out->count) &&
	       out->index >= 1 && out->index <= out->count;
}

/* The i of n that a CI system has put into the environment; `base` is what its first
 * shard is called. 1 when it has, 0 when not. */
static int read_variables(char *(*lookup)(const char *), const char *index_name,
	const char *count_name, unsigned base, struct partition *out, struct err *e)
{
	const char *count = lookup(count_name), *index;

	if (!count || !*count)
		return 0;
	index = lookup(index_name);
	/* GitLab sets a total of 1 and no index for a job that is not parallel. */
	if ((!index || !*index) && streq(count, "1")) {
		out->index = out->count = 1;
		return 1;
	}
	if (!index || !parse_number(count, count + strlen(count), &out->count) ||
		!parse_number(index, index + strlen(index), &out->index))
		return err_set(e, ERR_USAGE,
			"--partition: %s=\"%s\" and %s=\"%s\" are no shard and number of "
			"shards",
			index_name, index ? index : "", count_name, count);
	out->index += 1 - base;
	if (out->index < 1 || out->index > out->count)
		return err_set(e, ERR_USAGE,
			"--partition: %s=%s is not among the shards of %s=%s", index_name,
			index, count_name, count);
	return 1;
}

static int read_environment(
	char *(*lookup)(const char *), struct partition *out, struct err *e)
{
	int got = read_variables(
		lookup, "TEST_SHARD_INDEX", "TEST_TOTAL_SHARDS", 0, out, e);

	out->source = PARTITION_BAZEL;
	if (got == 0) {
		out->source = PARTITION_GITLAB;
		got = read_variables(lookup, "CI_NODE_INDEX", "CI_NODE_TOTAL", 1, out, e);
	}
	if (got == 0) {
		out->source = PARTITION_NOWHERE;
		out->index = out->count = 1;
	}
	return got < 0 ? -1 : 0;
}

int partition_parse(const char *text, char *(*lookup)(const char *name),
	struct partition *out, struct err *e)
{
	const char *colon = strchr(text, ':'), *numbers = colon ? colon + 1 : text;
	autofree char *name = colon ? xstrndup(text, (size_t)(colon - text))
				    : xstrdup(streq(text, "env") ? "slice" : "");

	*out = (struct partition){0};
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (streq(name, methods[i].name))
			out->method = methods[i].method;
	if (!out->method)
		return err_set(e, ERR_USAGE,
			"--partition takes slice:i/n, hash:i/n, count:i/n, balanced:i/n, "
			"or one of these methods with :env; not \"%s\"",
			text);
	if (streq(numbers, "env"))
		return read_environment(lookup, out, e);
	if (!parse_numbers(numbers, out))
		return err_set(e, ERR_USAGE,
			"--partition %s: expected i/n with 1 <= i <= n <= %d, as in "
			"%s:1/4",
			text, PARTITION_MAX, name);
	return 0;
}

const char *partition_method_name(enum partition_method method)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].method == method)
			return methods[i].name;
	return "none";
}

/* ---- choosing */

/* The parts of an id: "package", "package::name" or "package::kind/name". */
struct id {
	const char *package, *kind, *name;
	size_t package_len, kind_len;
};

static struct id id_split(const char *text)
{
	const char *colons = strstr(text, "::"), *slash;
	struct id id = {.package = text, .package_len = strlen(text)};

	if (!colons)
		return id;
	id.package_len = (size_t)(colons - text);
	id.name = colons + 2;
	slash = strchr(id.name, '/');
	if (slash) {
		id.kind = id.name;
		id.kind_len = (size_t)(slash - id.kind);
		id.name = slash + 1;
	}
	return id;
}

static int compare_parts(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* A package's own id is before its names, and these before its kinds. */
static int compare_ids(const char *a, const char *b)
{
	struct id x = id_split(a), y = id_split(b);
	int order = compare_parts(x.package, x.package_len, y.package, y.package_len);

	if (order)
		return order;
	if (!x.name || !y.name)
		return !y.name - !x.name;
	if (!x.kind != !y.kind)
		return !y.kind - !x.kind;
	order = x.kind ? compare_parts(x.kind, x.kind_len, y.kind, y.kind_len) : 0;
	return order ? order : strcmp(x.name, y.name);
}

static int by_name(const void *a, const void *b)
{
	const struct partition_case *x = a, *y = b;
	int order = compare_ids(x->suite, y->suite);

	if (!order)
		order = strcmp(x->suite, y->suite);
	if (!order)
		order = x->host - y->host;
	return order ? order : strcmp(x->test, y->test);
}

/* Longest first; the names decide among equals. */
static int by_duration(const void *a, const void *b)
{
	const struct partition_case *x = a, *y = b;

	if (x->duration_us != y->duration_us)
		return x->duration_us < y->duration_us ? 1 : -1;
	return by_name(a, b);
}

static bool is_in_hash(const struct partition *p, const struct partition_case *c)
{
	autofree char *name = xasprintf("%s %s", c->suite, c->test);

	return hash_xxh64(name, strlen(name), 0) % p->count == p->index - 1;
}

static bool same_suite(const struct partition_case *a, const struct partition_case *b)
{
	return a->host == b->host && streq(a->suite, b->suite);
}

/* slice and count, of cases sorted by name. */
static void choose_in_turn(const struct partition *p, bool each_suite,
	struct partition_case *cases, size_t len)
{
	uint64_t turn[2] = {0, 0};

	for (size_t i = 0; i < len; i++) {
		if (each_suite && i && !same_suite(&cases[i], &cases[i - 1]))
			turn[0] = turn[1] = 0;
		cases[i].chosen = turn[cases[i].ignored]++ % p->count == p->index - 1;
	}
}

static int compare_i64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The median of the known durations (-1: there are none), and how many are unknown. */
static int64_t median_us(const struct partition_case *cases, size_t len, size_t *unknown)
{
	autofree int64_t *known = xcalloc(len + 1, sizeof *known);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (cases[i].duration_us >= 0)
			known[n++] = cases[i].duration_us;
	*unknown = len - n;
	if (!n)
		return -1;
	qsort(known, n, sizeof *known, compare_i64);
	return known[(n - 1) / 2];
}

/* The longest case that is left goes to the shard with the least so far: the greedy rule
 * of R. L. Graham, "Bounds on Multiprocessing Timing Anomalies" (1969), within 4/3 of the
 * best. */
static void choose_balanced(
	const struct partition *p, struct partition_case *cases, size_t len, bool ignored)
{
	autofree int64_t *load = xcalloc(p->count, sizeof *load);

	for (size_t i = 0; i < len; i++) {
		unsigned least = 0;

		if (cases[i].ignored != ignored)
			continue;
		for (unsigned k = 1; k < p->count; k++)
			if (load[k] < load[least])
				least = k;
		load[least] += cases[i].duration_us;
		cases[i].chosen = least == p->index - 1;
	}
}

static size_t balance(const struct partition *p, struct partition_case *cases, size_t len)
{
	size_t unknown;
	int64_t median = median_us(cases, len, &unknown);

	if (median < 0) {
		choose_in_turn(p, false, cases, len);
		return unknown;
	}
	for (size_t i = 0; i < len; i++) {
		if (cases[i].duration_us < 0)
			cases[i].duration_us = median;
		cases[i].duration_us = MAX(cases[i].duration_us, DURATION_MIN_US);
	}
	qsort(cases, len, sizeof *cases, by_duration);
	choose_balanced(p, cases, len, false);
	choose_balanced(p, cases, len, true);
	return unknown;
}

size_t partition_choose(
	const struct partition *p, struct partition_case *cases, size_t len)
{
	if (len > 1)
		qsort(cases, len, sizeof *cases, by_name);
	switch (p->method) {
	case PARTITION_SLICE:
	case PARTITION_COUNT:
		choose_in_turn(p, p->method == PARTITION_COUNT, cases, len);
		return 0;
	case PARTITION_BALANCED:
		return balance(p, cases, len);
	case PARTITION_HASH:
		for (size_t i = 0; i < len; i++)
			cases[i].chosen = is_in_hash(p, &cases[i]);
		return 0;
	case PARTITION_NONE:
		break;
	}
	for (size_t i = 0; i < len; i++)
		cases[i].chosen = true;
	return 0;
}
