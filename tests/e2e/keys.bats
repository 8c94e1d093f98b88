#!/usr/bin/env bats
# Keys of xtest.json, one by one: each test fails when its key is ignored. Which test that is for which key
# stands in tests/config-keys.txt.

load common
bats_require_minimum_version 1.5.0

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	mkdir -p "$dir/sub"
	cd "$dir"
	export XTEST_USER_CONFIG=none
	program t 'echo "in $PWD with $COLOUR and $*"; exit 0'
}

# One suite of the manifest with these members instead of a command.
suite() { # JSON
	jq -n --argjson more "$1" '{suites: [{name: "t"} + $more]}' >xtest.json
}

# Members of the suite's last case-end, and of its case-start.
ran() { # JQ-FILTER [OPTION…]
	local filter=$1

	shift
	rm -f ../events
	xtest "$@" --report jsonl=../events >../out 2>&1 || true
	jq -r "select(.event == \"case-start\" or .event == \"case-end\") | $filter | select(. != null) | tostring | rtrimstr(\"\n\")" ../events | tail -n 1
}

@test "suites: command, binary, cwd, env" {
	suite '{"command": ["./t", "one", "two words"]}'
	[[ $(ran .stdout) == *"and one two words" ]]
	suite '{"command": "echo by the shell"}'
	[ "$(ran .stdout)" = "by the shell" ]
	suite '{"binary": "./t"}'
	[ "$(ran .verdict)" = pass ]
	suite "{\"command\": [\"$PWD/t\"], \"cwd\": \"sub\"}"
	[[ $(ran .stdout) == "in $PWD/sub with"* ]]
	suite '{"command": ["./t"], "env": {"COLOUR": "red"}}'
	[[ $(ran .stdout) == *" with red and"* ]]
}

@test "suites: package, labels, platform, framework" {
	suite '{"command": ["./t"], "package": "other"}'
	[ "$(ran .suite)" = other::t ]
	suite '{"command": ["./t"], "labels": ["quick"]}'
	[ "$(ran .verdict -E 'tag(quick)')" = pass ]
	suite '{"command": ["./t"], "platform": "host"}'
	[ "$(ran .platform)" = host ]
	program t 'echo 1..1; echo "not ok 1 - a point"'
	suite '{"command": ["./t"], "framework": "tap"}'
	[ "$(ran .verdict)" = fail ]
}

@test "suites: timeout, expect-fail, skip-code" {
	suite '{"command": ["sleep", "1000"], "timeout": "300ms"}'
	[ "$(ran .verdict)" = timeout ]
	suite '{"command": ["false"], "expect-fail": true}'
	[ "$(ran .verdict)" = pass ]
	suite '{"command": "exit 9", "skip-code": 9}'
	[ "$(ran .verdict)" = skip ]
}

@test "suites: files" {
	echo data >sub/data
	suite '{"command": ["./t"], "files": ["sub"]}'
	run xtest archive --list
	[ "$status" = 0 ]
	[[ $output == *sub/data* ]]
}

# Fails when another one of its kind runs beside it.
alone='mkdir lock || exit 1; sleep 0.3; rmdir lock'

@test "suites: depends, serial; jobs" {
	jq -n '{suites: [{name: "last", command: "cat made", depends: ["project::first"]},
		{name: "first", command: "sleep 0.3; echo x >made"}]}' >xtest.json
	xtest -j2
	jq -n --arg c "$alone" '{suites: [{name: "a", command: $c, serial: true}, {name: "b", command: $c, serial: true}]}' >xtest.json
	xtest -j2
	jq -n --arg c "$alone" '{suites: [{name: "a", command: $c}, {name: "b", command: $c}], jobs: 1}' >xtest.json
	xtest
}

@test "threads-required, test-group" {
	jq -n --arg c "$alone" '{suites: [{name: "a", command: $c}, {name: "b", command: $c}], jobs: 2, "threads-required": 2}' >xtest.json
	xtest
	jq -n --arg c "$alone" '{suites: [{name: "a", command: $c}, {name: "b", command: $c}], jobs: 2,
		"test-groups": {g: {"max-threads": 1}}, "test-group": "g"}' >xtest.json
	xtest
}

@test "source, build.args" {
	need make make
	printf 'TESTS = made\nall: made\nmade:; printf "#!/bin/sh\\necho $(WORD)\\n" >made; chmod +x made\ncheck: made; ./made\n' >sub/Makefile
	echo '{"source": "sub", "build": {"args": ["WORD=given"]}}' >xtest.json
	[ "$(ran .stdout)" = given ]
}

