#include "transport/ssh-board.h"

#include "model/target.h"

#include <ctype.h>
#include <stdio.h>

enum {
	LINES_MAX = 4096, /* of what a login may say beside the answer */
	PATH_LONGEST = 512,
	WORD_LONGEST = 64,
	SHOWN_MAX = 200,
};

static const char *const state_names[SSH_DIR_N_STATES] = {
	[SSH_DIR_GOOD] = "good",
	[SSH_DIR_MISSING] = "missing",
	[SSH_DIR_LINK] = "link",
	[SSH_DIR_OWNER] = "owner",
	[SSH_DIR_OPEN] = "open",
	[SSH_DIR_NOEXEC] = "noexec",
	[SSH_DIR_FULL] = "full",
	[SSH_DIR_ODD] = "odd",
};

/* Every variable in it is set by its first lines to what no shell would expand. Only what
 * a busybox without extras has is used; `[ -O ]` and `stat` are not among that. */
static const char question[] =
	"say() { echo \"$nonce $*\"; }\n"
	"try() {\n"
	"	case $1 in /*) ;; *) return 1 ;; esac\n"
	"	w=$1/$2\n"
	"	case $w in *[!A-Za-z0-9_./+@%:,=-]*) say dir odd 0 0 /; return 1 ;; "
	"esac\n"
	"	if [ -L \"$w\" ]; then say dir link 0 0 \"$w\"; return 1; fi\n"
	"	if [ ! -d \"$w\" ] && ! mkdir -m 700 \"$w\" 2>/dev/null; then\n"
	"		say dir missing 0 0 \"$w\"; return 1\n"
	"	fi\n"
	"	set -- $(ls -ldn \"$w\")\n"
	"	case $1 in l*) say dir link 0 0 \"$w\"; return 1 ;; esac\n"
	"	if [ \"$3\" != \"$me\" ]; then say dir owner 0 0 \"$w\"; return 1; fi\n"
	"	case $1 in drwx------*) ;; *) say dir open 0 0 \"$w\"; return 1 ;; esac\n"
	"	free=$(df -Pk \"$w\" 2>/dev/null | "
	"{ read -r a; read -r a b c d e; echo \"$d\"; })\n"
	"	used=$(du -sk \"$w\" 2>/dev/null | { read -r a b; echo \"$a\"; })\n"
	"	case $free in '' | *[!0-9]*) free=0 ;; esac\n"
	"	case $used in '' | *[!0-9]*) used=0 ;; esac\n"
	"	t=$w/.try-$nonce\n"
	"	if ! { printf '#!/bin/sh\\nexit 7\\n' >\"$t\" && chmod 700 \"$t\"; } "
	"2>/dev/null; then\n"
	"		rm -f \"$t\"; say dir full $free $used \"$w\"; return 1\n"
	"	fi\n"
	"	\"$t\" >/dev/null 2>&1\n"
	"	x=$?\n"
	"	rm -f \"$t\"\n"
	"	if [ $x != 7 ]; then say dir noexec $free $used \"$w\"; return 1; fi\n"
	"	say dir good $free $used \"$w\"\n"
	"	[ $((free + used)) -ge $need ] || return 1\n"
	"	r=$w/$runner\n"
	"	if [ -f \"$r\" ] && [ ! -L \"$r\" ]; then\n"
	"		d=$( (sha256sum \"$r\" || \"$r\" --digest \"$r\") 2>/dev/null)\n"
	"		say runner $(wc -c <\"$r\") ${d%% *}\n"
	"	fi\n"
	"}\n"
	"umask 077\n"
	"me=$(id -u)\n"
	"say machine \"$(uname -m)\"\n"
	"command -v gunzip >/dev/null 2>&1 && say gunzip\n"
	"if [ -n \"$HOME\" ] && [ -d \"$HOME\" ] && [ \"$HOME\" != / ]; then\n"
	"	[ -n \"$XDG_CACHE_HOME\" ] || XDG_CACHE_HOME=$HOME/.cache\n"
	"	[ -d \"$XDG_CACHE_HOME\" ] || mkdir \"$XDG_CACHE_HOME\" 2>/dev/null\n"
	"fi\n"
	"try \"$XDG_CACHE_HOME\" xtest || try /var/tmp xtest-$me || try /tmp xtest-$me\n"
	"say end\n";

void ssh_board_script(const struct ssh_board_need *need, struct buf *script)
{
	buf_printf(script, "nonce=%s\nrunner=%s\nneed=%llu\n", need->nonce, need->runner,
		(unsigned long long)need->need_kib);
	buf_append_str(script, question);
}

void ssh_board_release(struct ssh_board *b)
{
	free(b->machine);
	for (size_t i = 0; i < b->n_dirs; i++)
		free(b->dirs[i].path);
	*b = (struct ssh_board){0};
}

