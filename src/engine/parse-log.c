#include "engine/parse-log.h"

#include "framework/excerpt.h"
#include "framework/ktap-log.h"
#include "model/console-line.h"

enum {
	NEAR_LINES = 60,    /* an oops and the panic it ends in are one matter */
	EXCERPT_LINES = 60, /* shown of it */
	NOTES_MAX = 20,
	MISSING_MAX = 1000, /* planned results that never came, named one by one */
	INCIDENTS_MAX = 500,
};

/* Something bad that happened to the machine. */
struct incident {
	char *kind, *title, *excerpt; /* owned */
	uint64_t line, last_line;
	struct ktap_node *node; /* the test that ran; NULL: none */
	bool fatal;
};

struct parse_log_reader {
	char *name; /* owned */
	struct console_line_reader lines;
	struct console *console;
	struct ktap_log *ktap;      /* NULL: not looked for */
	struct incident *incidents; /* owned; those of no test are cases of their own */
	size_t len, cap;
	bool open;    /* the last of them may go on */
	bool orderly; /* the machine was told to stop */
	size_t notes; /* also those that were too many */
	struct strv *said;
};

static void note(struct parse_log_reader *r, char *text)
{
	if (r->notes++ < NOTES_MAX)
		strv_push_take(r->said, text);
	else
		free(text);
}

static void close_incident(struct parse_log_reader *r)
{
	struct incident *i;

	if (!r->open)
		return;
	r->open = false;
	i = &r->incidents[r->len - 1];
	i->excerpt = console_excerpt(r->console, EXCERPT_LINES);
	console_clear(r->console);
	if (!i->node)
		return;
	if (!i->node->console)
		i->node->console = xstrdup(i->excerpt);
	if (i->node->ended && i->node->verdict != VERDICT_CRASH)
		note(r, xasprintf("line %llu: %s while %s ran: %s",
				(unsigned long long)i->line, i->kind,
				i->node->name ? i->node->name : "a test", i->title));
}

static void open_incident(struct parse_log_reader *r, const struct console_finding *f)
{
	if (r->len == INCIDENTS_MAX)
		return;
	r->incidents = xgrow(r->incidents, &r->cap, r->len + 1, sizeof *r->incidents);
	r->incidents[r->len++] = (struct incident){
		.kind = xstrdup(f->kind),
		.title = xstrdup(f->title),
		.line = f->line,
		.node = r->ktap ? ktap_log_running(r->ktap) : NULL,
	};
	r->open = true;
}

/* True for what is the expected end of a kernel that has nothing left to do: told to
 * stop, or built with its tests and booted without a root. */
static bool is_end(struct parse_log_reader *r, const struct console_finding *f)
{
	bool running = r->ktap && ktap_log_running(r->ktap);
	bool orderly = r->orderly;

	r->orderly = streq(f->kind, "shutdown");
	if (streq(f->kind, "reset"))
		return orderly;
	if (r->orderly)
		return !running;
	return streq(f->kind, "no-root") && !running && r->ktap &&
	       ktap_log_documents(r->ktap)->len;
}

static void take_finding(void *ctx, const struct console_finding *f)
{
	struct parse_log_reader *r = ctx;
	struct incident *i;

	if (f->severity == CONSOLE_INFO) {
		note(r, xasprintf("line %llu: %s: %s", (unsigned long long)f->line,
				f->kind, f->title));
		return;
	}
	if (is_end(r, f))
		return;
	if (r->open && f->line > r->incidents[r->len - 1].last_line + NEAR_LINES)
		close_incident(r);
	if (!r->open)
		open_incident(r, f);
	if (!r->open)
		return;
	i = &r->incidents[r->len - 1];
	i->last_line = f->line;
	if (f->severity == CONSOLE_FATAL && !i->fatal) {
		i->fatal = true;
		if (r->ktap)
			i->node = ktap_log_crash(r->ktap, i->title);
	}
}

