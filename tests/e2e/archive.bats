#!/usr/bin/env bats
# An archive from its writing to a run elsewhere: what is in it, that it is the same everywhere, what becomes of it
# when something goes wrong, and that nothing of the place it was built at is needed.

bats_require_minimum_version 1.5.0
load common

# A project of scripts: nothing has to be compiled. What is in extra/ no rule finds.
setup() {
	dir=$BATS_TEST_TMPDIR/project
	mkdir -p "$dir/bin" "$dir/other" "$dir/extra/deep/deeper"
	program "$dir/bin/reads" 'where=extra; cat "${0%/*}/../$where/one.txt"'
	program "$dir/other/plain" 'exit 0'
	echo one >"$dir/extra/one.txt"
	echo two >"$dir/extra/deep/two.txt"
	echo three >"$dir/extra/deep/deeper/three.txt"
	echo object >"$dir/extra/x.o"
	config
	cd "$dir"
}

# config [ARCHIVE]: the project's configuration, with what "archive" has in it.
config() {
	cat >"$dir/xtest.json" <<-JSON
		{
			"adapter": "manifest",
			"archive": {$1},
			"suites": [
				{"name": "reads", "command": ["./bin/reads"], "platform": "target"},
				{"name": "plain", "command": ["./other/plain"], "platform": "target"}
			]
		}
	JSON
}

# The names in the archive that xtest would write, without xtest's own.
names() {
	xtest archive --list "$@" | sed -n 's/^ *[0-9]*  \([^ ]*\)  (.*/\1/p' | grep -v '^xtest/'
}

has() { # NAME…
	local name

	for name in "$@"; do
		grep -qxF "source/$name" <<<"$output" || { echo "no $name in: $output"; return 1; }
	done
}

has_not() { # NAME…
	local name

	for name in "$@"; do
		! grep -qF "source/$name" <<<"$output" || { echo "$name in: $output"; return 1; }
	done
}

# An empty directory to be in, with the project gone.
elsewhere() {
	mv "$dir" "$BATS_TEST_TMPDIR/away"
	mkdir -p "$BATS_TEST_TMPDIR/empty"
	cd "$BATS_TEST_TMPDIR/empty"
}

@test "what no rule finds is taken by archive.include, and the run elsewhere has it" {
	xtest archive --archive-file "$BATS_TEST_TMPDIR/without.tar.zst"
	config '"include": [{"path": "extra"}]'
	xtest archive --archive-file "$BATS_TEST_TMPDIR/with.tar.zst"
	elsewhere
	run xtest run --archive-file ../with.tar.zst
	[ "$status" = 0 ]
	[[ $output == *"2 tests run: 2 passed"* ]]
	run xtest run --archive-file ../without.tar.zst
	[ "$status" = 100 ]
	[[ $output == *"1 passed, 1 failed"* ]]
	[ -z "$(ls -A)" ]
	[ ! -e "$dir" ]
}

@test "include: depth, platform, suites, patterns" {
	config '"include": [{"path": "extra", "depth": 1}]'
	run names
	has extra/one.txt extra/deep/two.txt extra/x.o
	has_not extra/deep/deeper
	config '"include": [{"path": "extra", "platform": "host"}]'
	run names
	has_not extra
	config '"include": [{"path": "extra", "suites": "binary_id(project::plain)"}]'
	run names
	has extra/one.txt
	run names -E 'binary_id(project::reads)'
	has_not extra
	config '"include": [{"path": "extra/**/t*.txt"}]'
	run names
	has extra/deep/two.txt extra/deep/deeper/three.txt
	has_not extra/one.txt extra/x.o
}

@test "include: relative-to the build directory" {
	config '"include": [{"path": "stray", "relative-to": "build", "on-missing": "warn"}]'
	xtest list >/dev/null
	build=$(find .xtest/build -mindepth 2 -maxdepth 2 -type d)
	mkdir "$build/stray"
	echo object >"$build/stray/x.o"
	run names
	grep -qx target/stray/x.o <<<"$output"
	config
	run names
	! grep -qx target/stray/x.o <<<"$output"
}

@test "exclude" {
	config '"include": [{"path": "extra"}], "exclude": ["*.o", "extra/deep/deeper/**"]'
	run names
	has extra/one.txt extra/deep/two.txt
	has_not extra/x.o extra/deep/deeper/three.txt
}

