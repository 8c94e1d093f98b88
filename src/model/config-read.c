#include "model/config-read.h"

#include "base/duration.h"
#include "base/json-position.h"
#include "base/json.h"
#include "base/version.h"

struct reader {
	struct config_origins *origins;
	const char *text, *name;
	struct err *e;
};

/* A value, where it is, and what it is called in messages ("suites[2].env"). */
struct place {
	const struct json *value;
	const struct json_position *position;
	const char *path;
};

static int read_object(struct reader *r, const struct config_key *keys, void *object,
	const struct place *p);

static int read_field(struct reader *r, const struct config_key *key, void *object,
	const struct place *p);

static void where(const struct reader *r, size_t offset, struct buf *out)
{
	unsigned line, column;

	json_position_find(r->text, offset, &line, &column);
	buf_printf(out, "%s:%u:%u", r->name, line, column);
}

static int fault(struct reader *r, const struct place *p, const char *message)
{
	autorelease(buf) struct buf at = BUF_INIT;

	where(r, p->position->value, &at);
	if (*p->path)
		buf_printf(&at, ": '%s'", p->path);
	return err_set(r->e, ERR_SETUP, "%s: %s", buf_str(&at), message);
}

/* A message of another module, put behind the place. */
static int fault_nested(struct reader *r, const struct place *p, const struct err *inner)
{
	return fault(r, p, inner->msg);
}

static int wrong_type(struct reader *r, const struct place *p, const char *expected)
{
	autofree char *message = xasprintf(
		"expected %s, found %s", expected, json_kind_name(json_kind(p->value)));

	return fault(r, p, message);
}

/* Two spellings of one key ("a", "\\u0061") escape the scan; the parser has kept one of
 * them, and then the two trees cannot be walked side by side. */
static int check_shape(struct reader *r, const struct place *p)
{
	if (json_len(p->value) == p->position->len)
		return 0;
	return fault(r, p, "a key in it is there twice");
}

static void remember(struct reader *r, const struct place *p)
{
	struct config_origins *all = r->origins;
	struct config_origin origin = {.key = xstrdup(p->path)};

	json_position_find(r->text, p->position->value, &origin.line, &origin.column);
	all->v = xgrow(all->v, &all->cap, all->len + 1, sizeof(*all->v));
	all->v[all->len++] = origin;
}

static const char *text_of(const struct place *p)
{
	return json_kind(p->value) == JSON_STRING ? json_string(p->value, NULL) : NULL;
}

static int read_duration(struct reader *r, const struct place *p, int64_t *us)
{
	const char *text = text_of(p);
	struct err inner = {0};

	if (!text)
		return wrong_type(r, p, "a duration like \"90s\" or \"1m 30s\"");
	if (duration_parse(text, us, &inner) < 0)
		return fault_nested(r, p, &inner);
	return *us > 0 ? 0 : fault(r, p, "a duration of zero");
}

static int read_word(
	struct reader *r, const struct config_key *key, const struct place *p, int *out)
{
	const char *text = text_of(p),
		   *near = text ? util_nearest(text, key->words) : NULL;
	autorelease(buf) struct buf message = BUF_INIT;

	for (size_t i = 0; key->words[i]; i++) {
		if (text && streq(text, key->words[i])) {
			*out = (int)i;
			return 0;
		}
		buf_printf(&message, "%s\"%s\"", i ? " or " : "", key->words[i]);
	}
	if (!text)
		return wrong_type(r, p, buf_str(&message));
	buf_printf(&message, " is expected, not \"%.60s\"", text);
	if (near)
		buf_printf(&message, "; did you mean \"%s\"?", near);
	return fault(r, p, buf_str(&message));
}

static int read_count_word(struct reader *r, const struct config_key *key,
	const struct place *p, int64_t *out)
{
	int index;

	if (read_word(r, key, p, &index) < 0)
		return -1;
	*out = CONFIG_COUNT_WORD(index);
	return 0;
}

