#include "engine/recording.h"

#include "base/fs.h"
#include "engine/run-store.h"
#include "engine/tally.h"

static int get_output(void *ctx, const char *digest, struct buf *out)
{
	const struct recording *r = ctx;

	return run_store_get(r->state_dir, r->name, digest, out);
}

int recording_open(
	struct recording *r, const char *state_dir, const char *word, struct err *e)
{
	*r = (struct recording){0};
	if (strpbrk(word, "/.")) {
		r->name = xstrdup(word);
		r->path = xstrdup(word);
		return 0;
	}
	r->name = run_store_find(state_dir, word, e);
	if (!r->name)
		return -1;
	r->state_dir = xstrdup(state_dir);
	r->path = run_store_path(state_dir, r->name, "events.jsonl");
	r->outputs = (struct jsonl_outputs){get_output, r};
	return 0;
}

void recording_release(struct recording *r)
{
	free(r->name);
	free(r->path);
	free(r->state_dir);
	*r = (struct recording){0};
}

int recording_read(struct recording *r,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, struct err *e)
{
	return jsonl_file_read(
		r->path, r->state_dir ? &r->outputs : NULL, send, ctx, seen, e);
}

/* ---- told to its end */

struct telling {
	void (*send)(void *ctx, const struct event *event);
	void *ctx;
	struct tally *tally;
	int64_t time_ms; /* of the latest event */
	int exit_code;
};

static void tell(void *ctx, const struct event *event)
{
	struct telling *t = ctx;

	t->time_ms = event->time_ms;
	tally_add_event(t->tally, event);
	if (event->type == EVENT_RUN_END)
		t->exit_code = event->end.exit_code;
	t->send(t->ctx, event);
}

int recording_tell(struct recording *r,
	void (*send)(void *ctx, const struct event *event), void *ctx,
	struct jsonl_seen *seen, int *exit_code, struct err *e)
{
	struct telling t = {.send = send, .ctx = ctx, .tally = tally_new()};
	int result = recording_read(r, tell, &t, seen, e);

	if (result == 0 && !seen->ended) {
		const char *why =
			r->state_dir && run_store_is_running(r->state_dir, r->name)
				? "the run is still going on"
				: "the record ends here: xtest was killed";
		struct event end;

		tally_end(t.tally, why, &end);
		end.time_ms = t.time_ms;
		t.exit_code = end.end.exit_code;
		send(ctx, &end);
	}
	*exit_code = t.exit_code;
	tally_free(t.tally);
	return result;
}
