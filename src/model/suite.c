#include "model/suite.h"

#include <stddef.h>

/* Every field that travels through JSON, in the order it is written. */
enum field_type {
	FIELD_STRING,
	FIELD_STRV,
	FIELD_BOOL,
	FIELD_INT,
	FIELD_UNSIGNED,
	FIELD_I64,
	FIELD_DOUBLE
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
};

#define FIELD(key, type, member)                                                         \
	{                                                                                \
		key, type, offsetof(struct suite, member)                                \
	}

static const struct field fields[] = {
	FIELD("id", FIELD_STRING, id),
	FIELD("package", FIELD_STRING, package),
	FIELD("name", FIELD_STRING, name),
	FIELD("kind", FIELD_STRING, kind),
	FIELD("adapter", FIELD_STRING, adapter),
	FIELD("platform-reason", FIELD_STRING, platform_reason),
	FIELD("command", FIELD_STRV, command),
	FIELD("runner", FIELD_STRV, runner),
	FIELD("binary", FIELD_STRING, binary),
	FIELD("cwd", FIELD_STRING, cwd),
	FIELD("env", FIELD_STRV, env),
	FIELD("env-unset", FIELD_STRV, env_unset),
	FIELD("env-prepend", FIELD_STRV, env_prepend),
	FIELD("env-append", FIELD_STRV, env_append),
	FIELD("shell-env", FIELD_STRING, shell_env),
	FIELD("labels", FIELD_STRV, labels),
	FIELD("timeout-ms", FIELD_I64, timeout_ms),
	FIELD("expect-fail", FIELD_BOOL, expect_fail),
	FIELD("skip-code", FIELD_INT, skip_code),
	FIELD("pass-regex", FIELD_STRV, pass_regex),
	FIELD("fail-regex", FIELD_STRV, fail_regex),
	FIELD("skip-regex", FIELD_STRV, skip_regex),
	FIELD("required-files", FIELD_STRV, required_files),
	FIELD("depends", FIELD_STRV, depends),
	FIELD("fixtures-required", FIELD_STRV, fixtures_required),
	FIELD("fixtures-setup", FIELD_STRV, fixtures_setup),
	FIELD("fixtures-cleanup", FIELD_STRV, fixtures_cleanup),
	FIELD("locks", FIELD_STRV, locks),
	FIELD("serial", FIELD_BOOL, serial),
	FIELD("processors", FIELD_UNSIGNED, processors),
	FIELD("cost", FIELD_DOUBLE, cost),
	FIELD("libraries", FIELD_STRV, libraries),
	FIELD("deps", FIELD_STRV, deps),
	FIELD("rdeps", FIELD_STRV, rdeps),
	FIELD("files", FIELD_STRV, files),
	FIELD("protocol", FIELD_STRING, protocol),
	FIELD("framework", FIELD_STRING, framework),
};

const char *platform_name(enum platform p)
{
	return p == PLATFORM_HOST ? "host" : "target";
}

void suite_clear_cases(struct suite *s)
{
	for (size_t i = 0; i < s->n_cases; i++)
		free(s->cases[i].name);
	free(s->cases);
	s->cases = NULL;
	s->n_cases = 0;
	s->listed = false;
}

void suite_release(struct suite *s)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		void *member = (char *)s + fields[i].offset;

		if (fields[i].type == FIELD_STRING)
			free(*(char **)member);
		else if (fields[i].type == FIELD_STRV)
			strv_release(member);
	}
	suite_clear_cases(s);
	free(s->digest);
	*s = (struct suite){0};
}

struct test_case *suite_add_case(struct suite *s, const char *name)
{
	/* The capacity is always the next power of two: no field for it. */
	if ((s->n_cases & (s->n_cases - 1)) == 0)
		s->cases = xrealloc(s->cases, MAX(1, s->n_cases * 2) * sizeof *s->cases);
	s->cases[s->n_cases] = (struct test_case){.name = xstrdup(name)};
	return &s->cases[s->n_cases++];
}

bool suite_serves(const struct suite *helper, const struct suite *user)
{
	return strv_shares(&helper->fixtures_setup, &user->fixtures_required) ||
	       strv_shares(&helper->fixtures_cleanup, &user->fixtures_required);
}

static void push_name(struct strv *list, char *name)
{
	if (strv_has(list, name))
		free(name);
	else
		strv_push_take(list, name);
}

