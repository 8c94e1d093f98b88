#!/usr/bin/env bats
# --user: root builds, somebody without privileges runs the tests.

load common
bats_require_minimum_version 1.5.0

setup() {
	[ "$(id -u)" = 0 ] || skip "only root can run tests as another user"
	# Below a directory everybody may enter.
	bed=$(mktemp -d /tmp/xtest-user.XXXXXX)
	chmod 755 "$bed"
	mkdir "$bed/project"
	cd "$bed/project"
	cat >xtest.json <<-'JSON'
		{
			"build-commands": [["sh", "-c", "echo built >here"]],
			"suites": [
				{"name": "is-nobody", "command": ["sh", "-c", "test \"$(id -un)\" = nobody && test \"$USER\" = nobody"]},
				{"name": "writes", "command": ["sh", "-c", "echo >\"$XTEST_TMPDIR/x\" && echo again >>here"]}
			]
		}
	JSON
}

teardown() {
	cd /
	rm -rf "$bed"
}

@test "tests run as the user, who may write where they were built" {
	xtest --user nobody
	xtest --user nobody
}

@test "without --user they run as root" {
	run -100 xtest is-nobody
}

@test "an unknown user is told" {
	run -96 xtest --user nosuchuser
	[[ $output == *"there is no such user"* ]]
}
