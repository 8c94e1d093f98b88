#include "base/util.h"
#include "model/partition.h"

#include "tests/tap.h"

enum { SHARDS_MAX = 16, CASES_MAX = 600 };

static const char *const *fake_variables;

static char *lookup(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; fake_variables[i]; i++)
		if (!strncmp(fake_variables[i], name, len) &&
			fake_variables[i][len] == '=')
			return (char *)(uintptr_t)(fake_variables[i] + len + 1);
	return NULL;
}

static void test_parse(void)
{
	static const struct {
		const char *text;
		const char *env[3];
		enum partition_method method; /* NONE: refused */
		unsigned index, count;
		enum partition_source source;
	} table[] = {
		{"slice:1/1", {0}, PARTITION_SLICE, 1, 1, PARTITION_GIVEN},
		{"hash:3/16", {0}, PARTITION_HASH, 3, 16, PARTITION_GIVEN},
		{"count:2/2", {0}, PARTITION_COUNT, 2, 2, PARTITION_GIVEN},
		{"balanced:5/9", {0}, PARTITION_BALANCED, 5, 9, PARTITION_GIVEN},
		{"slice:0/2", {0}, 0, 0, 0, 0},
		{"slice:3/2", {0}, 0, 0, 0, 0},
		{"slice:1/0", {0}, 0, 0, 0, 0},
		{"slice:-1/2", {0}, 0, 0, 0, 0},
		{"slice:1/2/3", {0}, 0, 0, 0, 0},
		{"slice:1", {0}, 0, 0, 0, 0},
		{"slice:/2", {0}, 0, 0, 0, 0},
		{"slice: 1/2", {0}, 0, 0, 0, 0},
		{"slice:1/99999999999999999999", {0}, 0, 0, 0, 0},
		{"slice", {0}, 0, 0, 0, 0},
		{"1/2", {0}, 0, 0, 0, 0},
		{"", {0}, 0, 0, 0, 0},
		{"Slice:1/2", {0}, 0, 0, 0, 0},
		{"env", {0}, PARTITION_SLICE, 1, 1, PARTITION_NOWHERE},
		{"hash:env", {"TEST_TOTAL_SHARDS=4", "TEST_SHARD_INDEX=0"},
			PARTITION_HASH, 1, 4, PARTITION_BAZEL},
		{"env", {"TEST_TOTAL_SHARDS=4", "TEST_SHARD_INDEX=3"}, PARTITION_SLICE, 4,
			4, PARTITION_BAZEL},
		{"env", {"TEST_TOTAL_SHARDS=4", "TEST_SHARD_INDEX=4"}, 0, 0, 0, 0},
		{"env", {"TEST_TOTAL_SHARDS=4"}, 0, 0, 0, 0},
		{"balanced:env", {"CI_NODE_TOTAL=3", "CI_NODE_INDEX=3"},
			PARTITION_BALANCED, 3, 3, PARTITION_GITLAB},
		{"count:env", {"CI_NODE_TOTAL=1"}, PARTITION_COUNT, 1, 1,
			PARTITION_GITLAB},
		{"env", {"CI_NODE_TOTAL=3", "CI_NODE_INDEX=0"}, 0, 0, 0, 0},
		{"env", {"CI_NODE_TOTAL=x", "CI_NODE_INDEX=1"}, 0, 0, 0, 0},
		{"slice:2/2", {"CI_NODE_TOTAL=3", "CI_NODE_INDEX=1"}, PARTITION_SLICE, 2,
			2, PARTITION_GIVEN},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct partition p;
		struct err e = {0};
		int status;

		fake_variables = table[i].env;
		status = partition_parse(table[i].text, lookup, &p, &e);
		if (!table[i].method)
			ok(status < 0 && e.kind == ERR_USAGE &&
					strstr(e.msg, "--partition"),
				"%s is refused: %s", table[i].text, e.msg);
		else
			ok(status == 0 && p.method == table[i].method &&
					p.index == table[i].index &&
					p.count == table[i].count &&
					p.source == table[i].source,
				"%s is shard %u of %u %s", table[i].text, p.index,
				p.count, e.msg);
	}
}

