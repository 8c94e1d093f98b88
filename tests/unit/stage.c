/* The store and its trees, asked as the host asks: good and bad blobs, in every coding.
 */
#include "runner/stage.h"

#include "runner/codec.h"
#include "runner/remove.h"
#include "wire/patch.h"

#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if HAVE_ZSTD
#include <zstd.h>
#endif

#define SIZE 300000u

static struct runner *runner;
static char work[] = "/tmp/xtest-stage-XXXXXX";
/* The last answer, and how many came. */
static uint8_t answer[WIRE_BODY_MAX];
static union {
	struct wire_digests missing;
	struct wire_stored stored;
	struct wire_result result;
	struct wire_content content;
} said;
static int answers;

static void digest_of(const void *data, size_t len, uint8_t digest[WIRE_DIGEST_SIZE])
{
	int fd = memfd_create("data", MFD_CLOEXEC);

	if (write(fd, data, len) != (ssize_t)len || codec_digest(fd, digest) < 0)
		exit(99);
	close(fd);
}

static void listen_to(void)
{
	const uint8_t *out;
	struct wire_header h;
	size_t len;

	while ((out = link_output(&runner->link, &len))) {
		for (size_t at = 0; at < len; at += WIRE_HEADER_SIZE + h.length) {
			frame_get_header(out + at, &h);
			memcpy(answer, out + at + WIRE_HEADER_SIZE, h.length);
			msg_decode(msg_find(h.type), answer, h.length, &said);
			answers++;
		}
		link_wrote(&runner->link, len);
	}
	link_acked(&runner->link, link_last_sent(&runner->link));
}

static int ask(unsigned int type, const void *message)
{
	static uint8_t body[WIRE_BODY_MAX];
	int len = msg_encode(msg_find(type), message, body, sizeof(body));
	struct wire_header h = {.type = (uint16_t)type, .job = 1};
	int err = stage_request(runner, &h, body, (size_t)len);

	listen_to();
	return err;
}

/* The whole blob, in pieces. */
static int send_pieces(struct wire_blob b, const void *coded, size_t len)
{
	b.coded_bytes = len;
	do {
		size_t n = len - b.offset < 30000 ? len - (size_t)b.offset : 30000;

		b.data = (struct wire_bytes){
			(const uint8_t *)coded + b.offset, (uint32_t)n};
		if (ask(WIRE_BLOB, &b) < 0)
			return -1;
		b.offset += n;
	} while (b.offset < len);
	return 0;
}

/* Sends it, and waits for the process that decodes a large one. Returns the error that
 * STORED told. */
static int put(struct wire_blob b, const void *coded, size_t len)
{
	int before = answers, status;

	if (send_pieces(b, coded, len) < 0)
		return -1;
	if (stage_is_busy(runner->stage)) {
		pid_t pid = waitpid(-1, &status, 0);

		if (!stage_reaped(runner->stage, pid, status))
			return -3;
		stage_pump(runner);
		listen_to();
	}
	return answers == before + 1 ? (int)said.stored.error : -2;
}

static bool has(const uint8_t *digest)
{
	struct wire_have have = {.digests = {digest, WIRE_DIGEST_SIZE}};

	ask(WIRE_HAVE, &have);
	return said.missing.digests.len == 0;
}

/* Bytes that do not compress, the same each time. */
static void fill(uint8_t *data, size_t len, uint32_t x)
{
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
}

static void test_raw(void)
{
	static uint8_t data[SIZE];
	uint8_t digest[WIRE_DIGEST_SIZE], empty[WIRE_DIGEST_SIZE];
	struct wire_blob b = {.digest = {digest, sizeof(digest)}, .size_bytes = SIZE};
	struct wire_blob stray = b;

	fill(data, sizeof(data), 1);
	digest_of(data, sizeof(data), digest);
	ok(!has(digest), "not there yet");
	stray.offset = 10;
	stray.coded_bytes = SIZE;
	ask(WIRE_BLOB, &stray);
	is_int(said.stored.error, EBADMSG, "a piece without its beginning");
	data[SIZE / 2] ^= 1;
	is_int(put(b, data, sizeof(data)), EBADMSG, "a wrong digest");
	data[SIZE / 2] ^= 1;
	is_int(put(b, data, sizeof(data) - 1), EBADMSG, "a byte too short");
	ok(!has(digest), "nothing of them is kept");
	is_int(put(b, data, sizeof(data)), 0, "the right bytes");
	ok(has(digest), "are there");
	digest_of("", 0, empty);
	b = (struct wire_blob){.digest = {empty, sizeof(empty)}};
	is_int(put(b, "", 0), 0, "an empty blob");
}

