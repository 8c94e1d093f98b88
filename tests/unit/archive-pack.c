#include "base/hash.h"
#include "tests/unit/archive-fixture.h"

#include <fcntl.h>
#include <locale.h>
#include <sys/wait.h>

static int pack(struct fixture *f, const char *path, unsigned threads, struct err *e)
{
	struct archive_pack_options options = {.threads = threads, .mtime_s = -1};
	struct archive_plan plan;
	int result = archive_plan_make(&f->request, &plan, e);

	if (result == 0)
		result = archive_pack(&plan, path, &options, e);
	archive_plan_release(&plan);
	return result;
}

static int unpack(const char *path, const char *dest, bool overwrite, struct err *e)
{
	struct archive_unpack_options options = {.dest = dest, .overwrite = overwrite};
	struct archive_reader *r = archive_unpack_open(path, e);
	int result = r ? archive_unpack(r, &options, e) : -1;

	archive_unpack_close(r);
	return result;
}

static void is_file(const char *dir, const char *name, const char *want, unsigned mode)
{
	autofree char *path = fs_join(dir, name);
	autorelease(buf) struct buf text = BUF_INIT;
	struct stat st = {0};
	struct err e = {0};

	if (fs_read_file(path, &text, &e) < 0)
		printf("# %s\n", e.msg);
	stat(path, &st);
	is_str(buf_str(&text), want, name);
	is_int(st.st_mode & 07777, mode, "its mode is normalised");
}

static void test_round_trip(struct fixture *f)
{
	struct err e = {0};
	autofree char *file = fs_join(f->dir, "a.tar.zst"), *out = fs_join(f->dir, "out");
	autofree char *link = fs_join(out, "source/data/link-inside");
	autofree char *git = fs_join(out, "source/.git");
	char text[64] = "";

	if (!ok(pack(f, file, 2, &e) == 0, "an archive is written"))
		printf("# %s\n", e.msg);
	if (!ok(unpack(file, out, false, &e) == 0, "and extracted"))
		printf("# %s\n", e.msg);
	is_file(out, "source/data/b.txt", "bbb\n", 0644);
	is_file(out, "source/data/gr\303\274n.txt", "a name that is not ASCII\n", 0644);
	is_file(out, "target/tools/gen", "#!/bin/sh\necho hello\n", 0755);
	is_int(readlink(link, text, sizeof text), 5, "a link inside stays a link");
	is_str(text, "a.txt", "and leads where it led");
	ok(!fs_exists(git), "no version control");
	is_int(unpack(file, out, false, &e), -1, "a used directory is refused");
	is_int(e.kind, ERR_SETUP, "as a set-up error");
	is_int(unpack(file, out, true, &e), 0, "unless it is to be overwritten");
}

