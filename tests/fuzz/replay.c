/*
 * Runs a fuzz target once over every file of its corpus, as a TAP test. The directories
 * are the arguments; without any, tests/fuzz/corpus/NAME for the program fuzz-NAME.test.
 * A crash ends the program, and the missing plan tells.
 */
#include "base/fs.h"

#include "tests/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *dir)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err e = {0};

	if (!ok(fs_list_dir(dir, &names, &e) == 0 && names.len, "%s has files %s", dir,
		    e.msg))
		return;
	for (size_t i = 0; i < names.len; i++) {
		autorelease(buf) struct buf content = BUF_INIT;
		autofree char *path = fs_join(dir, names.v[i]);

		if (fs_read_file(path, &content, &e) < 0) {
			ok(0, "%s", e.msg);
			continue;
		}
		buf_reserve(&content, 1);
		LLVMFuzzerTestOneInput((const uint8_t *)content.data, content.len);
		ok(1, "%s", names.v[i]);
	}
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = fs_basename(argv[0]);
	autofree char *dir = NULL;

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc < 2) {
		name += starts_with(name, "fuzz-") ? strlen("fuzz-") : 0;
		dir = xasprintf("%s/tests/fuzz/corpus/%.*s", srcdir ? srcdir : ".",
			(int)strcspn(name, "."), name);
		replay(dir);
	}
	return tap_done();
}
