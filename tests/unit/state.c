/* The store of saved states: whole or not there, and never with another byte. */
#include "transport/state.h"

#include "base/fs.h"
#include "transport/machine.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAM_BYTES (8u << 20)
#define DEVICES "the devices' state"

static struct state_store *store;
static char *dir;

static char *path_of(const char *key)
{
	return xasprintf("%s/%s", dir, key);
}

/* Memory with something at its start, in its middle, over a block's edge and at its
 * end. */
static int some_ram(struct err *e)
{
	static const unsigned places[] = {
		0, 4096 * 3 + 17, (1u << 20) - 2, 5u << 20, RAM_BYTES - 5};
	int fd = machine_new_ram(RAM_BYTES, e);

	for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(places); i++)
		if (pwrite(fd, "alive", 5, places[i]) != 5)
			exit(99);
	/* Zeros that are written are as good as a hole. */
	if (fd >= 0 && pwrite(fd, (char[8192]){0}, 8192, 2u << 20) != 8192)
		exit(99);
	return fd;
}

static int save(const char *key, struct err *e)
{
	autoclose int ram = some_ram(e), fd = -1;
	uint64_t sum;

	fd = ram < 0 ? -1 : state_begin(store, RAM_BYTES, e);
	if (fd < 0 || fs_write_all(fd, DEVICES, strlen(DEVICES)) < 0 ||
		state_add_ram(fd, RAM_BYTES, ram, &sum, e) < 0)
		return -1;
	return state_finish(store, key, fd, RAM_BYTES, sum, "a test\n", e);
}

static int count_entries(const char *path)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err ignored;

	return fs_list_dir(path, &names, &ignored) < 0 ? -1 : (int)names.len;
}

/* As a machine does it: STATE_GOOD only when all of it is. */
static enum state_found open_whole(
	const char *key, uint64_t ram_bytes, int *fd, struct err *e)
{
	enum state_found found = state_open(store, key, ram_bytes, fd, e);

	if (found != STATE_GOOD || state_verify(store, key, *fd, ram_bytes, e) == 0)
		return found;
	util_cleanup_fd(fd);
	*fd = -1;
	return STATE_BAD;
}

static void test_round_trip(void)
{
	char devices[sizeof DEVICES] = "", ram_bytes[2][4096];
	struct err e = {0};
	int fd = -1, ram, fresh;
	autofree char *about = NULL;
	bool same = true;

	ok(!state_exists(store, "a"), "there is no state at first");
	is_int(open_whole("a", RAM_BYTES, &fd, &e), STATE_NONE, "none to open");
	if (!ok(save("a", &e) == 0, "one is saved %s", e.msg))
		return;
	ok(state_exists(store, "a"), "it is there");
	about = state_about(store, "a");
	is_str(about, "a test\n", "and says what it is");
	ok(!state_about(store, "b"), "another one does not");
	is_int(count_entries(dir), 2, "as one file and the time of its use");
	is_int(open_whole("a", RAM_BYTES, &fd, &e), STATE_GOOD, "it is opened");
	ok(read(fd, devices, sizeof devices - 1) == sizeof devices - 1,
		"at the devices' state");
	is_str(devices, DEVICES, "which is what was written");
	ram = some_ram(&e);
	fresh = machine_new_ram(RAM_BYTES, &e);
	is_int(state_copy_ram(fd, RAM_BYTES, fresh, &e), 0, "its memory is copied");
	for (off_t at = 0; at < RAM_BYTES; at += 4096)
		same &= pread(ram, ram_bytes[0], 4096, at) == 4096 &&
			pread(fresh, ram_bytes[1], 4096, at) == 4096 &&
			memcmp(ram_bytes[0], ram_bytes[1], 4096) == 0;
	ok(same, "and is the same everywhere");
	is_int(lseek(fresh, 2u << 20, SEEK_DATA), 5u << 20, "zeros are not copied");
	close(ram);
	close(fresh);
	close(fd);
	is_int(save("a", &e), 0, "saved by another meanwhile: the first one stays");
}

static off_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

/* What may happen to a state on a disk. `at`: from the start, negative: from the end. */
static const struct {
	const char *name;
	off_t at;
	bool cut;
} damages[] = {
	{"a byte of the memory", 3, false},
	{"a byte in a hole of the memory", 3u << 20, false},
	{"the memory's last byte", RAM_BYTES - 1, false},
	{"a byte of the devices' state", RAM_BYTES + 2, false},
	{"a byte of the line for people", RAM_BYTES + sizeof DEVICES, false},
	{"a byte of the sum", -3, false},
	{"a byte of a size", -15, false},
	{"a byte of the mark", -38, false},
	{"the last byte is missing", -1, true},
	{"half of it is missing", RAM_BYTES / 2, true},
	{"all of it is missing", 0, true},
};

