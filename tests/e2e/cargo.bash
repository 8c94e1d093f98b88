# What the tests of Cargo projects share: the bundled workspace, and cargo-nextest beside xtest.

need_cargo() {
	need cargo cargo
	cargo --version >/dev/null 2>&1 && rustc -vV >/dev/null 2>&1 || skip "install cargo and rustc (cargo here does not run)"
}

need_nextest() {
	command -v cargo-nextest >/dev/null && cargo-nextest nextest --version >/dev/null 2>&1 ||
		skip "install cargo-nextest"
}

# A copy of the workspace in DIR/kinds. What this user has configured for cargo is not for it.
kinds_copy() { # DIR
	mkdir -p "$1/kinds"
	cp -R "$top_srcdir/tests/fixtures/cargo-workspace/." "$1/kinds"
	chmod -R u+w "$1/kinds"
	unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR RUST_BACKTRACE
}

# "ID CASE PLATFORM", or with "ignored" behind it, of each case in `xtest list -T json`.
listed() { # FILE
	jq -r '.suites[] | . as $s | .cases[] |
		[$s.id, .name, $s.platform, (if .ignored then "ignored" else empty end)] | join(" ")' "$1" | LC_ALL=C sort
}

# The same of cargo-nextest's.
listed_by_nextest() { # FILE
	jq -r '."rust-suites"[] | . as $s | .testcases | to_entries[] |
		[$s."binary-id", .key, $s."build-platform", (if .value.ignored then "ignored" else empty end)] | join(" ")' \
		"$1" | LC_ALL=C sort
}

# What they agree on of each suite.
suites() { # FILE
	jq -r '.suites[] | [.id, .package, .name, .kind, .platform, .cwd, .command[0]] | join(" ")' "$1" | LC_ALL=C sort
}

suites_of_nextest() { # FILE
	jq -r '."rust-suites"[] |
		[."binary-id", ."package-name", ."binary-name", .kind, ."build-platform", .cwd, ."binary-path"] | join(" ")' \
		"$1" | LC_ALL=C sort
}

# "ID CASE VERDICT" of a JSON report.
verdicts_of() { # FILE
	jq -r 'select(.event == "case-end" and .final) | [.suite, .case, .verdict] | join(" ")' "$1" | LC_ALL=C sort
}

# The same of what cargo-nextest prints with --status-level all.
verdicts_of_nextest() { # FILE
	sed -nE 's/^ +([A-Z]+) \[ *[0-9.]+s\] \( *[0-9]+\/[0-9]+\) (.*)$/\2 \1/p' "$1" | sed -E '
		s/ PASS$/ pass/; s/ FAIL$/ fail/; s/ SIG[A-Z]+$/ crash/; s/ TIMEOUT$/ timeout/; s/ LEAK$/ leak/' | LC_ALL=C sort
}

# What the bundled workspace has to give: "ID CASE PLATFORM [ignored]" or "ID CASE VERDICT".
expected() { # cases|verdicts
	awk -v what="$1" '
		/^#/ { next }
		what == "cases" { print $1, $2, $3 ($4 == "ignored" ? " ignored" : ""); next }
		$4 != "ignored" { print $1, $2, $4 }' "$top_srcdir/tests/fixtures/cargo-workspace/expected.txt" | LC_ALL=C sort
}
