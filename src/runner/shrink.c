#include "runner/shrink.h"

#include "wire/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE (2 * WIRE_DIGEST_SIZE + 1)

struct blob {
	struct timespec used;
	uint64_t size_bytes;
	char name[NAME_SIZE];
};

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct blob *)a)->used;
	const struct timespec *y = &((const struct blob *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* The blobs that no tree uses, and the size of all. The caller's; *count of them. */
static struct blob *list_unused(int store_fd, size_t *count, uint64_t *total)
{
	int fd = openat(store_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct blob *blobs = NULL, *more;
	struct dirent *e;
	struct stat st;

	*count = 0;
	*total = 0;
	while (dir && (e = readdir(dir))) {
		if (strlen(e->d_name) != NAME_SIZE - 1 ||
			fstatat(store_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		*total += (uint64_t)st.st_blocks * 512;
		if (st.st_nlink > 1)
			continue;
		/* Grows at each power of two. */
		more = *count & (*count - 1)
			       ? blobs
			       : realloc(blobs, (2 * *count + 1) * sizeof(*blobs));
		if (!more)
			break;
		blobs = more;
		blobs[*count].used = st.st_atim;
		blobs[*count].size_bytes = (uint64_t)st.st_blocks * 512;
		memcpy(blobs[(*count)++].name, e->d_name, NAME_SIZE);
	}
	if (dir)
		closedir(dir);
	return blobs;
}

void shrink_store(int store_fd, uint64_t keep_bytes)
{
	size_t count;
	uint64_t total;
	struct blob *blobs = list_unused(store_fd, &count, &total);

	if (count)
		qsort(blobs, count, sizeof(*blobs), by_use);
	for (size_t i = 0; i < count && total > keep_bytes; i++)
		if (unlinkat(store_fd, blobs[i].name, 0) == 0)
			total -= blobs[i].size_bytes;
	free(blobs);
}
