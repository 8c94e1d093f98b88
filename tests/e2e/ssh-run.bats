#!/usr/bin/env bats
# A board over SSH that is this machine: the verdicts are those of a local run, and what is in the way is told before
# anything runs.

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	here=$(uname -m)
	need jq jq
}

teardown() {
	bed_stop "$bed"
}

# on_board [ARGUMENT…]: the project of the current folder; events in ../board.jsonl, all words in ../board.out.
on_board() {
	status=0
	timeout 300 xtest --target "${kind:-$here}" --ssh-config "$bed/config" --report jsonl=../board.jsonl --report human "$@" \
		>../board.out 2>&1 || status=$?
}

told() { # STATUS
	[ "$status" = "$1" ] || {
		echo "exit code $status"
		tail -n 40 ../board.out
		return 1
	}
}

@test "every fate has the verdict and the events it has locally" {
	need_adapter make
	sshd_start "$bed"
	fates_copy make "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/fates"
	on_board --on "$(board_url "$bed")"
	told 107
	expected_verdicts make >../expected
	verdicts ../board.jsonl | diff ../expected -
	status=0
	xtest --target "$here" --on local --report jsonl=../local.jsonl >../local.out 2>&1 || status=$?
	told 107
	diff <(events ../local.jsonl) <(events ../board.jsonl)
	eventually board_is_idle "$bed"
}

@test "dropbear: every case once, and nothing is left" {
	dropbear_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 20 "$bed/count" true
	cd "$BATS_TEST_TMPDIR/p"
	on_board --on "$(board_url "$bed")"
	told 0
	ran_once "$bed/count" 20
	eventually board_is_idle "$bed"
}

@test "a host of the client's configuration; what is there already is not sent again" {
	sshd_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 3 "$bed/count" true
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/p/noise"
	cd "$BATS_TEST_TMPDIR/p"
	jq '.archive = {include: [{path: "noise", "relative-to": "workspace"}]}' xtest.json >x
	mv x xtest.json
	proxy_start "$bed" first
	on_board --on "$(proxied_url "$bed" first)"
	told 0
	proxy_end "$bed" first
	(($(proxy_figure "$bed" first up) > 3000000))
	jq -es 'any(.[]; .event == "place" and (.detail | test(", [0-9.]+ MiB sent for [0-9.]+ MiB$")))' ../board.jsonl
	proxy_start "$bed" second
	on_board --on "$(proxied_url "$bed" second)"
	told 0
	proxy_end "$bed" second
	(($(proxy_figure "$bed" second up) + $(proxy_figure "$bed" second down) <= 65536))
	jq -es 'any(.[]; .event == "place" and (.detail | test(", [0-9.]+ KiB sent for [0-9.]+ MiB$")))' ../board.jsonl
	on_board --on ssh://board
	told 0
	[ "$(wc -l <"$bed/count")" = 9 ]
}

@test "of a large program that was linked again the board gets what is different" {
	sshd_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 1 "$bed/count" \
		"cmp \"\$(dirname \"\$0\")/large\" '$BATS_TEST_TMPDIR/large'"
	cd "$BATS_TEST_TMPDIR/p"
	jq '.archive = {include: [{path: "large", "relative-to": "workspace"}]}' xtest.json >x
	mv x xtest.json
	# Addresses everywhere; a function in the middle grows, and all behind it moves.
	cat >../link.py <<-'END'
		import random, struct, sys
		dice, grown = random.Random(1), int(sys.argv[1])
		parts = []
		for i in range(60000):
		    if i == 30000:
		        parts.append(b"\x90" * grown)
		    target = dice.randrange(60000)
		    parts.append(dice.randbytes(80) + struct.pack("<I", target * 84 + (grown if target >= 30000 else 0)))
		sys.stdout.buffer.write(b"".join(parts))
	END
	python3 ../link.py 0 >large
	cp large ..
	on_board --on "$(board_url "$bed")"
	told 0
	python3 ../link.py 48 >large
	cp large ..
	proxy_start "$bed" wire
	on_board --on "$(proxied_url "$bed" wire)"
	told 0
	proxy_end "$bed" wire
	(($(proxy_figure "$bed" wire up) + $(proxy_figure "$bed" wire down) <= $(stat -c %s large) / 50))
}

