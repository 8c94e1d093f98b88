#!/usr/bin/env bats
# Tests in a machine of their own architecture: the same verdicts as under the user-mode emulator, from a project and
# from an archive; what is there and what is not; what is refused.

load common

# States of machines that nobody will ask for again go with the test.
setup_file() {
	if command -v qemu-system-aarch64 >/dev/null && xtest image build aarch64 >"$BATS_FILE_TMPDIR/image" 2>&1; then
		mkdir "$BATS_FILE_TMPDIR/cache"
		ln -s "$(realpath "${XTEST_CACHE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/xtest}/images")" \
			"$BATS_FILE_TMPDIR/cache/images"
	fi
	export XTEST_CACHE_DIR=$BATS_FILE_TMPDIR/cache
}

need_system() {
	need_aarch64
	need qemu-system-aarch64 qemu-system-arm
	need jq jq
	[ -d "$XTEST_CACHE_DIR" ] || skip "no image of a machine: $(tail -n 1 "$BATS_FILE_TMPDIR/image")"
}

# A project of shell commands: NAME COMMAND, a line each.
commands_project() { # DIR
	mkdir -p "$1"
	jq -R -s '{adapter: "manifest", suites: [split("\n")[] | select(. != "") |
		{name: sub(" .*"; ""), command: sub("^[^ ]* "; ""), platform: "target"}]}' >"$1/xtest.json"
	cd "$1"
}

# What a test printed.
output_of() { # FILE NAME
	jq -r --arg name "$2" 'select(.event == "case-end" and (.suite | endswith("::" + $name))) | .stdout' "$1"
}

# A JUnit report without times and places.
junit_lines() { # FILE
	xmllint --noout "$1"
	sed -E 's/ (time|timestamp)="[^"]*"//g; s/<property name="(place[^"]*|emulator|kernel)" value="[^"]*"\/>//g' "$1"
}

@test "the sample project: both columns have the same verdicts" {
	need_system
	need_adapter meson
	need xmllint libxml2-utils
	cp -R "$top_srcdir/tests/fixtures/demo" "$BATS_TEST_TMPDIR/demo"
	chmod -R u+w "$BATS_TEST_TMPDIR/demo"
	cd "$BATS_TEST_TMPDIR/demo"
	xtest --target aarch64 --on user,system --report jsonl=../a.jsonl --report human=../a.out
	jq -es 'any(.[]; .event == "step-line" and .line == "its kernel boots")' ../a.jsonl
	grep -q 'Placed aarch64@system in qemu-system-aarch64 .*, Linux 6\..*, [0-9]* CPUs\?, booted in ' ../a.out
	[ "$(verdicts ../a.jsonl | sort | uniq -c | awk '{ print $1 }' | sort -u)" = $'1\n2' ]
	# What was saved is gone on from.
	xtest --target aarch64 --on system --report jsonl=../b.jsonl --report human=../b.out --report junit=../b.xml
	grep -q 'Placed aarch64 in .*, restored in ' ../b.out
	xtest --target aarch64 --on system --no-snapshots --report jsonl=../c.jsonl --report human=../c.out
	grep -q 'Placed aarch64 in .*, booted in ' ../c.out
	[ "$(verdicts ../b.jsonl)" = "$(verdicts ../c.jsonl)" ]
	# But for times and the place the reports are those of user mode.
	xtest --target aarch64 --on user --report jsonl=../u.jsonl --report junit=../u.xml
	diff <(events ../u.jsonl) <(events ../b.jsonl)
	diff <(junit_lines ../u.xml) <(junit_lines ../b.xml)
}

@test "every fate has the verdict and the events it has in user mode" {
	local place

	need_system
	need_adapter cmake
	fates_copy cmake "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/fates"
	for place in user system; do
		status=0
		xtest --adapter cmake --target aarch64 --on "$place" --report "jsonl=../$place.jsonl" \
			>"../$place.out" 2>&1 || status=$?
		[ "$status" = 107 ]
		verdicts "../$place.jsonl" >"../$place.verdicts"
		events "../$place.jsonl" >"../$place.events"
	done
	expected_verdicts cmake | diff - ../system.verdicts
	diff ../user.events ../system.events
}

@test "an archive, with everything it was made of moved away" {
	need_system
	need_adapter cmake
	fates_copy cmake "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR/fates"
	xtest archive --adapter cmake --target aarch64 --archive-file ../fates.tar.zst
	mv ../fates ../away
	mkdir ../elsewhere
	cd ../elsewhere
	status=0
	xtest --archive-file ../fates.tar.zst --on system --timeout 20s --report jsonl=../a.jsonl || status=$?
	[ "$status" = 107 ]
	expected_verdicts cmake | diff - <(verdicts ../a.jsonl)
}

