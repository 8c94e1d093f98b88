#!/usr/bin/env bats
# `--partition slice:i/n` and `count:i/n` pick what cargo-nextest picks of the same libtest programs.

setup() {
	command -v cargo-nextest >/dev/null || skip "cargo-nextest is not installed (cargo install cargo-nextest)"
	cd "$BATS_TEST_TMPDIR"
}

# A crate with integration tests of these names: each has test_0, …, and every third is ignored.
make_crate() { # NAME TEST:COUNT…
	local name=$1 test count i

	mkdir -p "$name/src" "$name/tests"
	: >"$name/src/lib.rs"
	printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n' "$name" >"$name/Cargo.toml"
	shift
	for test; do
		count=${test#*:} test=${test%:*}
		for ((i = 0; i < count; i++)); do
			((i % 3 != 2)) || echo '#[ignore]'
			echo "#[test] fn test_$i() {}"
		done >"$name/tests/$test.rs"
	done
}

# The suites as the program under test has to be told of them: no adapter knows cargo here.
write_manifest() {
	cargo-nextest nextest list --offline --message-format json >list.json 2>build.log
	python3 - >xtest.json <<-'PYTHON'
		import json
		suites = json.load(open("list.json"))["rust-suites"].values()
		print(json.dumps({"adapter": "manifest", "suites": [
		    {"package": s["package-name"], "name": s["binary-id"].partition("::")[2],
		     "command": [s["binary-path"]], "binary": s["binary-path"], "cwd": s["cwd"],
		     "framework": "libtest"}
		    for s in reversed(suites if isinstance(suites, list) else list(suites))
		    if "::" in s["binary-id"]]}))
	PYTHON
}

compare() { # METHOD SHARDS OPTION…
	local method=$1 most=$2 n i

	shift 2
	for ((n = 1; n <= most; n++)); do
		for ((i = 1; i <= n; i++)); do
			cargo-nextest nextest list --cargo-metadata cargo.json --binaries-metadata binaries.json \
				-T oneline --partition "$method:$i/$n" "$@" 2>/dev/null | sort >theirs
			xtest list --partition "$method:$i/$n" "$@" | sort >ours
			diff theirs ours
		done
		echo "$method:…/$n: the same"
	done
	[ -s ours ]
}

@test "slice and count pick the cases that cargo-nextest picks" {
	command -v python3 >/dev/null || skip "python3 is not installed (python3)"
	printf '[workspace]\nmembers = ["b", "a", "a-c"]\nresolver = "2"\n' >Cargo.toml
	make_crate a one:12 two:1
	make_crate a-c ten:3
	make_crate b one:8 zero:5
	write_manifest
	cargo metadata --offline --format-version 1 >cargo.json
	cargo-nextest nextest list --offline --list-type binaries-only --message-format json >binaries.json 2>/dev/null

	compare slice 8
	compare slice 3 --run-ignored all
	compare count 3
}
