/*
 * Archives nobody's writer makes: each kind must be refused with a sentence that says
 * why, and neither they nor random damage may touch anything outside of the destination.
 */
#include "base/hash.h"
#include "tests/unit/archive-fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <zstd.h>

#define CONTENT "evil\n"

struct member {
	const char *name; /* NULL: no more */
	char type; /* f, d, l(ink), h(ard link), c(haracter device), p(ipe), s(ocket) */
	const char *text; /* content, or where the link leads */
	unsigned mode;
};

enum wrapping {
	WRAP_ZSTD,
	WRAP_NONE,
	WRAP_CUT,      /* half of it */
	WRAP_CUT_LAST, /* all but the last byte */
	WRAP_TAIL,     /* something after the end */
	WRAP_FRAME,    /* another frame after the end */
	WRAP_SKIPPABLE,
	WRAP_TAR_TAIL, /* something in the frame after tar's end */
	WRAP_ZEROS,    /* 128 MiB of zeros after tar's end */
	WRAP_CHECKSUM, /* a wrong sum in the second tar header */
};

/* In items, @D is the digest of CONTENT. */
#define F(name) FM(name, "0644")
#define FM(name, mode)                                                                   \
	"{\"name\":\"" name "\",\"kind\":\"file\",\"mode\":\"" mode                      \
	"\",\"size\":5,\"sha256\":\"@D\",\"reason\":\"r\"}"
#define L(name, to)                                                                      \
	"{\"name\":\"" name "\",\"kind\":\"link\",\"mode\":\"0777\",\"link\":\"" to      \
	"\",\"reason\":\"r\"}"
#define D(name)                                                                          \
	"{\"name\":\"" name                                                              \
	"\",\"kind\":\"directory\",\"mode\":\"0755\",\"reason\":\"r\"}"
#define PLAIN                                                                            \
	{                                                                                \
		"source/a", 'f', CONTENT, 0644                                           \
	}
