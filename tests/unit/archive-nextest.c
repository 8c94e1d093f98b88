/*
 * Archives of nextest's as a hostile or broken machine would send them: what is refused
 * says why and leaves nothing, what is accepted stays in its directory. The real one they
 * are made of is in tests/fixtures/nextest.
 */
#include "tests/unit/archive-fixture.h"

#include <zstd.h>

enum { MUTATIONS = 120, TAR_MAX = 1 << 20 };

struct bed {
	char *dir, *file, *dest;
	struct buf packed; /* the archive as nextest wrote it */
	struct buf tar;    /* what is compressed in it */
};

static void compress(const struct buf *tar, struct buf *out)
{
	size_t bound = ZSTD_compressBound(tar->len);
	char *at = buf_reserve(out, bound);

	out->len += ZSTD_compress(at, bound, tar->data, tar->len, 1);
}

/* 0 when the bytes are taken for an archive as a whole. */
static int unpack(const struct bed *b, const struct buf *bytes, struct err *e)
{
	const struct archive_unpack_options options = {.dest = b->dest};
	struct archive_reader *r;
	int status;

	fixture_must(fs_write_file(b->file, bytes->data, bytes->len, 0644, e), e);
	r = archive_unpack_open(b->file, e);
	if (!r)
		return -1;
	status = archive_unpack(r, &options, e);
	archive_unpack_close(r);
	return status;
}

/* Nothing but the archive and perhaps what was accepted is in the directory; true, and
 * the destination is gone. */
static bool is_tidy(const struct bed *b, int status)
{
	autorelease(strv) struct strv names = STRV_INIT, inside = STRV_INIT;
	struct err e = {0};
	bool good;

	fixture_must(fs_list_dir(b->dir, &names, &e), &e);
	good = names.len == (status < 0 ? 1u : 2u);
	if (status == 0) {
		fixture_must(fs_list_dir(b->dest, &inside, &e), &e);
		good = good && inside.len == 1 && streq(inside.v[0], "target");
	}
	fixture_must(fs_remove_tree(b->dest, &e), &e);
	return good;
}

static void test_whole(const struct bed *b)
{
	struct err e = {0};
	int status = unpack(b, &b->packed, &e);

	is_int(status, 0, "the archive as nextest wrote it is unpacked");
	ok(is_tidy(b, status), "into its directory");
}

static void test_cut(const struct bed *b)
{
	int accepted = 0, untidy = 0, silent = 0;

	for (size_t len = 0; len < b->packed.len; len += 61) {
		const struct buf cut = {.data = b->packed.data, .len = len};
		struct err e = {0};
		int status = unpack(b, &cut, &e);

		accepted += status == 0;
		silent += e.kind != ERR_SETUP || !strstr(e.msg, "archive");
		untidy += !is_tidy(b, status);
	}
	is_int(accepted, 0, "an archive cut off anywhere is refused");
	is_int(silent, 0, "  with a sentence");
	is_int(untidy, 0, "  and nothing is left");
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Of the tar itself: zstd's own sum finds what happens to the compressed bytes. Headers
 * get their share, they are a small part of it. */
static void mutate(struct buf *tar, uint64_t *seed)
{
	size_t at = next_random(seed) % tar->len;

	if (next_random(seed) % 2)
		at = at / 512 * 512 + next_random(seed) % 160;
	if (at < tar->len)
		tar->data[at] = (char)next_random(seed);
}

static void test_mutations(const struct bed *b)
{
	uint64_t seed = 20220501;
	int untidy = 0, silent = 0, refused = 0;

	for (int i = 0; i < MUTATIONS; i++) {
		autorelease(buf) struct buf tar = BUF_INIT, packed = BUF_INIT;
		struct err e = {0};
		int status;

		buf_append(&tar, b->tar.data, b->tar.len);
		for (int k = 0; k <= i % 3; k++)
			mutate(&tar, &seed);
		compress(&tar, &packed);
		status = unpack(b, &packed, &e);
		refused += status < 0;
		silent += status < 0 && (e.kind != ERR_SETUP || !*e.msg);
		untidy += !is_tidy(b, status);
	}
	ok(refused > MUTATIONS / 10, "of %d mutated archives %d are refused", MUTATIONS,
		refused);
	is_int(silent, 0, "  with a sentence");
	is_int(untidy, 0, "  and nothing is left, or outside of the directory");
}

static void read_archive(struct bed *b)
{
	const char *top = getenv("top_srcdir");
	autofree char *path =
		xasprintf("%s/tests/fixtures/nextest/plain.tar.zst", top ? top : ".");
	struct err e = {0};
	char *at;
	size_t n;

	fixture_must(fs_read_file(path, &b->packed, &e), &e);
	at = buf_reserve(&b->tar, TAR_MAX);
	n = ZSTD_decompress(at, TAR_MAX, b->packed.data, b->packed.len);
	if (ZSTD_isError(n)) {
		/* Its frame does not say its size, and may be too large for one call. */
		printf("Bail out! %s\n", ZSTD_getErrorName(n));
		exit(EXIT_FAILURE);
	}
	b->tar.len = n;
}

int main(void)
{
	struct err e = {0};
	struct bed b = {.dir = fs_temp_dir("xtest-unit", &e)};

	if (!b.dir)
		fixture_must(-1, &e);
	b.file = fs_join(b.dir, "x.tar.zst");
	b.dest = fs_join(b.dir, "dest");
	read_archive(&b);
	test_whole(&b);
	test_cut(&b);
	test_mutations(&b);
	fixture_must(fs_remove_tree(b.dir, &e), &e);
	buf_release(&b.packed);
	buf_release(&b.tar);
	free(b.dir);
	free(b.file);
	free(b.dest);
	return tap_done();
}
