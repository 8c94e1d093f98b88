#include "runner/stage.h"

#include "runner/codec.h"
#include "runner/flow.h"
#include "runner/path.h"
#include "runner/remove.h"
#include "runner/shrink.h"

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

#define HEX_SIZE (2 * WIRE_DIGEST_SIZE + 1)
/* Smaller blobs are decoded at once: emulated, this takes a third of a second. */

struct stage {
	char work[PATH_MAX];
	int work_fd, store_fd;
	/* The blob that is being received, coded. */
	int coded_fd;
	uint8_t digest[WIRE_DIGEST_SIZE];
	uint64_t coded_bytes;
	bool refused; /* its STORED is sent, the rest of its pieces is not wanted */
	/* A large one is decoded by a process of its own: we go on answering. */
	pid_t decoder; /* 0: none */
	bool decoded;  /* with this result, which is still to be told */
	int decoder_err;
	uint32_t decoder_request;
	/* The first error since the last STAGED. */
	int tree_err;
	char tree_text[256];
	/* The file that is being sent. */
	int read_fd;
	uint32_t read_request;
	uint64_t read_offset, read_left;
};

uint32_t stage_features(void)
{
	return codec_features();
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

static void to_hex(const uint8_t *digest, char hex[HEX_SIZE])
{
	for (size_t i = 0; i < WIRE_DIGEST_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static int open_blob(const struct stage *s, const uint8_t *digest)
{
	char hex[HEX_SIZE];

	to_hex(digest, hex);
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
	char hex[HEX_SIZE];
	int fd = open_blob(s, digest);
	bool good;

	if (fd < 0)
		return false;
	good = codec_digest(fd, real) == 0 && memcmp(real, digest, sizeof(real)) == 0;
	futimens(fd, used);
	close(fd);
	to_hex(digest, hex);
	if (!good)
		unlinkat(s->store_fd, hex, 0);
	return good;
}

static int handle_have(
	struct runner *r, uint32_t request, const struct wire_digests *have)
{
	uint8_t missing[WIRE_BODY_MAX];
	struct wire_digests answer = {.digests = {missing, 0}};
	const uint8_t *p = have->digests.data;

	for (uint32_t at = 0; at + WIRE_DIGEST_SIZE <= have->digests.len;
		at += WIRE_DIGEST_SIZE) {
		if (holds(r->stage, p + at))
			continue;
		memcpy(missing + answer.digests.len, p + at, WIRE_DIGEST_SIZE);
		answer.digests.len += WIRE_DIGEST_SIZE;
	}
	return link_send(&r->link, WIRE_MISSING, request, &answer);
}

/* ---- BLOB */

static int take_piece(struct stage *s, const struct wire_blob *b)
{
	if (b->offset == 0) {
		runner_close(&s->coded_fd);
		s->coded_fd = openat(s->store_fd, ".coded",
			O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (s->coded_fd < 0)
			return -errno;
		memcpy(s->digest, b->digest.data, sizeof(s->digest));
		s->coded_bytes = 0;
		s->refused = false;
	}
	if (s->coded_fd < 0 || b->offset != s->coded_bytes ||
		memcmp(s->digest, b->digest.data, sizeof(s->digest)) != 0)
		return -EBADMSG;
	if (b->data.len > b->coded_bytes - b->offset)
		return -EBADMSG;
	for (uint32_t done = 0; done < b->data.len;) {
		ssize_t n = write(s->coded_fd, b->data.data + done, b->data.len - done);

		if (n < 0)
			return -errno;
		done += (uint32_t)n;
	}
	s->coded_bytes += b->data.len;
	return 0;
}

static int check_and_keep(
	struct stage *s, int fd, const char *name, const struct wire_blob *b)
{
	uint8_t real[WIRE_DIGEST_SIZE];
	char hex[HEX_SIZE];
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	err = codec_digest(fd, real);
	if (!err && ((uint64_t)st.st_size != b->size_bytes ||
			    memcmp(real, b->digest.data, sizeof(real)) != 0))
		err = -EBADMSG;
	if (err)
		return err;
	to_hex(b->digest.data, hex);
	return renameat(s->store_fd, name, s->store_fd, hex) < 0 ? -errno : 0;
}

static int decode_blob(struct stage *s, const struct wire_blob *b)
{
	int base_fd = -1, fd, err;

	if (b->coding == WIRE_CODING_RAW)
		return check_and_keep(s, s->coded_fd, ".coded", b);
	if (b->coding == WIRE_CODING_DELTA) {
		base_fd =
			b->base.len == WIRE_DIGEST_SIZE ? open_blob(s, b->base.data) : -1;
		if (base_fd < 0)
			return -ENOENT;
	} else if (b->coding != WIRE_CODING_ZSTD) {
		return -EBADMSG;
	}
	fd = openat(s->store_fd, ".decoded",
		O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno : codec_decode(s->coded_fd, base_fd, fd, b->size_bytes);
	if (!err)
		err = check_and_keep(s, fd, ".decoded", b);
	runner_close(&fd);
	runner_close(&base_fd);
	unlinkat(s->store_fd, ".decoded", 0);
	return err;
}

static int finish_blob(struct runner *r, uint32_t request, int err)
{
	struct stage *s = r->stage;
	struct wire_stored stored = {
		.digest = {s->digest, sizeof(s->digest)},
		.error = (uint32_t)-err,
		.text = err == -EBADMSG ? "the blob does not match its digest"
			: err           ? strerror(-err)
					: "",
	};

	s->refused = err;
	runner_close(&s->coded_fd);
	unlinkat(s->store_fd, ".coded", 0);
	return link_send(&r->link, WIRE_STORED, request, &stored);
}

static bool start_decoder(struct stage *s, uint32_t request, const struct wire_blob *b)
{
	pid_t pid = -1;

	if (b->size_bytes >= WIRE_BLOB_LARGE || b->coded_bytes >= WIRE_BLOB_LARGE)
		pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-decode_blob(s, b));
	}
	if (pid < 0)
		return false;
	s->decoder = pid;
	s->decoder_request = request;
	return true;
}

bool stage_reaped(struct stage *s, pid_t pid, int status)
{
	if (!s || !pid || s->decoder != pid)
		return false;
	s->decoder = 0;
	s->decoded = true;
	s->decoder_err = WIFEXITED(status) ? -WEXITSTATUS(status) : -ENOMEM;
	return true;
}

bool stage_is_busy(const struct stage *s)
{
	return s && (s->decoder || s->decoded);
}

static int handle_blob(struct runner *r, uint32_t request, const struct wire_blob *b)
{
	struct stage *s = r->stage;
	int err;

	if (b->digest.len != WIRE_DIGEST_SIZE || b->offset > b->coded_bytes)
		return -EBADMSG;
	if (b->offset && s->refused &&
		memcmp(s->digest, b->digest.data, sizeof(s->digest)) == 0)
		return 0;
	err = take_piece(s, b);
	if (!err && s->coded_bytes < b->coded_bytes)
		return 0;
	if (!err && start_decoder(s, request, b))
		return 0;
	if (!err)
		err = decode_blob(s, b);
	memcpy(s->digest, b->digest.data, sizeof(s->digest));
	return finish_blob(r, request, err);
}

/* ---- TREE */

/* A file of its own with the blob's bytes. */
static int copy_blob(
	int blob_fd, int dir_fd, const char *name, const struct wire_entry *e)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)e->mtime_s}};
	int fd = openat(dir_fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
	    err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = sendfile(fd, blob_fd, NULL, 1 << 20);
	while (n > 0);
	if (n < 0 || fchmod(fd, e->mode & 0777) < 0 || futimens(fd, times) < 0)
		err = -errno;
	close(fd);
	return err;
}