static int read_integer(struct reader *r, const struct config_key *key,
	const struct place *p, int64_t *out)
{
	const char *text = text_of(p);
	autofree char *expected = xasprintf("a whole number from %lld to %lld%s",
		(long long)key->min, (long long)key->max,
		key->type == CONFIG_DEPTH   ? ", or \"infinite\""
		: key->type == CONFIG_COUNT ? ", or a word"
					    : "");
	double value;

	if (key->type == CONFIG_DEPTH && text && streq(text, "infinite")) {
		*out = INT64_MAX;
		return 0;
	}
	if (key->type == CONFIG_COUNT && text)
		return read_count_word(r, key, p, out);
	if (json_kind(p->value) != JSON_NUMBER)
		return wrong_type(r, p, expected);
	value = json_double(p->value, 0);
	if (!(value >= (double)key->min && value <= (double)key->max) ||
		value != (double)(int64_t)value) {
		autofree char *message = xasprintf("expected %s", expected);

		return fault(r, p, message);
	}
	*out = (int64_t)value;
	return 0;
}

static int read_decimal(struct reader *r, const struct config_key *key,
	const struct place *p, int64_t *out)
{
	autofree char *expected = xasprintf("a number from %.4g to %.4g",
		(double)key->min / 1000, (double)key->max / 1000);
	autofree char *message = xasprintf("expected %s", expected);
	double value;

	if (json_kind(p->value) != JSON_NUMBER)
		return wrong_type(r, p, expected);
	value = json_double(p->value, 0) * 1000;
	if (!(value >= (double)key->min && value <= (double)key->max))
		return fault(r, p, message);
	*out = (int64_t)(value + 0.5);
	return 0;
}

static int read_strings(struct reader *r, const struct place *p, struct strv *out)
{
	if (json_kind(p->value) != JSON_ARRAY)
		return wrong_type(r, p, "an array of strings");
	if (check_shape(r, p) < 0)
		return -1;
	for (size_t i = 0; i < json_len(p->value); i++) {
		autofree char *path = xasprintf("%s[%zu]", p->path, i);
		struct place item = {json_at(p->value, i), &p->position->kids[i], path};

		if (!text_of(&item))
			return wrong_type(r, &item, "a string");
		strv_push(out, text_of(&item));
	}
	return 0;
}

static int read_command(struct reader *r, const struct place *p, struct strv *out)
{
	if (text_of(p)) {
		strv_push_array(out, (const char *const[]){"sh", "-c", text_of(p), NULL});
		return 0;
	}
	if (json_kind(p->value) != JSON_ARRAY)
		return wrong_type(r, p, "an array of strings, or a text for the shell");
	if (!json_len(p->value))
		return fault(r, p, "a command without a program");
	return read_strings(r, p, out);
}

static int read_env(struct reader *r, const struct place *p, struct strv *out)
{
	size_t i = 0;

	if (json_kind(p->value) != JSON_OBJECT)
		return wrong_type(r, p, "an object of strings");
	if (check_shape(r, p) < 0)
		return -1;
	for (struct json_iter it = json_iter(p->value); json_next(&it); i++) {
		autofree char *path = xasprintf("%s.%s", p->path, it.key);
		struct place item = {it.value, &p->position->kids[i], path};

		if (!text_of(&item))
			return wrong_type(r, &item, "a string");
		if (!*it.key || strchr(it.key, '='))
			return fault(r, &item, "no name for an environment variable");
		strv_env_set(out, it.key, text_of(&item));
	}
	return 0;
}

static int read_filter(struct reader *r, const struct config_key *key,
	const struct place *p, struct filter **out)
{
	struct err inner = {0};

	if (!text_of(p))
		return wrong_type(r, p, "a filterset");
	*out = filter_parse(text_of(p), key->context, &inner);
	return *out ? 0 : fault_nested(r, p, &inner);
}

/* An object, or only what its first key holds. */
static int read_short(
	struct reader *r, const struct config_key *key, void *out, const struct place *p)
{
	if (json_kind(p->value) == JSON_OBJECT)
		return read_object(r, key->keys, out, p);
	if (key->type == CONFIG_TIMEOUT)
		((struct config_timeout *)out)->terminate_after = 1;
	if (key->keys->type == CONFIG_STRING && !text_of(p))
		return wrong_type(r, p, "a string, or an object");
	if (key->keys->type == CONFIG_DURATION && !text_of(p))
		return wrong_type(r, p, "a duration, or an object with a period");
	return read_field(r, key->keys, out, p);
}

static int read_switch(
	struct reader *r, const struct config_key *key, void *out, const struct place *p)
{
	int64_t *first = (int64_t *)(void *)((char *)out + key->keys->offset);

