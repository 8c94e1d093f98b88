#!/usr/bin/env bats
# The progress display as a terminal shows it: tmux is one that can be asked what stands on its screen.

load common
bats_require_minimum_version 1.5.0

setup() {
	need tmux tmux
	cd "$BATS_TEST_TMPDIR"
	mkdir project
	export XTEST_USER_CONFIG=none TMUX_TMPDIR=$BATS_TEST_TMPDIR SHELL=/bin/sh TERM=xterm-256color LC_ALL=C.UTF-8
	unset TMUX NO_COLOR
}

teardown() {
	terminal kill-server 2>/dev/null || true
}

terminal() {
	tmux -u -L progress -f /dev/null "$@"
}

# Tests that wait for each other's file, so that what runs stands still.
waiting_project() {
	local name

	for name in quick a_test_whose_name_is_longer_than_others_are_and_goes_on_and_on ünïcödé-日本語 third; do
		jq -n --arg name "$name" --arg command "until [ -e '$PWD/go' ]; do sleep 0.05; done; [ $name != third ]" '{$name, $command}'
	done | jq -s '{suites: .}' >project/xtest.json
}

screen() {
	terminal capture-pane -p -t 0
}

# Lines of the screen that match, when there is exactly this number of them.
shows() { # NUMBER PATTERN
	[ "$(screen | grep -cE -- "$2")" -eq "$1" ]
}

@test "at 80 and 200 columns, after a resize, and gone at the end" {
	need jq jq
	waiting_project
	terminal new-session -d -x 80 -y 24 \
		"cd project && xtest -j 4 --no-record; echo ended with \$?; while sleep 1; do :; done"
	long_eventually shows 1 '^  ━+  0/4  4 running: .* [0-9.]+s, \+[1-3]$'
	eventually shows 1 '…'
	terminal resize-window -t 0 -x 200 -y 24
	eventually shows 1 '^  ━+  0/4  4 running: .*ünïcödé-日本語 [0-9.]+s.*third'
	terminal resize-window -t 0 -x 50 -y 24
	eventually shows 1 '^  0/4  4 running: '
	eventually shows 0 '━'
	terminal resize-window -t 0 -x 80 -y 24
	eventually shows 1 '^  ━+  0/4  4 running: '
	touch go
	long_eventually shows 1 '^ended with 100$'
	shows 0 'running:'
	eventually shows 0 '━'
	shows 1 '^     Summary .* 4 tests run: 3 passed, 1 failed$'
	shows 2 '^        FAIL .*::third'
}
