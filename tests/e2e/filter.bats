#!/usr/bin/env bats
# What a filter may name, and what it finds out about programs.

load common

setup() {
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cd "$dir"
}

scripts() {
	program quick 'exit 0'
	program slow 'exit 0'
	cat >xtest.json <<-'JSON'
		{"suites": [
			{"name": "quick", "command": ["./quick"], "labels": ["small"]},
			{"name": "slow", "command": ["./slow"], "depends": ["quick"]}],
		 "test-groups": {"serial": {"max-threads": 1}},
		 "overrides": [{"filter": "binary(slow)", "test-group": "serial"}]}
	JSON
}

selected() { # EXPRESSION
	xtest list -E "$1" 2>../notes | sed 's/.*:://' | sort | xargs
}

@test "every predicate that can match nothing is marked, and ends with 94" {
	scripts
	expression='package(=zz) | binary(no) | binary_id(a::b) | tag(x) | target(y) | place(z) | framework(f) | group(g) | deps(d) | rdeps(r)'
	run xtest list -E "$expression"
	[ "$status" -eq 94 ]
	[ "$(grep -c '\^ matches no' <<<"$output")" -ge 8 ]
	for name in package binary binary_id tag target place framework group deps rdeps; do
		run xtest run -E "test(slow) and not $name(nonesuch)"
		[ "$status" -eq 94 ]
		[[ "$output" == *"^^^^^^^^ matches no"* ]]
	done
	# Known, though not here.
	[ "$(selected 'not (target(s390x) or place(system) or framework(gtest))')" = "quick slow" ]
	sed -i 's/"test-groups"/"boards": {"pi4": {"on": "ssh:\/\/pi4.invalid"}}, &/' xtest.json
	[ "$(selected 'not place(pi4)')" = "quick slow" ]
	run xtest archive --archive-file ../a.tar.zst -E 'binary(nonesuch)'
	[ "$status" -eq 94 ]
}

@test "the configuration's filters are held against what there is, too" {
	scripts
	sed -i 's/"binary(slow)"/"binary(nonesuch)"/' xtest.json
	run xtest list
	[ "$status" -eq 0 ]
	[[ "$output" == *"xtest.json:5:"*"overrides[0].filter"*"matches no binary"* ]]
	sed -i 's/"binary(nonesuch)"/"framework(nonesuch)"/' xtest.json
	run xtest list
	[ "$status" -eq 96 ]
	[[ "$output" == *"xtest.json:5:"*"overrides[0].filter"*"matches no framework"* ]]
}

@test "a group is the one the configuration puts a case into" {
	scripts
	[ "$(selected 'group(serial)')" = slow ]
	[ "$(selected 'group(@global)')" = quick ]
}

@test "the default filter bounds what is selected, unless it is ignored" {
	scripts
	sed -i '1s/{/{"default-filter": "tag(small)", "profiles": {"all": {"default-filter": "all()"}},/' xtest.json
	[ "$(xtest list)" = project::quick ]
	[ "$(selected 'all()')" = quick ]
	[ "$(selected 'default()')" = quick ]
	[ "$(xtest list slow)" = "" ]
	[ "$(xtest list --ignore-default-filter | wc -l)" -eq 2 ]
	[ "$(xtest list --ignore-default-filter -E 'not default()')" = project::slow ]
	[ "$(xtest list --profile all | wc -l)" -eq 2 ]
	run xtest run slow
	[ "$status" -eq 4 ]
	sed -i '1s/tag(small)/default() or tga(x)/' xtest.json
	run xtest list
	[ "$status" -eq 96 ]
	[[ "$output" == *"default() is not allowed in the default filter"*"unknown predicate 'tga'"* ]]
}

@test "suites that come after each other depend on each other" {
	scripts
	[ "$(selected 'deps(slow)')" = "quick slow" ]
	[ "$(selected 'rdeps(quick)')" = "quick slow" ]
	[ "$(selected 'deps(quick)')" = quick ]
	[ "$(selected 'rdeps(slow)')" = slow ]
}

