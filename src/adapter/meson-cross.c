#include "adapter/meson.h"

#include "model/toolchain.h"

/* A string of Meson's language; what stands between the quotes needs two escapes. */
static void put_string(struct buf *text, const char *s)
{
	buf_append_char(text, '\'');
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_append_char(text, '\\');
		if (*s == '\n')
			buf_append_str(text, "\\n");
		else
			buf_append_char(text, *s);
	}
	buf_append_char(text, '\'');
}

static void put_key(struct buf *text, const char *key, const char *value)
{
	if (!value)
		return;
	buf_printf(text, "%s = ", key);
	put_string(text, value);
	buf_append_char(text, '\n');
}

static void put_list(struct buf *text, const char *key, const struct strv *words)
{
	if (!words->len)
		return;
	buf_printf(text, "%s = [", key);
	for (size_t i = 0; i < words->len; i++) {
		buf_append_str(text, i ? ", " : "");
		put_string(text, words->v[i]);
	}
	buf_append_str(text, "]\n");
}

static void put_compiler(struct buf *text, const char *key, const struct strv *words,
	const char *whole_sysroot)
{
	autorelease(strv) struct strv command = STRV_INIT;

	strv_copy(&command, words);
	if (whole_sysroot && command.len)
		strv_pushf(&command, "--sysroot=%s", whole_sysroot);
	put_list(text, key, &command);
}

static void put_pkg_config_dirs(struct buf *text, const struct toolchain *tc)
{
	autorelease(strv) struct strv dirs = STRV_INIT;

	if (tc->pkg_config_libdir)
		strv_split(&dirs, tc->pkg_config_libdir, ":");
	/* Without any, pkg-config would answer for this machine. */
	if (!dirs.len)
		strv_push(&dirs, "/nonexistent");
	put_list(text, "pkg_config_libdir", &dirs);
}

void meson_cross_write(const struct build_request *request, struct buf *text)
{
	const struct toolchain *tc = request->toolchain;
	const struct target *target = request->target;
	const char *sysroot = adapter_whole_sysroot(tc);

	buf_append_str(text, "[binaries]\n");
	put_compiler(text, "c", &tc->cc, sysroot);
	put_compiler(text, "cpp", &tc->cxx, sysroot);
	put_key(text, "ar", tc->ar);
	put_key(text, "ranlib", tc->ranlib);
	put_key(text, "strip", tc->strip);
	put_key(text, "nm", tc->nm);
	put_key(text, "objcopy", tc->objcopy);
	/* The older and the newer name (1.3). */
	put_key(text, "pkgconfig", tc->pkg_config);
	put_key(text, "pkg-config", tc->pkg_config);
	put_list(text, "exe_wrapper", request->exec_wrapper);
	buf_append_str(text, "\n[host_machine]\nsystem = 'linux'\n");
	put_key(text, "cpu_family", target->meson_cpu_family);
	put_key(text, "cpu", target->meson_cpu);
	put_key(text, "endian", target_endian(target));
	buf_printf(text, "\n[properties]\nneeds_exe_wrapper = %s\n",
		request->exec_wrapper->len ? "true" : "false");
	put_key(text, "sys_root", sysroot);
	put_pkg_config_dirs(text, tc);
}
