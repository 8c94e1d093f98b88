#!/usr/bin/env bats
# Attempts: retries, flaky tests, and what stops a run early.

load common
bats_require_minimum_version 1.5.0

setup() {
	need jq jq
	cd "$BATS_TEST_TMPDIR"
}

# A project of shell tests, as NAME=SCRIPT words; the directory is $project.
shell_project() {
	project=$BATS_TEST_TMPDIR/project
	mkdir -p "$project"
	{
		printf '{%s"suites": [' "${SETTINGS:+$SETTINGS, }"
		local separator=
		for word in "$@"; do
			printf '%s{"name": "%s", "command": "%s"}' "$separator" "${word%%=*}" "${word#*=}"
			separator=', '
		done
		printf ']}\n'
	} >"$project/xtest.json"
}

@test "a test that fails is tried again, and is flaky when it passes then" {
	shell_project 'shaky=test -e seen || { touch seen; echo first; exit 1; }' 'good=true'
	run -0 xtest -C "$project" --retries 2 --report jsonl=events --report junit=report.xml
	[[ $output == *'TRY 1 FAIL'* ]]
	[[ $output == *'FLAKY 2/3'* ]]
	[[ $output == *'1 flaky'* ]]
	[ "$(grep -c '"event":"case-end".*::shaky' events)" -eq 2 ]
	grep -q '"attempt":1.*"verdict":"fail","final":false.*"stdout":"first' events
	grep -q '"attempt":2.*"verdict":"flaky","final":true' events
	grep -q '<flakyFailure type="fail"' report.xml
	grep -q 'first' report.xml
}

@test "a flaky test can be a failure" {
	shell_project 'shaky=cd $XTEST_WORKSPACE_ROOT; test -e seen || { touch seen; exit 1; }'
	run -100 xtest -C "$project" --retries 1 --flaky-result fail --report junit=report.xml
	[[ $output == *'flaky: attempt 2 passed, an earlier one did not (exit status 1)'* ]]
	grep -q '<rerunFailure type="fail"' report.xml
	rm "$project/seen"
	run -0 xtest -C "$project" --retries 1 --flaky-result pass
}

@test "what fails every time fails, with all its attempts in the reports" {
	shell_project 'bad=echo try $XTEST_ATTEMPT of $NEXTEST_TOTAL_ATTEMPTS; exit 3'
	run -100 xtest -C "$project" --retries 2 --report jsonl=events --report junit=report.xml
	[[ $output == *'1 failed'* ]]
	for attempt in 1 2 3; do
		grep -q "\"stdout\":\"try $attempt of 3" events
		grep -q "try $attempt of 3" report.xml
	done
	[ "$(grep -o '<rerunFailure' report.xml | wc -l)" -eq 2 ]
}