/* ---- the answer */

/* What goes into command lines is made of these. */
static bool is_tame(const char *text)
{
	return !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_./+@%:,=-")];
}

static int read_number(const char *text, uint64_t *value)
{
	size_t len = strlen(text);

	if (!len || len > 15 || text[strspn(text, "0123456789")])
		return -1;
	*value = strtoull(text, NULL, 10);
	return 0;
}

static int take_machine(struct ssh_board *b, const struct strv *words)
{
	if (b->machine || words->len != 2 || strlen(words->v[1]) > WORD_LONGEST ||
		!is_tame(words->v[1]))
		return -1;
	b->machine = xstrdup(words->v[1]);
	return 0;
}

static int take_dir(struct ssh_board *b, const struct strv *words)
{
	struct ssh_dir *d = &b->dirs[b->n_dirs];
	size_t state = 0;

	if (b->n_dirs == SSH_DIRS_MAX || words->len != 5)
		return -1;
	while (state < SSH_DIR_N_STATES && !streq(words->v[1], state_names[state]))
		state++;
	if (state == SSH_DIR_N_STATES || read_number(words->v[2], &d->free_kib) < 0 ||
		read_number(words->v[3], &d->used_kib) < 0 || *words->v[4] != '/' ||
		strlen(words->v[4]) > PATH_LONGEST || !is_tame(words->v[4]) ||
		strstr(words->v[4], "/../"))
		return -1;
	d->state = (enum ssh_dir_state)state;
	d->path = xstrdup(words->v[4]);
	b->n_dirs++;
	return 0;
}

static int take_gunzip(struct ssh_board *b, const struct strv *words)
{
	b->gunzip = true;
	return words->len == 1 ? 0 : -1;
}

static bool is_digest(const char *text)
{
	return strlen(text) == 64 && !text[strspn(text, "0123456789abcdef")];
}

static int take_runner(struct ssh_board *b, const struct strv *words)
{
	if (b->runner_bytes || words->len < 2 || words->len > 3 ||
		read_number(words->v[1], &b->runner_bytes) < 0)
		return -1;
	if (words->len == 3 && is_digest(words->v[2]))
		memcpy(b->runner_digest, words->v[2], sizeof b->runner_digest);
	return 0;
}

/* The words of a line that begins with the nonce; false of any other. */
static bool is_answer(const char *line, size_t len, const char *nonce, struct strv *words)
{
	size_t n = strlen(nonce);
	autofree char *copy = NULL;

	if (len <= n + 1 || memcmp(line, nonce, n) != 0 || line[n] != ' ')
		return false;
	copy = xstrndup(line + n + 1, len - n - 1);
	strv_split(words, copy, " ");
	return words->len > 0;
}

