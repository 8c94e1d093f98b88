#!/usr/bin/env bats
# `xtest exec` in the place of an emulator: exit code, signal, streams and terminal are the program's own.

load common

setup_file() {
	command -v aarch64-linux-gnu-gcc >/dev/null || return 0
	for name in pass fail-status-3 crash-segv crash-abort clears-environment executes-itself; do
		aarch64-linux-gnu-gcc -o "$BATS_FILE_TMPDIR/$name" "$top_srcdir/tests/fixtures/fates/src/$name.c"
	done
	aarch64-linux-gnu-gcc -x c -o "$BATS_FILE_TMPDIR/copy" - <<-'C'
		#include <stdio.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			for (int i = 1; i < argc; i++)
				fprintf(stderr, "<%s>", argv[i]);
			for (int c; (c = getchar()) != EOF;)
				putchar(c);
			return isatty(1) ? 10 : 20;
		}
	C
}

setup() {
	need_aarch64
	cd "$BATS_FILE_TMPDIR"
}

@test "the exit status is the program's" {
	run xtest exec ./pass
	[ "$status" = 0 ]
	[ "$output" = "all is well" ]
	run xtest exec --target aarch64 -- ./fail-status-3
	[ "$status" = 3 ]
}

@test "a signal is the program's, not an exit status" {
	for pair in crash-segv:SIGSEGV crash-abort:SIGABRT; do
		python3 - "${pair%:*}" "${pair#*:}" <<-'PYTHON' || { command -v python3 || skip "install python3"; false; }
			import signal, subprocess, sys
			r = subprocess.run(["xtest", "exec", "./" + sys.argv[1]], stderr=subprocess.DEVNULL)
			sys.exit(r.returncode != -getattr(signal, sys.argv[2]))
		PYTHON
	done
}

@test "standard streams and arguments pass through untouched" {
	run bash -c "head -c 200000 /dev/zero | xtest exec ./copy -- 'a b' '' --target x 2>err | cmp - <(head -c 200000 /dev/zero); exit \${PIPESTATUS[1]}"
	[ "$status" = 20 ]
	[ "$(cat err)" = "<--><a b><><--target><x>" ]
}

@test "a terminal stays a terminal" {
	need script bsdutils
	run script -qec "xtest exec ./copy </dev/null" /dev/null </dev/null
	[ "$status" = 10 ]
}

@test "children and scripts find their programs, with an empty environment too" {
	xtest exec ./executes-itself
	xtest exec ./clears-environment || skip "no private binfmt_misc here"
	program ./starts 'exec ./pass'
	[ "$(xtest exec --target aarch64 ./starts)" = "all is well" ]
}

@test "what is no program is refused in words" {
	run xtest exec ./not-there
	[ "$status" = 96 ]
	[[ $output == *"./not-there"* ]]
	run xtest exec
	[ "$status" = 2 ]
	[[ $output == *"exec needs a program"* ]]
}