@test "on-missing: error by default, warn, ignore, of one and of all" {
	config '"include": [{"path": "nothing"}]'
	run xtest archive --archive-file a.tar.zst
	[ "$status" = 103 ]
	[[ $output == *'archive.include "nothing" is not in '* ]]
	[ ! -e a.tar.zst ]
	config '"include": [{"path": "nothing", "on-missing": "warn"}]'
	run xtest archive --archive-file a.tar.zst
	[ "$status" = 0 ]
	[[ $output == *'archive.include "nothing" is not in '* ]]
	config '"on-missing": "ignore", "include": [{"path": "nothing"}]'
	run xtest archive --archive-file a.tar.zst
	[ "$status" = 0 ]
	[[ $output != *nothing* ]]
}

@test "neither version control nor xtest's own folder goes in" {
	mkdir -p .git other/.git other/.xtest
	touch .git/config other/.git/config other/.xtest/x
	config '"include": [{"path": "."}]'
	run names
	has other/plain extra/one.txt
	has_not .git .xtest other/.git other/.xtest
}

@test "equal inputs give equal bytes: umask, locale, time zone, threads, order of names, user" {
	config '"include": [{"path": "extra"}]'
	# Another user must get there, too.
	bed=$(mktemp -d /tmp/xtest-archive-XXXXXX)
	chmod 755 "$bed"
	cp -R "$dir" "$bed/project"
	cd "$bed/project"
	run equal_archives
	rm -rf "$bed"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(id -u)" = 0 ] || skip "only root can become another user"
}

equal_archives() {
	out=$BATS_TEST_TMPDIR
	xtest archive --archive-file "$out/a.tar.zst"
	(umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo xtest archive --archive-file "$out/b.tar.zst")
	cmp "$out/a.tar.zst" "$out/b.tar.zst" || return 1
	# Made anew in the opposite order, which many file systems list them in.
	mv extra "$out/old" && mkdir extra
	for name in x.o one.txt; do cp "$out/old/$name" extra/$name; done
	cp -R "$out/old/deep" extra/deep
	chmod g-rwx,o-rwx extra/one.txt
	xtest archive -j 1 --archive-file "$out/c.tar.zst"
	cmp "$out/a.tar.zst" "$out/c.tar.zst" || return 1
	[ "$(id -u)" = 0 ] || return 0
	# The tree xtest was built in may be closed to others, as all of /root is.
	mkdir "$bed/theirs"
	cp "$(command -v xtest)" "$XTEST_LIBEXECDIR"/xtest-runner-* "$bed/theirs"
	cp -R "$XTEST_DATADIR/targets" "$bed/theirs"
	chown -R 12345:12345 "$bed/project" "$bed/theirs"
	setpriv --reuid 12345 --regid 12345 --clear-groups env HOME="$bed/theirs" \
		XTEST_DATADIR="$bed/theirs" XTEST_LIBEXECDIR="$bed/theirs" \
		"$bed/theirs/xtest" archive --archive-file "$bed/theirs/d.tar.zst"
	cmp "$out/a.tar.zst" "$bed/theirs/d.tar.zst"
}

@test "--zstd-level: the file differs, its content does not" {
	need zstd zstd
	head -c 300000 /dev/zero | tr '\0' 'x' >other/many
	seq 60000 >other/numbers
	xtest archive --archive-file 1.tar.zst --zstd-level 1
	xtest archive --archive-file 19.tar.zst --zstd-level 19
	[ "$(stat -c %s 19.tar.zst)" -lt "$(stat -c %s 1.tar.zst)" ]
	zstd -qdc 1.tar.zst >1.tar
	zstd -qdc 19.tar.zst | cmp - 1.tar
	run xtest archive --archive-file x --zstd-level 23
	[ "$status" = 2 ] || [ "$status" = 96 ]
	[[ $output == *"--zstd-level takes -7 to 22, not 23"* ]]
}

@test "standard input will do, for list and for run" {
	config '"include": [{"path": "extra"}]'
	xtest archive --archive-file "$BATS_TEST_TMPDIR/a.tar.zst"
	elsewhere
	run xtest list --archive-file - < <(cat ../a.tar.zst)
	[ "$status" = 0 ]
	[ "$output" = "project::reads"$'\n'"project::plain" ] || [ "$output" = "project::plain"$'\n'"project::reads" ]
	run xtest run --archive-file - < <(cat ../a.tar.zst)
	[ "$status" = 0 ]
	[[ $output == *"2 passed"* ]]
}

