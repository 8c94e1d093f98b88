# Sourced by the tests with real projects; prints TAP. A project's file sets
#
#     source       Debian's name of the source package
#     native       a function: builds $1, a copy of the source, below $2 for this machine, runs the project's
#                  own runner, prints verdicts (see `verdicts`)
#     emulated     a function: the same, for aarch64, with "xtest exec" as the runner's emulator; what it built the
#                  last time is there
#     quick        a test that takes little time
#     packages     optional: a Debian package its tests need in a machine
#
# and calls real_project. What takes long is kept below the build directory: the source, the native verdicts, the
# tree in which xtest builds, and what is built for the emulated runner.
set -u
work=$top_builddir/real
here=$top_srcdir/tests/real
xtest=$top_builddir/xtest
scratch=$(mktemp -d) || exit 1
trap 'put_back; rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
points=0 tab=$(printf '\t')
# What make and Automake tell this test is not for the projects' own.
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL VERBOSE srcdir top_srcdir top_builddir

# point STATUS WORDS: one TAP point, and what $scratch/why holds when it failed.
point() {
	points=$((points + 1))
	if [ "$1" = 0 ]; then
		echo "ok $points - $2"
	else
		echo "not ok $points - $2"
		[ ! -s "$scratch/why" ] || tail -n 40 "$scratch/why" | sed 's/^/# /'
	fi
	: >"$scratch/why"
}

# skip_point WHAT: what could not be tested here, and why.
skip_point() {
	points=$((points + 1))
	echo "ok $points - ${1%%:*} # SKIP ${1#*: }"
	: >"$scratch/why"
}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 0
}

