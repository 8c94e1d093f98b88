#include "base/fs.h"
#include "engine/archive-private.h"

#include <ctype.h>
#include <stddef.h>

int archive_root_of(
	const char *const roots[ARCHIVE_N_ROOTS], const char *path, const char **below)
{
	int best = -1;

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		/* A root of "/" would hold everything. */
		const char *rest =
			roots[i] && roots[i][1] ? fs_below(path, roots[i]) : NULL;

		if (!rest || (best >= 0 && strlen(roots[i]) <= strlen(roots[best])))
			continue;
		best = i;
		if (below)
			*below = rest;
	}
	return best;
}

/* A character that goes on a file name: the root "/a/b" is not in "/a/b-1/c". */
static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("._-+~@%#", c)) || (c & 0x80);
}

/* True when an absolute path may begin at `at`: behind nothing that makes it the tail of
 * another path, or behind a one-letter option (-I, -L). */
static bool begins_path(const char *text, const char *at)
{
	if (at == text || (at[-1] != '/' && !is_name_char(at[-1])))
		return true;
	return at - text >= 2 && isalpha((unsigned char)at[-1]) && at[-2] == '-' &&
	       (at - text == 2 || isspace((unsigned char)at[-3]));
}

/* The root whose path stands at `at`, the longest one; *len is its length. */
static int root_at(const char *const roots[ARCHIVE_N_ROOTS], const char *at, size_t *len)
{
	int best = -1;

	*len = 0;
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		size_t n = roots[i] ? strlen(roots[i]) : 0;

		/* A root of "/" would be in every path. */
		if (n <= 1 || n <= *len || strncmp(at, roots[i], n) != 0 ||
			is_name_char(at[n]))
			continue;
		best = i;
		*len = n;
	}
	return best;
}

char *archive_root_pack(const char *const roots[ARCHIVE_N_ROOTS], const char *text)
{
	struct buf out = BUF_INIT;
	size_t len;

	for (const char *p = text; *p;) {
		int root =
			*p == '/' && begins_path(text, p) ? root_at(roots, p, &len) : -1;

		if (root >= 0) {
			buf_printf(&out, "@%s@", archive_root_name(root));
			p += len;
			continue;
		}
		if (*p == '@')
			buf_append_char(&out, '@');
		buf_append_char(&out, *p++);
	}
	return buf_take(&out);
}

char *archive_root_unpack(const char *const roots[ARCHIVE_N_ROOTS], const char *text)
{
	autorelease(buf) struct buf out = BUF_INIT;

	for (const char *p = text; *p;) {
		const char *end, *value = NULL;

		if (*p != '@' || p[1] == '@') {
			buf_append_char(&out, *p);
			p += *p == '@' ? 2 : 1;
			continue;
		}
		end = strchr(p + 1, '@');
		for (int i = 0; end && i < ARCHIVE_N_ROOTS; i++) {
			const char *name = archive_root_name(i);

			if (strlen(name) == (size_t)(end - p - 1) &&
				memcmp(name, p + 1, strlen(name)) == 0)
				value = roots[i];
		}
		if (!value)
			return NULL;
		buf_append_str(&out, value);
		p = end + 1;
	}
	return buf_take(&out);
}

/* The fields of a suite that hold paths. */
static const size_t path_strings[] = {
	offsetof(struct suite, binary),
	offsetof(struct suite, cwd),
	offsetof(struct suite, shell_env),
};
static const size_t path_lists[] = {
	offsetof(struct suite, command),
	offsetof(struct suite, runner),
	offsetof(struct suite, env),
	offsetof(struct suite, env_prepend),
	offsetof(struct suite, env_append),
	offsetof(struct suite, required_files),
	offsetof(struct suite, files),
};

static char **string_of(struct suite *s, size_t i)
{
	return (char **)((char *)s + path_strings[i]);
}

static struct strv *list_of(struct suite *s, size_t i)
{
	return (struct strv *)((char *)s + path_lists[i]);
}

