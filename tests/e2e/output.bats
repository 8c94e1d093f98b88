#!/usr/bin/env bats
# What a person is shown of a run, and what other programs are.

load common
bats_require_minimum_version 1.5.0

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cd "$dir"
	export XTEST_USER_CONFIG=none
}

# The project: a test of each name, run by the shell; SETTINGS are more members of its configuration.
project() { # NAME=SCRIPT…
	local word

	for word in "$@"; do
		jq -n --arg name "${word%%=*}" --arg command "${word#*=}" '{name: $name, command: $command}'
	done | jq -s --argjson more "${SETTINGS:-{\}}" '{suites: .} + $more' >xtest.json
}

# One word for each line about a result, those of the summary behind a bar; "+" for one with its output.
shown() { # OPTION…
	xtest --hide-progress --no-record "$@" >../out 2>&1 || true
	awk '/^ *Summary/ { printf "%s|", sep; sep = " " }
		/^ *(PASS|FAIL|SKIP|FLAKY 2\/2|TRY 1 FAIL) \[/ { sub(/^ */, ""); sub(/ \[.*/, ""); gsub(/ /, "_"); printf "%s%s", sep, $0; sep = " " }
		/^    said by/ { printf "+" }' ../out
}

# A pass, a skip, a failure, and one that passes the second time.
every_result() {
	project 'a=echo said by a' 'b=echo said by b; exit 77' 'c=echo said by c; exit 1' \
		"d=echo said by d; mkdir '$BATS_TEST_TMPDIR/d' 2>/dev/null || { rmdir '$BATS_TEST_TMPDIR/d'; exit 0; }; exit 1"
	jq '.suites[1] += {"skip-code": 77} | .jobs = 1 | .overrides = [{"filter": "binary(d)", "retries": 1}]' xtest.json >new
	mv new xtest.json
}

@test "which results are shown, and their output" {
	every_result
	[ "$(shown)" = "PASS SKIP FAIL+ TRY_1_FAIL+ FLAKY_2/2 | FLAKY_2/2 FAIL" ]
	[ "$(shown --status-level fail --final-status-level fail)" = "FAIL+ | FAIL" ]
	[ "$(shown --status-level none --final-status-level none --failure-output never)" = "|" ]
	[ "$(shown --status-level none --final-status-level all --failure-output final)" = "| PASS SKIP FLAKY_2/2 FAIL+" ]
	[ "$(shown --status-level retry --final-status-level none --success-output immediate --failure-output immediate-final)" = \
		"PASS+ SKIP+ FAIL+ TRY_1_FAIL+ FLAKY_2/2+ | FAIL+" ]
	[ "$(XTEST_SUCCESS_OUTPUT=final XTEST_FAILURE_OUTPUT=never XTEST_STATUS_LEVEL=fail XTEST_FINAL_STATUS_LEVEL=none shown)" = \
		"FAIL | PASS+ SKIP+ FLAKY_2/2+" ]
	[ "$(XTEST_STATUS_LEVEL=fail shown --status-level pass --failure-output never)" = "PASS FAIL TRY_1_FAIL FLAKY_2/2 | FLAKY_2/2 FAIL" ]
	run -2 xtest --status-level often
	run -2 xtest --success-output retry
}

@test "success-output, failure-output: profile and override" {
	SETTINGS='{"failure-output": "never", "jobs": 1,
		"profiles": {"ci": {"failure-output": "final", "overrides": [{"filter": "binary(a)", "success-output": "immediate"}]}}}' \
		project 'a=echo said by a' 'b=echo said by b' 'c=echo said by c; exit 1'
	[ "$(shown)" = "PASS PASS FAIL | FAIL" ]
	[ "$(shown -P ci)" = "PASS+ PASS FAIL | FAIL+" ]
	[ "$(shown -P ci --success-output never --failure-output immediate)" = "PASS PASS FAIL+ | FAIL" ]
	xtest show-config -P ci >../config
	grep -q 'failure-output *"final" *.*xtest.json:' ../config
}

@test "status-level, final-status-level: of a profile, and in a replay" {
	SETTINGS='{"jobs": 1, "profiles": {"ci": {"status-level": "fail", "final-status-level": "pass"}}}' \
		project 'a=echo said by a' 'c=echo said by c; exit 1'
	[ "$(shown -P ci)" = "FAIL+ | PASS FAIL" ]
	xtest -P ci >../first || true
	xtest replay >../again
	diff <(grep -v 'Recorded\|Building\|Built' ../first) <(grep -v 'Recorded\|Building\|Built' ../again)
	xtest replay --success-output final >../other
	grep -q 'said by a' ../other
}
