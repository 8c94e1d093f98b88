#!/usr/bin/env bats
# The bundled Cargo workspace: every kind of test program and every fate, as the table beside it says and,
# where it is present, as cargo-nextest says.
load common
load cargo

setup_file() {
	command -v cargo >/dev/null && cargo --version >/dev/null 2>&1 || return 0
	kinds_copy "$BATS_FILE_TMPDIR"
	cd "$BATS_FILE_TMPDIR/kinds"
	xtest run --report jsonl=run.jsonl --report human=run.txt -- --offline --workspace >run.log 2>&1 || echo $? >run.code
	xtest list -T json -- --offline --workspace >list.json 2>list.log || true
}

setup() {
	need_cargo
	need jq jq
	unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR RUST_BACKTRACE
	cd "$BATS_FILE_TMPDIR/kinds"
}

# Where xtest has cargo build.
built() {
	jq -r 'first(.suites[].command[0])' list.json | sed 's|/debug/deps/.*||'
}

nextest() { # VERB ARGUMENT…
	local verb=$1

	shift
	cargo-nextest nextest "$verb" --offline --color never --target-dir "$(built)" "$@"
}

@test "every kind of test program and all of their cases" {
	cat list.log run.log
	diff <(expected cases) <(listed list.json)
}

@test "every fate" {
	tail -n 30 run.log
	[ "$(cat run.code)" = 100 ]
	diff <(expected verdicts) <(verdicts_of run.jsonl)
}

@test "cargo-nextest lists the same suites and cases" {
	need_nextest
	nextest list --workspace --message-format json >nextest.json 2>nextest.log || { cat nextest.log; false; }
	diff <(suites_of_nextest nextest.json) <(suites list.json)
	diff <(listed_by_nextest nextest.json) <(listed list.json)
}

@test "cargo-nextest comes to the same verdicts" {
	need_nextest
	nextest run --workspace --status-level all --final-status-level none --failure-output never \
		>nextest.log 2>&1 || [ $? = 100 ]
	diff <(verdicts_of_nextest nextest.log) <(verdicts_of run.jsonl)
}

@test "a test finds what it finds under cargo-nextest" {
	need_nextest
	nextest run --workspace --no-capture -E 'test(=shows_what_it_finds)' 2>&1 |
		sed -nE 's/^ *found ((CARGO|NEXTEST|OUT_DIR|LD_LIBRARY_PATH|BUILD_SCRIPT|FIXTURE)[^=]*=)/\1/p' | sort >theirs
	xtest run --no-capture --no-record -E 'test(=shows_what_it_finds)' -- --offline --workspace 2>&1 |
		sed -nE 's/^ *found ((CARGO|NEXTEST|OUT_DIR|LD_LIBRARY_PATH|BUILD_SCRIPT|FIXTURE)[^=]*=)/\1/p' | sort >ours
	# Each run has names of its own, and what tells of nextest itself is not ours to say.
	grep -vE '^(NEXTEST_(RUN_ID|ATTEMPT_ID|VERSION|REQUIRED_VERSION|RECOMMENDED_VERSION|RUN_MODE|TEST_PHASE|TEST_THREADS)|CARGO)=' \
		theirs >wanted
	[ "$(wc -l <wanted)" -gt 30 ]
	comm -23 wanted ours >missing
	cat missing
	[ ! -s missing ]
}
