#!/usr/bin/env bats
# What is kept of a run, and what can be asked of it afterwards.

load common

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cat >"$dir/xtest.json" <<-'JSON'
		{"suites": [
			{"name": "good", "command": ["./good"]},
			{"name": "bad", "command": ["./bad"]}]}
	JSON
	program "$dir/good" 'echo from good'
	program "$dir/bad" 'echo "bad:2: no" >&2; exit 1'
	cd "$dir"
}

@test "how long tests take is remembered, with the memory they had" {
	xtest good bad >../out 2>&1 || true
	head -n 1 .xtest/history | grep -qx 'xtest-history 1'
	[ "$(sed 1d .xtest/history | awk -F'\t' '$2 == "local" { print $3 }' | xargs)" = "project::bad project::good" ]
	sed 1d .xtest/history | awk -F'\t' '$6 ~ /^[0-9]+$/ && $7 ~ /^[0-9]+$/ { n++ } END { exit n != 2 }'
	xtest good >../out 2>&1
	grep good .xtest/history | awk -F'\t' '$6 ~ /^[0-9]+,[0-9]+$/ { n++ } END { exit n != 1 }'
	grep -c bad .xtest/history | grep -qx 1
}

@test "a damaged memory is said once and begun anew" {
	xtest good
	echo nonsense >>.xtest/history
	run xtest good
	[ "$status" -eq 0 ]
	[[ $output == *"/.xtest/history is damaged"* ]]
	run xtest good
	[ "$status" -eq 0 ]
	[[ $output != *damaged* ]]
}

@test "where nothing can be kept the tests run all the same" {
	mkdir .xtest .xtest/history.lock
	run xtest good
	[ "$status" -eq 0 ]
	[[ $output == *"what this run took is not kept"*history.lock* ]]
}

# Ids of the recorded runs, the oldest first.
ids() {
	xtest runs -T json | jq -r '.[].run'
}

# Names of the cases that ran in the latest run.
ran() {
	xtest replay --report jsonl=../replayed >../out
	verdicts ../replayed | cut -d ' ' -f 1 | xargs
}

@test "a run is told once more, the same in every report" {
	program good 'head -c 300000 /dev/urandom; printf "\033[31m\001 caf\351\n" >&2'
	program bad 'head -c 20000 /dev/zero; echo no >&2; exit 1'
	for report in jsonl junit tap human; do
		args+=(--report "$report=../first.$report")
		again+=(--report "$report=../second.$report")
	done
	run xtest "${args[@]}"
	[ "$status" -eq 100 ]
	xtest replay "${again[@]}"
	for report in jsonl junit tap human; do
		cmp ../first.$report ../second.$report
	done
	run xtest replay --exit-code
	[ "$status" -eq 100 ]
	# long outputs lie beside the lines, and equal ones lie there once
	[ "$(find .xtest/runs/2*/outputs -type f | wc -l)" -eq 2 ]
	xtest bad >../out 2>&1 || true
	[ "$(find .xtest/runs/outputs -type f | wc -l)" -eq 2 ]
	[ "$(find .xtest/runs/outputs -type f -links 3 | wc -l)" -eq 1 ]
}

@test "fifty megabytes of noise, on both streams, do no harm" {
	program good 'head -c 50000000 /dev/urandom; head -c 50000000 /dev/zero >&2'
	xtest good --report jsonl=../a --report junit=../a.xml --report tap=../a.tap --report human=../a.txt
	jq -es 'map(select(.event == "case-end"))[0] | .stdout_dropped > 0 and .stderr_dropped > 0' ../a
	xtest replay --report jsonl=../b --report junit=../b.xml --report tap=../b.tap --report human=../b.txt
	for report in '' .xml .tap .txt; do
		cmp ../a$report ../b$report
	done
	xtest compare latest ../a
}

@test "a run is named by its id, its beginning, its place in the row, or a file" {
	xtest good --report jsonl=../good.jsonl
	xtest bad || true
	mapfile -t all < <(ids)
	[ "${#all[@]}" -eq 2 ]
	for name in "${all[0]}" "${all[0]%?}" -2 ../good.jsonl; do
		xtest replay "$name" --report jsonl=../replayed
		[ "$(verdicts ../replayed)" = "good pass" ]
	done
	for name in "${all[1]}" -1 latest; do
		xtest replay "$name" --report jsonl=../replayed
		[ "$(verdicts ../replayed)" = "bad fail" ]
	done
	[ "$(ran)" = bad ]
	for name in -3 2 nothing ../missing.jsonl; do
		run xtest replay "$name"
		[ "$status" -eq 96 ]
	done
	xtest runs | grep -q "exit 100, .*0 passed, 1 failed"
	xtest runs list | grep -qx "    xtest bad"
}

