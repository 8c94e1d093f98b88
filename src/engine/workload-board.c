#include "engine/workload-board.h"

#include "base/fs.h"
#include "engine/ship.h"
#include "engine/workload-content.h"
#include "model/config.h"
#include "model/console.h"
#include "transport/ssh-uri.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LOCK_TIMEOUT_MS = 600000,
	COPIES = 2, /* of what is sent: in the store, and in the tree */
};

static const char label_prefix[] = "label:";

/* One of the column's. */
struct board {
	struct board_config config;
	struct board_memory memory;
	char *name, *log_path;
};

struct workload_board {
	struct board *v;
	size_t len;
	char *owner;
	struct console_table *console;
};

void workload_board_free(struct workload_board *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->len; i++) {
		free(b->v[i].name);
		free(b->v[i].log_path);
	}
	console_table_free(b->console);
	free(b->owner);
	free(b->v);
	free(b);
}

size_t workload_board_count(const struct workload_board *b)
{
	return b ? b->len : 0;
}

unsigned workload_board_slots(const struct workload *w)
{
	return w->jobs_said ? w->jobs : WIRE_JOBS_MAX;
}

const struct board_config *workload_board_config(
	const struct workload_board *b, size_t index)
{
	return b ? &b->v[index].config : NULL;
}

/* ---- names */

static const struct config_board *find(const struct workload *w, const char *name)
{
	const struct config *c = w->project->config;

	for (size_t i = 0; i < c->boards.len; i++)
		if (streq(c->boards.v[i].name, name))
			return &c->boards.v[i];
	return NULL;
}

bool workload_board_is(const struct workload *w, const char *word)
{
	return ssh_uri_is(word) || starts_with(word, label_prefix) || find(w, word);
}

static bool is_for(
	const struct workload *w, const struct config_board *b, const char *target)
{
	const struct target *t =
		b->target ? target_list_find(&w->known, b->target) : NULL;

	return !b->target || (t ? streq(t->name, target) : streq(b->target, target));
}

static int expand_label(const struct workload *w, const char *label, const char *target,
	struct strv *names, struct err *e)
{
	const struct config *c = w->project->config;
	size_t before = names->len;

	for (size_t i = 0; i < c->boards.len; i++) {
		const struct config_board *b = &c->boards.v[i];

		if (strv_has(&b->labels, label) && is_for(w, b, target) &&
			!strv_has(names, b->name))
			strv_push(names, b->name);
	}
	if (names->len > before)
		return 0;
	return err_set(e, ERR_SETUP,
		"--on label:%s: no board of xtest.json has that label and is for %s",
		label, target);
}

int workload_board_expand(const struct workload *w, const char *word, const char *target,
	struct strv *names, struct err *e)
{
	const struct config_board *b = find(w, word);

	if (starts_with(word, label_prefix))
		return expand_label(w, word + strlen(label_prefix), target, names, e);
	if (b && !is_for(w, b, target))
		return err_set(e, ERR_SETUP,
			"--on %s: that board is for %s, and not for %s", word, b->target,
			target);
	if (!strv_has(names, word))
		strv_push(names, word);
	return 0;
}

/* ---- making them */

/* Who holds the board, for those who wait: "user@host:pid:run". Of letters that mean
 * nothing to a shell. */
static char *describe_owner(const struct workload *w)
{
	const struct passwd *pw = getpwuid(getuid());
	char host[256] = "";
	char *text;

	if (gethostname(host, sizeof host - 1) < 0 || !*host)
		snprintf(host, sizeof host, "localhost");
	text = xasprintf("%s@%s:%ld:%s", pw ? pw->pw_name : "nobody", host,
		(long)getpid(), w->run_id);
	for (char *c = text; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_.@:-",
			    *c))
			*c = '_';
	return text;
}