@test "targets, place, user: who is not there is named" {
	suite '{"command": ["./t"]}'
	for setting in targets:'["aarch46"]' place:'"nowhere"' user:'"no-such-user"'; do
		jq --argjson value "${setting#*:}" ".${setting%%:*} = \$value" xtest.json >../new
		cp xtest.json ../kept
		cp ../new xtest.json
		run xtest
		cp ../kept xtest.json
		[ "$status" != 0 ]
		[[ $output == *"$(jq -r '.[0]? // .' <<<"${setting#*:}")"* ]]
	done
}

@test "timeout, slow-timeout, leak-timeout" {
	suite '{"command": ["sleep", "1000"]}'
	jq '.timeout = {period: "150ms", "terminate-after": 2}' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = timeout ]
	jq '.timeout = "300ms"' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = timeout ]
	suite '{"command": "sleep 2"}'
	jq '."slow-timeout" = "100ms"' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = pass ]
	grep -q '"event":"case-slow"' ../events
	jq '."slow-timeout" = {period: "100ms", "terminate-after": 2}' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = timeout ]
	suite '{"command": "sleep 1000 & exit 0"}'
	jq '."leak-timeout" = {period: "100ms", result: "fail"}' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = fail ]
	suite '{"command": "sleep 1 & exit 0"}'
	jq '."leak-timeout" = "60s"' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = pass ]
}

@test "fail-fast, priority" {
	jq -n '{suites: [{name: "a", command: "false"}, {name: "b", command: "true"}], jobs: 1, "fail-fast": true}' >xtest.json
	xtest --report jsonl=../events || true
	[ "$(verdicts ../events)" = "a fail" ]
	jq -n '{suites: [{name: "a", command: "true"}, {name: "b", command: "true"}], jobs: 1,
		overrides: [{filter: "binary(b)", priority: 5}]}' >xtest.json
	xtest --report jsonl=../events
	[ "$(jq -r 'select(.event == "case-start") | .name' ../events | tr '\n' ' ')" = "b a " ]
}

@test "fail-fast: max-fail, terminate" {
	jq -n '{suites: [range(5) | {name: "f\(.)", command: "exit 1"}], jobs: 1, "fail-fast": {"max-fail": 2}}' >xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(verdicts ../events)" = $'f0 fail\nf1 fail' ]
	run -100 xtest --no-fail-fast --report jsonl=../events
	[ "$(verdicts ../events | wc -l)" = 5 ]
	jq '."fail-fast"."max-fail" = "all"' xtest.json >../new && cp ../new xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(verdicts ../events | wc -l)" = 5 ]
	# What runs when it happens is waited for, or not.
	rm -f go
	jq -n '{suites: [{name: "bad", command: "until [ -e $XTEST_WORKSPACE_ROOT/go ]; do sleep 0.1; done; exit 1"}, {name: "long", command: "touch $XTEST_WORKSPACE_ROOT/go; sleep 2"}],
		jobs: 2, "fail-fast": {"max-fail": 1, terminate: "wait"}}' >xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(verdicts ../events)" = $'bad fail\nlong pass' ]
	rm -f go
	jq '."fail-fast".terminate = "immediate" | .suites[1].command = "touch $XTEST_WORKSPACE_ROOT/go; sleep 1000"' xtest.json >../new && cp ../new xtest.json
	run -100 xtest --report jsonl=../events
	[ "$(verdicts ../events)" = $'bad fail\nlong lost' ]
}

@test "list-timeout" {
	need gcc gcc
	printf '#include <unistd.h>\nint main(void) { sleep(1000); return 0; }\n' >x.c
	gcc -o x x.c
	echo '{"suites": [{"name": "x", "binary": "./x", "framework": "libtest"}], "list-timeout": "300ms"}' >xtest.json
	run -104 xtest
	[[ $output == *"no end within 0.3 s"* ]]
	run -104 xtest --list-timeout 200ms
	[[ $output == *"no end within 0.2 s"* ]]
}

@test "overrides: filter, target, place, platform, framework" {
	program t 'echo 1..1; echo "not ok 1 - a point"'
	suite '{"command": ["./t"]}'
	[ "$(ran .verdict)" = pass ]
	for where in '"filter": "binary(t)"' '"filter": "all()"'; do
		jq ".overrides = [{$where, framework: \"tap\"}]" xtest.json >../new
		cp xtest.json ../kept
		cp ../new xtest.json
		[ "$(ran .verdict)" = fail ]
		cp ../kept xtest.json
	done
	jq '.overrides = [{filter: "binary(nothing-like-it) or binary(t)", platform: "host"}]' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .platform)" = host ]
	# The first does not hold here.
	suite '{"command": "sleep 1000"}'
	jq '.overrides = [{target: "s390x", timeout: "100s"}, {place: "system", timeout: "100s"},
		{place: "local", timeout: "300ms"}]' xtest.json >../new && cp ../new xtest.json
	[ "$(ran .verdict)" = timeout ]
}

@test "overrides: what nobody knows is refused, with its place" {
	suite '{"command": ["./t"]}'
	for condition in target:aarch46:aarch64 place:sistem:system framework:gtets:gtest; do
		IFS=: read -r key wrong right <<<"$condition"
		printf '{"suites": [{"name": "t", "command": ["./t"]}],\n"overrides": [{"%s": "%s"}]}\n' "$key" "$wrong" >xtest.json
		run xtest
		[ "$status" = 96 ]
		[[ $output == *"xtest.json:2:"*"'overrides[0].$key': there is no $key '$wrong'; did you mean '$right'?"* ]]
	done
}