@test "--failed runs what did not pass and what is new, until all has passed" {
	run xtest
	[ "$status" -eq 100 ]
	run xtest --failed
	[ "$status" -eq 100 ]
	[ "$(ran)" = bad ]
	# what passes now is outstanding no more; what is not selected stays so
	jq '.suites += [{"name": "new", "command": ["./good"]}]' xtest.json >../new.json
	mv ../new.json xtest.json
	run xtest --failed new
	[ "$status" -eq 5 ]
	[[ $output == *"1 test of earlier runs is still outstanding"* ]]
	[ "$(ran)" = new ]
	program bad 'exit 0'
	run xtest --failed
	[ "$status" -eq 0 ]
	[ "$(ran)" = bad ]
	run xtest --failed
	[ "$status" -eq 0 ]
	[[ $output == *"nothing to run again"* ]]
}

@test "--rerun goes on from any run, and a failed test that was removed is outstanding no more" {
	xtest || true
	first=$(ids)
	program bad 'exit 0'
	xtest bad
	run xtest --rerun "$first"
	[ "$status" -eq 0 ]
	[ "$(ran)" = bad ]
	program bad 'exit 1'
	run xtest
	[ "$status" -eq 100 ]
	jq 'del(.suites[1])' xtest.json >../new.json
	mv ../new.json xtest.json
	run xtest --failed
	[ "$status" -eq 0 ]
	[[ $output == *"1 outstanding test of earlier runs is not there any more"* ]]
	run xtest --failed --rerun latest
	[ "$status" -eq 2 ]
	run xtest --rerun nothing
	[ "$status" -eq 96 ]
}

@test "without a record there is nothing to go on from" {
	xtest good --no-record
	[ ! -e .xtest/runs ]
	run xtest --failed
	[ "$status" -eq 96 ]
	run xtest replay
	[ "$status" -eq 96 ]
	echo '{"record": {"enabled": false}, "suites": [{"name": "good", "command": ["./good"]}]}' >xtest.json
	xtest
	[ ! -e .xtest/runs ]
}

@test "a run out of an archive leaves nothing, unless there is a place for it" {
	xtest archive --archive-file ../tests.tar.zst
	mkdir ../elsewhere
	cd ../elsewhere
	xtest --archive-file ../tests.tar.zst good
	[ -z "$(ls -A)" ]
	XTEST_STATE_DIR=$BATS_TEST_TMPDIR/state xtest --archive-file ../tests.tar.zst good
	[ -z "$(ls -A)" ]
	[ "$(XTEST_STATE_DIR=$BATS_TEST_TMPDIR/state ids | wc -l)" -eq 1 ]
	mkdir .xtest
	xtest --archive-file ../tests.tar.zst || true
	xtest --archive-file ../tests.tar.zst --failed || true
	[ "$(ran)" = bad ]
}

@test "records are bounded by number, size and age" {
	limit() {
		jq --argjson record "$1" '.record = $record' xtest.json >../new.json
		mv ../new.json xtest.json
	}
	program good 'head -c 700000 /dev/urandom'
	for _ in 1 2 3; do xtest good; done
	[ "$(ids | wc -l)" -eq 3 ]
	last=$(ids | tail -n 1)
	limit '{"max-runs": 2}'
	xtest runs prune --dry-run | grep -c '^would remove' | grep -qx 1
	[ "$(ids | wc -l)" -eq 3 ]
	xtest good
	[ "$(ids | wc -l)" -eq 2 ]
	[ "$(ids | head -n 1)" = "$last" ]
	[ "$(find .xtest/runs/outputs -type f | wc -l)" -eq 2 ]
	limit '{"max-size": 1}'
	xtest runs prune
	[ "$(ids | wc -l)" -eq 1 ]
	limit '{"max-age": "1h"}'
	xtest good
	[ "$(ids | wc -l)" -eq 2 ]
	touch -d '2 hours ago' ".xtest/runs/$(ids | head -n 1)/events.jsonl"
	xtest good
	[ "$(ids | wc -l)" -eq 2 ]
	xtest runs prune --all
	[ -z "$(ids)" ]
	[ -z "$(find .xtest/runs -type f)" ]
}

