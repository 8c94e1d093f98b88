/* Shipments to the real runner of this machine: what stands there in the end is what was
 * here, and what cannot be is said. */
#include "engine/ship.h"

#include "base/fs.h"
#include "base/hash.h"
#include "engine/archive-private.h"
#include "engine/session.h"

#include "tests/tap.h"
#include "tests/unit/runner-bed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { LIMIT_MS = 120000, BIG_BYTES = 100 << 20, MANY = 20000 };

struct bed {
	const char *board;
	char *dir, *work; /* files to be sent, and where the runner puts them */
	struct archive_items items;
	struct archive_roots roots;
	struct shipment *shipment;
	struct session *session;
	struct shipping *shipping;
	pid_t runner;
	int fd;
	struct session_counts counts; /* at the end of the last shipping */
};

/* ---- what is there */

static void write_file(
	const struct bed *b, const char *name, const void *data, size_t len)
{
	autofree char *path = fs_join(b->dir, name), *parent = fs_dirname(path);
	struct err e = {0};

	if (fs_mkdir_p(parent, &e) < 0 || fs_write_file(path, data, len, 0644, &e) < 0)
		exit(99);
}

static struct archive_item *add(struct bed *b, const char *name, enum archive_kind kind,
	unsigned mode, uint64_t size)
{
	struct archive_item *item = archive_items_add(&b->items, name);

	item->kind = kind;
	item->mode = mode;
	item->size_bytes = size;
	item->origin = fs_join(b->dir, name);
	return item;
}

static void add_file(struct bed *b, const char *name, unsigned mode, const char *text)
{
	write_file(b, name, text, strlen(text));
	add(b, name, ARCHIVE_FILE, mode, strlen(text));
}

static void bed_init(struct bed *b)
{
	struct err e = {0};

	*b = (struct bed){.dir = fs_temp_dir("xtest-ship", &e),
		.work = fs_temp_dir("xtest-ship-work", &e),
		.fd = -1};
	if (!b->dir || !b->work)
		exit(99);
	b->roots.v[ARCHIVE_SOURCE].original = xstrdup("/home/u/p");
	b->roots.v[ARCHIVE_SOURCE].extracted = fs_join(b->dir, "source");
	b->roots.v[ARCHIVE_TARGET].original = xstrdup("/home/u/p/build/arm");
	b->roots.v[ARCHIVE_TARGET].extracted = fs_join(b->dir, "target");
	b->roots.v[ARCHIVE_SYSROOT].original = xstrdup("/usr/arm");
	b->roots.v[ARCHIVE_SYSROOT].extracted = fs_join(b->dir, "sysroot");
}

static void hang_up(struct bed *b)
{
	shipping_free(b->shipping);
	b->shipping = NULL;
	session_free(b->session);
	b->session = NULL;
	if (b->fd < 0)
		return;
	close(b->fd);
	b->fd = -1;
	waitpid(b->runner, NULL, 0);
}

static void bed_release(struct bed *b)
{
	struct err ignored;

	hang_up(b);
	shipment_free(b->shipment);
	archive_roots_release(&b->roots);
	archive_items_release(&b->items);
	if (fs_remove_tree(b->dir, &ignored) < 0 || fs_remove_tree(b->work, &ignored) < 0)
		printf("# %s\n", ignored.msg);
	free(b->dir);
	free(b->work);
}

/* ---- the way there */

static void on_missing(void *ctx, uint32_t request, const uint8_t *digests, size_t count)
{
	shipping_missing(((struct bed *)ctx)->shipping, request, digests, count);
}

static void on_stored(void *ctx, uint32_t request, const struct wire_stored *stored)
{
	shipping_stored(
		((struct bed *)ctx)->shipping, request, stored->error, stored->text);
}

static void on_staged(void *ctx, uint32_t request, const struct wire_result *result)
{
	shipping_staged(((struct bed *)ctx)->shipping, request, result->path,
		result->error, result->text);
}

static const struct session_ops ops = {
	.missing = on_missing, .stored = on_stored, .staged = on_staged};

