#!/usr/bin/env bats
# Links that do not hold, for longer than `make check` has time: verdicts and outputs are those of a whole one, every
# case has run once, and the board's journal is empty at the end.

load ../e2e/common
load ../e2e/ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	need jq jq
}

teardown() {
	bed_stop "$bed"
}

@test "closed every two seconds, for a minute of tests" {
	sshd_start "$bed"
	uncut_run "$bed" 100 0.9
	proxy_start "$bed" close --close-every 2
	same_as_uncut "$bed" close 100
	[ "$(proxy_figure "$bed" close cuts)" -ge 10 ]
}

@test "silent for twenty seconds, twice" {
	sshd_start "$bed"
	uncut_run "$bed" 60 0.9
	proxy_start "$bed" stall --stall-every 5 --stall-for 20
	same_as_uncut "$bed" stall 60
	[ "$(proxy_figure "$bed" stall stalls)" -ge 2 ]
}

@test "cut at a thousand random positions" {
	local cuts=0 seed

	sshd_start "$bed"
	uncut_run "$bed" 120 0
	# A handshake takes some kilobytes, so that closer cuts would test nothing but handshakes.
	for ((seed = 1; cuts < 1000 && seed <= 60; seed++)); do
		rm -rf "$bed/cache/xtest"
		proxy_start "$bed" "cut$seed" --cut-random $((bytes / 40000)) --cut-within "$bytes" --seed "$seed"
		same_as_uncut "$bed" "cut$seed" 120
		cuts=$((cuts + $(proxy_figure "$bed" "cut$seed" cuts)))
	done
	echo "# $cuts cuts in $((seed - 1)) runs of $bytes bytes" >&3
	((cuts >= 1000))
}
