#!/usr/bin/env bats
# The filterset language is that of cargo-nextest: where that program is present, it is given every
# expression of the corpus, and has to accept what xtest accepts and refuse what xtest refuses.
# (tests/unit/filter-corpus.c holds xtest to the corpus.) Left out: predicates of our own, and what
# the corpus marks as different. That a name matches nothing is not about the language.

# The expressions of a corpus file that stand in this context ("> ", "override> ", …), each ended by
# a NUL, as bats makes a loop over the lines slow.
read_corpus() { # FILE MARK
	awk -v mark="$2" '
		function finish() {
			if (wanted && !different && expression !~ /(tag|target|place|framework)\(/)
				printf "%s%c", expression, 0
			different = wanted = 0
		}
		state == "" && /^# differs from cargo-nextest/ { different = 1; next }
		state == "" && /^#/ { next }
		state == "" && $0 != "" {
			state = "expression"
			wanted = index($0, mark) == 1
			expression = substr($0, index($0, "> ") + 2)
			next
		}
		state == "expression" && /^\| / { expression = expression "\n" substr($0, 3); next }
		state == "expression" { state = "answer"; finish() }
		$0 == "" { state = "" }' "$1"
}

# One process answers for all: it tells every fault of every -E, in their order. Between them stand
# expressions with a fault that is known, so that each fault is seen to belong to what it follows.
compare() { # FILE VERDICT
	local arguments=() expressions answers wrong=0 i

	mapfile -d '' expressions < <(read_corpus "$1" "> ")
	for i in "${!expressions[@]}"; do
		arguments+=(-E "${expressions[i]}" -E "package(=end-of-$i)")
	done
	cargo-nextest nextest list --offline --color never "${arguments[@]}" >list.log 2>&1 || true
	awk '/^  error:/ && !/didn.t match/ { refused = 1 }
		/ 1 │ package\(=end-of-[0-9]+\)$/ {
			print refused ? "refused" : "accepted"
			refused = 0
		}' list.log >answers
	mapfile -t answers <answers
	[ "${#expressions[@]}" -gt 150 ] && [ "${#answers[@]}" -eq "${#expressions[@]}" ]
	for i in "${!expressions[@]}"; do
		[ "${answers[i]}" = "$2" ] && continue
		echo "not $2: ${expressions[i]}"
		wrong=$((wrong + 1))
	done
	[ "$wrong" -eq 0 ]
}

# The few expressions of another context: a process each.
compare_context() { # MARK KIND
	local file verdict expressions expression answer got

	for verdict in accepted refused; do
		file=valid.txt
		[ $verdict = accepted ] || file=invalid.txt
		mapfile -d '' expressions < <(read_corpus "$golden/$file" "$1")
		[ "${#expressions[@]}" -gt 0 ]
		for expression in "${expressions[@]}"; do
			got=accepted
			answer=$(cargo-nextest nextest debug parse-filterset --kind "$2" --color never \
				--no-pager -- "$expression" 2>&1) ||
				! grep 'error:' <<<"$answer" | grep -qvE "didn't match|failed to parse" ||
				got=refused
			echo "$2: $expression"
			[ $got = $verdict ]
		done
	done
}

setup() {
	golden=$BATS_TEST_DIRNAME/../golden/filter
	command -v cargo-nextest >/dev/null || skip "cargo-nextest is not installed (cargo install cargo-nextest)"
	cd "$BATS_TEST_TMPDIR"
	mkdir src && : >src/lib.rs
	printf '[package]\nname = "scratch"\nversion = "0.1.0"\nedition = "2021"\n' >Cargo.toml
}

@test "cargo-nextest accepts what is accepted here" {
	compare "$golden/valid.txt" accepted
}

@test "cargo-nextest refuses what is refused here" {
	compare "$golden/invalid.txt" refused
}

@test "cargo-nextest allows the same predicates in overrides, archives and the default filter" {
	compare_context "override> " override-filter
	compare_context "archive> " archive-filter
	compare_context "default> " default-filter
}