static void take_line(void *ctx, const struct console_line *line)
{
	struct parse_log_reader *r = ctx;

	console_take(r->console, line);
	/* A test's result ends what happened in it. */
	if (r->ktap && ktap_log_take(r->ktap, line))
		close_incident(r);
	if (r->open && line->number > r->incidents[r->len - 1].last_line + 3 * NEAR_LINES)
		close_incident(r);
}

void parse_log_init(struct parse_log *p, const struct console_table *table,
	enum parse_log_format format, const char *name)
{
	struct parse_log_reader *r = xcalloc(1, sizeof *r);

	*p = (struct parse_log){.reader = r};
	r->name = xstrdup(name);
	r->console = console_new(table, take_finding, r);
	r->said = &p->notes;
	if (format != PARSE_LOG_CONSOLE)
		r->ktap = ktap_log_new(format == PARSE_LOG_KTAP);
}

void parse_log_feed(struct parse_log *p, const void *data, size_t len)
{
	console_line_feed(&p->reader->lines, data, len, take_line, p->reader);
}

/* ---- results to cases */

static size_t get_suite(struct parse_log *p, const char *package, const char *name)
{
	autofree char *id = xasprintf("%s::%s", package, name);
	struct suite *s = suite_list_find(&p->suites, id);

	if (s)
		return (size_t)(s - p->suites.v);
	s = suite_list_add(&p->suites);
	s->id = take_ptr(id);
	s->package = xstrdup(package);
	s->name = xstrdup(name);
	s->kind = xstrdup("test");
	s->adapter = xstrdup("log");
	s->framework = xstrdup(streq(package, "console") ? "console" : "ktap");
	s->listed = true;
	return p->suites.len - 1;
}

/* A case, with a number behind its name when the log has it more than once. */
static struct parse_log_case *add_case(
	struct parse_log *p, size_t suite, const char *name)
{
	struct suite *s = &p->suites.v[suite];
	struct parse_log_case *c;
	autofree char *unique = xstrdup(name);

	for (unsigned n = 2; suite_find_case(s, unique); n++) {
		free(unique);
		unique = xasprintf("%s%s(%u)", name, *name ? " " : "", n);
	}
	suite_add_case(s, unique);
	p->cases = xgrow(p->cases, &p->cap, p->len + 1, sizeof *p->cases);
	c = &p->cases[p->len++];
	*c = (struct parse_log_case){.suite = suite, .test = s->n_cases - 1};
	return c;
}

static void add_lost(struct parse_log *p, size_t suite, const char *name, const char *why)
{
	struct parse_log_case *c = add_case(p, suite, name);

	c->outcome.kind = END_LOST;
	c->outcome.detail = xstrdup(why);
	judgement_set(&c->judgement, VERDICT_LOST, "%s", why);
}

/* Results inside a case are its points. False when one of them failed. */
static bool add_points(struct judgement *j, const struct ktap_node *n, const char *prefix)
{
	bool good = true;

	for (size_t i = 0; i < n->len; i++) {
		const struct ktap_node *kid = n->kids[i];
		autofree char *name = xasprintf(
			"%s%s", prefix, kid->name ? kid->name : "(without a name)");
		autofree char *inner = xasprintf("%s > ", name);
		enum verdict v = kid->verdict;

		if (!kid->ended)
			continue;
		if (v != VERDICT_PASS && v != VERDICT_SKIP)
			v = VERDICT_FAIL;
		good &= add_points(j, kid, inner) && v != VERDICT_FAIL;
		if (!kid->len)
			judgement_add_point(j, name, v, kid->why);
	}
	return good;
}

/* The deepest result inside that is a crash. */
static const struct ktap_node *find_crash(const struct ktap_node *n)
{
	for (size_t i = 0; i < n->len; i++) {
		const struct ktap_node *found = find_crash(n->kids[i]);

		if (found)
			return found;
	}
	return n->ended && n->verdict == VERDICT_CRASH ? n : NULL;
}

static const char *find_console(const struct ktap_node *n)
{
	const char *found = n->console;

	for (size_t i = 0; !found && i < n->len; i++)
		found = find_console(n->kids[i]);
	return found;
}

