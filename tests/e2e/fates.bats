#!/usr/bin/env bats
# Every fate a test can meet: the same sources under four build systems, natively and emulated. Each build
# system is a test of its own, so that what is missing for one of them is a skip of that one.

load common

check_fates() { # ADAPTER
	local place target
	declare -A target_of=([local]="$(uname -m)" [user]=aarch64)

	need_adapter "$1"
	need jq jq
	need_aarch64
	fates_copy "$1" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/fates"
	expected_verdicts "$1" >../expected
	for place in local user; do
		target=${target_of[$place]}
		status=0
		xtest --adapter "$1" --target "$target" --on "$place" --report "jsonl=../$place.jsonl" \
			>"../$place.out" 2>&1 || status=$?
		# Tests fail, but that some could not be started weighs more.
		[ "$status" = 107 ] || {
			echo "exit code $status"
			tail -n 30 "../$place.out"
			return 1
		}
		verdicts "../$place.jsonl" >"../$place.verdicts"
		diff ../expected "../$place.verdicts"
		events "../$place.jsonl" >"../$place.events"
	done
	diff ../local.events ../user.events
	# Nothing is left of any of them.
	eventually nobody_alive "XTEST_WORKSPACE_ROOT=$PWD"
}

@test "every fate under CMake" {
	check_fates cmake
}

@test "every fate under Meson" {
	check_fates meson
}

@test "every fate under Autotools" {
	check_fates autotools
}

@test "every fate under make" {
	check_fates make
}
