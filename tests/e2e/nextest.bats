#!/usr/bin/env bats
# Archives of cargo-nextest: listed and run with what their tests find under nextest, refused when they are not what
# they should be. Those in tests/fixtures/nextest were made by nextest (by `make` there); what stands for their
# programs are scripts, so that neither cargo nor nextest is needed.

bats_require_minimum_version 1.5.0
load common
load cargo

setup() {
	fixtures=$top_srcdir/tests/fixtures/nextest
	cp -R "$fixtures/workspace" "$BATS_TEST_TMPDIR/ws"
	chmod -R u+w "$BATS_TEST_TMPDIR/ws"
	mkdir "$BATS_TEST_TMPDIR/empty"
	cd "$BATS_TEST_TMPDIR/empty"
	unset RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR
	[ "$(uname -m)" = x86_64 ] || skip "the archives are of x86_64"
}

# The archive with its metadata edited by sed, as x.tar.zst.
edited() { # ARCHIVE SCRIPT
	need zstd zstd
	mkdir tree
	zstd -dcq "$fixtures/$1.tar.zst" | tar -xf - -C tree
	sed -i "$2" tree/target/nextest/*.json
	repack
}

repack() {
	tar -cf - -C tree target/nextest target/$(cd tree/target && ls | grep -vx nextest | head -n 1) | zstd -q >x.tar.zst
}

refused() { # WORDS…: xtest list of x.tar.zst ends with 96 and a sentence with these words
	local word

	run xtest list --archive-file x.tar.zst --workspace-remap ../ws
	echo "$output"
	[ "$status" = 96 ]
	for word in "$@"; do
		[[ $output == *"$word"* ]] || { echo "no '$word'"; return 1; }
	done
}

@test "every program and case has the verdict it has under nextest" {
	need jq jq
	for archive in plain target; do
		run xtest run --archive-file "$fixtures/$archive.tar.zst" --workspace-remap ../ws --run-ignored all \
			--report jsonl=$archive.jsonl
		echo "$output"
		[ "$status" = 100 ]
		verdicts_of $archive.jsonl >got
		diff - got <<-END
			alpha aborts crash
			alpha fails fail
			alpha passes pass
			alpha waits pass
			alpha::bench/speed quick pass
			alpha::bin/alpha-tool plain pass
			alpha::it build_script pass
			alpha::it reads_data pass
			alpha::it sees_environment pass
			alpha::it starts_tool pass
			beta-macro expands pass
		END
	done
}

@test "nextest, where it is, tells the same" {
	need jq jq
	need_cargo
	need_nextest
	cargo nextest list --manifest-path ../ws/Cargo.toml --archive-file "$fixtures/plain.tar.zst" \
		--workspace-remap ../ws --message-format json 2>nextest.log |
		jq -r '."rust-suites"[] | ."binary-id" as $id | .testcases | keys[] | $id + " " + .' | LC_ALL=C sort >theirs
	[ -s theirs ] || { cat nextest.log; return 1; }
	xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --run-ignored all -T oneline |
		LC_ALL=C sort >ours
	diff theirs ours
}

@test "from standard input, filtered, in shards, and with --platform-filter" {
	run xtest list --archive-file - --workspace-remap ../ws -E 'kind(test) and test(/^[rs]/)' \
		<"$fixtures/plain.tar.zst"
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = "alpha::it reads_data
alpha::it starts_tool
alpha::it sees_environment" ]
	run xtest list --archive-file "$fixtures/target.tar.zst" --workspace-remap ../ws -E 'deps(alpha) & kind(bench)'
	[ "$output" = "alpha::bench/speed quick" ]
	for i in 1 2; do
		xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --partition slice:$i/2
	done | LC_ALL=C sort >shards
	xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws | LC_ALL=C sort | diff - shards
	run --separate-stderr xtest list --archive-file "$fixtures/target.tar.zst" --workspace-remap ../ws \
		--platform-filter host
	[ "$output" = "beta-macro expands" ]
	[[ $stderr == *"-E 'platform(host)'"* ]]
}

@test "what was listed is remembered for the archive, and only for that one" {
	need jq jq
	mkdir .xtest
	xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --run-ignored all >first
	xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --run-ignored all | diff first -
	[ "$(wc -l <first)" = 11 ]
	edited plain ''
	sed -i 's/passes fails aborts/passes else/' tree/target/debug/deps/alpha-*
	repack
	run xtest list --archive-file x.tar.zst --workspace-remap ../ws -E 'kind(lib)'
	[[ $output == *"alpha else"* && $output != *fails* ]]
	xtest list --archive-file x.tar.zst --workspace-remap ../ws --list-type binaries-only -T json |
		jq -e '."rust-binaries"."beta-macro"."build-platform" == "host"'
}

@test "an archive for another target is not run here as if it were this one's" {
	edited target 's/\(triple": "\|target-platform": "\)x86_64-unknown-linux-gnu/\1sparc-unknown-linux-gnu/'
	refused "built for sparc-unknown-linux-gnu"
	run xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --target aarch64
	[ "$status" = 96 ]
	[[ $output == *"x86_64"*"aarch64"* ]]
}

@test "sources that are not there" {
	run xtest run --archive-file "$fixtures/plain.tar.zst"
	echo "$output"
	[ "$status" = 96 ]
	[[ $output == *"the sources of the package alpha are not in /tmp/nextest-fixture/ws/alpha"*"--workspace-remap"* ]]
	rm -r ../ws/beta-macro
	run xtest run --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws
	[ "$status" = 96 ]
	[[ $output == *"of the package beta-macro"* ]]
}

@test "metadata that is missing, older, damaged or of the future" {
	edited plain 's/"binary-id": "alpha"/"binary-id": ["alpha"]/'
	refused 'x.tar.zst: target/nextest/binaries-metadata.json: "binary-id" of alpha is not a string' future
	rm -rf tree
	edited plain 's/"rust-binaries"/"rust-programs"/'
	refused '"rust-binaries" is not an object'
	rm -rf tree
	edited plain 's/"version":1,"workspace_root/"version":2,"workspace_root/'
	refused "version 2" "this xtest knows 1"
	rm -rf tree
	edited plain 's|"target-directory": "/tmp/nextest-fixture/ws/target"|"target-directory": "/elsewhere"|'
	refused "is not below the target directory /elsewhere"
	rm tree/target/nextest/cargo-metadata.json
	repack
	refused "no target/nextest/cargo-metadata.json in it"
	# as the first versions wrote it
	need jq jq
	rm -rf tree
	edited plain ''
	jq 'del(."rust-build-meta" | .platforms, ."target-platforms", ."target-platform", ."build-script-out-dirs",
		."build-script-info", ."non-test-binaries"[][]."build-platform")' \
		tree/target/nextest/binaries-metadata.json >old.json
	mv old.json tree/target/nextest/binaries-metadata.json
	repack
	run xtest list --archive-file x.tar.zst --workspace-remap ../ws
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"alpha::it starts_tool"* ]]
}

@test "what is cut off, damaged or leads elsewhere is refused, and nothing is left" {
	export TMPDIR=$BATS_TEST_TMPDIR/tmp
	mkdir "$TMPDIR"
	head -c 1500 "$fixtures/plain.tar.zst" >x.tar.zst
	refused "no usable" "cut off"
	{ cat "$fixtures/plain.tar.zst"; echo more; } >x.tar.zst
	refused "something follows its end"
	need zstd zstd
	mkdir -p tree/target/nextest tree/target/debug
	echo x >tree/target/a
	for odd in "--transform=s|target/a|target/../../evil|" "--transform=s|target/a|elsewhere/evil|"; do
		tar -cf - -C tree target/nextest "$odd" target/a | zstd -q >x.tar.zst
		refused "the name"
	done
	ln -s / tree/target/debug/root
	tar -cf - -C tree target/nextest target/debug/root | zstd -q >x.tar.zst
	refused "link" "absolute"
	rm tree/target/debug/root
	ln -s . tree/target/debug/here
	tar -cf - -C tree target/nextest target/debug/here target/a --transform='s|target/a|target/debug/here/b|' |
		zstd -q >x.tar.zst
	refused "target/debug/here"
	mkfifo tree/target/debug/fifo
	tar -cf - -C tree target/nextest target/debug/fifo | zstd -q >x.tar.zst
	refused "FIFO"
	tar -cf - -C tree target/a | zstd -q >x.tar.zst
	refused "no target/nextest/binaries-metadata.json in it"
	[ -z "$(ls -A "$TMPDIR")" ]
}

@test "--extract-to keeps the tree; the manual way runs it with its two files" {
	need jq jq
	xtest list --archive-file "$fixtures/plain.tar.zst" --workspace-remap ../ws --extract-to kept >from-archive
	[ -x kept/target/debug/alpha-tool ]
	rm -rf ../moved && mv kept/target ../moved
	manual="--binaries-metadata ../moved/nextest/binaries-metadata.json
		--cargo-metadata ../moved/nextest/cargo-metadata.json --workspace-remap ../ws --target-dir-remap ../moved"
	xtest list $manual | diff from-archive -
	run xtest run $manual -E 'kind(test)'
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"4 passed"* ]]
	run xtest run ${manual% --target-dir-remap*}
	[ "$status" = 96 ]
	[[ $output == *"is not there; say with --target-dir-remap"* ]]
	run xtest list --binaries-metadata ../moved/nextest/binaries-metadata.json
	[ "$status" = 2 ]
	[[ $output == *"needs --cargo-metadata"* ]]
	run xtest list --archive-file "$fixtures/plain.tar.zst" --target-dir-remap ../moved
	[ "$status" = 2 ]
	run xtest list --build-dir-remap ../moved
	[ "$status" = 2 ]
}

@test "an archive written for nextest: xtest and nextest list and run the same of it" {
	need_cargo
	need jq jq
	cd ../ws
	rm beta-macro/src/lib.rs
	echo '#[proc_macro] pub fn x(t: proc_macro::TokenStream) -> proc_macro::TokenStream { t }
		#[test] fn expands() {}' >beta-macro/src/lib.rs
	sed -i '1i extern crate proc_macro;' beta-macro/src/lib.rs
	xtest archive --archive-format nextest --archive-file ../own.tar.zst
	xtest archive --archive-format nextest --archive-file ../again.tar.zst
	cmp ../own.tar.zst ../again.tar.zst
	run xtest archive --archive-format nextest --list
	echo "$output"
	[[ $output == *"target/debug/deps/alpha-"*"(program of alpha)"* ]]
	[[ $output == *"target/debug/alpha-tool  (program alpha-tool of the build)"* ]]
	# the test of a macro may link rustc's libraries, nothing else does
	if readelf -d .xtest/build/*/cargo/debug/deps/beta_macro-* 2>/dev/null | grep -q 'NEEDED.*libstd-'; then
		[[ $output == *"target/nextest/libdirs/host/libstd-"*"(library of rustc)"* ]]
	else
		[[ $output != *libstd-* ]]
	fi
	run xtest archive --archive-format nextest --list -E 'package(alpha)'
	[[ $output != *libstd-* ]]
	[[ $output != *beta_macro* ]]
	xtest list --archive-file ../own.tar.zst | LC_ALL=C sort >../ours
	cat ../ours
	[ "$(cat ../ours)" = "alpha::it reads_data
beta-macro expands" ]
	run xtest run --archive-file ../own.tar.zst
	[ "$status" = 0 ]
	mkdir -p "$(echo .xtest/build/*/cargo)/debug/deep" && echo more >"$(echo .xtest/build/*/cargo)/debug/deep/more"
	echo '{"archive": {"include": [{"path": "debug/deep", "relative-to": "build"}, {"path": "alpha/data"}]}}' >xtest.json
	run xtest archive --archive-format nextest --list
	echo "$output"
	[[ $output == *"target/debug/deep/more  (archive.include debug/deep)"* ]]
	[[ $output == *"note: archive.include: 1 files are not in the target directory"* && $output != *data/hello* ]]
	rm xtest.json
	run xtest archive --archive-format nextest --archive-file x.tar.zst --partition slice:1/2
	[ "$status" = 2 ]
	xtest list --list-type binaries-only -T json >../binaries.json
	[ "$(jq -r '."rust-binaries" | keys[]' ../binaries.json | grep -c .)" -ge 4 ]
	cargo metadata --format-version 1 --offline >../metadata.json
	xtest list --binaries-metadata ../binaries.json --cargo-metadata ../metadata.json | LC_ALL=C sort | diff ../ours -
	cargo-nextest nextest --version >/dev/null 2>&1 || return 0
	cargo nextest list --archive-file ../own.tar.zst --message-format json 2>../log |
		jq -r '."rust-suites"[] | ."binary-id" as $id | .testcases | keys[] | $id + " " + .' |
		LC_ALL=C sort | diff ../ours - || { cat ../log; return 1; }
	cargo nextest run --archive-file ../own.tar.zst
	cargo nextest run --binaries-metadata ../binaries.json --cargo-metadata ../metadata.json
}

@test "what is no Cargo workspace has no archive for nextest" {
	program here 'exit 0'
	echo '{"adapter": "manifest", "suites": [{"name": "a", "command": ["./here"]}]}' >xtest.json
	run xtest archive --archive-format nextest --archive-file x.tar.zst
	echo "$output"
	[ "$status" = 2 ]
	[[ $output == *"for Cargo workspaces"*"manifest"* ]]
	[ ! -e x.tar.zst ]
}

@test "a program with holes is what it was" {
	edited plain ''
	for program in tree/target/debug/deps/it-*; do
		truncate -s 4M "$program"
		printf end >>"$program"
		truncate -s 5M "$program"
	done
	tar --format=gnu -S -cf - -C tree target/nextest target/debug | zstd -q >x.tar.zst
	[ "$(zstd -dcq x.tar.zst | wc -c)" -lt 1000000 ]
	xtest list --archive-file x.tar.zst --workspace-remap ../ws --extract-to kept
	diff -r tree/target/debug kept/target/debug
}
