#!/usr/bin/env bats
# Whatever a test or somebody else does to a machine: the case that did it is a crash, no other one suffers, and
# nothing stays behind.

load common

setup_file() {
	# The first use makes the image; where there is nothing to make it of, all of this is skipped.
	need qemu-system-aarch64 qemu-system-arm
	need jq jq
	mkdir "$BATS_FILE_TMPDIR/first"
	cd "$BATS_FILE_TMPDIR/first"
	echo '{"suites": [{"name": "a", "command": "true", "platform": "target"}]}' >xtest.json
	if xtest --target aarch64 --on system >out 2>&1; then
		export MACHINE=works
	else
		[ $? = 96 ] || cat out
		MACHINE=$(tail -n 1 out)
		export MACHINE
	fi
}

setup() {
	need qemu-system-aarch64 qemu-system-arm
	need jq jq
	[ "$MACHINE" = works ] || skip "$MACHINE"
	dir=$BATS_TEST_TMPDIR/project
	mark=MARK_$$_$BATS_TEST_NUMBER
	mkdir "$dir"
	cd "$dir"
}

teardown() {
	[ -z "${pid-}" ] || kill -KILL "$pid" 2>/dev/null || true
}

# A project of suites that are scripts: NAME TEXT …, on the standard input a line each.
suites() {
	jq -Rn '{suites: [inputs | capture("^(?<name>[^ ]+) (?<command>.*)$") + {platform: "target"}]}' >xtest.json
}

# OPTION…: sets status
run_there() {
	status=0
	MARK=$mark xtest --target aarch64 --on system --report jsonl=../events "$@" >../out 2>&1 || status=$?
}

start() { # OPTION…
	env --default-signal=INT MARK="$mark" xtest --target aarch64 --on system --report jsonl=../events "$@" \
		>../out 2>&1 3>&- &
	pid=$!
}

finish() { # sets status
	status=0
	wait "$pid" || status=$?
}

qemu() {
	pgrep -P "$pid" qemu-system
}

