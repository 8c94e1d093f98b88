#!/usr/bin/env bats
# What the tests of boards stand on: the servers on loopback let in who has the key, and the bad network does to a
# connection what it was told.

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
}

teardown() {
	bed_stop "$bed"
}

# Through the proxy of that name.
via() { # NAME COMMAND…
	local name=$1

	shift
	timeout 60 ssh -F "$bed/config" -o BatchMode=yes -p "$(cat "$bed/$name/port")" board "$@"
}

@test "sshd: a board with a cache of its own" {
	sshd_start "$bed"
	[ "$(ssh -F "$bed/config" board 'echo $XDG_CACHE_HOME')" = "$bed/cache" ]
	run ssh -F none -o UserKnownHostsFile="$bed/known_hosts" -o IdentityFile=/dev/null -o IdentitiesOnly=yes \
		-o BatchMode=yes -p "$(cat "$bed/port")" 127.0.0.1 true
	[ "$status" = 255 ]
}

@test "dropbear: a board with a cache of its own" {
	dropbear_start "$bed"
	[ "$(ssh -F "$bed/config" board 'echo $XDG_CACHE_HOME')" = "$bed/cache" ]
	[ "$(ssh -F "$bed/config" board 'ls -A ~')" = .ssh ]
}

@test "the proxy counts, and cuts where it is told" {
	need jq jq
	sshd_start "$bed"
	proxy_start "$bed" whole
	[ "$(via whole 'head -c 1000000 /dev/zero' | wc -c)" = 1000000 ]
	proxy_end "$bed" whole
	[ "$(proxy_figure "$bed" whole connections)" = 1 ]
	[ "$(proxy_figure "$bed" whole cuts)" = 0 ]
	[ "$(proxy_figure "$bed" whole down)" -gt 1000000 ]
	[ "$(proxy_figure "$bed" whole down)" -lt 1100000 ]
	[ "$(proxy_figure "$bed" whole up)" -lt 100000 ]

	proxy_start "$bed" cut --cut-at 500000
	run via cut 'head -c 1000000 /dev/zero | tr "\0" x'
	[ "$status" = 255 ]
	via cut 'head -c 1000000 /dev/zero' >/dev/null
	proxy_end "$bed" cut
	[ "$(proxy_figure "$bed" cut cuts)" = 1 ]
	[ "$(proxy_figure "$bed" cut connections)" = 2 ]
	[ "$(proxy_figure "$bed" cut left)" = 0 ]
}

@test "the proxy closes after seconds, and is slow" {
	need jq jq
	sshd_start "$bed"
	proxy_start "$bed" close --close-every 1
	run via close 'sleep 30'
	[ "$status" = 255 ]
	proxy_start "$bed" slow --rate 200000 --delay 20
	start=$SECONDS
	[ "$(via slow 'head -c 600000 /dev/zero' | wc -c)" = 600000 ]
	((SECONDS - start >= 2))
}

@test "the proxy stalls, and goes on" {
	sshd_start "$bed"
	proxy_start "$bed" stall --stall-every 1 --stall-for 3
	[ "$(via stall 'for i in 1 2 3; do echo $i; sleep 1; done')" = $'1\n2\n3' ]
	proxy_end "$bed" stall
	[ "$(proxy_figure "$bed" stall stalls)" -ge 1 ]
}
