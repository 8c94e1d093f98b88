#!/usr/bin/env bats
# A board that is not to be trusted does no harm here and never makes a verdict; what opens its door is told to nobody.

load common
load ssh

setup() {
	bed=$BATS_TEST_TMPDIR/bed
	need jq jq
}

teardown() {
	bed_stop "$bed"
}

# on_board [ARGUMENT…] in the project; the address space of the program is bounded
on_board() {
	status=0
	(
		# a sanitizer's shadow is no memory of ours
		nm "$(command -v xtest)" | grep -q __asan_init || ulimit -v 4000000
		timeout 200 xtest --target "$(uname -m)" --ssh-config "$bed/config" --on "$(board_url "$bed")" \
			--report jsonl=../board.jsonl --report human "$@" </dev/null >../board.out 2>&1
	) || status=$?
}

told() { # STATUS
	[ "$status" = "$1" ] || {
		echo "exit code $status"
		tail -n 40 ../board.out
		return 1
	}
}

# A board that answers every command with that one.
answers() { # COMMAND
	rm -rf "$bed"
	program "$BATS_TEST_TMPDIR/force" "$1"
	sshd_start "$bed" "ForceCommand $BATS_TEST_TMPDIR/force"
	cd "$BATS_TEST_TMPDIR/p"
}

no_verdict() {
	[ "$(jq -r 'select(.event == "case-end" and .final) | .verdict' ../board.jsonl | sort -u)" = lost ] ||
		! grep -q '"case-end"' ../board.jsonl
}

@test "a shell that only talks, that says nothing sensible, that leaves" {
	local words

	mkdir -p "$BATS_TEST_TMPDIR/p"
	counting_project "$BATS_TEST_TMPDIR/p" 2 "$BATS_TEST_TMPDIR/count" true
	for words in 'case $SSH_ORIGINAL_COMMAND in true) ;; *) exec yes ;; esac' \
		'case $SSH_ORIGINAL_COMMAND in true) ;; *) head -c 3000000 /dev/urandom ;; esac' \
		'case $SSH_ORIGINAL_COMMAND in true) ;; *) exit 3 ;; esac'; do
		answers "$words"
		on_board
		told 107
		no_verdict
	done
	[ ! -e "$BATS_TEST_TMPDIR/count" ]
}

@test "a login that greets first is a good one" {
	counting_project "$BATS_TEST_TMPDIR/p" 2 "$BATS_TEST_TMPDIR/count" true
	answers 'echo "Welcome to the board."; echo "mind the fan" >&2; exec sh -c "$SSH_ORIGINAL_COMMAND"'
	on_board
	told 0
	ran_once "$BATS_TEST_TMPDIR/count" 2
}

@test "names with a shell's words in them are not commands" {
	counting_project "$BATS_TEST_TMPDIR/p" 1 "$BATS_TEST_TMPDIR/count" true
	answers 'XDG_CACHE_HOME="$(dirname "$0")/a b\$(touch pwned)\`touch pwned\`;touch pwned"; export XDG_CACHE_HOME
case $SSH_ORIGINAL_COMMAND in true) ;; *) mkdir -p "$XDG_CACHE_HOME" ;; esac; cd "$(dirname "$0")"; exec sh -c "$SSH_ORIGINAL_COMMAND"'
	on_board
	[ -z "$(find "$BATS_TEST_TMPDIR" -name '*pwned' ! -path '*a b*')" ]
	[ ! -e pwned ]
	bed_stop "$bed"
	for pid in $(alive "XDG_CACHE_HOME=$BATS_TEST_TMPDIR"); do
		kill -9 "$pid"
	done
}

@test "a stream that is damaged on its way makes no wrong verdict" {
	local how

	counting_project "$BATS_TEST_TMPDIR/p" 8 "$BATS_TEST_TMPDIR/count" '[ $(($1 % 2)) = 0 ]'
	for how in "flip 1" "insert 2" "drop 3"; do
		answers "case \$SSH_ORIGINAL_COMMAND in *--attach*) sh -c \"\$SSH_ORIGINAL_COMMAND\" |
			'$top_srcdir/tests/board/mutate.py' $how ;; *) exec sh -c \"\$SSH_ORIGINAL_COMMAND\" ;; esac"
		rm -f "$BATS_TEST_TMPDIR/count"
		on_board
		# What is there is right: even ones pass, odd ones fail, or nothing is known of them.
		jq -r 'select(.event == "case-end" and .final) | (.suite | sub(".*case"; "")) + " " + .verdict' ../board.jsonl |
			while read -r n verdict; do
				[ "$verdict" = lost ] || [ "$verdict" = "$([ $((n % 2)) = 0 ] && echo pass || echo fail)" ]
			done
		# Nothing ran twice, whatever was asked again.
		[ -z "$(sort "$BATS_TEST_TMPDIR/count" 2>/dev/null | uniq -d)" ]
		bed_stop "$bed"
	done
}

# Everything that is kept of a run, and every command line there was meanwhile.
watch_command_lines() { # FILE
	while :; do
		cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' | sort -u
	done >"$1" 2>/dev/null
}

@test "a key's phrase is asked on a terminal only, and is told to nobody" {
	need script bsdutils
	sshd_start "$bed"
	counting_project "$BATS_TEST_TMPDIR/p" 2 "$BATS_TEST_TMPDIR/count" 'sleep 0.5'
	cd "$BATS_TEST_TMPDIR/p"
	ssh-keygen -q -p -P '' -N 'moss-on-the-shingle' -f "$bed/key"
	cp "$bed/key" "$bed/key.told" # so that it is read again by nothing of ours
	on_board
	told 107
	[ ! -e "$BATS_TEST_TMPDIR/count" ]

	watch_command_lines "$BATS_TEST_TMPDIR/lines" 3>&- &
	watcher=$!
	: >../typed
	(
		try_until 300 0.1 grep -qi 'passphrase' ../typed >/dev/null && echo 'moss-on-the-shingle'
		try_until 600 0.1 test -e ../ended >/dev/null
	) 3>&- | timeout 120 script -qefc "xtest --target $(uname -m) --ssh-config '$bed/config' --on '$(board_url "$bed")' \
		--report human --report jsonl=../typed.jsonl; echo status \$?; : >../ended" ../typed >/dev/null
	kill "$watcher"
	grep -q 'status 0' ../typed
	ran_once "$BATS_TEST_TMPDIR/count" 2
	grep -q case.sh "$BATS_TEST_TMPDIR/lines"
	! grep -rlaF moss-on-the-shingle ../typed ../typed.jsonl ../lines .xtest "$bed/cache" "$bed/log"
	# Nor the key itself.
	secret=$(sed -n 2p "$bed/key" | cut -c 20-60)
	! grep -rlaF "$secret" ../typed ../typed.jsonl ../lines .xtest "$bed/cache" "$bed/log"
}

@test "noise without end from a runner is given up" {
	counting_project "$BATS_TEST_TMPDIR/p" 2 "$BATS_TEST_TMPDIR/count" 'sleep 1'
	answers "case \$SSH_ORIGINAL_COMMAND in *--attach*) sh -c \"\$SSH_ORIGINAL_COMMAND\" |
		'$top_srcdir/tests/board/mutate.py' flood ;; *) exec sh -c \"\$SSH_ORIGINAL_COMMAND\" ;; esac"
	on_board
	told 107
	no_verdict
}
