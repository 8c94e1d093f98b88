#!/usr/bin/env bats
# Of the same libtest programs, `--partition slice:i/n` and `count:i/n` and expressions pick what
# cargo-nextest picks.

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

setup_file() {
	command -v cargo-nextest >/dev/null && command -v python3 >/dev/null || return 0
	cd "$BATS_FILE_TMPDIR"
	printf '[workspace]\nmembers = ["b", "a", "a-c"]\nresolver = "2"\n' >Cargo.toml
	make_crate a one:12 two:1
	make_crate a-c ten:3
	make_crate b one:8 zero:5
	write_manifest
	cargo metadata --offline --format-version 1 >cargo.json
	cargo-nextest nextest list --offline --list-type binaries-only --message-format json \
		>binaries.json 2>/dev/null
}

setup() {
	command -v cargo-nextest >/dev/null || skip "cargo-nextest is not installed (cargo install cargo-nextest)"
	command -v python3 >/dev/null || skip "python3 is not installed (python3)"
	cd "$BATS_FILE_TMPDIR"
}

same() { # OPTION…
	cargo-nextest nextest list --cargo-metadata cargo.json --binaries-metadata binaries.json \
		-T oneline "$@" 2>/dev/null | sort >theirs
	xtest list "$@" | sort >ours
	diff theirs ours
}

compare() { # METHOD SHARDS OPTION…
	local method=$1 most=$2 n i

	shift 2
	for ((n = 1; n <= most; n++)); do
		for ((i = 1; i <= n; i++)); do
			same --partition "$method:$i/$n" "$@"
		done
		echo "$method:…/$n: the same"
	done
	[ -s ours ]
}

@test "slice and count pick the cases that cargo-nextest picks" {
	compare slice 8
	compare slice 3 --run-ignored all
	compare count 3
}

@test "expressions select the cases that cargo-nextest selects" {
	for expression in 'test(_1)' 'test(=test_1)' 'test(~t_1)' 'test(#test_?)' 'test(/_1\d?$/)' \
		'test(#*_[!0-6])' 'test(/^TEST_(3|4)$/) | test(/(?i)^TEST_(3|4)$/)' 'binary(one)' \
		'binary(~e)' 'binary(#t*)' 'binary_id(a::*)' 'binary_id(=b::one)' 'binary_id(/::one$/)' \
		'package(a)' 'package(a*)' 'package(#{a-c\,b})' 'kind(test)' 'kind(lib)' 'platform(target)' \
		'platform(host)' 'all()' 'none()' 'default()' 'group(@global)' 'deps(a)' 'rdeps(b)' \
		'package(a) & test(1) | binary(zero)' 'package(a) & (test(1) | binary(zero))' \
		'all() - package(a) - test(0)' 'not package(a) and not test(0)' '!(package(a) + test(\u{30}))'; do
		echo "$expression"
		same -E "$expression"
	done
	same -E 'package(a) & test(1)' -E 'binary(zero)'
	same -E 'test(2) + test(5)' --run-ignored only
	[ "$(wc -l <ours)" -gt 3 ]
	same -E 'package(a)' --partition slice:2/3
	[ -s ours ]
}
