#include "image/image-deb.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>

enum { BLOCK_SIZE = 1 << 16, MAX_FILE_SIZE = 1 << 30 };

/* The tar inside the ar: the inner archive reads its bytes out of the outer one's member.
 */
struct reader {
	const char *path; /* of the package */
	struct archive *ar, *tar;
	char block[BLOCK_SIZE];
};

static int read_error(
	const char *path, struct archive *archive, const char *what, struct err *e)
{
	const char *why = archive ? archive_error_string(archive) : NULL;

	return err_set(e, ERR_SETUP, "%s: %s: %s", path, what,
		why ? why : "this is no Debian package");
}

static la_ssize_t on_input(struct archive *tar, void *ctx, const void **block)
{
	struct reader *r = ctx;
	la_ssize_t len = archive_read_data(r->ar, r->block, sizeof(r->block));

	if (len < 0)
		archive_set_error(
			tar, archive_errno(r->ar), "%s", archive_error_string(r->ar));
	*block = r->block;
	return len;
}

static void reader_close(struct reader *r)
{
	archive_read_free(r->tar);
	archive_read_free(r->ar);
	free(r);
}

/* Opens the member whose name begins with `member`. */
static struct reader *reader_open(const char *path, const char *member, struct err *e)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	struct archive_entry *entry;

	r->path = path;
	r->ar = archive_read_new();
	r->tar = archive_read_new();
	archive_read_support_format_ar(r->ar);
	archive_read_support_format_tar(r->tar);
	archive_read_support_filter_all(r->tar);
	if (archive_read_open_filename(r->ar, path, BLOCK_SIZE) != ARCHIVE_OK) {
		read_error(path, r->ar, "open", e);
		goto fail;
	}
	for (;;) {
		if (archive_read_next_header(r->ar, &entry) != ARCHIVE_OK) {
			read_error(path, r->ar, member, e);
			goto fail;
		}
		if (starts_with(archive_entry_pathname(entry), member))
			break;
	}
	if (archive_read_open(r->tar, r, NULL, on_input, NULL) == ARCHIVE_OK)
		return r;
	read_error(path, r->tar, member, e);
fail:
	reader_close(r);
	return NULL;
}

/* 1 with an entry, 0 at the end, -1 on error. */
static int next_entry(struct reader *r, struct image_deb_entry *out, struct err *e)
{
	struct archive_entry *entry;
	int status = archive_read_next_header(r->tar, &entry);

	if (status == ARCHIVE_EOF)
		return 0;
	if (status < ARCHIVE_WARN)
		return read_error(r->path, r->tar, "read", e);
	*out = (struct image_deb_entry){
		.path = archive_entry_pathname(entry),
		.mode = (unsigned)archive_entry_mode(entry),
		.link = archive_entry_symlink(entry),
		.hardlink = archive_entry_hardlink(entry),
		.size_bytes = (uint64_t)archive_entry_size(entry),
		.reader = r,
	};
	return out->path ? 1 : read_error(r->path, NULL, "an entry without name", e);
}

int image_deb_each(const char *path,
	int (*on_entry)(void *ctx, const struct image_deb_entry *entry, struct err *e),
	void *ctx, struct err *e)
{
	struct reader *r = reader_open(path, "data.tar", e);
	struct image_deb_entry entry;
	int status;

	if (!r)
		return -1;
	while ((status = next_entry(r, &entry, e)) == 1) {
		status = on_entry(ctx, &entry, e);
		if (status)
			break;
	}
	reader_close(r);
	return status;
}

int image_deb_content(const struct image_deb_entry *entry, struct buf *out, struct err *e)
{
	struct reader *r = entry->reader;
	la_ssize_t len;

	if (entry->size_bytes > MAX_FILE_SIZE)
		return err_set(
			e, ERR_SETUP, "%s: %s has more than 1 GiB", r->path, entry->path);
	buf_reserve(out, entry->size_bytes);
	do {
		len = archive_read_data(r->tar, buf_reserve(out, BLOCK_SIZE), BLOCK_SIZE);
		if (len < 0)
			return read_error(r->path, r->tar, entry->path, e);
		out->len += (size_t)len;
	} while (len);
	return 0;
}

int image_deb_decompress(struct buf *data, const char *name, struct err *e)
{
	struct archive *raw = archive_read_new();
	struct archive_entry *entry;
	struct buf plain = BUF_INIT;
	la_ssize_t len = -1;
	int status = 0;

	archive_read_support_format_raw(raw);
	archive_read_support_filter_all(raw);
	if (archive_read_open_memory(raw, data->data, data->len) == ARCHIVE_OK &&
		archive_read_next_header(raw, &entry) == ARCHIVE_OK) {
		do {
			len = archive_read_data(
				raw, buf_reserve(&plain, BLOCK_SIZE), BLOCK_SIZE);
			if (len > 0)
				plain.len += (size_t)len;
		} while (len > 0 && plain.len < MAX_FILE_SIZE);
	}
	if (len) {
		status = read_error(name, raw, "decompress", e);
		buf_release(&plain);
	} else {
		buf_release(data);
		*data = plain;
	}
	archive_read_free(raw);
	return status;
}

