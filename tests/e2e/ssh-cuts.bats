#!/usr/bin/env bats
# A link that does not hold: the run is as if it had, and every case has run once. (More of it in tests/board/cuts.bats.)

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	need jq jq
}

teardown() {
	bed_stop "$bed"
}

@test "a link that is cut at a dozen places, while sending and while running" {
	sshd_start "$bed"
	uncut_run "$bed" 24 0.1
	rm -rf "$bed/cache/xtest"
	proxy_start "$bed" cut --cut-random 12 --cut-within "$bytes" --seed 4
	same_as_uncut "$bed" cut 24
	[ "$(proxy_figure "$bed" cut cuts)" -ge 10 ]
}

@test "a link that is closed every two seconds" {
	sshd_start "$bed"
	uncut_run "$bed" 24 0.5
	proxy_start "$bed" close --close-every 2
	same_as_uncut "$bed" close 24
	[ "$(proxy_figure "$bed" close cuts)" -ge 1 ]
}