@test "deps is what a program is linked with: in its link line, and in the program" {
	need cc gcc
	need_adapter cmake
	cat >CMakeLists.txt <<-'CMAKE'
		cmake_minimum_required(VERSION 3.14)
		project(project C)
		enable_testing()
		add_library(fixed STATIC fixed.c)
		add_library(inner SHARED inner.c)
		add_library(outer SHARED outer.c)
		target_link_libraries(outer PRIVATE inner)
		foreach(name static shared none)
			add_executable(${name} ${name}.c)
			add_test(NAME ${name} COMMAND ${name})
		endforeach()
		target_link_libraries(static fixed)
		target_link_libraries(shared outer)
	CMAKE
	for name in fixed inner; do
		echo "int $name(void) { return 0; }" >$name.c
	done
	echo 'int inner(void); int outer(void) { return inner(); }' >outer.c
	echo 'int fixed(void); int main(void) { return fixed(); }' >static.c
	echo 'int outer(void); int main(void) { return outer(); }' >shared.c
	echo 'int main(void) { return 0; }' >none.c

	[ "$(selected 'deps(libfixed)')" = static ]
	[ "$(selected 'deps(fixed)')" = static ]
	[ "$(selected 'deps(=libouter.so)')" = shared ]
	[ "$(selected 'deps(libinner)')" = shared ]
	[ "$(selected 'rdeps(libinner)')" = shared ]
	[ "$(selected 'all() - deps(#lib{fixed\,outer})')" = none ]

	# An archive is asked the same; the static library stands in its manifest.
	xtest archive --archive-file ../a.tar.zst -E 'deps(libfixed) + deps(libinner)'
	[ "$(xtest list --archive-file ../a.tar.zst | xargs)" = "project::static project::shared" ]
	[ "$(xtest list --archive-file ../a.tar.zst -E 'deps(libfixed)')" = project::static ]
	[ "$(xtest list --archive-file ../a.tar.zst -E 'deps(libinner)')" = project::shared ]
}

@test "a suite that cannot match is not started to be listed" {
	need cc gcc
	cat >fake.c <<-'C'
		#include <fcntl.h>
		#include <stdio.h>
		#include <string.h>
		/* Lists as a libtest program does, and leaves a trace. */
		int main(int argc, char **argv)
		{
			creat(TRACE, 0644);
			return strcmp(argv[argc - 1], "--ignored") ? puts("one: test") < 0 : 0;
		}
	C
	for name in wanted other; do
		cc -DTRACE="\"$PWD/$name.asked\"" fake.c -o $name
	done
	cat >xtest.json <<-'JSON'
		{"suites": [
			{"name": "wanted", "command": ["./wanted"], "binary": "wanted", "framework": "libtest"},
			{"name": "other", "command": ["./other"], "binary": "other", "framework": "libtest"}]}
	JSON
	[ "$(xtest list -E 'binary(wanted) & test(one)')" = "project::wanted one" ]
	[ -e wanted.asked ] && [ ! -e other.asked ]
	run xtest list -E 'test(one) & (binary(other) - kind(test))'
	[ ! -e other.asked ]
	[ "$(xtest list -E 'test(one) & not binary(wanted)')" = "project::other one" ]
	[ -e other.asked ]
}

@test "a pattern that takes for ever ends with an error" {
	scripts
	name=$(printf 'a%.0s' {1..300})
	sed -i "s/\"slow\"/\"$name\"/" xtest.json
	sed -i 's/binary(slow)/all()/' xtest.json
	SECONDS=0
	run timeout 120 xtest list -E 'test(/^(a+)+b\w\w\w\w\w\w$|(a|aa)+c$/)'
	[ "$status" -eq 94 ]
	[[ "$output" == *"gave up on matching"* ]]
}

@test "help tells of every predicate" {
	xtest help filter >topic
	for name in all none default test binary binary_id package deps rdeps kind platform group tag target place framework; do
		grep -q "^  $name(" topic
	done
	[ "$(xtest help filterset)" = "$(<topic)" ]
}

@test "debug parse-filterset shows the tree, in each context" {
	[ "$(xtest debug parse-filterset 'test(a) - kind(=b)' | tail -n 1)" = "(and (test ~ a) (not (kind = b)))" ]
	run xtest debug parse-filterset 'tset(a) and test(/(/)'
	[ "$status" -eq 94 ]
	[ "$(grep -c '\^' <<<"$output")" -eq 2 ]
	xtest debug parse-filterset --kind override-filter 'test(a)'
	run xtest debug parse-filterset --kind archive-filter 'test(a)'
	[ "$status" -eq 94 ]
	[[ "$output" == *"not allowed when an archive is made"* ]]
	run xtest debug parse-filterset --kind=default-filter 'default()'
	[ "$status" -eq 94 ]
	run xtest debug parse-filterset --kind none 'all()'
	[ "$status" -eq 2 ]
}
