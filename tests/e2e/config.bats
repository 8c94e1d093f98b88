#!/usr/bin/env bats
# What the configuration, the environment and the user's own file do, and who wins.

load common

setup() {
	need jq jq
	need make make
	dir=$BATS_TEST_TMPDIR/project
	make_project "$dir" <<-'MAKEFILE'
		TESTS = good other
		all:;
		check: $(TESTS); @for t in $(TESTS); do ./$$t; done
	MAKEFILE
	program "$dir/good" 'exit 0'
	program "$dir/other" 'exit 0'
	cd "$dir"
	export XTEST_USER_CONFIG=none
}

# "VALUE FROM" of a setting, files without their directories.
shown() { # KEY [ARGUMENT…]
	local key=$1

	shift
	xtest show-config -T json "$@" | jq -r --arg key "$key" \
		'[.[][]] | map(select(.key == $key))[0] | "\(.value) \(.from | sub("^.*/"; ""))"'
}

@test "command line, environment, profile, inherited profile, top level, own file, default" {
	printf '{"jobs": 7}\n' >../own.json
	[ "$(shown jobs)" = "the processors default" ]
	[ "$(shown jobs --user-config ../own.json)" = "7 own.json:1:10" ]
	printf '{"jobs": 2}\n' >xtest.json
	[ "$(shown jobs --user-config ../own.json)" = "2 xtest.json:1:10" ]
	printf '{"jobs": 2, "profiles": {\n"base": {"jobs": 3},\n"ci": {"inherits": "base"}}}\n' >xtest.json
	[ "$(shown jobs)" = "2 xtest.json:1:10" ]
	[ "$(shown jobs -P ci)" = "3 xtest.json:2:18" ]
	[ "$(XTEST_PROFILE=ci shown jobs)" = "3 xtest.json:2:18" ]
	[ "$(XTEST_PROFILE=ci shown profile)" = "ci XTEST_PROFILE" ]
	[ "$(XTEST_JOBS=4 shown jobs -P ci)" = "4 XTEST_JOBS" ]
	[ "$(XTEST_JOBS=4 shown jobs -P ci -j5)" = "5 --jobs" ]
}

@test "what holds for one case: the first override that matches" {
	cat >xtest.json <<-'JSON'
		{"retries": 1, "overrides": [
		  {"filter": "binary(good)", "timeout": "9s"},
		  {"filter": "binary(good)", "timeout": "8s", "retries": {"count": 2, "delay": "1s"}}],
		 "profiles": {"ci": {"overrides": [
		  {"filter": "binary(good)", "timeout": "3s"}]}}}
	JSON
	[ "$(shown timeout good)" = '{"period":"9s","terminate-after":1} xtest.json:2:41' ]
	[ "$(shown retries good)" = '{"count":2,"delay":"1s"} xtest.json:3:58' ]
	[ "$(shown retries other)" = '{"count":1} xtest.json:1:13' ]
	[ "$(shown timeout other)" = '10m, 40m emulated default' ]
	[ "$(shown timeout good -P ci)" = '{"period":"3s","terminate-after":1} xtest.json:5:41' ]
	run xtest show-config nothing-like-it
	[ "$status" = 4 ]
}

@test "the tests of every group" {
	cat >xtest.json <<-'JSON'
		{"test-groups": {"one": {"max-threads": 1}},
		 "overrides": [{"filter": "binary(good)", "test-group": "one"}]}
	JSON
	run xtest show-config test-groups -T json
	[ "$status" = 0 ]
	[ "$(jq -c 'map_values(map(sub(".* "; "")))' <<<"$output")" = '{"one":["project::good"],"@global":["project::other"]}' ]
}

@test "a wrong value in the environment is told with its variable" {
	XTEST_JOBS=many run xtest
	[ "$status" = 2 ]
	[[ $output == *"XTEST_JOBS"*"many"* ]]
	XTEST_FRESH=daily run xtest
	[ "$status" = 2 ]
	[[ $output == *"XTEST_FRESH"*"run, suite, case"* ]]
	XTEST_PROFILE=nosuch run xtest
	[ "$status" = 96 ]
	[[ $output == *"no profile 'nosuch'"* ]]
}

