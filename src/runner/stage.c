#include "runner/stage-private.h"

#include "runner/codec.h"
#include "runner/flow.h"
#include "runner/path.h"
#include "runner/remove.h"
#include "runner/shrink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As many as one message holds: HAVE asks for no more, but by a list. */
#define MISSING_MAX ((WIRE_BODY_MAX - 64) / WIRE_DIGEST_SIZE)

uint32_t stage_features(void)
{
	uint32_t features = codec_features();

	return features & WIRE_FEATURE_STORE ? features | WIRE_FEATURE_LIST : features;
}

const char *stage_work(const struct stage *s)
{
	return s ? s->work : "";
}

static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022);
}

struct stage *stage_open(const char *work)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stage *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->store_fd = s->coded_fd = s->read_fd = -1;
	if (mkdir(work, 0700) < 0 && errno != EEXIST)
		goto fail;
	s->work_fd = open(work, flags);
	if (s->work_fd < 0)
		goto fail;
	if (!is_ours(s->work_fd)) {
		errno = EPERM;
		goto fail_open;
	}
	if (!realpath(work, s->work) ||
		(mkdirat(s->work_fd, ".store", 0700) < 0 && errno != EEXIST))
		goto fail_open;
	s->store_fd = openat(s->work_fd, ".store", flags);
	if (s->store_fd >= 0)
		return s;
fail_open:
	close(s->work_fd);
fail:
	free(s);
	return NULL;
}

void stage_forget(struct stage *s)
{
	if (!s)
		return;
	if (s->decoder) {
		kill(s->decoder, SIGKILL);
		waitpid(s->decoder, NULL, 0);
	}
	s->decoder = 0;
	s->decoded = false;
	s->tree_err = 0;
	s->tree_text[0] = '\0';
	runner_close(&s->coded_fd);
	runner_close(&s->read_fd);
}

void stage_close(struct stage *s)
{
	if (!s)
		return;
	stage_forget(s);
	runner_close(&s->store_fd);
	runner_close(&s->work_fd);
	free(s);
}

void stage_remove(struct stage *s)
{
	stage_forget(s);
	remove_tree(s->work);
}

/* Everything but the store, which is for the next. */
void stage_clear(struct stage *s)
{
	int fd = s ? fcntl(s->work_fd, F_DUPFD_CLOEXEC, 0) : -1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	char path[PATH_MAX + 256];

	if (fd >= 0 && !dir)
		close(fd);
	if (!dir)
		return;
	rewinddir(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", s->work, e->d_name);
		remove_tree(path);
	}
	closedir(dir);
}