void suite_add_library(struct strv *list, const char *word)
{
	const char *slash = strrchr(word, '/'), *base = slash ? slash + 1 : word, *end;

	if (starts_with(word, "-l") && word[2]) {
		push_name(list, xasprintf("lib%s", word + 2));
		push_name(list, xstrdup(word + 2));
		return;
	}
	end = strstr(base, ".so");
	if (end ? end[3] && end[3] != '.' : !ends_with(base, ".a"))
		return;
	if (!end)
		end = base + strlen(base) - strlen(".a");
	if (*word == '-' || end == base)
		return;
	push_name(list, xstrdup(base));
	push_name(list, xstrndup(base, (size_t)(end - base)));
	if (starts_with(base, "lib") && end - base > 3)
		push_name(list, xstrndup(base + 3, (size_t)(end - base - 3)));
}

struct test_case *suite_find_case(const struct suite *s, const char *name)
{
	for (size_t i = 0; i < s->n_cases; i++)
		if (streq(s->cases[i].name, name))
			return &s->cases[i];
	return NULL;
}

void suite_list_release(struct suite_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		suite_release(&list->v[i]);
	free(list->v);
	*list = (struct suite_list){0};
}

struct suite *suite_list_add(struct suite_list *list)
{
	list->v = xgrow(list->v, &list->cap, list->len + 1, sizeof *list->v);
	list->v[list->len] = (struct suite){.skip_code = -1};
	return &list->v[list->len++];
}

struct suite *suite_list_find(const struct suite_list *list, const char *id)
{
	for (size_t i = 0; i < list->len; i++)
		if (streq(list->v[i].id, id))
			return &list->v[i];
	return NULL;
}

/* Orders by platform and id, so that doubles are neighbours. */
static int compare_suites(const void *a, const void *b)
{
	const struct suite *x = *(const struct suite *const *)a,
			   *y = *(const struct suite *const *)b;

	return x->platform != y->platform ? (int)x->platform - (int)y->platform
					  : strcmp(x->id, y->id);
}

static int check_unique(const struct suite_list *list, const char *adapter, struct err *e)
{
	autofree const struct suite **sorted = xcalloc(list->len, sizeof(struct suite *));

	for (size_t i = 0; i < list->len; i++)
		sorted[i] = &list->v[i];
	qsort(sorted, list->len, sizeof *sorted, compare_suites);
	for (size_t i = 1; i < list->len; i++)
		if (compare_suites(&sorted[i - 1], &sorted[i]) == 0)
			return err_set(e, ERR_METADATA,
				"%s names two tests \"%s\"; their names must differ",
				adapter, sorted[i]->id);
	return 0;
}

int suite_list_check(struct suite_list *list, const char *adapter, struct err *e)
{
	for (size_t i = 0; i < list->len; i++) {
		struct suite *s = &list->v[i];
		const char *colons = s->id ? strstr(s->id, "::") : NULL;

		if (!s->id || !*s->id)
			return err_set(e, ERR_METADATA, "%s: test %zu has no name",
				adapter, i + 1);
		if (!s->command.len || !*s->command.v[0])
			return err_set(e, ERR_METADATA, "%s: test %s has no command",
				adapter, s->id);
		if (!s->cwd || s->cwd[0] != '/')
			return err_set(e, ERR_METADATA,
				"%s: test %s has no absolute working directory", adapter,
				s->id);
		if (!s->package)
			s->package = colons ? xstrndup(s->id, (size_t)(colons - s->id))
					    : xstrdup(s->id);
		if (!s->name)
			s->name = xstrdup(colons ? colons + 2 : s->id);
		if (!s->kind)
			s->kind = xstrdup("test");
		if (!s->adapter)
			s->adapter = xstrdup(adapter);
		if (!s->processors)
			s->processors = 1;
	}
	return check_unique(list, adapter, e);
}