need() {
	while [ $# -ge 2 ]; do
		command -v "$1" >/dev/null || skip_all "$1 is missing: install $2"
		shift 2
	done
}

# compare TITLE EXPECTED ACTUAL: a point for each test of either file of verdicts.
compare() {
	join -t "$tab" -a 1 -a 2 -e 'no such test' -o 0,1.2,2.2 "$2" "$3" >"$scratch/joined"
	[ -s "$scratch/joined" ] || point 1 "$1: there are tests"
	while IFS=$tab read -r name expected actual; do
		printf '%s\n' "expected: $expected" "  actual: $actual" | sed 's/ | /\n     /g' >"$scratch/why"
		[ "$expected" = "$actual" ]
		point $? "$1: $name"
	done <"$scratch/joined"
	: >"$scratch/why"
}

# What a change anywhere in a source tree would change.
listing() {
	(
		cd "$1" || exit 1
		find . -mindepth 1 -path ./.xtest -prune -o -printf '%P %y %m %s %T@ %l\n'
		find . -path ./.xtest -prune -o -type f -print0 | xargs -0 sha256sum
	) | grep -v '^ *[^ ]* d ' | sort
}

# The native side, once: the project's own runner on this machine.
native_verdicts() {
	[ -s "$work/$source.native" ] && return 0
	rm -rf "$work/native/$source" && mkdir -p "$work/native/$source" || return 1
	cp -a "$work/src/$source" "$work/native/$source/src" || return 1
	(native "$work/native/$source/src" "$work/native/$source/build") 2>"$scratch/why" |
		sort >"$scratch/native"
	# two failures for one reason, of this machine or this script, would compare as equal
	grep -q "$tab" "$scratch/native" && ! grep "${tab}fail" "$scratch/native" >>"$scratch/why" || return 1
	mv "$scratch/native" "$work/$source.native"
}

put_back() {
	if [ -d "$work/away/$source" ] && [ ! -d "$work/tree/$source" ]; then
		mv "$work/away/$source" "$work/tree/$source"
	fi
}

# run_xtest TITLE ARGUMENT...: one run of xtest, compared test by test.
run_xtest() {
	title=$1
	shift
	xtest "$@" --report human --report jsonl="$scratch/events" >"$scratch/why" 2>&1
	point $? "$title: exit status"
	"$here/verdicts" xtest "$scratch/events" | rename | sort >"$scratch/xtest"
	compare "$title" "$work/$source.native" "$scratch/xtest"
}

# The names of xtest's tests as the project's runner would say them.
rename() {
	cat
}

# Seconds from the command to the first test's start. The best of three: other work on this machine is no fault.
second_run() {
	best=999999
	for attempt in 1 2 3; do
		began=$(date +%s%3N)
		xtest --target aarch64 -E "test(=$quick)" --report jsonl="$scratch/events" >"$scratch/why" 2>&1
		started=$(jq -s 'map(select(.event == "run-start").wall_clock_ms - .time_ms) +
			[map(select(.event == "case-start").time_ms)[0]] | add' "$scratch/events")
		took=$((started - began))
		[ "$took" -lt "$best" ] && best=$took
	done
	echo "first test of an unchanged project after $best ms" >>"$scratch/why"
	[ "$best" -lt 1000 ]
	point $? "nothing changed: the first test starts within a second"
	echo "# $source: first test of an unchanged project after $best ms"
}

archive_run() {
	archive=$scratch/$source.tar.zst
	xtest archive --target aarch64 --archive-file "$archive" >"$scratch/why" 2>&1
	point $? "archive: made"
	mkdir -p "$work/away" "$scratch/empty"
	cd "$scratch/empty" && mv "$work/tree/$source" "$work/away/$source" || return
	run_xtest "archive" run --archive-file "$archive"
	cd "$scratch" && put_back
	[ -z "$(ls -A "$scratch/empty")" ]
	point $? "archive: nothing is left in the folder it was run in"
}

emulated_run() {
	if [ ! -d "$work/emulated/$source/src" ]; then
		mkdir -p "$work/emulated/$source"
		cp -a "$work/src/$source" "$work/emulated/$source/src"
	fi
	(emulated "$work/emulated/$source/src" "$work/emulated/$source/build") 2>"$scratch/why" |
		sort >"$scratch/emulated"
	compare "xtest exec" "$work/$source.native" "$scratch/emulated"
}

# In a machine the same as natively.
system_run() {
	if ! command -v qemu-system-aarch64 >/dev/null; then
		skip_point "system: install qemu-system-arm"
	elif ! xtest image build aarch64 >"$scratch/why" 2>&1; then
		skip_point "system: $(tail -n 1 "$scratch/why")"
	else
		[ -z "${packages-}" ] || echo "{\"machine\": {\"packages\": [\"$packages\"]}}" >xtest.json
		run_xtest "system" --target aarch64 --on system
		[ -z "${packages-}" ] || rm -f xtest.json
	fi
}

# On a foreign board, for who asks for that: REAL_BOX names the folder of a box (tests/board/box), which is made there
# and left running.
board_run() {
	box=$here/../board/box
	[ -n "${REAL_BOX-}" ] || return
	if [ -n "${packages-}" ]; then
		skip_point "board: its tests need $packages, and the box has a shell and nothing else"
	elif ! "$box" start "$REAL_BOX" --memory 1024 --disk 1024 >"$scratch/why" 2>&1; then
		skip_point "board: $(tail -n 1 "$scratch/why")"
	else
		# (a board is not expected to be emulated, and gets no more time for it)
		run_xtest "board" --target aarch64 --timeout 10m --ssh-config "$REAL_BOX/config" --on "$("$box" address "$REAL_BOX")"
	fi
}

get_source() {
	need qemu-aarch64 qemu-user aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu jq jq python3 python3
	mkdir -p "$work/tree" "$work/away"
	"$here/fetch" "$work" "$source" >"$scratch/why" 2>&1 || skip_all "$(tail -n 1 "$scratch/why")"
	sed 's/^/# /' "$scratch/why"
	: >"$scratch/why"
}

real_project() {
	get_source
	put_back
	if ! native_verdicts; then
		point 1 "the project's own runner on this machine"
		echo "1..$points"
		exit 1
	fi
	if [ ! -d "$work/tree/$source" ]; then
		cp -a "$work/src/$source" "$work/tree/$source"
	fi
	listing "$work/src/$source" >"$scratch/before"
	cd "$work/tree/$source" || exit 1
	run_xtest "xtest" --target aarch64
	second_run
	system_run
	board_run
	listing . | diff "$scratch/before" - >"$scratch/why"
	point $? "nothing is changed outside .xtest"
	archive_run
	emulated_run
	echo "1..$points"
}
