#include "adapter/cmake.h"

#include "model/toolchain.h"

/* A bracket argument takes every byte as it is; only the ';' of lists needs its escape.
 */
static void put_word(struct buf *text, const char *word)
{
	buf_append_str(text, " [==[");
	for (const char *c = word; *c; c++) {
		if (*c == ';')
			buf_append_char(text, '\\');
		buf_append_char(text, *c);
	}
	buf_append_str(text, "]==]");
}

static void put_set(struct buf *text, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(text, "set(%s", name);
	put_word(text, value);
	buf_append_str(text, ")\n");
}

static void put_list(struct buf *text, const char *name, const struct strv *words)
{
	if (!words->len)
		return;
	buf_printf(text, "set(%s", name);
	for (size_t i = 0; i < words->len; i++)
		put_word(text, words->v[i]);
	buf_append_str(text, ")\n");
}

/* A directory that is no whole system is one more place to look. */
static void put_sysroot(struct buf *text, const struct toolchain *tc)
{
	const char *whole = adapter_whole_sysroot(tc);
	const char *mode = whole ? "ONLY" : "BOTH";

	if (!tc->sysroot || streq(tc->sysroot, "/"))
		return;
	put_set(text, whole ? "CMAKE_SYSROOT" : "CMAKE_FIND_ROOT_PATH", tc->sysroot);
	buf_append_str(text, "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)\n");
	buf_printf(text,
		"set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY %s)\n"
		"set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE %s)\n"
		"set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE %s)\n",
		mode, mode, mode);
}

/* Not through the environment of the configure step: the build step configures again by
 * itself when a CMakeLists.txt changed. set(ENV{…}) to "" would unset the variable. */
static void put_pkg_config(struct buf *text, const struct toolchain *tc)
{
	put_set(text, "PKG_CONFIG_EXECUTABLE", tc->pkg_config);
	put_set(text, "ENV{PKG_CONFIG_LIBDIR}",
		tc->pkg_config_libdir && *tc->pkg_config_libdir ? tc->pkg_config_libdir
								: "/nonexistent");
	buf_append_str(text, "set(ENV{PKG_CONFIG_PATH})\n");
}

/* Without a compiler of the target CMake would fall back to the one of this machine. */
static void put_missing_cxx(struct buf *text, const struct toolchain *tc)
{
	autofree char *name = xasprintf("%s-g++", tc->triple);

	put_set(text, "CMAKE_CXX_COMPILER", name);
}

void cmake_toolchain_write(const struct build_request *request, struct buf *text)
{
	const struct toolchain *tc = request->toolchain;

	if (request->cross) {
		buf_append_str(text, "set(CMAKE_SYSTEM_NAME Linux)\n");
		put_set(text, "CMAKE_SYSTEM_PROCESSOR", request->target->cmake_processor);
	}
	put_list(text, "CMAKE_C_COMPILER", &tc->cc);
	put_list(text, "CMAKE_CXX_COMPILER", &tc->cxx);
	if (!request->cross)
		return;
	if (!tc->cxx.len)
		put_missing_cxx(text, tc);
	put_list(text, "CMAKE_ASM_COMPILER", &tc->cc);
	put_set(text, "CMAKE_AR", tc->ar);
	put_set(text, "CMAKE_RANLIB", tc->ranlib);
	put_set(text, "CMAKE_STRIP", tc->strip);
	put_set(text, "CMAKE_NM", tc->nm);
	put_set(text, "CMAKE_OBJCOPY", tc->objcopy);
	put_set(text, "CMAKE_LINKER", tc->ld);
	put_sysroot(text, tc);
	put_pkg_config(text, tc);
	put_list(text, "CMAKE_CROSSCOMPILING_EMULATOR", request->exec_wrapper);
}
