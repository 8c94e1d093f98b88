#include "image/image-modules.h"

#include "base/elf.h"
#include "base/fs.h"
#include "image/image-deb.h"

#include <sys/stat.h>

void image_kernel_release(struct image_kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_modules; i++) {
		free(kernel->modules[i].name);
		strv_release(&kernel->modules[i].depends);
		buf_release(&kernel->modules[i].data);
	}
	free(kernel->modules);
	free(kernel->release);
	buf_release(&kernel->data);
	strv_release(&kernel->builtin);
	strv_release(&kernel->order);
	*kernel = (struct image_kernel){0};
}

/* The kernel itself writes "_" where file names may have "-". */
static void kernel_names(char *text)
{
	for (char *p = text; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* "…/virtio-rng.ko.xz" is virtio_rng; NULL for what is no module. The caller's. */
static char *module_name(const char *path)
{
	const char *base = fs_basename(path);
	const char *end = strstr(base, ".ko");
	char *name;

	if (!end || (end[3] && end[3] != '.'))
		return NULL;
	name = xstrndup(base, (size_t)(end - base));
	kernel_names(name);
	return name;
}

static struct image_module *find_module(
	const struct image_kernel *kernel, const char *name)
{
	for (size_t i = 0; i < kernel->n_modules; i++)
		if (streq(kernel->modules[i].name, name))
			return &kernel->modules[i];
	return NULL;
}

const struct image_module *image_kernel_find(
	const struct image_kernel *kernel, const char *name)
{
	return find_module(kernel, name);
}

/* ---- order */

/* One module that is being arranged, and what asked for it. */
struct chain {
	const char *name;
	const struct chain *above;
};

static bool is_above(const struct chain *chain, const char *name)
{
	for (; chain; chain = chain->above)
		if (streq(chain->name, name))
			return true;
	return false;
}

static int arrange_module(struct image_kernel *kernel, const char *name,
	const struct chain *above, struct err *e)
{
	const struct image_module *module = find_module(kernel, name);
	const struct chain here = {name, above};

	if (strv_has(&kernel->order, name))
		return 0;
	if (!module) {
		if (strv_has(&kernel->builtin, name))
			return 0;
		return err_set(e, ERR_SETUP,
			"kernel %s has no module %s%s%s, and it is not built in",
			kernel->release, name, above ? ", which is needed by " : "",
			above ? above->name : "");
	}
	if (is_above(above, name))
		return err_set(e, ERR_SETUP, "kernel %s: module %s needs itself",
			kernel->release, name);
	for (size_t i = 0; i < module->depends.len; i++)
		if (arrange_module(kernel, module->depends.v[i], &here, e) < 0)
			return -1;
	strv_push(&kernel->order, name);
	return 0;
}

int image_kernel_arrange(
	struct image_kernel *kernel, const struct strv *wanted, struct err *e)
{
	strv_clear(&kernel->order);
	for (size_t i = 0; i < wanted->len; i++) {
		autofree char *file = xasprintf("%s.ko", wanted->v[i]);
		autofree char *name = module_name(file);

		if (arrange_module(kernel, name, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- reading */

/* One pass over the package. Content is read of what is known to be wanted; what that
 * needs is read by another pass. */
struct pass {
	struct image_kernel *kernel;
	const struct strv *keep;
	bool first;
};

static struct image_module *add_module(struct image_kernel *kernel, char *name)
{
	struct image_module *module = find_module(kernel, name);

	if (module) {
		free(name);
		return module;
	}
	kernel->modules = xgrow(kernel->modules, &kernel->modules_cap,
		kernel->n_modules + 1, sizeof(*kernel->modules));
	module = &kernel->modules[kernel->n_modules++];
	*module = (struct image_module){.name = name};
	return module;
}

static int read_module(
	struct image_module *module, const struct image_deb_entry *entry, struct err *e)
{
	autofree char *depends = NULL;

	if (image_deb_content(entry, &module->data, e) < 0 ||
		image_deb_decompress(&module->data, entry->path, e) < 0)
		return -1;
	depends = elf_module_info(module->data.data, module->data.len, "depends");
	if (!depends)
		return err_set(e, ERR_SETUP, "%s is no kernel module", entry->path);
	kernel_names(depends);
	strv_split(&module->depends, depends, ",");
	return 0;
}

/* modules.builtin: the path of each module that would be, a line. */
static int read_builtin(
	struct image_kernel *kernel, const struct image_deb_entry *entry, struct err *e)
{
	autorelease(buf) struct buf text = BUF_INIT;
	size_t pos = 0, len;
	const char *line;

	if (image_deb_content(entry, &text, e) < 0)
		return -1;
	while (buf_next_line(text.data, text.len, &pos, &line, &len)) {
		autofree char *path = xstrndup(line, len);
		char *name = module_name(path);

		if (name)
			strv_push_take(&kernel->builtin, name);
	}
	return 0;
}

static bool has_all(const struct image_kernel *kernel)
{
	for (size_t i = 0; i < kernel->order.len; i++)
		if (!find_module(kernel, kernel->order.v[i])->data.len)
			return false;
	return true;
}

static int on_entry(void *ctx, const struct image_deb_entry *entry, struct err *e)
{
	struct pass *pass = ctx;
	struct image_kernel *kernel = pass->kernel;
	const char *base = fs_basename(entry->path);
	struct image_module *module;
	char *name;

	if (!S_ISREG(entry->mode) || entry->hardlink)
		return 0;
	name = module_name(entry->path);
	if (name) {
		module = add_module(kernel, name);
		if (module->data.len || !strv_has(pass->keep, module->name))
			return 0;
		if (read_module(module, entry, e) < 0)
			return -1;
		return !pass->first && has_all(kernel);
	}
	if (!pass->first)
		return 0;
	if (streq(base, "modules.builtin"))
		return read_builtin(kernel, entry, e);
	if (!kernel->release && strstr(entry->path, "boot/") &&
		(starts_with(base, "vmlinuz-") || starts_with(base, "vmlinux-"))) {
		kernel->release = xstrdup(base + strlen("vmlinuz-"));
		return image_deb_content(entry, &kernel->data, e);
	}
	return 0;
}

int image_kernel_read(struct image_kernel *kernel, const char *deb,
	const struct strv *wanted, struct err *e)
{
	struct pass pass = {kernel, wanted, true};

	do {
		if (image_deb_each(deb, on_entry, &pass, e) < 0)
			return -1;
		if (!kernel->release || !kernel->data.len)
			return err_set(e, ERR_SETUP,
				"%s has no kernel: no boot/vmlinuz-RELEASE", deb);
		if (image_kernel_arrange(kernel, wanted, e) < 0)
			return -1;
		pass = (struct pass){kernel, &kernel->order, false};
	} while (!has_all(kernel));
	return 0;
}
