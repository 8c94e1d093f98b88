#!/usr/bin/env bats
# Whatever ends a run early: the tests are told, no process stays, and nothing that has no verdict passes.

load common

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	# Every process of the run has this word in its environment.
	mark=MARK_$$_$BATS_TEST_NUMBER
	mkdir "$dir"
	cat >"$dir/xtest.json" <<-'JSON'
		{"suites": [
			{"name": "first", "command": ["./first"]},
			{"name": "patient", "command": ["./patient"]},
			{"name": "stubborn", "command": ["./stubborn"]},
			{"name": "last", "command": ["./last"]}]}
	JSON
	program "$dir/first" 'exit 0'
	program "$dir/patient" "trap 'echo told >>$dir/told; exit 1' INT TERM
: >$dir/patient.runs; while :; do sleep 0.1; done"
	program "$dir/stubborn" "trap : INT TERM HUP
: >$dir/stubborn.runs; while :; do sleep 0.1; done"
	program "$dir/last" 'exit 0'
	cd "$dir"
}

# Starts a run in the background, as a shell with job control would: SIGINT is not ignored.
start() { # OPTION…
	env --default-signal=INT MARK="$mark" xtest -j 4 --report jsonl=../events "$@" >../out 2>&1 3>&- &
	pid=$!
}

both_run() {
	[ -e patient.runs ] && [ -e stubborn.runs ]
}

finish() { # sets status
	status=0
	wait "$pid" || status=$?
}

# Whatever was started and has no verdict of its own is not a pass.
no_false_pass() {
	! jq -e 'select(.event == "case-end" and .verdict == "pass" and
		(.suite | test("patient|stubborn")))' ../events
}

@test "SIGINT reaches the tests, a second one kills what did not listen" {
	start
	eventually both_run
	kill -INT "$pid"
	eventually test -e told
	kill -0 "$pid" # the stubborn one is waited for
	kill -INT "$pid"
	finish
	[ "$status" = 100 ]
	eventually nobody_alive "$mark"
	no_false_pass
	jq -es 'last | .event == "run-end" and .exit_code == 100 and (.cancelled | test("SIGINT"))' ../events
	grep -q 'Summary' ../out
}

@test "SIGTERM ends a run like SIGINT" {
	start patient
	eventually test -e patient.runs
	kill -TERM "$pid"
	finish
	[ "$status" = 100 ]
	[ "$(cat told)" = told ]
	eventually nobody_alive "$mark"
	jq -es 'last | .event == "run-end" and (.cancelled | test("SIGTERM"))' ../events
}

@test "what is not interrupted any more did not run, and JUnit does not look green" {
	need xmllint libxml2-utils
	env --default-signal=INT MARK="$mark" xtest -j 1 --report junit=../junit.xml >../out 2>&1 3>&- &
	pid=$!
	eventually test -e patient.runs
	kill -INT "$pid"
	finish
	[ "$status" = 100 ]
	xmllint --noout ../junit.xml
	[ "$(xmllint --xpath 'count(//error)' ../junit.xml)" -ge 1 ]
	[ ! -e stubborn.runs ]
}

@test "a killed xtest leaves no process behind" {
	start
	eventually both_run
	kill -KILL "$pid"
	finish
	[ "$status" = 137 ]
	eventually nobody_alive "$mark"
}

# The runner: the one child of xtest.
runner_of() {
	pgrep -P "$pid" -f xtest-runner
}

@test "a killed runner is no pass: its tests are lost, the others run" {
	program patient ": >$dir/patient.runs; [ -e $dir/again ] && exit 0; while :; do sleep 0.1; done"
	need pgrep procps
	start --skip stubborn -j 1
	eventually test -e patient.runs
	kill -KILL "$(runner_of)"
	finish
	[ "$status" = 107 ]
	eventually nobody_alive "$mark"
	[ "$(verdicts ../events)" = $'first pass\nlast pass\npatient lost' ]
}

@test "a build is interrupted too" {
	need make make
	rm xtest.json
	make_project "$dir" <<-'MAKEFILE'
		TESTS = first
		all:; touch building; sleep 100
	MAKEFILE
	start
	eventually eval 'compgen -G ".xtest/build/*/*/*/building"'
	kill -INT "$pid"
	finish
	[ "$status" = 100 ]
	eventually nobody_alive "$mark"
}

# Whether all processes of the tests are stopped, or none.
states() {
	ps -o stat= -p "$(paste -sd, pids)" | cut -c 1 | sort -u | xargs
}

stopped() {
	[ "$(states)" = T ] && [ "$(ps -o stat= -p "$pid" | cut -c 1)" = T ]
}

@test "Ctrl-Z stops the tests and their clocks, too" {
	need ps procps
	program patient "echo \$\$ >>$dir/pids; : >$dir/patient.runs; while ! test -e $dir/enough; do sleep 0.1; done"
	program stubborn "echo \$\$ >>$dir/pids; : >$dir/stubborn.runs; while ! test -e $dir/enough; do sleep 0.1; done"
	start --timeout 15s --global-timeout 60s
	eventually both_run
	kill -TSTP "$pid"
	eventually stopped
	sleep 16 # longer than the limit
	: >enough
	[ "$(states)" = T ]
	kill -CONT "$pid"
	finish
	cat ../out
	[ "$status" = 0 ]
	jq -es 'map(select(.event == "case-end")) | length == 4 and all(.verdict == "pass") and all(.wall_us < 15000000)' ../events
}

@test "SIGUSR1 prints what is running, and where it is, and changes nothing" {
	program patient "echo \$\$ >$dir/pid; echo to stdout; echo to stderr >&2; : >$dir/patient.runs; until test -e $dir/enough; do sleep 0.1; done"
	start patient first
	eventually test -s pid
	eventually test -e patient.runs
	told() {
		kill -USR1 "$pid" && grep -q 'RUNNING.*project::patient .*process '"$(cat pid)" ../out && grep -q 'to stderr' ../out &&
			grep -q 'Status 1 of 2 finished, 1 runs' ../out
	}
	eventually told
	: >enough
	finish
	[ "$status" = 0 ]
	grep -Eq 'RUNNING \[> +[0-9.]+s\] .*  project::patient  \(running, process [0-9]+\)' ../out
	grep -A1 'stdout' ../out | grep -q '^    to stdout$'
	[ "$(verdicts ../events)" = $'first pass\npatient pass' ]
	[ "$(jq -r .event ../events | grep -c status)" = 0 ]
}

@test "key t on a terminal does the same, and the terminal is given back" {
	need script bsdutils
	program patient "echo said by it; : >$dir/patient.runs; until test -e $dir/enough; do sleep 0.1; done"
	mkfifo ../keys
	TERM=xterm script -qec "stty -a >../before; xtest patient --report jsonl=../events; stty -a >../after" /dev/null <>../keys >../screen 2>&1 3>&- &
	pid=$!
	eventually test -e patient.runs
	asked() {
		printf t >../keys
		grep -q 'RUNNING.*project::patient' ../screen
	}
	eventually asked
	: >enough
	finish
	grep -q 'said by it' ../screen
	[ "$(verdicts ../events)" = "patient pass" ]
	cmp ../before ../after
	# And nobody listens where that is not wanted.
	rm -f enough patient.runs
	TERM=xterm script -qec "xtest patient --no-input-handler" /dev/null <>../keys >../screen 2>&1 3>&- &
	pid=$!
	eventually test -e patient.runs
	printf ttt >../keys
	sleep 0.5
	: >enough
	finish
	! grep -q RUNNING ../screen
}