@test "list-wrapper" {
	need gcc gcc
	program wrap.sh 'echo "$*" >>'"$BATS_TEST_TMPDIR"'/listed; exec "$@"'
	cat >list.c <<-'C'
		#include <stdio.h>
		#include <string.h>
		/* Lists as libtest does. */
		int main(int argc, char **argv)
		{
			int list = 0, ignored = 0;

			for (int i = 1; i < argc; i++) {
				list |= strcmp(argv[i], "--list") == 0;
				ignored |= strcmp(argv[i], "--ignored") == 0;
			}
			if (list && !ignored)
				puts("one: test");
			return 0;
		}
	C
	gcc -o list list.c
	jq -n --arg wrap "$PWD/wrap.sh" '{suites: [{name: "t", binary: "./list", framework: "libtest"}],
		scripts: {wrapper: {w: {command: [$wrap]}}},
		profiles: {default: {scripts: [{"list-wrapper": "w"}]}, plain: {scripts: []}}}' >xtest.json
	for profile in plain default default; do
		rm -f "$BATS_TEST_TMPDIR/listed"
		xtest list -P "$profile"
	done
	# What a wrapper says is not kept for those without one, and the other way round.
	grep -q -- --list "$BATS_TEST_TMPDIR/listed"
}

@test "default-filter" {
	jq -n '{suites: [{name: "a", command: "true"}, {name: "b", command: "true"}], "default-filter": "binary(b)"}' >xtest.json
	xtest --report jsonl=../events
	[ "$(verdicts ../events)" = "b pass" ]
}

@test "scripts: env, and timeout of a tear-down script" {
	jq -n '{suites: [{name: "t", command: "true"}], scripts: {
		setup: {up: {command: "echo $COLOUR >up", env: {COLOUR: "red"}}},
		teardown: {down: {command: "echo $COLOUR >down; sleep 1000", env: {COLOUR: "blue"}, timeout: "300ms"}}},
		profiles: {default: {scripts: [{setup: "up", teardown: "down"}]}}}' >xtest.json
	run xtest
	[ "$status" = 105 ]
	[ "$(cat up down | tr '\n' ' ')" = "red blue " ]
	[[ $output == *"no end within 300 ms"* ]]
}

@test "console: kind, severity, pattern, end, role, stage, stamp" {
	printf '[    1.000000] start of trouble\n[    1.100000] end of trouble\n[    1.200000] something else\n' >log
	echo '{"console": [{"kind": "word", "severity": "oops", "pattern": "start of trouble", "end": "end of trouble"}]}' >xtest.json
	run xtest parse log
	[ "$status" = 100 ]
	[[ $output == *": word  (start of trouble)"*"end of trouble"* && $output != *"something else"* ]]
	sed -i 's/oops/info/' xtest.json
	xtest parse log
	printf 'my loader\n[    0.000000] Linux version 6.1\n[    1.300000] other\nmy loader\n' >log
	row='"kind": "reset", "role": "boot", "severity": "fatal", "pattern": "my loader"'
	echo "{\"console\": [{$row, \"stage\": 3, \"stamp\": false}]}" >xtest.json
	run xtest parse log
	[ "$status" = 100 ]
	[[ $output == *"line 4: reset"* ]]
	echo "{\"console\": [{$row, \"stage\": 3}]}" >xtest.json
	xtest parse log # without a stamp it does not count
	echo "{\"console\": [{$row, \"stamp\": false}]}" >xtest.json
	run xtest parse log
	[ "$status" = 96 ] # a boot has a stage
}

@test "your own file: jobs, progress" {
	need script bsdutils
	jq -n --arg c "$alone" '{suites: [{name: "a", command: $c}, {name: "b", command: $c}]}' >xtest.json
	echo '{"jobs": 1, "progress": "none"}' >../own.json
	xtest --user-config ../own.json
	jq -n '{suites: [{name: "a", command: "sleep 2"}]}' >xtest.json
	TERM=xterm script -qec "xtest" /dev/null </dev/null >../bar || true
	TERM=xterm script -qec "xtest --user-config ../own.json" /dev/null </dev/null >../none || true
	grep -q '━' ../bar
	! grep -q '━' ../none
}

@test "machine: kernel, packages: what is not there is named" {
	suite '{"command": ["./t"]}'
	xtest target check aarch64 >/dev/null 2>&1 || skip "install gcc-aarch64-linux-gnu and qemu-user"
	need qemu-system-aarch64 qemu-system-arm
	for setting in kernel:'"/not/there"' packages:'["no-such-package-as-this"]'; do
		jq --argjson value "${setting#*:}" ".machine = {${setting%%:*}: \$value}" xtest.json >../new
		cp xtest.json ../kept
		cp ../new xtest.json
		XTEST_CACHE_DIR=$BATS_TEST_TMPDIR/cache run timeout 100 xtest --target aarch64 --on system
		cp ../kept xtest.json
		echo "$setting: $output"
		[ "$status" != 0 ]
		[[ $output != *"could not be fetched"* ]] || skip "no network for the packages of a machine"
		[[ $output == *"$(jq -r '.[0]? // .' <<<"${setting#*:}")"* ]]
	done
}
