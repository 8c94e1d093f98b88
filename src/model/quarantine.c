#include "model/quarantine.h"

#include <time.h>

const char *quarantine_check_day(const char *day)
{
	static const char form[] = "dddd-dd-dd";
	struct tm tm = {0}, back;
	time_t t;

	for (size_t i = 0; i < sizeof form; i++)
		if (form[i] == 'd' ? day[i] < '0' || day[i] > '9' : day[i] != form[i])
			return "a day is expected, as \"2026-12-31\"";
	tm.tm_year = (int)strtol(day, NULL, 10) - 1900;
	tm.tm_mon = (int)strtol(day + 5, NULL, 10) - 1;
	tm.tm_mday = (int)strtol(day + 8, NULL, 10);
	back = tm;
	t = timegm(&back);
	/* A day that is not in the calendar becomes another one. */
	if (!gmtime_r(&t, &back) || back.tm_mday != tm.tm_mday ||
		back.tm_mon != tm.tm_mon)
		return "there is no such day";
	return NULL;
}

static const struct config_origin *origin_of(
	const struct config *c, const struct config_quarantine *q, const char *key)
{
	autofree char *name =
		xasprintf("quarantine[%zu].%s", (size_t)(q - c->quarantine.v), key);

	return config_origin_find(c, name);
}

int quarantine_check(const struct config *c, const char *today, struct err *e)
{
	for (size_t i = 0; i < c->quarantine.len; i++) {
		const struct config_quarantine *q = &c->quarantine.v[i];
		const struct config_origin *at = origin_of(c, q, "expires");

		/* Days of this form are in the order of their characters. */
		if (strcmp(today, q->expires) > 0)
			return err_set(e, ERR_SETUP,
				"%s:%u:%u: the quarantine has expired on %s (%s): mend "
				"the tests, or decide anew",
				c->path, at ? at->line : 0, at ? at->column : 0,
				q->expires, q->reason);
	}
	return 0;
}

void quarantine_today(char out[11])
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(out, 11, "%Y-%m-%d", localtime_r(&now, &tm));
}

int quarantine_find(const struct config *c, const struct filter_subject *subject,
	const struct config_quarantine **out, struct err *e)
{
	*out = NULL;
	for (size_t i = 0; i < c->quarantine.len && !*out; i++) {
		enum filter_answer answer =
			filter_eval_case(c->quarantine.v[i].filter, subject, e);

		if (answer == FILTER_ERROR)
			return -1;
		if (answer == FILTER_YES)
			*out = &c->quarantine.v[i];
	}
	return 0;
}

char *quarantine_place(const struct config *c, const struct config_quarantine *q)
{
	const struct config_origin *at = origin_of(c, q, "filter");

	return xasprintf("%s:%u", c->path, at ? at->line : 0);
}
