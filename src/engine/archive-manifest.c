#include "base/fs.h"
#include "base/json.h"
#include "engine/archive-private.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#define FORMAT_NAME "xtest-archive"

static const char *const kind_names[] = {
	[ARCHIVE_FILE] = "file",
	[ARCHIVE_DIR] = "directory",
	[ARCHIVE_LINK] = "link",
};

/* ---- writing */

static void write_item(struct jsonw *w, const struct archive_item *item)
{
	char mode[8];

	snprintf(mode, sizeof mode, "%04o", item->mode);
	jsonw_open(w, NULL, '{');
	jsonw_string(w, "name", item->name);
	jsonw_string(w, "kind", kind_names[item->kind]);
	jsonw_string(w, "mode", mode);
	if (item->kind == ARCHIVE_FILE) {
		jsonw_int(w, "size", (int64_t)item->size_bytes);
		jsonw_string(w, "sha256", item->sha256);
	} else if (item->kind == ARCHIVE_LINK) {
		jsonw_string(w, "link", item->link);
	}
	jsonw_string(w, "reason", item->reason);
	if (item->n_suites) {
		jsonw_open(w, "suites", '[');
		for (size_t i = 0; i < item->n_suites; i++)
			jsonw_int(w, NULL, item->suites[i]);
		jsonw_close(w, ']');
	}
	jsonw_close(w, '}');
	/* One item a line: a person can read it, and diff finds what changed. */
	buf_append_char(w->out, '\n');
}

static void write_suites(struct jsonw *w, const struct archive_plan *plan,
	const char *const roots[ARCHIVE_N_ROOTS])
{
	const struct suite_list *lists[] = {
		plan->request->target_suites, plan->request->host_suites};
	size_t number = 0;

	jsonw_open(w, "suites", '[');
	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		for (size_t i = 0; lists[k] && i < lists[k]->len; i++, number++) {
			const struct strv *dirs = &plan->library_dirs[number];
			struct suite packed;

			archive_root_pack_suite(roots, &lists[k]->v[i], &packed);
			jsonw_open(w, NULL, '{');
			suite_write(&packed, w, "suite");
			archive_root_release_packed(&packed);
			jsonw_open(w, "library-dirs", '[');
			for (size_t j = 0; j < dirs->len; j++) {
				autofree char *dir = archive_root_pack(roots, dirs->v[j]);

				jsonw_string(w, NULL, dir);
			}
			jsonw_close(w, ']');
			jsonw_close(w, '}');
			buf_append_char(w->out, '\n');
		}
	}
	jsonw_close(w, ']');
}

int archive_manifest_write(
	const struct archive_plan *plan, struct buf *out, struct err *e)
{
	const struct archive_request *r = plan->request;
	const char *roots[ARCHIVE_N_ROOTS];
	struct jsonw w;

	archive_plan_roots(r, roots);
	jsonw_init(&w, out);
	jsonw_open(&w, NULL, '{');
	jsonw_string(&w, "format", FORMAT_NAME);
	jsonw_int(&w, "version", ARCHIVE_FORMAT_VERSION);
	jsonw_string(&w, "xtest", PACKAGE_VERSION);
	jsonw_string(&w, "project", r->project);
	jsonw_string(&w, "target", r->target);
	jsonw_string(&w, "triple", r->triple);
	if (r->partition)
		jsonw_string(&w, "partition", r->partition);
	jsonw_open(&w, "roots", '{');
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		if (roots[i])
			jsonw_string(&w, archive_root_name(i), roots[i]);
	jsonw_close(&w, '}');
	write_suites(&w, plan, roots);
	jsonw_open(&w, "items", '[');
	for (size_t i = 0; i < plan->items.len; i++)
		write_item(&w, &plan->items.v[i]);
	jsonw_close(&w, ']');
	jsonw_close(&w, '}');
	buf_append_char(out, '\n');
	if (out->len > ARCHIVE_MANIFEST_MAX || plan->items.len > ARCHIVE_ITEMS_MAX)
		return err_set(e, ERR_ARCHIVE,
			"the archive would have %zu files and %zu MiB of manifest; the "
			"format ends at %d files and %d MiB: exclude what the tests do "
			"not need with archive.exclude",
			plan->items.len, out->len >> 20, ARCHIVE_ITEMS_MAX,
			ARCHIVE_MANIFEST_MAX >> 20);
	return 0;
}

