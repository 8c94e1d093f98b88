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

@test "balanced goes by what earlier runs took" {
	target=$(xtest list --message-format json | grep -o '"target":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
	mkdir -p .xtest
	{
		echo 'xtest-history 1'
		for i in {00..21}; do
			us=100000
			[ "$i" != 00 ] || us=2000000
			printf '%s\tlocal\tproject::t%s\t\t1700000000\t%s\t\n' "$target" "$i" "$us"
		done
	} >.xtest/history
	xtest list --partition balanced:1/2 >first 2>notes
	# 2 s and 0.1 s, against 21 times 0.1 s
	[ "$(wc -l <first)" -eq 2 ] && grep -q t00 first
	grep '1 of 23 tests have no recorded duration' notes
	xtest list --partition balanced:2/2 2>notes >second
	[ "$(sort first second)" = "$(xtest list | sort)" ]
	[ "$(xtest list --partition balanced:2/2 2>notes)" = "$(<second)" ]
}

shard_files() { # INDEX
	xtest archive --list --partition "slice:$1/4" | grep -oE 'source/(many|one|two)/[a-z]+' | sort -u | xargs
}

@test "an archive of a shard holds and runs what the shard would" {
	need cc gcc
	cat >many.c <<-'C'
		#include <stdio.h>
		#include <string.h>
		/* A libtest program of nine tests, of which two are ignored. */
		int main(int argc, char **argv)
		{
			int ignored = !strcmp(argv[argc - 1], "--ignored");
			if (argc > 1 && !strcmp(argv[1], "--list"))
				for (int i = ignored ? 7 : 0; i < 9; i++)
					printf("case_%d: test\n", i);
			else
				puts("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
			return 0;
		}
	C
	mkdir many one two
	cc -o many/many many.c
	program one/one 'exit 0'
	program two/two 'exit 0'
	cat >xtest.json <<-'JSON'
		{"suites": [
			{"name": "many", "command": ["many/many"], "cwd": "many", "binary": "many/many",
			 "framework": "libtest"},
			{"name": "one", "command": ["one/one"], "cwd": "one", "labels": ["single"]},
			{"name": "two", "command": ["two/two"], "cwd": "two", "labels": ["single"]}]}
	JSON
	xtest list --run-ignored all | sort >all
	for i in 1 2 3 4; do
		xtest archive --archive-file ../$i.tar.zst --partition slice:$i/4 >../log
		xtest list --partition slice:$i/4 | sort >direct
		xtest list --archive-file ../$i.tar.zst | sort >archived
		diff direct archived
		xtest list --archive-file ../$i.tar.zst --run-ignored all
	done | sort >parts
	diff all parts
	# Of nine: 0 4 two, 1 5, 2 6, 3 one.
	[ "$(shard_files 1)" = "source/many/many source/two/two" ]
	[ "$(shard_files 3)" = "source/many/many" ]
	[ "$(shard_files 4)" = "source/many/many source/one/one" ]
	xtest run --archive-file ../1.tar.zst --report jsonl=events
	[ "$(verdicts events | cut -d ' ' -f 1 | sort | xargs)" = "many many two" ]

	# Not here, but in another shard.
	[ "$(xtest list --archive-file ../3.tar.zst -E 'not binary(one)' | wc -l)" -eq 2 ]
	[ "$(xtest list --archive-file ../3.tar.zst -E 'tag(single)' | wc -l)" -eq 0 ]
}
