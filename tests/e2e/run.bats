#!/usr/bin/env bats
# The verbs on a small project: what they print, what they select, what they leave alone.

load common

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cat >"$dir/xtest.json" <<-'JSON'
		{"suites": [
			{"name": "alpha", "command": ["./alpha"], "labels": ["quick"]},
			{"name": "beta", "command": ["./beta"]},
			{"name": "beta-long", "command": ["./beta"]},
			{"name": "gamma", "command": ["./gamma"]}]}
	JSON
	program "$dir/alpha" 'echo from alpha'
	program "$dir/beta" 'echo "beta:2: no" >&2; exit 1'
	program "$dir/gamma" 'exit 77'
	cd "$dir"
}

# Names of the tests that ran, in a line.
ran() { # OPTION…
	xtest "$@" --report jsonl=../events >../out 2>&1 || true
	verdicts ../events | cut -d ' ' -f 1 | xargs
}

@test "filters select by part of the name, by whole name, and by expression" {
	[ "$(ran)" = "alpha beta beta-long gamma" ]
	[ "$(ran beta)" = "beta beta-long" ]
	[ "$(ran beta alpha)" = "alpha beta beta-long" ]
	[ "$(ran --exact beta)" = "beta" ]
	[ "$(ran --skip beta)" = "alpha gamma" ]
	[ "$(ran --exact --skip beta)" = "alpha beta-long gamma" ]
	[ "$(ran -E 'test(/^beta$/) or test(gam)')" = "beta gamma" ]
	[ "$(ran -E 'not binary(beta*)' -E 'test(=beta)')" = "alpha beta gamma" ]
	[ "$(ran beta -E 'test(long)')" = "beta-long" ]
}

@test "--fail-fast and --max-fail start nothing more" {
	[ "$(ran -j 1 --fail-fast)" = "alpha beta" ]
	jq -es 'last | .not_run == 2 and .exit_code == 100 and .cancelled != null' ../events
	[ "$(ran -j 1 --max-fail 2)" = "alpha beta beta-long" ]
	[ "$(ran -j 1 --no-fail-fast)" = "alpha beta beta-long gamma" ]
}

@test "-j is the number of tests at once" {
	for test in alpha beta gamma; do
		program $test "mkdir $PWD/now.\$\$; ls -d $PWD/now.* | wc -l >>$PWD/most; sleep 0.3; rmdir $PWD/now.\$\$"
	done
	xtest -j 1
	[ "$(sort -n most | tail -n 1)" -eq 1 ]
	xtest -j 3
	[ "$(sort -n most | tail -n 1)" -eq 3 ]
}

@test "--timeout is over all other limits" {
	program alpha 'sleep 60'
	run xtest alpha --timeout 300ms
	[ "$status" = 100 ]
	[[ $output == *TIMEOUT*"no end within 0.3 s"* ]]
}

@test "--no-capture shows output as it comes, and nothing twice" {
	run xtest --no-capture alpha
	[ "$status" = 0 ]
	[ "$(grep -c '^ *from alpha$' <<<"$output")" = 1 ]
	run xtest alpha
	[[ $output != *"from alpha"* ]]
}

@test "one report may have standard output, the lines for people go to standard error then" {
	xtest --report jsonl >../out 2>../err || true
	jq -es 'first.event == "run-start" and last.event == "run-end"' ../out
	grep -q Summary ../err
	xtest --report tap=- --report jsonl=../events --report junit=../junit.xml >../out 2>../err || true
	[[ $(head -n 1 ../out) == "TAP version "* ]]
	[ "$(grep -cE '^(not )?ok ' ../out)" = 4 ]
	grep -q '^1\.\.4$' ../out
	jq -es 'length > 8' ../events
	run xtest --report tap --report jsonl
	[ "$status" = 2 ]
}