/* ---- reading */

/* A member that must be a string without NUL; NULL and an error otherwise. */
static const char *need_string(const struct json *object, const char *key, struct err *e)
{
	const char *text = json_find_string(object, key, NULL);

	if (!text)
		return err_null(e, ERR_SETUP, "its manifest has no \"%s\"", key);
	return text;
}

/* True when all members of the object are among the known ones. */
static int refuse_unknown(const struct json *object, const char *const *known,
	const char *what, struct err *e)
{
	for (struct json_iter it = json_iter(object); json_next(&it);) {
		size_t i = 0;

		while (known[i] && !streq(known[i], it.key))
			i++;
		if (!known[i])
			return err_set(e, ERR_SETUP,
				"its manifest has \"%.100s\" in %s, which is not known",
				it.key, what);
	}
	return 0;
}

static bool is_digest(const char *text)
{
	return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static int read_item_suites(struct archive_item *item, const struct json *list,
	size_t n_suites, struct err *e)
{
	size_t n = json_len(list);

	if (!list)
		return 0;
	if (json_kind(list) != JSON_ARRAY || n == 0 || n > n_suites)
		return err_set(e, ERR_SETUP, "%s names no suites", item->name);
	item->suites = xcalloc(n, sizeof *item->suites);
	for (size_t i = 0; i < n; i++) {
		int64_t number = json_int(json_at(list, i), -1);

		if (number < 0 || (uint64_t)number >= n_suites)
			return err_set(e, ERR_SETUP, "%s names a suite that is not there",
				item->name);
		item->suites[i] = (unsigned)number;
	}
	item->n_suites = n;
	return 0;
}

static int read_content(
	struct archive_item *item, const struct json *object, struct err *e)
{
	int64_t size =
		json_int(json_find(object, "size"), item->kind == ARCHIVE_FILE ? -1 : 0);
	const char *digest = json_find_string(object, "sha256", "");

	if (size < 0)
		return err_set(e, ERR_SETUP, "%s has no size", item->name);
	item->size_bytes = (uint64_t)size;
	if (item->kind != ARCHIVE_FILE)
		return 0;
	if (!is_digest(digest))
		return err_set(e, ERR_SETUP, "%s has no SHA-256 digest", item->name);
	memcpy(item->sha256, digest, sizeof item->sha256);
	return 0;
}

static int read_item(struct archive_manifest *m, const struct json *object, struct err *e)
{
	static const char *const known[] = {"name", "kind", "mode", "size", "sha256",
		"link", "reason", "suites", NULL};
	const char *name = need_string(object, "name", e), *kind, *mode, *link;
	struct archive_item *item;
	char *end;
	int k = 0;

	if (!name || refuse_unknown(object, known, "an item", e) < 0)
		return -1;
	kind = need_string(object, "kind", e);
	mode = kind ? need_string(object, "mode", e) : NULL;
	if (!mode)
		return -1;
	while (k < (int)ARRAY_LEN(kind_names) && !streq(kind_names[k], kind))
		k++;
	if (k == (int)ARRAY_LEN(kind_names))
		return err_set(e, ERR_SETUP, "%.200s is of the unknown kind \"%.50s\"",
			name, kind);
	item = archive_items_add(&m->items, name);
	item->kind = k;
	item->reason = xstrdup(json_find_string(object, "reason", ""));
	link = json_find_string(object, "link", NULL);
	item->link = item->kind == ARCHIVE_LINK ? xstrdup_null(link) : NULL;
	item->mode = (unsigned)strtoul(mode, &end, 8);
	if (strlen(mode) != 4 || *end)
		return err_set(e, ERR_SETUP, "%s has no mode", item->name);
	if (read_content(item, object, e) < 0 ||
		read_item_suites(item, json_find(object, "suites"), m->suites.len, e) < 0)
		return -1;
	m->total_bytes += item->size_bytes;
	return archive_item_check(item, e);
}

static int read_suites(struct archive_manifest *m, const struct json *list, struct err *e)
{
	static const char *const known[] = {"suite", "library-dirs", NULL};
	size_t n = json_len(list);

	if (json_kind(list) != JSON_ARRAY)
		return err_set(e, ERR_SETUP, "its manifest has no \"suites\"");
	m->library_dirs = xcalloc(n + 1, sizeof *m->library_dirs);
	for (size_t i = 0; i < n; i++) {
		const struct json *entry = json_at(list, i);
		struct suite *s;

		if (refuse_unknown(entry, known, "a suite", e) < 0)
			return -1;
		s = suite_list_add(&m->suites);
		if (suite_read(s, json_find(entry, "suite"), e) < 0) {
			e->kind = ERR_SETUP;
			return -1;
		}
		/* The rest is checked when the paths are real: archive_load_suites(). */
		if (!s->id || !s->command.len || !s->cwd)
			return err_set(e, ERR_SETUP,
				"its manifest has a suite without id, command or cwd");
		json_strv(json_find(entry, "library-dirs"), &m->library_dirs[i]);
	}
	return 0;
}

static int read_roots(struct archive_manifest *m, const struct json *roots, struct err *e)
{
	for (struct json_iter it = json_iter(roots); json_next(&it);) {
		const char *path = json_string(it.value, "");
		autofree char *normal = fs_normalize(path, "/");
		int root = 0;

		while (root < ARCHIVE_N_ROOTS && !streq(archive_root_name(root), it.key))
			root++;
		if (root == ARCHIVE_N_ROOTS || m->roots[root] || !streq(normal, path))
			return err_set(e, ERR_SETUP,
				"its manifest has the unusable root \"%.100s\"", it.key);
		m->roots[root] = xstrdup(path);
	}
	return 0;
}

/* The version is looked at before anything a later one may have changed. */
static int check_version(const struct json *root, struct err *e)
{
	int64_t version = json_int(json_find(root, "version"), 0);

	if (!streq(json_find_string(root, "format", ""), FORMAT_NAME) || version < 1)
		return err_set(e, ERR_SETUP, "its manifest is not one of xtest's");
	if (version > ARCHIVE_FORMAT_VERSION)
		return err_set(e, ERR_SETUP,
			"it has format version %lld, written by xtest %.50s; this xtest "
			"(%s) reads up to version %d: use that xtest or a later one",
			(long long)version, json_find_string(root, "xtest", "(unknown)"),
			PACKAGE_VERSION, ARCHIVE_FORMAT_VERSION);
	return 0;
}

static int read_root(struct archive_manifest *m, const struct json *root, struct err *e)
{
	static const char *const known[] = {"format", "version", "xtest", "project",
		"target", "triple", "partition", "roots", "suites", "items", NULL};
	const struct json *items = json_find(root, "items");

	if (check_version(root, e) < 0 || refuse_unknown(root, known, "it", e) < 0)
		return -1;
	m->xtest = xstrdup_null(need_string(root, "xtest", e));
	m->project = xstrdup_null(m->xtest ? need_string(root, "project", e) : NULL);
	m->target = xstrdup_null(m->project ? need_string(root, "target", e) : NULL);
	m->triple = xstrdup_null(m->target ? need_string(root, "triple", e) : NULL);
	m->partition = xstrdup_null(json_find_string(root, "partition", NULL));
	if (!m->triple || read_roots(m, json_find(root, "roots"), e) < 0 ||
		read_suites(m, json_find(root, "suites"), e) < 0)
		return -1;
	if (json_kind(items) != JSON_ARRAY || json_len(items) > ARCHIVE_ITEMS_MAX)
		return err_set(e, ERR_SETUP, "its manifest has no usable \"items\"");
	for (size_t i = 0; i < json_len(items); i++)
		if (read_item(m, json_at(items, i), e) < 0)
			return -1;
	return archive_items_check(&m->items, e);
}

/* NUL as a byte or as \u0000 would cut strings short behind the checks. */
static bool has_nul(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\0')
			return true;
		if (text[i] == '\\' && ++i + 4 < len && memcmp(text + i, "u0000", 5) == 0)
			return true;
	}
	return false;
}

