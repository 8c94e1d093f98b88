#!/usr/bin/env bats
# The scripts that turn a bare clone into a build, on machines that are made of a few fake programs.

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	bin=$BATS_TEST_TMPDIR/bin
	mkdir -p "$tree/build-aux" "$tree/.ci" "$bin"
	cp "$top_srcdir/build-aux/setup" "$top_srcdir/build-aux/foreign-libs" "$top_srcdir/build-aux/debian-apt.sh" "$tree/build-aux/"
	cp "$top_srcdir/.ci/run" "$tree/.ci/"
}

fake() {
	printf '#!/bin/sh\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}

@test "without root and sudo setup prints the line to type and stops" {
	fake dpkg-query 'echo "ii  gcc"; echo "ii  make"; echo "rc  meson"'
	fake id 'echo 1000'
	fake sudo 'exit 1'
	fake apt-get 'echo must not be called; exit 1'
	PATH=$bin:$PATH run "$tree/build-aux/setup" demo </dev/null
	[ "$status" = 1 ]
	[[ $output == *"sudo apt-get install --no-install-recommends "* ]]
	[[ $output == *" gcc-aarch64-linux-gnu "* ]]
	[[ $output == *" meson "* ]] # removed, only its configuration is left
	[[ ${lines[1]} != *" make "* ]]
	[[ $output != *"must not be called"* ]]
}

@test "as root it installs what is missing, once" {
	fake dpkg-query "[ -e '$bin/done' ] || exit 1; shift 3; for p; do echo \"ii  \$p\"; done"
	fake id 'echo 0'
	fake apt-get "echo \"\$*\" >>'$bin/calls'; case \$* in *' install '*) : >'$bin/done' ;; esac"
	PATH=$bin:$PATH run "$tree/build-aux/setup" --packages-only demo
	[ "$status" = 0 ]
	grep -q ' update' "$bin/calls"
	grep -q ' install --no-install-recommends .*qemu-user' "$bin/calls"
	rm "$bin/calls"
	PATH=$bin:$PATH run "$tree/build-aux/setup" --packages-only demo
	[ "$status" = 0 ]
	[ ! -e "$bin/calls" ]
}

@test "the groups hold one another" {
	"$tree/build-aux/setup" --print demo | sort >"$bin/demo"
	"$tree/build-aux/setup" --print check | sort >"$bin/check"
	"$tree/build-aux/setup" --print ci | sort >"$bin/ci"
	[ -z "$(comm -23 "$bin/demo" "$bin/check")" ]
	[ -z "$(comm -23 "$bin/check" "$bin/ci")" ]
	[ -z "$(uniq -d "$bin/ci")" ]
}

@test "an architecture that cannot be fetched is named, and nothing half stays" {
	fake apt-get 'echo "E: no network here"; exit 100'
	PATH=$bin:$PATH run "$tree/build-aux/foreign-libs" "$tree/foreign" arm64
	[ "$status" = 1 ]
	[[ $output == *"no libzstd-dev nettle-dev for arm64: apt has no list of Debian's "* ]]
	[ -z "$(find "$tree/foreign" -mindepth 1 ! -name apt)" ]
}

# A tree whose `make check` writes the logs on standard input: NAME RESULT, then TAP, then a blank line.
ci_tree() {
	printf '#!/bin/sh\n' >"$tree/build-aux/setup"
	mkdir -p "$tree/build"
	cat >"$tree/build/logs"
	cat >"$tree/write-logs" <<-'END'
		awk 'BEGIN { RS = "" }
			{ split($1, n, ","); sub(/^[^\n]*\n/, "")
			print ":global-test-result: " n[2] >("build/" n[1] ".trs")
			print >("build/" n[1] ".log") }' build/logs
		! grep -q ',FAIL\|,ERROR' build/logs
	END
	printf 'check: ; @sh write-logs\ndistcheck: ; @:\n' >"$tree/Makefile"
	: >"$tree/build/Makefile"
}

@test "the last line of .ci/run counts points, and distcheck as one" {
	ci_tree <<-'END'
		a,PASS
		1..3
		ok 1 - one
		ok 2 - two # SKIP needs qemu-user
		not ok 3 - three # TODO later

		b,SKIP
		1..0 # SKIP nothing to run

		c,PASS
		ok 1 - outer
		    ok 1 - a part
		1..1
	END
	run "$tree/.ci/run"
	[ "$status" = 0 ]
	[ "${lines[-1]}" = "3 passed, 0 failed, 3 skipped" ]
}

@test "a failed point, and a program that died without one, fail .ci/run" {
	ci_tree <<-'END'
		a,FAIL
		ok 1 - one
		not ok 2 - two
		1..2

		b,ERROR
		ok 1 - one
	END
	run "$tree/.ci/run"
	[ "$status" != 0 ]
	[ "${lines[-1]}" = "3 passed, 2 failed, 0 skipped" ]
}

@test "what fails once and then passes is counted as passed, and named by .ci/run" {
	ci_tree <<-'END'
		a,FAIL
		ok 1 - one
		not ok 2 - two, for once
		1..2
	END
	: >"$tree/a.bats"
	cat >"$tree/build/Makefile" <<-'END'
		check-TESTS: ; @echo "$(TESTS)" >asked; printf 'ok 1 - one\nok 2 - two\n1..2\n' >a.log; echo ':global-test-result: PASS' >a.trs
	END
	run "$tree/.ci/run"
	[ "$status" = 0 ]
	[ "$(cat "$tree/build/asked")" = a.bats ]
	[[ $output == *"failed, and passed when it ran again: a.bats"*"not ok 2 - two, for once"* ]]
	[ "${lines[-1]}" = "3 passed, 0 failed, 0 skipped" ]
}