/* Mode and time belong to the file, not to the name: a blob no tree has linked yet takes
 * those of its first entry, and another entry that wants different ones gets a copy. */
static int link_blob(struct stage *s, int blob_fd, int dir_fd, const char *name,
	const struct wire_entry *e)
{
	struct timespec times[2] = {
		{.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)e->mtime_s}};
	char hex[HEX_SIZE];
	struct stat st;

	if (e->copy)
		return copy_blob(blob_fd, dir_fd, name, e);
	if (fstat(blob_fd, &st) < 0)
		return -errno;
	if (st.st_nlink == 1 &&
		(fchmod(blob_fd, e->mode & 0777) < 0 || futimens(blob_fd, times) < 0))
		return -errno;
	if (st.st_nlink > 1 && ((st.st_mode & 07777) != (e->mode & 0777) ||
				       (uint64_t)st.st_mtime != e->mtime_s))
		return copy_blob(blob_fd, dir_fd, name, e);
	to_hex(e->digest.data, hex);
	if (linkat(s->store_fd, hex, dir_fd, name, 0) == 0)
		return 0;
	/* A file system without hard links, or too many of them. */
	return errno == EPERM || errno == EMLINK ? copy_blob(blob_fd, dir_fd, name, e)
						 : -errno;
}

static int make_file(
	struct stage *s, int dir_fd, const char *name, const struct wire_entry *e)
{
	int blob_fd, err;

