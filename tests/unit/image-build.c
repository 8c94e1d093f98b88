#include "image/image.h"

#include "base/fs.h"
#include "base/proc.h"
#include "image/image-deb.h"
#include "image/image-modules.h"
#include "image/image-packages.h"
#include "image/image-tree.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the order of modules */

static const struct {
	const char *name;
	const char *modules; /* "NAME:NEED,NEED NAME: …" */
	const char *builtin, *wanted;
	const char *expected; /* order, or part of the message */
	bool fails;
} orders[] = {
	{"needs come first", "virtio: virtio_ring:virtio virtio_mmio:virtio,virtio_ring",
		"", "virtio_mmio", "virtio virtio_ring virtio_mmio", false},
	{"each once", "a: b:a c:a,b", "", "c b a", "a b c", false},
	{"a file's name", "virtio_rng:", "", "virtio-rng", "virtio_rng", false},
	{"built in", "console:virtio", "virtio", "console virtio", "console", false},
	{"nothing wanted", "a:", "", "", "", false},
	{"nowhere", "a:", "", "b", "has no module b, and it is not built in", true},
	{"needed and nowhere", "a:b", "", "a", "no module b, which is needed by a", true},
	{"a circle", "a:b b:c c:a", "", "a", "module a needs itself", true},
};

static void fill_kernel(struct image_kernel *kernel, const char *modules)
{
	autorelease(strv) struct strv words = STRV_INIT;

	strv_split(&words, modules, " ");
	kernel->modules = xcalloc(words.len + 1, sizeof(*kernel->modules));
	kernel->n_modules = words.len;
	for (size_t i = 0; i < words.len; i++) {
		struct image_module *m = &kernel->modules[i];
		char *colon = strchr(words.v[i], ':');

		strv_split(&m->depends, colon + 1, ",");
		*colon = '\0';
		m->name = xstrdup(words.v[i]);
	}
}

static void test_orders(void)
{
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		struct image_kernel kernel = {.release = xstrdup("6.1")};
		autorelease(strv) struct strv wanted = STRV_INIT;
		autofree char *got = NULL;
		struct err e = {0};
		int status;

		fill_kernel(&kernel, orders[i].modules);
		strv_split(&kernel.builtin, orders[i].builtin, " ");
		strv_split(&wanted, orders[i].wanted, " ");
		status = image_kernel_arrange(&kernel, &wanted, &e);
		got = strv_join(&kernel.order, " ");
		if (orders[i].fails)
			ok(status < 0 && strstr(e.msg, orders[i].expected), "%s: %s",
				orders[i].name, e.msg);
		else
			is_str(got, orders[i].expected, orders[i].name);
		image_kernel_release(&kernel);
	}
}

/* ---- names of packages */

static const struct {
	const char *name;
	bool kernel;
} names[] = {
	{"linux-image-6.1.0-30-cloud-arm64", true},
	{"linux-image-6.12.107+deb13-riscv64", true},
	{"linux-image-cloud-arm64", false},
	{"linux-image-686", false},
	{"linux-image-5kc-malta", false},
	{"linux-image-6.1.0-30-cloud-arm64-dbg", false},
	{"busybox-static", false},
};

static void test_names(void)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		is_int(image_package_is_kernel(names[i].name), names[i].kernel,
			names[i].name);
}

/* ---- versions (deb-version(7)) */

static const struct {
	const char *older, *newer;
} versions[] = {
	{"1.0", "1.1"},
	{"1.9", "1.10"},
	{"1.0~rc1", "1.0"},
	{"1.0~~", "1.0~"},
	{"1.0", "1.0a"},
	{"1.0a", "1.0+b"},
	{"9", "1:1"},
	{"1.0-1", "1.0-2"},
	{"1.0-1", "1.0-1+b13"},
	{"2.36-9+deb12u4", "2.36-9+deb12u14"},
	{"4.12~deb12u1", "4.12"},
	{"6.1.0-9-cloud", "6.1.0-10-cloud"},
};

