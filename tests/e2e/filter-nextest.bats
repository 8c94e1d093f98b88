#!/usr/bin/env bats
# The filterset language is that of cargo-nextest: where that program is present, it is given every
# expression of the corpus, and has to accept what xtest accepts and refuse what xtest refuses.
# (tests/unit/filter-corpus.c holds xtest to the corpus.) Left out: predicates of our own, and what
# the corpus marks as different. That a name matches nothing is not about the language.

# Prints "accepted" or "refused", and the expression.
ask() {
	local answer

	if answer=$(cargo-nextest nextest debug parse-filterset --kind test --color never \
		--no-pager -- "$1" 2>&1) ||
		! grep 'error:' <<<"$answer" | grep -qvE "didn't match|failed to parse"; then
		echo accepted
	else
		echo refused
	fi
}

compare() { # FILE VERDICT
	local line expression= different= wrong=0 count=0 state=between

	while IFS= read -r line; do
		case $state:$line in
		"between:# differs from cargo-nextest"*) different=yes ;;
		"between:> "*) state=expression expression=${line#> } ;;
		"expression:| "*) expression+=$'\n'${line#| } ;;
		expression:*)
			state=answer
			case $expression in
			*tag\(* | *target\(* | *place\(* | *framework\(*) different=yes ;;
			esac
			if [ -z "$different" ]; then
				count=$((count + 1))
				if [ "$(ask "$expression")" != "$2" ]; then
					echo "not $2: $expression"
					wrong=$((wrong + 1))
				fi
			fi
			different=
			;;
		*:) state=between ;;
		esac
	done <"$1"
	echo "$count compared, $wrong differ"
	[ "$count" -gt 100 ] && [ "$wrong" -eq 0 ]
}

setup() {
	command -v cargo-nextest >/dev/null || skip "cargo-nextest is not installed (cargo install cargo-nextest)"
	cd "$BATS_TEST_TMPDIR"
	mkdir src && : >src/lib.rs
	printf '[package]\nname = "scratch"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
}

@test "cargo-nextest accepts what is accepted here" {
	compare "$BATS_TEST_DIRNAME/../golden/filter/valid.txt" accepted
}

@test "cargo-nextest refuses what is refused here" {
	compare "$BATS_TEST_DIRNAME/../golden/filter/invalid.txt" refused
}
