#!/usr/bin/env bats
# Runs on the box: a foreign processor, dropbear with its small window, busybox, a disk that is what it is, and a plug
# that is pulled.

load ../e2e/common
load ../e2e/ssh
load box

setup_file() {
	box_make "$BATS_FILE_TMPDIR/box" --memory 512
}

teardown_file() {
	box_end "$BATS_FILE_TMPDIR/box"
}

setup() {
	box=$BATS_FILE_TMPDIR/box
	need_box "$box"
	cd "$BATS_TEST_TMPDIR"
}

# The box with other properties, as empty as a new one.
other_box() { # OPTION…
	"$top_srcdir/tests/board/box" stop "$box"
	rm -f "$box/disk"
	"$top_srcdir/tests/board/box" start "$box" "$@"
}

# on_board [ARGUMENT…]: events in board.jsonl of the test's folder, all words in board.out
on_board() {
	status=0
	timeout 900 xtest --target aarch64 --ssh-config "$box/config" --report human \
		--report jsonl="$BATS_TEST_TMPDIR/board.jsonl" "$@" >"$BATS_TEST_TMPDIR/board.out" 2>&1 || status=$?
}

told() { # STATUS
	[ "$status" = "$1" ] || {
		echo "exit code $status"
		tail -n 60 "$BATS_TEST_TMPDIR/board.out"
		return 1
	}
}

address() {
	"$top_srcdir/tests/board/box" address "$box"
}

# Nothing is left on the board but what is kept for the next run.
nothing_runs_there() {
	[ -z "$(on_box "$box" 'ps | grep "[r]unner-\|[c]ase\.sh"; cat /root/.cache/xtest/journal /var/tmp/xtest-*/journal 2>/dev/null')" ]
}

@test "every fate has the verdict it has in user mode" {
	need_adapter make
	fates_copy make "$BATS_TEST_TMPDIR"
	cd fates
	on_board --on user --on "$(address)"
	told 107
	expected_verdicts make | sed '/^host-tool /d' >../expected
	jq -r 'select(.event == "plan") | .columns[].column' ../board.jsonl | grep -v '^host$' >../columns
	[ "$(wc -l <../columns)" = 2 ]
	while read -r column; do
		jq -r --arg column "$column" 'select(.event == "case-end" and .final and .column == $column) |
			(.suite | sub(".*::"; "")) + " " + .verdict' ../board.jsonl | LC_ALL=C sort >../verdicts
		diff ../expected ../verdicts
	done <../columns
	try_until 20 2 nothing_runs_there
}

@test "a board that hangs in the middle of fifty cases is reset, and its cases go on" {
	counting_project p 50 /var/tmp/count 'sync; sleep 0.5'
	cd p
	on_box "$box" 'rm -f /var/tmp/count'
	program cycle "'$top_srcdir/tests/board/box' off '$box' && '$top_srcdir/tests/board/box' on '$box' && echo >>'$BATS_TEST_TMPDIR/cycles'"
	jq --arg on "$(address)" '.boards = {box: {on: $on, target: "aarch64", reset: ["./cycle"]}}' xtest.json >x
	mv x xtest.json
	(
		try_until 600 0.2 has_verdicts 12 >/dev/null
		"$top_srcdir/tests/board/box" freeze "$box"
	) 3>&- &
	on_board --on box --retries 1
	wait
	told 0
	[ "$(wc -l <../cycles)" = 1 ]
	[ "$(jq -r 'select(.event == "case-end" and .final and (.verdict == "pass" or .verdict == "flaky")) | .suite' ../board.jsonl |
		sort -u | wc -l)" = 50 ]
	# Who has one attempt ran once; who was running when it died has two, and was lost in the first.
	jq -r 'select(.event == "case-end" and .final and .attempt == 1) | .suite | sub(".*case"; "")' ../board.jsonl |
		LC_ALL=C sort >../once
	on_box "$box" 'cat /var/tmp/count' | LC_ALL=C sort | uniq -c | awk '$1 == 1 { print $2 }' | LC_ALL=C sort >../counted
	[ -z "$(comm -23 ../once ../counted)" ]
	(($(wc -l <../once) >= 40))
	try_until 20 2 nothing_runs_there
}

has_verdicts() { # N
	(($(grep -c '"event":"case-end"' "$BATS_TEST_TMPDIR/board.jsonl" 2>/dev/null) >= $1))
}

@test "the plug is pulled once: what was running is lost, nothing runs twice" {
	counting_project p 30 /var/tmp/count 'sync; sleep 0.5'
	cd p
	on_box "$box" 'rm -f /var/tmp/count'
	(
		try_until 600 0.2 has_verdicts 8 >/dev/null
		"$top_srcdir/tests/board/box" reset "$box"
	) 3>&- &
	on_board --on "$(address)"
	wait
	told 107
	lost=$(verdicts ../board.jsonl | grep -c ' lost$')
	((lost >= 1 && lost <= 4))
	[ "$(verdicts ../board.jsonl | grep -c ' pass$')" = $((30 - lost)) ]
	[ -z "$(on_box "$box" 'cat /var/tmp/count' | sort | uniq -d)" ]
	try_until 20 2 nothing_runs_there
}

@test "twenty megabytes of disk, no execution in /tmp, a home nobody writes to, no root" {
	other_box --disk 24 --noexec-tmp --read-only-home --user user
	counting_project p 4 /var/tmp/count true
	head -c 4000000 /dev/urandom >p/noise
	cd p
	jq '.archive = {include: [{path: "noise", "relative-to": "workspace"}]}' xtest.json >x
	mv x xtest.json
	on_board --on "$(address)"
	told 0
	on_box "$box" 'cat /var/tmp/count' >../count
	ran_once ../count 4
	# What has no room is refused with the figures, and nothing of it is there.
	head -c 40000000 /dev/urandom >noise
	on_board --on "$(address)"
	told 107
	grep -q 'MiB\|KiB' ../board.out
	! grep -q '"verdict":"\(pass\|fail\)"' ../board.jsonl
	(($(on_box "$box" 'df -k /var/tmp' | awk 'NR == 2 { print $4 }') > 5000))
	on_box "$box" 'cat /var/tmp/count' >../count
	ran_once ../count 4
}

@test "no place to work in is told with the reason of each" {
	other_box --disk 24 --noexec-tmp --read-only-home --user user
	on_box "$box" 'dd if=/dev/zero of=/var/tmp/full bs=65536 count=500 2>/dev/null; true'
	counting_project p 1 /var/tmp/count true
	cd p
	on_board --on "$(address)"
	told 107
	grep -q '/tmp' ../board.out
	grep -q 'noexec' ../board.out
}