@test "--extract-to stays; what is there is kept unless --extract-overwrite" {
	xtest archive --archive-file "$BATS_TEST_TMPDIR/a.tar.zst"
	elsewhere
	run xtest list --archive-file ../a.tar.zst --extract-to there
	[ "$status" = 0 ]
	[ -x there/source/bin/reads ]
	echo mine >there/mine && echo changed >there/source/bin/reads
	run xtest list --archive-file ../a.tar.zst --extract-to there
	[ "$status" = 96 ]
	[[ $output == *there*"--extract-overwrite"* ]]
	[ "$(cat there/source/bin/reads)" = changed ]
	run xtest list --archive-file ../a.tar.zst --extract-to there --extract-overwrite
	[ "$status" = 0 ]
	[ "$(head -n 1 there/source/bin/reads)" = '#!/bin/sh' ]
	[ "$(cat there/mine)" = mine ]
}

@test "a filter leaves out what only other suites need; --extract-to has everything" {
	need gcc gcc
	echo 'int main(void) { return 0; }' >prog.c
	cat >xtest.json <<-'JSON'
		{
			"build-commands": ["$CC -o one $XTEST_SOURCE_DIR/prog.c && mkdir -p d && $CC -o d/two $XTEST_SOURCE_DIR/prog.c"],
			"suites": [{"name": "one", "binary": "one"}, {"name": "two", "binary": "d/two"}]
		}
	JSON
	xtest archive --archive-file "$BATS_TEST_TMPDIR/a.tar.zst"
	elsewhere
	run xtest run --archive-file ../a.tar.zst -E 'binary(two)' --extract-to all
	[ "$status" = 0 ]
	[ "$(find all/target -type f | wc -l)" = 2 ]
	whole=$(extracted)
	run xtest run --archive-file ../a.tar.zst -E 'binary(two)'
	[ "$status" = 0 ]
	[[ $output == *"1 test run: 1 passed"* ]]
	echo "$(extracted) of $whole"
	[ "$(extracted)" -lt "$whole" ]
}

# How many files the run in $output says it has written.
extracted() {
	sed -n 's/.*Extracted.*, \([0-9]*\) files.*/\1/p' <<<"$output"
}

@test "MESON_EXE_WRAPPER is the xtest that runs, not the one that built" {
	need_aarch64
	need_adapter meson
	mkdir ../wrapped && cd ../wrapped
	cat >meson.build <<-'MESON'
		project('wrapped', 'c')
		test('says', executable('says', 'says.c'))
	MESON
	cat >says.c <<-'C'
		#include <stdio.h>
		#include <stdlib.h>

		int main(void)
		{
			printf("wrapper: %s\n", getenv("MESON_EXE_WRAPPER"));
			return 1;
		}
	C
	xtest archive --target aarch64 --archive-file ../a.tar.zst
	mkdir ../bin && cp "$(command -v xtest)" ../bin/
	elsewhere
	run ../bin/xtest run --archive-file ../a.tar.zst
	[ "$status" = 100 ]
	echo "$output"
	[[ $output == *"wrapper: $BATS_TEST_TMPDIR/bin/xtest exec --target aarch64 --"* ]]
}

@test "--workspace-remap: the sources are there, not in the archive" {
	xtest archive --archive-file "$BATS_TEST_TMPDIR/a.tar.zst"
	elsewhere
	run xtest run --archive-file ../a.tar.zst
	[ "$status" = 100 ]
	run xtest run --archive-file ../a.tar.zst --workspace-remap ../away
	[ "$status" = 0 ]
	[[ $output == *"2 passed"* ]]
}

@test "96: cut off, damaged, of another kind, for another target" {
	xtest archive --archive-file good.tar.zst
	mkdir -p "$BATS_TEST_TMPDIR/tmp"
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	head -c 3000 good.tar.zst >cut.tar.zst
	cp good.tar.zst bad.tar.zst
	printf 'XXXX' | dd of=bad.tar.zst bs=1 seek=5000 conv=notrunc status=none
	seq 1000 >text.tar.zst
	for file in cut bad text; do
		run xtest run --archive-file $file.tar.zst
		[ "$status" = 96 ]
		[[ $output == *"is no usable xtest archive"* ]]
	done
	run xtest run --archive-file absent.tar.zst
	[ "$status" = 96 ]
	[[ $output == *"absent.tar.zst"*"No such file or directory"* ]]
	run xtest run --archive-file good.tar.zst --target s390x
	[ "$status" = 96 ]
	[[ $output == *"the archive was built for $(uname -m), not for s390x"* ]]
	[ -z "$(ls -A "$TMPDIR")" ]
}

# start_big: an archive in the making that takes a while; its process in $pid.
start_big() {
	head -c 60000000 /dev/urandom >other/big
	# A shell that is not interactive starts its background jobs with SIGINT ignored.
	python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
		xtest archive --archive-file out/a.tar.zst --zstd-level 19 >log 2>&1 3>&- &
	pid=$!
	eventually eval '[ -n "$(ls -A out)" ]' || { cat log; return 1; }
}