#define DEEP16 "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/"
#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct kind {
	const char *name;
	const char *items;
	struct member members[4];
	const char *want; /* part of the message; NULL: it is accepted */
	enum wrapping wrapping;
} kinds[] = {
	{"a good one", F("source/a"), {PLAIN}, NULL, 0},
	{"a good one with a link", F("source/a") "," L("source/b", "a"),
		{PLAIN, {"source/b", 'l', "a", 0777}}, NULL, 0},
	{"..", F("source/../../a"), {{"source/../../a", 'f', CONTENT, 0644}}, "\"..\"",
		0},
	{".. at the end", F("source/.."), {{"source/..", 'f', CONTENT, 0644}}, "\"..\"",
		0},
	{"an absolute name", F("/tmp/xtest-evil"),
		{{"/tmp/xtest-evil", 'f', CONTENT, 0644}}, "absolute", 0},
	{"an empty name", F(""), {PLAIN}, "empty", 0},
	{"double slash", F("source//a"), {{"source//a", 'f', CONTENT, 0644}}, "component",
		0},
	{"a dot", F("source/./a"), {{"source/./a", 'f', CONTENT, 0644}}, "component", 0},
	{"a slash at the end", F("source/a/"), {{"source/a/", 'f', CONTENT, 0644}},
		"component", 0},
	{"no section", F("etc/passwd"), {{"etc/passwd", 'f', CONTENT, 0644}}, "section",
		0},
	{"a section alone", F("xtest"), {{"xtest", 'f', CONTENT, 0644}}, "section", 0},
	{"a second manifest", F("xtest/manifest.json"),
		{{"xtest/manifest.json", 'f', CONTENT, 0644}}, "itself", 0},
	{"too deep", F("source/" DEEP16 DEEP16 DEEP16 DEEP16 "a"), {PLAIN}, "too deep",
		0},
	{"a component too long", F("source/" LONG64 LONG64 LONG64 LONG64), {PLAIN},
		"too long", 0},
	{"a control character", F("source/a\\u001b[2J"), {PLAIN}, "control", 0},
	{"a newline", F("source/a\\nb"), {PLAIN}, "control", 0},
	{"NUL in a name", F("source/a\\u0000b"), {PLAIN}, "NUL", 0},
	{"bad UTF-8", F("source/\xff\xfe"), {{"source/\xff\xfe", 'f', CONTENT, 0644}}, "",
		0},
	{"a link to an absolute path", L("source/l", "/etc"),
		{{"source/l", 'l', "/etc", 0777}}, "absolute", 0},
	{"a link out of the tree", L("source/l", "../../x"),
		{{"source/l", 'l', "../../x", 0777}}, "leads out", 0},
	{"a link out of its section", L("source/l", "../target/x"),
		{{"source/l", 'l', "../target/x", 0777}}, "leads out", 0},
	{"a link that goes down and up", L("source/d/l", "x/../../.."),
		{{"source/d/l", 'l', "x/../../..", 0777}}, "leads out", 0},
	{"an empty link", L("source/l", ""), {{"source/l", 'l', "", 0777}}, "no text", 0},
	{"a file below a link", L("source/l", "d") "," F("source/l/a"),
		{{"source/l", 'l', "d", 0777}, {"source/l/a", 'f', CONTENT, 0644}},
		"no directory", 0},
	{"a file below a file", F("source/a") "," F("source/a/b"),
		{PLAIN, {"source/a/b", 'f', CONTENT, 0644}}, "no directory", 0},
	{"a link where the manifest has a file", F("source/a"),
		{{"source/a", 'l', "/etc/passwd", 0777}}, "kind", 0},
	{"a link that leads elsewhere than in the manifest", L("source/l", "a"),
		{{"source/l", 'l', "/etc", 0777}}, "lead where", 0},
	{"a hard link", F("source/a") "," F("source/b"),
		{PLAIN, {"source/b", 'h', "/etc/passwd", 0644}}, "hard link", 0},
	{"a hard link inside", F("source/a") "," F("source/b"),
		{PLAIN, {"source/b", 'h', "source/a", 0644}}, "hard link", 0},
	{"a character device", F("source/a"), {{"source/a", 'c', "", 0644}}, "device", 0},
	{"a FIFO", F("source/a"), {{"source/a", 'p', "", 0644}}, "FIFO", 0},
	{"a name twice", F("source/a") "," F("source/a"), {PLAIN, PLAIN}, "twice", 0},
	{"a name twice in the tar only", F("source/a"), {PLAIN, PLAIN},
		"not in its manifest", 0},
	{"out of order", F("source/b") "," F("source/a"),
		{{"source/b", 'f', CONTENT, 0644}, PLAIN}, "order", 0},
	{"an entry too many", F("source/a"), {PLAIN, {"source/b", 'f', CONTENT, 0644}},
		"not in its manifest", 0},
	{"a hostile entry too many", F("source/a"),
		{PLAIN, {"../../evil", 'f', CONTENT, 0644}}, "not in its manifest", 0},
	{"another name than in the manifest", F("source/a"),
		{{"../evil", 'f', CONTENT, 0644}}, "is expected", 0},
	{"an entry missing", F("source/a") "," F("source/b"), {PLAIN}, "missing", 0},
	{"longer than the manifest says", F("source/a"),
		{{"source/a", 'f', CONTENT "more", 0644}}, "bytes", 0},
	{"shorter than the manifest says", F("source/a"), {{"source/a", 'f', "x", 0644}},
		"bytes", 0},
	{"other content", F("source/a"), {{"source/a", 'f', "eviL\n", 0644}}, "digest",
		0},
	{"setuid in the tar", F("source/a"), {{"source/a", 'f', CONTENT, 04755}}, "mode",
		0},
	{"setuid in the manifest", FM("source/a", "4755"),
		{{"source/a", 'f', CONTENT, 04755}}, "mode", 0},
	{"world-writable", FM("source/a", "0666"), {{"source/a", 'f', CONTENT, 0666}},
		"mode", 0},
	{"no mode", FM("source/a", "rwx"), {PLAIN}, "mode", 0},
	{"a directory with a size",
		"{\"name\":\"source/"
		"d\",\"kind\":\"directory\",\"mode\":\"0755\",\"size\":5}",
		{{"source/d", 'd', "", 0755}}, "size", 0},
	{"a size below zero",
		"{\"name\":\"source/a\",\"kind\":\"file\",\"mode\":\"0644\",\"size\":-1,"
		"\"sha256\":\"@D\"}",
		{PLAIN}, "size", 0},
	{"an impossible size",
		"{\"name\":\"source/a\",\"kind\":\"file\",\"mode\":\"0644\","
		"\"size\":9223372036854775807,\"sha256\":\"@D\"}",
		{PLAIN}, "size", 0},
	{"no digest",
		"{\"name\":\"source/a\",\"kind\":\"file\",\"mode\":\"0644\",\"size\":5}",
		{PLAIN}, "digest", 0},
	{"an unknown kind",
		"{\"name\":\"source/a\",\"kind\":\"socket\",\"mode\":\"0644\"}", {PLAIN},
		"unknown kind", 0},
	{"an unknown member",
		"{\"name\":\"source/a\",\"kind\":\"file\",\"mode\":\"0644\",\"uid\":0}",
		{PLAIN}, "not known", 0},
	{"a suite that is not there",
		"{\"name\":\"source/a\",\"kind\":\"file\",\"mode\":\"0644\",\"size\":5,"
		"\"sha256\":\"@D\",\"suites\":[7]}",
		{PLAIN}, "suites", 0},
	{"an item that is a number", "7", {PLAIN}, "name", 0},
	{"JSON that is none", F("source/a") ",,,", {PLAIN}, "manifest.json", 0},
	{"no compression", F("source/a"), {PLAIN}, "zstd", WRAP_NONE},
	{"cut in the middle", F("source/a"), {PLAIN}, "cut off", WRAP_CUT},
	{"cut before the last byte", F("source/a"), {PLAIN}, "cut off", WRAP_CUT_LAST},
	{"something after the end", F("source/a"), {PLAIN}, "follows", WRAP_TAIL},
	{"a frame after the end", F("source/a"), {PLAIN}, "follows", WRAP_FRAME},
	{"a skippable frame after the end", F("source/a"), {PLAIN}, "follows",
		WRAP_SKIPPABLE},
	{"something after tar's end", F("source/a"), {PLAIN}, "follows", WRAP_TAR_TAIL},
	{"128 MiB after tar's end", F("source/a"), {PLAIN}, "more than its manifest",
		WRAP_ZEROS},
	{"a wrong sum in a tar header", F("source/a"), {PLAIN}, "", WRAP_CHECKSUM},
};