static void test_large(void)
{
	const size_t len = 5 << 20;
	uint8_t digest[WIRE_DIGEST_SIZE], *data = malloc(len);
	struct wire_blob b = {.digest = {digest, sizeof(digest)}, .size_bytes = len};
	struct wire_have have = {.digests = {digest, sizeof(digest)}};

	if (!data)
		exit(99);
	fill(data, len, 9);
	digest_of(data, len, digest);
	data[len / 2] ^= 1;
	is_int(put(b, data, len), EBADMSG, "a large blob, a wrong digest");
	data[len / 2] ^= 1;
	is_int(send_pieces(b, data, len), 0, "a large blob comes again");
	is_int(ask(WIRE_HAVE, &have), -ENOBUFS, "nothing else is taken meanwhile");
	stage_forget(runner->stage);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && ask(WIRE_HAVE, &have) == 0,
		"unless another host comes: then nobody decodes any more");
	is_int(put(b, data, len), 0, "the right bytes");
	ok(has(digest), "are there");
	free(data);
}

#if HAVE_ZSTD
/* What the patch of test_coded() comes to: its differences are far from each other, so
 * that only their own words carry. */
static void make_patched(const uint8_t *old, const uint8_t *patch, uint8_t *to)
{
	const uint8_t *difference = patch + PATCH_HEAD_SIZE;

	memcpy(to, old + 100, SIZE - 100);
	memcpy(to + SIZE - 100, difference + SIZE - 100, 100);
	for (size_t i = 0; i < SIZE - 100; i++)
		for (size_t k = i; difference[i] && k < i + 4; k++)
			if (++to[k])
				break;
}

