#include "framework/evidence.h"
#include "framework/framework.h"

const struct framework *const framework_table[] = {
	&framework_libtest,
	&framework_gtest,
	&framework_catch2,
	&framework_doctest,
	&framework_glib,
	&framework_cmocka,
	&framework_check,
	&framework_tap,
	&framework_plain,
	NULL,
};

const struct framework *framework_find(const char *name)
{
	for (size_t i = 0; framework_table[i]; i++)
		if (streq(framework_table[i]->name, name))
			return framework_table[i];
	return NULL;
}

static const struct framework *best_bid(const struct elf *elf)
{
	const struct framework *best = &framework_plain;
	int most = 0;

	for (size_t i = 0; elf && framework_table[i] && most < EVIDENCE_CERTAIN; i++) {
		int bid = framework_table[i]->bid(elf);

		if (bid > most) {
			most = bid;
			best = framework_table[i];
		}
	}
	return best;
}

const struct framework *framework_detect(const struct suite *suite, const struct elf *elf)
{
	const struct framework *f = NULL;

	if (suite->framework)
		f = framework_find(suite->framework);
	if (f)
		return f;
	if (streq_null(suite->protocol, "gtest"))
		return &framework_gtest;
	if (streq_null(suite->protocol, "rust"))
		return &framework_libtest;
	f = best_bid(elf);
	/* GLib's programs are registered as TAP; others speak it because they were told
	 * to, and only the build system knows. */
	if (streq_null(suite->protocol, "tap") && f != &framework_glib)
		return &framework_tap;
	return f;
}

bool framework_splits(const struct framework *f, const struct suite *s)
{
	/* "Fails as expected" and "prints this" are said of the program, not of each of
	 * its cases; and what sets a fixture up is no test. */
	if (!f->list_argv || s->expect_fail || s->pass_regex.len || s->fail_regex.len ||
		s->skip_regex.len || s->fixtures_setup.len || s->fixtures_cleanup.len)
		return false;
	return f->accepts_args ? f->accepts_args(s) : s->command.len == 1;
}