/* Manifests that are wrong as a whole; the tar holds source/a. */
static const struct {
	const char *name, *manifest, *want;
} manifests[] = {
	{"another program's JSON", "{\"rust-build-meta\":{}}", "not one of xtest's"},
	{"a list", "[1,2,3]", "not one of xtest's"},
	{"an empty manifest", "", "manifest.json"},
	{"a manifest of the future",
		"{\"format\":\"xtest-archive\",\"version\":99,\"xtest\":\"9.0\",\"new\":"
		"1}",
		"version 99, written by xtest 9.0"},
	{"no items",
		"{\"format\":\"xtest-archive\",\"version\":1,\"xtest\":\"0\",\"project\":"
		"\"p\","
		"\"target\":\"t\",\"triple\":\"t\",\"roots\":{},\"suites\":[]}",
		"items"},
	{"a root that is relative",
		"{\"format\":\"xtest-archive\",\"version\":1,\"xtest\":\"0\",\"project\":"
		"\"p\","
		"\"target\":\"t\",\"triple\":\"t\",\"roots\":{\"source\":\"a/b\"},"
		"\"suites\":[],\"items\":[]}",
		"root"},
	{"an unknown root",
		"{\"format\":\"xtest-archive\",\"version\":1,\"xtest\":\"0\",\"project\":"
		"\"p\","
		"\"target\":\"t\",\"triple\":\"t\",\"roots\":{\"home\":\"/root\"},"
		"\"suites\":[],\"items\":[]}",
		"root"},
	{"a suite without a command",
		"{\"format\":\"xtest-archive\",\"version\":1,\"xtest\":\"0\",\"project\":"
		"\"p\","
		"\"target\":\"t\",\"triple\":\"t\",\"roots\":{},"
		"\"suites\":[{\"suite\":{\"id\":\"x\"}}],\"items\":[]}",
		"command"},
	{"deep nesting",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
		"[[[",
		"manifest.json"},
};

