/* xtest compare: what differs between two runs, places or targets. */
#include "cmd/runs.h"
#include "cmd/verb.h"
#include "engine/versus.h"

#include <stdio.h>

enum { FACTOR_PERCENT = 200, LEAST_US = 20000, SHOWN = 20 };

struct compare_options {
	struct common c; /* first: the shared options are found in it */
	const char *format;
	unsigned factor_percent;
	int64_t least_ms;
};

#define O(member) offsetof(struct compare_options, member)

static const char *const formats[] = {"human", "json", NULL};

static const struct opt compare_opts[] = {
	{"message-format", 'T', "FORMAT", formats, OPT_STRING, O(format),
		"human (default), json"},
	{"factor", 0, "PERCENT", NULL, OPT_UNSIGNED, O(factor_percent),
		"times are told that differ by this factor (default 200)"},
	{"least", 0, "TIME", NULL, OPT_DURATION, O(least_ms),
		"and by this time at least (default 20ms)"},
	{0},
};

static const struct opt_group groups[] = {
	{"Compare", compare_opts},
	{"Project", runs_opts},
	{0},
};

/* "RUN@COLUMN"; either may be left out. */
static int read_side(struct versus *v, int side, const struct common *c, const char *word,
	struct err *e)
{
	const char *at = strrchr(word, '@');
	autofree char *run = at ? xstrndup(word, (size_t)(at - word)) : xstrdup(word);
	struct recording r = {0};
	int result = runs_open(&r, c, *run ? run : "latest", e);

	if (result == 0)
		result = versus_read(v, side, &r, word, at && at[1] ? at + 1 : NULL, e);
	recording_release(&r);
	return result;
}

static void append_name(
	struct buf *out, const char *column, const char *suite, const char *test)
{
	buf_printf(out, "%s%s%s%s%s", column, *column ? "  " : "", suite,
		*test ? " " : "", test);
}

static void print_human(const struct versus_result *r, struct buf *out)
{
	for (size_t i = 0; i < r->n_differences; i++) {
		const struct difference *d = &r->differences[i];

		append_name(out, d->group, d->suite, d->test);
		buf_append_char(out, '\n');
		for (size_t k = 0; k < d->n_sides; k++)
			buf_printf(out, "    %s: %s%s%s\n", d->sides[k].side,
				verdict_name(d->sides[k].verdict),
				d->sides[k].reason ? ", " : "",
				d->sides[k].reason ? d->sides[k].reason : "");
		if (d->cause)
			buf_printf(out, "    probably: %s\n", d->cause);
	}
	for (size_t i = 0; i < r->n_paces && i < SHOWN; i++) {
		const struct versus_pace *p = &r->paces[i];

		append_name(out, p->column, p->suite, p->test);
		buf_printf(out, "\n    %.3fs, %.3fs: %s\n", (double)p->us[0] / 1e6,
			(double)p->us[1] / 1e6,
			p->us[1] > p->us[0] ? "slower" : "faster");
	}
	if (r->n_paces > SHOWN)
		buf_printf(out, "and %zu more with other times\n", r->n_paces - SHOWN);
	buf_printf(out,
		"%zu %s in both (%.3fs, %.3fs), %zu only in %s, %zu only in %s; verdicts "
		"differ in %zu\n",
		r->both, r->both == 1 ? "case" : "cases", (double)r->total_us[0] / 1e6,
		(double)r->total_us[1] / 1e6, r->only[0], r->sides[0], r->only[1],
		r->sides[1], r->n_differences);
}

static void json_name(
	struct jsonw *w, const char *column, const char *suite, const char *test)
{
	jsonw_string(w, "column", *column ? column : NULL);
	jsonw_string(w, "suite", suite);
	jsonw_string(w, "case", test);
}

static void print_json(const struct versus_result *r, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_open(&w, NULL, '{');
	jsonw_int(&w, "both", (int64_t)r->both);
	jsonw_int(&w, "only_first", (int64_t)r->only[0]);
	jsonw_int(&w, "only_second", (int64_t)r->only[1]);
	jsonw_open(&w, "verdicts", '[');
	for (size_t i = 0; i < r->n_differences; i++) {
		const struct difference *d = &r->differences[i];

		jsonw_open(&w, NULL, '{');
		json_name(&w, d->group, d->suite, d->test);
		jsonw_open(&w, "sides", '[');
		for (size_t k = 0; k < d->n_sides; k++) {
			jsonw_open(&w, NULL, '{');
			jsonw_string(&w, "side", d->sides[k].side);
			jsonw_string(&w, "place", d->sides[k].place);
			jsonw_string(&w, "verdict", verdict_name(d->sides[k].verdict));
			jsonw_string(&w, "reason", d->sides[k].reason);
			jsonw_close(&w, '}');
		}
		jsonw_close(&w, ']');
		jsonw_string(&w, "cause", d->cause);
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	jsonw_open(&w, "times", '[');
	for (size_t i = 0; i < r->n_paces; i++) {
		jsonw_open(&w, NULL, '{');
		json_name(&w, r->paces[i].column, r->paces[i].suite, r->paces[i].test);
		jsonw_int(&w, "first_us", r->paces[i].us[0]);
		jsonw_int(&w, "second_us", r->paces[i].us[1]);
		jsonw_close(&w, '}');
	}
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
}

static int go(const struct compare_options *o, const struct strv *words, struct err *e)
{
	bool columns = strchr(words->v[0], '@') && strchr(words->v[1], '@');
	autorelease(buf) struct buf out = BUF_INIT;
	struct versus *v = versus_new(columns);
	struct versus_result r;
	int code = -1;

	if (read_side(v, 0, &o->c, words->v[0], e) == 0 &&
		read_side(v, 1, &o->c, words->v[1], e) == 0) {
		r = versus_compare(v, o->factor_percent, o->least_ms * 1000);
		(streq(o->format, "json") ? print_json : print_human)(&r, &out);
		fwrite(buf_str(&out), 1, out.len, stdout);
		code = r.n_differences ? ERR_TESTS_FAILED : 0;
	}
	versus_free(v);
	return code;
}

static int compare_main(int argc, char **argv, struct err *e)
{
	struct compare_options o = {.format = "human",
		.factor_percent = FACTOR_PERCENT,
		.least_ms = LEAST_US / 1000};
	autorelease(strv) struct strv words = STRV_INIT;
	int code = -1;

	common_defaults(&o.c);
	if (runs_parse(groups, argc, argv, &o, &words, e) == 0) {
		if (words.len == 2)
			code = go(&o, &words, e);
		else
			err_set(e, ERR_USAGE,
				"compare takes two sides: xtest compare [OPTION]… "
				"RUN[@COLUMN] RUN[@COLUMN]");
	}
	common_release(&o.c);
	return code;
}

const struct verb verb_compare = {
	.name = "compare",
	.usage = "[OPTION]… RUN[@COLUMN] RUN[@COLUMN]",
	.summary = "Show what differs between two runs, two places, two targets",
	.details = "RUN is as for replay; COLUMN is a column of it, a target or a place. "
		   "With a column on both sides,\n"
		   "cases are matched by suite and name: latest@user latest@system. The "
		   "exit "
		   "code is 100 when a verdict\n"
		   "differs, else 0.",
	.groups = groups,
	.run = compare_main,
};
