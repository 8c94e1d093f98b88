#include "transport/ssh-config.h"

#include "base/duration.h"
#include "base/fs.h"
#include "base/proc.h"
#include "transport/ssh-words.h"

#include <ctype.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

enum {
	DEPTH_MAX = 16, /* of Include, as OpenSSH has it */
	FILE_MAX = 1 << 20,
	MATCH_EXEC_MS = 10000,
	DEFAULT_PORT = 22,
};

/* One file being read. */
struct reader {
	struct ssh_settings *s;
	const char *home, *me; /* this machine's user */
	const char *path;
	unsigned line, depth;
	bool active; /* the section is of the host that was asked for */
	bool user_file;
};

void ssh_settings_release(struct ssh_settings *s)
{
	free(s->alias);
	free(s->host);
	free(s->user);
	free(s->key_alias);
	strv_release(&s->identities);
	free(s->agent);
	strv_release(&s->known_hosts);
	strv_release(&s->global_known_hosts);
	free(s->jump);
	free(s->command);
	free(s->kex);
	free(s->host_key_algorithms);
	free(s->ciphers);
	free(s->macs);
	*s = (struct ssh_settings){0};
}

/* ---- values */

static int bad_value(const struct reader *r, const char *key, const char *value,
	const char *wanted, struct err *e)
{
	return err_set(
		e, ERR_SETUP, "%s:%u: %s %s: %s", r->path, r->line, key, value, wanted);
}

static const char *host_now(const struct ssh_settings *s)
{
	return s->host ? s->host : s->alias;
}

/* "%h" and its like, and "~/" in front. The caller's. */
static char *expand(const struct reader *r, const char *text, bool shell)
{
	const struct ssh_settings *s = r->s;
	autofree char *port = xasprintf("%u", s->port ? s->port : DEFAULT_PORT);
	const struct ssh_token tokens[] = {
		{'h', host_now(s)},
		{'n', s->alias},
		{'p', port},
		{'r', s->user ? s->user : r->me},
		{'u', r->me},
		{'d', r->home},
		{0},
	};

	return ssh_words_expand(text, tokens, shell ? NULL : r->home);
}

static bool is_no(const char *value)
{
	return streq(value, "no") || streq(value, "false");
}

static int set_strict(struct reader *r, const char *value, struct err *e)
{
	struct ssh_settings *s = r->s;

	if (s->strict != SSH_STRICT_UNSET)
		return 0;
	if (streq(value, "accept-new"))
		s->strict = SSH_STRICT_ACCEPT_NEW;
	else if (streq(value, "yes") || streq(value, "ask") || streq(value, "true"))
		s->strict = SSH_STRICT_YES;
	else if (streq(value, "no") || streq(value, "off") || streq(value, "false"))
		/* Nobody is at hand to see the warning; a new host is taken, a changed
		 * key is not. */
		s->strict = SSH_STRICT_ACCEPT_NEW;
	else
		return bad_value(r, "StrictHostKeyChecking", value,
			"it is yes, ask, accept-new or no", e);
	return 0;
}

static int set_number(struct reader *r, const char *key, const char *value, unsigned max,
	unsigned *number, struct err *e)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (!isdigit((unsigned char)*value) || *end || n > max)
		return bad_value(r, key, value, "this is no number that fits", e);
	if (!*number)
		*number = (unsigned)n;
	return 0;
}

/* "30", as OpenSSH has it, or with a unit. */
static int set_seconds(
	struct reader *r, const char *key, const char *value, int64_t *ms, struct err *e)
{
	bool bare = value[strspn(value, "0123456789")] == '\0';
	autofree char *text = xasprintf("%s%s", value, bare ? "s" : "");
	int64_t us;

	if (streq(value, "none"))
		return 0;
	if (duration_parse(text, &us, e) < 0)
		return bad_value(r, key, value, "this is no time", e);
	if (!*ms)
		*ms = us / 1000;
	return 0;
}

static void set_text(char **text, char *value)
{
	if (*text)
		free(value);
	else
		*text = value;
}

