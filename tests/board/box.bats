#!/usr/bin/env bats
# The box itself: a foreign board with a shell, dropbear and a disk, and nothing else. Its image is made of packages
# once; where they cannot be had these tests are skipped.

load ../e2e/common
load ../e2e/ssh
load box

setup_file() {
	box_make "$BATS_FILE_TMPDIR/box"
}

teardown_file() {
	box_end "$BATS_FILE_TMPDIR/box"
}

setup() {
	box=$BATS_FILE_TMPDIR/box
	need_box "$box"
}

@test "a foreign processor with a shell and nothing to send files with" {
	[ "$(on_box "$box" uname -m)" = aarch64 ]
	[ -z "$(on_box "$box" 'for name in sftp scp zstd python3 perl nohup gcc; do command -v $name; done')" ]
	[ -z "$(on_box "$box" 'ls /usr/lib/*sftp* /usr/lib/*/sftp-server 2>/dev/null')" ]
}

@test "a reset takes what was not written back, and nothing else" {
	on_box "$box" 'echo kept >/var/tmp/kept; sync'
	before=$(on_box "$box" cat /proc/sys/kernel/random/boot_id)
	"$top_srcdir/tests/board/box" reset "$box"
	"$top_srcdir/tests/board/box" wait "$box"
	[ "$(on_box "$box" cat /proc/sys/kernel/random/boot_id)" != "$before" ]
	[ "$(on_box "$box" cat /var/tmp/kept)" = kept ]
	"$top_srcdir/tests/board/box" off "$box"
	run "$top_srcdir/tests/board/box" ssh "$box" true
	[ "$status" = 255 ]
	"$top_srcdir/tests/board/box" on "$box"
	"$top_srcdir/tests/board/box" wait "$box"
	[ "$(on_box "$box" cat /var/tmp/kept)" = kept ]
}

@test "a small disk, a /tmp where nothing may be executed, a home nobody writes to" {
	"$top_srcdir/tests/board/box" stop "$box"
	rm -f "$box/disk"
	"$top_srcdir/tests/board/box" start "$box" --disk 24 --noexec-tmp --read-only-home --user user
	[ "$(on_box "$box" id -u)" = 1000 ]
	run on_box "$box" 'printf "#!/bin/sh\n" >/tmp/x && chmod +x /tmp/x && /tmp/x'
	[ "$status" = 126 ]
	run on_box "$box" 'touch ~/x'
	[ "$status" != 0 ]
	free=$(on_box "$box" 'df -k /var/tmp' | awk 'NR == 2 { print $4 }')
	((free > 18000 && free < 22000))
}