int archive_manifest_read(
	const char *text, size_t len, struct archive_manifest *manifest, struct err *e)
{
	struct json *root;
	int result;

	*manifest = (struct archive_manifest){0};
	if (has_nul(text, len))
		return err_set(e, ERR_SETUP, "its manifest has a NUL in it");
	root = json_parse(text, len, ARCHIVE_MANIFEST_NAME, e);
	if (!root)
		return -1;
	result = read_root(manifest, root, e);
	json_free(root);
	if (result < 0)
		archive_manifest_release(manifest);
	return result;
}

void archive_manifest_release(struct archive_manifest *m)
{
	for (size_t i = 0; m->library_dirs && i < m->suites.len; i++)
		strv_release(&m->library_dirs[i]);
	free(m->library_dirs);
	suite_list_release(&m->suites);
	archive_items_release(&m->items);
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		free(m->roots[i]);
	free(m->xtest);
	free(m->project);
	free(m->target);
	free(m->triple);
	free(m->partition);
	*m = (struct archive_manifest){0};
}

/* ---- using it */

static void add_library_dirs(struct suite *s, const struct strv *dirs)
{
	const char *before = strv_env_find(&s->env_prepend, "LD_LIBRARY_PATH");
	autorelease(strv) struct strv all = STRV_INIT;
	autofree char *joined = NULL;

	if (!dirs->len)
		return;
	if (before)
		strv_push(&all, before);
	strv_push_all(&all, dirs);
	joined = strv_join(&all, ":");
	strv_env_set(&s->env_prepend, "LD_LIBRARY_PATH", joined);
}