static void move_bytes(struct bed *b)
{
	struct pollfd fd = {b->fd, POLLIN, 0};
	static char block[65536];
	const void *data;
	struct err e = {0};
	size_t len;
	ssize_t n;
	int64_t wait = session_tick(b->session, now_ms());

	while ((data = session_output(b->session, &len)) && len) {
		n = write(b->fd, data, len);
		if (n < 0) {
			fd.events |= POLLOUT;
			break;
		}
		session_wrote(b->session, (size_t)n);
	}
	poll(&fd, 1, (int)wait);
	n = read(b->fd, block, sizeof block);
	if (n > 0 && session_feed(b->session, block, (size_t)n, &e) < 0)
		exit(99);
}

static int pack(struct bed *b, struct err *e)
{
	if (shipment_digest(&b->items, NULL, NULL, e) < 0)
		return -1;
	b->shipment = shipment_new(&b->items, &b->roots);
	return 0;
}

/* As shipping_step(), at the end. */
static int ship_to(struct bed *b, const char *work, struct err *e)
{
	const struct session_options options = {.id = 7};
	int64_t deadline = now_ms() + LIMIT_MS;
	int status = 0;

	if (!b->shipment && pack(b, e) < 0)
		return -1;
	b->fd = runner_bed_start(work, &b->runner);
	if (b->fd < 0)
		return -1;
	b->session = session_new(&options, &ops, b);
	b->shipping = shipping_start(b->shipment, b->session, b->board);
	session_greet(b->session);
	while (status == 0 && now_ms() < deadline) {
		if (session_is_ready(b->session))
			status = shipping_step(b->shipping, e);
		if (status == 0)
			move_bytes(b);
	}
	session_counts(b->session, &b->counts);
	return status;
}

static int ship(struct bed *b, struct err *e)
{
	return ship_to(b, b->work, e);
}

/* The file of the tree; the caller's. */
static char *there(const struct bed *b, const char *name)
{
	return xasprintf("%s/tree/%s", b->work, name);
}

static bool is_same(const struct bed *b, const char *name)
{
	autofree char *here = fs_join(b->dir, name), *path = there(b, name);
	char want[HASH_HEX_SIZE], got[HASH_HEX_SIZE];
	struct err e = {0};

	return hash_file(here, want, &e) == 0 && hash_file(path, got, &e) == 0 &&
	       streq(want, got);
}

/* ---- tests */

static void fill_tree(struct bed *b)
{
	struct archive_item *link;

	add_file(b, "target/test_a", 0755, "#!/bin/sh\nexit 0\n");
	add_file(b, "target/sub/test_b", 0755, "#!/bin/sh\nexit 0\n");
	add(b, "target/empty-dir", ARCHIVE_DIR, 0755, 0);
	add_file(b, "sysroot/lib/libc-2.so", 0755, "the C library");
	link = add(b, "sysroot/lib/libc.so.6", ARCHIVE_LINK, 0777, 0);
	link->link = xstrdup("libc-2.so");
	link = add(b, "sysroot/lib64/ld.so", ARCHIVE_LINK, 0777, 0);
	link->link = xstrdup("../lib/libc.so.6");
	add_file(b, "source/data/empty", 0644, "");
	add_file(b, "source/data/also empty", 0644, "");
	link = add(b, "source/data/link", ARCHIVE_LINK, 0777, 0);
	link->link = xstrdup("../data/empty");
	add_file(b, "host/gen", 0755, "stays here");
	add_file(b, "xtest/runner/arm", 0755, "is there");
}

static void check_entries(const struct bed *b)
{
	static const struct {
		const char *name;
		unsigned mode;
	} files[] = {{"target/test_a", 0755}, {"target/sub/test_b", 0755},
		{"sysroot/lib/libc-2.so", 0755}, {"source/data/empty", 0644},
		{"source/data/also empty", 0644}};
	static const char *const dirs[] = {
		"target/empty-dir", "source/build/arm", "source", "target"};
	static const char *const absent[] = {"host", "xtest"};
	autofree char *link = NULL;
	char aim[64] = "";
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		autofree char *path = there(b, files[i].name);

		ok(is_same(b, files[i].name) && stat(path, &st) == 0 &&
				(st.st_mode & 07777) == files[i].mode,
			"%s is the same", files[i].name);
	}
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		autofree char *path = there(b, dirs[i]);

		ok(fs_is_dir(path), "%s is a directory", dirs[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		autofree char *path = there(b, absent[i]);

		ok(!fs_exists(path), "%s stays here", absent[i]);
	}
	link = there(b, "source/data/link");
	is_int(readlink(link, aim, sizeof aim), 13, "a link is a link");
	is_str(aim, "../data/empty", "to the same");
}

