#include "framework/evidence.h"
#include "framework/framework.h"
#include "framework/listing.h"
#include "framework/plain.h"

/* Catch2, versions 2 and 3: https://github.com/catchorg/Catch2/blob/devel/docs/
 * command-line.md. Version 2 lists bare names and exits with their number (at most 255),
 * version 3 lists XML and exits with 0. */

#define VERSION_2_OPTION "--list-test-names-only"

/* Exit statuses of version 3. */
enum { EXIT_NO_TESTS = 2, EXIT_ALL_SKIPPED = 4 };

static int bid(const struct elf *elf)
{
	static const struct evidence evidence = {
		.main_library = {"libCatch2Main.so"},
		.symbol = {"N5Catch7Session"},
		.text = {{" host ", "application.\n"}, {"Run with -? ", "for options"}},
	};

	return evidence_bid(elf, &evidence);
}

static bool is_version_2(const struct suite *s)
{
	struct elf elf;
	struct err e = {0};
	bool found = false;

	if (s->binary && elf_open(s->binary, &elf, &e) == 1) {
		found = elf_has_string(&elf, VERSION_2_OPTION);
		elf_release(&elf);
	}
	return found;
}

static void list_argv(const struct suite *s, struct strv *argv)
{
	static const char *const words[] = {"--list-tests", "--reporter", "xml", NULL};

	if (is_version_2(s))
		strv_push(argv, VERSION_2_OPTION);
	else
		strv_push_array(argv, words);
}

/* Hidden tests are those tagged "[.]"; Catch2 gives the tag to all other spellings. */
static void ignored_argv(const struct suite *s, struct strv *argv)
{
	list_argv(s, argv);
	strv_push(argv, "[.]");
}

/* What the XML reporter escapes in text. */
static char *decode(const char *text, size_t len)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}};
	char *result = xmalloc(len + 1), *to = result;

	for (size_t i = 0; i < len; i++) {
		*to = text[i];
		for (size_t k = 0; text[i] == '&' && k < ARRAY_LEN(entities); k++) {
			size_t size = strlen(entities[k].entity);

			if (size <= len - i &&
				memcmp(text + i, entities[k].entity, size) == 0) {
				*to = entities[k].c;
				i += size - 1;
				break;
			}
		}
		to++;
	}
	*to = '\0';
	return result;
}

/* Names between <TestCase> and <Name>…</Name>. Returns whether it is XML. */
static bool read_xml(const char *out, size_t len, struct strv *names)
{
	const char *at = len ? memmem(out, len, "<MatchingTests", 14) : NULL;
	const char *end;

	if (!at)
		return false;
	end = out + len;
	while ((at = memmem(at, (size_t)(end - at), "<TestCase>", 10))) {
		const char *stop;

		at = memmem(at, (size_t)(end - at), "<Name>", 6);
		if (!at)
			break;
		at += 6;
		stop = memmem(at, (size_t)(end - at), "</Name>", 7);
		if (!stop)
			break;
		strv_push_take(names, decode(at, (size_t)(stop - at)));
		at = stop;
	}
	return true;
}

/* Version 2: the last lines, as many as the exit status says when it can say it. */
static void read_lines(const char *out, size_t len, int exit_status, struct strv *names)
{
	const char *raw;
	size_t pos = 0, size, skip;

	while (buf_next_line(out, len, &pos, &raw, &size)) {
		char *line = listing_clean(raw, size);

		if (*line)
			strv_push_take(names, line);
		else
			free(line);
	}
	skip = exit_status < 255 && (size_t)exit_status < names->len
		       ? names->len - (size_t)exit_status
		       : 0;
	while (skip--)
		strv_remove(names, 0);
}

static void read_names(const char *out, size_t len, int exit_status, struct strv *names)
{
	if (!read_xml(out, len, names))
		read_lines(out, len, exit_status, names);
}

static int parse_list(
	struct suite *s, const char *out, size_t len, int exit_status, struct err *e)
{
	autorelease(strv) struct strv names = STRV_INIT;

	(void)e;
	read_names(out, len, exit_status, &names);
	for (size_t i = 0; i < names.len; i++)
		suite_add_case(s, names.v[i]);
	listing_finish(s, 0);
	return 0;
}

static void parse_ignored(struct suite *s, const char *out, size_t len, int exit_status)
{
	autorelease(strv) struct strv names = STRV_INIT;

	read_names(out, len, exit_status, &names);
	listing_add_ignored(s, &names, false);
}

static void case_argv(
	const struct suite *s, const struct test_case *test, struct strv *argv)
{
	autorelease(buf) struct buf spec = BUF_INIT;

	(void)s;
	if (!*test->name)
		return;
	/* In a test specification a comma is "or", brackets are tags, quotes and stars
	 * at the ends and a leading tilde have meanings too; all can be escaped. So can
	 * a leading dash, which would make an option of it. */
	for (const char *c = test->name; *c; c++) {
		if (strchr("\\,[]\"*", *c) || (strchr("~-", *c) && c == test->name))
			buf_append_char(&spec, '\\');
		buf_append_char(&spec, *c);
	}
	strv_push(argv, buf_str(&spec));
}

static bool prints(const struct outcome *o, const char *text)
{
	return o->out.len && memmem(o->out.data, o->out.len, text, strlen(text));
}

static void judge(const struct suite *s, const struct test_case *test,
	const struct outcome *o, struct judgement *j)
{
	bool single = test && *test->name;

	(void)s;
	/* Version 2 exits with the number of failed assertions: 77 is just that. */
	plain_judge_status(o, j);
	if (o->kind != END_EXIT || !single)
		return;
	if ((o->code == 0 || o->code == EXIT_NO_TESTS) &&
		prints(o, "No test cases matched")) {
		j->hard = true;
		judgement_set(j, VERDICT_FAIL, "the program has no such test");
	} else if (o->code == EXIT_ALL_SKIPPED &&
		   prints(o, "test cases: 1 | 1 skipped")) {
		judgement_set(j, VERDICT_SKIP, "skipped");
	}
}

const struct framework framework_catch2 = {
	.name = "catch2",
	.help = "Catch2, versions 2 and 3",
	.bid = bid,
	.list_argv = list_argv,
	.parse_list = parse_list,
	.ignored_argv = ignored_argv,
	.parse_ignored = parse_ignored,
	.case_argv = case_argv,
	.judge = judge,
};
