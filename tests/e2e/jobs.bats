#!/usr/bin/env bats
# How many tests run at once.

load common

@test "more jobs than a runner takes are not asked of it" {
	cd "$BATS_TEST_TMPDIR"
	for i in {1..150}; do
		echo "{\"name\": \"nap-$i\", \"command\": [\"/bin/sleep\", \"1\"]}"
	done | paste -sd, | sed 's/.*/{"suites": [&]}/' >xtest.json
	run xtest run -j 200
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"150 tests run: 150 passed"* ]]
}