@test "JUnit is what other programs read" {
	need xmllint libxml2-utils
	fates=$top_srcdir/tests/fixtures/fates/src
	need cc gcc
	cc -o noise "$fates/noise.c"
	printf '{"suites": [{"name": "noise", "command": ["./noise"]}]}' >xtest.json
	run xtest --report junit=../junit.xml --report tap=../tap --report jsonl=../events
	[ "$status" = 100 ]
	xmllint --noout --schema "$top_srcdir/tests/golden/report/junit.xsd" ../junit.xml
	./noise 2>/dev/null >noise.out || true
	jq -r 'select(.event == "case-end").stdout_base64' ../events | base64 -d | cmp - noise.out
	[ "$(jq -s 'length' ../events)" = "$(wc -l <../events)" ]
	! grep -q '^Bail out' ../tap
}

@test "a pipe gets neither colours nor a progress line, NO_COLOR is heeded" {
	xtest >../out 2>&1 || true
	! grep -q $'\x1b' ../out
	xtest --color always >../out 2>&1 || true
	grep -q $'\x1b' ../out
	need script bsdutils
	NO_COLOR=1 script -qec "xtest --hide-progress" /dev/null </dev/null >../out || true
	! grep -qE $'\x1b\\[[0-9;]*m' ../out
}

@test "list: a line each, JSON, and without starting a program" {
	[ "$(xtest list | sort | xargs)" = "project::alpha project::beta project::beta-long project::gamma" ]
	[ "$(xtest list beta --exact)" = "project::beta" ]
	xtest list -T json beta | jq -e '."selected-count" == 2 and ."test-count" == 4 and
		([.suites[].cases[] | select(.matches)] | length) == 2'
	[ "$(xtest list -T json-pretty | jq -c .)" = "$(xtest list -T json | jq -c .)" ]
	xtest list -T human | grep -q 'project::alpha  (plain)'
	[ "$(xtest list --list-type binaries-only | wc -l)" = 4 ]
	run xtest list -T sideways
	[ "$status" = 2 ]
}

@test "every verb has a help text, and help knows them all" {
	xtest help >../help
	for verb in run list archive target exec; do
		grep -qw "$verb" ../help
		xtest $verb --help >../one
		grep -q '^Usage: ' ../one || grep -qi usage ../one
	done
	xtest --version | grep -qE '^xtest [0-9]+\.[0-9]+'
	run xtest help no-such-verb
	[ "$status" != 0 ]
}

@test "two runs at once in one project both have their verdicts" {
	need make make
	rm xtest.json
	make_project "$dir" <<-'MAKEFILE'
		TESTS = alpha gamma
		all: made
		made:; sleep 0.5; echo built >>$(LOG); touch made
	MAKEFILE
	export LOG=$BATS_TEST_TMPDIR/built
	xtest --report jsonl=../one >../out1 2>&1 &
	first=$!
	xtest --report jsonl=../two >../out2 2>&1
	wait $first
	[ "$(verdicts ../one)" = $'alpha pass\ngamma skip' ]
	[ "$(verdicts ../two)" = "$(verdicts ../one)" ]
	[ "$(wc -l <"$LOG")" = 1 ]
}

@test "nothing changed: nothing is built again, and the first test starts within a second" {
	need meson meson
	need ninja ninja-build
	need_aarch64
	cp -R "$top_srcdir/tests/fixtures/demo" ../demo
	chmod -R u+w ../demo
	cd ../demo
	xtest --target aarch64
	find .xtest/build -name '*.o' -newer .xtest/.gitignore | xargs stat -c '%n %y' >../before
	[ -s ../before ]
	xtest --target aarch64 --report jsonl=../events
	find .xtest/build -name '*.o' -newer .xtest/.gitignore | xargs stat -c '%n %y' | diff ../before -
	jq -es 'map(select(.event == "case-start"))[0].time_ms < 1000' ../events
	[ -z "$(find . -newer .xtest/.gitignore -not -path './.xtest*' -type f)" ]
}