/* ---- making them */

static la_ssize_t into_buf(
	struct archive *tar UNUSED, void *ctx, const void *data, size_t len)
{
	buf_append(ctx, data, len);
	return (la_ssize_t)len;
}

static void add_member(struct archive *tar, const struct member *m, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, m->name);
	archive_entry_set_mode(entry, (m->type == 'd'          ? AE_IFDIR
					      : m->type == 'l' ? AE_IFLNK
					      : m->type == 'c' ? AE_IFCHR
					      : m->type == 'p' ? AE_IFIFO
							       : AE_IFREG) |
					      m->mode);
	if (m->type == 'f')
		archive_entry_set_size(entry, (la_int64_t)len);
	if (m->type == 'l')
		archive_entry_set_symlink(entry, m->text);
	if (m->type == 'h')
		archive_entry_set_hardlink(entry, m->text);
	archive_write_header(tar, entry);
	if (m->type == 'f')
		archive_write_data(tar, m->text, len);
	archive_entry_free(entry);
}

static void make_tar(const char *manifest, size_t len, const struct member *members,
	size_t n, struct buf *out)
{
	struct member first = {"xtest/manifest.json", 'f', manifest, 0644};
	struct archive *tar = archive_write_new();

	archive_write_set_format_pax_restricted(tar);
	archive_write_set_options(tar, "pax:hdrcharset=BINARY");
	archive_write_set_bytes_per_block(tar, 0);
	archive_write_open(tar, out, NULL, into_buf, NULL);
	add_member(tar, &first, len);
	for (size_t i = 0; i < n && members[i].name; i++)
		add_member(tar, &members[i], strlen(members[i].text));
	archive_write_free(tar);
}

static void compress(const struct buf *in, struct buf *out)
{
	size_t bound = ZSTD_compressBound(in->len), n;

	n = ZSTD_compress(buf_reserve(out, bound), bound, in->data, in->len, 1);
	out->len += n;
}

static void wrap(struct buf *tar, enum wrapping how, struct buf *out)
{
	static const char skippable[] = "\x50\x2a\x4d\x18\x04\x00\x00\x00junk";
	autofree char *zeros = how == WRAP_ZEROS ? xcalloc(1, 1 << 27) : NULL;
	autorelease(buf) struct buf more = BUF_INIT;

	if (how == WRAP_TAR_TAIL)
		buf_append_str(tar, "tail");
	if (how == WRAP_ZEROS)
		buf_append(tar, zeros, 1 << 27);
	if (how == WRAP_CHECKSUM)
		tar->data[tar->len - 2048] ^= 0x20;
	if (how == WRAP_NONE)
		buf_append(out, tar->data, tar->len);
	else
		compress(tar, out);
	if (how == WRAP_CUT)
		buf_truncate(out, out->len / 2);
	if (how == WRAP_CUT_LAST)
		buf_truncate(out, out->len - 1);
	if (how == WRAP_TAIL)
		buf_append_str(out, "tail");
	if (how == WRAP_SKIPPABLE)
		buf_append(out, skippable, sizeof skippable - 1);
	if (how == WRAP_FRAME) {
		buf_append_str(&more, "more");
		compress(&more, out);
	}
}