	if (e->digest.len != WIRE_DIGEST_SIZE)
		return -EBADMSG;
	blob_fd = open_blob(s, e->digest.data);
	if (blob_fd < 0)
		return -errno;
	unlinkat(dir_fd, name, 0);
	err = link_blob(s, blob_fd, dir_fd, name, e);
	close(blob_fd);
	return err;
}

/* We must be able to put files into it, whatever the tests may do there. */
static int make_directory(int dir_fd, const char *name, uint32_t mode)
{
	mode = (mode & 0777) | 0700;
	if (mkdirat(dir_fd, name, mode) == 0)
		return fchmodat(dir_fd, name, mode, 0) < 0 ? -errno : 0;
	return errno == EEXIST ? 0 : -errno;
}

static int make_entry(struct stage *s, int tree_fd, const struct wire_entry *e)
{
	const char *name;
	int dir_fd = path_open_parent(tree_fd, e->path, true, &name), err = 0;

	if (dir_fd < 0)
		return dir_fd;
	switch (e->kind) {
	case WIRE_ENTRY_FILE:
		err = make_file(s, dir_fd, name, e);
		break;
	case WIRE_ENTRY_DIRECTORY:
		err = make_directory(dir_fd, name, e->mode);
		break;
	case WIRE_ENTRY_SYMLINK:
		unlinkat(dir_fd, name, 0);
		err = symlinkat(e->target, dir_fd, name) < 0 ? -errno : 0;
		break;
	default:
		err = -EBADMSG;
	}
	close(dir_fd);
	return err;
}

static void tree_failed(struct stage *s, int err, const char *path)
{
	if (s->tree_err)
		return;
	s->tree_err = err;
	snprintf(s->tree_text, sizeof(s->tree_text), "%.180s: %s", path, strerror(-err));
}

static int open_tree_directory(struct stage *s, const char *name)
{
	int fd;

	if (!path_is_name(name))
		return -EINVAL;
	if (mkdirat(s->work_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(s->work_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int handle_tree(struct runner *r, uint32_t request, const struct wire_tree *t)
{
	struct stage *s = r->stage;
	char path[PATH_MAX + 256];
	struct wire_result result = {.path = path, .text = s->tree_text};
	struct wire_entry e;
	int tree_fd = open_tree_directory(s, t->name), more = 0, err;
	size_t at = 0;

	if (tree_fd < 0)
		tree_failed(s, tree_fd, t->name);
	while (tree_fd >= 0 &&
		(more = msg_next_record(&msg_entry, &t->entries, &at, &e)) > 0) {
		err = make_entry(s, tree_fd, &e);
		if (err)
			tree_failed(s, err, e.path);
	}
	runner_close(&tree_fd);
	if (more < 0)
		tree_failed(s, more, t->name);
	if (!t->last)
		return 0;
	snprintf(path, sizeof(path), "%s/%.200s", s->work, t->name);
	result.error = (uint32_t)-s->tree_err;
	err = link_send(&r->link, WIRE_STAGED, request, &result);
	s->tree_err = 0;
	s->tree_text[0] = '\0';
	return err;
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

	if (s && s->decoded && finish_blob(r, s->decoder_request, s->decoder_err) == 0)
		s->decoded = false;
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
		struct wire_digests have;
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
		return handle_blob(r, h->job, &u.blob);
	case WIRE_TREE:
		return handle_tree(r, h->job, &u.tree);
	case WIRE_READ:
		return handle_read(r, h->job, &u.read);
	case WIRE_CLEAN:
		return handle_clean(r, h->job, &u.clean);
	default:
		return -EPROTO;
	}
}