@test "a host nobody knows, and one with another key: no byte is sent, and the line is named" {
	sshd_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 1 "$bed/count" true
	cd "$BATS_TEST_TMPDIR/p"
	mv "$bed/known_hosts" "$bed/known_hosts.right"
	: >"$bed/known_hosts"
	on_board --on "$(board_url "$bed")" </dev/null
	told 107
	grep -qF "$(ssh-keygen -lf "$bed/host_key.pub" | cut -d' ' -f2)" ../board.out
	ssh-keygen -q -t ed25519 -N '' -f "$bed/other"
	{
		echo '# a line of words'
		echo "[127.0.0.1]:$(cat "$bed/port") $(cut -d' ' -f1,2 "$bed/other.pub")"
	} >"$bed/known_hosts"
	on_board --on "$(board_url "$bed")" </dev/null
	told 107
	grep -qF "$(ssh-keygen -lf "$bed/host_key.pub" | cut -d' ' -f2)" ../board.out
	grep -qF "$bed/known_hosts:2" ../board.out
	[ ! -e "$bed/cache/xtest" ]
	[ ! -e "$bed/count" ]
}

@test "refused, nobody there, the wrong processor: 107, the cases lost with the cause" {
	sshd_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 2 "$bed/count" true
	cd "$BATS_TEST_TMPDIR/p"
	ssh-keygen -q -t ed25519 -N '' -f "$bed/stranger"
	sed -i "s|IdentityFile .*|IdentityFile $bed/stranger|" "$bed/config"
	on_board --on "$(board_url "$bed")" </dev/null
	told 107
	lost_with 'does not let'
	sed -i "s|IdentityFile .*|IdentityFile $bed/key|" "$bed/config"
	on_board --on "ssh://$(id -un)@127.0.0.1:$(free_port)" </dev/null
	told 107
	lost_with 'Connection refused'
	need_aarch64
	[ "$here" != aarch64 ] || skip "this machine is the processor that would be wrong"
	kind=aarch64 on_board --on "$(board_url "$bed")"
	told 107
	grep -q "$here" ../board.out
	lost_with 'another kind'
	on_board --target aarch64 --on "$(board_url "$bed")"
	told 96
	grep -q 'asked for twice' ../board.out
	[ ! -e "$bed/count" ]
}

# Every case of the two there are has its event, with the cause.
lost_with() { # CAUSE
	[ "$(jq -r --arg cause "$1" 'select(.event == "case-end" and .final and .verdict == "lost" and
		(.reason | contains($cause))) | .suite' ../board.jsonl | wc -l)" = 2 ]
}

@test "what is lost with its runner runs again where retries are allowed, and is told as that" {
	sshd_start "$bed"
	# The second case ends its own runner.
	counting_project "$BATS_TEST_TMPDIR/p" 4 "$bed/count" \
		"[ \$1 != 1 ] || [ \$XTEST_ATTEMPT != 1 ] || kill -9 \$(cut -d' ' -f1 '$bed/cache/xtest/lock')"
	cd "$BATS_TEST_TMPDIR/p"
	on_board --on "$(board_url "$bed")"
	told 107
	rm "$bed/count"
	on_board --on "$(board_url "$bed")" --retries 1
	told 0
	[ "$(verdicts ../board.jsonl | grep -c ' pass$')" = 4 ]
	jq -e -s '[.[] | select(.event == "case-end" and (.suite | endswith("case1")))] |
		map([.attempt, .verdict, .final]) == [[1, "lost", false], [2, "pass", true]] and
		(.[1].reason | contains("after one that was lost"))' ../board.jsonl
	[ "$(grep -c '^1$' "$bed/count")" = 2 ]
	eventually board_is_idle "$bed"
}

@test "as many at once as the board has processors, or as --jobs says" {
	sshd_start "$bed"
	n=$(nproc)
	counting_project "$BATS_TEST_TMPDIR/p" "$((2 * (n + 1)))" "$bed/count" true
	cd "$BATS_TEST_TMPDIR/p"
	on_board --on "$(board_url "$bed")"
	told 0
	[ "$(jq -r 'select(.event == "place") | .slots' ../board.jsonl)" = "$n" ]
	on_board --on "$(board_url "$bed")" --jobs 1
	told 0
	[ "$(jq -r 'select(.event == "place") | .slots' ../board.jsonl)" = 1 ]
	[ "$(jq -r 'select(.event == "case-start") | .slot' ../board.jsonl | sort -u)" = 0 ]
}
