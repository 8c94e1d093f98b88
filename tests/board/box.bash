# The box for bats files: one for all tests of a file, or a word why there is none.

box_make() { # DIR [OPTION…]
	mkdir -p "$1"
	timeout 600 "$top_srcdir/tests/board/box" start "$@" >"$1/why" 2>&1 3>&- || return 0
	: >"$1/ready"
}

need_box() { # DIR
	need_aarch64
	need jq jq
	[ -e "$1/ready" ] || skip "no board in a box: $(tail -n 1 "$1/why")"
}

box_end() { # DIR
	"$top_srcdir/tests/board/box" stop "$1" || true
}

on_box() { # DIR COMMAND…
	timeout 240 "$top_srcdir/tests/board/box" ssh "$@"
}
