#!/usr/bin/env bats
# The completions, in the shells they are for.

setup() {
	file=$BATS_TEST_TMPDIR/completion
	export HOME=$BATS_TEST_TMPDIR XDG_CACHE_HOME=$BATS_TEST_TMPDIR
}

# Prints what bash offers for the last of the words.
complete_bash() {
	"$top_builddir/xtest" debug completions bash >"$file"
	bash --norc -c '
		compopt() { :; } # works only while readline completes
		source "$1" && shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_xtest
		printf "%s\n" "${COMPREPLY[@]}"' - "$file" "$@" | sort | paste -sd ' '
}

@test "bash: verbs, options, choices, targets" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p sub && : >some.file
	[ "$(complete_bash xtest ta)" = target ]
	[ "$(complete_bash xtest --no-)" = "--no-capture --no-default-features --no-fail-fast --no-input-handler --no-record --no-run --no-snapshots --no-tests" ]
	[ "$(complete_bash xtest list --list)" = "--list-timeout --list-type" ]
	[ "$(complete_bash xtest --target a)" = "aarch64 armv7" ]
	[ "$(complete_bash xtest -t ri)" = riscv64 ]
	[ "$(complete_bash xtest list -T js)" = "json json-pretty" ]
	[ "$(complete_bash xtest --color = al)" = always ]
	[ "$(complete_bash xtest --color =)" = "always auto never" ]
	[ "$(complete_bash xtest target sh)" = show ]
	[ "$(complete_bash xtest help exit)" = exit-codes ]
	[ "$(complete_bash xtest --extract-to s)" = sub ]
	[ "$(complete_bash xtest run --archive-file s)" = "some.file sub" ]
	[ "$(complete_bash xtest -- --no)" = "" ]
}

@test "bash: every option of the help, for every verb" {
	for verb in run list target archive exec; do
		"$top_builddir/xtest" help $verb | sed -n 's/^  ....\(--[a-z-]*\).*/\1/p' >"$BATS_TEST_TMPDIR/help"
		[ -s "$BATS_TEST_TMPDIR/help" ]
		echo --help >>"$BATS_TEST_TMPDIR/help"
		[ "$(complete_bash xtest $verb --)" = "$(sort "$BATS_TEST_TMPDIR/help" | paste -sd ' ')" ]
	done
}

@test "bash: a key press in an interactive shell" {
	command -v script || skip "install bsdutils"
	"$top_builddir/xtest" debug completions bash >"$file"
	printf '%s\n' 'PS1=' 'bind "set enable-bracketed-paste off"' 'xtest() { echo "typed: $*"; }' "source $file" >"$BATS_TEST_TMPDIR/rc"
	printf 'xtest --target aar\t\nexit\n' |
		script -qec "bash --noprofile --rcfile $BATS_TEST_TMPDIR/rc -i" /dev/null | tr -d '\r' >"$BATS_TEST_TMPDIR/out"
	cat -v "$BATS_TEST_TMPDIR/out"
	grep -q '^typed: --target aarch64$' "$BATS_TEST_TMPDIR/out"
}

@test "fish" {
	command -v fish || skip "install fish"
	"$top_builddir/xtest" debug completions fish >"$file"
	[ "$(fish --no-config -c "source $file; complete -C 'xtest --target aa'" | cut -f 1)" = aarch64 ]
	fish --no-config -c "source $file; complete -C 'xtest list --list'" | grep -q '^--list-type'
	fish --no-config -c "source $file; complete -C 'xtest ta'" | grep -q '^target'
}

@test "zsh" {
	command -v zsh || skip "install zsh"
	mkdir "$BATS_TEST_TMPDIR/functions"
	"$top_builddir/xtest" debug completions zsh >"$BATS_TEST_TMPDIR/functions/_xtest"
	zsh -f -n "$BATS_TEST_TMPDIR/functions/_xtest"
	printf '%s\n' 'zmodload zsh/zpty' 'zpty z zsh -f -i' \
		"zpty -w z 'PS1=; fpath=($BATS_TEST_TMPDIR/functions \$fpath); autoload -Uz compinit; compinit -u -D'" \
		"zpty -w z 'xtest() { echo typed: \$* }'" \
		"zpty -w -n z \$'xtest --target aarc\\t\\n'" \
		"zpty -w z exit" \
		"zpty -r z all '*never-printed*'; print -r -- \$all" >"$BATS_TEST_TMPDIR/drive"
	zsh -f "$BATS_TEST_TMPDIR/drive" | tr -d '\r' >"$BATS_TEST_TMPDIR/out"
	cat -v "$BATS_TEST_TMPDIR/out"
	grep -q 'typed: --target[= ]aarch64' "$BATS_TEST_TMPDIR/out"
}
