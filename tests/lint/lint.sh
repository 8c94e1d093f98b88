# For the scripts of this directory: rules as TAP points. A rule is a command that prints what breaks it.
set -u
export LC_ALL=C
cd "$top_srcdir" || exit 99
count=0

# check NAME FINDINGS: passes when there are none.
check() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		echo "$2" | sed 's/^/#   /'
	fi
}

skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

finish() {
	echo "1..$count"
}

# both FILE FILE WORDS WORDS: lines that are in one of two sorted files only, with the words that say so.
both() {
	comm -23 "$1" "$2" | sed "s|\$| $3|"
	comm -13 "$1" "$2" | sed "s|\$| $4|"
}