static void make_manifest(const char *items, struct buf *out)
{
	char digest[HASH_HEX_SIZE];

	hash_memory(CONTENT, strlen(CONTENT), digest);
	buf_append_str(out,
		"{\"format\":\"xtest-archive\",\"version\":1,\"xtest\":\"0.1.0\","
		"\"project\":\"p\",\"target\":\"t\",\"triple\":\"t\","
		"\"roots\":{\"source\":\"/src\"},\"suites\":[],\"items\":[");
	for (const char *p = items; *p; p++) {
		if (starts_with(p, "@D")) {
			buf_append_str(out, digest);
			p++;
		} else {
			buf_append_char(out, *p);
		}
	}
	buf_append_str(out, "]}\n");
}

/* ---- trying them */

static char *around, *dest, *file;

/* Everything around the destination: names, kinds, modes, times and content. */
static void snapshot(const char *dir, struct buf *out)
{
	autorelease(strv) struct strv names = STRV_INIT;
	struct err e = {0};

	fixture_must(fs_list_dir(dir, &names, &e), &e);
	for (size_t i = 0; i < names.len; i++) {
		autofree char *path = fs_join(dir, names.v[i]);
		struct stat st;

		if (streq(path, dest) || streq(path, file) || lstat(path, &st) < 0)
			continue;
		buf_printf(out, "%s %o %lld %lld.%ld\n", path, st.st_mode,
			(long long)st.st_size, (long long)st.st_mtim.tv_sec,
			S_ISDIR(st.st_mode) ? 0 : st.st_mtim.tv_nsec);
		if (S_ISREG(st.st_mode))
			fixture_must(fs_read_file(path, out, &e), &e);
		if (S_ISDIR(st.st_mode))
			snapshot(path, out);
	}
}

static int try(const struct buf *bytes, struct err *e)
{
	struct archive_unpack_options options = {.dest = dest};
	struct archive_reader *r;
	int result = -1;

	fixture_must(fs_write_file(file, bytes->data, bytes->len, 0644, e), e);
	r = archive_unpack_open(file, e);
	if (r)
		result = archive_unpack(r, &options, e);
	archive_unpack_close(r);
	return result;
}

/* True when nothing is left of the destination (a refusal), or it is removed now. */
static bool clear_dest(bool refused)
{
	struct err e = {0};
	struct stat st;
	bool there = lstat(dest, &st) == 0;

	fixture_must(fs_remove_tree(dest, &e), &e);
	return !refused || !there;
}

static void expect(const char *name, const struct buf *bytes, const char *want)
{
	struct err e = {0};
	int result = try(bytes, &e);
	bool good = want ? result < 0 && e.kind == ERR_SETUP && strstr(e.msg, want)
			 : result == 0;

	if (!ok(good, "%s: %s", name, want ? "refused" : "accepted"))
		printf("# %d %s\n", result, e.msg);
	if (want)
		ok(clear_dest(true), "%s: nothing is left", name);
	else
		clear_dest(false);
}

static void test_kinds(void)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		autorelease(buf) struct buf manifest = BUF_INIT, tar = BUF_INIT,
					    bytes = BUF_INIT;

		make_manifest(kinds[i].items, &manifest);
		make_tar(manifest.data, manifest.len, kinds[i].members,
			ARRAY_LEN(kinds[i].members), &tar);
		wrap(&tar, kinds[i].wrapping, &bytes);
		expect(kinds[i].name, &bytes, kinds[i].want);
	}
}

