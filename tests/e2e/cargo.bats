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

@test "cargo's options select as they do for cargo" {
	local words

	[ "$(xtest list --offline -p macros -p plug)" = "$(printf "%s\n" "macros macro_crate_has_a_test" \
		"macros::expands expands" "plug plug_has_a_test")" ] ||
		{ xtest list --offline -p macros -p plug; false; }
	[ "$(xtest list --offline --package=basic --features extra --test extra)" = "basic::extra needs_a_feature" ]
	[ "$(xtest list -C basic --offline --bins -F extra)" = "basic::bin/basic-tool tool_has_a_test" ]
	[ "$(xtest list --offline --manifest-path shared/Cargo.toml)" = "shared shared_has_a_test" ]
	need_nextest
	for words in "--workspace --exclude basic" "-p basic --lib --example shown" "-p basic --benches" \
		"-p basic --all-features --tests" "-p explicit --all-targets"; do
		# shellcheck disable=SC2086
		xtest list -T json --offline $words >ours.json 2>ours.log || { cat ours.log; false; }
		# shellcheck disable=SC2086
		nextest list --message-format json $words >theirs.json 2>theirs.log || { cat theirs.log; false; }
		echo "$words"
		diff <(listed_by_nextest theirs.json) <(listed ours.json)
	done
}

@test "deps() and rdeps() follow the packages" {
	local expression

	xtest list -E 'deps(user)' --offline --workspace >listed.txt
	[ "$(cut -d' ' -f1 listed.txt | sort -u | tr '\n' ' ')" = "plug shared user::load " ]
	need_nextest
	for expression in 'rdeps(macros)' 'deps(basic)' 'rdeps(plug) - package(plug)' 'platform(host)' 'kind(proc-macro)' \
		'binary_id(basic::bin/basic-tool)'; do
		xtest list -E "$expression" --offline --workspace | LC_ALL=C sort >ours
		nextest list --workspace -E "$expression" --message-format json 2>theirs.log | jq -r '."rust-suites"[] |
			."binary-id" as $id | .testcases | to_entries[] |
			select(.value."filter-match".status == "matches") | "\($id) \(.key)"' | LC_ALL=C sort >theirs
		echo "$expression"
		[ -s ours ]
		diff theirs ours
	done
}

@test "what cannot be built, read or understood" {
	kinds_copy "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/kinds"
	echo 'fn broken() -> u32 { "text" }' >>shared/src/lib.rs
	run xtest list --offline -p shared
	echo "$output"
	[ "$status" = 101 ]
	[[ $output == *"mismatched types"*"cargo test --no-run"* ]]
	echo 'fn unused() {}' >>plug/src/lib.rs
	run xtest list --offline -p plug
	[ "$status" = 0 ]
	[[ $output == *"warning: function \`unused\` is never used"*"plug plug_has_a_test"* ]]
	[[ $output != *Compiling* ]]
	echo '[' >>plug/Cargo.toml
	run xtest list --offline -p plug
	[ "$status" = 102 ]
	[[ $output == *"cargo metadata"* ]]
	run xtest list --adapter meson --lib
	[ "$status" = 2 ]
	[[ $output == *"--lib is for Cargo"* ]]
}

@test "the project's runner, and its [env], also of a file it includes" {
	kinds_copy "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/kinds"
	# shellcheck disable=SC2016
	program run.sh 'echo "$1 $2" >>"$RUNS"; shift; exec "$@"'
	printf '[target."cfg(unix)"]\nrunner = ["./run.sh", "through"]\n' >>.cargo/config.toml
	export RUNS=$PWD/runs
	xtest run --no-capture --no-record -E 'test(=shared_has_a_test)' --offline -p shared
	grep '^through /.*/shared-' runs
	[ "$(cargo --version | sed -E 's/cargo 1\.([0-9]+).*/\1/')" -ge 93 ] || skip "install a cargo that includes files (1.93)"
	printf 'include = ["more.toml"]\n%s\n' "$(cat .cargo/config.toml)" >.cargo/config.toml
	printf '[env]\nFROM_INCLUDED = "yes"\n' >.cargo/more.toml
	xtest run --no-capture --no-record -E 'test(=shows_what_it_finds)' --offline -p basic 2>&1 | grep 'FROM_INCLUDED=yes'
}

@test "the same under every layout of the build directory" {
	kinds_copy "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/kinds"
	CARGO_BUILD_BUILD_DIR=$PWD/apart xtest run --no-record --report jsonl=run.jsonl --offline --workspace >run.log 2>&1 ||
		[ $? = 100 ]
	[ -d apart/debug/deps ]
	diff <(expected verdicts) <(verdicts_of run.jsonl)
	rm -rf apart .xtest
	RUSTC_BOOTSTRAP=1 cargo metadata --offline -Zbuild-dir-new-layout --format-version 1 >/dev/null 2>&1 ||
		skip "install a cargo that knows the new layout"
	RUSTC_BOOTSTRAP=1 xtest run --no-record --report jsonl=run.jsonl --offline --workspace -Z build-dir-new-layout \
		>run.log 2>&1 || [ $? = 100 ]
	[ -d .xtest/build/*/cargo/debug/build/basic ]
	diff <(expected verdicts) <(verdicts_of run.jsonl)
}

@test "an archive runs without its sources, cargo and rustc" {
	local code=0 program

	need readelf binutils

	xtest archive --offline --workspace --archive-file "$BATS_TEST_TMPDIR/kinds.tar.zst"
	# Rust's own library is shipped for who links it.
	program=$(jq -r '.suites[] | select(.id == "macros") | .command[0]' list.json)
	if readelf -d "$program" | grep -q 'NEEDED.*libstd-'; then
		xtest archive --list --offline --workspace --archive-file x.tar.zst | grep 'xtest-libdirs/host/libstd-'
	fi
	mv "$BATS_FILE_TMPDIR/kinds" "$BATS_FILE_TMPDIR/away"
	cd "$BATS_TEST_TMPDIR"
	xtest run --no-record --archive-file kinds.tar.zst --timeout 3s --report jsonl=run.jsonl >run.log 2>&1 || code=$?
	mv "$BATS_FILE_TMPDIR/away" "$BATS_FILE_TMPDIR/kinds"
	tail -n 20 run.log
	[ "$code" = 100 ]
	diff <(expected verdicts) <(verdicts_of run.jsonl)
	run xtest list --archive-file kinds.tar.zst --lib
	[ "$status" = 2 ]
	[[ $output == *"--lib says what to build"* ]]
	# The packages' graph came along.
	[ "$(xtest list --archive-file kinds.tar.zst -E 'rdeps(macros)' | cut -d: -f1 | cut -d' ' -f1 | sort -u | tr '\n' ' ')" = \
		"basic macros " ]
}

@test "a target directory of one's own, outside of the project" {
	local code=0

	kinds_copy "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/kinds"
	CARGO_BUILD_BUILD_DIR=$BATS_TEST_TMPDIR/all xtest archive --offline -p plug -p user -p macros \
		--target-dir ../elsewhere --archive-file "$BATS_TEST_TMPDIR/kinds.tar.zst"
	[ -d "$BATS_TEST_TMPDIR/elsewhere/debug/deps" ]
	[ ! -e "$BATS_TEST_TMPDIR/all" ]
	rm -rf "$BATS_TEST_TMPDIR/kinds" "$BATS_TEST_TMPDIR/elsewhere"
	cd "$BATS_TEST_TMPDIR"
	xtest run --no-record --archive-file kinds.tar.zst --report jsonl=run.jsonl
	[ "$(verdicts_of run.jsonl | grep -c ' pass$')" = 5 ]
}