void stage_hex(const uint8_t *digest, char hex[STAGE_HEX_SIZE])
{
	for (size_t i = 0; i < WIRE_DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

int stage_open_blob(const struct stage *s, const uint8_t *digest)
{
	char hex[STAGE_HEX_SIZE];

	stage_hex(digest, hex);
	return openat(s->store_fd, hex, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- HAVE */

/* A blob that a test or a bad disk has changed is as good as missing, and goes. To be
 * asked for is to be used. */
static bool holds(const struct stage *s, const uint8_t *digest)
{
	static const struct timespec used[2] = {
		{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	uint8_t real[WIRE_DIGEST_SIZE];
	char hex[STAGE_HEX_SIZE];
	int fd = stage_open_blob(s, digest);
	bool good;

	if (fd < 0)
		return false;
	good = codec_digest(fd, real) == 0 && memcmp(real, digest, sizeof(real)) == 0;
	futimens(fd, used);
	close(fd);
	stage_hex(digest, hex);
	if (!good)
		unlinkat(s->store_fd, hex, 0);
	return good;
}

struct missing {
	uint8_t digests[MISSING_MAX * WIRE_DIGEST_SIZE];
	uint32_t count;
	bool full; /* there would be more */
};

static void ask_blob(const struct stage *s, const uint8_t *digest, struct missing *m)
{
	const uint8_t *last = m->digests + (size_t)m->count * WIRE_DIGEST_SIZE;

	if (m->count && memcmp(last - WIRE_DIGEST_SIZE, digest, WIRE_DIGEST_SIZE) == 0)
		return;
	if (holds(s, digest))
		return;
	m->full = m->count == MISSING_MAX;
	if (m->full)
		return;
	memcpy(m->digests + (size_t)m->count * WIRE_DIGEST_SIZE, digest,
		WIRE_DIGEST_SIZE);
	m->count++;
}

/* With everything it names, or itself. */
static void ask_list(const struct stage *s, const uint8_t *digest, struct missing *m)
{
	uint32_t before = m->count;
	struct wire_bytes list;
	struct wire_entry e;
	size_t at = 0;
	int more = -ENOENT;

	if (!holds(s, digest) || !stage_read_list(s, digest, &list)) {
		ask_blob(s, digest, m);
		return;
	}
	while (!m->full && (more = msg_next_record(&msg_entry, &list, &at, &e)) > 0)
		if (e.kind == WIRE_ENTRY_FILE && e.digest.len == WIRE_DIGEST_SIZE)
			ask_blob(s, e.digest.data, m);
	free((void *)(uintptr_t)list.data);
	if (!m->full && more == 0)
		return;
	m->full = false;
	m->count = before;
	memcpy(m->digests + (size_t)m->count++ * WIRE_DIGEST_SIZE, digest,
		WIRE_DIGEST_SIZE);
}

static int handle_have(struct runner *r, uint32_t request, const struct wire_have *have)
{
	struct missing m;
	struct wire_digests answer;
	const uint8_t *p = have->digests.data;

	m.count = 0;
	m.full = false;
	for (uint32_t at = 0; at + WIRE_DIGEST_SIZE <= have->digests.len;
		at += WIRE_DIGEST_SIZE)
		(have->lists ? ask_list : ask_blob)(r->stage, p + at, &m);
	answer.digests = (struct wire_bytes){m.digests, m.count * WIRE_DIGEST_SIZE};
	return link_send(&r->link, WIRE_MISSING, request, &answer);
}

/* ---- READ and CLEAN */

static int handle_read(struct runner *r, uint32_t request, const struct wire_read *m)
{
	struct wire_content content = {.last = 1, .offset = m->offset};
	struct stage *s = r->stage;
	const char *name;
	int dir_fd;

	/* One after another: the host gets the answers in order. */
	if (s->read_fd >= 0)
		return -ENOBUFS;
	dir_fd = path_open_parent(s->work_fd, m->path, false, &name);
	if (dir_fd >= 0)
		s->read_fd = openat(
			dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	content.error = (uint32_t)(dir_fd < 0 ? -dir_fd : errno);
	content.text = strerror((int)content.error);
	runner_close(&dir_fd);
	if (s->read_fd < 0)
		return link_send(&r->link, WIRE_CONTENT, request, &content);
	s->read_request = request;
	s->read_offset = m->offset;
	s->read_left = m->length ? m->length : UINT64_MAX;
	return 0;
}

bool stage_pump(struct runner *r)
{
	struct stage *s = r->stage;
	uint8_t chunk[RUNNER_CHUNK];
	struct wire_content content = {.text = ""};
	size_t want;
	ssize_t n;

	if (s)
		stage_tell_decoded(r);
	if (!s || s->read_fd < 0)
		return false;
	if (!flow_has_room(r))
		return false;
	want = s->read_left < sizeof(chunk) ? (size_t)s->read_left : sizeof(chunk);
	n = pread(s->read_fd, chunk, want, (off_t)s->read_offset);
	if (n < 0) {
		content.error = (uint32_t)errno;
		content.text = strerror(errno);
		n = 0;
	}
	content.offset = s->read_offset;
	content.data = (struct wire_bytes){chunk, (uint32_t)n};
	s->read_offset += (uint64_t)n;
	s->read_left -= (uint64_t)n;
	content.last = n == 0 || s->read_left == 0;
	link_send(&r->link, WIRE_CONTENT, s->read_request, &content);
	if (content.last)
		runner_close(&s->read_fd);
	return !content.last;
}

static int handle_clean(struct runner *r, uint32_t request, const struct wire_clean *c)
{
	struct wire_result result = {.path = c->name, .text = ""};
	struct stage *s = r->stage;
	char path[PATH_MAX + 256];
	int err = 0;

	if (c->name[0] && !path_is_name(c->name))
		return -EBADMSG;
	snprintf(path, sizeof(path), "%s/%.200s", s->work, c->name);
	if (c->name[0])
		err = remove_tree(path);
	if (c->keep_bytes < UINT64_MAX)
		shrink_store(s->store_fd, c->keep_bytes);
	result.error = (uint32_t)-err;
	result.text = err ? strerror(-err) : "";
	return link_send(&r->link, WIRE_CLEANED, request, &result);
}

int stage_request(
	struct runner *r, const struct wire_header *h, const uint8_t *body, size_t len)
{
	const struct wire_message *m = msg_find(h->type);
	union {
		struct wire_have have;
		struct wire_blob blob;
		struct wire_tree tree;
		struct wire_read read;
		struct wire_clean clean;
	} u;

	if (link_room(&r->link) < RUNNER_JOURNAL_RESERVE || stage_is_busy(r->stage))
		return -ENOBUFS;
	if (!m || m->size > sizeof(u))
		return -EPROTO;
	if (msg_decode(m, body, len, &u) < 0)
		return -EBADMSG;
	switch (h->type) {
	case WIRE_HAVE:
		return handle_have(r, h->job, &u.have);
	case WIRE_BLOB:
		return stage_take_blob(r, h->job, &u.blob);
	case WIRE_TREE:
		return stage_take_tree(r, h->job, &u.tree);
	case WIRE_READ:
		return handle_read(r, h->job, &u.read);
	case WIRE_CLEAN:
		return handle_clean(r, h->job, &u.clean);
	default:
		return -EPROTO;
	}
}
