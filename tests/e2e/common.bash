# What the end-to-end tests share. A project is a copy in the test's own directory, called "fates" or
# "demo" there, so that names of packages are the same everywhere.

# What automake tells its tests is not for the tests of those projects.
unset srcdir

# What a time limit ends is looked at by no debugger here, unless a test asks for it.
export XTEST_TIMEOUT_HOOK=none

# Skips the test when a program is missing, naming its Debian package.
need() { # PROGRAM PACKAGE
	command -v "$1" >/dev/null || skip "install $2"
}

need_aarch64() {
	need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
	need qemu-aarch64 qemu-user
}

need_adapter() { # ADAPTER
	case $1 in
	cmake) need cmake cmake ;;
	meson) need meson meson && need ninja ninja-build ;;
	autotools) need automake automake && need make make ;;
	make) need make make ;;
	esac
}

# A copy of the project with every fate, for one build system, in DIR/fates.
fates_copy() { # ADAPTER DIR
	mkdir -p "$2/fates"
	cp -R "$top_srcdir/tests/fixtures/fates/src/." "$top_srcdir/tests/fixtures/fates/$1/." "$2/fates"
	chmod -R u+w "$2/fates"
}

# A project of one's own from standard input: the text of a Makefile, recipes behind a semicolon. Programs
# are scripts there, so that nothing is compiled.
make_project() { # DIR
	mkdir -p "$1"
	cat >"$1/Makefile"
}

program() { # FILE TEXT
	printf '#!/bin/sh\n%s\n' "$2" >"$1"
	chmod +x "$1"
}

# "name verdict" of every test in a JSON report, sorted.
verdicts() { # FILE
	jq -r 'select(.event == "case-end" and .final) | (.suite | sub(".*::"; "")) + " " + .verdict' "$1" | LC_ALL=C sort
}

# What has to stand there.
expected_verdicts() { # ADAPTER
	awk -v adapter="$1" -v root="$([ "$(id -u)" = 0 ] && echo fail)" '
		/^#/ || !NF { next }
		NF > 2 && !index("," $3 ",", "," adapter ",") { next }
		$1 == "refuses-root" && root { $2 = root }
		{ print $1, $2 }' "$top_srcdir/tests/fixtures/fates/expected.txt" | LC_ALL=C sort
}

# The events of the cases without what differs from run to run and from place to place: times, numbers of
# processes, memory, slots, columns, the folder of the build.
events() { # FILE
	jq -cS 'select(.event == "case-end" and .final or .event == "case-start" and .attempt == 1 or
			.event == "case-slow") |
		del(.attempt, .attempts, .started_ms, .time_ms, .elapsed_ms, .wall_us, .user_us, .sys_us, .max_rss_kib, .slot, .column, .platform,
			.index, .board)' "$1" |
		sed -E 's/(x86_64|aarch64)-linux-gnu/TRIPLE/g; s/\([0-9]+\)/(PID)/g' | LC_ALL=C sort
}

# Processes whose environment has the word: everything a run started, whatever became of it.
alive() { # WORD
	grep -lsaF "$1" /proc/[0-9]*/environ | sed 's|/environ||' | while read -r dir; do
		grep -qs '^State:.[ZX]' "$dir/status" || basename "$dir"
	done
}

# Waits until the command holds.
try_until() { # TIMES PAUSE COMMAND…
	local i times=$1 pause=$2

	shift 2
	for ((i = 0; i < times; i++)); do
		"$@" && return
		sleep "$pause"
	done
	echo "never: $*"
	return 1
}

eventually() { # COMMAND…: ten seconds at most
	try_until 100 0.1 "$@"
}

long_eventually() { # COMMAND…: a machine may have to boot first, on a host that is busy
	try_until 600 0.5 "$@"
}

nobody_alive() { # WORD
	[ -z "$(alive "$1")" ]
}