/* ---- the control file */

void image_deb_control_release(struct image_deb_control *control)
{
	free(control->package);
	free(control->version);
	free(control->architecture);
	strv_release(&control->depends);
	*control = (struct image_deb_control){0};
}

/* "libc6 (>= 2.34), awk | mawk, python3:any": libc6, awk, python3. */
static void read_depends(const char *text, struct strv *names)
{
	autorelease(strv) struct strv clauses = STRV_INIT;

	strv_split(&clauses, text, ",");
	for (size_t i = 0; i < clauses.len; i++) {
		const char *start = clauses.v[i] + strspn(clauses.v[i], " \t");
		size_t len = strcspn(start, " \t(|:[");

		if (len)
			strv_push_take(names, xstrndup(start, len));
	}
}

/* RFC 822 fields; a line that begins with a blank continues the one before, which none of
 * the wanted fields does. */
static void read_fields(const struct buf *text, struct image_deb_control *control)
{
	const struct {
		const char *name;
		char **into; /* NULL: a list of packages */
	} wanted[] = {
		{"Package: ", &control->package},
		{"Version: ", &control->version},
		{"Architecture: ", &control->architecture},
		{"Pre-Depends: ", NULL},
		{"Depends: ", NULL},
	};
	const char *start;
	size_t pos = 0, len;

	while (buf_next_line(text->data, text->len, &pos, &start, &len)) {
		autofree char *line = xstrndup(start, len);

		for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
			const char *value = line + strlen(wanted[i].name);

			if (!starts_with(line, wanted[i].name))
				continue;
			if (!wanted[i].into)
				read_depends(value, &control->depends);
			else if (!*wanted[i].into)
				*wanted[i].into = xstrdup(value);
		}
	}
}

int image_deb_read_control(
	const char *path, struct image_deb_control *control, struct err *e)
{
	struct reader *r = reader_open(path, "control.tar", e);
	autorelease(buf) struct buf text = BUF_INIT;
	struct image_deb_entry entry;
	int status;

	if (!r)
		return -1;
	while ((status = next_entry(r, &entry, e)) == 1) {
		if (!streq(entry.path, "./control") && !streq(entry.path, "control"))
			continue;
		status = image_deb_content(&entry, &text, e);
		break;
	}
	reader_close(r);
	if (status < 0)
		return -1;
	read_fields(&text, control);
	if (!control->package || !control->version || !control->architecture)
		return err_set(e, ERR_SETUP,
			"%s: this is no Debian package: no control file", path);
	return 0;
}

/* ---- versions */

/* "~" sorts before the end, that before letters, those before all else. */
static int order_of(const char *p, const char *end)
{
	if (p == end || isdigit((unsigned char)*p))
		return 0;
	if (*p == '~')
		return -1;
	return isalpha((unsigned char)*p) ? (unsigned char)*p : (unsigned char)*p + 256;
}

/* Takes the number at *p. */
static unsigned long long number_at(const char **p, const char *end)
{
	unsigned long long n = 0;

	for (; *p < end && isdigit((unsigned char)**p); (*p)++)
		n = n * 10 + (unsigned)(**p - '0');
	return n;
}

/* Text and numbers in turns. */
static int compare_parts(
	const char *a, const char *a_end, const char *b, const char *b_end)
{
	while (a < a_end || b < b_end) {
		unsigned long long x, y;
		int order;

		while ((a < a_end && !isdigit((unsigned char)*a)) ||
			(b < b_end && !isdigit((unsigned char)*b))) {
			order = order_of(a, a_end) - order_of(b, b_end);
			if (order)
				return order;
			a += a < a_end;
			b += b < b_end;
		}
		x = number_at(&a, a_end);
		y = number_at(&b, b_end);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* [EPOCH:]UPSTREAM[-REVISION] */
struct version {
	const char *epoch, *epoch_end, *upstream, *upstream_end, *revision, *end;
};

static struct version split_version(const char *text)
{
	const char *end = text + strlen(text), *colon = strchr(text, ':');
	const char *dash = strrchr(text, '-');

	return (struct version){
		.epoch = text,
		.epoch_end = colon ? colon : text,
		.upstream = colon ? colon + 1 : text,
		.upstream_end = dash ? dash : end,
		.revision = dash ? dash + 1 : end,
		.end = end,
	};
}

int image_deb_compare_versions(const char *a, const char *b)
{
	struct version x = split_version(a), y = split_version(b);
	int order = compare_parts(x.epoch, x.epoch_end, y.epoch, y.epoch_end);

	if (!order)
		order = compare_parts(
			x.upstream, x.upstream_end, y.upstream, y.upstream_end);
	return order ? order : compare_parts(x.revision, x.end, y.revision, y.end);
}