static void test_versions(void)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		const char *older = versions[i].older, *newer = versions[i].newer;

		ok(image_deb_compare_versions(older, newer) < 0 &&
				image_deb_compare_versions(newer, older) > 0 &&
				image_deb_compare_versions(newer, newer) == 0,
			"%s is older than %s", older, newer);
	}
	is_int(image_deb_compare_versions("0:1.0-0", "1.0"), 0, "an epoch of 0 is none");
}

/* ---- the archive's bytes */

#define NUMBER "00000000"
/* newc: magic, inode, mode, uid, gid, links, mtime, size, device, device of the node,
 * length of the name, check */
#define HEADER(inode, mode, links, size, major, minor, name_len)                         \
	"070701" inode mode NUMBER NUMBER links NUMBER size NUMBER NUMBER major minor    \
		name_len NUMBER

static const char expected_archive[] = HEADER("00000001", "000041ed", "00000002", NUMBER,
	NUMBER, NUMBER, "00000004") "dev\0\0\0" HEADER("00000002", "00002180", "00000001",
	NUMBER, "00000005", "00000001", "0000000c") "dev/console\0\0\0" HEADER("00000003",
	"0000a1ff", "00000001", "00000007", NUMBER, NUMBER,
	"00000004") "lib\0\0\0"
		    "usr/lib\0" HEADER("00000004", "000041ed", "00000002", NUMBER, NUMBER,
			    NUMBER, "00000004") "usr\0\0\0" HEADER("00000005", "000041ed",
			    "00000002", NUMBER, NUMBER, NUMBER,
			    "00000008") "usr/lib\0\0\0" HEADER("00000006", "000081a4",
			    "00000001", "00000005", NUMBER, NUMBER,
			    "0000000a") "usr/lib/x\0"
					"hello\0\0\0" HEADER(NUMBER, NUMBER, "00000001",
						NUMBER, NUMBER, NUMBER,
						"0000000b") "TRAILER!!!\0\0\0\0";

static void test_archive(void)
{
	struct image_tree tree = {0}, other = {0};
	autorelease(buf) struct buf one = BUF_INIT, two = BUF_INIT;
	struct image_node *node;
	struct err e = {0};

	image_tree_add_file(&tree, "./lib/x", 0644, "hello", 5);
	image_tree_add_link(&tree, "/lib", "usr/lib");
	node = image_tree_add(&tree, "dev/console", S_IFCHR | 0600);
	node->major = 5;
	node->minor = 1;
	ok(!image_tree_add(&tree, "usr/lib/x", S_IFREG | 0644),
		"what was added first counts");
	ok(!image_tree_add(&tree, "./", S_IFDIR | 0755), "the root is not added");
	is_int(image_tree_write(&tree, &one, &e), 0, "an archive is written");
	is_mem(one.data, one.len, expected_archive, sizeof(expected_archive) - 1,
		"its bytes are the format's, sorted, with parents, without times");
	node = image_tree_add(&other, "dev/console", S_IFCHR | 0600);
	node->major = 5;
	node->minor = 1;
	image_tree_add_link(&other, "lib", "usr/lib");
	image_tree_add_file(&other, "usr/lib/x", 0644, "hello", 5);
	ok(image_tree_write(&other, &two, &e) == 0 && two.len == one.len &&
			memcmp(one.data, two.data, one.len) == 0,
		"the same in another order: the same bytes");
	is_int((long long)image_tree_measure(one.data, one.len),
		(long long)image_tree_size(&tree), "what an archive takes of the memory");
	image_tree_release(&tree);
	image_tree_release(&other);
}

/* ---- packages made here with ar and tar */

/* Runs a script in `dir` that can pack: pack NAME VERSION ARCH DEPENDS makes a package of
 * the folder NAME. */
