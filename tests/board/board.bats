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

@test "a board that hangs in the middle of fifty cases is reset: what ran is lost, the rest goes on" {
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
	on_board --on box
	wait
	told 107
	[ "$(wc -l <../cycles)" = 1 ]
	lost=$(verdicts ../board.jsonl | grep -c ' lost$')
	((lost >= 1 && lost <= 4))
	[ "$(verdicts ../board.jsonl | grep -c ' pass$')" = $((50 - lost)) ]
	[ -z "$(on_box "$box" 'cat /var/tmp/count' | sort | uniq -d)" ]
	try_until 20 2 nothing_runs_there
}

has_verdicts() { # N
	(($(grep -c '"event":"case-end"' "$BATS_TEST_TMPDIR/board.jsonl" 2>/dev/null) >= $1))
}
