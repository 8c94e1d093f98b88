#!/usr/bin/env bats
# What of the box the continuous integration has time for: a foreign processor, dropbear with its small window and
# busybox's shell, and the verdicts of user mode on it. The rest of it is in board.bats.

load ../e2e/common
load ../e2e/ssh
load box

setup_file() {
	box_make "$BATS_FILE_TMPDIR/box" --memory 384
}

teardown_file() {
	box_end "$BATS_FILE_TMPDIR/box"
}

setup() {
	box=$BATS_FILE_TMPDIR/box
	need_box "$box"
	cd "$BATS_TEST_TMPDIR"
}

@test "programs and scripts on a foreign board: the verdicts of user mode, each once, and nothing is sent again" {
	local column again

	mkdir p
	cd p
	program ends 'case $XTEST_PLACE in ssh*) echo "$1" >>/var/tmp/count ;; esac; exit "$1"'
	cat >crash.c <<-'END'
		#include <stdlib.h>

		int main(int argc, char **argv)
		{
			(void)argv;
			if (argc > 1)
				abort();
			return 0;
		}
	END
	aarch64-linux-gnu-gcc -o crash crash.c
	cat >xtest.json <<-'END'
		{"adapter": "manifest", "suites": [
			{"name": "passes", "command": ["./ends", "0"], "platform": "target"},
			{"name": "fails", "command": ["./ends", "3"], "platform": "target"},
			{"name": "program", "command": ["./crash"], "platform": "target"},
			{"name": "crashes", "command": ["./crash", "now"], "platform": "target"}]}
	END
	for again in first second; do
		run timeout 400 xtest --target aarch64 --ssh-config "$box/config" --on user \
			--on "$("$top_srcdir/tests/board/box" address "$box")" --report human \
			--report jsonl="../$again.jsonl"
		[ "$status" = 100 ] || {
			echo "exit code $status: $output"
			return 1
		}
		jq -r 'select(.event == "plan") | .columns[].column' "../$again.jsonl" | grep -v '^host$' >../columns
		[ "$(wc -l <../columns)" = 2 ]
		while read -r column; do
			[ "$(jq -r --arg column "$column" 'select(.event == "case-end" and .final and .column == $column) |
				(.suite | sub(".*::"; "")) + " " + .verdict' "../$again.jsonl" | LC_ALL=C sort | paste -sd,)" = \
				"crashes crash,fails fail,passes pass,program pass" ]
		done <../columns
	done
	[ "$(on_box "$box" 'sort /var/tmp/count' | paste -sd,)" = 0,0,3,3 ]
	# The second time a few hundred bytes settle it.
	jq -es 'any(.[]; .event == "place" and (.detail | test(", 0[.]. KiB sent for ")))' ../second.jsonl
	[ -z "$(on_box "$box" 'cat /root/.cache/xtest/journal')" ]
}
