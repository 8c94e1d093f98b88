#!/usr/bin/env bats
# What looks at a test before a time limit ends it, and what it saw.

load common
bats_require_minimum_version 1.5.0

setup() {
	need jq jq
	unset XTEST_TIMEOUT_HOOK
	mkdir "$BATS_TEST_TMPDIR/project"
	cd "$BATS_TEST_TMPDIR/project"
}

# The final result of a case: JQ-FILTER.
result() {
	jq -r "select(.event == \"case-end\" and .final) | $1" ../events
}

# A program of C that never ends, in a function with a name.
hanging() { # COMPILER
	cat >hang.c <<-'C'
		#include <unistd.h>
		static int looks_for_ever(int depth) { return depth ? looks_for_ever(depth - 1) + 1 : pause(); }
		int main(void) { return looks_for_ever(3); }
	C
	"$1" -g -O0 -o hang hang.c
	echo '{"suites": [{"name": "hang", "command": ["./hang"]}], "timeout-multiplier": 1, "timeout": "3s"}' >xtest.json
}

@test "a command looks at what a limit ends: while it is there, for some time, and nothing else" {
	program quick 'exit 3'
	jq -n '{suites: [{name: "quick", command: ["./quick"]}, {name: "sleeps", command: "echo before; exec sleep 1000"}],
		"timeout-hook": "until grep -q ^sleep /proc/$XTEST_PID/cmdline; do sleep 0.1; done; echo \"saw $XTEST_CASE$XTEST_SUITE $XTEST_LIMIT $XTEST_ATTEMPT $XTEST_PLACE\"; tr \"\\0\" \" \" </proc/$XTEST_PID/cmdline; exit 7",
		overrides: [{filter: "binary(sleeps)", timeout: "300ms"}]}' >xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(result 'select(.verdict == "timeout") | .stdout')" = before ]
	[ "$(result 'select(.verdict == "timeout") | .stderr')" = "[before the end by a time limit]
saw project::sleeps wall 1 local
sleep 1000 
[exit status 7]" ]
	[ "$(result 'select(.verdict == "fail") | .stderr // ""')" = "" ]
	# As it comes where nothing is captured.
	run -100 xtest --no-capture sleeps
	[[ $output == *"saw project::sleeps wall"* ]]
	# The command line's, or none at all.
	run -100 xtest --timeout-hook 'echo another' sleeps
	[[ $output == *$'limit]\n    another'* ]]
	run -100 xtest --timeout-hook none sleeps
	[[ $output != *"before the end by"* ]]
	# It has its own limit, and takes with it what it started.
	jq '."timeout-hook" = {command: "echo $$ >../hook; echo begins; sleep 1000 & wait", timeout: "3s"}' xtest.json >../new && cp ../new xtest.json
	MARK=hook_$$ run -100 xtest --report jsonl=../events sleeps
	[ "$(result .stderr)" = "[before the end by a time limit]
begins
[no end within 3.0 s]" ]
	eventually nobody_alive hook_$$
}

@test "the end of a run does not wait for a hook" {
	jq -n '{suites: [{name: "sleeps", command: "exec sleep 1000"}], timeout: "200ms",
		"timeout-hook": {command: "touch ../looking; exec sleep 1000", timeout: "1000s"}}' >xtest.json
	env --default-signal=INT MARK=hook_$$ xtest --report jsonl=../events >../out 2>&1 3>&- &
	pid=$!
	eventually test -e ../looking
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 100 ]
	[ "$(result .verdict | grep -c pass)" = 0 ]
	eventually nobody_alive hook_$$
}

@test "a test that ends by itself while it is looked at has been too slow all the same" {
	jq -n '{suites: [{name: "slow", command: "sleep 0.6"}], timeout: "200ms", "timeout-hook": "sleep 2; echo late"}' >xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(result '.verdict + .stderr')" = "timeout[before the end by a time limit]
late" ]
}

@test "a backtrace, without a word of it" {
	need gcc gcc
	need gdb gdb
	hanging gcc
	./hang &
	pid=$!
	gdb -nx -batch -p "$pid" -ex bt >../gdb 2>&1 </dev/null || true
	kill "$pid"
	grep -q looks_for_ever ../gdb || skip "gdb may not attach to a process here"
	run -100 xtest --report jsonl=../events
	[ "$(result .verdict)" = timeout ]
	[ "$(result .stderr | grep -c ' looks_for_ever ')" = 4 ]
	result .stderr | grep -q 'main .* at hang.c:3'
}

@test "a backtrace of a program that is emulated" {
	need_aarch64
	need gdb-multiarch gdb-multiarch
	need prlimit util-linux
	[ "$(ulimit -Hc)" = unlimited ] || skip "needs to raise the limit of core files"
	hanging aarch64-linux-gnu-gcc
	run -100 xtest --target aarch64 --report jsonl=../events
	[ "$(result .verdict)" = timeout ]
	[ "$(result .stderr | grep -c ' looks_for_ever ')" = 4 ]
	result .stderr | grep -q 'main .* at hang.c:3'
	# Also where a script has started it, which must not go on then. (Nothing of that without binfmt_misc.)
	jq '.suites = [{name: "script", platform: "target", command: "\"$XTEST_WORKSPACE_ROOT/hang\"; touch \"$XTEST_WORKSPACE_ROOT/after\""}]' \
		xtest.json >../new && cp ../new xtest.json
	run xtest --target aarch64 --report jsonl=../events
	if [ "$(result .verdict)" = timeout ]; then
		[ "$(result .stderr | grep -c ' looks_for_ever ')" = 4 ]
		[ ! -e after ]
	fi
	! find . -name '*core*' | grep .
}
