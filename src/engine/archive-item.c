#include "base/json.h"
#include "engine/archive-private.h"

/* The sections in the order of the archive; the index is the rank. */
static const char *const sections[] = {"xtest", "target", "host", "sysroot", "source"};

const char *archive_root_name(enum archive_root root)
{
	static const char *const names[] = {
		[ARCHIVE_TARGET] = "target",
		[ARCHIVE_HOST] = "host",
		[ARCHIVE_SYSROOT] = "sysroot",
		[ARCHIVE_SOURCE] = "source",
	};

	return names[root];
}

static int section_of(const char *name)
{
	size_t len = strcspn(name, "/");

	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strlen(sections[i]) == len && memcmp(sections[i], name, len) == 0)
			return (int)i;
	return -1;
}

int archive_item_compare(const char *a, const char *b)
{
	int x = section_of(a), y = section_of(b);

	return x != y ? x - y : strcmp(a, b);
}

struct archive_item *archive_items_add(struct archive_items *items, const char *name)
{
	items->v = xgrow(items->v, &items->cap, items->len + 1, sizeof *items->v);
	items->v[items->len] = (struct archive_item){.name = xstrdup(name), .mode = 0644};
	return &items->v[items->len++];
}

const struct archive_item *archive_items_find(
	const struct archive_items *items, const char *name)
{
	size_t low = 0, high = items->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = archive_item_compare(name, items->v[middle].name);

		if (order == 0)
			return &items->v[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void archive_items_drop_last(struct archive_items *items)
{
	struct archive_item *item = &items->v[--items->len];

	free(item->name);
	free(item->origin);
	free(item->link);
	free(item->reason);
	free(item->suites);
}

void archive_items_release(struct archive_items *items)
{
	while (items->len)
		archive_items_drop_last(items);
	free(items->v);
	*items = (struct archive_items){0};
}

bool archive_item_is_needed(const struct archive_item *item, const bool *selected)
{
	if (!item->n_suites)
		return true;
	for (size_t i = 0; i < item->n_suites; i++)
		if (selected[item->suites[i]])
			return true;
	return false;
}

/* Why a name is not one the format allows, or NULL. */
static const char *name_fault(const char *name)
{
	size_t len = strlen(name), depth = 0, n;

	if (!len)
		return "is empty";
	if (len > ARCHIVE_NAME_MAX)
		return "is too long";
	for (const char *p = name; *p; p += n) {
		n = json_utf8_len(p, strlen(p));
		if (!n)
			return "is not UTF-8";
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "has a control character";
	}
	if (name[0] == '/')
		return "is absolute";
	for (const char *p = name;; p += n + 1) {
		n = strcspn(p, "/");
		if (n == 0 || (n == 1 && p[0] == '.'))
			return "has an empty or \".\" component";
		if (n == 2 && p[0] == '.' && p[1] == '.')
			return "has a \"..\"";
		if (n > 255)
			return "has a component that is too long";
		if (++depth > ARCHIVE_DEPTH_MAX)
			return "is too deep";
		if (!p[n])
			break;
	}
	if (section_of(name) < 0)
		return "is in no section of the format";
	if (depth < 2 && section_of(name) == 0)
		return "is in no section of the format";
	return NULL;
}

/*
 * Why a link may lead out of its root, or NULL. ".." is allowed in front only, and no
 * more often than there are directories between the link and its root: those are real
 * directories (nothing lies below a link), so each step up stays inside; and every step
 * down goes through entries for which the same was checked.
 */
static const char *link_fault(const char *name, const char *link)
{
	size_t above = 0;
	bool down = false;

	if (!link || !*link)
		return "has no text";
	if (strlen(link) > ARCHIVE_NAME_MAX)
		return "is too long";
	if (link[0] == '/')
		return "is absolute";
	for (const char *p = name; *p; p++)
		above += *p == '/';
	for (const char *p = link; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (down || above <= 1)
				return "leads out of its directory";
			above--;
		} else if (n == 0 || (n == 1 && p[0] == '.')) {
			return "has an empty or \".\" component";
		} else {
			down = true;
		}
		p += n;
		p += *p == '/';
	}
	return NULL;
}

int archive_item_check(const struct archive_item *item, struct err *e)
{
	const char *fault = name_fault(item->name);
	bool good_mode = item->mode == 0755 ||
			 (item->kind == ARCHIVE_FILE && item->mode == 0644) ||
			 (item->kind == ARCHIVE_LINK && item->mode == 0777);

	if (fault)
		return err_set(e, ERR_SETUP, "the name \"%.200s\" %s", item->name, fault);
	if (streq(item->name, ARCHIVE_MANIFEST_NAME))
		return err_set(e, ERR_SETUP, "the manifest names itself");
	if (!good_mode)
		return err_set(e, ERR_SETUP, "%s has mode %04o", item->name, item->mode);
	if (item->kind != ARCHIVE_FILE && item->size_bytes)
		return err_set(e, ERR_SETUP, "%s is no file and has a size", item->name);
	if (item->size_bytes > (uint64_t)1 << 50)
		return err_set(e, ERR_SETUP, "%s has an impossible size", item->name);
	if (item->kind == ARCHIVE_LINK) {
		fault = link_fault(item->name, item->link);
		if (fault)
			return err_set(e, ERR_SETUP, "the link %s -> %.200s %s",
				item->name, item->link ? item->link : "", fault);
	}
	return 0;
}

int archive_items_check(const struct archive_items *items, struct err *e)
{
	for (size_t i = 1; i < items->len; i++) {
		int order = archive_item_compare(items->v[i - 1].name, items->v[i].name);

		if (order == 0)
			return err_set(
				e, ERR_SETUP, "%s is there twice", items->v[i].name);
		if (order > 0)
			return err_set(
				e, ERR_SETUP, "%s is out of order", items->v[i].name);
	}
	for (size_t i = 0; i < items->len; i++) {
		autofree char *parent = xstrdup(items->v[i].name);

		for (char *slash; (slash = strrchr(parent, '/'));) {
			const struct archive_item *above;

			*slash = '\0';
			above = archive_items_find(items, parent);
			if (!above)
				continue;
			if (above->kind != ARCHIVE_DIR)
				return err_set(e, ERR_SETUP,
					"%s lies below %s, which is no directory",
					items->v[i].name, parent);
			break; /* what is above that was checked with it */
		}
	}
	return 0;
}
