#!/usr/bin/env bats
# The fixture project with every fate on a real kernel of each target, beside the same programs in user mode. What
# differs is listed by xtest itself; here it must be nothing. Images are fetched and kept: the first run takes minutes.

load ../e2e/common

# Debian packages by target: the emulator of the machine, and the compiler.
declare -gA machines=(
	[aarch64]="qemu-system-aarch64 qemu-system-arm aarch64-linux-gnu"
	[armv7]="qemu-system-arm qemu-system-arm arm-linux-gnueabihf"
	[i686]="qemu-system-i386 qemu-system-x86 i686-linux-gnu"
	[mips64el]="qemu-system-mips64el qemu-system-mips mips64el-linux-gnuabi64"
	[ppc64le]="qemu-system-ppc64 qemu-system-ppc powerpc64le-linux-gnu"
	[riscv64]="qemu-system-riscv64 qemu-system-misc riscv64-linux-gnu"
	[s390x]="qemu-system-s390x qemu-system-misc s390x-linux-gnu"
	[x86_64]="qemu-system-x86_64 qemu-system-x86 x86_64-linux-gnu"
)

check_target() { # TARGET
	local qemu package triple status=0
	read -r qemu package triple <<<"${machines[$1]}"
	need "$qemu" "$package"
	need "$triple-gcc" "gcc-$triple"
	need jq jq
	xtest image build "$1" >"$BATS_TEST_TMPDIR/image" 2>&1 ||
		skip "no image of a machine: $(tail -n 1 "$BATS_TEST_TMPDIR/image")"
	fates_copy make "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/fates"
	xtest --target "$1" --on "$2" --on system --report jsonl=../events.jsonl >../out 2>&1 || status=$?
	[ "$status" = 107 ] || {
		echo "exit code $status"
		tail -n 40 ../out
		return 1
	}
	expected_verdicts make >../expected
	# The build machine's own program has a column of its own, unless the two are the same kind.
	[ "$triple" = x86_64-linux-gnu ] || sed -i '/^host-tool /d' ../expected
	for column in "$1@$2" "$1@system"; do
		jq -r --arg column "$column" 'select(.event == "case-end" and .final and .column == $column) |
			(.suite | sub(".*::"; "")) + " " + .verdict' ../events.jsonl | LC_ALL=C sort >../verdicts
		diff ../expected ../verdicts
	done
	eventually nobody_alive "XTEST_WORKSPACE_ROOT=$PWD"
}

@test "every fate on aarch64" {
	check_target aarch64 user
}

@test "every fate on armv7" {
	check_target armv7 user
}

@test "every fate on i686" {
	# the processor can, but its C library may be in a sysroot only
	check_target i686 "$(xtest target show i686 | grep -q 'emulator  *none' && echo local || echo user)"
}

@test "every fate on mips64el" {
	check_target mips64el user
}

@test "every fate on ppc64le" {
	check_target ppc64le user
}

@test "every fate on riscv64" {
	check_target riscv64 user
}

@test "every fate on s390x" {
	check_target s390x user
}

@test "every fate on x86_64" {
	check_target x86_64 local
}
