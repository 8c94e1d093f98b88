#include "runner/stage-private.h"

#include "runner/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sys/wait.h>

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
	char hex[STAGE_HEX_SIZE];
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
	stage_hex(b->digest.data, hex);
	return renameat(s->store_fd, name, s->store_fd, hex) < 0 ? -errno : 0;
}

static int decode_blob(struct stage *s, const struct wire_blob *b)
{
	const bool patch = b->coding == WIRE_CODING_PATCH;
	int base_fd = -1, fd, err;

	if (b->coding == WIRE_CODING_RAW)
		return check_and_keep(s, s->coded_fd, ".coded", b);
	if (b->coding == WIRE_CODING_DELTA || patch) {
		base_fd = b->base.len == WIRE_DIGEST_SIZE
				  ? stage_open_blob(s, b->base.data)
				  : -1;
		if (base_fd < 0)
			return -ENOENT;
	} else if (b->coding != WIRE_CODING_ZSTD) {
		return -EBADMSG;
	}
	fd = openat(s->store_fd, ".decoded",
		O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	err = fd < 0 ? -errno
		     : (patch ? codec_patch : codec_decode)(
			       s->coded_fd, base_fd, fd, b->size_bytes);
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

int stage_take_blob(struct runner *r, uint32_t request, const struct wire_blob *b)
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

void stage_tell_decoded(struct runner *r)
{
	struct stage *s = r->stage;

	if (s->decoded && finish_blob(r, s->decoder_request, s->decoder_err) == 0)
		s->decoded = false;
}