/* Small numbers without a pattern; the same in each run. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

struct bed {
	struct partition_case cases[CASES_MAX];
	char names[CASES_MAX][2][32];
	size_t len;
};

static void add(struct bed *b, const char *suite, const char *test)
{
	struct partition_case *c = &b->cases[b->len];

	snprintf(b->names[b->len][0], sizeof b->names[0][0], "%s", suite);
	snprintf(b->names[b->len][1], sizeof b->names[0][1], "%s", test);
	*c = (struct partition_case){.suite = b->names[b->len][0],
		.test = b->names[b->len][1],
		.duration_us = -1};
	b->len++;
}

/* Each third group of seven are suites that are one case as a whole; the others' cases
 * have the same names in every suite. */
static void fill(struct bed *b, size_t len, uint32_t seed)
{
	for (b->len = 0; b->len < len;) {
		size_t i = b->len, group = i / 7;
		char suite[32], test[32] = "";

		if (group % 3)
			snprintf(test, sizeof test, "t%zu", i % 7);
		snprintf(suite, sizeof suite, "p%zu::s%zu", group % 4,
			group % 3 ? group : 1000 + i);
		add(b, suite, test);
		b->cases[i].host = next_random(&seed) % 5 == 0;
		b->cases[i].ignored = next_random(&seed) % 6 == 0;
		if (next_random(&seed) % 4)
			b->cases[i].duration_us = next_random(&seed) % 3000000;
	}
}

static void shuffle(struct bed *b, uint32_t seed)
{
	for (size_t i = b->len; i > 1; i--) {
		size_t k = next_random(&seed) % i;
		struct partition_case swap = b->cases[i - 1];

		b->cases[i - 1] = b->cases[k];
		b->cases[k] = swap;
	}
}

/* Which shard each case is in, by the names of the bed; 0: none, SHARDS_MAX + 1: several.
 */
static void assign(
	struct bed *b, enum partition_method method, unsigned count, unsigned char *shard)
{
	memset(shard, 0, CASES_MAX);
	for (unsigned index = 1; index <= count; index++) {
		struct partition p = {method, index, count, PARTITION_GIVEN};
		struct bed copy = *b;

		shuffle(&copy, index * 77);
		partition_choose(&p, copy.cases, copy.len);
		for (size_t i = 0; i < copy.len; i++) {
			size_t who = (size_t)(copy.cases[i].test - b->names[0][1]) /
				     sizeof b->names[0];

			if (copy.cases[i].chosen)
				shard[who] = shard[who] ? SHARDS_MAX + 1
							: (unsigned char)index;
		}
	}
}

static void test_disjoint_and_complete(void)
{
	static const size_t sizes[] = {0, 1, 2, 15, 100, CASES_MAX};
	static struct bed b;
	unsigned char shard[CASES_MAX];

	for (int method = PARTITION_SLICE; method <= PARTITION_BALANCED; method++) {
		size_t wrong = 0;

		for (unsigned count = 1; count <= SHARDS_MAX; count++)
			for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
				fill(&b, sizes[s], count + (uint32_t)s);
				assign(&b, (enum partition_method)method, count, shard);
				for (size_t i = 0; i < b.len; i++)
					wrong += shard[i] < 1 || shard[i] > count;
			}
		is_int((long long)wrong, 0,
			partition_method_name((enum partition_method)method));
	}
}

static void test_hash(void)
{
	static struct bed b;
	unsigned char before[CASES_MAX], after[CASES_MAX], used[SHARDS_MAX + 1] = {0};
	size_t len, moved = 0;

	for (unsigned count = 1; count <= SHARDS_MAX; count++) {
		fill(&b, 200, 5);
		assign(&b, PARTITION_HASH, count, before);
		len = b.len;
		add(&b, "a::first", "new");
		add(&b, "p1::s3", "t99");
		assign(&b, PARTITION_HASH, count, after);
		for (size_t i = 0; i < len; i++)
			moved += before[i] != after[i];
	}
	is_int((long long)moved, 0, "hash: added tests move no other");

	b.len = 0;
	for (int i = 0; i < 64; i++) {
		char suite[32];

		snprintf(suite, sizeof suite, "p::s%d", i);
		add(&b, suite, "tests::it_works");
	}
	assign(&b, PARTITION_HASH, 4, before);
	for (size_t i = 0; i < b.len; i++)
		used[before[i]]++;
	for (unsigned i = 1; i <= 4; i++)
		ok(used[i] > 6 && used[i] < 28,
			"hash: one name in 64 suites is spread; shard %u has %u", i,
			used[i]);
}