static void test_coded(void)
{
	static uint8_t old[SIZE], new[SIZE], plain[SIZE], zeros[4000000], patched[SIZE];
	static uint8_t delta[2 * SIZE], coded[2 * SIZE], bomb[65536], tiny[64];
	static uint8_t words[PATCH_HEAD_SIZE + SIZE], patch[2 * SIZE];
	uint8_t old_digest[32], new_digest[32], plain_digest[32], zeros_digest[32],
		patched_digest[32];
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	size_t delta_len, coded_len, bomb_len, tiny_len, patch_len;
	const struct wire_bytes of_old = {old_digest, 32};
	const uint8_t nobody[32] = {1};

	fill(old, SIZE, 2);
	memcpy(new, old, SIZE);
	memmove(new + 1000, new + 900, SIZE - 1000);
	memset(plain, 'p', SIZE);
	fill(plain + 1000, 5000, 3);
	digest_of(old, SIZE, old_digest);
	digest_of(new, SIZE, new_digest);
	digest_of(plain, SIZE, plain_digest);
	digest_of(zeros, sizeof(zeros), zeros_digest);
	coded_len = ZSTD_compressCCtx(ctx, coded, sizeof(coded), plain, SIZE, 3);
	bomb_len = ZSTD_compressCCtx(ctx, bomb, sizeof(bomb), zeros, sizeof(zeros), 3);
	patch_write_head(words, SIZE - 100, 100, 100);
	for (size_t i = 0; i < SIZE - 100; i++)
		words[PATCH_HEAD_SIZE + i] = (uint8_t)(i % 4000 == 0);
	fill(words + PATCH_HEAD_SIZE + SIZE - 100, 100, 5);
	patch_len = ZSTD_compressCCtx(ctx, patch, sizeof(patch), words, sizeof(words), 3);
	make_patched(old, words, patched);
	digest_of(patched, SIZE, patched_digest);
	tiny_len = ZSTD_compressCCtx(ctx, tiny, sizeof(tiny), "tiny", 4, 3);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_enableLongDistanceMatching, 1);
	ZSTD_CCtx_refPrefix(ctx, old, SIZE);
	delta_len = ZSTD_compress2(ctx, delta, sizeof(delta), new, SIZE);
	ZSTD_freeCCtx(ctx);
	/* A frame that promises a terabyte: magic, 8 bytes of size, one empty last block
	 * (RFC 8878). */
	static const uint8_t promise[] = {
		0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0};
	const struct {
		const char *name;
		const uint8_t *digest, *coded;
		size_t len;
		uint32_t coding;
		struct wire_bytes base;
		uint64_t size;
		int error;
	} table[] = {
		{"zstd", plain_digest, coded, coded_len, WIRE_CODING_ZSTD, {0}, SIZE, 0},
		{"zstd, cut short", plain_digest, coded, coded_len - 1, WIRE_CODING_ZSTD,
			{0}, SIZE, EBADMSG},
		{"zstd, cut in its header", plain_digest, coded, 3, WIRE_CODING_ZSTD, {0},
			SIZE, EBADMSG},
		{"zstd without a byte", plain_digest, coded, 0, WIRE_CODING_ZSTD, {0},
			SIZE, EBADMSG},
		{"zstd, another digest", old_digest, coded, coded_len, WIRE_CODING_ZSTD,
			{0}, SIZE, EBADMSG},
		{"zstd, larger than it says", zeros_digest, bomb, bomb_len,
			WIRE_CODING_ZSTD, {0}, 1000, EBADMSG},
		{"zstd, smaller than it says", zeros_digest, bomb, bomb_len,
			WIRE_CODING_ZSTD, {0}, 1ull << 40, EBADMSG},
		{"zstd that promises a terabyte", zeros_digest, promise, sizeof(promise),
			WIRE_CODING_ZSTD, {0}, 1ull << 40, EBADMSG},
		{"zstd that shrinks much", zeros_digest, bomb, bomb_len, WIRE_CODING_ZSTD,
			{0}, sizeof(zeros), 0},
		{"zstd of a few bytes, wrong digest", plain_digest, tiny, tiny_len,
			WIRE_CODING_ZSTD, {0}, 4, EBADMSG},
		{"not zstd", plain_digest, plain, SIZE, WIRE_CODING_ZSTD, {0}, SIZE,
			EBADMSG},
		{"a coding nobody knows", plain_digest, plain, SIZE, 9, {0}, SIZE,
			EBADMSG},
		{"delta without its base", new_digest, delta, delta_len,
			WIRE_CODING_DELTA, {nobody, 32}, SIZE, ENOENT},
		{"delta with half a digest", new_digest, delta, delta_len,
			WIRE_CODING_DELTA, {old_digest, 16}, SIZE, ENOENT},
		{"its base", old_digest, old, SIZE, WIRE_CODING_RAW, {0}, SIZE, 0},
		{"delta against another base", new_digest, delta, delta_len,
			WIRE_CODING_DELTA, {plain_digest, 32}, SIZE, EBADMSG},
		{"delta as if it were none", new_digest, delta, delta_len,
			WIRE_CODING_ZSTD, {0}, SIZE, EBADMSG},
		{"delta, cut short", new_digest, delta, delta_len - 1, WIRE_CODING_DELTA,
			of_old, SIZE, EBADMSG},
		{"delta", new_digest, delta, delta_len, WIRE_CODING_DELTA, of_old, SIZE,
			0},
		{"patch without its base", patched_digest, patch, patch_len,
			WIRE_CODING_PATCH, {nobody, 32}, SIZE, ENOENT},
		{"patch against another base", patched_digest, patch, patch_len,
			WIRE_CODING_PATCH, {plain_digest, 32}, SIZE, EBADMSG},
		{"patch as if it were a delta", patched_digest, patch, patch_len,
			WIRE_CODING_DELTA, of_old, SIZE, EBADMSG},
		{"patch, cut short", patched_digest, patch, patch_len - 1,
			WIRE_CODING_PATCH, of_old, SIZE, EBADMSG},
		{"patch, with more behind it", patched_digest, patch, patch_len + 1,
			WIRE_CODING_PATCH, of_old, SIZE, EBADMSG},
		{"patch for a smaller file", patched_digest, patch, patch_len,
			WIRE_CODING_PATCH, of_old, SIZE - 1, EBADMSG},
		{"patch that is none", patched_digest, coded, coded_len,
			WIRE_CODING_PATCH, of_old, SIZE, EBADMSG},
		{"patch that promises a terabyte", zeros_digest, promise, sizeof(promise),
			WIRE_CODING_PATCH, of_old, 1ull << 40, EBADMSG},
		{"patch", patched_digest, patch, patch_len, WIRE_CODING_PATCH, of_old,
			SIZE, 0},
	};

	if (!(stage_features() & WIRE_FEATURE_DELTA)) {
		skip("coded blobs", "this runner was linked without zstd");
		return;
	}
	ok(delta_len < 2000, "the delta is small (%zu bytes)", delta_len);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct wire_blob b = {.digest = {table[i].digest, 32},
			.coding = table[i].coding,
			.base = table[i].base,
			.size_bytes = table[i].size};

		is_int(put(b, table[i].coded, table[i].len), table[i].error,
			table[i].name);
	}
	ok(has(plain_digest) && has(new_digest) && has(zeros_digest) &&
			has(patched_digest),
		"what was decoded is there");
}
#else
static void test_coded(void)
{
	skip("coded blobs", "this runner was linked without zstd");
}
#endif

