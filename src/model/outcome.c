#include "model/outcome.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name, *label;
} verdicts[] = {
	[VERDICT_PASS] = {"pass", "PASS"},
	[VERDICT_FAIL] = {"fail", "FAIL"},
	[VERDICT_SKIP] = {"skip", "SKIP"},
	[VERDICT_TIMEOUT] = {"timeout", "TIMEOUT"},
	[VERDICT_CRASH] = {"crash", "CRASH"},
	[VERDICT_LEAK] = {"leak", "LEAK"},
	[VERDICT_FLAKY] = {"flaky", "FLAKY"},
	[VERDICT_LOST] = {"lost", "LOST"},
};

const char *verdict_name(enum verdict v)
{
	return verdicts[v].name;
}

const char *verdict_label(enum verdict v)
{
	return verdicts[v].label;
}

bool verdict_is_failure(enum verdict v)
{
	return v == VERDICT_FAIL || v == VERDICT_TIMEOUT || v == VERDICT_CRASH;
}

void outcome_release(struct outcome *o)
{
	free(o->detail);
	free(o->leaked_names);
	free(o->console);
	buf_release(&o->out);
	buf_release(&o->err);
	*o = (struct outcome){0};
}

void judgement_release(struct judgement *j)
{
	for (size_t i = 0; i < j->n_points; i++) {
		free(j->points[i].name);
		free(j->points[i].reason);
	}
	free(j->points);
	free(j->reason);
	free(j->excerpt);
	*j = (struct judgement){0};
}

struct point *judgement_add_point(
	struct judgement *j, const char *name, enum verdict v, const char *reason)
{
	/* The capacity is always the next power of two. */
	if ((j->n_points & (j->n_points - 1)) == 0)
		j->points =
			xrealloc(j->points, MAX(1, j->n_points * 2) * sizeof *j->points);
	j->points[j->n_points] = (struct point){xstrdup(name), v, xstrdup_null(reason)};
	return &j->points[j->n_points++];
}

void judgement_set(struct judgement *j, enum verdict v, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	free(j->reason);
	j->verdict = v;
	j->reason = xstrdup(line);
}

char *judgement_message(const struct judgement *j)
{
	size_t pos = 0, len = 0;
	const char *line;

	if (!j->excerpt ||
		!buf_next_line(j->excerpt, strlen(j->excerpt), &pos, &line, &len) || !len)
		return xstrdup_null(j->reason);
	if (!j->reason)
		return xstrndup(line, len);
	return j->verdict == VERDICT_FAIL
		       ? xasprintf("%.*s (%s)", (int)len, line, j->reason)
		       : xasprintf("%s: %.*s", j->reason, (int)len, line);
}

char *outcome_describe(const struct outcome *o)
{
	const char *name;

	switch (o->kind) {
	case END_EXIT:
		return xasprintf("exit status %d%s%s", o->code, o->detail ? ": " : "",
			o->detail ? o->detail : "");
	case END_SIGNAL:
		name = sigabbrev_np(o->code);
		return xasprintf("signal %d%s%s%s%s%s%s", o->code, name ? " (SIG" : "",
			name ? name : "", name ? ")" : "",
			o->core_dumped ? ", core dumped" : "", o->detail ? ": " : "",
			o->detail ? o->detail : "");
	case END_TIMEOUT:
		return xstrdup(o->detail ? o->detail : "time limit reached");
	case END_NOT_STARTED:
		return xasprintf("could not be started%s%s", o->detail ? ": " : "",
			o->detail ? o->detail : "");
	case END_MACHINE:
		return xasprintf("ended its machine%s%s", o->detail ? ": " : "",
			o->detail ? o->detail : "");
	case END_LOST:
		break;
	}
	return xasprintf("lost%s%s", o->detail ? ": " : "", o->detail ? o->detail : "");
}