@test "--no-fail-fast on the command line is before XTEST_FAIL_FAST" {
	program good 'exit 1'
	XTEST_FAIL_FAST=true run xtest -j1
	[ "$status" = 100 ]
	[[ $output == *"1 test run"* || $output == *"not run"* ]]
	XTEST_FAIL_FAST=true run xtest -j1 --no-fail-fast
	[ "$status" = 100 ]
	[[ $output == *"2 tests run: 1 passed, 1 failed"* ]]
}

@test "the user's own file: colours, and where it is looked for" {
	mkdir -p ../home/.config/xtest ../xdg/xtest
	printf '{"color": "always"}\n' >../home/.config/xtest/config.json
	unset XTEST_USER_CONFIG XDG_CONFIG_HOME
	HOME=$PWD/../home run xtest good
	[[ $output == *$'\e['* ]]
	HOME=$PWD/../home run xtest good --color never
	[[ $output != *$'\e['* ]]
	HOME=$PWD/../home run xtest good --user-config none
	[[ $output != *$'\e['* ]]
	HOME=$PWD/../home XDG_CONFIG_HOME=$PWD/../xdg run xtest good
	[[ $output != *$'\e['* ]]
	printf '{\n "colour": "always"}\n' >../xdg/xtest/config.json
	XDG_CONFIG_HOME=$PWD/../xdg run xtest good
	[ "$status" = 96 ]
	[[ $output == *"xtest/config.json:2:2: unknown key 'colour'; did you mean 'color'?"* ]]
	run xtest good --user-config ../not-there.json
	[ "$status" = 96 ]
}

@test "the schemas accept what xtest accepts, and refuse what it refuses" {
	python3 -c 'import jsonschema' 2>/dev/null || skip "install python3-jsonschema"
	xtest help schema >../schema
	xtest help schema-user >../schema-user
	cat >../check.py <<-'PYTHON'
		import json, subprocess, sys
		import jsonschema
		def valid(schema, text):
		    try:
		        jsonschema.validate(json.loads(text), schema)
		        return True
		    except jsonschema.ValidationError:
		        return False
		schema = json.load(open("../schema"))
		user = json.load(open("../schema-user"))
		project = [
		    '{}', '{"jobs": 2}', '{"jobs": 0}', '{"jobs": "2"}', '{"jbos": 2}',
		    '{"xtest-version": "0.1"}', '{"xtest-version": {"recommended": "0.1"}}', '{"xtest-version": 1}',
		    '{"timeout": "1s"}', '{"timeout": 1}', '{"timeout": {"grace-period": "1s"}}',
		    '{"retries": 3}', '{"retries": "3"}', '{"retries": {"count": 1, "jitter": true}}',
		    '{"retries": {"count": 1, "backoff": "linear"}}',
		    '{"threads-required": "num-cpus"}', '{"threads-required": "all"}', '{"threads-required": 0}',
		    '{"test-groups": {"a": {"max-threads": 1}}, "test-group": "a"}', '{"test-groups": {"a": {}}}',
		    '{"overrides": [{"filter": "test(a)", "priority": 100}]}', '{"overrides": [{"priority": 101}]}',
		    '{"profiles": {"a": {"overrides": [{"leak-timeout": {"period": "1s", "result": "fail"}}]}}}',
		    '{"profiles": {"a": {"overridess": []}}}', '{"leak-timeout": {"result": "fail"}}',
		    '{"archive": {"include": [{"path": "a", "depth": "infinite"}]}}',
		    '{"archive": {"include": [{"path": "a", "depth": "deep"}]}}', '[]',
		]
		own = ['{}', '{"color": "never"}', '{"color": "blue"}', '{"jobs": 4, "progress": "none"}', '{"targets": []}']
		wrong = 0
		for text, where in [(t, "project") for t in project] + [(t, "own") for t in own]:
		    path = "xtest.json" if where == "project" else "../own.json"
		    if where == "own":
		        open("xtest.json", "w").write("{}")
		    open(path, "w").write(text)
		    args = ["xtest", "show-config"] + (["--user-config", path] if where == "own" else [])
		    accepted = subprocess.run(args, capture_output=True).returncode == 0
		    if accepted != valid(schema if where == "project" else user, text):
		        print(where, text, "xtest:", accepted)
		        wrong += 1
		sys.exit(wrong != 0)
	PYTHON
	python3 ../check.py
}
