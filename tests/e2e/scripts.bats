#!/usr/bin/env bats
# Set-up scripts, tear-down scripts and wrappers.

load common

setup() {
	need jq jq
	need make make
	dir=$BATS_TEST_TMPDIR/project
	log=$BATS_TEST_TMPDIR/log
	export log XTEST_USER_CONFIG=none
	make_project "$dir" <<-'MAKEFILE'
		TESTS = wants free
		all:;
		check: $(TESTS); @for t in $(TESTS); do ./$$t; done
	MAKEFILE
	program "$dir/wants" 'echo "wants PORT=$PORT" >>$log; test "$PORT" = 5432'
	program "$dir/free" 'echo "free PORT=$PORT" >>$log; test -z "$PORT"'
	cd "$dir"
	configure 'echo up >>$log; echo PORT=5432 >>$XTEST_ENV' 'echo down $PORT >>$log'
}

# One set-up and one tear-down script for the test that wants them.
configure() { # SETUP TEARDOWN
	jq -n --arg up "$1" --arg down "$2" '{
		scripts: {setup: {db: {command: $up, timeout: "20s"}}, teardown: {undb: {command: $down, timeout: "20s"}}},
		profiles: {default: {scripts: [{filter: "binary(wants)", setup: "db", teardown: ["undb"]}]}}}' >xtest.json
}

logged() {
	tr '\n' ';' <"$log"
}

@test "before the first test that needs it, after the last, and variables by file" {
	run xtest -j1 --report jsonl=../events
	[ "$status" = 0 ]
	[[ $(logged) == "up;"*"wants PORT=5432;"*"down 5432;" ]]
	[[ $(logged) == *"free PORT=;"* ]]
	[[ $output == *"Set up db"*"Torn down undb"* ]]
	[ "$(jq -r 'select(.event == "script-end") | "\(.phase) \(.name) \(.passed)"' ../events)" = $'setup db true\nteardown undb true' ]
}

@test "nothing runs that no selected test needs" {
	run xtest free
	[ "$status" = 0 ]
	[ "$(logged)" = "free PORT=;" ]
}

@test "105: who needed a set-up script that failed has no verdict, the others run" {
	configure 'echo "no such database" >&2; exit 3' 'echo down >>$log'
	run xtest --report jsonl=../events --report junit=../junit.xml --report tap=../tap
	[ "$status" = 105 ]
	[ "$(verdicts ../events)" = $'free pass\nwants lost' ]
	[ "$(logged)" = "free PORT=;down;" ]
	[[ $output == *"no such database"* ]]
	[[ $output == *"wants"*"its set-up script 'db' failed: exit status 3"* ]]
	grep -q '# setup script db: exit status 3' ../tap
	grep -q 'testsuite name="@setup-script:db".*errors="1"' ../junit.xml
	grep -q 'testsuite name="@teardown-script:undb".*errors="0"' ../junit.xml
	if command -v xmllint; then xmllint --noout ../junit.xml; fi
}

@test "105: what a set-up script hands on must be variables, and not ours" {
	configure 'echo PORT >$XTEST_ENV' true
	run xtest
	[ "$status" = 105 ]
	[[ $output == *'line 1 of $XTEST_ENV: NAME=VALUE is expected'* ]]
	configure 'printf "A=1\n\nNEXTEST_X=2\n" >$NEXTEST_ENV' true
	run xtest
	[ "$status" = 105 ]
	[[ $output == *'line 3 of $XTEST_ENV: names that begin with XTEST or NEXTEST'* ]]
}

@test "105: a tear-down script that fails, after tests that pass" {
	configure 'echo PORT=5432 >>$XTEST_ENV' 'exit 1'
	run xtest
	[ "$status" = 105 ]
	[[ $output == *"2 tests run: 2 passed"* ]]
}

@test "100: a failed test outranks a failed tear-down script" {
	configure 'echo PORT=5432 >>$XTEST_ENV' 'exit 1'
	program wants 'exit 1'
	run xtest
	[ "$status" = 100 ]
}

@test "a script that takes too long is ended" {
	configure 'echo $$ >../pid; sleep 1000' true
	sed -i 's/20s/300ms/' xtest.json
	run xtest
	[ "$status" = 105 ]
	[[ $output == *"no end within 300 ms"* ]]
	run kill -0 "$(cat ../pid)"
	[ "$status" != 0 ]
}

@test "tear-down after a test that fails" {
	program wants 'exit 1'
	run xtest
	[ "$status" = 100 ]
	[[ $(logged) == "up;"*"down 5432;" ]]
}

@test "tear-down after a test that takes too long" {
	program wants 'sleep 1000'
	run xtest --timeout 300ms
	[ "$status" = 100 ]
	[[ $(logged) == "up;"*"down 5432;" ]]
}

@test "tear-down after Ctrl-C" {
	program wants 'echo here >>$log; sleep 1000'
	# A background command of a script ignores SIGINT unless it has process groups of its own.
	set -m
	xtest wants >../out 2>&1 &
	pid=$!
	set +m
	eventually grep -q here "$log"
	kill -INT "$pid"
	wait "$pid" && status=0 || status=$?
	[ "$status" = 100 ]
	[ "$(logged)" = "up;here;down 5432;" ]
}

