#!/usr/bin/env bats
# Records of runs that were killed, and of very large ones.

load common

setup() {
	need jq jq
	dir=$BATS_TEST_TMPDIR/project
	mkdir "$dir"
	cd "$dir"
}

# A program with libtest's protocol and so many cases; each hundredth one, from the seventh on, fails.
many() { # CASES
	need gcc gcc
	cat >many.c <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		int main(int argc, char **argv)
		{
			int number = -1, list = 0;

			for (int i = 1; i < argc; i++) {
				list |= !strcmp(argv[i], "--list");
				if (!strcmp(argv[i], "--ignored"))
					return 0;
				if (!strncmp(argv[i], "case_", 5))
					number = atoi(argv[i] + 5);
			}
			for (int k = 0; list && k < CASES; k++)
				printf("case_%05d: test\n", k);
			if (!list)
				printf("this is %d\n", number);
			return !list && number % 100 == 7;
		}
	C
	gcc -O1 -DCASES="$1" -o many many.c
	echo '{"suites": [{"name": "many", "command": ["./many"], "binary": "many", "framework": "libtest"}]}' >xtest.json
}

# Final verdicts of a report of one suite: "CASE VERDICT", sorted.
results() { # FILE
	jq -r 'select(.event == "case-end" and .final) | .case + " " + .verdict' "$1" | LC_ALL=C sort
}

has_lines() { # NUMBER
	local lines

	lines=$(cat .xtest/runs/2*/events.jsonl 2>/dev/null | wc -l)
	[ "$lines" -ge "$1" ] || ! kill -0 "$pid" 2>/dev/null
}

@test "a run that was killed at any moment is told, and gone on from" {
	many 60
	xtest --report jsonl=../whole >../out 2>&1 || true
	results ../whole | cut -d ' ' -f 1 >../all
	[ "$(wc -l <../all)" -eq 60 ]
	seed=$RANDOM
	RANDOM=$seed
	for round in 1 2 3 4 5 6 7 8 9 10; do
		lines=$((RANDOM % 130))
		echo "round $round of seed $seed: killed after $lines lines"
		rm -rf .xtest/runs
		xtest -j 2 >../out 2>&1 &
		pid=$!
		# at lines 0 and 1 perhaps before it has begun
		try_until 3000 0.01 has_lines "$lines"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" || true
		killed=$(xtest runs -T json | jq -r '.[].run')
		[ -n "$killed" ] || continue
		run xtest replay --report jsonl=../killed
		if [ "$status" -ne 0 ]; then
			[[ $output == *"killed before it began"* ]]
			continue
		fi
		[ "$(tail -n 1 ../killed | jq -r .event)" = run-end ]
		run xtest --rerun "$killed" --report jsonl=../rest
		[[ $status = 0 || $status = 100 ]]
		# what passed is not run again, everything else is
		results ../killed | sed -n 's/ pass$//p' >../passed
		results ../rest | cut -d ' ' -f 1 >../again
		LC_ALL=C sort ../passed ../again | cmp - ../all
		run xtest merge -2 -1 --report jsonl=../merged
		[[ $(wc -l <../again) = 0 || $status = 100 ]]
		results ../merged | cut -d ' ' -f 1 | cmp - ../all
	done
}

@test "10,000 cases: every report says the same of each, and xtest stays small" {
	need python3 python3
	many 10000
	cat >../peak.py <<-'PY'
		import resource, subprocess, sys
		code = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
		open(sys.argv[1], "w").write("%d %d\n" % (code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
	PY
	run python3 ../peak.py ../run timeout 500 "$(command -v xtest)" --report jsonl=../a --report junit=../a.xml --report human=../a.txt
	read -r code kib <../run
	[ "$code" -eq 100 ]
	echo "peak of a run: $kib KiB"
	# a sanitizer's shadow is no memory of ours
	nm "$(command -v xtest)" | grep -q __asan_init || [ "$kib" -lt 61440 ]
	results ../a >../results
	[ "$(wc -l <../results)" -eq 10000 ]
	[ "$(grep -c ' fail$' ../results)" -eq 100 ]
	# JUnit: name and verdict of each
	python3 -c 'import sys, xml.etree.ElementTree as tree
[print(c.get("name"), "pass" if c.find("failure") is None else "fail") for c in tree.parse(sys.argv[1]).iter("testcase")]' \
		../a.xml >../junit
	LC_ALL=C sort ../junit | cmp - ../results
	grep -q '10000 tests run: 9900 passed, 100 failed' ../a.txt
	jq -es 'last | .finished == 10000 and .passed == 9900 and .failed == 100' ../a
	run python3 ../peak.py ../replay timeout 500 "$(command -v xtest)" replay --report jsonl=../b --report junit=../b.xml
	read -r code kib <../replay
	[ "$code" -eq 0 ]
	echo "peak of replay: $kib KiB"
	nm "$(command -v xtest)" | grep -q __asan_init || [ "$kib" -lt 61440 ]
	cmp ../a ../b
	cmp ../a.xml ../b.xml
}