@test "a full disk or a project that cannot be written is one note, and no failure" {
	mkdir -p .xtest
	echo >.xtest/runs
	run xtest good
	[ "$status" -eq 0 ]
	[ "$(grep -c 'is not recorded' <<<"$output")" -eq 1 ]
	rm .xtest/runs
	# every file ends after 8 KiB, as on a full disk
	program good 'head -c 30000 /dev/urandom'
	run bash -c 'trap "" XFSZ; ulimit -f 8; exec xtest good bad'
	[ "$status" -eq 100 ]
	[ "$(grep -c 'not all of this run is recorded' <<<"$output")" -eq 1 ]
	xtest replay
}

@test "shards are merged; doubles and contradictions are told; the exit code is the whole's" {
	xtest good --report jsonl=../a.jsonl
	xtest bad --report jsonl=../b.jsonl || true
	run xtest merge ../a.jsonl ../b.jsonl --report junit=../whole.xml --report jsonl=../whole
	[ "$status" -eq 100 ]
	[ "$(verdicts ../whole | xargs)" = "bad fail good pass" ]
	[ "$(jq -r 'select(.event == "plan") | .total' ../whole)" -eq 2 ]
	[ "$(grep -c '<testcase ' ../whole.xml)" -eq 2 ]
	# the same report can be merged again
	program bad 'exit 0'
	xtest --report jsonl=../c.jsonl
	run xtest merge ../whole ../c.jsonl --report jsonl=../more
	[ "$status" -eq 100 ]
	[[ $output == *"project::bad on "*": fail in ../whole, pass in ../c.jsonl"* ]]
	[[ $output == *"2 results are in more than one of the runs"* ]]
	[ "$(verdicts ../more | xargs)" = "bad fail good pass" ]
	# a shard that was cut short
	head -n 5 ../c.jsonl >../cut.jsonl
	run xtest merge ../a.jsonl ../cut.jsonl
	[ "$status" -eq 100 ]
	[[ $output == *"../cut.jsonl: killed before its end"* ]]
	run xtest merge ../a.jsonl
	[ "$status" -eq 2 ]
	run xtest merge ../a.jsonl ../a.jsonl
	[ "$status" -eq 2 ]
}

@test "what a rerun found out holds against the run it goes on from" {
	xtest || true
	program bad 'exit 0'
	xtest --failed
	run xtest merge -2 -1 --report jsonl=../whole
	[ "$status" -eq 0 ]
	[ "$(verdicts ../whole | xargs)" = "bad pass good pass" ]
	# in any order
	run xtest merge -1 -2
	[ "$status" -eq 0 ]
}

@test "two runs, and two places, are compared" {
	xtest || true
	program bad 'exit 0'
	program good 'sleep 0.3'
	xtest
	run xtest compare -2 -1
	[ "$status" -eq 100 ]
	[[ $output == *": fail, exit status 1"*": pass"* ]]
	[[ $output == *"project::good"*"slower"* ]]
	[[ $output == *"2 cases in both"*"verdicts differ in 1"* ]]
	run xtest compare -1 latest
	[ "$status" -eq 0 ]
	[ "$(xtest compare -2 -1 -T json | jq -r '.verdicts[0].sides | map(.verdict) | join(" ")')" = "fail pass" ]
	xtest compare -2 -1 -T json | jq -e '.both == 2 and (.times | length) >= 1 and .times[0].case == ""'
	xtest compare -2 -1 --factor 100000 -T json | jq -e '.times == []'
	xtest compare -2 -1 --least 1h -T json | jq -e '.times == []'
	xtest compare @local latest@local | grep -q '2 cases in both'
	run xtest compare -1@moon -1@local
	[ "$status" -eq 96 ]
	[[ $output == *"no results of a column, target or place moon"* ]]
	run xtest compare -1
	[ "$status" -eq 2 ]
}

@test "a trace is JSON with a track for every slot" {
	program good 'sleep 0.2'
	xtest --report trace=../trace.json || true
	jq -e 'type == "array" and all(.[]; .ph and .name and (.pid | type) == "number")' ../trace.json
	jq -e '[.[] | select(.ph == "X" and .args.verdict)] | length == 2 and (map(select(.name == "project::good"))[0].dur >= 200000)' ../trace.json
	jq -e '[.[] | select(.ph == "M" and .name == "thread_name") | .args.name] | index("slot 0") and index("steps")' ../trace.json
	# no two cases at once in one track
	jq -e '[.[] | select(.ph == "X" and .args)] | group_by([.pid, .tid]) | all(.[]; sort_by(.ts) |
		[., .[1:]] | transpose | map(select(.[1])) | all(.[]; .[0].ts + .[0].dur <= .[1].ts + 1000))' ../trace.json
	xtest replay --report trace=../again.json
	cmp ../trace.json ../again.json
}

