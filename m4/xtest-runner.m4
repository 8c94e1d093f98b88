# XTEST_RUNNERS
# -------------
# Finds out for which architectures a static program can be linked here, and with which of the runner's two
# libraries. A compiler on PATH proves nothing (its C library is another package), so everything is probed by
# linking. Sets for each architecture A: RUNNER_CC_A (empty: none), RUNNER_CPPFLAGS_A, RUNNER_LIBS_A; and
# RUNNER_ARCHES, the list of those that can be built. XTEST_RUNNER_SUMMARY prints the table.
AC_DEFUN([XTEST_RUNNERS], [
AC_REQUIRE([AC_PROG_CC])
AC_REQUIRE([AC_CANONICAL_HOST])
AC_ARG_WITH([foreign-libs],
	[AS_HELP_STRING([--with-foreign-libs=DIR],
		[where static zstd and nettle of other architectures are unpacked (default: foreign)])],
	[], [with_foreign_libs='$(abs_top_builddir)/foreign'])
AC_ARG_ENABLE([download],
	[AS_HELP_STRING([--disable-download],
		[do not fetch static libraries of other architectures from the Debian archive])],
	[], [enable_download=yes])
AS_CASE([$with_foreign_libs],
	[no], [enable_download=no],
	['$(abs_top_builddir)'/*], [xtest_foreign=`pwd`/foreign],
	[xtest_foreign=$with_foreign_libs])
FOREIGN_LIBS=$with_foreign_libs
AC_SUBST([FOREIGN_LIBS])

dnl xxhash.h is one self-contained header, but it lies among the host's own C headers, which no cross compiler may see.
AC_MSG_CHECKING([for xxhash.h])
xtest_xxhash=`echo '#include <xxhash.h>' | $CC $XXHASH_CFLAGS -E -x c - 2>/dev/null |
	sed -n 's/^# 1 "\(.*\/xxhash\.h\)".*/\1/p' | head -n 1`
AC_MSG_RESULT([$xtest_xxhash])
mkdir -p foreign-include
for xtest_header in xxhash.h xxh3.h; do
	xtest_from=`dirname "$xtest_xxhash"`/$xtest_header
	AS_IF([test -f "$xtest_from"], [cp "$xtest_from" foreign-include/$xtest_header])
done

AS_CASE([$host],
	[aarch64*-gnu], [HOST_ARCH=aarch64],
	[arm*-gnueabihf], [HOST_ARCH=armhf],
	[i?86-*], [HOST_ARCH=i386],
	[x86_64-*], [HOST_ARCH=x86_64],
	[riscv64*], [HOST_ARCH=riscv64],
	[powerpc64le*], [HOST_ARCH=ppc64le],
	[s390x-*], [HOST_ARCH=s390x],
	[mips64el*], [HOST_ARCH=mips64el],
	[HOST_ARCH=])
AC_SUBST([HOST_ARCH])

RUNNER_ARCHES=
xtest_runner_table=
xtest_runner_missing=
XTEST_STATIC_CC([aarch64],
	[aarch64-linux-gnu-gcc aarch64-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([armhf],
	[arm-linux-gnueabihf-gcc armv7-unknown-linux-gnueabihf-gcc])
XTEST_STATIC_CC([i386],
	[i686-linux-gnu-gcc i686-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([x86_64],
	[x86_64-linux-gnu-gcc x86_64-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([riscv64],
	[riscv64-linux-gnu-gcc riscv64-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([ppc64le],
	[powerpc64le-linux-gnu-gcc powerpc64le-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([s390x],
	[s390x-linux-gnu-gcc s390x-unknown-linux-gnu-gcc])
XTEST_STATIC_CC([mips64el],
	[mips64el-linux-gnuabi64-gcc mips64el-unknown-linux-gnuabi64-gcc])
dnl Not a place to run tests on: the one 32-bit big-endian machine the protocol's own tests are run for.
XTEST_STATIC_CC([powerpc], [powerpc-linux-gnu-gcc powerpc-unknown-linux-gnu-gcc])


dnl One call for all that is wanted: the architectures are fetched side by side.
xtest_wanted=
XTEST_RUNNER_OWN_LIBS([aarch64], [arm64])
XTEST_RUNNER_OWN_LIBS([armhf], [armhf])
XTEST_RUNNER_OWN_LIBS([i386], [i386])
XTEST_RUNNER_OWN_LIBS([x86_64], [amd64])
XTEST_RUNNER_OWN_LIBS([riscv64], [riscv64])
XTEST_RUNNER_OWN_LIBS([ppc64le], [ppc64el])
XTEST_RUNNER_OWN_LIBS([s390x], [s390x])
XTEST_RUNNER_OWN_LIBS([mips64el], [mips64el])
AS_IF([test -n "$xtest_wanted" && test "x$enable_download" != xno], [
	AC_MSG_CHECKING([the Debian archive for static zstd and nettle])
	AS_IF(["$srcdir/build-aux/foreign-libs" "$xtest_foreign" $xtest_wanted 2>conftest-fetch],
		[AC_MSG_RESULT([$xtest_wanted])], [AC_MSG_RESULT([not for all])])
	cat conftest-fetch >&AS_MESSAGE_LOG_FD
	rm -f conftest-fetch
])
XTEST_RUNNER([aarch64], [arm64])
XTEST_RUNNER([armhf], [armhf])
XTEST_RUNNER([i386], [i386])
XTEST_RUNNER([x86_64], [amd64])
XTEST_RUNNER([riscv64], [riscv64])
XTEST_RUNNER([ppc64le], [ppc64el])
XTEST_RUNNER([s390x], [s390x])
XTEST_RUNNER([mips64el], [mips64el])

AC_SUBST([RUNNER_ARCHES])
RUNNERS=
for xtest_arch in $RUNNER_ARCHES; do
	RUNNERS="$RUNNERS xtest-runner-$xtest_arch"
done
AC_SUBST([RUNNERS])
])

# XTEST_STATIC_CC(ARCH, COMPILERS)
# --------------------------------
# RUNNER_CC_ARCH: the first compiler that links a static program. On the architecture itself that is $CC first.
AC_DEFUN([XTEST_STATIC_CC], [
AC_ARG_VAR([RUNNER_CC_$1], [C compiler for static $1 programs])
AC_MSG_CHECKING([for a compiler that links static $1 programs])
xtest_candidates="$2"
AS_IF([test "x$HOST_ARCH" = x$1], [xtest_candidates="$CC $xtest_candidates"])
AS_IF([test -n "$RUNNER_CC_$1"], [xtest_candidates=$RUNNER_CC_$1])
RUNNER_CC_$1=
for xtest_cc in $xtest_candidates; do
	XTEST_LINK_STATIC([$xtest_cc], [#include <stdio.h>], [puts("")], [RUNNER_CC_$1=$xtest_cc; break])
done
AC_MSG_RESULT([${RUNNER_CC_$1:-none}])
RUNNER_CPPFLAGS_$1="-DHAVE_ZSTD=0 -DHAVE_NETTLE=0"
RUNNER_LIBS_$1=
AC_SUBST([RUNNER_CPPFLAGS_$1])
AC_SUBST([RUNNER_LIBS_$1])
])

# XTEST_LINK_STATIC(COMMAND, PROLOGUE, BODY, IF-LINKS, [ELSE], [LIBS])
# --------------------------------------------------------------------
AC_DEFUN([XTEST_LINK_STATIC], [
cat >conftest-static.c <<_XTEST_EOF
$2
int main(void) { $3; return 0; }
_XTEST_EOF
AS_IF([$1 -static -o conftest-static conftest-static.c $6 >&AS_MESSAGE_LOG_FD 2>&1], [$4], [$5])
rm -f conftest-static conftest-static.c
])

# XTEST_RUNNER_OWN_LIBS(ARCH, DEBIAN-ARCH)
# ----------------------------------------
# Adds DEBIAN-ARCH to xtest_wanted when the compiler does not find both libraries by itself.
AC_DEFUN([XTEST_RUNNER_OWN_LIBS], [
AS_IF([test -n "$RUNNER_CC_$1"], [
	XTEST_RUNNER_LIBS([$1], [])
	AS_IF([test $xtest_zstd$xtest_nettle != 11], [xtest_wanted="$xtest_wanted $2"])
])
])

# XTEST_RUNNER(ARCH, DEBIAN-ARCH)
# -------------------------------
# What the runner is compiled and linked with, and its line of the table.
AC_DEFUN([XTEST_RUNNER], [
AS_IF([test -n "$RUNNER_CC_$1"], [
	RUNNER_ARCHES="$RUNNER_ARCHES $1"
	AC_MSG_CHECKING([for static zstd and nettle for $1])
	xtest_include= xtest_lib= xtest_flags=
	AS_CASE([" $xtest_wanted "], [*" $2 "*], [
		xtest_triplet=`$RUNNER_CC_$1 -print-multiarch 2>/dev/null`
		xtest_include='-I$(FOREIGN_LIBS)/$2/usr/include -I$(FOREIGN_LIBS)/$2/usr/include/'$xtest_triplet
		xtest_lib='-L$(FOREIGN_LIBS)/$2/usr/lib/'$xtest_triplet
		xtest_flags="-I$xtest_foreign/$2/usr/include -I$xtest_foreign/$2/usr/include/$xtest_triplet"
		xtest_flags="$xtest_flags -L$xtest_foreign/$2/usr/lib/$xtest_triplet"
	])
	XTEST_RUNNER_LIBS([$1], [$xtest_flags])
	RUNNER_CPPFLAGS_$1="-DHAVE_ZSTD=$xtest_zstd -DHAVE_NETTLE=$xtest_nettle $xtest_include"
	RUNNER_LIBS_$1=$xtest_lib
	AS_IF([test $xtest_zstd = 1], [RUNNER_LIBS_$1="$RUNNER_LIBS_$1 -lzstd"; xtest_zstd=yes], [xtest_zstd=no])
	AS_IF([test $xtest_nettle = 1], [RUNNER_LIBS_$1="$RUNNER_LIBS_$1 -lnettle"; xtest_nettle=yes], [xtest_nettle=no])
	AC_MSG_RESULT([zstd $xtest_zstd, nettle $xtest_nettle])
	AS_IF([test $xtest_zstd$xtest_nettle != yesyes], [xtest_runner_missing="$xtest_runner_missing $1"])
	AS_VAR_APPEND([xtest_runner_table],
		["`printf '  %-9s %-32s %-7s %-5s %s' $1 \"$RUNNER_CC_$1\" yes $xtest_zstd $xtest_nettle`
"])
], [
	AS_VAR_APPEND([xtest_runner_table], ["`printf '  %-9s %-32s %-7s %-5s %s' $1 none no - -`
"])
])
])

# XTEST_RUNNER_LIBS(ARCH, FLAGS)
# ------------------------------
# xtest_zstd and xtest_nettle: 1 when a static ARCH program links with the library.
AC_DEFUN([XTEST_RUNNER_LIBS], [
XTEST_LINK_STATIC([$RUNNER_CC_$1 $2], [#include <zstd.h>],
	[return ZSTD_freeDCtx(ZSTD_createDCtx()) != 0], [xtest_zstd=1], [xtest_zstd=0], [-lzstd])
XTEST_LINK_STATIC([$RUNNER_CC_$1 $2], [#include <nettle/sha2.h>],
	[struct sha256_ctx c; sha256_init(&c); sha256_update(&c, 1, (const uint8_t *)"x")],
	[xtest_nettle=1], [xtest_nettle=0], [-lnettle])
])

# XTEST_RUNNER_SUMMARY
# --------------------
AC_DEFUN([XTEST_RUNNER_SUMMARY], [
AS_IF([test "x$silent" != xyes], [cat <<_XTEST_EOF

  runner    compiler                         static  zstd  nettle
$xtest_runner_table
_XTEST_EOF
])
AS_IF([test -n "$xtest_runner_missing"],
	[AC_MSG_NOTICE([without a static zstd or nettle (compression, content digests):$xtest_runner_missing])])
])
