/* Quarantine: which entry holds for a case, and when one has expired. */
#include "model/quarantine.h"

#include "tests/tap.h"

static const char text[] =
	"{\"quarantine\": [\n"
	"  {\"filter\": \"test(a)\", \"reason\": \"ticket 7\", \"expires\": "
	"\"2026-02-28\"},\n"
	"  {\"filter\": \"all()\", \"reason\": \"all\", \"expires\": \"2027-12-31\"}]}";

static void test_check(void)
{
	static const struct {
		const char *today, *want;
	} table[] = {
		{"2025-12-31", NULL},
		{"2026-02-28", NULL},
		{"2026-03-01", "x.json:2:58: the quarantine has expired on 2026-02-28 "
			       "(ticket 7): mend the tests, or decide anew"},
		{"2028-01-01", "x.json:2:58: the quarantine has expired on 2026-02-28 "
			       "(ticket 7): mend the tests, or decide anew"},
	};
	struct err e = {0};
	autorelease_config struct config *c =
		config_parse(text, strlen(text), "x.json", &e);

	if (!ok(c != NULL, "a configuration %s", e.msg))
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		int r = quarantine_check(c, table[i].today, &e);

		is_str(r < 0 ? e.msg : NULL, table[i].want, table[i].today);
	}
	is_int(e.kind, ERR_SETUP, "as an error of the configuration");
}

static void test_find(void)
{
	struct filter_subject subject = {
		.test = "a", .binary = "s", .binary_id = "p::s", .package = "p"};
	const struct config_quarantine *q;
	struct err e = {0};
	autorelease_config struct config *c =
		config_parse(text, strlen(text), "x.json", &e);
	autofree char *place = NULL;

	if (!ok(c != NULL, "a configuration"))
		return;
	ok(quarantine_find(c, &subject, &q, &e) == 0 && q == &c->quarantine.v[0],
		"the first that matches");
	place = quarantine_place(c, q);
	is_str(place, "x.json:2", "where it stands");
	subject.test = "b";
	ok(quarantine_find(c, &subject, &q, &e) == 0 && q == &c->quarantine.v[1],
		"and another");
}

static void test_day(void)
{
	static const char *const good[] = {"2026-12-31", "2024-02-29", "1999-01-01"};
	static const char *const bad[] = {"", "2026", "2026-1-1", "31.12.2026",
		"2026-13-01", "2026-02-29", "2026-04-31", "2026-01-00", "2026-12-31 ",
		"x026-12-31"};
	char today[11];

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		is_str(quarantine_check_day(good[i]), NULL, good[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(quarantine_check_day(bad[i]) != NULL, "not a day: \"%s\"", bad[i]);
	quarantine_today(today);
	is_str(quarantine_check_day(today), NULL, "today is a day");
}

int main(void)
{
	test_check();
	test_find();
	test_day();
	return tap_done();
}