/* How the shards of a run compare: the longest against the mean. */
static double spread(struct bed *b, unsigned count)
{
	unsigned char shard[CASES_MAX];
	double load[SHARDS_MAX + 1] = {0}, total = 0, longest = 0;

	assign(b, PARTITION_BALANCED, count, shard);
	for (size_t i = 0; i < b->len; i++) {
		load[shard[i]] += (double)b->cases[i].duration_us;
		total += (double)b->cases[i].duration_us;
	}
	for (unsigned i = 1; i <= count; i++)
		longest = MAX(longest, load[i]);
	return longest * count / total;
}

static void test_balanced(void)
{
	static struct bed b;
	double worst = 0;

	/* The k-th longest takes 10 s / (1 + k/8): a few seconds at the head, a long tail
	 * of 0.16 s. */
	for (size_t i = 0; i < 500; i++) {
		char test[32];

		snprintf(test, sizeof test, "t%zu", i);
		add(&b, "p::s", test);
		b.cases[i].duration_us = 80000000 / (int64_t)(8 + i);
	}
	for (unsigned count = 2; count <= SHARDS_MAX; count++)
		worst = MAX(worst, spread(&b, count));
	ok(worst <= 1.10,
		"balanced: the longest shard of 500 skewed tests is %.4f of the "
		"mean",
		worst);
	for (uint32_t seed = 0; seed < 20; seed++) {
		for (size_t i = 0; i < 500;
			i++) /* 1 ms to 8 s, equally often each power */
			b.cases[i].duration_us = (1000 + next_random(&seed) % 1000)
						 << next_random(&seed) % 12;
		worst = MAX(worst, spread(&b, 8));
	}
	ok(worst <= 1.10, "balanced: and of random ones %.4f", worst);
}

static void test_unknown_durations(void)
{
	static struct bed b;
	unsigned char balanced[CASES_MAX], slice[CASES_MAX];
	struct partition p = {PARTITION_BALANCED, 1, 2, PARTITION_GIVEN};

	fill(&b, 100, 9);
	for (size_t i = 0; i < b.len; i++)
		b.cases[i].duration_us = -1;
	assign(&b, PARTITION_BALANCED, 3, balanced);
	assign(&b, PARTITION_SLICE, 3, slice);
	is_mem(balanced, b.len, slice, b.len, "balanced without any duration is slice");
	is_int((long long)partition_choose(&p, b.cases, b.len), 100,
		"and says that it had none");

	b.len = 0;
	add(&b, "p::s", "long");
	add(&b, "p::s", "new");
	add(&b, "p::s", "one");
	add(&b, "p::s", "two");
	b.cases[0].duration_us = 5000000;
	b.cases[2].duration_us = b.cases[3].duration_us = 3000000;
	assign(&b, PARTITION_BALANCED, 2, balanced);
	ok(balanced[0] == 1 && balanced[1] == 2 && balanced[2] == 2 && balanced[3] == 1,
		"an unknown duration counts as the median");
	is_int((long long)partition_choose(&p, b.cases, b.len), 1, "and is told");
	p.method = PARTITION_SLICE;
	is_int((long long)partition_choose(&p, b.cases, b.len), 0,
		"other methods ask for no duration");
}

static void test_order(void)
{
	/* As cargo-nextest has its binary ids. */
	static const char *const ids[] = {"a", "a::b", "a::c-d", "a::bin/x",
		"a::example/a", "a-b", "a-b::x", "b::a"};
	static struct bed b;
	unsigned char shard[CASES_MAX];
	bool in_turn = true;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		add(&b, ids[i], "t");
	assign(&b, PARTITION_SLICE, ARRAY_LEN(ids), shard);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		in_turn = in_turn && shard[i] == i + 1;
	ok(in_turn, "slice: by package, then names before kinds");

	b.len = 0;
	add(&b, "p::a", "1");
	add(&b, "p::a", "2");
	add(&b, "p::b", "1");
	add(&b, "p::b", "2");
	b.cases[0].ignored = true;
	assign(&b, PARTITION_SLICE, 2, shard);
	ok(shard[0] == 1 && shard[1] == 1 && shard[2] == 2 && shard[3] == 1,
		"slice: ignored tests take no turn of the others");
	b.cases[0].ignored = false;
	assign(&b, PARTITION_COUNT, 3, shard);
	ok(shard[0] == 1 && shard[1] == 2 && shard[2] == 1 && shard[3] == 2,
		"count: each suite begins anew");
}

int main(void)
{
	test_parse();
	test_disjoint_and_complete();
	test_hash();
	test_balanced();
	test_unknown_durations();
	test_order();
	return tap_done();
}
