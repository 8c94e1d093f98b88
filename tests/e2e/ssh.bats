#!/usr/bin/env bats
# Boards over SSH as the user has them: who is trusted, who lets us in, what the client's configuration says; names,
# labels and hooks of xtest.json; what is in the way on the board.

load common
load ssh

setup_file() {
	export bed=$BATS_FILE_TMPDIR/bed
	sshd_start "$bed"
}

teardown_file() {
	bed_stop "$BATS_FILE_TMPDIR/bed"
}

setup() {
	need jq jq
	here=$(uname -m)
	bed=$BATS_FILE_TMPDIR/bed
	cp "$bed/config" "$BATS_TEST_TMPDIR/config"
	cp "$bed/known_hosts" "$BATS_TEST_TMPDIR/known_hosts"
	config=$BATS_TEST_TMPDIR/config
	known=$BATS_TEST_TMPDIR/known_hosts
	sed -i "s|UserKnownHostsFile .*|UserKnownHostsFile $known|" "$config"
	mkdir "$BATS_TEST_TMPDIR/p"
	cd "$BATS_TEST_TMPDIR/p"
	program one 'echo "here is $XTEST_PLACE"'
	echo '{"adapter": "manifest", "suites": [{"name": "one", "command": ["./one"], "platform": "target"}]}' >xtest.json
}

# Runs the project on what the words say; text in `output`.
on() { # STATUS WORD…
	local wanted=$1

	shift
	run timeout 200 xtest --target "$here" --ssh-config "$config" --report human=- --report jsonl=../events "$@" </dev/null
	[ "$status" = "$wanted" ] || {
		echo "exit code $status: $output"
		return 1
	}
}

set_board() { # JSON…: merged into xtest.json's boards
	jq --argjson boards "$1" '.boards += $boards' xtest.json >x
	mv x xtest.json
}

@test "a host of the client's configuration; nothing of the run is left there" {
	on 0 --on ssh://board
	[ "$(verdicts ../events)" = "one pass" ]
	eventually nobody_alive "XDG_CACHE_HOME=$bed/cache"
}

@test "a key nobody knows is refused with its fingerprint, and accepted when that is asked for" {
	print=$(ssh-keygen -lf "$bed/host_key.pub" | cut -d' ' -f2)
	: >"$known"
	on 107 --on ssh://board
	[[ $output == *"is not known"*"$print"*--ssh-accept-new* ]]
	[ ! -s "$known" ]
	on 0 --on ssh://board --ssh-accept-new
	[[ $output == *"is new"*"$print"* ]]
	on 0 --on ssh://board
	[[ $output != *"is new"* ]]
	ssh -F "$config" board true
	: >"$known"
	sed -i 's/StrictHostKeyChecking .*/StrictHostKeyChecking accept-new/' "$config"
	on 0 --on ssh://board
	[ -s "$known" ]
}

@test "a key that changed stops the run, with file and line, whatever is accepted" {
	ssh-keygen -q -t ed25519 -N '' -f other
	{
		echo '# a line of words'
		echo "[127.0.0.1]:$(cat "$bed/port") $(cut -d' ' -f1,2 other.pub)"
	} >"$known"
	sed -i 's/StrictHostKeyChecking .*/StrictHostKeyChecking no/' "$config"
	on 107 --on ssh://board --ssh-accept-new
	[[ $output == *"is not who it was"*"$known:2"* ]]
	ssh-keygen -q -H -f "$known"
	on 107 --on ssh://board
	[[ $output == *"$known:2"* ]]
}

@test "hashed names and revoked keys" {
	ssh-keygen -q -H -f "$known"
	on 0 --on ssh://board
	echo "@revoked * $(cut -d' ' -f1,2 "$bed/host_key.pub")" >>"$known"
	on 107 --on ssh://board
	[[ $output == *revokes* ]]
}

@test "nobody lets us in: what was tried is told" {
	ssh-keygen -q -t ed25519 -N '' -f stranger
	ssh-keygen -q -t ed25519 -N 'a secret of mine' -f locked
	sed -i "s|IdentityFile .*|IdentityFile $PWD/stranger\n\tIdentityFile $PWD/locked|" "$config"
	run timeout 100 setsid -w xtest --target "$here" --ssh-config "$config" --on ssh://board </dev/null
	[ "$status" = 107 ]
	[[ $output == *"does not let"*"$PWD/stranger"*"the server takes: publickey"* ]]
	[[ $output == *"no terminal to ask on"* ]]
}

