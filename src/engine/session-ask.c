#include "engine/session-private.h"

#include "base/util.h"

#define WINDOW (1024u * 1024u)

/* Own messages fit by their bounds, and the memory grows; what is left is a mistake of
 * the caller. */
static void send_kept(
	struct session *s, unsigned int type, uint32_t job, const void *structure)
{
	if (link_send(&s->link, type, job, structure) < 0)
		abort();
}

void session_enter(struct session *s, const struct wire_emulator *emulators,
	size_t emulator_count, const char *const *binds)
{
	autofree uint8_t *records = xmalloc(WIRE_BODY_MAX);
	struct wire_enter enter = {.binds = {.v = binds}};
	int len = 0;

	for (size_t i = 0; i < emulator_count && len >= 0; i++)
		len = msg_put_record(&msg_emulator, &emulators[i], records, WIRE_BODY_MAX,
			(size_t)len);
	if (len < 0)
		abort();
	enter.emulators = (struct wire_bytes){records, (uint32_t)len};
	send_kept(s, WIRE_ENTER, 0, &enter);
}

int session_run(struct session *s, uint32_t job, const struct wire_run *run,
	const struct wire_rlimit *limits, size_t limit_count, struct err *e)
{
	uint8_t records[512];
	struct wire_run full = *run;
	int len = 0;

	if (job <= s->highest_job)
		return err_set(e, ERR_INFRA,
			"job %u was asked for after job %u: numbers go upwards", job,
			s->highest_job);
	for (size_t i = 0; i < limit_count && len >= 0; i++)
		len = msg_put_record(
			&msg_rlimit, &limits[i], records, sizeof(records), (size_t)len);
	if (len < 0)
		return err_set(
			e, ERR_INFRA, "%zu resource limits are too many", limit_count);
	full.rlimits = (struct wire_bytes){records, (uint32_t)len};
	if (link_send(&s->link, WIRE_RUN, job, &full) < 0)
		return err_set(e, ERR_INFRA,
			"the command line and environment of a test are %zu bytes, more "
			"than the %u a runner takes",
			msg_size(msg_find(WIRE_RUN), &full), WIRE_MESSAGE_MAX);
	/* On the way anyway, so that it does not go alone. */
	if (s->link.ack_due)
		session_say_ack(s);
	s->jobs = xgrow(s->jobs, &s->job_cap, s->job_count + 1, sizeof(*s->jobs));
	s->jobs[s->job_count++] = (struct session_job){job, JOB_ASKED};
	s->highest_job = job;
	return 0;
}

void session_kill(struct session *s, uint32_t job, int signal, uint32_t grace_ms)
{
	struct wire_kill k = {(uint32_t)signal, grace_ms};

	if (session_find_job(s, job))
		send_kept(s, WIRE_KILL, job, &k);
}

void session_input(
	struct session *s, uint32_t job, const void *data, size_t len, bool eof)
{
	const uint8_t *p = data;
	size_t n;

	if (!session_find_job(s, job))
		return;
	do {
		struct wire_input input;

		n = MIN(len, SESSION_PIECE_MAX);
		input = (struct wire_input){
			.eof = eof && n == len, .data = {p, (uint32_t)n}};
		send_kept(s, WIRE_INPUT, job, &input);
		p += n;
		len -= n;
	} while (len);
}

void session_resize(struct session *s, uint32_t job, uint32_t rows, uint32_t columns)
{
	const struct wire_input input = {.rows = rows, .columns = columns};

	if (session_find_job(s, job))
		send_kept(s, WIRE_INPUT, job, &input);
}

size_t session_room(const struct session *s)
{
	size_t held = s->link.end - s->link.start;

	return held < WINDOW ? WINDOW - held : 0;
}

void session_have(
	struct session *s, uint32_t request, const uint8_t *digests, size_t count)
{
	const struct wire_have have = {
		.digests = {digests,
			(uint32_t)(MIN(count, SESSION_DIGESTS_MAX) * WIRE_DIGEST_SIZE)}};

	send_kept(s, WIRE_HAVE, request, &have);
}

void session_have_list(struct session *s, uint32_t request, const uint8_t *digest)
{
	const struct wire_have have = {{digest, WIRE_DIGEST_SIZE}, .lists = 1};

	send_kept(s, WIRE_HAVE, request, &have);
}

void session_blob(struct session *s, uint32_t request, const struct wire_blob *piece)
{
	send_kept(s, WIRE_BLOB, request, piece);
}

static void send_tree(struct session *s, uint32_t request, const char *name, bool last)
{
	struct wire_tree tree = {
		.name = name, .entries = {s->tree, (uint32_t)s->tree_len}, .last = last};

	send_kept(s, WIRE_TREE, request, &tree);
	s->tree_len = 0;
}

int session_tree(struct session *s, uint32_t request, const char *name,
	const struct wire_entry *entry, struct err *e)
{
	int len =
		msg_put_record(&msg_entry, entry, s->tree, sizeof(s->tree), s->tree_len);

	if (len < 0 && s->tree_len) {
		send_tree(s, request, name, false);
		len = msg_put_record(&msg_entry, entry, s->tree, sizeof(s->tree), 0);
	}
	if (len < 0)
		return err_set(e, ERR_INFRA,
			"the path %.200s... is too long to be staged", entry->path);
	s->tree_len = (size_t)len;
	return 0;
}

void session_tree_list(struct session *s, uint32_t request, const char *name,
	const uint8_t *digest, uint64_t mtime_s)
{
	const struct wire_tree tree = {.name = name,
		.last = 1,
		.list = {digest, WIRE_DIGEST_SIZE},
		.mtime_s = mtime_s};

	send_kept(s, WIRE_TREE, request, &tree);
}

void session_tree_end(struct session *s, uint32_t request, const char *name)
{
	send_tree(s, request, name, true);
}

void session_read(struct session *s, uint32_t request, const char *path, uint64_t offset,
	uint64_t length)
{
	struct wire_read m = {path, offset, length};

	send_kept(s, WIRE_READ, request, &m);
}

void session_clean(
	struct session *s, uint32_t request, const char *name, uint64_t keep_bytes)
{
	struct wire_clean m = {name, keep_bytes};

	send_kept(s, WIRE_CLEAN, request, &m);
}

void session_clock(
	struct session *s, uint64_t realtime_ns, const void *entropy, size_t len)
{
	struct wire_clock m = {realtime_ns, {entropy, (uint32_t)len}};

	send_kept(s, WIRE_CLOCK, 0, &m);
}

void session_bye(struct session *s, bool remove_work)
{
	struct wire_bye m = {remove_work};

	send_kept(s, WIRE_BYE, 0, &m);
}
