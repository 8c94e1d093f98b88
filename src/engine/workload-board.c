#include "engine/workload-board.h"

#include "engine/ship.h"
#include "engine/workload-content.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

enum {
	LOCK_TIMEOUT_MS = 600000,
	COPIES = 2, /* of what is sent: in the store, and in the tree */
};

struct workload_board {
	struct board_config config;
	char *owner;
};

void workload_board_free(struct workload_board *b)
{
	if (!b)
		return;
	free(b->owner);
	free(b);
}

const struct board_config *workload_board_config(const struct workload_board *b)
{
	return b ? &b->config : NULL;
}

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

int workload_board_make(struct workload *w, struct workload_column *c, struct err *e)
{
	const struct workload_board_options *o = &w->board;
	struct workload_board *b;

	if (c->board)
		return 0;
	if (workload_content_make(w, c, e) < 0)
		return -1;
	b = c->board = xcalloc(1, sizeof *b);
	b->owner = describe_owner(w);
	b->config = (struct board_config){
		.name = c->uri,
		.uri = c->uri,
		.ssh_config = o->ssh_config,
		.accept_new = o->accept_new,
		.owner = b->owner,
		.lock_timeout_ms =
			o->lock_timeout_ms ? o->lock_timeout_ms : LOCK_TIMEOUT_MS,
		.disk_bytes =
			COPIES * shipment_bytes(workload_content_shipment(c->content)),
	};
	return 0;
}