# The attempt of the suite has begun.
began() { # SUITE ATTEMPT
	[ -n "$(jq -r "select(.event == \"case-start\" and (.suite | endswith(\"::$1\")) and .attempt == $2) | .index" \
		../events 2>/dev/null)" ]
}

# "name verdict attempt" of the verdicts that count.
finals() {
	jq -r 'select(.event == "case-end" and .final) | (.suite | sub(".*::"; "")) + " \(.verdict) \(.attempt)"' ../events |
		LC_ALL=C sort
}

field() { # SUITE FIELD
	jq -r "select(.event == \"case-end\" and .final and (.suite | endswith(\"::$1\"))) | .$2" ../events
}

@test "a panic is the crash of the case that ran, with the console, and of no other one" {
	for i in $(seq 10 29); do
		[ "$i" = 14 ] && echo "t$i echo c >/proc/sysrq-trigger; sleep 60" || echo "t$i echo fine"
	done | suites
	run_there -j 1
	[ "$status" = 100 ]
	[ "$(finals | grep -c ' pass 1$')" = 19 ]
	[ "$(finals | grep -v ' pass 1$')" = "t14 crash 1" ]
	[ "$(field t14 end)" = machine ]
	[[ "$(field t14 console)" == *"Kernel panic - not syncing: sysrq triggered crash"* ]]
	grep -q 'console' ../out
	nobody_alive "$mark"
}

@test "of several that ran beside a panic only the one that did it is a crash" {
	suites <<-'END'
		killer sleep 1; echo c >/proc/sysrq-trigger; sleep 60
		other sleep 3
		third echo fine
	END
	run_there -j 2 --cpus 2
	[ "$status" = 100 ]
	[ "$(finals)" = $'killer crash 2\nother pass 2\nthird pass 1' ]
	grep -q 'each runs again, alone in a fresh machine' ../out
}

@test "a reboot is a crash too" {
	suites <<-'END'
		a echo fine
		reboots echo b >/proc/sysrq-trigger; sleep 60
		z echo fine
	END
	run_there -j 1
	[ "$status" = 100 ]
	[ "$(finals)" = $'a pass 1\nreboots crash 1\nz pass 1' ]
}

@test "a killed QEMU is asked again" {
	need pgrep procps
	suites <<-'END'
		a echo fine
		patient [ "$XTEST_ATTEMPT" = 2 ] || sleep 60
		z echo fine
	END
	start -j 1
	long_eventually began patient 1
	kill -KILL "$(qemu)"
	finish
	[ "$status" = 0 ]
	[ "$(finals)" = $'a pass 1\npatient pass 2\nz pass 1' ]
	grep -q 'patient runs again, alone in a fresh machine' ../out
	nobody_alive "$mark"
}

@test "twice killed under one case is a crash" {
	need pgrep procps
	suites <<-'END'
		patient sleep 60
		z echo fine
	END
	start -j 1
	long_eventually began patient 1
	kill -KILL "$(qemu)"
	long_eventually began patient 2
	kill -KILL "$(qemu)"
	finish
	[ "$status" = 100 ]
	[ "$(finals)" = $'patient crash 2\nz pass 1' ]
	[[ "$(field patient reason)" == *SIGKILL* ]]
}

@test "a QEMU that is stopped is noticed and replaced" {
	need pgrep procps
	suites <<-'END'
		a echo fine
		patient [ "$XTEST_ATTEMPT" = 2 ] || sleep 60
		z echo fine
	END
	start -j 1
	long_eventually began patient 1
	kill -STOP "$(qemu)"
	finish
	[ "$status" = 0 ]
	[ "$(finals)" = $'a pass 1\npatient pass 2\nz pass 1' ]
	nobody_alive "$mark"
}

@test "--fresh case: no case sees what another one did" {
	for i in 1 2 3 4 5 6; do
		echo "t$i [ ! -e /tmp/seen ] && touch /tmp/seen && [ ! -e /bin/was ] && touch /bin/was"
	done | suites
	run_there --fresh case
	[ "$status" = 0 ]
	run_there --fresh run -j 1
	[ "$status" = 100 ]
	[ "$(finals | grep -c fail)" = 5 ]
}

@test "--fresh needs something that can be made anew" {
	need_aarch64
	echo 'a true' | suites
	run xtest --target aarch64 --on user --fresh case
	[ "$status" = 2 ]
	[[ "$output" == *"--on system"* ]]
}

@test "what differs between user and system is said with its cause" {
	need_aarch64
	suites <<-'END'
		same exit 1
		other [ "$XTEST_PLACE" = system ] || { echo "qemu: Unsupported syscall: 441" >&2; exit 1; }
	END
	status=0
	xtest --target aarch64 --on user,system --report jsonl=../events --report junit=../junit.xml >../out 2>&1 || status=$?
	[ "$status" = 100 ]
	grep -q 'Differs.*other.*user: fail, exit status 1; system: pass' ../out
	grep -q 'an emulator limit of user mode: "qemu: Unsupported syscall: 441"' ../out
	jq -es 'last.differences | length == 1 and (.[0].suite | endswith("::other")) and .[0].verdicts[1].verdict == "pass"' \
		../events
	[ "$(grep -o '"difference"' ../junit.xml | wc -l)" = 2 ]
}

@test "Ctrl-C ends all machines" {
	for i in 1 2 3 4; do
		echo "t$i sleep 60"
	done | suites
	start --fresh case
	long_eventually began t1 1
	kill -INT "$pid"
	finish
	[ "$status" = 100 ]
	nobody_alive "$mark"
}

# From its first instructions on xtest holds signals back.
holds_signals() {
	! grep -Eqs '^SigBlk:.0+$' "/proc/$pid/status"
}

@test "interrupted at any moment: the exit code says so, and nothing stays" {
	local round rounds=${INTERRUPTED_ROUNDS:-5}

	for i in 1 2 3 4; do
		echo "t$i sleep 0.3"
	done | suites
	ln -s "${XTEST_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/xtest}/images" "$BATS_TEST_TMPDIR"
	export XTEST_CACHE_DIR=$BATS_TEST_TMPDIR TMPDIR=$BATS_TEST_TMPDIR/temporary
	mkdir "$TMPDIR"
	for ((round = 1; round <= rounds; round++)); do
		start --fresh case
		eventually holds_signals
		sleep "$((RANDOM % 3)).$((RANDOM % 1000))"
		# It may be over already.
		kill "-$([ $((round % 2)) = 0 ] && echo INT || echo TERM)" "$pid" 2>/dev/null || true
		finish
		echo "round $round: $status"
		[ "$status" = 100 ] || [ "$status" = 0 ]
		nobody_alive "$mark"
		[ -z "$(ls -A "$TMPDIR")" ]
	done
	run_there
	[ "$status" = 0 ]
	# No half of a state is where states are.
	! ls "$XTEST_CACHE_DIR/states" | grep -Ev '^[0-9a-f]{64}(\.verified)?$'
}
