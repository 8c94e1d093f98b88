#!/usr/bin/env bats
# The runner's private view through `xtest-runner exec`: a dynamic aarch64 program started by scripts, by host
# programs and by itself, as every user there is here. What the machine lacks is a SKIP that names it.

bats_require_minimum_version 1.5.0

magic=7f454c460201010000000000000000000200b700
mask=ffffffffffffff00fffffffffffffffffeffffff
sysroot=/usr/aarch64-linux-gnu

setup_file() {
	# Not below BATS_TEST_TMPDIR, where another user may not look.
	export bed=$(mktemp -d /tmp/xtest-view-XXXXXX)
	chmod 755 "$bed"
	cp "$top_builddir/xtest-runner-$(uname -m)" "$bed/runner" || return 0
	command -v aarch64-linux-gnu-gcc >/dev/null && [ -e $sysroot/lib/ld-linux-aarch64.so.1 ] || return 0
	aarch64-linux-gnu-gcc -o "$bed/probe" "$top_srcdir/tests/fixtures/view/probe.c"
	printf '#!/bin/sh\n"$(dirname "$0")/probe" hello script\n' >"$bed/script"
	chmod 755 "$bed/script"
}

teardown_file() {
	rm -rf "$bed"
}

setup() {
	[ -x "$bed/runner" ] || skip "no static compiler for $(uname -m): install gcc and libc6-dev"
	cd "$bed"
}

need_probe() {
	[ -x "$bed/probe" ] || skip "no aarch64 compiler: install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
	emulator=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) || skip "no qemu-aarch64: install qemu-user"
}

# Why this kernel has no private view, or nothing.
need_view() {
	need_probe
	run view -- true
	[ -z "$output" ] || skip "$output"
}

need() {
	command -v "$1" >/dev/null || skip "install $2"
}

# view [OPTION]... -- PROGRAM [ARG]...: as the user in $as (none: this one)
view() {
	$as "$bed/runner" exec --emulator aarch64 "$emulator" --arg -L --arg $sysroot --argv0-option -0 \
		--magic $magic --mask $mask "$@"
}

# Calls its arguments as this user, and as an ordinary one if there is a way to become that.
each_user() {
	as= "$@"
	[ "$(id -u)" != 0 ] || as="setpriv --reuid 65534 --regid 65534 --clear-groups" "$@"
}

# gives EXPECTED COMMAND...: succeeds and prints just that, on both streams together
gives() {
	local want=$1
	shift
	run "$@"
	[ "$status" = 0 ] && [ "$output" = "$want" ] || {
		printf 'as "%s": %s\nstatus %s, output: %s\n' "$as" "$*" "$status" "$output"
		return 1
	}
}

@test "the program itself needs no kernel support" {
	need_probe
	# Even where no namespace can be made, with --quiet no word is lost about it.
	each_user gives "hello a from 64-bit aarch64" view --quiet -- ./probe hello a
}

@test "a program that starts itself, by /proc/self/exe, by argv[0] and by PATH" {
	need_view
	for word in self argv0; do
		each_user gives "hello again from 64-bit aarch64" view -- ./probe $word
		each_user gives "hello again from 64-bit aarch64" view -- sh -c "./probe $word"
		each_user gives "hello again from 64-bit aarch64" view -- sh -c "exec env -i $bed/probe $word"
	done
	PATH=$bed:$PATH each_user gives "hello p from 64-bit aarch64" view -- probe hello p
	PATH=$bed:$PATH each_user gives "hello p from 64-bit aarch64" view -- sh -c 'probe hello p'
	each_user gives "another-name" view -- bash -c 'exec -a another-name ./probe name'
}

@test "host programs that are given the program: sh, env, make, python3" {
	need_view
	each_user gives "hello sh from 64-bit aarch64" view -- sh -c '"$1" hello sh' sh "$bed/probe"
	each_user gives "hello env from 64-bit aarch64" view -- env -i "$bed/probe" hello env
	each_user gives "hello script from 64-bit aarch64" view -- ./script
	need make make
	printf 'check:\n\t@$(PROBE) hello make\n' >makefile
	each_user gives "hello make from 64-bit aarch64" view -- make -f makefile PROBE="$bed/probe"
	need python3 python3
	each_user gives "9" view -- python3 -c \
		'import subprocess, sys; print(subprocess.run([sys.argv[1], "exit", "9"]).returncode)' "$bed/probe"
}

