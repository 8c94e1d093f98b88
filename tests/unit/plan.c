#include "model/plan.h"

#include "tests/tap.h"

static struct suite *add(struct suite_list *list, const char *id)
{
	struct suite *s = suite_list_add(list);

	s->id = xstrdup(id);
	suite_add_case(s, "");
	return s;
}

static void plan_all(struct plan *p, const struct suite_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		plan_add(p, &list->v[i], &list->v[i].cases[0], 0);
}

static void is_order(const struct plan *p, const char *want, const char *name)
{
	autorelease(strv) struct strv ids = STRV_INIT;
	autofree char *got = NULL;

	for (size_t i = 0; i < p->len; i++)
		strv_push(&ids, p->items[i].suite->id);
	got = strv_join(&ids, " ");
	is_str(got, want, name);
}

static const struct plan_item *item(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->len; i++)
		if (streq(p->items[i].suite->id, id))
			return &p->items[i];
	return NULL;
}

static void test_order(void)
{
	autorelease(suite_list) struct suite_list list = {0};
	autorelease(plan) struct plan p = {0};
	struct err e = {0};

	add(&list, "a");
	add(&list, "b")->cost = 5;
	add(&list, "c");
	add(&list, "d")->cost = 9;
	plan_all(&p, &list);
	is_int(plan_link(&p, &e), 0, "link");
	is_order(
		&p, "d b a c", "the costly first, the rest as the build system has them");
}

static void test_links(void)
{
	autorelease(suite_list) struct suite_list list = {0};
	autorelease(plan) struct plan p = {0};
	struct err e = {0};

	strv_push(&add(&list, "cleanup")->fixtures_cleanup, "db");
	strv_push(&add(&list, "user")->fixtures_required, "db");
	strv_push(&add(&list, "setup")->fixtures_setup, "db");
	strv_push(&add(&list, "last")->depends, "user");
	plan_all(&p, &list);
	plan_add(&p, &list.v[2], &list.v[2].cases[0], 1);
	is_int(plan_link(&p, &e), 0, "link");
	is_int((long long)item(&p, "user")->n_needs, 1,
		"who needs a fixture needs its set-up to pass, on its own column only");
	is_int((long long)item(&p, "cleanup")->n_after, 2,
		"clean-up waits for set-up and users");
	is_int((long long)item(&p, "last")->n_after, 1, "a dependency is waited for");
	is_int((long long)item(&p, "last")->n_needs, 0, "and may fail");
}

static void test_circle(void)
{
	autorelease(suite_list) struct suite_list list = {0};
	autorelease(plan) struct plan p = {0};
	struct err e = {0};

	strv_push(&add(&list, "a")->depends, "b");
	strv_push(&add(&list, "b")->depends, "c");
	strv_push(&add(&list, "c")->depends, "a");
	plan_all(&p, &list);
	is_int(plan_link(&p, &e), -1, "a circle is refused");
	is_str(e.msg,
		"the tests' dependencies go in a circle through a; break it in the build "
		"files",
		"and named");
}

int main(void)
{
	test_order();
	test_links();
	test_circle();
	return tap_done();
}
