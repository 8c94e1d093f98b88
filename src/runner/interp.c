#include "runner/interp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRAILER_MAX 16384u
#define MARK "xtest-interpreter1"
#define MARK_SIZE (sizeof(MARK) - 1)

/* At the very end of the copy: the emulator's record, its length as four little-endian
 * bytes, the mark. */
static int write_trailer(int fd, const struct wire_emulator *emulator)
{
	uint8_t out[TRAILER_MAX];
	int len = msg_encode(&msg_emulator, emulator, out, sizeof(out) - 4 - MARK_SIZE);

	if (len < 0)
		return len;
	for (int i = 0; i < 4; i++)
		out[len + i] = (uint8_t)(len >> 8 * i);
	memcpy(out + len + 4, MARK, MARK_SIZE);
	len += 4 + (int)MARK_SIZE;
	return write(fd, out, (size_t)len) == len ? 0 : -EIO;
}

static int copy_self(int to)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (from < 0)
		return -errno;
	do
		n = sendfile(to, from, NULL, 1 << 20);
	while (n > 0);
	close(from);
	return n < 0 ? -errno : 0;
}

int interp_make(const struct wire_emulator *emulator)
{
	int fd = memfd_create("xtest-interpreter", MFD_CLOEXEC | MFD_ALLOW_SEALING),
	    read_fd = -1;
	char path[32];
	int err;

	if (fd < 0)
		return -errno;
	err = copy_self(fd);
	if (!err)
		err = write_trailer(fd, emulator);
	if (!err && (fchmod(fd, 0755) < 0 ||
			    fcntl(fd, F_ADD_SEALS,
				    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK |
					    F_SEAL_SEAL) < 0))
		err = -errno;
	/* The kernel executes no file that somebody may write to, so the writing
	 * descriptor has to go. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!err) {
		read_fd = open(path, O_RDONLY | O_CLOEXEC);
		err = read_fd < 0 ? -errno : 0;
	}
	close(fd);
	return err ? err : read_fd;
}

static size_t count(char *const *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

int interp_exec(const struct wire_emulator *emulator, const char *path, char *const *argv)
{
	const char **v = calloc(emulator->args.count + count(argv) + 5, sizeof(*v));
	const char *at = NULL, *s;
	size_t n = 0;
	int err;

	if (!v)
		return -ENOMEM;
	v[n++] = emulator->path;
	while ((s = msg_list_next(&emulator->args, &at)))
		v[n++] = s;
	if (emulator->argv0_option[0] && argv[0]) {
		v[n++] = emulator->argv0_option;
		v[n++] = argv[0];
	}
	v[n++] = path;
	for (size_t i = 1; argv[0] && argv[i]; i++)
		v[n++] = argv[i];
	execv(emulator->path, (char *const *)(uintptr_t)v);
	err = -errno;
	free(v);
	return err;
}

/* The record at the end of our own file, or NULL. */
static uint8_t *read_trailer(size_t *len)
{
	uint8_t end[4 + MARK_SIZE], *record = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint32_t size;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 ||
		pread(fd, end, sizeof(end), st.st_size - (off_t)sizeof(end)) !=
			sizeof(end) ||
		memcmp(end + 4, MARK, MARK_SIZE) != 0)
		goto out;
	size = end[0] | (uint32_t)end[1] << 8 | (uint32_t)end[2] << 16 |
	       (uint32_t)end[3] << 24;
	if (size > TRAILER_MAX)
		goto out;
	record = malloc(size + 1);
	if (record &&
		pread(fd, record, size, st.st_size - (off_t)sizeof(end) - (off_t)size) !=
			(ssize_t)size) {
		free(record);
		record = NULL;
	}
	*len = size;
out:
	close(fd);
	return record;
}

void interp_run_if_copy(int argc, char **argv)
{
	struct wire_emulator emulator;
	size_t len = 0;
	uint8_t *record = read_trailer(&len);
	int err;

	if (!record)
		return;
	/* Flag P of binfmt_misc: our name, the program's file, its argv[0], its
	 * arguments. */
	if (argc < 3 || msg_decode(&msg_emulator, record, len, &emulator) < 0)
		_exit(127);
	err = interp_exec(&emulator, argv[1], argv + 2);
	fprintf(stderr, "xtest: cannot run %s with %s: %s\n", argv[1], emulator.path,
		strerror(-err));
	_exit(127);
}
