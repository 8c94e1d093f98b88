#!/usr/bin/env bats
# `xtest target` with the machine's real tools, and with none at all.

xtest() {
	"$top_builddir/xtest" "$@"
}

setup() {
	export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
}

@test "list names every target and this machine's own is usable" {
	run xtest target list
	[ "$status" = 0 ]
	for name in aarch64 armv7 i686 mips64el ppc64le riscv64 s390x x86_64; do
		grep -q "^$name " <<<"$output"
	done
	grep -q "^$(uname -m) *yes .*none needed" <<<"$output" || skip "no description of $(uname -m)"
}

@test "what is missing is listed with its package" {
	PATH=/nonexistent run "$top_builddir/xtest" target list
	grep -Eq '^s390x +no +- +- +gcc-s390x-linux-gnu .*qemu-user' <<<"$output"
	PATH=/nonexistent run "$top_builddir/xtest" target check s390x
	[ "$status" = 96 ]
	[[ $output == *"apt-get install gcc-s390x-linux-gnu"* ]]
}

@test "show takes any spelling, and a wrong one is told the nearest" {
	for name in arm64 aarch64-linux-gnu aarch64-unknown-linux-gnu; do
		run xtest target show "$name"
		[ "$status" = 0 ]
		[[ ${lines[0]} == "aarch64: "* ]]
	done
	run xtest target show aarch46
	[ "$status" = 96 ]
	[[ $output == *'did you mean "aarch64"'* ]]
}

@test "check builds a program and runs it" {
	command -v aarch64-linux-gnu-gcc qemu-aarch64 || skip "install gcc-aarch64-linux-gnu qemu-user"
	run xtest target check aarch64
	[ "$status" = 0 ]
	[[ $output == "aarch64: a program was built with "*" and ran in qemu-aarch64"* ]]
}

@test "json holds the same" {
	command -v jq || skip "install jq"
	xtest target list --json >"$BATS_TEST_TMPDIR/list"
	[ "$(jq '.targets | length' "$BATS_TEST_TMPDIR/list")" = 8 ]
	xtest target show s390x --message-format json >"$BATS_TEST_TMPDIR/show"
	[ "$(jq -r '.targets[0] | .name + .elf.data' "$BATS_TEST_TMPDIR/show")" = s390xbig ]
}
