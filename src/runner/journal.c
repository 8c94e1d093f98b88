#include "runner/journal.h"

#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x6a6e6c31u
#define HEAD ((sizeof(struct journal) + 63) & ~(size_t)63)
#define TOTAL (HEAD + RUNNER_JOURNAL_SIZE)

static uint8_t *frames_of(struct journal *j)
{
	return (uint8_t *)j + HEAD;
}

void journal_start(struct journal *j, uint64_t session)
{
	j->magic = MAGIC;
	j->version = WIRE_VERSION;
	j->session = session;
	link_init(&j->link, frames_of(j), RUNNER_JOURNAL_SIZE);
}

/* A file of another program, or half written, is no journal. */
static bool is_sound(const struct journal *j)
{
	const struct link *l = &j->link;

	return j->magic == MAGIC && j->version == WIRE_VERSION &&
	       l->size == RUNNER_JOURNAL_SIZE && l->start <= l->boundary &&
	       l->boundary <= l->sent && l->sent <= l->end && l->end <= l->size;
}

/* Every kept frame must be whole: the file may be of the moment a machine lost its power.
 */
static bool frames_are_whole(struct journal *j)
{
	struct link *l = &j->link;
	uint32_t sequence = l->first;

	for (size_t at = l->start; at < l->end; sequence++) {
		struct wire_header h, again;

		if (l->end - at < WIRE_HEADER_SIZE)
			return false;
		frame_get_header(l->data + at, &h);
		if (h.length > l->end - at - WIRE_HEADER_SIZE || h.sequence != sequence)
			return false;
		again = h;
		frame_seal(l->data + at, &again);
		if (again.check != h.check)
			return false;
		at += WIRE_HEADER_SIZE + h.length;
	}
	return sequence == l->next;
}

struct journal *journal_open(const char *path, bool *known)
{
	struct journal *j;
	struct stat st = {0};
	int fd = -1;

	if (path) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return NULL;
		if (fstat(fd, &st) < 0 || ftruncate(fd, TOTAL) < 0) {
			close(fd);
			return NULL;
		}
	}
	j = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE,
		path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (fd >= 0)
		close(fd);
	if (j == MAP_FAILED)
		return NULL;
	*known = path && st.st_size == (off_t)TOTAL && is_sound(j);
	j->link.data = frames_of(j);
	*known = *known && frames_are_whole(j);
	if (*known)
		link_restart(&j->link);
	else
		journal_start(j, 0);
	return j;
}

void journal_close(struct journal *j)
{
	munmap(j, TOTAL);
}