/* What a board says moves no cursor. The caller's. */
static char *printable(const char *text, size_t len)
{
	char *copy = xstrndup(text, MIN(len, (size_t)SHOWN_MAX));

	for (char *c = copy; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return copy;
}

static int bad_answer(const char *line, size_t len, struct err *e)
{
	autofree char *shown = printable(line, len);

	return err_set(
		e, ERR_INFRA, "the board answers what it was not asked: \"%s\"", shown);
}

int ssh_board_parse(const char *text, size_t len, const char *nonce, struct ssh_board *b,
	struct err *e)
{
	static const struct {
		const char *word;
		int (*take)(struct ssh_board *b, const struct strv *words);
	} table[] = {
		{"machine", take_machine},
		{"gunzip", take_gunzip},
		{"dir", take_dir},
		{"runner", take_runner},
	};
	const char *line;
	size_t pos = 0, line_len, lines = 0;

	while (buf_next_line(text, len, &pos, &line, &line_len) && lines++ < LINES_MAX) {
		autorelease(strv) struct strv words = STRV_INIT;
		size_t i = 0;

		if (!is_answer(line, line_len, nonce, &words))
			continue;
		if (streq(words.v[0], "end") && b->machine)
			return 0;
		while (i < ARRAY_LEN(table) && !streq(words.v[0], table[i].word))
			i++;
		if (i == ARRAY_LEN(table) || table[i].take(b, &words) < 0)
			return bad_answer(line, line_len, e);
	}
	return err_set(e, ERR_INFRA,
		"the board did not answer the first question; is its login shell one "
		"that can run `sh -s`?");
}

/* ---- what it means */

static void describe_dir(const struct ssh_dir *d, uint64_t need_kib, struct buf *text)
{
	static const char *const words[SSH_DIR_N_STATES] = {
		[SSH_DIR_MISSING] = "cannot be made",
		[SSH_DIR_LINK] = "is a link that somebody has put there",
		[SSH_DIR_OWNER] = "belongs to somebody else",
		[SSH_DIR_OPEN] = "is open to others (it must be 0700)",
		[SSH_DIR_NOEXEC] = "is where nothing can be executed (mounted noexec?)",
		[SSH_DIR_FULL] = "is on a full disk",
		[SSH_DIR_ODD] = "has an odd name",
	};
	uint64_t have = d->free_kib + d->used_kib;

	if (text->len)
		buf_append_str(text, "; ");
	if (d->state != SSH_DIR_GOOD)
		buf_printf(text, "%s %s", d->path, words[d->state]);
	else
		buf_printf(text,
			"%s has %.1f MiB free and %.1f MiB are needed (%.1f MiB more)",
			d->path, (double)have / 1024, (double)need_kib / 1024,
			(double)(need_kib - have) / 1024);
}

const struct ssh_dir *ssh_board_choose(
	const struct ssh_board *b, uint64_t need_kib, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;

	for (size_t i = 0; i < b->n_dirs; i++) {
		const struct ssh_dir *d = &b->dirs[i];

		if (d->state == SSH_DIR_GOOD && d->free_kib + d->used_kib >= need_kib)
			return d;
		describe_dir(d, need_kib, &text);
	}
	return err_null(e, ERR_INFRA, "there is no directory to work in: %s",
		text.len ? text.data : "the board named none");
}

int ssh_board_check_machine(
	const struct ssh_board *b, const struct target *target, struct err *e)
{
	autofree char *wanted = NULL;

	if (strv_has(&target->uname, b->machine) ||
		strv_has(&target->native_on, b->machine))
		return 0;
	wanted = strv_join(&target->uname, " or ");
	return err_set(e, ERR_INFRA,
		"the board is of another kind: it is %s, and tests for %s need %s",
		b->machine, target->name, wanted);
}

/* ---- the runner */

void ssh_board_install_script(const struct ssh_board_need *need, const char *dir,
	const char *upload, uint64_t bytes, const char *digest, struct buf *script)
{
	buf_printf(script,
		"nonce=%s\nrunner=%s\nf=%s\nbytes=%llu\ndigest=%s\n"
		"bad() { rm -f \"$f\"; echo \"$nonce bad $*\"; exit 1; }\n"
		"cd '%s' || bad the directory has gone\n"
		"have=$(wc -c <\"$f\")\n"
		"[ $((have)) = \"$bytes\" ] || bad $((have)) bytes of $bytes arrived\n"
		"chmod 700 \"$f\" || bad chmod\n"
		"d=$( (sha256sum \"$f\" || ./\"$f\" --digest \"$f\") 2>/dev/null)\n"
		"[ \"${d%%%% *}\" = \"$digest\" ] || bad another digest: ${d%%%% *}\n"
		"rm -f runner-*\n"
		"mv \"$f\" \"$runner\" || bad mv\n"
		"echo \"$nonce good\"\n",
		need->nonce, need->runner, upload, (unsigned long long)bytes, digest,
		dir);
}

int ssh_board_installed(const char *text, size_t len, const char *nonce, struct err *e)
{
	const char *line;
	size_t pos = 0, line_len;

	while (buf_next_line(text, len, &pos, &line, &line_len)) {
		autorelease(strv) struct strv words = STRV_INIT;

		if (!is_answer(line, line_len, nonce, &words))
			continue;
		if (streq(words.v[0], "good"))
			return 0;
		return bad_answer(
			line + strlen(nonce) + 1, line_len - strlen(nonce) - 1, e);
	}
	return err_set(e, ERR_INFRA, "the board did not say how it took the runner");
}

/* ---- the lock */

int ssh_board_read_lock(const char *text, size_t len, enum ssh_lock *lock, char **owner,
	uint64_t *seconds, struct err *e)
{
	const char *line;
	size_t pos = 0, line_len;

	while (buf_next_line(text, len, &pos, &line, &line_len)) {
		autofree char *copy = printable(line, line_len);
		autorelease(strv) struct strv words = STRV_INIT;

		strv_split(&words, copy, " ");
		if (words.len == 2 && streq(words.v[0], "ready")) {
			*lock = SSH_LOCK_OURS;
			return 0;
		}
		if (words.len == 3 && streq(words.v[0], "held") &&
			read_number(words.v[1], seconds) == 0) {
			*lock = SSH_LOCK_HELD;
			*owner = xstrdup(words.v[2]);
			return 0;
		}
		if (words.len && streq(words.v[0], "error:"))
			return err_set(e, ERR_INFRA, "the runner did not start: %s",
				copy + strlen("error: "));
	}
	return err_set(e, ERR_INFRA, "the runner did not say whether it has started");
}