/* A suite is copied by the same road it came: its JSON. */
static int copy_suite(const struct suite *from, struct suite *to, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	autorelease_json struct json *tree = NULL;
	struct jsonw w;

	jsonw_init(&w, &text);
	suite_write(from, &w, NULL);
	tree = json_parse(buf_str(&text), text.len, from->id, e);
	return tree ? suite_read(to, tree, e) : -1;
}

static int load_suite(const struct archive_manifest *m, size_t number,
	const char *const roots[ARCHIVE_N_ROOTS], enum archive_placing placing,
	struct suite *s, struct err *e)
{
	autorelease(strv) struct strv dirs = STRV_INIT;

	if (copy_suite(&m->suites.v[number], s, e) < 0 ||
		archive_root_unpack_suite(roots, s, e) < 0)
		return -1;
	if (placing != ARCHIVE_RELOCATED)
		return 0;
	for (size_t i = 0; i < m->library_dirs[number].len; i++) {
		char *dir = archive_root_unpack(roots, m->library_dirs[number].v[i]);

		if (!dir)
			return err_set(e, ERR_SETUP, "it has an unusable library-dirs");
		strv_push_take(&dirs, dir);
	}
	add_library_dirs(s, &dirs);
	return 0;
}

int archive_load_suites(const struct archive_manifest *m,
	const struct archive_roots *roots, enum archive_placing placing,
	enum platform platform, struct suite_list *out, size_t *numbers, struct err *e)
{
	const char *places[ARCHIVE_N_ROOTS];
	size_t n = 0;

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		places[i] = placing == ARCHIVE_RELOCATED ? roots->v[i].extracted
							 : roots->v[i].original;
	for (size_t i = 0; i < m->suites.len; i++) {
		if (m->suites.v[i].platform != platform)
			continue;
		if (load_suite(m, i, places, placing, suite_list_add(out), e) < 0) {
			e->kind = ERR_SETUP;
			return err_context(
				e, "the archive's suite %s", m->suites.v[i].id);
		}
		if (numbers)
			numbers[n++] = i;
	}
	if (suite_list_check(out, "the archive", e) == 0)
		return 0;
	e->kind = ERR_SETUP;
	return -1;
}
