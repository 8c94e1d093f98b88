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

# One line for each suite: "NAME of its cases: RESULT COUNTS"; what a reader of libtest's format knows at the time.
read_libtest() { # FILE
	jq -rs 'reduce .[] as $e ({open: null, out: []};
		if $e.type == "suite" and $e.event == "started" then
			if .open then error("a suite in a suite") else .open = {n: $e.test_count, started: [], ended: []} end
		elif $e.type == "suite" then
			if (.open.started | length) != .open.n or .open.started != .open.ended then error("not all have ended") else . end |
			.out += ["\(.open.ended | join(" ")): \($e.event) \($e.passed) \($e.failed) \($e.ignored)"] | .open = null
		elif $e.event == "started" then .open.started += [$e.name]
		else .open.ended += [$e.name] end) | if .open then error("the last has no end") else .out[] end' "$1" | sort
}

@test "libtest-json: the lines of a suite stand together" {
	program cases 'case $* in
	*--list*--ignored*) ;;
	*--list*) printf "one: test\ntwo: test\n" ;;
	*two*) echo it broke; exit 101 ;;
	esac'
	SETTINGS='{"jobs": 2}' project 'a=echo said by a' 'c=exit 1' 'd=exit 77'
	jq '.suites += [{"name": "cases", "binary": "./cases", "framework": "libtest"}] | .suites[2] += {"skip-code": 77}' xtest.json >new
	mv new xtest.json
	run -100 --separate-stderr xtest --report libtest-json
	echo "$output" >../lines
	diff - <(read_libtest ../lines) <<-'END'
		project::a$a: ok 1 0 0
		project::c$c: failed 0 1 0
		project::cases$one project::cases$two: failed 1 1 0
		project::d$d: ok 0 0 1
	END
	[ "$(jq -r 'select(.name == "project::cases$two" and .event == "failed") | .stdout' ../lines)" = "it broke" ]
	[ "$(jq -r 'select(.event == "ignored") | .message' ../lines)" = "exit status 77" ]
	xtest replay --report libtest-json=../again >/dev/null
	diff ../lines ../again
	xtest replay --report libtest-json-plus=../more >/dev/null
	[ "$(jq -r 'select(.type == "suite" and .event == "started") | .nextest | .crate + " " + .test_binary' ../more | sort | xargs)" = \
		"project a project c project cases project d" ]
}

@test "libtest-json: names, events and members are cargo-nextest's" {
	command -v cargo-nextest >/dev/null || skip "install cargo-nextest"
	mkdir -p src
	printf '[package]\nname = "project"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n' >Cargo.toml
	printf '#[test] fn good() {}\n#[test] fn bad() { println!("hi"); panic!("no") }\n' >src/lib.rs
	NEXTEST_EXPERIMENTAL_LIBTEST_JSON=1 timeout 300 cargo-nextest nextest run --offline --no-fail-fast \
		--message-format libtest-json-plus >../theirs 2>../err || [ $? = 100 ] || { cat ../err; false; }
	binary=$(cargo-nextest nextest list --offline --message-format json 2>/dev/null | jq -r '."rust-suites"[]."binary-path"')
	jq -n --arg binary "$binary" '{adapter: "manifest", suites: [{name: "project", command: [$binary], binary: $binary}]}' >xtest.json
	run -100 xtest --report libtest-json-plus=../ours
	for file in theirs ours; do
		jq -c '[.type, .event, .name, (del(.message) | keys)]' "../$file" | sort >"../$file.shape"
	done
	diff ../theirs.shape ../ours.shape
}

# A name, and an output, that no reader should meet unprepared.
hostile_project() {
	SETTINGS='{"jobs": 2}' project \
		'flood=yes "$(printf "\033[2J\033]0;title\007\001\377\376 ]]> <a> &amp; \342\202")" | head -c 50000000; exit 1' \
		'flood-err=head -c 50000 /dev/zero | tr "\0" "\377" >&2; exit 1' \
		'nul=head -c 100000 /dev/zero; exit 1' 'fine=printf "\200\033[31m"' 'last=printf "\n\n\r\r\377"; kill -SEGV $$'
}