/* One keyword with its words. What is not in here does not concern the way to a board. */
static int set_value(struct reader *r, const char *key, const struct strv *words,
	const char *rest, struct err *e)
{
	struct ssh_settings *s = r->s;
	const char *value = words->len ? words->v[0] : "";
	const struct {
		const char *key;
		char **text;
	} texts[] = {
		{"User", &s->user},
		{"HostKeyAlias", &s->key_alias},
		{"ProxyJump", &s->jump},
		{"KexAlgorithms", &s->kex},
		{"HostKeyAlgorithms", &s->host_key_algorithms},
		{"Ciphers", &s->ciphers},
		{"MACs", &s->macs},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (strcasecmp(key, texts[i].key) == 0) {
			set_text(texts[i].text, xstrdup(value));
			return 0;
		}
	if (strcasecmp(key, "HostName") == 0)
		set_text(&s->host, expand(r, value, false));
	else if (strcasecmp(key, "IdentityAgent") == 0)
		set_text(&s->agent, expand(r, value, false));
	else if (strcasecmp(key, "ProxyCommand") == 0)
		set_text(&s->command, xstrdup(rest));
	else if (strcasecmp(key, "IdentityFile") == 0)
		strv_push(&s->identities, value);
	else if (strcasecmp(key, "UserKnownHostsFile") == 0 && !s->known_hosts.len)
		strv_push_all(&s->known_hosts, words);
	else if (strcasecmp(key, "GlobalKnownHostsFile") == 0 &&
		 !s->global_known_hosts.len)
		strv_push_all(&s->global_known_hosts, words);
	else if (strcasecmp(key, "IdentitiesOnly") == 0)
		s->identities_only |= !is_no(value);
	else if (strcasecmp(key, "Port") == 0)
		return set_number(r, "Port", value, UINT16_MAX, &s->port, e);
	else if (strcasecmp(key, "ServerAliveCountMax") == 0)
		return set_number(r, key, value, 1000, &s->alive_count, e);
	else if (strcasecmp(key, "ServerAliveInterval") == 0)
		return set_seconds(r, key, value, &s->alive_interval_ms, e);
	else if (strcasecmp(key, "ConnectTimeout") == 0)
		return set_seconds(r, key, value, &s->connect_timeout_ms, e);
	else if (strcasecmp(key, "StrictHostKeyChecking") == 0)
		return set_strict(r, value, e);
	return 0;
}

/* ---- sections */

static int match_exec(
	const struct reader *r, const char *command, bool *matches, struct err *e)
{
	autofree char *expanded = expand(r, command, true);
	autorelease(strv) struct strv argv = STRV_INIT;
	const struct proc_options options = {.timeout_ms = MATCH_EXEC_MS};
	autorelease(proc_result) struct proc_result result = {0};

	strv_push_array(&argv, (const char *const[]){"/bin/sh", "-c", expanded, NULL});
	if (proc_run(&argv, &options, &result, e) < 0)
		return -1;
	*matches = proc_succeeded(&result);
	return 0;
}

/* "Match host a,b user root": all must hold. */
static int match(struct reader *r, const struct strv *words, struct err *e)
{
	const struct ssh_settings *s = r->s;
	bool all = true;

	for (size_t i = 0; i < words->len; i++) {
		const char *word = words->v[i];
		bool negated = *word == '!', holds = false;
		const char *subject = NULL, *value;

		word += negated;
		if (strcasecmp(word, "all") == 0) {
			holds = true;
		} else if (strcasecmp(word, "canonical") == 0 ||
			   strcasecmp(word, "final") == 0) {
			holds = false; /* there is no second pass */
		} else if (i + 1 == words->len) {
			return bad_value(r, "Match", word, "a value is missing", e);
		} else {
			value = words->v[++i];
			if (strcasecmp(word, "host") == 0)
				subject = host_now(s);
			else if (strcasecmp(word, "originalhost") == 0)
				subject = s->alias;
			else if (strcasecmp(word, "user") == 0)
				subject = s->user ? s->user : r->me;
			else if (strcasecmp(word, "localuser") == 0)
				subject = r->me;
			else if (strcasecmp(word, "exec") != 0)
				return bad_value(r, "Match", word,
					"nothing of the sort is known", e);
			if (subject)
				holds = ssh_words_match_list(value, ",", subject);
			else if (all && match_exec(r, value, &holds, e) < 0)
				return -1;
		}
		all &= holds != negated;
	}
	r->active = all;
	return 0;
}

static void enter_host(struct reader *r, const struct strv *patterns)
{
	autofree char *list = strv_join(patterns, " ");

	r->active = ssh_words_match_list(list, " ", r->s->alias);
}

/* ---- files */

static int read_file(struct reader *from, const char *path, bool must, struct err *e);

static int include(struct reader *r, const struct strv *patterns, struct err *e)
{
	for (size_t i = 0; i < patterns->len; i++) {
		autofree char *name = expand(r, patterns->v[i], false);
		autofree char *dir =
			r->user_file ? fs_join(r->home, ".ssh") : xstrdup("/etc/ssh");
		autofree char *pattern = fs_join(dir, name);
		glob_t found = {0};
		int status = 0;

		if (r->depth >= DEPTH_MAX)
			return bad_value(r, "Include", name, "too deep", e);
		if (glob(pattern, 0, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc && status == 0; k++)
				status = read_file(r, found.gl_pathv[k], false, e);
		globfree(&found);
		if (status < 0)
			return -1;
	}
	return 0;
}

static int read_line(struct reader *r, char *line, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT;
	autofree char *key = NULL;
	const char *rest;

	if (ssh_words_split(line, &key, &rest, &words) < 0)
		return err_set(
			e, ERR_SETUP, "%s:%u: a quote is not closed", r->path, r->line);
	if (!key)
		return 0;
	if (!words.len)
		return bad_value(r, key, "", "a value is missing", e);
	if (strcasecmp(key, "Host") == 0)
		enter_host(r, &words);
	else if (strcasecmp(key, "Match") == 0)
		return match(r, &words, e);
	else if (!r->active)
		return 0;
	else if (strcasecmp(key, "Include") == 0)
		return include(r, &words, e);
	else
		return set_value(r, key, &words, rest, e);
	return 0;
}

static int read_file(struct reader *from, const char *path, bool must, struct err *e)
{
	struct reader r = *from;
	autorelease(buf) struct buf text = BUF_INIT;
	const char *line;
	size_t pos = 0, len;

	if (!must && !fs_is_file(path))
		return 0;
	if (fs_read_file(path, &text, e) < 0)
		return -1;
	if (text.len > FILE_MAX)
		return err_set(e, ERR_SETUP, "%s is no configuration of ssh", path);
	r.path = path;
	r.line = 0;
	r.depth++;
	while (buf_next_line(buf_str(&text), text.len, &pos, &line, &len)) {
		autofree char *copy = xstrndup(line, len);

		r.line++;
		if (read_line(&r, copy, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of it */

static int read_files(
	struct reader *r, const char *file, const char *system_file, struct err *e)
{
	autofree char *usual = fs_join(r->home, ".ssh/config");
	const char *given = file ? file : getenv("XTEST_SSH_CONFIG");

	r->active = r->user_file = true;
	if (given && *given)
		return streq(given, "none") ? 0 : read_file(r, given, true, e);
	if (read_file(r, usual, false, e) < 0)
		return -1;
	r->active = true;
	r->user_file = false;
	return read_file(r, system_file ? system_file : "/etc/ssh/ssh_config", false, e);
}

/* What was said with tokens in it, now that all they stand for is known. */
static void expand_all(const struct reader *r, struct strv *items)
{
	struct strv expanded = STRV_INIT;

	for (size_t i = 0; i < items->len; i++)
		strv_push_take(&expanded, expand(r, items->v[i], false));
	strv_release(items);
	*items = expanded;
}

static void finish(struct reader *r)
{
	static const char *const identities[] = {
		"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa", NULL};
	static const char *const known_hosts[] = {
		"~/.ssh/known_hosts", "~/.ssh/known_hosts2", NULL};
	static const char *const global[] = {
		"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2", NULL};
	struct ssh_settings *s = r->s;

	set_text(&s->host, xstrdup(s->alias));
	set_text(&s->user, xstrdup(r->me));
	if (!s->port)
		s->port = DEFAULT_PORT;
	if (!s->identities.len)
		strv_push_array(&s->identities, identities);
	if (!s->known_hosts.len)
		strv_push_array(&s->known_hosts, known_hosts);
	if (!s->global_known_hosts.len)
		strv_push_array(&s->global_known_hosts, global);
	expand_all(r, &s->identities);
	expand_all(r, &s->known_hosts);
	if (s->jump && streq(s->jump, "none"))
		free(take_ptr(s->jump));
	if (s->command && streq(s->command, "none"))
		free(take_ptr(s->command));
	/* As in OpenSSH the jump goes first. */
	if (s->jump)
		free(take_ptr(s->command));
	if (s->command) {
		char *command = expand(r, s->command, true);

		free(s->command);
		s->command = command;
	}
}

int ssh_config_resolve(const struct ssh_uri *uri, const char *file,
	const struct ssh_surroundings *where, struct ssh_settings *s, struct err *e)
{
	const struct passwd *pw = getpwuid(getuid());
	struct reader r = {
		.s = s,
		.home = where && where->home ? where->home
			: pw                 ? pw->pw_dir
					     : "/",
		.me = where && where->user ? where->user
		      : pw                 ? pw->pw_name
					   : "nobody",
	};

	s->alias = xstrdup(uri->host);
	s->user = xstrdup_null(uri->user);
	s->port = uri->port;
	if (read_files(&r, file, where ? where->system_file : NULL, e) < 0)
		return -1;
	finish(&r);
	return 0;
}
