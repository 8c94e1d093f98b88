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
