#!/usr/bin/env bats
# Each way a run can end has a number and a sentence that says what to do.

load common

setup() {
	need jq jq
	need make make
	dir=$BATS_TEST_TMPDIR/project
	make_project "$dir" <<-'MAKEFILE'
		TESTS = good bad
		all:;
		check: $(TESTS); @for t in $(TESTS); do ./$$t; done
	MAKEFILE
	program "$dir/good" 'exit 0'
	program "$dir/bad" 'echo "bad:2: it is broken" >&2; exit 1'
	cd "$dir"
}

@test "0: everything passes" {
	run xtest good
	[ "$status" = 0 ]
	[[ $output == *"1 test run: 1 passed"* ]]
}

@test "100: a test fails, and is repeated at the end with its reason" {
	run xtest
	[ "$status" = 100 ]
	[[ ${lines[-1]} == *FAIL*project::bad*"bad:2: it is broken"* ]]
}

@test "4: the filter leaves nothing" {
	run xtest no-such-test
	[ "$status" = 4 ]
	[[ $output == *"the filter leaves out all 2"* ]]
	run xtest no-such-test --no-tests pass
	[ "$status" = 0 ]
	run xtest no-such-test --no-tests warn
	[ "$status" = 0 ]
	[[ $output == *"no test was selected"* ]]
}

@test "96: nothing here is a project" {
	mkdir ../empty
	run xtest -C ../empty
	[ "$status" = 96 ]
	for file in CMakeLists.txt meson.build configure Makefile xtest.json; do
		[[ $output == *"$file"* ]]
	done
}

@test "94: a bad filter, with a mark under the place" {
	run xtest -E 'test(good) annd test(bad)'
	[ "$status" = 94 ]
	[[ $output == *"test(good) annd test(bad)"*"           ^"* ]]
	[ ! -e .xtest/build ] # found before anything is built
}

@test "92: another version of xtest is required, whatever else the file says" {
	printf '{"xtest-version": "99.1",\n "a key of the future": 1}\n' >xtest.json
	for verb in run list "show-config version"; do
		run xtest $verb
		[ "$status" = 92 ]
		[[ $output == *"xtest.json:1:19"*"99.1 is required, and this is xtest "* ]]
	done
}

@test "10: show-config version, where another version is recommended" {
	printf '{"xtest-version": {"required": "0.1", "recommended": "99"}}\n' >xtest.json
	run xtest show-config version
	[ "$status" = 10 ]
	run xtest good
	[ "$status" = 0 ]
	[[ $output == *"recommends xtest 99"* ]]
}

@test "104: a program that cannot say which cases it has" {
	need gcc gcc
	printf '#include <unistd.h>\nint main(void) { sleep(1000); return 0; }\n' >x.c
	gcc -o x x.c
	echo '{"adapter": "manifest", "suites": [{"name": "x", "binary": "./x", "framework": "libtest"}]}' >xtest.json
	run xtest --list-timeout 300ms
	[ "$status" = 104 ]
	[[ $output == *project::x* ]]
}

@test "102: tests whose dependencies go in a circle" {
	echo '{"adapter": "manifest", "suites": [
		{"name": "a", "command": "true", "depends": ["b"]},
		{"name": "b", "command": "true", "depends": ["a"]}]}' >xtest.json
	run xtest
	[ "$status" = 102 ]
	[[ $output == *"go in a circle through project::"* ]]
}

@test "2: an unknown option, with the nearest known one" {
	run xtest --reprot jsonl
	[ "$status" = 2 ]
	[[ $output == *"--reprot"*"--report"* ]]
}

@test "95: a runner that was not built, and what it takes" {
	for there in /usr/libexec/xtest /usr/local/libexec/xtest; do
		[ ! -e "$there" ] || skip "xtest is installed in $there"
	done
	mkdir ../bin
	cp "$top_builddir/xtest" ../bin
	XTEST_LIBEXECDIR='' run ../bin/xtest good
	[ "$status" = 95 ]
	[[ $output == *"xtest-runner-"*"was not built"*"build xtest again"* ]]
}

@test "5: a rerun that leaves out what is outstanding" {
	run xtest
	[ "$status" = 100 ]
	run xtest --failed good
	[ "$status" = 5 ]
	[[ $output == *"1 test of earlier runs is still outstanding"* ]]
}

@test "105: a set-up script that fails" {
	echo '{"scripts": {"setup": {"no": {"command": "exit 1"}}}, "profiles": {"default": {"scripts": [{"setup": "no"}]}}}' >xtest.json
	run xtest good
	[ "$status" = 105 ]
}

@test "96: an unknown target, with the nearest known one" {
	run xtest --target aarch46
	[ "$status" = 96 ]
	[[ $output == *aarch46*aarch64* ]]
}

