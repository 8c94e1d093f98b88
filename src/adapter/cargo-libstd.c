#include "adapter/cargo-build.h"

#include "base/elf.h"
#include "base/fs.h"

/* The standard library a program links, as the loader asks for it; NULL. Borrowed. */
static const char *needed_libstd(const struct elf *elf)
{
	for (size_t i = 0; i < elf->needed.len; i++)
		if (starts_with(elf->needed.v[i], "libstd-"))
			return elf->needed.v[i];
	return NULL;
}

/* Its name has a hash of what it was made of, so a copy that is there is the same. */
static int copy_library(
	const char *libdir, const char *name, const char *into, struct err *e)
{
	autofree char *from = fs_join(libdir, name), *to = fs_join(into, name);

	if (fs_exists(to) || !fs_is_file(from))
		return 0;
	return fs_mkdir_p(into, e) < 0 ? -1 : fs_copy_file(from, to, e);
}

static void search_first(struct suite *s, const char *dir)
{
	const char *path = strv_env_find(&s->env_prepend, "LD_LIBRARY_PATH");
	autofree char *longer =
		path && *path ? xasprintf("%s:%s", dir, path) : xstrdup(dir);

	strv_env_set(&s->env_prepend, "LD_LIBRARY_PATH", longer);
}

int cargo_libstd_provide(const struct cargo_build *b, const char *into,
	struct suite_list *suites, struct err *e)
{
	for (size_t i = 0; i < suites->len; i++) {
		struct suite *s = &suites->v[i];
		bool target = s->platform == PLATFORM_TARGET && b->n_targets;
		const char *libdir = target ? b->targets[0].libdir : b->host.libdir;
		autofree char *dir = xasprintf(
			"%s/xtest-libdirs/%s", into, target ? "target" : "host");
		autorelease(elf) struct elf elf = {0};
		const char *name;

		if (!libdir)
			continue;
		if (elf_open(s->binary, &elf, e) < 0)
			return -1;
		name = needed_libstd(&elf);
		if (!name)
			continue;
		if (copy_library(libdir, name, dir, e) < 0)
			return -1;
		search_first(s, dir);
	}
	return 0;
}