	if (json_kind(p->value) == JSON_OBJECT)
		return read_object(r, key->keys, out, p);
	if (json_kind(p->value) != JSON_BOOL)
		return wrong_type(r, p, "true, false or an object");
	*first = json_boolean(p->value, false) ? 1 : CONFIG_COUNT_WORD(0);
	return 0;
}

/* The items of a list, a map or a list of commands. */
static int read_items(struct reader *r, const struct config_key *key, void *object,
	const struct place *p)
{
	bool is_map = key->type == CONFIG_MAP;
	struct config_items items = {NULL, json_len(p->value)};
	struct json_iter it = json_iter(p->value);

	if (json_kind(p->value) != (is_map ? JSON_OBJECT : JSON_ARRAY))
		return wrong_type(r, p, is_map ? "an object" : "an array");
	if (check_shape(r, p) < 0)
		return -1;
	items.v = xcalloc(items.len + 1, key->size);
	for (size_t i = 0; key->keys && i < items.len; i++)
		config_keys_init(key->keys, (char *)items.v + i * key->size);
	config_keys_set_items(key, object, items);
	for (size_t i = 0; i < items.len; i++) {
		void *item = (char *)items.v + i * key->size;
		autofree char *path = NULL;
		struct place kid = {json_at(p->value, i), &p->position->kids[i], NULL};

		if (is_map) {
			json_next(&it);
			kid.value = it.value;
			*(char **)item = xstrdup(it.key);
		}
		path = is_map ? xasprintf("%s.%s", p->path, it.key)
			      : xasprintf("%s[%zu]", p->path, i);
		kid.path = path;
		if (key->type == CONFIG_COMMANDS
				? read_command(r, &kid, item) < 0
				: read_object(r, key->keys, item, &kid) < 0)
			return -1;
	}
	return 0;
}

static int read_value(struct reader *r, const struct config_key *key, void *object,
	const struct place *p)
{
	void *field = (char *)object + key->offset;

	switch (key->type) {
	case CONFIG_STRING:
		if (!text_of(p))
			return wrong_type(r, p, "a string");
		if (!*text_of(p))
			return fault(r, p, "an empty string");
		*(char **)field = xstrdup(text_of(p));
		return 0;
	case CONFIG_FLAG:
		if (json_kind(p->value) != JSON_BOOL)
			return wrong_type(r, p, "true or false");
		*(int *)field = json_boolean(p->value, false);
		return 0;
	case CONFIG_INTEGER:
	case CONFIG_DEPTH:
	case CONFIG_COUNT:
		return read_integer(r, key, p, field);
	case CONFIG_DECIMAL:
		return read_decimal(r, key, p, field);
	case CONFIG_DURATION:
		return read_duration(r, p, field);
	case CONFIG_WORD:
		return read_word(r, key, p, field);
	case CONFIG_FILTER:
		return read_filter(r, key, p, field);
	case CONFIG_STRINGS:
		return read_strings(r, p, field);
	case CONFIG_NAMES:
		if (!text_of(p))
			return read_strings(r, p, field);
		strv_push(field, text_of(p));
		return 0;
	case CONFIG_COMMAND:
		return read_command(r, p, field);
	case CONFIG_ENV:
		return read_env(r, p, field);
	case CONFIG_SHORT:
	case CONFIG_TIMEOUT:
		return read_short(r, key, field, p);
	case CONFIG_SWITCH:
		return read_switch(r, key, field, p);
	case CONFIG_OBJECT:
	case CONFIG_EMBED:
		return read_object(r, key->keys, field, p);
	case CONFIG_COMMANDS:
	case CONFIG_LIST:
	case CONFIG_MAP:
		return read_items(r, key, object, p);
	}
	return 0;
}

static int read_field(struct reader *r, const struct config_key *key, void *object,
	const struct place *p)
{
	const char *wrong = NULL;

	if (read_value(r, key, object, p) < 0)
		return -1;
	if (key->check)
		wrong = key->check((char *)object + key->offset);
	return wrong ? fault(r, p, wrong) : 0;
}

/* The key of that name, those of embedded tables included; *object becomes the struct it
 * is in. */