/* A small blob of its own words. */
static void put_words(const char *words, uint8_t digest[WIRE_DIGEST_SIZE])
{
	struct wire_blob b = {
		.digest = {digest, WIRE_DIGEST_SIZE}, .size_bytes = strlen(words)};

	digest_of(words, strlen(words), digest);
	if (put(b, words, strlen(words)) != 0)
		exit(99);
}

static int make_entry(const char *tree, const struct wire_entry *e)
{
	uint8_t records[8192];
	int len = msg_put_record(&msg_entry, e, records, sizeof(records), 0);
	struct wire_tree t = {
		.name = tree, .entries = {records, (uint32_t)len}, .last = 1};

	return ask(WIRE_TREE, &t) < 0 ? -1 : (int)said.result.error;
}

static void look_at(const char *path, struct stat *st)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", work, path);
	if (stat(full, st) < 0)
		memset(st, 0, sizeof(*st));
}

static void test_trees(void)
{
	uint8_t digest[WIRE_DIGEST_SIZE];
	const uint8_t absent[WIRE_DIGEST_SIZE] = {9};
	const struct wire_bytes words = {digest, 32};
	struct stat linked, same, other, copied, st;
	char full[512];
	int fd;
	const struct {
		const char *name;
		struct wire_entry entry;
		int error;
	} table[] = {
		{"a file",
			{.kind = 1,
				.mode = 0644,
				.path = "d/a",
				.digest = words,
				.mtime_s = 1000},
			0},
		{"the same elsewhere",
			{.kind = 1,
				.mode = 0644,
				.path = "b",
				.digest = words,
				.mtime_s = 1000},
			0},
		{"with another mode",
			{.kind = 1,
				.mode = 0755,
				.path = "x",
				.digest = words,
				.mtime_s = 1000},
			0},
		{"as a copy",
			{.kind = 1,
				.mode = 04644,
				.path = "c",
				.digest = words,
				.mtime_s = 1000,
				.copy = 1},
			0},
		{"again, over itself",
			{.kind = 1,
				.mode = 0644,
				.path = "b",
				.digest = words,
				.mtime_s = 1000},
			0},
		{"a directory", {.kind = 2, .mode = 0555, .path = "dir"}, 0},
		{"a file in it",
			{.kind = 1, .mode = 0600, .path = "dir/f", .digest = words}, 0},
		{"a link", {.kind = 3, .path = "l", .target = "d"}, 0},
		{"a file through the link", {.kind = 1, .path = "l/f", .digest = words},
			ENOTDIR},
		{"a file over a directory", {.kind = 1, .path = "d", .digest = words},
			EEXIST},
		{"a file below a file", {.kind = 1, .path = "b/f", .digest = words},
			ENOTDIR},
		{"upwards", {.kind = 1, .path = "d/../../f", .digest = words}, EINVAL},
		{"a blob that is not there",
			{.kind = 1, .path = "n", .digest = {absent, 32}}, ENOENT},
		{"no digest", {.kind = 1, .path = "n"}, EBADMSG},
		{"a kind nobody knows", {.kind = 8, .path = "n"}, EBADMSG},
	};

	put_words("linked into trees", digest);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		is_int(make_entry("tree", &table[i].entry), table[i].error,
			table[i].name);
	is_int(make_entry(".store", &table[0].entry), EINVAL, "a tree over the store");
	look_at("tree/d/a", &linked);
	look_at("tree/b", &same);
	look_at("tree/x", &other);
	look_at("tree/c", &copied);
	look_at("tree/dir", &st);
	ok(linked.st_ino && linked.st_ino == same.st_ino && linked.st_mtime == 1000 &&
			(linked.st_mode & 07777) == 0644,
		"equal entries are one file");
	ok(other.st_ino && other.st_ino != linked.st_ino &&
			(other.st_mode & 07777) == 0755 &&
			(linked.st_mode & 07777) == 0644,
		"another mode is another file");
	ok(copied.st_nlink == 1 && (copied.st_mode & 07777) == 0644 &&
			copied.st_mtime == 1000,
		"a copy is for itself, and set-user-id is not taken");
	is_int(st.st_mode & 07777, 0755, "a directory can be written to by its owner");
	snprintf(full, sizeof(full), "%s/tree/b", work);
	fd = open(full, O_WRONLY);
	ok(fd >= 0 && write(fd, "spoilt", 6) == 6 && !has(digest),
		"a blob that a test has changed is missing");
	close(fd);
}