@test "a machine has nothing of this one, and what a test may expect" {
	need_system
	export SECRET_OF_THIS_MACHINE=1 LD_LIBRARY_PATH=/nowhere DISPLAY=:9 TZ=Asia/Tokyo
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		environment env
		machine uname -m; id -u; hostname; pwd; cat /proc/1/comm; ls -d /dev/null /dev/shm /tmp /proc/self /sys/kernel
		time date +%s
		random head -c 16 /dev/urandom | od -An -tx1
		writes echo x >here && cat here && test ! -e /etc/debian_version
	END
	xtest --target aarch64 --on system --report jsonl=../a.jsonl
	! output_of ../a.jsonl environment | grep -E 'SECRET|LD_LIBRARY|DISPLAY|TZ=|/nowhere'
	output_of ../a.jsonl environment | grep -qx 'HOME=/root'
	[ "$(output_of ../a.jsonl machine | head -n 3)" = $'aarch64\n0\nxtest' ]
	[ "$(output_of ../a.jsonl writes)" = x ]
	[ ! -e here ]
	# Restored: the right time, and other random numbers.
	before=$(date +%s)
	xtest --target aarch64 --on system --report jsonl=../b.jsonl
	after=$(date +%s)
	there=$(output_of ../b.jsonl time)
	[ "$there" -ge $((before - 1)) ]
	[ "$there" -le $((after + 1)) ]
	[ "$(output_of ../a.jsonl random)" != "$(output_of ../b.jsonl random)" ]
}

@test "a case that ends its machine is a crash, and the others have their verdicts" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		first true
		panics echo dying; echo c >/proc/sysrq-trigger; sleep 60
		reboots reboot -f; sleep 60
		second true
		third true
	END
	status=0
	xtest --target aarch64 --on system -j1 --report jsonl=../a.jsonl || status=$?
	[ "$status" = 100 ]
	[ "$(verdicts ../a.jsonl)" = $'first pass\npanics crash\nreboots crash\nsecond pass\nthird pass' ]
	jq -es 'any(.[]; .event == "case-end" and .suite == "p::panics" and
		(.console | contains("Kernel panic")))' ../a.jsonl
}

@test "a pristine machine for each case" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		removes rm -rf /bin /usr /etc /lib; true
		clock date -s 1999-01-01
		sees test "$(date +%Y)" -gt 2020 && ls /bin /etc >/dev/null
		also test "$(date +%Y)" -gt 2020 && ls /bin /etc >/dev/null
	END
	jq '.fresh = "case"' xtest.json >x && mv x xtest.json
	OWN_MARK=$PWD xtest --target aarch64 --on system --report jsonl=../a.jsonl
	[ "$(verdicts ../a.jsonl)" = $'also pass\nclock pass\nremoves pass\nsees pass' ]
	nobody_alive "OWN_MARK=$PWD"
}

@test "what does not fit is refused before anything boots" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		one true
	END
	head -c 50000000 /dev/urandom >big
	jq '.suites[0].files = ["big"]' xtest.json >x && mv x xtest.json
	status=0
	xtest --target aarch64 --on system --memory 64 >../out 2>&1 || status=$?
	[ "$status" = 96 ]
	grep -q 'needs [0-9]* MiB of memory and not 64; give --memory [0-9]*$' ../out
	! grep -q Placed ../out
	need_mib=$(sed -n 's/.*give --memory \([0-9]*\)$/\1/p' ../out)
	xtest --target aarch64 --on system --memory "$need_mib"
	status=0
	xtest --target aarch64 --on system --memory 100000000 >../out 2>&1 || status=$?
	[ "$status" = 96 ]
	grep -q 'this one has [0-9]* MiB to give' ../out
}

@test "a machine is what the configuration and the command line say" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		looks nproc; cat /proc/cmdline; grep MemTotal /proc/meminfo
	END
	jq '.machine = {cpus: 1, memory: 384, "command-line": "xtest.word=1"}' xtest.json >x && mv x xtest.json
	xtest --target aarch64 --on system --report jsonl=../a.jsonl
	output_of ../a.jsonl looks | head -n 1 | grep -qx 1
	output_of ../a.jsonl looks | grep -q ' xtest.word=1'
	mib=$(output_of ../a.jsonl looks | awk '/MemTotal/ { print int($2 / 1024) }')
	[ "$mib" -gt 320 ] && [ "$mib" -lt 384 ]
	# The command line outranks the configuration.
	xtest --target aarch64 --on system --cpus 2 --memory 512 --report jsonl=../b.jsonl
	output_of ../b.jsonl looks | head -n 1 | grep -qx 2
	mib=$(output_of ../b.jsonl looks | awk '/MemTotal/ { print int($2 / 1024) }')
	[ "$mib" -gt 420 ] && [ "$mib" -lt 512 ]
	status=0
	xtest --target aarch64 --on system --kernel /not/there >../out 2>&1 || status=$?
	[ "$status" = 96 ]
	grep -q /not/there ../out
	status=0
	xtest --target aarch64 --on system --user somebody >../out 2>&1 || status=$?
	[ "$status" = 96 ]
	grep -q 'knows the users root and nobody' ../out
}

@test "tests run as nobody where that is asked for" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		who id -u; echo $HOME; touch "$XTEST_TMPDIR/own"
	END
	xtest --target aarch64 --on system --user nobody --report jsonl=../a.jsonl
	[ "$(output_of ../a.jsonl who)" = $'65534\n/' ]
}

@test "an interrupt leaves no machine" {
	need_system
	commands_project "$BATS_TEST_TMPDIR/p" <<-'END'
		sleeps sleep 100
	END
	OWN_MARK=$PWD xtest --target aarch64 --on system >../out 2>&1 &
	long_eventually grep -q Running ../out
	! nobody_alive "OWN_MARK=$PWD"
	sleep 1
	kill -TERM $!
	status=0
	wait $! || status=$?
	[ "$status" = 100 ]
	nobody_alive "OWN_MARK=$PWD"
}