static bool run_script(const char *dir, const char *text)
{
	static const char pack[] =
		"set -e\n"
		"pack() {\n"
		"  mkdir -p ctl && printf 'Package: %s\\nVersion: %s\\nArchitecture: "
		"%s\\nDepends: %s\\nDescription: x\\n' \"$@\" >ctl/control\n"
		"  tar -C ctl -cJf control.tar.xz ./control\n"
		"  tar -C \"$1\" -czf data.tar.gz .\n"
		"  echo 2.0 >debian-binary\n"
		"  rm -f debs/$1_$2.deb && mkdir -p debs\n"
		"  ar qc debs/$1_$2.deb debian-binary control.tar.xz data.tar.gz\n"
		"}\n";
	autofree char *script = xasprintf("%s%s", pack, text);
	autorelease(strv) struct strv argv = STRV_INIT;
	struct proc_options options = {.cwd = dir, .merge_stderr = true};
	struct proc_result result = {0};
	struct err e = {0};
	bool good;

	strv_push(&argv, "sh");
	strv_push(&argv, "-c");
	strv_push(&argv, script);
	good = proc_run(&argv, &options, &result, &e) == 0 && proc_succeeded(&result);
	if (!good)
		printf("# %s%s\n", e.msg, buf_str(&result.out));
	proc_result_release(&result);
	return good;
}

static const char make_folder[] =
	"mkdir -p linux-image-1.0-x/boot linux-image-1.0-x/lib/modules/1.0-x/kernel\n"
	"echo kernel >linux-image-1.0-x/boot/vmlinuz-1.0-x\n"
	"echo kernel/virtio.ko >linux-image-1.0-x/lib/modules/1.0-x/modules.builtin\n"
	"pack linux-image-1.0-x 1.0 arm64 ''\n"
	"mkdir linux-image-x && pack linux-image-x 1.0 arm64 'linux-image-1.0-x (= "
	"1.0)'\n"
	"mkdir -p box/bin box/usr/share/doc/box\n"
	"echo box >box/bin/box; chmod 755 box/bin/box; echo doc "
	">box/usr/share/doc/box/x\n"
	"ln box/bin/box box/bin/same; ln -s box box/bin/link\n"
	"pack box 1:2.0 arm64 ''\n"
	"mkdir tool && echo t >tool/t && pack tool 1 arm64 'libt (>= 1) | other, "
	"not-here'\n"
	"mkdir libt && echo l >libt/l && pack libt 1 all ''\n";

struct bed {
	char *dir, *debs, *runner, *cache;
	struct image_recipe recipe;
	struct image_request request;
};

static char *key_of(const struct image_request *request)
{
	struct image_ingredient_list list;
	char key[HASH_HEX_SIZE];
	struct err e = {0};

	if (image_explain(request, &list, key, &e) < 0)
		return xasprintf("error: %s", e.msg);
	image_ingredient_list_release(&list);
	return xstrdup(key);
}

