#!/usr/bin/env bats
# Looking inside: a shell where the tests run, QEMU's command line, a debugger at a test's main.

bats_require_minimum_version 1.5.0
load common

setup_file() {
	export XTEST_LIBEXECDIR="$top_builddir" XTEST_DATADIR="$top_srcdir" PATH="$top_builddir:$PATH"
	# What is built once serves all tests of this file.
	export demo="$BATS_FILE_TMPDIR/demo"
	cp -R "$top_srcdir/tests/fixtures/demo" "$demo"
	chmod -R u+w "$demo"
}

setup() {
	cd "$demo"
}

need_demo() {
	need_aarch64
	need_adapter meson
}

need_system() {
	need_demo
	need qemu-system-aarch64 qemu-system-arm
	xtest image build aarch64 >/dev/null 2>"$BATS_TEST_TMPDIR/image" || skip "no image: $(tail -n 1 "$BATS_TEST_TMPDIR/image")"
}

@test "a command runs where the tests run: streams, directory, exit status" {
	need_demo
	run -3 --separate-stderr xtest shell --target aarch64 -- sh -c 'cat; pwd; ./test-machine >&2; exit 3' <<<"typed"
	[ "${lines[0]}" = typed ]
	[[ ${lines[1]} == "$demo"/.xtest/build/aarch64-linux-gnu/meson ]]
}

@test "without a terminal the shell reads its commands" {
	need_demo
	run -7 --separate-stderr xtest shell --target aarch64 <<<'echo "$XTEST_PLACE"; exit 7'
	[ "$output" = user ]
}

@test "a command that is not there is no exit status of it" {
	need_demo
	run -96 xtest shell --target aarch64 -- /no/such/program
	[[ $output == *"cannot execute /no/such/program"* ]]
}

@test "the shell on a terminal: its size, Ctrl-C inside, the way out, the terminal as it was" {
	need_demo
	need python3 python3
	cat >terminal.py <<'PYTHON'
import fcntl, os, select, struct, subprocess, sys, termios, time
ours, theirs = os.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
before = termios.tcgetattr(theirs)
shell = subprocess.Popen(["xtest", "shell", "--target", "aarch64"], stdin=theirs, stdout=theirs,
    stderr=theirs, start_new_session=True)
seen = b""
def until(word, again=None):
    """Reads until the word is there; says `again` each second till then."""
    global seen
    end = time.time() + 300
    while word not in seen:
        assert time.time() < end, (word, seen)
        if select.select([ours], [], [], 1)[0]:
            seen += os.read(ours, 65536)
        elif again:
            say(again)
    seen = seen.split(word, 1)[1]
def say(text):
    os.write(ours, text)
until(b"aarch64:")
say(b"stty size; sleep 1000\r")
until(b"33 101")
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 120, 0, 0))
# One that comes between stty's end and sleep's start is nobody's.
say(b"\x03")
until(b"aarch64:", again=b"\x03")
# It gets there soon, but not at once.
say(b"until [ \"$(stty size)\" = '44 120' ]; do sleep 0.1; done; echo is-$((44 + 1))-wide\r")
until(b"is-45-wide")
if sys.argv[1] == "exit":
    say(b"exit 9\r")
    assert shell.wait(300) == 9, shell.returncode
else:
    shell.kill()
    shell.wait(300)
    end = time.time() + 60
    while termios.tcgetattr(theirs) != before and time.time() < end:
        time.sleep(0.1)
assert termios.tcgetattr(theirs) == before, "the terminal is not as it was"
PYTHON
	python3 terminal.py exit
	python3 terminal.py kill
}

@test "one shell is in one place" {
	need_demo
	run -2 xtest shell --target aarch64 --on user,system -- true
	[[ $output == *"name one --target and one --on"* ]]
	run -2 xtest shell --target aarch64 true
	[[ $output == *"a command stands after --"* ]]
}

@test "in a machine: its kernel, the tests' files, and nothing that is done there lasts" {
	need_system
	run -5 --separate-stderr xtest shell --target aarch64 --on system -- \
		sh -c 'uname -n; ./test-machine >/dev/null && rm -rf ./* && ls | wc -l; exit 5'
	[ "${lines[0]}" = xtest ]
	[ "${lines[1]}" = 0 ]
	run -0 --separate-stderr xtest shell --target aarch64 --on system -- ./test-machine
}