/* What a test writes into one file is in no other. */
static void check_writing(const struct bed *b)
{
	autofree char *path = there(b, "target/test_a");
	struct err e = {0};

	is_int(fs_write_file(path, "x", 1, 0755, &e), 0, "a file is written");
	ok(is_same(b, "target/sub/test_b"), "another with its content is not");
}

static void test_tree(void)
{
	autorelease(bed) struct bed b;
	autorelease(strv) struct strv binds = STRV_INIT, want = STRV_INIT;
	autofree char *got = NULL, *wanted = NULL, *key = NULL;
	struct err e = {0};

	bed_init(&b);
	fill_tree(&b);
	if (!is_int(ship(&b, &e), 1, "a tree is shipped")) {
		printf("# %s\n", e.msg);
		return;
	}
	check_entries(&b);
	is_int((long long)shipment_bytes(b.shipment), 2 * 17 + 13, "its size");
	shipping_binds(b.shipping, &binds);
	strv_pushf(&want, "%s/tree/sysroot/lib/libc-2.so", b.work);
	strv_push(&want, "/lib/libc-2.so");
	strv_pushf(&want, "%s/tree/sysroot/lib/libc-2.so", b.work);
	strv_push(&want, "/lib/libc.so.6");
	strv_pushf(&want, "%s/tree/sysroot/lib/libc-2.so", b.work);
	strv_push(&want, "/lib64/ld.so");
	strv_pushf(&want, "%s/tree/source", b.work);
	strv_push(&want, "/home/u/p");
	strv_pushf(&want, "%s/tree/target", b.work);
	strv_push(&want, "/home/u/p/build/arm");
	got = strv_join(&binds, "\n");
	wanted = strv_join(&want, "\n");
	is_str(got, wanted,
		"the libraries where the target has them, the trees, outer first");
	check_writing(&b);

	key = xstrdup(shipment_key(b.shipment));
	shipment_free(take_ptr(b.shipment));
	hang_up(&b);
	is_int(ship(&b, &e), 1, "it is shipped again");
	is_str(shipment_key(b.shipment), key, "the same content has the same key");
	ok(is_same(&b, "target/test_a"), "what was written into is as it was");
	shipment_free(take_ptr(b.shipment));
	b.items.v[0].mode = 0644;
	b.shipment = shipment_new(&b.items, &b.roots);
	ok(!streq(shipment_key(b.shipment), key), "another mode, another key");
}

/* Bytes that do not compress. */
static void fill(uint8_t *data, size_t len, uint32_t x)
{
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
}

static void test_compression(void)
{
	autorelease(bed) struct bed b;
	autofree char *zeros = xcalloc(1, 8 << 20);
	autofree uint8_t *noise = xmalloc(1 << 20);
	uint64_t before;
	struct err e = {0};

	bed_init(&b);
	fill(noise, 1 << 20, 1);
	write_file(&b, "target/zeros", zeros, 8 << 20);
	write_file(&b, "target/noise", noise, 1 << 20);
	add(&b, "target/zeros", ARCHIVE_FILE, 0644, 8 << 20);
	add(&b, "target/noise", ARCHIVE_FILE, 0755, 1 << 20);
	is_int(pack(&b, &e), 0, "zeros and noise are digested");
	shipment_prepare(b.shipment);
	is_int(ship(&b, &e), 1, "zeros and noise are shipped");
	ok(is_same(&b, "target/zeros") && is_same(&b, "target/noise"),
		"and are the same");
	ok(b.counts.bytes_out < (1 << 20) + 65536, "zeros cost nothing: %llu bytes",
		(unsigned long long)b.counts.bytes_out);
	before = b.counts.bytes_out;
	hang_up(&b);
	is_int(ship(&b, &e), 1, "again");
	ok(b.counts.bytes_out < before / 100, "what is there is not sent: %llu bytes",
		(unsigned long long)b.counts.bytes_out);
}

