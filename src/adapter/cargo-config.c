#include "adapter/cargo-config.h"

#include "base/fs.h"
#include "base/proc.h"

#include <ctype.h>

void cargo_config_release(struct cargo_config *c)
{
	json_free(c->root);
	strv_release(&c->origins);
	*c = (struct cargo_config){0};
}

/* Lines as `target.x.runner = "./run.sh" # /w/.cargo/config.toml`, those of arrays on
 * lines of their own: what a file says is relative to the directory its .cargo is in. */
static void read_origins(struct cargo_config *c, const struct buf *text)
{
	autofree char *key = NULL;
	const char *line;
	size_t pos = 0, len;

	while (buf_next_line(buf_str(text), text->len, &pos, &line, &len)) {
		autofree char *copy = xstrndup(line, len);
		/* Behind a quoted part of the key, which may hold the same. */
		char *quoted =
			strstr(copy, copy[strcspn(copy, "'\"")] == '"' ? "\"." : "'.");
		char *origin = NULL;
		char *equals = strstr(quoted ? quoted : copy, " = ");

		for (char *p = strstr(copy, " # "); p; p = strstr(p + 1, " # "))
			origin = p + strlen(" # ");
		if (equals && isalpha((unsigned char)copy[0])) {
			free(key);
			key = xstrndup(copy, (size_t)(equals - copy));
		}
		if (key && origin && origin[0] == '/')
			strv_pushf(&c->origins, "%s=%s", key, origin);
	}
}

static int ask(const struct build_request *request, const struct strv *options,
	const char *const *words, struct buf *out, struct err *e)
{
	autorelease(strv) struct strv argv = STRV_INIT, env = STRV_INIT;
	autorelease(proc_result) struct proc_result r = {0};

	strv_push_array(&argv, (const char *const[]){"cargo", "config", "get",
				       "-Zunstable-options", NULL});
	strv_push_array(&argv, words);
	strv_push_all(&argv, options);
	/* `cargo config` is not stable yet; what it prints has been the same since 2021.
	 */
	strv_push(&env, "RUSTC_BOOTSTRAP=1");
	if (adapter_ask(request, &argv, request->source_dir, &env, NULL, &r, e) < 0)
		return -1;
	if (proc_succeeded(&r))
		buf_append(out, buf_str(&r.out), r.out.len);
	return 0;
}

int cargo_config_load(struct cargo_config *c, const struct build_request *request,
	const struct strv *options, struct err *e)
{
	static const char *const json[] = {"--format", "json", NULL};
	static const char *const toml[] = {"--format", "toml", "--show-origin", NULL};
	autorelease(buf) struct buf answer = BUF_INIT, origins = BUF_INIT;
	struct err ignored;

	*c = (struct cargo_config){0};
	if (ask(request, options, json, &answer, e) < 0)
		return -1;
	c->root = answer.len ? json_parse(buf_str(&answer), answer.len, "cargo config",
				       &ignored)
			     : NULL;
	if (!json_find(c->root, "env") && !json_find(c->root, "target"))
		return 0;
	if (ask(request, options, toml, &origins, e) < 0)
		return -1;
	read_origins(c, &origins);
	return 0;
}

/* The path that a value relative to the configuration means; the caller's. A file
 * .cargo/config.toml, and what it includes, speaks from the directory .cargo is in. */
static char *resolve(const struct cargo_config *c, const char *key, const char *value)
{
	const char *file = strv_env_find(&c->origins, key);
	autofree char *dir = file ? fs_dirname(file) : NULL;
	autofree char *base = dir ? fs_dirname(dir) : NULL;

	return base ? fs_normalize(value, base) : xstrdup(value);
}

/* ---- [env] */

void cargo_config_env(
	const struct cargo_config *c, const struct strv *environment, struct strv *out)
{
	for (struct json_iter it = json_iter(json_find(c->root, "env"));
		json_next(&it);) {
		bool plain = json_kind(it.value) == JSON_STRING;
		const char *value = plain ? json_string(it.value, "")
					  : json_find_string(it.value, "value", "");
		const char *there =
			environment ? strv_env_find(environment, it.key) : getenv(it.key);
		autofree char *key = xasprintf("env.%s.value", it.key), *path = NULL;

		if (there && !json_boolean(json_find(it.value, "force"), false))
			continue;
		if (json_boolean(json_find(it.value, "relative"), false))
			path = resolve(c, key, value);
		strv_env_set(out, it.key, path ? path : value);
	}
}

bool cargo_config_sets_env(const struct cargo_config *c, const char *name)
{
	return json_find(json_find(c->root, "env"), name) != NULL;
}

/* ---- [target] */

