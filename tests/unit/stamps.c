#include "base/stamps.h"

#include "base/fs.h"
#include "base/hash.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
	struct err e = {0};

	if (fs_write_file(path, text, strlen(text), 0644, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

/* What it says of a file, and whether it had to read it. */
static void check(const char *memory, const char *file, const char *content, bool read,
	const char *name)
{
	struct stamps *s = stamps_open(memory);
	struct err e = {0};
	const char *digest = stamps_digest(s, file, &e);
	char expected[HASH_HEX_SIZE];

	hash_memory(content, strlen(content), expected);
	ok(digest && streq(digest, expected) && stamps_changed(s) == read, "%s", name);
	stamps_close(s, memory);
}

int main(void)
{
	static const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
	struct err e = {0};
	autofree char *dir = fs_temp_dir("xtest-stamps", &e);
	autofree char *memory = NULL, *file = NULL, *gone = NULL;
	struct stamps *s;

	if (!dir)
		return 99;
	memory = fs_join(dir, "stamps.json");
	file = fs_join(dir, "file");
	gone = fs_join(dir, "gone");
	put(file, "one");
	check(memory, file, "one", true, "a file is read");
	check(memory, file, "one", false, "and not again");
	utimensat(AT_FDCWD, file, times, 0);
	check(memory, file, "one", true, "touched: it is read again, and is the same");
	put(file, "two");
	utimensat(AT_FDCWD, file, times, 0);
	check(memory, file, "two", true, "same size, same time stamp, other content");
	put(memory, "{\"version\": 1, \"digests\": {\"/x\": [1], \"/y\": 2");
	check(memory, file, "two", true, "a damaged memory is an empty one");
	put(memory, "{\"version\": 0, \"digests\": {}}");
	check(memory, file, "two", true, "one of another version, too");
	s = stamps_new(hash_file);
	ok(!stamps_digest(s, gone, &e) && strstr(e.msg, "gone"), "no file: %s", e.msg);
	stamps_free(s);
	if (fs_remove_tree(dir, &e) < 0)
		printf("# %s\n", e.msg);
	return tap_done();
}
