#!/usr/bin/env bats
# What xtest tells about itself, and `xtest debug parse-filterset`.

bats_require_minimum_version 1.5.0

xtest() {
	"$top_builddir/xtest" "$@"
}

@test "the overview names every verb and every topic, and each has its page" {
	xtest help >"$BATS_TEST_TMPDIR/overview"
	for word in run list target archive exec debug help filterset config schema exit-codes; do
		grep -q "^  $word " "$BATS_TEST_TMPDIR/overview"
		[ "$(xtest help "$word" | wc -l)" -gt 2 ]
	done
}

@test "no option of a verb's help needs more than a hundred columns" {
	for verb in $(xtest help | sed -n '/^Verbs:/,/^Topics:/s/^  \([a-z-]*\)  *.*/\1/p') ''; do
		run ! env LC_ALL=C.UTF-8 grep -nE '^ .{100}' <(xtest help $verb)
	done
	[ "$(xtest help run | grep -c 'final-status-level')" = 1 ]
}

@test "--help is the same as help VERB" {
	for verb in run list target archive exec debug; do
		[ "$(xtest "$verb" --help)" = "$(xtest help "$verb")" ]
	done
}

@test "a word that is neither verb nor topic is told the nearest" {
	run xtest help filtersets
	[ "$status" = 2 ]
	[[ $output == *"did you mean filterset?"* ]]
}

@test "the schemas are JSON and have every key of help config" {
	command -v jq || skip "install jq"
	{ xtest help schema; xtest help schema-user; } >"$BATS_TEST_TMPDIR/schema"
	jq -rs '[.. | .properties? // empty | keys[]] | unique[]' "$BATS_TEST_TMPDIR/schema" | sort >"$BATS_TEST_TMPDIR/a"
	xtest help config | sed -n 's/^  *\([$a-z-]*\)  .*/\1/p' | sort -u >"$BATS_TEST_TMPDIR/b"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/a")" -gt 40 ]
	diff "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "a filterset's canonical form and tree" {
	run xtest debug parse-filterset 'not (test(a)|package(b*)) - tag(/x/)'
	[ "$status" = 0 ]
	[ "${lines[0]}" = 'not (test(~a) or package(#b*)) and not tag(/x/)' ]
	[ "${lines[1]}" = '(and (not (or (test ~ a) (package # b*))) (not (tag /x/)))' ]
	[ "$(xtest debug parse-filterset "${lines[0]}")" = "$output" ]
}

@test "a wrong filterset is marked where it is wrong, and ends with 94" {
	run xtest debug parse-filterset 'tset(a)'
	[ "$status" = 94 ]
	[[ $output == *"^^^^"*"did you mean 'test'?"* ]]
}

@test "debug without what it needs is a wrong command line" {
	for words in '' parse-filterset 'parse-filterset a b' 'completions ksh' 'nonsense x'; do
		run xtest debug $words
		[ "$status" = 2 ]
	done
}