/* In another process: the umask, the locale and the user are the process's. */
static bool pack_elsewhere(struct fixture *f, const char *path, mode_t mask,
	const char *locale, uid_t uid, unsigned threads)
{
	struct err e = {0};
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		umask(mask);
		setenv("LC_ALL", locale, 1);
		setlocale(LC_ALL, "");
		if (uid && setuid(uid) < 0)
			_exit(2);
		if (pack(f, path, threads, &e) < 0) {
			printf("# %s\n", e.msg);
			fflush(stdout);
			_exit(1);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void test_reproducible(struct fixture *f)
{
	static const struct {
		const char *name;
		mode_t mask;
		const char *locale;
		uid_t uid;
		unsigned threads;
	} table[] = {
		{"as it is", 022, "C", 0, 1},
		{"umask 077", 077, "C", 0, 1},
		{"UTF-8 locale", 022, "C.UTF-8", 0, 1},
		{"Turkish Latin-5 locale", 0, "tr_TR.ISO-8859-9", 0, 1},
		{"another user", 022, "C", 65534, 1},
		{"four threads", 022, "C", 0, 4},
		{"files made in the opposite order", 022, "C", 0, 2},
	};
	char first[HASH_HEX_SIZE] = "", digest[HASH_HEX_SIZE];
	autofree char *big = xmalloc((9 << 20) + 1), *open_dir = fs_join(f->dir, "open");
	struct err e = {0};

	/* More than two of the compressor's jobs. */
	for (size_t i = 0; i < 9 << 20; i++)
		big[i] = (char)('a' + (i * i >> 7) % 23);
	big[9 << 20] = '\0';
	fixture_write(f->source, "data/big", big, 0644);
	fixture_must(fs_mkdir_p(open_dir, &e), &e);
	chmod(open_dir, 0777);
	chmod(f->dir, 0755);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autofree char *path = xasprintf("%s/%zu.tar.zst", open_dir, i);

		if (table[i].uid && geteuid() != 0) {
			skip(table[i].name, "needs root to become another user");
			continue;
		}
		/* 0600 files of the fixture are not another user's to read. */
		if (table[i].uid) {
			autofree char *b = fs_join(f->source, "data/b.txt");

			chmod(b, 0644);
		}
		if (i == ARRAY_LEN(table) - 1) {
			fixture_must(fs_remove_tree(f->source, &e), &e);
			fixture_write(f->source, "data/big", big, 0644);
			fixture_fill(f, true);
		}
		if (!ok(pack_elsewhere(f, path, table[i].mask, table[i].locale,
				table[i].uid, table[i].threads),
			    "%s: written", table[i].name))
			continue;
		fixture_must(hash_file(path, digest, &e), &e);
		if (!*first)
			memcpy(first, digest, sizeof first);
		is_str(digest, first, "the same bytes");
	}
}

static void test_mtime(struct fixture *f)
{
	autofree char *one = fs_join(f->dir, "one.tar.zst");
	struct err e = {0};

	setenv("SOURCE_DATE_EPOCH", "12x", 1);
	is_int(pack(f, one, 1, &e), -1, "a SOURCE_DATE_EPOCH that is no number");
	is_int(e.kind, ERR_ARCHIVE, "is an archive error");
	setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
	is_int(pack(f, one, 1, &e), 0, "a proper one is used");
	unsetenv("SOURCE_DATE_EPOCH");
}

static void test_atomic(struct fixture *f)
{
	autofree char *dir = fs_join(f->dir, "atomic"), *file = fs_join(dir, "a.tar.zst");
	autofree char *victim = fs_join(f->source, "data/a.txt");
	struct archive_pack_options options = {.mtime_s = -1};
	struct archive_plan plan;
	autorelease(strv) struct strv names = STRV_INIT;
	autorelease(buf) struct buf text = BUF_INIT;
	struct err e = {0};

	fixture_must(fs_mkdir_p(dir, &e), &e);
	fixture_must(fs_write_file(file, "old", 3, 0644, &e), &e);
	fixture_must(archive_plan_make(&f->request, &plan, &e), &e);
	fixture_must(fs_write_file(victim, "another size", 12, 0644, &e), &e);
	is_int(archive_pack(&plan, file, &options, &e), -1, "a file that changes");
	is_int(e.kind, ERR_ARCHIVE, "is an archive error");
	fixture_must(fs_list_dir(dir, &names, &e), &e);
	is_int((long long)names.len, 1, "nothing is left beside");
	fixture_must(fs_read_file(file, &text, &e), &e);
	is_str(buf_str(&text), "old", "the old archive is whole");
	fixture_must(fs_write_file(victim, "aaa\n", 4, 0644, &e), &e);
	archive_plan_release(&plan);
	is_int(pack(f, "/dev/full/x.tar.zst", 1, &e), -1, "a place that is none");
	is_int(e.kind, ERR_ARCHIVE, "is an archive error");
}

static void test_standard_input(struct fixture *f)
{
	autofree char *file = fs_join(f->dir, "a.tar.zst"),
		      *out = fs_join(f->dir, "piped");
	struct err e = {0};
	int ends[2], status = -1;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		autorelease(buf) struct buf bytes = BUF_INIT;

		_exit(fs_read_file(file, &bytes, &e) < 0 ||
			fs_write_all(ends[1], bytes.data, bytes.len) < 0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	if (!ok(unpack("-", out, false, &e) == 0, "an archive from a pipe"))
		printf("# %s\n", e.msg);
	waitpid(pid, &status, 0);
}

static bool want_second(void *ctx UNUSED, const struct archive_item *item)
{
	static const bool selected[] = {false, true, false};

	return archive_item_is_needed(item, selected);
}

static void test_loading(struct fixture *f)
{
	autofree char *file = fs_join(f->dir, "a.tar.zst"),
		      *out = fs_join(f->dir, "part");
	autofree char *a = fs_join(out, "target/tests/test_a"),
		      *b = fs_join(out, "target/tests/test_b");
	autofree char *env = xasprintf("DATA=%s/source/data", out);
	struct archive_unpack_options options = {.dest = out, .want = want_second};
	const struct archive_manifest *m;
	autorelease(strv) struct strv binds = STRV_INIT;
	struct suite_list moved = {0}, kept = {0};
	struct archive_roots roots;
	struct archive_reader *r;
	struct err e = {0};

	r = archive_unpack_open(file, &e);
	fixture_must(r ? archive_unpack(r, &options, &e) : -1, &e);
	m = archive_unpack_manifest(r);
	is_str(m->project, "p", "the manifest is known");
	ok(fs_exists(b), "what the wanted suite needs is there");
	archive_roots_init(&roots, m, out, NULL);
	is_int(archive_load_suites(
		       m, &roots, ARCHIVE_ORIGINAL, PLATFORM_TARGET, &kept, NULL, &e),
		0, "suites at their original places");
	is_str(kept.v[0].command.v[0], f->suites.v[0].command.v[0], "command");
	is_str(kept.v[0].env.v[0], f->suites.v[0].env.v[0], "environment");
	is_str(kept.v[0].env.v[1], "MAIL=user@host", "a literal @");
	is_int(kept.v[2].expect_fail, 1, "other fields");
	is_int(archive_load_suites(
		       m, &roots, ARCHIVE_RELOCATED, PLATFORM_TARGET, &moved, NULL, &e),
		0, "suites where they were extracted");
	is_str(moved.v[0].command.v[0], a, "command");
	is_str(moved.v[0].env.v[0], env, "environment");
	is_int(archive_roots_binds(&roots, &binds, &e), 0, "mounts");
	is_int((long long)binds.len, 4, "source and build");
	is_str(binds.v[1], f->source, "the outer one first");
	is_str(binds.v[3], f->build, "then the inner one");
	suite_list_release(&kept);
	suite_list_release(&moved);
	archive_roots_release(&roots);
	archive_unpack_close(r);
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	test_round_trip(&f);
	test_loading(&f);
	test_standard_input(&f);
	test_mtime(&f);
	test_atomic(&f);
	test_reproducible(&f);
	fixture_release(&f);
	return tap_done();
}
