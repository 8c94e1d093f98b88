#include "base/strv.h"

#include "tests/tap.h"

static void is_joined(const struct strv *s, const char *want, const char *name)
{
	autofree char *got = strv_join(s, "|");

	is_str(got, want, name);
}

int main(void)
{
	autorelease(strv) struct strv s = STRV_INIT, env = STRV_INIT;
	autofree char *quoted = NULL;

	is_int(strv_argv(&s)[0] == NULL, 1, "an empty vector is an empty argv");
	strv_split(&s, "b::a:c:", ":");
	is_joined(&s, "b|a|c", "split leaves empty pieces out");
	strv_insert(&s, 0, "b");
	strv_insert(&s, 4, "z");
	is_joined(&s, "b|b|a|c|z", "insert at both ends");
	strv_unique(&s);
	is_joined(&s, "a|b|c|z", "unique sorts and drops doubles");
	ok(strv_has_sorted(&s, "a") && strv_has_sorted(&s, "z") &&
			!strv_has_sorted(&s, "bb") && !strv_has_sorted(&env, "a"),
		"what is in a sorted list is found in it");
	strv_remove(&s, 1);
	strv_pushf(&s, "it's %d", 7);
	quoted = strv_quote(&s);
	is_str(quoted, "a c z 'it'\\''s 7'", "quoting for a shell");

	strv_env_put(&env, "A=1");
	strv_env_put(&env, "AB=2");
	strv_env_set(&env, "A", "3");
	is_joined(&env, "A=3|AB=2", "setting replaces only the same name");
	is_str(strv_env_find(&env, "AB"), "2", "find");
	is_str(strv_env_find(&env, "B"), NULL, "a missing name is NULL");
	strv_env_unset(&env, "A");
	is_joined(&env, "AB=2", "unset");
	return tap_done();
}
