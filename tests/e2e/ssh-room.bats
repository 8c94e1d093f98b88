#!/usr/bin/env bats
# Boards with little room: a small disk, directories where nothing can be executed or written. Their mounts are made in
# a namespace of the server's own.

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	need jq jq
	need unshare util-linux
	mkdir -p "$bed/cache"
	chmod 700 "$bed/cache"
	counting_project "$BATS_TEST_TMPDIR/p" 3 "$bed/count" true
	cd "$BATS_TEST_TMPDIR/p"
	# (a bind of /tmp has nothing that is mounted below it, so it comes first)
	bed_mounts='mount --make-rprivate /; mount --bind /tmp /tmp; mount -o remount,bind,noexec /tmp;'
}

teardown() {
	bed_stop "$bed"
}

on_board() { # STATUS [ARGUMENT…]
	local wanted=$1

	shift
	status=0
	timeout 200 xtest --target "$(uname -m)" --ssh-config "$bed/config" --on "${place:-$(board_url "$bed")}" \
		--report jsonl=../board.jsonl --report human "$@" >../board.out 2>&1 </dev/null || status=$?
	[ "$status" = "$wanted" ] || {
		echo "exit code $status"
		tail -n 40 ../board.out
		return 1
	}
}

include_noise() { # BYTES
	head -c "$1" /dev/urandom >noise
	jq '.archive = {include: [{path: "noise", "relative-to": "workspace"}]}' xtest.json >x
	mv x xtest.json
}

lost_with() { # PATTERN
	[ "$(jq -r --arg pattern "$1" 'select(.event == "case-end" and .final and .verdict == "lost" and
		(.reason | test($pattern))) | .suite' ../board.jsonl | wc -l)" = 3 ]
}

@test "a board with twenty megabytes: what fits runs, what does not is refused with the figures before it is sent" {
	bed_mounts+="mount -t tmpfs -o size=1m,mode=1777 none /var/tmp; mount -t tmpfs -o size=20m,mode=700 none '$bed/cache'"
	sshd_start "$bed"
	include_noise 4000000
	on_board 0
	ran_once "$bed/count" 3
	include_noise 30000000
	proxy_start "$bed" wire
	place=$(proxied_url "$bed" wire) on_board 107
	proxy_end "$bed" wire
	lost_with 'MiB free and [0-9.]+ MiB are needed'
	(($(proxy_figure "$bed" wire up) < 100000))
	ran_once "$bed/count" 3
}

@test "a home nobody writes to and a /tmp where nothing is executed: there is /var/tmp" {
	bed_mounts+="mount -t tmpfs -o size=60m,mode=1777 none /var/tmp; mount --bind '$bed/cache' '$bed/cache';
		mount -o remount,bind,ro '$bed/cache'"
	sshd_start "$bed"
	on_board 0
	ran_once "$bed/count" 3
	[ -z "$(ls -A "$bed/cache")" ]
}

@test "no place to work in: each is named with what is wrong with it" {
	bed_mounts+="mount -t tmpfs -o noexec,mode=1777 none /var/tmp; mount --bind '$bed/cache' '$bed/cache';
		mount -o remount,bind,ro '$bed/cache'"
	sshd_start "$bed"
	on_board 107
	lost_with "$bed/cache/xtest cannot be made.*/var/tmp/xtest-[0-9]+ is where nothing can be executed.*/tmp/xtest-[0-9]+ is"
	[ ! -e "$bed/count" ]
	rmdir "/tmp/xtest-$(id -u)" 2>/dev/null || true
}