@test "an agent, and a key of its own for a host" {
	need ssh-agent openssh-client
	eval "$(timeout 600 ssh-agent -s 3>&-)"
	agent=$SSH_AGENT_PID
	ssh-add -q "$bed/key"
	sed -i '/IdentitiesOnly/d; s|IdentityFile .*|IdentityFile /nonexistent|' "$config"
	on 0 --on ssh://board
	kill "$agent"
	on 107 --on ssh://board
}

@test "a passphrase is asked for on the terminal, and is nowhere else" {
	need script bsdutils
	cp "$bed/key" locked
	chmod 600 locked
	ssh-keygen -q -p -P '' -N 'a secret of mine' -f locked
	sed -i "s|IdentityFile .*|IdentityFile $PWD/locked|" "$config"
	cat >answer <<-END
		#!/bin/sh
		while ! grep -q Passphrase ../typescript 2>/dev/null; do sleep 0.1; done
		echo 'a secret of mine'
		while ! grep -q Summary ../typescript 2>/dev/null; do sleep 0.1; done
	END
	chmod +x answer
	timeout 100 ./answer | timeout 100 script -qefc \
		"xtest --target $here --ssh-config $config --on ssh://board --report human=- --report jsonl=../events" ../typescript
	[ "$(verdicts ../events)" = "one pass" ]
	run grep -r 'a secret of mine' ../typescript ../events .xtest
	[ "$status" = 1 ]
}

@test "through a host in between, which is checked as well" {
	cat >>"$config" <<-END
		Host jump
			HostName 127.0.0.1
			Port $(cat "$bed/port")
			User $(id -un)
		Host behind
			HostName 127.0.0.1
			Port $(cat "$bed/port")
			User $(id -un)
			ProxyJump jump
	END
	on 0 --on ssh://behind
	sed -i 's/ProxyJump jump/ProxyJump jump,jump/' "$config"
	on 0 --on ssh://behind
	sed -i 's/ProxyJump .*/ProxyJump nobody@nowhere.invalid/' "$config"
	on 107 --on ssh://behind
	[[ $output == *"through a jump"*nowhere.invalid* ]]
}

@test "names, labels, several boards; one that is not there is left out" {
	set_board "{\"pi\": {\"on\": \"$(board_url "$bed")\", \"target\": \"$here\", \"labels\": [\"gpio\"]},
		\"gone\": {\"on\": \"ssh://127.0.0.1:$(free_port)\", \"labels\": [\"gpio\"]}}"
	on 0 --on pi
	[[ $output == *"Placed"*"127.0.0.1:$(cat "$bed/port")"* ]]
	on 0 --on label:gpio
	[[ $output == *"gone is left out: "*"Connection refused"* ]]
	grep -q '"event":"case-start".*"board":"pi"' ../events
	grep -q '"event":"case-end".*"board":"pi"' ../events
	on 107 --on label:gpio --each
	jq -e -s '[.[] | select(.event == "case-end")] | length == 2 and any(.verdict == "pass") and
		any(.verdict == "lost" and (.reason | startswith("gone is not to be had: ")))' ../events
	on 96 --on label:nothing
	on 2 --on nothing
	set_board '{"pi": {"on": "ssh://board", "target": "armv7"}}'
	on 96 --on pi
	[[ $output == *"is for armv7"* ]]
}

@test "hooks run before and after, and one that fails is no failed test" {
	set_board "{\"pi\": {\"on\": \"ssh://board\",
		\"power-on\": \"echo on \$XTEST_BOARD >>hooks\", \"before\": [\"sh\", \"-c\", \"echo before >>hooks\"],
		\"after\": \"echo after >>hooks\", \"power-off\": \"echo off >>hooks\", \"console\": \"echo said; exec sleep 100\"}}"
	on 0 --on pi
	eventually grep -q off hooks
	diff - hooks <<-END
		on pi
		before
		after
		off
	END
	grep -q said .xtest/console-pi.log
	set_board '{"pi": {"on": "ssh://board", "before": {"command": "echo it is broken; exit 3"}}}'
	on 107 --on pi
	[[ $output == *"hook before: exit status 3: it is broken"* ]]
	set_board '{"pi": {"on": "ssh://board", "before": {"command": "sleep 100", "timeout": "200ms"}}}'
	on 107 --on pi
	[[ $output == *"hook before: no end within the time limit"* ]]
}