static void test_clean(void)
{
	uint8_t first[32], second[32], third[32], in_use[32];
	struct wire_entry e = {
		.kind = 1, .mode = 0600, .path = "f", .digest = {in_use, 32}};
	struct wire_clean c = {.name = "", .keep_bytes = UINT64_MAX};
	struct stat st;

	put_words("used", in_use);
	make_entry("kept", &e);
	c.keep_bytes = 0;
	ask(WIRE_CLEAN, &c);
	ok(has(in_use), "what a tree uses stays");
	put_words("first", first);
	usleep(20000);
	put_words("second", second);
	usleep(20000);
	put_words("third", third);
	usleep(20000);
	ok(has(first), "the oldest is asked for again");
	look_at("kept/f", &st);
	c.keep_bytes = (uint64_t)st.st_blocks * 512 * 3;
	ask(WIRE_CLEAN, &c);
	is_int(said.result.error, 0, "the store is made smaller");
	ok(has(first) && !has(second) && has(third) && has(in_use),
		"by what was used longest ago");
	c = (struct wire_clean){.name = "kept", .keep_bytes = UINT64_MAX};
	ask(WIRE_CLEAN, &c);
	look_at("kept", &st);
	ok(!st.st_ino && has(in_use), "a tree goes, its blobs stay");
	c.name = "../etc";
	is_int(ask(WIRE_CLEAN, &c), -EBADMSG, "nothing outside is removed");
}

int main(void)
{
	runner = calloc(1, sizeof(*runner));
	if (!runner || !mkdtemp(work))
		return 99;
	if (!(stage_features() & WIRE_FEATURE_STORE)) {
		skip("the store", "this runner was linked without nettle");
		return tap_done();
	}
	link_init(&runner->link, malloc(RUNNER_JOURNAL_SIZE), RUNNER_JOURNAL_SIZE);
	runner->stage = stage_open(work);
	test_raw();
	test_large();
	test_coded();
	test_trees();
	test_clean();
	stage_remove(runner->stage);
	ok(access(work, F_OK) < 0, "the whole directory goes");
	stage_close(runner->stage);
	free(runner->link.data);
	free(runner);
	return tap_done();
}