static void judge_case(struct parse_log_case *c, const struct ktap_node *n,
	const struct ktap_node *crash)
{
	struct outcome *o = &c->outcome;
	struct judgement *j = &c->judgement;
	bool passed = n->verdict == VERDICT_PASS || n->verdict == VERDICT_SKIP;

	if (crash) {
		o->kind = END_MACHINE;
		o->detail = xstrdup_null(crash->why);
		judgement_set(j, VERDICT_CRASH, "%s", crash->why ? crash->why : "crash");
	} else if (!n->ended && o->console) {
		/* The machine said no more after its trouble. */
		o->kind = END_MACHINE;
		o->detail = xstrdup("the log ends after what the console says");
		judgement_set(j, VERDICT_CRASH, "%s", o->detail);
	} else if (!n->ended) {
		o->kind = END_LOST;
		o->detail = xstrdup("the log ends before its result");
		judgement_set(j, VERDICT_LOST, "%s", o->detail);
	} else if (passed && !n->why) {
		j->verdict = n->verdict;
	} else {
		o->kind = n->verdict == VERDICT_TIMEOUT ? END_TIMEOUT : END_EXIT;
		o->code = !passed;
		judgement_set(j, n->verdict, "%s", n->why ? n->why : "not ok");
	}
	if (verdict_is_failure(j->verdict))
		j->excerpt = o->console ? NULL : excerpt_find(o);
}

static void add_result(
	struct parse_log *p, size_t suite, const char *name, const struct ktap_node *n)
{
	autofree char *unnamed = name ? NULL : xasprintf("test %lu", n->number);
	struct parse_log_case *c = add_case(p, suite, name ? name : unnamed);

	buf_append(&c->outcome.out, buf_str(&n->output), n->output.len);
	c->outcome.console = xstrdup_null(find_console(n));
	if (n->end_us >= n->start_us && n->start_us >= 0)
		c->outcome.wall_us = n->end_us - n->start_us;
	if (!add_points(&c->judgement, n, "") && n->ended && n->verdict == VERDICT_PASS) {
		/* A parent that says "ok" above a failure is wrong. */
		struct ktap_node failed = *n;

		failed.verdict = VERDICT_FAIL;
		failed.why = (char[]){"a result inside it is \"not ok\""};
		judge_case(c, &failed, find_crash(n));
		return;
	}
	judge_case(c, n, find_crash(n));
}

/* Planned results that never came. `len`: kids that are results. */
static void add_missing(
	struct parse_log *p, size_t suite, const struct ktap_node *n, size_t len)
{
	autofree bool *seen = xcalloc(n->planned + 1, sizeof *seen);
	size_t missing = n->planned > len ? n->planned - len : 0;
	bool died = find_crash(n) != NULL;

	for (size_t i = 0; i < len; i++)
		if (n->kids[i]->number <= n->planned)
			seen[n->kids[i]->number] = true;
	for (size_t i = 1, named = 0; i <= n->planned && missing; i++) {
		bool rest = !seen[i] && ++named > MISSING_MAX;
		autofree char *name = rest ? xasprintf("%zu more tests", missing)
					   : xasprintf("test %zu", i);

		if (seen[i])
			continue;
		add_lost(p, suite, name,
			n->ended ? "its result is not in the log"
			: died   ? "the machine died before it"
				 : "the log ends before its result");
		missing -= rest ? missing : 1;
	}
}

/* A remark that came after the last result has made a kid that is no test. */
static size_t count_kids(const struct ktap_node *n)
{
	const struct ktap_node *last = n->len ? n->kids[n->len - 1] : NULL;
	bool real = !last || last->ended || last->len || last->console ||
		    (!n->ended && (last->name || n->has_plan));

	return n->len - !real;
}