void archive_root_pack_suite(const char *const roots[ARCHIVE_N_ROOTS],
	const struct suite *s, struct suite *packed)
{
	*packed = *s;
	for (size_t i = 0; i < ARRAY_LEN(path_strings); i++) {
		char **text = string_of(packed, i);

		if (*text)
			*text = archive_root_pack(roots, *text);
	}
	for (size_t i = 0; i < ARRAY_LEN(path_lists); i++) {
		struct strv *list = list_of(packed, i), old = *list;

		*list = (struct strv)STRV_INIT;
		for (size_t j = 0; j < old.len; j++)
			strv_push_take(list, archive_root_pack(roots, old.v[j]));
	}
}

void archive_root_release_packed(struct suite *packed)
{
	for (size_t i = 0; i < ARRAY_LEN(path_strings); i++)
		free(*string_of(packed, i));
	for (size_t i = 0; i < ARRAY_LEN(path_lists); i++)
		strv_release(list_of(packed, i));
}

static int unpack_in_place(
	const char *const roots[ARCHIVE_N_ROOTS], char **text, struct err *e)
{
	char *plain = archive_root_unpack(roots, *text);

	if (!plain)
		return err_set(e, ERR_SETUP,
			"\"%.200s\" names a directory the archive does not have", *text);
	free(*text);
	*text = plain;
	return 0;
}

int archive_root_unpack_suite(
	const char *const roots[ARCHIVE_N_ROOTS], struct suite *s, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(path_strings); i++) {
		char **text = string_of(s, i);

		if (*text && unpack_in_place(roots, text, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(path_lists); i++) {
		struct strv *list = list_of(s, i);

		for (size_t j = 0; j < list->len; j++)
			if (unpack_in_place(roots, &list->v[j], e) < 0)
				return -1;
	}
	return 0;
}

void archive_roots_init(struct archive_roots *roots,
	const struct archive_manifest *manifest, const char *extracted_dir,
	const char *workspace)
{
	*roots = (struct archive_roots){0};
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		if (!manifest->roots[i])
			continue;
		roots->v[i].original = xstrdup(manifest->roots[i]);
		roots->v[i].extracted =
			i == ARCHIVE_SOURCE && workspace
				? fs_normalize(workspace, NULL)
				: fs_join(extracted_dir, archive_root_name(i));
	}
}

void archive_roots_release(struct archive_roots *roots)
{
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		free(roots->v[i].original);
		free(roots->v[i].extracted);
	}
	*roots = (struct archive_roots){0};
}

char *archive_roots_locate(const struct archive_roots *roots, const char *path)
{
	const char *originals[ARCHIVE_N_ROOTS], *below;
	int root;

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		originals[i] = roots->v[i].original;
	root = path[0] == '/' ? archive_root_of(originals, path, &below) : -1;
	return root < 0 ? xstrdup(path) : fs_join(roots->v[root].extracted, below);
}

/* A mount point inside an extracted tree that is not there is made; outside of all trees
 * it is the runner's business. */
static int make_mount_point(const struct archive_roots *roots, int inner, struct err *e)
{
	const char *plain[ARCHIVE_N_ROOTS], *below;
	autofree char *point = NULL;
	int outer;

	for (int i = 0; i < ARCHIVE_N_ROOTS; i++)
		plain[i] =
			i == inner || i == ARCHIVE_SYSROOT ? NULL : roots->v[i].original;
	outer = archive_root_of(plain, roots->v[inner].original, &below);
	if (outer < 0 || !*below)
		return 0;
	point = fs_join(roots->v[outer].extracted, below);
	return fs_mkdir_p(point, e);
}

int archive_roots_binds(
	const struct archive_roots *roots, struct strv *binds, struct err *e)
{
	int order[ARCHIVE_N_ROOTS], n = 0;

	/* By the length of the original path: an outer directory is always shorter. */
	for (int i = 0; i < ARCHIVE_N_ROOTS; i++) {
		int at = n;

		if (i == ARCHIVE_SYSROOT || !roots->v[i].original)
			continue;
		for (; at > 0 && strlen(roots->v[order[at - 1]].original) >
					 strlen(roots->v[i].original);
			at--)
			order[at] = order[at - 1];
		order[at] = i;
		n++;
	}
	for (int k = 0; k < n; k++) {
		if (fs_mkdir_p(roots->v[order[k]].extracted, e) < 0 ||
			make_mount_point(roots, order[k], e) < 0)
			return -1;
		strv_push(binds, roots->v[order[k]].extracted);
		strv_push(binds, roots->v[order[k]].original);
	}
	return 0;
}