char *cargo_config_variable(const char *triple, const char *key)
{
	char *name = xasprintf("CARGO_TARGET_%s_%s", triple, key);

	for (char *p = name; *p; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	return name;
}

bool cargo_config_has_target(
	const struct cargo_config *c, const char *triple, const char *key)
{
	autofree char *name = cargo_config_variable(triple, key);

	return getenv(name) ||
	       json_find(json_find(json_find(c->root, "target"), triple), key);
}

bool cargo_config_needs_cfgs(const struct cargo_config *c)
{
	for (struct json_iter it = json_iter(json_find(c->root, "target"));
		json_next(&it);)
		if (starts_with(it.key, "cfg(") && json_find(it.value, "runner"))
			return true;
	return false;
}

/* A runner is one string of words, or a list of them. Its program is relative to the
 * configuration when it has a slash. */
static void push_runner(const struct cargo_config *c, const char *target,
	const struct json *runner, struct strv *words)
{
	/* As TOML writes it. */
	const char *quote = !strpbrk(target, "(.") ? ""
			    : strchr(target, '"')  ? "'"
						   : "\"";
	autofree char *key = xasprintf("target.%s%s%s.runner", quote, target, quote);
	autorelease(strv) struct strv own = STRV_INIT;

	if (json_kind(runner) == JSON_STRING)
		strv_split(&own, json_string(runner, ""), " \t\n");
	else
		json_strv(runner, &own);
	if (own.len && strchr(own.v[0], '/')) {
		char *path = resolve(c, key, own.v[0]);

		free(own.v[0]);
		own.v[0] = path;
	}
	strv_push_all(words, &own);
}

void cargo_config_runner(const struct cargo_config *c, const char *triple,
	const struct strv *cfgs, struct strv *words)
{
	autofree char *name = cargo_config_variable(triple, "RUNNER");
	const struct json *targets = json_find(c->root, "target");
	const struct json *own = json_find(json_find(targets, triple), "runner");
	const char *value = getenv(name);

	if (value && *value) {
		strv_split(words, value, " \t\n");
		return;
	}
	if (own) {
		push_runner(c, triple, own, words);
		return;
	}
	for (struct json_iter it = json_iter(targets); json_next(&it);) {
		const struct json *runner = json_find(it.value, "runner");

		if (!runner || !starts_with(it.key, "cfg(") ||
			!cargo_config_cfg_holds(it.key, cfgs))
			continue;
		push_runner(c, it.key, runner, words);
		return;
	}
}

/* ---- cfg(…) */

static void skip_blanks(const char **at)
{
	while (isspace((unsigned char)**at))
		++*at;
}

static bool takes(const char **at, char c)
{
	skip_blanks(at);
	if (**at != c)
		return false;
	++*at;
	return true;
}

static size_t name_length(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	return n;
}

/* 1, 0, or -1 when it is not understood. */
static int evaluate(const char **at, const struct strv *cfgs, unsigned depth);

static int evaluate_list(const char **at, const struct strv *cfgs, const char *what,
	size_t len, unsigned depth)
{
	bool any = len == 3 && !strncmp(what, "any", 3);
	bool not_ = len == 3 && !strncmp(what, "not", 3);
	bool all = true, some = false;

	if (!any && !not_ && !(len == 3 && !strncmp(what, "all", 3)))
		return -1;
	while (!takes(at, ')')) {
		int one = evaluate(at, cfgs, depth + 1);

		if (one < 0)
			return -1;
		all = all && one;
		some = some || one;
		if (!takes(at, ',')) {
			if (!takes(at, ')'))
				return -1;
			break;
		}
	}
	return any ? some : not_ ? !all : all;
}

static int evaluate(const char **at, const struct strv *cfgs, unsigned depth)
{
	const char *name, *value;
	autofree char *word = NULL;
	size_t len, value_len;

	skip_blanks(at);
	name = *at;
	len = name_length(name);
	if (!len || depth > 32)
		return -1;
	*at += len;
	if (takes(at, '('))
		return evaluate_list(at, cfgs, name, len, depth);
	if (!takes(at, '=')) {
		word = xstrndup(name, len);
		return streq(word, "true") || strv_has(cfgs, word);
	}
	if (!takes(at, '"'))
		return -1;
	value = *at;
	value_len = strcspn(value, "\"");
	if (!value[value_len])
		return -1;
	*at += value_len + 1;
	word = xasprintf("%.*s=\"%.*s\"", (int)len, name, (int)value_len, value);
	return strv_has(cfgs, word);
}

bool cargo_config_cfg_holds(const char *text, const struct strv *cfgs)
{
	const char *at = text;
	int holds;

	if (!starts_with(at, "cfg("))
		return false;
	at += strlen("cfg(");
	holds = evaluate(&at, cfgs, 0);
	return holds > 0 && takes(&at, ')') && !*at;
}