static void test_faults(void)
{
	autorelease(bed) struct bed b;
	struct err e = {0};

	bed_init(&b);
	add_file(&b, "target/a", 0755, "some text");
	hash_memory("another", 7, b.items.v[0].sha256);
	is_int(ship(&b, &e), -1, "a digest that is not the file's");
	is_int(e.kind, ERR_INFRA, "is refused there");
	ok(strstr(e.msg, "target/a") && strstr(e.msg, "digest"), "in words: %s", e.msg);

	hang_up(&b);
	shipment_free(take_ptr(b.shipment));
	b.items.v[0].sha256[0] = '\0';
	is_int(pack(&b, &e), 0, "a file is digested");
	write_file(&b, "target/a", "longer than before", 18);
	is_int(ship(&b, &e), -1, "a file that was changed");
	ok(e.kind == ERR_SETUP, "is told here: %s", e.msg);

	hang_up(&b);
	shipment_free(take_ptr(b.shipment));
	b.items.v[0].sha256[0] = '\0';
	is_int(ship(&b, &e), -1, "a plan that is not true any more");
	ok(e.kind == ERR_ARCHIVE, "is told before: %s", e.msg);
}

static void test_full_disk(void)
{
	autorelease(bed) struct bed b;
	autofree uint8_t *noise = xmalloc(3 << 20);
	autofree char *small = NULL;
	struct err e = {0};

	bed_init(&b);
	small = fs_join(b.dir, "small");
	fill(noise, 3 << 20, 2);
	write_file(&b, "target/a", noise, 3 << 20);
	add(&b, "target/a", ARCHIVE_FILE, 0755, 3 << 20);
	if (mkdir(small, 0700) < 0 ||
		mount("xtest", small, "tmpfs", 0, "size=2m,mode=0700") < 0) {
		skip("a full disk", "only root may mount a small file system");
		return;
	}
	is_int(ship_to(&b, small, &e), -1, "more than there is room for");
	ok(strstr(e.msg, "No space left on device") != NULL, "in words: %s", e.msg);
	hang_up(&b);
	umount(small);
}

static void test_many(void)
{
	autorelease(bed) struct bed b;
	int64_t start;
	struct err e = {0};
	bool same = true;

	bed_init(&b);
	for (int i = 0; i < MANY; i++) {
		autofree char *name = xasprintf("source/d%03d/f%05d", i / 100, i);
		autofree char *text = xasprintf("content %d\n", i);

		add_file(&b, name, 0644, text);
	}
	start = now_ms();
	is_int(ship(&b, &e), 1, "20,000 files are shipped");
	printf("# %lld ms for %d files\n", (long long)(now_ms() - start), MANY);
	ok(now_ms() - start < 60000, "within a minute");
	for (int i = 0; i < MANY; i += 499)
		same &= is_same(&b, b.items.v[i].name);
	ok(same, "and are the same");
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void test_big(void)
{
	autorelease(bed) struct bed b;
	autofree uint8_t *block = xmalloc(1 << 20);
	autofree char *path = NULL;
	struct err e = {0};
	long before;
	int64_t start;
	FILE *f;

	bed_init(&b);
	write_file(&b, "target/big", "", 0);
	path = fs_join(b.dir, "target/big");
	f = fopen(path, "w");
	for (uint32_t i = 0; f && i < BIG_BYTES >> 20; i++) {
		fill(block, 1 << 20, i);
		if (fwrite(block, 1 << 20, 1, f) != 1)
			exit(99);
	}
	if (!f || fclose(f) != 0)
		exit(99);
	add(&b, "target/big", ARCHIVE_FILE, 0755, BIG_BYTES);
	before = peak_kib();
	start = now_ms();
	is_int(ship(&b, &e), 1, "100 MiB are shipped");
	printf("# %lld ms for 100 MiB\n", (long long)(now_ms() - start));
	ok(is_same(&b, "target/big"), "and are the same");
	ok(peak_kib() - before < 16384, "within bounded memory: %ld KiB more",
		peak_kib() - before);
}

static bool has_runner(void)
{
	pid_t pid;
	int fd = runner_bed_start(NULL, &pid);

	if (fd < 0)
		return false;
	close(fd);
	waitpid(pid, NULL, 0);
	return true;
}

/* ---- a board, whose store outlives the run */

enum { PROGRAM_BYTES = 6 << 20, DATA_FILES = 400, EDITED_AT = 3 << 20 };

/* Machine code, as far as a coder can tell: half of it compresses. */
static void fill_program(uint8_t *data)
{
	fill(data, PROGRAM_BYTES, 5);
	for (size_t i = 0; i < PROGRAM_BYTES; i += 8)
		memset(data + i, 0x90, 4);
}

static void fill_project(struct bed *b, const uint8_t *program)
{
	write_file(b, "target/program", program, PROGRAM_BYTES);
	add(b, "target/program", ARCHIVE_FILE, 0755, PROGRAM_BYTES);
	for (int i = 0; i < DATA_FILES; i++) {
		autofree char *name = xasprintf("source/data/of-this-test/%d.txt", i);

		add_file(b, name, 0644, name);
	}
}

/* As the next run would: everything is looked at anew. */
static bool ship_again(struct bed *b, const char *memory, struct err *e)
{
	hang_up(b);
	shipment_free(take_ptr(b->shipment));
	for (size_t i = 0; i < b->items.len; i++)
		b->items.v[i].sha256[0] = '\0';
	if (pack(b, e) < 0)
		return false;
	shipment_remember(b->shipment, memory);
	return ship(b, e) == 1;
}

static void spoil(const char *dir, const char *hex)
{
	autofree char *path = fs_join(dir, hex);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, "spoilt", 6, 4096) != 6)
		exit(99);
	close(fd);
}