# A project of scripts, in a directory of its own.
scripts() { # NAME TEXT …
	mkdir "$BATS_TEST_TMPDIR/p"
	cd "$BATS_TEST_TMPDIR/p"
	while [ $# -gt 0 ]; do
		program "$1" "$2"
		shift 2
	done
	ls | jq -nR '{suites: [inputs | {name: ., command: ["./" + .]}]}' >../xtest.json
	mv ../xtest.json .
}

@test "--keep: after the run, a shell where the first failure was" {
	need jq jq
	need_aarch64
	scripts a-passes true b-fails 'exit 1' c-passes true
	run -100 --separate-stderr xtest --target aarch64 --on user --keep <<<'echo "kept in $XTEST_PLACE of $XTEST_TARGET"; exit 3'
	[ "${lines[-1]}" = "kept in user of aarch64" ]
	[[ $output == *Summary* ]]
	# Nobody has failed: where the last one was; and the exit code is the run's.
	run -0 --separate-stderr xtest --target aarch64 --on user --keep --skip fails <<<'echo still there; exit 3'
	[ "${lines[-1]}" = "still there" ]
}

@test "--keep in a machine: what the failed test did is there, and only that" {
	need jq jq
	need_system
	scripts a-leaves 'echo a >>/tmp/trace' b-fails 'echo b >>/tmp/trace; exit 1' c-leaves 'echo c >>/tmp/trace' \
		d-fails 'echo d >>/tmp/trace; exit 1'
	run -100 --separate-stderr xtest --target aarch64 --on system --fresh case --keep -j 1 <<<'echo "trace: $(cat /tmp/trace)"'
	[ "${lines[-1]}" = "trace: b" ]
	[[ $output == *"4 tests run: 2 passed, 2 failed"* ]]
	# Its machine has died: then it is the one of the next failure. Without a history the order is the project's.
	rm -r .xtest
	program b-fails 'echo b >>/tmp/trace; echo c >/proc/sysrq-trigger; sleep 60'
	run -100 --separate-stderr xtest --target aarch64 --on system --fresh case --keep -j 1 <<<'echo "trace: $(cat /tmp/trace)"'
	[ "${lines[-1]}" = "trace: d" ]
}

@test "QEMU's command line on request" {
	need_system
	run -0 --separate-stderr xtest shell --target aarch64 --on system --print-command
	[[ $output == *qemu-system-aarch64*-kernel*-initrd* ]]
	run -2 xtest shell --target aarch64 --print-command
	[[ $output == *"name --on system"* ]]
	run -0 xtest run -v --target aarch64 --on system machine
	[[ $output == *"qemu-system-aarch64 "*-initrd* ]]
}

@test "a debugger at the case's main, before anything of it has run" {
	need_system
	need gdb-multiarch gdb-multiarch
	export TMPDIR="$BATS_TEST_TMPDIR"
	xtest run --target aarch64 --on system --gdb roman::parse >out 2>err &
	long_eventually grep -qs gdb-multiarch err
	$(sed -n 's/^  gdb-multiarch/gdb-multiarch -batch/p' err) -ex 'info line' -ex detach >gdb 2>&1
	wait $!
	grep -q 'hit Breakpoint 1, main ' gdb
	grep -q '^ok 8' out
	[ -z "$(find "$TMPDIR" -name 'xtest-gdb*')" ]
}

@test "a debugger needs one case, in a machine" {
	need_demo
	need gdb-multiarch gdb-multiarch
	run -2 xtest run --target aarch64 --gdb roman::parse
	[[ $output == *"name --on system"* ]]
	run -2 xtest run --target aarch64 --gdb roman
	[[ $output == *"exactly one case"* ]]
}

@test "what one's own kernel prints as KTAP are cases of the report" {
	need_system
	need jq jq
	image=$(xtest image build aarch64)
	# Printed where a kernel prints it; one that is built with kunit does so at its boot.
	mkdir kernel
	cat >kernel/console <<-'SHELL'
		#!/bin/sh
		cat >/dev/console <<KTAP
		KTAP version 1
		1..1
		    KTAP version 1
		    # Subtest: list
		    1..2
		    ok 1 add
		    not ok 2 splice
		not ok 1 list
		KTAP
	SHELL
	chmod +x kernel/console
	cat >kernel/xtest.json <<-'JSON'
		{"adapter": "manifest",
		 "suites": [{"name": "console", "command": ["./console"], "platform": "target"}]}
	JSON
	# The image's kernel as a file needs its modules; the image's archive below the new one brings them.
	run xtest run -C kernel --target aarch64 --on system --report jsonl=out.jsonl --report human \
		--kernel "$image/kernel" --initramfs "$image/initramfs"
	echo "$output"
	[ "$status" = 100 ]
	jq -r 'select(.event == "case-end") | "\(.suite) \(.case) \(.verdict)"' out.jsonl >verdicts
	cat verdicts
	grep -qx 'kernel::list add pass' verdicts
	grep -qx 'kernel::list splice fail' verdicts
	jq -e 'select(.event == "run-end") | .failed == 1 and .passed == 2 and .columns[0].total == 3' out.jsonl
}

@test "a kernel that cannot answer: what it lacks is said" {
	need_system
	image=$(xtest image build aarch64)
	run -107 xtest run --target aarch64 --on system --kernel "$image/kernel" machine
	[[ $output == *"needs virtio and virtio_console built in"* ]]
	grep -q 'no virtio-serial port named org.xtest.0' .xtest/console-aarch64.log
}