@test "an interrupt in the middle leaves nothing, and what was there stays" {
	need python3 python3
	mkdir out
	start_big
	kill -INT $pid
	run wait $pid
	wait $pid || status=$?
	[ "$status" = 100 ]
	[ -z "$(ls -A out)" ]
	echo old >out/a.tar.zst
	start_big
	sleep 0.3
	kill -TERM $pid
	wait $pid || status=$?
	[ "$(cat out/a.tar.zst)" = old ]
	[ "$(ls -A out)" = a.tar.zst ]
}

@test "killed in the middle: no half file under the final name" {
	need python3 python3
	mkdir out
	start_big
	kill -KILL $pid
	wait $pid || true
	[ ! -e out/a.tar.zst ]
}

@test "an aarch64 project with everything moved away" {
	need_aarch64
	need_adapter meson
	cp -R "$top_srcdir/tests/fixtures/demo" "$BATS_TEST_TMPDIR/demo"
	cd "$BATS_TEST_TMPDIR/demo"
	chmod -R u+w .
	xtest archive --target aarch64 --archive-file "$BATS_TEST_TMPDIR/a.tar.zst"
	run names --target aarch64
	! grep -q 'xtest-\|\.xtest\|\.ini$\|\.ninja$\|\.o$' <<<"$output"
	cd .. && mv demo gone && mkdir empty && cd empty
	run xtest run --archive-file ../a.tar.zst
	[ "$status" = 0 ]
	[[ $output == *"7 tests run: 7 passed"* ]]
	[ -z "$(ls -A)" ]
	unshare --user --map-root-user true || skip "this kernel lets nobody make a user namespace"
	# No mounts: the paths are those of the extracted files.
	run unshare --user --map-root-user --mount sh -c 'echo 0 >/proc/sys/user/max_mnt_namespaces
		echo 0 >/proc/sys/user/max_user_namespaces; exec xtest run --archive-file ../a.tar.zst -E "not test(cli)"'
	[ "$status" = 0 ]
	[[ $output == *"their paths are rewritten"* ]]
}

@test "an ordinary user runs an archive" {
	[ "$(id -u)" = 0 ] || skip "this user is one; the other tests show it"
	config '"include": [{"path": "extra"}]'
	bed=$(mktemp -d /tmp/xtest-archive-XXXXXX)
	chmod 755 "$bed"
	xtest archive --archive-file "$bed/a.tar.zst"
	elsewhere
	cd "$bed"
	setpriv --reuid 12345 --regid 12345 --clear-groups test -x "$(command -v xtest)" || skip "xtest is closed to others"
	run setpriv --reuid 12345 --regid 12345 --clear-groups env HOME=/nonexistent "$(command -v xtest)" run --archive-file a.tar.zst
	rm -rf "$bed"
	[ "$status" = 0 ]
	[[ $output == *"2 passed"* ]]
}

@test "behind a libtool wrapper are its program and the project's library" {
	need_aarch64
	need_adapter autotools
	need libtoolize libtool
	mkdir ../wrapped && cd ../wrapped
	cat >configure.ac <<-'AC'
		AC_INIT([wrapped], [1])
		AM_INIT_AUTOMAKE([foreign])
		AC_PROG_CC
		AM_PROG_AR
		LT_INIT([disable-static])
		AC_CONFIG_FILES([Makefile])
		AC_OUTPUT
	AC
	cat >Makefile.am <<-'AM'
		lib_LTLIBRARIES = libanswer.la
		libanswer_la_SOURCES = answer.c
		check_PROGRAMS = asks
		asks_SOURCES = asks.c
		asks_LDADD = libanswer.la
		TESTS = $(check_PROGRAMS)
	AM
	echo 'int answer(void) { return 42; }' >answer.c
	echo 'int answer(void); int main(void) { return answer() != 42; }' >asks.c
	xtest archive --target aarch64 --archive-file ../a.tar.zst
	run xtest archive --target aarch64 --list
	[[ $output == *"/.libs/asks  (program behind the libtool wrapper asks)"* ]]
	[[ $output == *"/.libs/libanswer.so.0 -> "* ]]
	[[ $output != */configure* && $output != */ltmain.sh* && $output != */Makefile* ]]
	cd .. && mv wrapped gone && mkdir empty && cd empty
	run xtest run --archive-file ../a.tar.zst
	[ "$status" = 0 ]
	[[ $output == *"1 test run: 1 passed"* ]]
}

@test "what only chooses cases is no option of archive, which holds suites" {
	run -2 xtest archive --list --skip slow
	[[ $output == *"--skip"* ]]
	run -2 xtest archive --list --run-ignored all
}
