#!/usr/bin/env bats
# A board is shared, and people and machines die: a second run waits or gives up, a killed run is followed by the
# same one, and what somebody has done to the directory there does no harm.

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	need jq jq
	sshd_start "$bed"
	work=$bed/cache/xtest
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	bed_stop "$bed"
}

# on_board NAME [ARGUMENT…]
on_board() {
	local name=$1

	shift
	status=0
	timeout 300 xtest --target "$(uname -m)" --ssh-config "$bed/config" --on "$(board_url "$bed")" \
		--report jsonl="$BATS_TEST_TMPDIR/$name.jsonl" --report human "$@" \
		>"$BATS_TEST_TMPDIR/$name.out" 2>&1 || status=$?
}

told() { # NAME STATUS
	[ "$status" = "$2" ] || {
		echo "exit code $status"
		tail -n 40 "$BATS_TEST_TMPDIR/$1.out"
		return 1
	}
}

lines() { # FILE
	cat "$1" 2>/dev/null | wc -l
}

has_lines() { # FILE N
	(($(lines "$1") >= $2))
}

@test "two runs on one board: the second waits and says for whom, or gives up" {
	counting_project one 4 "$bed/one" 'sleep 2'
	counting_project two 4 "$bed/two" true
	(cd one && on_board one && exit $status) 3>&- &
	first=$!
	eventually has_lines "$bed/one" 1
	cd two
	on_board gives-up --lock-timeout 1s
	told gives-up 107
	[ ! -e "$bed/two" ]
	grep -qi "held\|taken\|waiting" ../gives-up.out
	on_board two --lock-timeout 120s
	told two 0
	wait "$first"
	ran_once "$bed/one" 4
	ran_once "$bed/two" 4
	# The second began when the first had ended.
	[ "$(jq -rs '[.[] | select(.event == "case-end")] | length' ../one.jsonl)" = 4 ]
	eventually board_is_idle "$bed"
}

@test "kill -9 of the program, then the same command again" {
	counting_project p 12 "$bed/count" 'sleep 0.7'
	cd p
	timeout 300 xtest --target "$(uname -m)" --ssh-config "$bed/config" --on "$(board_url "$bed")" >../killed.out 2>&1 3>&- &
	eventually has_lines "$bed/count" 3
	kill -9 "$(pgrep -P $!)"
	: >"$bed/count.killed"
	on_board again
	told again 0
	[ "$(jq -r 'select(.event == "case-end" and .final and .verdict == "pass") | .suite' ../again.jsonl | sort -u | wc -l)" = 12 ]
	# All have run in the second run, and only those of the first beside them.
	[ "$(sort -u "$bed/count" | wc -l)" = 12 ]
	(($(lines "$bed/count") <= 24))
	eventually board_is_idle "$bed"
}

@test "one changed byte in a stored blob: refused, and sent again" {
	counting_project p 2 "$bed/count" true
	cd p
	head -c 300000 /dev/urandom >noise
	jq '.archive = {include: [{path: "noise", "relative-to": "workspace"}]} |
		.suites += [{name: "reads", command: ["./reads.sh"], platform: "target"}]' xtest.json >x
	mv x xtest.json
	cp noise ..
	program reads.sh "cmp \"\$(dirname \"\$0\")/noise\" '$BATS_TEST_TMPDIR/noise'"
	on_board first
	told first 0
	blob=$(find "$work" -type f -size 300000c | head -n 1)
	[ -n "$blob" ]
	chmod u+w "$blob"
	printf 'X' | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
	run cmp -s "$blob" noise
	[ "$status" = 1 ]
	on_board again
	told again 0
	[ ! -e "$blob" ] || cmp "$blob" noise
}

@test "a work directory others may write to, and a link in its place" {
	counting_project p 1 "$bed/count" true
	mkdir -p victim "$work"
	echo precious >victim/file
	chmod 777 "$work"
	cd p
	on_board open
	# Either it is refused, or another place is taken; it is not worked in.
	[ -z "$(ls -A "$work")" ]
	rm -rf "$work"
	ln -s "$BATS_TEST_TMPDIR/victim" "$work"
	on_board link
	[ "$(ls -A ../victim)" = file ]
	[ "$(cat ../victim/file)" = precious ]
}

@test "links planted inside the work directory lead nowhere" {
	local name

	counting_project p 1 "$bed/count" true
	mkdir -p victim
	echo precious >victim/file
	cd p
	on_board first
	told first 0
	rm -rf "$work"
	mkdir -m 700 "$work"
	for name in lock journal socket work; do
		ln -s "$BATS_TEST_TMPDIR/victim/$([ $name = work ] || echo file)" "$work/$name"
	done
	on_board link
	[ "$(ls -A ../victim)" = file ]
	[ "$(cat ../victim/file)" = precious ]
}