/* The last run's console is of no interest any more. */
static char *open_log(const struct workload *w, const char *name)
{
	autofree char *file = xasprintf("console-%s.log", name);
	char *path;

	if (!fs_is_dir(w->project->state_dir))
		return NULL;
	path = fs_join(w->project->state_dir, file);
	unlink(path);
	return path;
}

static int load_console(struct workload *w, struct workload_column *c, struct err *e)
{
	struct workload_board *b = c->board;

	if (!b->console)
		b->console =
			console_table_load_for(w->project->config, c->event.target, e);
	return b->console ? 0 : -1;
}

static bool is_same(const struct ssh_uri *a, const struct ssh_uri *b)
{
	return streq(a->host, b->host) && a->port == b->port &&
	       streq(a->user ? a->user : "", b->user ? b->user : "");
}

/* The column of the run, or of this one the board before it, that has the same board;
 * NULL: none. */
static const struct workload_column *find_same(const struct workload *w,
	const struct workload_column *c, const struct ssh_uri *uri)
{
	for (size_t i = 0; i < w->n_columns; i++) {
		const struct workload_board *others = w->columns[i].board;
		size_t n = others ? others->len - (&w->columns[i] == c) : 0;

		for (size_t k = 0; k < n; k++) {
			autorelease(ssh_uri) struct ssh_uri other = {0};
			struct err ignored;

			if (ssh_uri_parse(others->v[k].config.uri, &other, &ignored) ==
					0 &&
				is_same(&other, uri))
				return &w->columns[i];
		}
	}
	return NULL;
}

static int fill(struct workload *w, struct workload_column *c, struct board *b,
	const char *name, struct err *e)
{
	const struct workload_board_options *o = &w->board;
	const struct config_board *config = find(w, name);
	autorelease(ssh_uri) struct ssh_uri uri = {0};
	const struct workload_column *same;

	b->name = xstrdup(name);
	b->config = (struct board_config){
		.name = b->name,
		.uri = config ? config->on : b->name,
		.config = config,
		.memory = &b->memory,
		.directory = w->project->root,
		.ssh_config = o->ssh_config,
		.accept_new = o->accept_new,
		.owner = c->board->owner,
		.lock_timeout_ms =
			o->lock_timeout_ms ? o->lock_timeout_ms : LOCK_TIMEOUT_MS,
		.disk_bytes =
			COPIES * shipment_bytes(workload_content_shipment(c->content)),
	};
	if (!ssh_uri_is(b->config.uri))
		return err_set(e, ERR_SETUP,
			"the board %s: \"%s\" is not ssh://[user@]host[:port]", name,
			b->config.uri);
	if (ssh_uri_parse(b->config.uri, &uri, e) < 0)
		return -1;
	same = find_same(w, c, &uri);
	if (same)
		return err_set(e, ERR_SETUP,
			"%s is asked for twice, for %s and for %s: a board serves one "
			"target "
			"at a time; use a run for each",
			b->config.uri, same->label, c->label);
	if (!config || !config->console.len)
		return 0;
	b->config.log_path = b->log_path = open_log(w, name);
	if (load_console(w, c, e) < 0)
		return -1;
	b->config.console = c->board->console;
	return 0;
}

int workload_board_make(struct workload *w, struct workload_column *c, struct err *e)
{
	autorelease(strv) struct strv words = STRV_INIT, names = STRV_INIT;

	if (c->board)
		return 0;
	strv_split(&words, c->uri, ",");
	for (size_t i = 0; i < words.len; i++)
		if (workload_board_expand(w, words.v[i], c->event.target, &names, e) < 0)
			return -1;
	if (workload_content_make(w, c, e) < 0)
		return -1;
	c->board = xcalloc(1, sizeof *c->board);
	c->board->owner = describe_owner(w);
	c->board->v = xcalloc(names.len, sizeof *c->board->v);
	for (size_t i = 0; i < names.len; i++) {
		c->board->len++;
		if (fill(w, c, &c->board->v[i], names.v[i], e) < 0)
			return -1;
	}
	return 0;
}