static void put(const char *path, const char *text)
{
	struct err e = {0};

	if (fs_write_file(path, text, strlen(text), 0755, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

static void test_keys(struct bed *b)
{
	static const struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};
	autofree char *first = key_of(&b->request), *again = NULL, *touched = NULL;
	autofree char *changed = NULL, *back = NULL, *recipe = NULL, *more = NULL;
	autorelease(strv) struct strv packages = STRV_INIT;

	is_int((long long)strlen(first), HASH_HEX_SIZE - 1, first);
	again = key_of(&b->request);
	is_str(again, first, "asked again: the same key");
	utimensat(AT_FDCWD, b->runner, times, 0);
	touched = key_of(&b->request);
	is_str(touched, first, "a runner that was touched: the same key");
	put(b->runner, "runneR");
	changed = key_of(&b->request);
	ok(!streq(changed, first), "one byte of the runner: another key");
	put(b->runner, "runner");
	back = key_of(&b->request);
	is_str(back, first, "the old byte: the old key");
	b->recipe.digest[0]++;
	recipe = key_of(&b->request);
	ok(!streq(recipe, first), "another recipe: another key");
	b->recipe.digest[0]--;
	strv_push(&packages, "tool");
	b->request.packages = &packages;
	more = key_of(&b->request);
	ok(!streq(more, first), "one more package: another key");
	b->request.packages = NULL;
}

static bool archive_has(const struct image *image, const char *text)
{
	autorelease(buf) struct buf data = BUF_INIT;
	struct err e = {0};

	return fs_read_file(image->initramfs, &data, &e) == 0 &&
	       memmem(data.data, data.len, text, strlen(text));
}

static void test_build(struct bed *b)
{
	autorelease(strv) struct strv packages = STRV_INIT;
	autorelease(buf) struct buf one = BUF_INIT, two = BUF_INIT;
	struct image image, again, more;
	struct err e = {0};
	struct stat before, after;

	if (image_get(&b->request, &image, &e) < 0) {
		ok(false, "an image is built: %s", e.msg);
		return;
	}
	is_str(image.kernel_release, "1.0-x", "the kernel of the metapackage");
	ok(archive_has(&image, "usr/bin/box") && archive_has(&image, "usr/bin/same") &&
			archive_has(&image, "xtest/modules.list") &&
			archive_has(&image, "usr/bin/sh"),
		"files, hard links and the recipe's links are in it");
	ok(!archive_has(&image, "share/doc"), "documentation is not");
	ok(!archive_has(&image, "virtio.ko"), "nor a module that is built in");
	stat(image.initramfs, &before);
	ok(image_get(&b->request, &again, &e) == 0 && streq(again.key, image.key) &&
			stat(again.initramfs, &after) == 0 &&
			before.st_ino == after.st_ino,
		"the second time it is there");
	image_release(&again);

	ok(fs_read_file(image.initramfs, &one, &e) == 0 &&
			fs_remove_tree(image.dir, &e) == 0 &&
			image_get(&b->request, &again, &e) == 0 &&
			fs_read_file(again.initramfs, &two, &e) == 0 &&
			one.len == two.len && !memcmp(one.data, two.data, one.len),
		"built again: the same bytes");
	image_release(&again);

	truncate(image.kernel, 1);
	ok(image_get(&b->request, &again, &e) == 0 && stat(again.kernel, &after) == 0 &&
			after.st_size == 7,
		"a damaged one is built again");
	image_release(&again);

	strv_push(&packages, "tool");
	b->request.packages = &packages;
	ok(image_get(&b->request, &more, &e) == 0 &&
			archive_has(&more, "libt") == false &&
			more.unpacked_bytes > image.unpacked_bytes + 2 * 4096,
		"a package comes with what it needs: %s", e.msg);
	b->request.packages = NULL;
	image_release(&more);
	image_release(&image);
}

static void test_refusals(struct bed *b)
{
	autorelease(strv) struct strv packages = STRV_INIT;
	autofree char *broken = fs_join(b->debs, "broken.deb");
	char *kernel = b->recipe.kernel_package;
	struct image image;
	struct err e = {0};

	strv_push(&packages, "no-such");
	b->request.packages = &packages;
	ok(image_get(&b->request, &image, &e) < 0 && e.kind == ERR_SETUP &&
			strstr(e.msg, "has no package no-such for arm64"),
		"a package the folder has not: %s", e.msg);
	b->request.packages = NULL;
	b->recipe.kernel_package = xstrdup("linux-image-y");
	ok(image_get(&b->request, &image, &e) < 0 &&
			strstr(e.msg, "has no package linux-image-y"),
		"nor a kernel: %s", e.msg);
	free(b->recipe.kernel_package);
	b->recipe.kernel_package = kernel;
	strv_push(&b->recipe.modules, "nowhere");
	b->recipe.digest[1]++;
	ok(image_get(&b->request, &image, &e) < 0 &&
			strstr(e.msg, "kernel 1.0-x has no module nowhere"),
		"a module the kernel has not: %s", e.msg);
	strv_remove(&b->recipe.modules, 1);
	put(broken, "!<arch>\nno package");
	ok(image_get(&b->request, &image, &e) < 0 && strstr(e.msg, "broken.deb"),
		"what is no package: %s", e.msg);
	unlink(broken);
}

static void test_own_kernel(struct bed *b)
{
	autofree char *kernel = fs_join(b->dir, "Image");
	struct image image;
	struct err e = {0};

	put(kernel, "my own");
	b->request.kernel = kernel;
	ok(image_get(&b->request, &image, &e) == 0 && image.kernel_release[0] == '\0' &&
			!archive_has(&image, "modules.list"),
		"a kernel of one's own comes without modules: %s", e.msg);
	image_release(&image);
	b->request.kernel = NULL;
}

static void test_store(void)
{
	struct image_kept_list kept;
	uint64_t bytes = 0;
	struct err e = {0};

	ok(image_kept_list_load(&kept, &e) == 0 && kept.len >= 3,
		"what was built is kept");
	image_kept_list_release(&kept);
	ok(image_prune(&bytes, &e) == 0 && bytes > 0, "pruning frees something");
	ok(image_kept_list_load(&kept, &e) == 0 && kept.len == 1, "one stays");
	ok(image_remove(&kept.v[0], &e) == 0, "and is removed");
	image_kept_list_release(&kept);
	ok(image_kept_list_load(&kept, &e) == 0 && !kept.len, "none is left");
	image_kept_list_release(&kept);
}

static void bed_open(struct bed *b)
{
	b->debs = fs_join(b->dir, "debs");
	b->runner = fs_join(b->dir, "runner");
	b->cache = fs_join(b->dir, "cache");
	setenv("XTEST_CACHE_DIR", b->cache, 1);
	put(b->runner, "runner");
	b->recipe = (struct image_recipe){
		.name = xstrdup("a"),
		.file = xstrdup("a.json"),
		.suite = xstrdup("s"),
		.architecture = xstrdup("arm64"),
		.kernel_package = xstrdup("linux-image-x"),
	};
	hash_memory("recipe", 6, b->recipe.digest);
	strv_push(&b->recipe.modules, "virtio");
	strv_push(&b->recipe.packages, "box");
	strv_push(&b->recipe.links, "bin/sh");
	strv_push(&b->recipe.links, "box");
	b->request = (struct image_request){
		.recipe = &b->recipe, .runner_path = b->runner, .deb_dir = b->debs};
}

static void bed_close(struct bed *b)
{
	struct err e = {0};

	strv_release(&b->recipe.modules);
	strv_release(&b->recipe.packages);
	strv_release(&b->recipe.links);
	free(b->recipe.name);
	free(b->recipe.file);
	free(b->recipe.suite);
	free(b->recipe.architecture);
	free(b->recipe.kernel_package);
	if (fs_remove_tree(b->dir, &e) < 0)
		printf("# %s\n", e.msg);
	free(b->debs);
	free(b->runner);
	free(b->cache);
	free(b->dir);
}

int main(void)
{
	struct err e = {0};
	struct bed b = {.dir = fs_temp_dir("xtest-image", &e)};
	autofree char *ar = fs_find_program("ar", NULL);

	test_orders();
	test_names();
	test_versions();
	test_archive();
	if (!b.dir)
		return 99;
	bed_open(&b);
	if (!ar) {
		skip("images of a folder of packages", "install binutils");
	} else if (!run_script(b.dir, make_folder)) {
		ok(false, "packages are made");
	} else {
		test_keys(&b);
		test_build(&b);
		test_refusals(&b);
		test_own_kernel(&b);
		test_store();
	}
	bed_close(&b);
	return tap_done();
}