static void edit(const struct bed *b, uint8_t *program, uint32_t seed)
{
	fill(program + EDITED_AT, 2000, seed);
	write_file(b, "target/program", program, PROGRAM_BYTES);
}

static void test_board(void)
{
	autorelease(bed) struct bed b;
	autofree uint8_t *program = xmalloc(PROGRAM_BYTES);
	autofree char *memory = NULL, *store = NULL;
	char old[HASH_HEX_SIZE];
	uint64_t whole;
	struct err e = {0};

	bed_init(&b);
	b.board = "ssh://root@board";
	memory = fs_join(b.dir, "memory/of/boards");
	store = fs_join(b.work, ".store");
	fill_program(program);
	fill_project(&b, program);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"a board gets everything: %s", e.msg);
	whole = b.counts.bytes_out;
	ok(whole > PROGRAM_BYTES / 3, "%llu bytes", (unsigned long long)whole);

	ok(ship_again(&b, memory, &e) && is_same(&b, "source/data/of-this-test/7.txt"),
		"nothing has changed");
	ok(b.counts.bytes_out + b.counts.bytes_in < 2048, "%llu bytes go, %llu come",
		(unsigned long long)b.counts.bytes_out,
		(unsigned long long)b.counts.bytes_in);

	edit(&b, program, 11);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"a function is edited");
	ok(b.counts.bytes_out < whole / 50, "%llu bytes go",
		(unsigned long long)b.counts.bytes_out);

	snprintf(old, sizeof old, "%s", b.items.v[0].sha256);
	edit(&b, program, 12);
	spoil(store, old);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"what it differs from is spoilt there");
	ok(b.counts.bytes_out > PROGRAM_BYTES / 3, "it is sent whole");

	snprintf(old, sizeof old, "%s", b.items.v[0].sha256);
	edit(&b, program, 13);
	spoil(memory, old);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"what it differs from is spoilt here");
	ok(b.counts.bytes_out > PROGRAM_BYTES / 3, "it is sent whole");

	spoil(store, b.items.v[0].sha256);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"a byte of a stored blob was changed");
	ok(b.counts.bytes_out > PROGRAM_BYTES / 3, "it is refused and sent again");

	b.board = "ssh://root@other";
	hang_up(&b);
	if (fs_remove_tree(b.work, &e) < 0)
		exit(99);
	ok(ship_again(&b, memory, &e) && is_same(&b, "target/program"),
		"another board gets everything");
	if (*e.msg)
		printf("# %s\n", e.msg);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (!has_runner()) {
		skip("shipments", "no runner was built for this machine");
		return tap_done();
	}
	test_big();
	test_tree();
	test_board();
	test_compression();
	test_faults();
	test_full_disk();
	test_many();
	return tap_done();
}