static const struct config_key *find_key(
	const struct config_key *keys, const char *name, void **object)
{
	for (; keys->name; keys++) {
		void *inner = (char *)*object + keys->offset;
		const struct config_key *found;

		if (keys->type != CONFIG_EMBED && streq(keys->name, name))
			return keys;
		if (keys->type != CONFIG_EMBED)
			continue;
		found = find_key(keys->keys, name, &inner);
		if (found) {
			*object = inner;
			return found;
		}
	}
	return NULL;
}

static size_t list_names(
	const struct config_key *keys, const char **names, size_t n, size_t max)
{
	for (; keys->name; keys++) {
		if (keys->type == CONFIG_EMBED)
			n = list_names(keys->keys, names, n, max);
		else if (n < max)
			names[n++] = keys->name;
	}
	return n;
}

static int unknown_key(struct reader *r, const struct config_key *keys, const char *name,
	const struct place *p, const struct json_position *position)
{
	autorelease(buf) struct buf at = BUF_INIT;
	const char *names[64] = {NULL};
	const char *near;

	list_names(keys, names, 0, ARRAY_LEN(names) - 1);
	near = util_nearest(name, names);
	where(r, position->key, &at);
	return err_set(r->e, ERR_SETUP, "%s: unknown key '%.80s'%s%s%s%s%s%s",
		buf_str(&at), name, *p->path ? " in '" : "", p->path, *p->path ? "'" : "",
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_object(struct reader *r, const struct config_key *keys, void *object,
	const struct place *p)
{
	size_t i = 0;

	if (json_kind(p->value) != JSON_OBJECT)
		return wrong_type(r, p, "an object");
	if (check_shape(r, p) < 0)
		return -1;
	for (struct json_iter it = json_iter(p->value); json_next(&it); i++) {
		autofree char *path =
			xasprintf("%s%s%s", p->path, *p->path ? "." : "", it.key);
		struct place kid = {it.value, &p->position->kids[i], path};
		void *owner = object;
		const struct config_key *key = find_key(keys, it.key, &owner);

		if (!key)
			return unknown_key(r, keys, it.key, p, kid.position);
		if (read_field(r, key, owner, &kid) < 0)
			return -1;
		remember(r, &kid);
	}
	for (; keys->name; keys++) {
		autofree char *message = NULL;

		if (!keys->required || json_find(p->value, keys->name))
			continue;
		message = xasprintf("'%s' is missing", keys->name);
		return fault(r, p, message);
	}
	return 0;
}

/* A newer file may have keys nobody here knows, so what it requires is read first. */
static int check_version(struct reader *r, const struct place *top)
{
	autorelease(buf) struct buf at = BUF_INIT;
	const struct json *value = NULL;
	const char *required;
	size_t i = 0;

	if (json_kind(top->value) != JSON_OBJECT ||
		json_len(top->value) != top->position->len)
		return 0;
	for (struct json_iter it = json_iter(top->value); !value && json_next(&it); i++)
		if (streq(it.key, "xtest-version"))
			value = it.value;
	if (value && json_kind(value) == JSON_OBJECT)
		value = json_find(value, "required");
	if (!value || json_kind(value) != JSON_STRING)
		return 0;
	required = json_string(value, NULL);
	if (!version_is_valid(required) || version_compare(version_own(), required) >= 0)
		return 0;
	where(r, top->position->kids[i - 1].value, &at);
	return err_set(r->e, ERR_VERSION,
		"%s: 'xtest-version': %s is required, and this is xtest %s", buf_str(&at),
		required, version_own());
}

const struct config_origin *config_origins_find(
	const struct config_origins *o, const char *key)
{
	for (size_t i = 0; i < o->len; i++)
		if (streq(o->v[i].key, key))
			return &o->v[i];
	return NULL;
}

void config_origins_release(struct config_origins *o)
{
	for (size_t i = 0; i < o->len; i++)
		free(o->v[i].key);
	free(o->v);
	*o = (struct config_origins){0};
}

int config_read_text(const struct config_key *keys, void *object,
	struct config_origins *origins, const char *text, size_t len, const char *name,
	struct err *e)
{
	struct reader r = {.origins = origins, .text = text, .name = name, .e = e};
	autorelease(json_position) struct json_position position = {0};
	autorelease_json struct json *root = json_parse(text, len, name, e);
	struct place top = {root, &position, ""};

	if (!root || json_position_scan(&position, text, len, name, e) < 0)
		return -1;
	if (check_version(&r, &top) < 0)
		return -1;
	return read_object(&r, keys, object, &top);
}
