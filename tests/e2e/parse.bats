# Saved logs as a run.
load common

logs() {
	echo "$top_srcdir/tests/fixtures/$1"
}

@test "a log with nothing wrong passes" {
	run xtest parse "$(logs console/aarch64-quiet.console)"
	[ "$status" -eq 0 ]
	[[ "$output" == *"1 passed"* ]]
}

@test "a panic is a failure with its line and its lines" {
	run xtest parse "$(logs console/s390x-panic.console)"
	[ "$status" -eq 100 ]
	[[ "$output" == *"CRASH"*"line "*": panic  (Kernel panic - not syncing: sysrq triggered crash)"* ]]
	[[ "$output" == *"sysrq_handle_crash"* || "$output" == *"sysrq_reset_seq_param_set"* ]]
}

@test "planned tests without a result have no verdict" {
	run xtest parse "$(logs ktap/kunit-panic.ktap)"
	[ "$status" -eq 107 ]
}

@test "a failed test is a failure" {
	run xtest parse "$(logs ktap/nested.ktap)"
	[ "$status" -eq 100 ]
}

@test "standard input is a log" {
	xtest parse --report "jsonl=$BATS_TEST_TMPDIR/events" - <"$(logs ktap/kunit-no-root.ktap)" >/dev/null
	grep -q '"suite":"ktap::list_sort","case":"list_sort_test".*"verdict":"pass"' "$BATS_TEST_TMPDIR/events"
}

@test "results without a version line need the format" {
	run xtest parse "$(logs ktap/plain.ktap)"
	[ "$status" -eq 0 ]
	run xtest parse --format ktap "$(logs ktap/plain.ktap)"
	[ "$status" -eq 100 ]
	run xtest parse --format console "$(logs ktap/nested.ktap)"
	[ "$status" -eq 0 ]
}

@test "the other reports are whole" {
	cd "$BATS_TEST_TMPDIR"
	run xtest parse --report junit=a.xml --report tap=a.tap "$(logs ktap/kselftest-panic.ktap)"
	[ "$status" -eq 107 ]
	grep -q '^1\.\.4$' a.tap
	command -v xmllint >/dev/null || skip "install libxml2-utils"
	xmllint --noout --schema "$top_srcdir/tests/golden/report/junit.xsd" a.xml
}

@test "one file, and one that is there" {
	run xtest parse
	[ "$status" -eq 2 ]
	run xtest parse "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 96 ]
}

@test "a recipe's patterns are for its target" {
	need jq jq
	cd "$BATS_TEST_TMPDIR"
	cp -R "$top_srcdir/targets" "$top_srcdir/images" .
	chmod -R u+w images
	jq '. + {console: [{kind: "fixture", severity: "oops", stamp: false, pattern: "console fixture: "}]}' \
		"$top_srcdir/images/s390x.json" >images/s390x.json
	run env XTEST_DATADIR=. xtest parse --target s390x "$(logs console/s390x-warning.console)"
	[ "$status" -eq 100 ]
	run env XTEST_DATADIR=. xtest parse --target aarch64 "$(logs console/s390x-warning.console)"
	[ "$status" -eq 0 ]
}

@test "a project's patterns come first, a target's only for it" {
	cd "$BATS_TEST_TMPDIR"
	cat >xtest.json <<-'JSON'
		{"console": [
			{"role": "ignore", "pattern": "Kernel panic - not syncing: sysrq"},
			{"kind": "fixture", "severity": "oops", "stamp": false, "pattern": "console fixture: ", "target": "s390x"}
		]}
	JSON
	run xtest parse "$(logs console/s390x-panic.console)"
	[ "$status" -eq 0 ]
	run xtest parse --target s390x "$(logs console/s390x-panic.console)"
	[ "$status" -eq 100 ]
	[[ "$output" == *": fixture  (console fixture: crash on s390x)"* ]]
	echo '{"console": [{"kind": "a", "severity": "oops", "pattern": "("}]}' >xtest.json
	run xtest parse "$(logs console/s390x-panic.console)"
	[ "$status" -eq 96 ]
	[[ "$output" == *"row 1: pattern: '(' without"* ]]
}