@test "a grandchild with another directory, no environment, and an emptied /tmp" {
	need_view
	mkdir -p away/tmp && chmod 777 away/tmp && cp probe away/
	mkdir -p empty
	# /tmp is empty for the program from the start; and the runner's own file is gone as well.
	each_user gives "hello deep from 64-bit aarch64" view --bind "$bed/away" /var/tmp --bind "$bed/empty" /tmp -- \
		sh -c 'ls -A /tmp; cd / && env -i sh -c "cd /usr && exec env -i sh -c \"/var/tmp/probe exec /var/tmp/probe hello deep\""'
	each_user gives "hello sh from 64-bit aarch64" view -- \
		/var/../"$bed"/probe exec /bin/sh -c "cd / && exec env -i $bed/probe hello sh"
}

@test "users and groups are those outside" {
	need_view
	user=$(id -u) group=$(id -g)
	as= gives "$user $group" view -- ./probe ids
	as= gives "$user $group" view -- sh -c './probe ids'
	[ "$user" = 0 ] || skip "only root can become another user"
	as="setpriv --reuid 1234 --regid 4321 --clear-groups"
	gives "1234 4321" view -- ./probe ids
	gives "1234 4321" view -- sh -c './probe ids'
	# No privilege is left over that the user did not have.
	gives "0000000000000000" view -- sh -c 'sed -n "s/^CapEff:.//p" /proc/self/status'
}

@test "trees stand at paths that are not there, beside what is" {
	need_view
	rm -rf tree && mkdir -p tree/sub other && cp probe script tree/ && echo other >other/file
	ln -s probe tree/link && ln -s ../probe tree/sub/up && ln -s "/nowhere/at all/probe" tree/absolute
	for at in "/nowhere/at all" "/usr/share/xtest-view/a/b" "$bed/new/tree" "/etc/xtest-view"; do
		each_user gives "hello script from 64-bit aarch64" view --bind "$bed/tree" "$at" -- "$at/script"
		each_user gives "hello l from 64-bit aarch64" view --bind "$bed/tree" "$at" -- sh -c '"$1/link" hello l' sh "$at"
		each_user gives "hello l from 64-bit aarch64" view --bind "$bed/tree" "$at" -- sh -c '"$1/sub/up" hello l' sh "$at"
	done
	[ ! -e /nowhere ]
	[ ! -e /usr/share/xtest-view ]
	[ ! -e "$bed/new" ]
	[ ! -e /etc/xtest-view ]
	each_user gives "hello l from 64-bit aarch64" view --bind "$bed/tree" "/nowhere/at all" -- \
		sh -c '"$1" hello l' sh "/nowhere/at all/absolute"
	# What was there before still is.
	each_user gives "$(ls -A / | wc -l) $(ls -A /usr/share | wc -l)" view --bind "$bed/tree" /nowhere \
		--bind "$bed/tree" /usr/share/xtest-view -- \
		sh -c 'echo $(ls -A / | grep -vc -e nowhere -e xtest-cover) $(ls -A /usr/share | grep -vc xtest-)'
	# One in another, in either order of making; a single file; and over what is there.
	each_user gives "other" view --bind "$bed/tree" /nowhere/t --bind "$bed/other" /nowhere/t/sub -- cat /nowhere/t/sub/file
	each_user gives "other" view --bind "$bed/tree" /nowhere/t --bind "$bed/other" /nowhere/t/new/in -- cat /nowhere/t/new/in/file
	each_user gives "other" view --bind "$bed/other/file" /nowhere/f/file -- cat /nowhere/f/file
	each_user gives "other" view --bind "$bed/other/file" /etc/passwd -- cat /etc/passwd
	[ ! -e tree/new ]
}

@test "what is written in a shown tree is written in the tree" {
	need_view
	rm -rf tree && mkdir -p tree
	as= gives "" view --bind "$bed/tree" /nowhere/tree -- sh -c 'echo kept >/nowhere/tree/file'
	[ "$(cat tree/file)" = kept ]
}

@test "a directory that is shown over is seen anew by its own process" {
	need_view
	rm -rf tree && mkdir -p tree work && echo new >tree/file && echo old >work/file
	cd work
	each_user gives "new" view --bind "$bed/tree" "$bed/work" -- cat file
}

@test "binds that cannot be are told, and the program runs" {
	need_view
	run view --bind "$bed/absent" /nowhere/x -- echo ran
	[ "$output" = "xtest-runner: $bed/absent cannot be shown at /nowhere/x: No such file or directory"$'\n'"ran" ]
	run view --bind "$bed" /etc/passwd -- echo ran
	[ "$output" = "xtest-runner: $bed cannot be shown at /etc/passwd: Not a directory"$'\n'"ran" ]
}

