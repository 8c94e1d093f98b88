#!/usr/bin/env bats
# What a test may do to its machine: each of these is a script in a machine of its own, and all others pass.
# Needs an image of aarch64 that was built before: tests download no kernel.

load common

# Kernels come from the user's own cache; what the runs keep of their machines does not stay there.
setup_file() {
	export images=${XTEST_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/xtest}/images
	export XTEST_CACHE_DIR=$BATS_FILE_TMPDIR/cache
	mkdir "$XTEST_CACHE_DIR"
	ln -s "$images" "$XTEST_CACHE_DIR/images"
}

setup() {
	need jq jq
	need qemu-system-aarch64 qemu-system-arm
	[ -x "$XTEST_LIBEXECDIR/xtest-runner-aarch64" ] || skip "install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
	ls "$images"/packages/linux-image-*_arm64.deb >/dev/null 2>&1 ||
		skip "no kernel was fetched yet: xtest image build aarch64"
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cd "$dir"
	for i in 1 2 3 4; do
		program quiet-$i 'test -c /dev/null && test "$(date +%Y)" -gt 2000 && /bin/true'
	done
}

# Every program of the directory as a suite, in a machine.
in_machine() { # OPTION…
	# The list has to be whole before the file is there.
	printf '%s\n' [a-z]* | jq -nR '{suites: [inputs | {name: ., command: ["./" + .]}]}' >../xtest.json
	mv ../xtest.json .
	run timeout 900 xtest --target aarch64 --on system --report jsonl=../events "$@"
	echo "$output"
}

# The last word on every case.
last_verdicts() {
	jq -rs '[.[] | select(.event == "case-end")] | group_by(.suite)[] | last |
		(.suite | sub(".*::"; "")) + " " + .verdict' ../events
}

@test "full disks, no memory, a fork bomb, noise, 1970, a reboot, a panic, rm -rf /: the others pass" {
	program clock-1970 'date -s @0 >/dev/null'
	program eats-memory 'x=12345678; while :; do x=$x$x$x$x; done'
	program fills-root '! dd if=/dev/zero of=/full bs=1M 2>/dev/null'
	program fills-tmp '! dd if=/dev/zero of=/tmp/full bs=1M 2>/dev/null'
	program fork-bomb 'b() { b | b & }; b 2>/dev/null; sleep 1'
	program noise 'head -c 1048576 /dev/urandom >/dev/console'
	program panics 'echo c >/proc/sysrq-trigger; sleep 60'
	program reboots 'reboot; sleep 60'
	program removes-all 'rm -rf / 2>/dev/null; exit 0'
	in_machine --fresh case
	[ "$status" -eq 100 ]
	diff <(last_verdicts) - <<-'END'
		clock-1970 pass
		eats-memory crash
		fills-root pass
		fills-tmp pass
		fork-bomb leak
		noise pass
		panics crash
		quiet-1 pass
		quiet-2 pass
		quiet-3 pass
		quiet-4 pass
		reboots crash
		removes-all pass
	END
	[[ $output == *"Kernel panic - not syncing: sysrq triggered crash"* ]]
	[[ $output == *"eats-memory  (signal 9 (SIGKILL): out of memory)"* ]]
	[ "$(jq -r 'select(.event == "case-end" and .console != null and (.console | test("Killed process .*eats-memory"))) |
		.suite' ../events)" = project::eats-memory ]
	[[ $output == *"reboot: Restarting system"* ]]
}

@test "a machine that was not made anew goes on after what a test did to it" {
	program a-clock-1970 'date -s @0 >/dev/null'
	program b-eats-memory 'x=12345678; while :; do x=$x$x$x$x; done'
	program c-fork-bomb 'b() { b | b & }; b 2>/dev/null; sleep 1'
	program d-fills-tmp '! dd if=/dev/zero of=/tmp/full bs=1M 2>/dev/null'
	program e-fills-root '! dd if=/dev/zero of=/full bs=1M 2>/dev/null'
	# With little memory left it may end in one way or another, and takes no other one along.
	program f-fork-bomb 'b() { b | b & }; b 2>/dev/null; sleep 1'
	program g-mounts 'mount -t tmpfs none /proc && mount -t tmpfs none /mnt'
	for i in 1 2 3 4; do
		program quiet-$i 'test -c /dev/null && /bin/true'
	done
	in_machine -j 1
	diff <(last_verdicts | sed '/^f-/s/ .*/ ended/') - <<-'END'
		a-clock-1970 pass
		b-eats-memory crash
		c-fork-bomb leak
		d-fills-tmp pass
		e-fills-root pass
		f-fork-bomb ended
		g-mounts pass
		quiet-1 pass
		quiet-2 pass
		quiet-3 pass
		quiet-4 pass
	END
	[ "$(jq -s '[.[] | select(.event == "case-end" and .attempt > 1)] | length' ../events)" -eq 0 ]
}

@test "what a test removed from under the others is there again in a fresh machine" {
	program a-removes 'rm -rf /bin /sbin /xtest; exit 0'
	in_machine -j 1
	[ "$status" -eq 0 ]
	diff <(last_verdicts) - <<-'END'
		a-removes pass
		quiet-1 pass
		quiet-2 pass
		quiet-3 pass
		quiet-4 pass
	END
}

@test "restored machines have random numbers of their own and the right time" {
	rm quiet-*
	for i in 1 2 3; do
		program random-$i 'cat /proc/sys/kernel/random/uuid; head -c 16 /dev/urandom | base64; echo "now $(date +%s)"; exit 1'
	done
	before=$(date +%s)
	in_machine --fresh case
	after=$(date +%s)
	[ "$status" -eq 100 ]
	uuids=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$output" | sort -u | wc -l)
	bytes=$(grep -oE '[A-Za-z0-9+/]{22}==' <<<"$output" | sort -u | wc -l)
	[ "$uuids" -eq 3 ]
	[ "$bytes" -eq 3 ]
	for now in $(grep -oE 'now [0-9]+$' <<<"$output" | cut -d ' ' -f 2); do
		[ "$now" -ge $((before - 1)) ]
		[ "$now" -le $((after + 1)) ]
	done
}