@test "retries are settings, and an override's come before the profile's" {
	SETTINGS='"retries": 1, "overrides": [{"filter": "binary(often)", "retries": {"count": 3, "backoff": "exponential", "delay": "1ms", "max-delay": "2ms", "jitter": true}}]' \
		shell_project 'often=false' 'once=false'
	run -100 xtest -C "$project" --report jsonl=events
	[ "$(grep -c '"event":"case-end".*::often"' events)" -eq 4 ]
	[ "$(grep -c '"event":"case-end".*::once"' events)" -eq 2 ]
	run -100 xtest -C "$project" --retries 0 --report jsonl=events
	[ "$(grep -c '"event":"case-end"' events)" -eq 2 ]
}

@test "--max-fail ends what runs when it is to be immediate" {
	need timeout coreutils
	shell_project 'bad=sleep 0.2; exit 1' 'long=sleep 600; touch $XTEST_WORKSPACE_ROOT/ended'
	run -100 timeout 120 xtest -C "$project" -j 2 --max-fail 1:immediate --report jsonl=events
	[[ $output == *'1 tests failed'* ]]
	[ "$(verdicts events)" = "bad fail
long lost" ]
	run -100 xtest -C "$project" -j 1 -E 'binary(bad)' --max-fail 1:graceful
	for wrong in 0 x -1 1: 1:soon ''; do
		run -2 xtest -C "$project" "--max-fail=$wrong"
		[[ $output == *'--max-fail takes N'* ]]
	done
	run -100 xtest -C "$project" -E 'binary(bad)' --max-fail all
}

@test "a run that takes too long is ended" {
	need timeout coreutils
	shell_project 'long=sleep 600' 'waits=true'
	run -100 timeout 120 xtest -C "$project" -j 1 --global-timeout 300ms
	[[ $output == *'no end within 0.3 s'* ]]
	SETTINGS='"global-timeout": "300ms"' shell_project 'long=sleep 600' 'waits=true'
	run -100 timeout 120 xtest -C "$project" -j 1
	[[ $output == *'no end within 0.3 s'* ]]
}

@test "what is in quarantine runs, is reported, and does not count" {
	SETTINGS='"quarantine": [{"filter": "binary(bad*)", "reason": "ticket 7", "expires": "9998-12-31"}, {"filter": "binary(none)", "reason": "nobody", "expires": "9998-12-31"}]' \
		shell_project 'bad=echo oh no; exit 3' 'bad-no-more=true' 'good=true'
	run -0 xtest -C "$project" -j 1 --fail-fast --quarantine-verify --report jsonl=events --report junit=report.xml
	[[ $output == *'in quarantine: ticket 7; exit status 3'* ]]
	[[ $output == *'2 passed, 1 failed in quarantine'* ]]
	[[ $output == *'xtest.json:1: 1 of 2 tests in this quarantine pass now (ticket 7): project::bad-no-more'* ]]
	[[ $output == *'no test that ran is in this quarantine (nobody)'* ]]
	[ "$(verdicts events)" = "bad fail
bad-no-more pass
good pass" ]
	jq -es 'last | .quarantined == 1 and .failed == 0 and .finished == 3' events
	grep -q '<skipped message="in quarantine: ticket 7; exit status 3"' report.xml
	grep -q 'failures="0"' report.xml
	xtest -C "$project" -j 1 --report tap=stream >/dev/null
	grep -q '^not ok 1 - .* # TODO in quarantine: ticket 7$' stream
}

@test "what is in quarantine is not outstanding, and explain knows why" {
	SETTINGS='"quarantine": [{"filter": "binary(bad)", "reason": "ticket 7", "expires": "9998-12-31"}]' \
		shell_project 'bad=exit 3' 'worse=exit 4' 'good=true'
	run -100 xtest -C "$project" -j 1
	run -100 xtest -C "$project" -j 1 --failed --report jsonl=events
	[ "$(verdicts events)" = "worse fail" ]
	# Nor is it where a run leaves it out.
	sed -i 's/exit 4/true/' "$project/xtest.json"
	run -0 xtest -C "$project" -j 1 --failed worse
	run -0 xtest explain -C "$project" bad
	[[ $output == *'runs, in quarantine to the end of 9998-12-31: ticket 7 ('*'xtest.json:1)'* ]]
	[[ $output == *'last time: fail, exit status 3'* ]]
	run -0 xtest explain -C "$project" bad --failed
	[[ $output == *'does not run: it failed in quarantine in '*' or a run before it, and is not outstanding'* ]]
	run -0 xtest explain -C "$project" good
	[[ $output != *quarantine* ]]
	# It holds no longer: then it is an error of every run, and explain says which.
	sed -i 's/9998-12-31/2001-01-01/' "$project/xtest.json"
	run -0 xtest explain -C "$project" bad
	[[ $output == *'in a quarantine that has expired on 2001-01-01: ticket 7 ('*'xtest.json:1)'* ]]
}

@test "a quarantine that has expired is an error" {
	SETTINGS='"quarantine": [{"filter": "all()", "reason": "ticket 7", "expires": "2001-01-01"}]' \
		shell_project 'bad=false'
	run -96 xtest -C "$project"
	[[ $output == *'xtest.json:1:'*'the quarantine has expired on 2001-01-01 (ticket 7)'* ]]
}

@test "silence and CPU time have limits of their own" {
	need timeout coreutils
	shell_project 'silent=echo one; sleep 600'
	run -100 timeout 120 xtest -C "$project" --idle-timeout 300ms
	[[ $output == *'no output for 0.3 s'* ]]
	shell_project 'chatty=while :; do echo more; done'
	run -100 timeout 120 xtest -C "$project" --idle-timeout 100s --cpu-timeout 300ms
	[[ $output == *'used more than 0.3 s of CPU time'* ]]
	SETTINGS='"idle-timeout": "300ms"' shell_project 'silent=echo one; sleep 600'
	run -100 timeout 120 xtest -C "$project"
	SETTINGS='"cpu-timeout": "300ms"' shell_project 'busy=while :; do :; done'
	run -100 timeout 120 xtest -C "$project"
	[[ $output == *'used more than 0.3 s of CPU time'* ]]
	run -0 xtest -C "$project" --cpu-timeout 60s --timeout 2s --retries 0 -E 'none()' --no-tests pass
}

@test "on a busy machine nobody dies who fits the CPU budget, and who burns output for ever does" {
	need timeout coreutils
	others=()
	for ((i = 0; i < $(nproc); i++)); do
		timeout 100 sh -c 'while :; do :; done' 3>&- &
		others+=($!)
	done
	work='i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'
	shell_project "a=$work" "b=$work" "c=$work; sleep 1" "d=$work" "e=$work; exit 3" 'burns=while :; do echo more; done'
	run timeout 300 xtest -C "$project" -j 2 --cpu-timeout 2s --report jsonl=events
	kill "${others[@]}"
	[ "$status" = 100 ]
	[ "$(verdicts events)" = "a pass
b pass
burns timeout
c pass
d pass
e fail" ]
	[[ $output == *'used more than 2.0 s of CPU time'* ]]
}

@test "what a time limit ends can be a pass, and what is left behind a failure" {
	need timeout coreutils
	SETTINGS='"timeout": {"period": "300ms", "terminate-after": 1, "on-timeout": "pass"}' shell_project 'soak=sleep 600'
	run -0 timeout 120 xtest -C "$project"
	[[ $output == *'which counts as a pass: no end within 0.3 s'* ]]
	SETTINGS='"leak-timeout": {"period": "10ms", "result": "fail"}' shell_project 'leaky=sleep 600 & exit 0'
	run -100 timeout 120 xtest -C "$project"
	[[ $output == *'left 1 process behind'* ]]
	SETTINGS='"flaky-result": "fail", "retries": 1' shell_project 'shaky=test $XTEST_ATTEMPT = 2'
	run -100 xtest -C "$project"
	[[ $output == *'flaky: attempt 2 passed'* ]]
}

@test "test groups, threads and memory say what runs beside what" {
	local note='ls $XTEST_WORKSPACE_ROOT/now.* | wc -l >>$XTEST_WORKSPACE_ROOT/most'
	local work="touch \$XTEST_WORKSPACE_ROOT/now.\$\$; sleep 0.2; $note; rm \$XTEST_WORKSPACE_ROOT/now.\$\$"
	local setting
	for setting in '"test-groups": {"one": {"max-threads": 1}}, "test-group": "one"' '"threads-required": "num-test-threads"' \
		'"memory-required": 1048576'; do
		SETTINGS=$setting shell_project "a=$work" "b=$work" "c=$work"
		rm -f "$project/most"
		run -0 xtest -C "$project" -j 3
		[ "$(sort -n "$project/most" | tail -n 1)" -eq 1 ]
	done
}

@test "priority is the order" {
	SETTINGS='"overrides": [{"filter": "binary(c)", "priority": 5}, {"filter": "binary(a)", "priority": -5}]' \
		shell_project a=true b=true c=true
	xtest -C "$project" -j 1 --report jsonl=events
	[ "$(jq -r 'select(.event == "case-start") | .suite | sub(".*::"; "")' events | xargs)" = "c b a" ]
}

@test "a stress run is round after round" {
	need timeout coreutils
	need xmllint libxml2-utils
	shell_project 'one=echo round $XTEST_STRESS_CURRENT of $NEXTEST_STRESS_TOTAL' 'two=test $XTEST_STRESS_CURRENT != 2'
	run -100 xtest -C "$project" -j 2 --stress-count 3 --report jsonl=events --report junit=report.xml
	[[ $output == *'6 tests run: 5 passed, 1 failed'* ]]
	[[ $output == *'two @stress-2'* ]]
	[ "$(jq -r 'select(.event == "case-end") | .stress' events | xargs)" = "1 1 2 2 3 3" ]
	[ "$(jq -r 'select(.event == "case-end") | .index' events | sort -u | wc -l)" -eq 6 ]
	grep -q 'round 3 of 3' events
	xmllint --noout report.xml
	[ "$(grep -c '<testsuite ' report.xml)" -eq 6 ]
	run -100 timeout 120 xtest -C "$project" --stress-count infinite --max-fail 1 --report tap=stream
	[[ $output == *'1 tests failed'* ]]
	grep -q '^1\.\.[34]$' stream
	run -0 timeout 120 xtest -C "$project" --stress-duration 1ms -E 'binary(one)'
	for wrong in 0 x 1x -1; do
		run -2 xtest -C "$project" "--stress-count=$wrong"
	done
	run -2 xtest -C "$project" --stress-count 2 --stress-duration 1s
}