@test "96: a mistake in xtest.json, with its place" {
	printf '{\n  "tagrets": ["aarch64"]\n}\n' >xtest.json
	run xtest
	[ "$status" = 96 ]
	[[ $output == *"xtest.json:2:"*"tagrets"*"targets"* ]]
}

@test "101: a build that fails shows all it printed" {
	make_project "$dir" <<-'MAKEFILE'
		TESTS = good
		all:; @for i in $$(seq 500); do echo "line $$i of the build"; done; echo "the cause" >&2; exit 3
	MAKEFILE
	run xtest
	[ "$status" = 101 ]
	[[ $output == *"line 1 of the build"* && $output == *"line 500 of the build"* && $output == *"the cause"* ]]
	[[ ${lines[-1]} == xtest:*make*"exit status 2"* ]]
}

@test "101: a configure that fails shows all it printed, and is tried again" {
	need cmake cmake
	rm -r ../project/*
	printf 'cmake_minimum_required(VERSION 3.18)\nproject(p NONE)\nmessage(FATAL_ERROR "libodd is missing")\n' \
		>CMakeLists.txt
	for again in 1 2; do
		run xtest
		[ "$status" = 101 ]
		[[ $output == *"libodd is missing"* ]]
	done
}

@test "96: what a target needs and is not there is named with its package" {
	mkdir ../bin
	for tool in sh make env sed grep cat rm mkdir uname; do
		ln -s "$(command -v "$tool")" "../bin/$tool"
	done
	PATH=$top_builddir:$BATS_TEST_TMPDIR/bin run xtest --target aarch64
	[ "$status" = 96 ]
	[[ $output == *gcc-aarch64-linux-gnu* ]]
}

@test "107: a test whose file has gone has no verdict" {
	xtest good
	cat >xtest.json <<-'JSON'
		{"adapter": "manifest", "suites": [
			{"name": "good", "command": ["./good"]},
			{"name": "gone", "command": ["./gone"]}]}
	JSON
	run xtest --report jsonl=../events
	[ "$status" = 107 ]
	[ "$(verdicts ../events)" = $'gone lost\ngood pass' ]
	[[ $output == *gone* ]]
}

@test "96: a folder that cannot be written is named" {
	[ "$(id -u)" != 0 ] || need setpriv util-linux
	chmod 555 .
	as_user=()
	if [ "$(id -u)" = 0 ]; then
		chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
		as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
		"${as_user[@]}" test -x "$top_builddir/xtest" -a -r . || skip "needs a path every user may read"
	fi
	run "${as_user[@]}" "$top_builddir/xtest"
	chmod 755 .
	[ "$status" = 96 ]
	[[ $output == *"$dir/.xtest"*"ermission denied"* ]]
}

# A tiny file system of its own, in a mount namespace that goes away with the command.
on_full_disk() { # SCRIPT
	unshare -m true 2>/dev/null || skip "needs root, for a small file system"
	mkdir -p "$BATS_TEST_TMPDIR/small"
	unshare -m sh -c "mount -t tmpfs -o size=64k none '$BATS_TEST_TMPDIR/small' && cd '$dir' && $1"
}

@test "110: a report that does not fit on its disk is no success, and not half there" {
	program loud 'head -c 300000 /dev/zero | tr "\0" x; exit 1'
	sed -i 's/good bad/good loud/' Makefile
	run on_full_disk "xtest --report junit=../small/junit.xml; code=\$?; ls -A ../small; exit \$code"
	[ "$status" = 110 ]
	[[ $output == *"junit.xml"*"No space left on device"* ]]
	[[ ${lines[-1]} != junit.xml ]]
	run on_full_disk "xtest good --report jsonl=/dev/full"
	[ "$status" = 110 ]
}

@test "a disk that is full for the build ends it with the compiler's words" {
	need gcc gcc
	printf 'TESTS = big\nall: big\n' >Makefile
	printf 'char big[1 << 20] = {1}; int main(void) { return 0; }\n' >big.c
	run on_full_disk "cp Makefile big.c ../small && xtest -C ../small"
	[ "$status" = 101 ]
	[[ $output == *"No space left on device"* ]]
}

@test "103: an archive that does not fit on its disk is not half there" {
	head -c 300000 /dev/urandom >data
	printf '{"archive": {"include": [{"path": "data"}]}}\n' >xtest.json
	run on_full_disk "xtest archive --archive-file ../small/a.tar.zst; code=\$?; ls -A ../small; exit \$code"
	[ "$status" = 103 ]
	[[ $output == *"No space left on device"* ]]
	[[ $output != *$'\n'a.tar.zst* && $output != *$'\n'.* ]]
}