@test "each hook has a limit of its own" {
	set_board '{"pi": {"on": "ssh://board", "power-on": {"command": "sleep 100", "timeout": "200ms"}}}'
	on 107 --on pi
	[[ $output == *"hook power-on: no end within the time limit"* ]]
	port=$(free_port)
	set_board "{\"pi\": {\"on\": \"ssh://$(id -un)@127.0.0.1:$port\", \"reset\": {\"command\": \"sleep 100\", \"timeout\": \"200ms\"}}}"
	on 107 --on pi
	[[ $output == *"hook reset: no end within the time limit"* ]]
	# What comes last is nobody's result; the board is switched off all the same.
	set_board '{"pi": {"on": "ssh://board",
		"after": {"command": "echo $$ >after; exec sleep 100", "timeout": "200ms"},
		"power-off": {"command": "echo $$ >off; exec sleep 100", "timeout": "200ms"}}}'
	on 0 --on pi
	gone() { [ -s "$1" ] && ! kill -0 "$(cat "$1")" 2>&-; }
	eventually gone after
	eventually gone off
}

@test "a board that does not answer is reset once" {
	mkdir second
	cp "$bed/host_key" "$bed/host_key.pub" "$bed/authorized_keys" second
	free_port >second/port
	port=$(cat second/port)
	echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$bed/host_key.pub")" >>"$known"
	sed "s|^ListenAddress .*|ListenAddress 127.0.0.1:$port|" "$bed/sshd_config" >second/sshd_config
	# The server must have left the hook's group before the hook ends.
	program reset "echo \$XTEST_BOARD >>hooks
setsid sh -c 'echo \$\$ >$PWD/second/pid; exec timeout 600 $(command -v sshd) -D -e -f $PWD/second/sshd_config' </dev/null >/dev/null 2>&1 &
while [ ! -s $PWD/second/pid ]; do sleep 0.1; done"
	set_board "{\"pi\": {\"on\": \"ssh://$(id -un)@127.0.0.1:$port\", \"reset\": [\"./reset\"]}}"
	on 0 --on pi
	kill "$(cat second/pid)"
	[[ $output == *"pi could not be reached"*"was reset"* ]]
	[ "$(cat hooks)" = pi ]
}

@test "a panic on the console ends the wait, and is a crash of the one test that ran" {
	program one "echo >$BATS_TEST_TMPDIR/started; sleep 300"
	program console "while [ ! -e $BATS_TEST_TMPDIR/started ]; do sleep 0.1; done
echo '[   12.345678] Kernel panic - not syncing: sysrq triggered crash'; sleep 100"
	set_board '{"pi": {"on": "ssh://board", "console": ["./console"]}}'
	run timeout 200 xtest --target "$here" --ssh-config "$config" --on pi --report jsonl=../events </dev/null
	[ "$status" = 100 ]
	jq -e -s 'any(.[]; .event == "case-end" and .verdict == "crash" and (.console | contains("sysrq triggered crash")))' \
		../events
}

@test "a second run waits for the first one, says for whom, and gives up in time" {
	program one "echo >$BATS_TEST_TMPDIR/started; while [ ! -e $BATS_TEST_TMPDIR/go ]; do sleep 0.1; done"
	timeout 200 xtest --target "$here" --ssh-config "$config" --on ssh://board >../first 2>&1 3>&- &
	first=$!
	try_until 600 0.1 test -e ../started
	XTEST_STATE_DIR=$PWD/other on 107 --on ssh://board --lock-timeout 1s
	[[ $output == *"has held the board for"*"--lock-timeout"* ]]
	[[ $output == *"$(id -un)@"* ]]
	touch ../go
	wait "$first"
	on 0 --on ssh://board
}

@test "a work directory that is not ours alone is not used; each that does not serve is named" {
	work=$bed/cache/xtest
	mkdir -p "$work"
	chmod 777 "$work"
	on 0 --on ssh://board --verbose
	[ -z "$(find "$work" -name 'runner-*' -newer xtest.json)" ]
	rm -rf "$work"
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$work"
	on 0 --on ssh://board
	[ -z "$(ls "$BATS_TEST_TMPDIR/elsewhere")" ]
	rm "$work"
}
