#include "framework/bracket.h"

#include "base/buf.h"
#include "framework/listing.h"

static const struct {
	const char *mark;
	enum verdict verdict;
} ends[] = {
	{"[       OK ] ", VERDICT_PASS},
	{"[  FAILED  ] ", VERDICT_FAIL},
	{"[  SKIPPED ] ", VERDICT_SKIP},
};

/* Whether the text is the name, and not the beginning of a longer one. */
static bool names(const char *text, const char *name)
{
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && (!text[len] || strchr(" ,\t", text[len]));
}

/* What a failed test said first: "file.cc:6: Failure", or cmocka's message. */
static bool is_reason(const char *line)
{
	return ends_with(line, ": Failure") || starts_with(line, "[  ERROR   ] --- ") ||
	       ends_with(line, ": Skipped");
}

static void end_test(struct bracket *b, struct judgement *j, char **name, char **reason,
	enum verdict v)
{
	const char *why = *reason;

	b->failed += v == VERDICT_FAIL;
	b->skipped += v == VERDICT_SKIP;
	if (why && starts_with(why, "[  ERROR   ] --- "))
		why += strlen("[  ERROR   ] --- ");
	judgement_add_point(j, *name, v, v == VERDICT_PASS ? NULL : why);
	free(take_ptr(*name));
	free(take_ptr(*reason));
}

void bracket_parse(const char *data, size_t len, struct bracket *b, struct judgement *j)
{
	autofree char *name = NULL, *reason = NULL;
	const char *raw;
	size_t pos = 0, size;

	while (buf_next_line(data, len, &pos, &raw, &size)) {
		autofree char *line = NULL;

		/* Most lines are a test's own output. */
		if (!name && !memchr(raw, '[', size))
			continue;
		line = listing_clean(raw, size);
		if (starts_with(line, "[ RUN      ] ")) {
			if (name)
				end_test(b, j, &name, &reason, VERDICT_FAIL);
			name = xstrdup(line + strlen("[ RUN      ] "));
			b->total++;
			continue;
		}
		b->ran_nothing |= starts_with(line, "[==========] Running 0 tests");
		if (name && !reason && is_reason(line))
			reason = xstrndup(line, 300);
		/* A test that prints no newline has the mark behind its own text. */
		for (size_t i = 0; name && i < ARRAY_LEN(ends); i++) {
			const char *mark = strstr(line, ends[i].mark);

			if (mark && names(mark + strlen(ends[i].mark), name))
				end_test(b, j, &name, &reason, ends[i].verdict);
		}
	}
	if (name) {
		free(reason);
		reason = xstrdup("did not end");
		end_test(b, j, &name, &reason, VERDICT_FAIL);
	}
}