static void write_field(const struct suite *s, const struct field *f, struct jsonw *w)
{
	const void *member = (const char *)s + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		if (*(char *const *)member)
			jsonw_string(w, f->key, *(char *const *)member);
		break;
	case FIELD_STRV:
		if (((const struct strv *)member)->len)
			jsonw_strv(w, f->key, member);
		break;
	case FIELD_BOOL:
		if (*(const bool *)member)
			jsonw_bool(w, f->key, true);
		break;
	case FIELD_INT:
		if (*(const int *)member != -1)
			jsonw_int(w, f->key, *(const int *)member);
		break;
	case FIELD_UNSIGNED:
		if (*(const unsigned *)member)
			jsonw_int(w, f->key, *(const unsigned *)member);
		break;
	case FIELD_I64:
		if (*(const int64_t *)member)
			jsonw_int(w, f->key, *(const int64_t *)member);
		break;
	case FIELD_DOUBLE:
		if (*(const double *)member != 0)
			jsonw_fixed(w, f->key, *(const double *)member, 3);
		break;
	}
}

void suite_write(const struct suite *s, struct jsonw *w, const char *key)
{
	jsonw_open(w, key, '{');
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		write_field(s, &fields[i], w);
	jsonw_string(w, "platform", platform_name(s->platform));
	if (s->listed) {
		jsonw_open(w, "cases", '[');
		for (size_t i = 0; i < s->n_cases; i++) {
			jsonw_open(w, NULL, '{');
			jsonw_string(w, "name", s->cases[i].name);
			if (s->cases[i].ignored)
				jsonw_bool(w, "ignored", true);
			if (s->cases[i].benchmark)
				jsonw_bool(w, "benchmark", true);
			jsonw_close(w, '}');
		}
		jsonw_close(w, ']');
	}
	jsonw_close(w, '}');
}

static bool has_kind(const struct json *value, enum field_type type)
{
	static const enum json_kind kinds[] = {
		[FIELD_STRING] = JSON_STRING,
		[FIELD_STRV] = JSON_ARRAY,
		[FIELD_BOOL] = JSON_BOOL,
		[FIELD_INT] = JSON_NUMBER,
		[FIELD_UNSIGNED] = JSON_NUMBER,
		[FIELD_I64] = JSON_NUMBER,
		[FIELD_DOUBLE] = JSON_NUMBER,
	};

	return json_kind(value) == kinds[type];
}

static void read_field(struct suite *s, const struct field *f, const struct json *value)
{
	void *member = (char *)s + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		free(*(char **)member);
		*(char **)member = xstrdup(json_string(value, ""));
		break;
	case FIELD_STRV:
		strv_clear(member);
		json_strv(value, member);
		break;
	case FIELD_BOOL:
		*(bool *)member = json_boolean(value, false);
		break;
	case FIELD_INT:
		*(int *)member = (int)json_int(value, -1);
		break;
	case FIELD_UNSIGNED:
		*(unsigned *)member = (unsigned)json_int(value, 0);
		break;
	case FIELD_I64:
		*(int64_t *)member = json_int(value, 0);
		break;
	case FIELD_DOUBLE:
		*(double *)member = json_double(value, 0);
		break;
	}
}

static int read_cases(struct suite *s, const struct json *cases, struct err *e)
{
	for (size_t i = 0; i < json_len(cases); i++) {
		const char *name = json_find_string(json_at(cases, i), "name", NULL);
		struct test_case *c;

		if (!name)
			return err_set(
				e, ERR_METADATA, "case %zu has no \"name\"", i + 1);
		c = suite_add_case(s, name);
		c->ignored = json_boolean(json_find(json_at(cases, i), "ignored"), false);
		c->benchmark =
			json_boolean(json_find(json_at(cases, i), "benchmark"), false);
	}
	s->listed = true;
	return 0;
}

static const struct field *find_field(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (streq(fields[i].key, key))
			return &fields[i];
	return NULL;
}

int suite_read(struct suite *s, const struct json *object, struct err *e)
{
	*s = (struct suite){.skip_code = -1};
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		const struct field *f = find_field(it.key);

		if (f && has_kind(it.value, f->type)) {
			read_field(s, f, it.value);
		} else if (streq(it.key, "platform")) {
			s->platform = streq(json_string(it.value, ""), "host")
					      ? PLATFORM_HOST
					      : PLATFORM_TARGET;
		} else if (streq(it.key, "cases") && json_kind(it.value) == JSON_ARRAY) {
			if (read_cases(s, it.value, e) < 0)
				return -1;
		} else {
			return err_set(e, ERR_METADATA, "suite %s: \"%s\" is %s",
				s->id ? s->id : "without id", it.key,
				f ? "of the wrong type" : "not known here");
		}
	}
	return 0;
}