@test "control bytes, bytes that are no text and 50 MB of them do no harm in any report" {
	need xmllint libxml2-utils
	need prove perl
	need script bsdutils
	hostile_project
	mkdir ../reports
	xtest --no-record --success-output final --report jsonl=../reports/jsonl --report junit=../reports/junit.xml --report tap=../reports/tap \
		--report libtest-json=../reports/libtest --report trace=../reports/trace >../human && false || [ $? = 100 ]
	[ "$(verdicts ../reports/jsonl | xargs)" = "fine pass flood fail flood-err fail last crash nul fail" ]
	jq -en 'any(inputs; .suite == "project::flood" and .event == "case-end" and .stdout_dropped > 30000000)' ../reports/jsonl >/dev/null
	xmllint --noout --huge --schema "$top_srcdir/tests/golden/report/junit.xsd" ../reports/junit.xml
	[ "$(xmllint --huge --xpath 'count(//testcase[failure])' ../reports/junit.xml)" = 4 ]
	[ "$(read_libtest ../reports/libtest | grep -c ': failed 0 1 0$')" = 4 ]
	prove --exec cat ../reports/tap >../prove 2>&1 || true
	grep -q 'Failed 4/5 subtests' ../prove
	run ! grep 'Parse errors' ../prove
	# a terminal gets colours at most, and what moves its own display
	TERM=xterm script -qec "xtest --no-record --success-output immediate fine last nul" ../typescript </dev/null >/dev/null || true
	grep -q 'SIGSEGV' ../typescript
	run ! env LC_ALL=C grep -aqP '\x1b\[2J|\x1b\]|\x01|\x07|\xff' ../typescript
}

@test "a trace is what Chrome and Perfetto read" {
	hostile_project
	xtest --no-record --report trace=../trace -E 'not binary(/flood/)' >/dev/null || true
	jq -e 'type == "array" and all(.[];
		(.name | type == "string") and (.ph | IN("X", "M", "i")) and (.pid | type == "number") and (.tid | type == "number") and
		(if .ph == "X" then (.ts >= 0 and .dur >= 0 and (.cat | type == "string"))
		elif .ph == "i" then (.ts >= 0 and (.s | IN("g", "p", "t")))
		else (.name | IN("process_name", "thread_name")) and (.args.name | type == "string") end))' ../trace >/dev/null
	# every slice is on a track that has a name
	jq -e '(map(select(.name == "thread_name") | [.pid, .tid]) | unique) as $tracks |
		all(.[] | select(.ph == "X"); [.pid, .tid] as $t | $tracks | any(. == $t))' ../trace >/dev/null
	[ "$(jq -r '.[] | select(.ph == "X" and .args.verdict) | .name + " " + .args.verdict' ../trace | sort | xargs)" = \
		"project::fine pass project::last crash project::nul fail" ]
	# slices of one track do not overlap
	jq -e '[.[] | select(.ph == "X")] | group_by([.pid, .tid]) | all(.[]; sort_by(.ts) |
		[.[:-1], .[1:]] | transpose | all(.[]; .[0].ts + .[0].dur <= .[1].ts + 2000))' ../trace >/dev/null
}

@test "JUnit: what a run of every kind becomes for junitparser" {
	python3 -c 'import junitparser' 2>/dev/null || skip "pip install junitparser"
	SETTINGS='{"jobs": 1, "overrides": [{"filter": "binary(/^shaky|^never/)", "retries": 1}]}' project 'good=echo fine' \
		'bad=echo "t.c:3: error: it broke"; exit 3' "shaky=mkdir '$BATS_TEST_TMPDIR/shaky' || exit 0; echo first; exit 1" 'never=echo no; exit 1' \
		'gone=exit 77'
	jq '.suites[4] += {"skip-code": 77}' xtest.json >new && mv new xtest.json
	run -100 xtest --report junit=../junit.xml
	python3 - ../junit.xml <<-'END' >../read
		import sys
		from junitparser import JUnitXml
		xml = JUnitXml.fromfile(sys.argv[1])
		print(xml.tests, xml.failures, xml.errors, xml.skipped)
		for suite in xml:
		    properties = {p.name: p.value for p in suite.properties()}
		    assert properties["place"] == "local" and properties["kernel"], properties
		    for case in suite:
		        print(case.name, [(type(r).__name__, r.message) for r in case.result], (case.system_out or "").strip())
	END
	diff - ../read <<-'END'
		5 2 0 1
		good [] 
		bad [('Failure', 't.c:3: error: it broke (exit status 3)')] t.c:3: error: it broke
		shaky [] 
		never [('Failure', 'no (exit status 1)')] no
		gone [('Skipped', 'exit status 77')] 
	END
}

@test "junit, junit-success-output, junit-failure-output: of a profile and an override" {
	SETTINGS='{"profiles": {"ci": {"junit": "reports/ci.xml", "junit-success-output": true,
		"overrides": [{"filter": "binary(quiet)", "junit-failure-output": false}]}}}' \
		project 'a=echo said by a' 'c=echo said by c; exit 1' 'quiet=echo said by quiet; exit 1'
	run -100 xtest
	[ ! -e reports ]
	run -100 xtest -P ci
	grep -q '>said by a' reports/ci.xml
	grep -q '<system-out>said by c' reports/ci.xml
	run ! grep -q '<system-out>said by quiet' reports/ci.xml
	rm reports/ci.xml
	run -100 xtest -P ci --report junit=../other.xml
	[ -e ../other.xml ] && [ ! -e reports/ci.xml ]
	xtest replay --report junit=../again.xml >/dev/null
	diff ../other.xml ../again.xml
	run -100 xtest --report junit=../default.xml
	run ! grep -q 'said by a' ../default.xml
}