static void test_manifests(void)
{
	static const struct member members[] = {PLAIN};

	for (size_t i = 0; i < ARRAY_LEN(manifests); i++) {
		autorelease(buf) struct buf tar = BUF_INIT, bytes = BUF_INIT;

		make_tar(manifests[i].manifest, strlen(manifests[i].manifest), members, 1,
			&tar);
		compress(&tar, &bytes);
		expect(manifests[i].name, &bytes, manifests[i].want);
	}
}

static void test_no_archives(void)
{
	static const struct {
		const char *name, *bytes, *want;
	} table[] = {
		{"an empty file", "", "cut off"},
		{"text", "hello, this is not an archive at all", "zstd"},
		{"the start of zstd's magic", "\x28\xb5", "cut off"},
	};
	static const struct member late[] = {PLAIN};
	autorelease(buf) struct buf manifest = BUF_INIT, tar = BUF_INIT, bytes = BUF_INIT,
				    swapped = BUF_INIT;
	autofree char *zeros = xcalloc(1, (64 << 20) + 1);
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		autorelease(buf) struct buf b = BUF_INIT;

		buf_append(&b, table[i].bytes, strlen(table[i].bytes));
		expect(table[i].name, &b, table[i].want);
	}
	is_str(archive_unpack_open(dest, &e) ? "opened" : NULL, NULL, "a missing file");
	is_int(e.kind, ERR_SETUP, "is a set-up error");
	make_tar(zeros, (64 << 20) + 1, late, 1, &tar);
	compress(&tar, &bytes);
	expect("a manifest of more than 64 MiB", &bytes, "larger than");
	buf_clear(&bytes);
	buf_clear(&tar);
	make_manifest(F("source/a"), &manifest);
	make_tar(manifest.data, manifest.len, late, 1, &tar);
	/* The entry in front of the manifest: the last blocks before the end. */
	buf_append(&swapped, tar.data + tar.len - 2048, 1024);
	buf_append(&swapped, tar.data, tar.len);
	compress(&swapped, &bytes);
	expect("the manifest is not first", &bytes, "first entry");
}

/* A destination somebody prepared with links must not lead the writer out. */
static void test_prepared_dest(void)
{
	static const struct member members[] = {PLAIN};
	autofree char *victim = fs_join(around, "victim"), *in = fs_join(dest, "source");
	autofree char *leaf = fs_join(dest, "source/a");
	autofree char *canary = fs_join(around, "canary");
	autorelease(buf) struct buf manifest = BUF_INIT, tar = BUF_INIT, bytes = BUF_INIT;
	struct archive_unpack_options options = {.dest = dest, .overwrite = true};
	struct archive_reader *r;
	struct err e = {0};
	struct stat st;

	make_manifest(F("source/a"), &manifest);
	make_tar(manifest.data, manifest.len, members, 1, &tar);
	compress(&tar, &bytes);
	fixture_must(fs_write_file(file, bytes.data, bytes.len, 0644, &e), &e);
	fixture_must(fs_mkdir_p(dest, &e), &e);
	fixture_link(victim, dest, "source");
	r = archive_unpack_open(file, &e);
	is_int(archive_unpack(r, &options, &e), -1, "a directory that is a link");
	archive_unpack_close(r);
	unlink(in);
	fixture_must(fs_mkdir_p(in, &e), &e);
	fixture_link(canary, in, "a");
	r = archive_unpack_open(file, &e);
	is_int(archive_unpack(r, &options, &e), 0, "a file that is a link");
	archive_unpack_close(r);
	ok(lstat(leaf, &st) == 0 && S_ISREG(st.st_mode), "is replaced, not followed");
	clear_dest(false);
}