static void add_suite(struct parse_log *p, const struct ktap_node *n, size_t number)
{
	autofree char *unnamed = xasprintf("suite %zu", number);
	size_t suite = get_suite(p, "ktap", n->name ? n->name : unnamed);
	size_t len = count_kids(n);
	bool failed = false;

	for (size_t i = 0; i < len; i++) {
		add_result(p, suite, n->kids[i]->name, n->kids[i]);
		failed |= p->cases[p->len - 1].judgement.verdict != VERDICT_PASS;
	}
	add_missing(p, suite, n, len);
	/* Its set-up or its end, if none of its tests. */
	if (n->ended && !failed && n->verdict != VERDICT_PASS &&
		n->verdict != VERDICT_SKIP)
		add_result(p, suite, "(the suite itself)",
			&(struct ktap_node){
				.ended = true,
				.verdict = n->verdict,
				.why = n->why,
				.output = n->output,
				.console = n->console,
				.start_us = -1,
				.end_us = -1,
			});
}

/* "selftests: net: tls.sh": collection and program. */
static void add_selftest(struct parse_log *p, const struct ktap_node *n)
{
	const char *rest = n->name + strlen("selftests: "), *colon = strstr(rest, ": ");
	autofree char *collection =
		xstrndup(rest, colon ? (size_t)(colon - rest) : strlen(rest));

	add_result(p, get_suite(p, "selftests", collection), colon ? colon + 2 : "", n);
}

static void add_document(struct parse_log *p, const struct ktap_node *doc)
{
	size_t len = count_kids(doc);

	for (size_t i = 0; i < len; i++) {
		const struct ktap_node *n = doc->kids[i];

		if (n->name && starts_with(n->name, "selftests: "))
			add_selftest(p, n);
		else if (n->len || n->has_plan)
			add_suite(p, n, i + 1);
		else
			add_result(p, get_suite(p, "ktap", p->reader->name), n->name, n);
	}
	if (doc->planned > len)
		add_missing(p, get_suite(p, "ktap", p->reader->name), doc, len);
}

static void add_incident(struct parse_log *p, const struct incident *i)
{
	autofree char *name =
		xasprintf("line %llu: %s", (unsigned long long)i->line, i->kind);
	struct parse_log_case *c =
		add_case(p, get_suite(p, "console", p->reader->name), name);

	c->outcome.kind = END_MACHINE;
	c->outcome.detail = xstrdup(i->title);
	c->outcome.console = xstrdup(i->excerpt);
	judgement_set(&c->judgement, VERDICT_CRASH, "%s", i->title);
}

void parse_log_end(struct parse_log *p)
{
	struct parse_log_reader *r = p->reader;

	console_line_end(&r->lines, take_line, r);
	close_incident(r);
	if (r->notes > NOTES_MAX)
		strv_pushf(&p->notes, "and %zu more of the kind", r->notes - NOTES_MAX);
	for (size_t i = 0; r->ktap && i < ktap_log_documents(r->ktap)->len; i++)
		add_document(p, ktap_log_documents(r->ktap)->kids[i]);
	for (size_t i = 0; i < r->len; i++)
		if (!r->incidents[i].node)
			add_incident(p, &r->incidents[i]);
	/* A log in which nothing is wrong is a result, too. */
	if (!p->len)
		add_case(p, get_suite(p, "console", r->name), "")->outcome.console =
			r->notes ? console_excerpt(r->console, EXCERPT_LINES) : NULL;
}

void parse_log_release(struct parse_log *p)
{
	struct parse_log_reader *r = p->reader;

	for (size_t i = 0; i < p->len; i++) {
		outcome_release(&p->cases[i].outcome);
		judgement_release(&p->cases[i].judgement);
	}
	free(p->cases);
	suite_list_release(&p->suites);
	strv_release(&p->notes);
	if (r) {
		for (size_t i = 0; i < r->len; i++) {
			free(r->incidents[i].kind);
			free(r->incidents[i].title);
			free(r->incidents[i].excerpt);
		}
		free(r->incidents);
		console_free(r->console);
		ktap_log_free(r->ktap);
		free(r->name);
		free(r);
	}
	*p = (struct parse_log){0};
}
