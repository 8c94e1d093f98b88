#!/usr/bin/env bats
# `--partition`: every case is in one shard, and the shards add up to the whole.

load common

setup() {
	need python3 python3
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cd "$dir"
	unset TEST_TOTAL_SHARDS TEST_SHARD_INDEX TEST_SHARD_STATUS_FILE CI_NODE_TOTAL CI_NODE_INDEX
	program test 'exit 0'
	python3 -c 'import json; print(json.dumps({"suites": [
		{"name": "t%02d" % i, "command": ["./test"], "labels": ["odd" if i % 2 else "even"]}
		for i in range(23)]}))' >xtest.json
}

@test "each case is in one shard, whatever the method" {
	xtest list | sort >all
	for method in slice hash count balanced; do
		for i in 1 2 3; do
			xtest list --partition $method:$i/3 2>notes
		done | sort >parts
		diff all parts
	done
	grep 'no duration of these tests is recorded here' notes
	xtest list --partition slice:2/3 | head -n 3 | xargs >second
	[ "$(<second)" = "project::t01 project::t04 project::t07" ]
}

@test "a shard is taken of what the filter leaves, and run tells the rest as filtered out" {
	run xtest --partition slice:1/3 -E 'tag(odd)' --report jsonl=events
	[ "$status" -eq 0 ]
	[ "$(verdicts events | cut -d ' ' -f 1 | xargs)" = "t01 t07 t13 t19" ]
	grep -q '"filtered_out":19' events
}

@test "an empty shard is no success unless that is asked for" {
	run xtest --partition slice:5/9 t01
	[ "$status" -eq 4 ]
	[[ "$output" == *"none is in shard 5 of 9"* ]]
	run xtest --partition slice:5/9 --no-tests pass t01
	[ "$status" -eq 0 ]
	run xtest list --partition slice:5/4
	[ "$status" -eq 2 ]
	[[ "$output" == *"expected i/n with 1 <= i <= n"* ]]
}

@test "the variables of Bazel and GitLab are heeded when that is asked for" {
	xtest list --partition slice:2/4 >second
	[ "$(CI_NODE_INDEX=2 CI_NODE_TOTAL=4 xtest list --partition env)" = "$(<second)" ]
	[ "$(CI_NODE_INDEX=2 CI_NODE_TOTAL=4 xtest list | wc -l)" -eq 23 ]
	export TEST_SHARD_INDEX=1 TEST_TOTAL_SHARDS=4 TEST_SHARD_STATUS_FILE=$PWD/heeded
	[ "$(xtest list | wc -l)" -eq 23 ]
	[ ! -e heeded ]
	[ "$(xtest list --partition slice:env)" = "$(<second)" ]
	[ -e heeded ]
	[ "$(xtest list --partition hash:env)" = "$(xtest list --partition hash:2/4)" ]
	unset TEST_SHARD_INDEX
	run xtest list --partition env
	[ "$status" -eq 2 ]
	[[ "$output" == *'TEST_SHARD_INDEX=""'* ]]
	unset TEST_TOTAL_SHARDS
	run xtest list --partition balanced:env
	[ "$status" -eq 0 ]
	[[ "$output" == *"neither TEST_TOTAL_SHARDS nor CI_NODE_TOTAL is set"* ]]
}

@test "a fixture runs in each shard that needs it, and in no other" {
	need_adapter cmake
	rm xtest.json
	cat >CMakeLists.txt <<-'CMAKE'
		cmake_minimum_required(VERSION 3.14)
		project(project NONE)
		enable_testing()
		foreach(name setup user1 user2 user3 free1 free2)
			add_test(NAME ${name} COMMAND sh -c true)
		endforeach()
		set_tests_properties(setup PROPERTIES FIXTURES_SETUP db)
		set_tests_properties(user1 user2 user3 PROPERTIES FIXTURES_REQUIRED db)
	CMAKE
	[ "$(xtest list --partition slice:1/5 | xargs)" = "project::free1" ]
	[ "$(xtest list --partition slice:3/5 | sort | xargs)" = "project::setup project::user1" ]
	[ "$(xtest list --partition slice:5/5 | sort | xargs)" = "project::setup project::user3" ]
	[ "$(xtest list --partition slice:1/2 -E 'test(setup)' | xargs)" = "project::setup" ]
}