/* ---- random damage */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void mutate(struct buf *b, uint64_t *seed)
{
	unsigned n = 1 + next_random(seed) % 8;

	while (n--) {
		size_t at = b->len ? next_random(seed) % b->len : 0;
		size_t wanted = 1 + next_random(seed) % 64;
		size_t len = MIN(wanted, b->len - at);

		if (!b->len)
			return;
		switch (next_random(seed) % 6) {
		case 0:
			b->data[at] ^= (char)(1u << next_random(seed) % 8);
			break;
		case 1:
			b->data[at] = (char)next_random(seed);
			break;
		case 2:
			b->data[at] = "0\"/.,{}[]\\"[next_random(seed) % 10];
			break;
		case 3:
			memmove(b->data + at, b->data + at + len, b->len - at - len);
			buf_truncate(b, b->len - len);
			break;
		case 4:
			memmove(b->data + next_random(seed) % (b->len - len + 1),
				b->data + at, len);
			break;
		case 5:
			if (n == 0)
				buf_truncate(b, at);
			break;
		}
	}
}

/* A third of the damage goes to the file, a third to the tar, a third to the manifest. */
static void test_mutations(void)
{
	static const char items[] =
		F("xtest/runner/t") "," D("target/d") "," F("target/d/x") "," F(
			"source/a") "," L("source/b", "a") "," L("source/d/l", "../a");
	static const struct member members[] = {
		{"xtest/runner/t", 'f', CONTENT, 0644},
		{"target/d", 'd', "", 0755},
		{"target/d/x", 'f', CONTENT, 0644},
		PLAIN,
		{"source/b", 'l', "a", 0777},
		{"source/d/l", 'l', "../a", 0777},
	};
	const char *env = getenv("XTEST_MUTATIONS");
	long count = env ? atol(env) : 10000, accepted = 0, left = 0;
	autorelease(buf) struct buf manifest = BUF_INIT, tar = BUF_INIT, bytes = BUF_INIT;

	make_manifest(items, &manifest);
	make_tar(manifest.data, manifest.len, members, ARRAY_LEN(members), &tar);
	compress(&tar, &bytes);
	expect("the undamaged one", &bytes, NULL);
	for (long i = 0; i < count; i++) {
		autorelease(buf) struct buf damaged = BUF_INIT, packed = BUF_INIT;
		const struct buf *from[] = {&bytes, &tar, &manifest};
		uint64_t seed = 0x9e3779b97f4a7c15u * (uint64_t)(i + 1);
		struct err e = {0};
		int result;

		buf_append(&damaged, from[i % 3]->data, from[i % 3]->len);
		mutate(&damaged, &seed);
		if (i % 3 == 2) {
			make_tar(buf_str(&damaged), damaged.len, members,
				ARRAY_LEN(members), &packed);
			buf_clear(&damaged);
			buf_append(&damaged, packed.data, packed.len);
			buf_clear(&packed);
		}
		if (i % 3)
			compress(&damaged, &packed);
		result = try(i % 3 ? &packed : &damaged, &e);
		accepted += result == 0;
		left += !clear_dest(result < 0);
	}
	ok(left == 0, "%ld random mutations: a refused one leaves nothing", count);
	printf("# %ld were harmless and accepted\n", accepted);
	ok(accepted < count / 4, "few are harmless");
}

int main(void)
{
	autorelease(buf) struct buf before = BUF_INIT, after = BUF_INIT;
	struct err e = {0};

	/* Ten thousand small trees: memory is faster than a disk. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	around = fs_temp_dir("xtest-hostile", &e);
	dest = fs_join(around, "dest");
	file = fs_join(around, "hostile.tar.zst");
	fixture_write(around, "canary", "alive", 0644);
	fixture_write(around, "victim/canary", "alive", 0600);
	fixture_write(around, "etc/passwd", "root", 0644);
	snapshot(around, &before);
	test_kinds();
	test_manifests();
	test_no_archives();
	test_prepared_dest();
	test_mutations();
	snapshot(around, &after);
	is_str(buf_str(&after), buf_str(&before), "nothing around was touched");
	ok(!fs_exists("/tmp/xtest-evil"), "nothing at an absolute place");
	fixture_must(fs_remove_tree(around, &e), &e);
	free(around);
	free(dest);
	free(file);
	return tap_done();
}
