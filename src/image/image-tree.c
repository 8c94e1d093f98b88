#include "image/image-tree.h"

#include "base/fs.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

/* Of most machines; those with larger ones have the memory. */
enum { PAGE_SIZE = 4096 };

void image_tree_release(struct image_tree *tree)
{
	for (size_t i = 0; i < tree->len; i++) {
		free(tree->v[i].path);
		free(tree->v[i].link);
		buf_release(&tree->v[i].data);
	}
	free(tree->v);
	*tree = (struct image_tree){0};
}

/* The path a file really has: relative, and below usr where Debian merged the two. */
static char *place_of(const char *path)
{
	static const char *const merged[] = {"bin/", "lib/", "lib64/", "sbin/"};
	autofree char *normal = fs_normalize(path, "/");
	const char *relative = normal + 1;

	for (size_t i = 0; i < ARRAY_LEN(merged); i++)
		if (starts_with(relative, merged[i]))
			return xasprintf("usr/%s", relative);
	return xstrdup(relative);
}

static struct image_node *find_node(const struct image_tree *tree, const char *place)
{
	for (size_t i = 0; i < tree->len; i++)
		if (streq(tree->v[i].path, place))
			return &tree->v[i];
	return NULL;
}

static struct image_node *add_node(struct image_tree *tree, char *place, unsigned mode)
{
	struct image_node *node;

	tree->v = xgrow(tree->v, &tree->cap, tree->len + 1, sizeof(*tree->v));
	node = &tree->v[tree->len++];
	*node = (struct image_node){.path = place, .mode = mode};
	return node;
}

struct image_node *image_tree_add(
	struct image_tree *tree, const char *path, unsigned mode)
{
	autofree char *place = place_of(path);

	if (!place[0] || find_node(tree, place))
		return NULL;
	return add_node(tree, take_ptr(place), mode);
}

void image_tree_add_file(struct image_tree *tree, const char *path, unsigned mode,
	const void *data, size_t len)
{
	struct image_node *node = image_tree_add(tree, path, S_IFREG | mode);

	if (node)
		buf_append(&node->data, data, len);
}

void image_tree_add_link(struct image_tree *tree, const char *path, const char *aim)
{
	struct image_node *node = image_tree_add(tree, path, S_IFLNK | 0777);

	if (node)
		node->link = xstrdup(aim);
}

const struct image_node *image_tree_find(const struct image_tree *tree, const char *path)
{
	autofree char *place = place_of(path);

	return find_node(tree, place);
}

/* A page for the inode and what hangs on it is on the safe side. */
static uint64_t memory_of(uint64_t size)
{
	return (size + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE + PAGE_SIZE;
}

uint64_t image_tree_size(const struct image_tree *tree)
{
	uint64_t size = 0;

	for (size_t i = 0; i < tree->len; i++)
		size += memory_of(tree->v[i].data.len);
	return size;
}

uint64_t image_tree_measure(const void *data, size_t len)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	uint64_t size = 0;
	int status;

	archive_read_support_format_cpio(archive);
	archive_read_support_filter_all(archive);
	status = archive_read_open_memory(archive, data, len);
	while (status == ARCHIVE_OK || status == ARCHIVE_WARN) {
		status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_OK || status == ARCHIVE_WARN)
			size += memory_of(archive_entry_filetype(entry) == AE_IFREG
						  ? (uint64_t)archive_entry_size(entry)
						  : 0);
	}
	archive_read_free(archive);
	/* Several archives in one file are read up to the end of the first. */
	return MAX(size, len);
}

/* ---- writing */

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct image_node *)a)->path,
		((const struct image_node *)b)->path);
}

/* The kernel makes no directory that is not in the archive. */
static void add_parents(struct image_tree *tree)
{
	for (size_t i = 0; i < tree->len; i++) {
		autofree char *parent = xstrdup(tree->v[i].path);
		char *slash = strrchr(parent, '/');

		if (!slash)
			continue;
		*slash = '\0';
		if (!find_node(tree, parent))
			add_node(tree, take_ptr(parent), S_IFDIR | 0755);
	}
}

static la_ssize_t on_output(struct archive *cpio, void *ctx, const void *data, size_t len)
{
	(void)cpio;
	buf_append(ctx, data, len);
	return (la_ssize_t)len;
}

static bool write_node(struct archive *cpio, const struct image_node *node, size_t number)
{
	struct archive_entry *entry = archive_entry_new();
	bool ok;

	archive_entry_set_pathname(entry, node->path);
	archive_entry_set_mode(entry, (__LA_MODE_T)node->mode);
	archive_entry_set_ino64(entry, (la_int64_t)number);
	archive_entry_set_nlink(entry, S_ISDIR(node->mode) ? 2 : 1);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_size(
		entry, S_ISREG(node->mode) ? (la_int64_t)node->data.len : 0);
	archive_entry_set_rdevmajor(entry, node->major);
	archive_entry_set_rdevminor(entry, node->minor);
	if (node->link)
		archive_entry_set_symlink(entry, node->link);
	ok = archive_write_header(cpio, entry) == ARCHIVE_OK &&
	     (!S_ISREG(node->mode) || !node->data.len ||
		     archive_write_data(cpio, node->data.data, node->data.len) ==
			     (la_ssize_t)node->data.len);
	archive_entry_free(entry);
	return ok;
}

int image_tree_write(struct image_tree *tree, struct buf *out, struct err *e)
{
	struct archive *cpio = archive_write_new();
	int status = 0;

	add_parents(tree);
	qsort(tree->v, tree->len, sizeof(*tree->v), compare_nodes);
	if (archive_write_set_format_cpio_newc(cpio) != ARCHIVE_OK ||
		archive_write_set_bytes_in_last_block(cpio, 1) != ARCHIVE_OK ||
		archive_write_open(cpio, out, NULL, on_output, NULL) != ARCHIVE_OK)
		status = -1;
	for (size_t i = 0; !status && i < tree->len; i++)
		if (!write_node(cpio, &tree->v[i], i + 1))
			status = -1;
	if (!status && archive_write_close(cpio) != ARCHIVE_OK)
		status = -1;
	if (status)
		err_set(e, ERR_SETUP, "write the initramfs: %s",
			archive_error_string(cpio) ? archive_error_string(cpio)
						   : "libarchive could not be set up");
	archive_write_free(cpio);
	return status;
}