@test "tear-down after Ctrl-C in a set-up script, and no test runs" {
	configure 'echo up >>$log; sleep 1000' 'echo down >>$log'
	set -m
	xtest >../out 2>&1 &
	pid=$!
	set +m
	eventually grep -q up "$log"
	kill -INT "$pid"
	wait "$pid" && status=0 || status=$?
	[ "$status" = 100 ]
	[ "$(logged)" = "up;down;" ]
}

@test "tear-down after the place was lost" {
	# A test's parent is the runner.
	program wants 'kill -9 $PPID; sleep 1000'
	run xtest wants
	[ "$status" = 107 ]
	[ "$(logged)" = "up;down 5432;" ]
}

@test "what a set-up script left running serves its tests, and is ended" {
	configure 'sh -c "echo \$\$ >../server; exec sleep 1000" & echo PORT=5432 >>$XTEST_ENV' 'kill -0 $(cat ../server) && echo served >>$log'
	program wants 'kill -0 $(cat '"$BATS_TEST_TMPDIR"'/server)'
	run xtest wants
	[ "$status" = 0 ]
	[ "$(logged)" = "served;" ]
	run kill -0 "$(cat ../server)"
	[ "$status" != 0 ]
}

@test "a profile has its scripts and those of the profile it inherits" {
	jq '.profiles.ci = {scripts: [{setup: "more"}]} | .scripts.setup.more = {command: "echo more >>$log"} |
		.profiles.alone = {inherits: "ci"}' xtest.json >../new && mv ../new xtest.json
	run xtest -P alone wants
	[ "$status" = 0 ]
	[ "$(logged)" = "up;more;wants PORT=5432;down 5432;" ]
}

@test "a rule for another target, place or side does not hold" {
	for condition in target=s390x place=system platform=host; do
		jq --arg key "${condition%=*}" --arg value "${condition#*=}" \
			'.profiles.default.scripts[0] += {($key): $value}' xtest.json >../new
		rm -f "$log"
		cp xtest.json ../kept
		cp ../new xtest.json
		run xtest wants
		cp ../kept xtest.json
		[ "$(logged)" = "wants PORT=;" ]
	done
}

@test "96: a rule that names what is not there, with its place" {
	sed -i 's/"setup": "db"/"setup": "dbs"/' xtest.json
	run xtest
	[ "$status" = 96 ]
	[[ $output == *"xtest.json:"*"'profiles.default.scripts[0].setup': \`scripts.setup\` has no 'dbs'; did you mean 'db'?"* ]]
}

@test "a wrapper stands in front of its tests: a program of the project, and a text" {
	program wrap.sh 'echo "wrapped $(basename "$1")" >>$log; exec "$@"'
	cat >xtest.json <<-'JSON'
		{"scripts": {"wrapper": {"file": {"command": ["./wrap.sh"]}, "text": {"command": "env COLOUR=red"}}},
		 "profiles": {"default": {"scripts": [{"filter": "binary(wants)", "run-wrapper": "text"},
			{"run-wrapper": "file"}]}}}
	JSON
	program wants 'echo "wants $COLOUR" >>$log'
	run xtest -j1
	[ "$status" = 0 ]
	[ "$(sort "$log" | tr '\n' ';')" = "free PORT=;wants red;wrapped free;" ]
}

@test "a wrapper and the emulator of a foreign target" {
	need_aarch64
	printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts(getenv("WRAPPED") ? "wrapped" : "bare"); return 0; }\n' >hello.c
	printf 'TESTS = hello\nall: hello\nhello: hello.c; $(CC) -o $@ $<\ncheck: hello; ./hello\n' >Makefile
	program wrap.sh 'echo "$(basename "$1")" >>$log; WRAPPED=1 exec "$@"'
	while read -r order front said; do
		rm -f "$log"
		: >"$log"
		jq -n --arg order "$order" '{
			scripts: {wrapper: {w: {command: ["./wrap.sh"], "target-runner": $order}}},
			profiles: {default: {scripts: [{"run-wrapper": "w"}]}}}' >xtest.json
		run xtest --target aarch64 --no-capture -E 'platform(target)'
		echo "$order: $output"
		[[ $(logged) == $front ]]
		# Without an emulator it runs only where the kernel can find it one.
		[ "$order" = ignore ] || [[ $status == 0 && $output == *$said* ]]
	done <<-'TABLE'
		within-wrapper qemu-aarch64*; wrapped
		ignore hello; -
		overrides-wrapper * bare
	TABLE
	[ ! -s "$log" ]
}

@test "a wrapper that is a program of the target itself" {
	need_aarch64
	printf '#include <stdio.h>\nint main(int c, char **v) { printf("around %%s\\n", v[c - 1]); return 0; }\n' >around.c
	printf 'TESTS = hello\nall: hello around\n%%: %%.c; $(CC) -o $@ $<\ncheck: hello; ./hello\n' >Makefile
	printf 'int main(void) { return 1; }\n' >hello.c
	cat >xtest.json <<-'JSON'
		{"scripts": {"wrapper": {"w": {"command": ["./.xtest/build/aarch64-linux-gnu/make/src/around"],
			"target-runner": "around-wrapper"}}},
		 "profiles": {"default": {"scripts": [{"run-wrapper": "w", "platform": "target"}]}}}
	JSON
	run xtest --target aarch64 --no-capture -E 'platform(target)'
	[ "$status" = 0 ]
	[[ $output == *"around "*hello* ]]
}