static void test_damage(void)
{
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		autofree char *path = path_of("damaged");
		struct err e = {0};
		int fd = -1, got = -1;
		off_t at = damages[i].at;
		char c = 'X';

		state_remove(store, "damaged");
		if (save("damaged", &e) < 0)
			exit(99);
		at += at < 0 ? file_size(path) : 0;
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || (damages[i].cut ? ftruncate(fd, at) != 0
					      : pread(fd, &c, 1, at) != 1 ||
							(c ^= 0x20, pwrite(fd, &c, 1,
									    at) != 1)))
			exit(99);
		close(fd);
		is_int(open_whole("damaged", RAM_BYTES, &got, &e), STATE_BAD,
			damages[i].name);
		ok(got == -1 && strstr(e.msg, "was damaged") &&
				!state_exists(store, "damaged"),
			"is told and the state removed: %s", e.msg);
	}
}

static void test_other_size(void)
{
	struct err e = {0};
	int fd = -1;

	if (save("size", &e) < 0)
		exit(99);
	is_int(open_whole("size", RAM_BYTES * 2, &fd, &e), STATE_BAD,
		"a state of another size is none");
}

/* What this process has verified it does not read again: a damage the file's time does
 * not show stays unseen, which is how the test sees it. */
static void test_verified_once(void)
{
	autofree char *path = path_of("once"), *stamp = path_of("once.verified");
	struct timespec times[2];
	struct err e = {0};
	struct stat st;
	int fd = -1;

	if (save("once", &e) < 0 || stat(path, &st) < 0)
		exit(99);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, "X", 1, 4096 * 3 + 17) != 1)
		exit(99);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (futimens(fd, times) < 0)
		exit(99);
	close(take_fd(fd));
	is_int(open_whole("once", RAM_BYTES, &fd, &e), STATE_GOOD,
		"a state is verified once in a process");
	util_cleanup_fd(&fd);
	unlink(stamp);
	is_int(open_whole("once", RAM_BYTES, &fd, &e), STATE_BAD,
		"and by the next one again");
}

static void test_bound(void)
{
	static const char *const keys[] = {"old", "older", "new"};
	static const int age_s[] = {100, 200, 0};
	struct err e = {0};
	struct stat st;

	state_prune(store, 0);
	is_int(count_entries(dir), 0, "a bound of nothing keeps nothing");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		autofree char *path = path_of(keys[i]),
			      *stamp = xasprintf("%s.verified", path);
		struct timespec times[2] = {
			{.tv_sec = 1000000 - age_s[i]}, {.tv_sec = 1000000 - age_s[i]}};

		if (save(keys[i], &e) < 0 || stat(path, &st) < 0 ||
			utimensat(AT_FDCWD, stamp, times, 0) < 0)
			exit(99);
	}
	state_prune(store, (uint64_t)st.st_blocks * 512 * 2);
	ok(state_exists(store, "new") && state_exists(store, "old") &&
			!state_exists(store, "older"),
		"what was not used for longest goes first");
	is_int(count_entries(dir), 4, "and leaves nothing");
}

/* A writer that ends before the state is whole leaves no file. */
static void test_unfinished(void)
{
	struct err e = {0};
	int before = count_entries(dir);
	int fd = state_begin(store, RAM_BYTES, &e);

	ok(fd >= 0 && fs_write_all(fd, DEVICES, strlen(DEVICES)) == 0,
		"a state is begun");
	is_int(count_entries(dir), before, "it has no name yet");
	close(fd);
	is_int(count_entries(dir), before, "and never gets one");
}

int main(void)
{
	struct err e = {0};
	char *top = fs_temp_dir("state", &e);

	if (!top)
		return 99;
	dir = fs_join(top, "a/states");
	store = state_store_open(dir, &e);
	if (!ok(store != NULL, "a store is made where none is %s", e.msg))
		return tap_done();
	test_round_trip();
	test_damage();
	test_other_size();
	test_verified_once();
	test_bound();
	test_unfinished();
	state_store_close(store);
	ok(fs_remove_tree(top, &e) == 0, "the end %s", e.msg);
	free(dir);
	free(top);
	return tap_done();
}