@test "explain tells why a test runs or does not, with the line of the rule" {
	cat >xtest.json <<-'JSON'
		{
		  "default-filter": "not test(slow)",
		  "overrides": [
		    {"filter": "test(good)", "retries": 3}
		  ],
		  "suites": [
		    {"name": "good", "command": ["./good"]},
		    {"name": "bad", "command": ["./bad"]},
		    {"name": "slow", "command": ["./good"]}]}
	JSON
	run xtest explain good
	[ "$status" -eq 0 ]
	[[ $output == *"project::good on "*": runs"* ]]
	[[ $output == *"retries: {"*"3"*"xtest.json:4:"* ]]
	[[ $output != *"last time"* && $output != *bad* ]]
	run xtest explain slow
	[[ $output == *"does not run: the default filter leaves it out ("*"xtest.json:2:"*'not test('*slow* ]]
	[[ $(xtest explain good -E 'test(bad)') == *"does not run: no -E matches it"* ]]
	[[ $(xtest explain good --skip goo) == *"does not run: --skip names it"* ]]
	[[ $(xtest explain good bad) == *"does not run: no FILTER names it"* ]]
	[[ $(xtest explain good --run-ignored only) == *"does not run: --run-ignored=only"* ]]
	xtest || true
	[[ $(xtest explain bad) == *"last time: fail, exit status 1, "*" in run $(xtest runs -T json | jq -r '.[0].run')"* ]]
	[[ $(xtest explain good) == *"usually takes "* ]]
	[[ $(xtest explain good --failed) == *"does not run: it has passed in "* ]]
	# one of the shards does not have it
	[ "$(cat <(xtest explain good --partition hash:1/2) <(xtest explain good --partition hash:2/2) |
		grep -c 'does not run: it is in another shard')" -eq 1 ]
	# part of a name
	run xtest explain project
	[ "$(grep -c '^project::' <<<"$output")" -eq 3 ]
	run xtest explain nothing
	[ "$status" -eq 4 ]
	run xtest explain
	[ "$status" -eq 2 ]
}

@test "explain names the library that is missing" {
	need_aarch64
	cat >lib.c <<-'C'
		int one(void) { return 1; }
	C
	cat >main.c <<-'C'
		int one(void);
		int main(void) { return one() - 1; }
	C
	aarch64-linux-gnu-gcc -shared -o libone.so lib.c
	aarch64-linux-gnu-gcc -o main main.c -L. -lone
	rm libone.so
	echo '{"targets": ["aarch64"], "suites": [{"name": "main", "command": ["./main"]}]}' >xtest.json
	run xtest explain main
	[ "$status" -eq 0 ]
	[[ $output == *"cannot run: "*"libone.so"* ]]
	[[ $output == *"belongs to the target: ELF machine"* ]]
}

@test "JUnit of a run, a replay and a merged run is valid, and a parser counts the same" {
	command -v xmllint >/dev/null || skip "install libxml2-utils"
	program good 'printf "\033[31m\001\377 caf\351 ]]>\n"'
	program bad 'printf "<&\0\377" >&2; exit 1'
	xtest --report junit=../a.xml --report jsonl=../a.jsonl || true
	xtest good --report jsonl=../b.jsonl
	xtest replay -2 --report junit=../b.xml
	xtest merge -2 -1 --report junit=../c.xml || true
	for report in a b c; do
		xmllint --noout --schema "$top_srcdir/tests/golden/report/junit.xsd" ../$report.xml
	done
	# Debian's python3, or another one before it
	for python in python3 /usr/bin/python3 ''; do
		[ -n "$python" ] || skip "install python3-junitparser"
		! "$python" -c 'import junitparser' 2>/dev/null || break
	done
	for report in a b c; do
		[ "$("$python" -c 'import sys, junitparser
x = junitparser.JUnitXml.fromfile(sys.argv[1])
print(x.tests, x.failures, x.errors, x.skipped, sorted(c.name for s in x for c in s))' ../$report.xml)" = "2 1 0 0 ['bad', 'good']" ]
	done
}