@test "exit statuses pass, and so do failures to start" {
	need_probe
	for status_wanted in 0 1 77 99 255; do
		run view --quiet -- ./probe exit $status_wanted
		[ "$status" = $status_wanted ]
	done
	run -127 view --quiet -- "$bed/absent"
	[ "$output" = "xtest-runner: $bed/absent: No such file or directory" ]
	run -126 view --quiet -- /etc/passwd
	run -2 "$bed/runner" exec --quiet
}

@test "the three streams pass" {
	need_probe
	echo words | view --quiet -- ./probe streams >out 2>err
	[ "$(cat out)" = words ]
	[ "$(cat err)" = "and words for stderr" ]
}

@test "a signal from outside ends the program by that signal" {
	need_probe
	need python3 python3
	for signal in INT TERM KILL HUP; do
		run python3 - $signal "$bed/runner" exec --quiet --emulator aarch64 "$emulator" --arg -L --arg $sysroot \
			--magic $magic --mask $mask -- "$bed/probe" sleep <<-'PY'
			import signal, subprocess, sys
			number = getattr(signal, "SIG" + sys.argv[1])
			# what started the tests may have ignored some
			for ignored in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
			    signal.signal(ignored, signal.SIG_DFL)
			child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE)
			assert child.stdout.readline() == b"up\n"
			child.send_signal(number)
			print(child.wait() == -number)
		PY
		[ "$output" = True ]
	done
}

@test "a terminal stays a terminal" {
	need_probe
	need script bsdutils
	run script -qec "$bed/runner exec --quiet --emulator aarch64 $emulator --arg -L --arg $sysroot \
		--magic $magic --mask $mask -- $bed/probe tty" /dev/null
	[ "${output//$'\r'/}" = 111 ]
	run view --quiet -- ./probe tty </dev/null
	[ "$output" = 000 ]
}

# confined LIMIT COMMAND...: in a user namespace where no more namespaces of that kind can be made
confined() {
	local limit=$1
	shift
	unshare --user --map-root-user --mount sh -c 'echo 0 >/proc/sys/user/max_'$limit'_namespaces; exec "$@"' sh "$@"
}

@test "without namespaces it says so in words, and the program runs" {
	need_probe
	confined user true || skip "this kernel lets nobody make a user namespace"
	run confined user "$bed/runner" exec --emulator aarch64 "$emulator" --arg -L --arg $sysroot \
		--magic $magic --mask $mask -- "$bed/probe" hello a
	[ "$status" = 0 ]
	[ "${lines[0]}" = "xtest-runner: a private user and mount namespace is refused: No space left on device; scripts cannot start target programs" ]
	[ "${lines[1]}" = "hello a from 64-bit aarch64" ]
	[ "${#lines[@]}" = 2 ]
}

@test "an old kernel is told from one that refuses, and binds need only their own" {
	need_probe
	setarch --uname-2.6 true || skip "no setarch that tells an older kernel: install util-linux"
	unshare --mount true || skip "this user or kernel makes no mount namespace"
	run setarch --uname-2.6 "$bed/runner" exec --emulator aarch64 "$emulator" --magic $magic --mask $mask \
		--bind "$bed" /nowhere/bed -- ls /nowhere
	[ "${lines[0]}" = "xtest-runner: a private binfmt_misc needs Linux 6.7 or later: Function not implemented; scripts cannot start target programs" ]
	[ "${lines[1]}" = bed ]
	[ "${#lines[@]}" = 2 ]
}

@test "binds need no user namespace when one is privileged" {
	need_probe
	confined user true || skip "this kernel lets nobody make a user namespace"
	run confined user "$bed/runner" exec --emulator aarch64 "$emulator" --magic $magic --mask $mask \
		--bind "$bed" /nowhere/bed -- ls /nowhere
	[ "$status" = 0 ]
	[ "${lines[1]}" = bed ]
	[ "${#lines[@]}" = 2 ]
	run confined mnt "$bed/runner" exec --bind "$bed" /nowhere/bed -- echo ran
	[ "$output" = "xtest-runner: a private mount namespace is refused: No space left on device"$'\n'"ran" ]
}

@test "a runner names the sources it was built from" {
	run -0 "$bed/runner" --version
	[[ $output =~ ^xtest-runner\ [0-9.]+-[0-9a-f]{16},\ protocol\ [0-9]+,\ features: ]]
}
