#!/usr/bin/env bats
# `xtest image`: packages made here by hand for most of it, and the real ones of one architecture where there
# is an apt with a network.

load common
bats_require_minimum_version 1.5.0

xtest() {
	"$top_builddir/xtest" "$@"
}

setup() {
	export XTEST_CACHE_DIR=$BATS_TEST_TMPDIR/cache
	xtest target show aarch64 | grep -q '^  runner  *-$' && skip "install gcc-aarch64-linux-gnu and build again"
	debs=$BATS_TEST_TMPDIR/debs
}

# package NAME VERSION DEPENDS: a .deb of the folder NAME
package() {
	(
		cd "$BATS_TEST_TMPDIR"
		mkdir -p control debs
		printf 'Package: %s\nVersion: %s\nArchitecture: arm64\nDepends: %s\n' "$@" >control/control
		tar -C control -cJf control.tar.xz ./control
		tar -C "$1" -cJf data.tar.xz .
		echo 2.0 >debian-binary
		ar qc "debs/$1_$2_arm64.deb" debian-binary control.tar.xz data.tar.xz
	)
}

# What the recipe of aarch64 wants, with a kernel that has all modules built in.
make_debs() {
	need ar binutils
	need xz xz-utils
	local release=9.9-cloud-arm64 kernel=$BATS_TEST_TMPDIR/linux-image-9.9-cloud-arm64

	mkdir -p "$kernel/boot" "$kernel/lib/modules/$release" "$BATS_TEST_TMPDIR"/{busybox-static,bash-static}/bin
	echo kernel >"$kernel/boot/vmlinuz-$release"
	printf 'kernel/%s.ko\n' virtio virtio_ring virtio_mmio virtio_console >"$kernel/lib/modules/$release/modules.builtin"
	echo busybox >"$BATS_TEST_TMPDIR/busybox-static/bin/busybox"
	echo bash >"$BATS_TEST_TMPDIR/bash-static/bin/bash-static"
	package linux-image-9.9-cloud-arm64 9.9 ''
	package busybox-static 1 ''
	package bash-static 1 ''
}

@test "list and show tell every recipe without building" {
	run xtest image list
	[ "$status" = 0 ]
	for name in aarch64 armv7 i686 mips64el ppc64le riscv64 s390x x86_64; do
		grep -Eq "^$name +- +linux-image-" <<<"$output"
	done
	run xtest image show arm64
	[ "$status" = 0 ]
	[[ ${lines[0]} == "aarch64: "* ]]
	grep -q 'linux-image-cloud-arm64' <<<"$output"
}

@test "wrong words and targets are told the nearest" {
	run xtest image biuld
	[ "$status" = 2 ]
	[[ $output == *"nearest: build"* ]]
	run xtest image build arch64
	[ "$status" = 96 ]
	[[ $output == *'did you mean "aarch64"'* ]]
	run xtest image remove nothing
	[ "$status" = 96 ]
}

@test "an image of a folder of packages: built once, then there" {
	make_debs
	run --separate-stderr xtest image build --deb-dir "$debs" aarch64
	[ "$status" = 0 ]
	[ -s "$output/kernel" ] && [ -s "$output/initramfs" ] && [ -s "$output/image.json" ]
	[[ $stderr == *"Built image aarch64, kernel 9.9-cloud-arm64"* ]]
	first=$output
	run --separate-stderr xtest image build --deb-dir "$debs" aarch64
	[ "$status" = 0 ]
	[ "$output" = "$first" ]
	[ -z "$stderr" ]
	run xtest image key --explain --deb-dir "$debs" aarch64
	[ "${lines[0]}" = "${first##*/}" ]
	grep -q "^  package .*busybox-static 1$" <<<"$output"
	run xtest image list
	grep -Eq '^aarch64 .* 9\.9-cloud-arm64 ' <<<"$output"
	run xtest image remove "${first##*/}"
	[ "$status" = 0 ]
	[ ! -e "$first" ]
}

@test "what goes into the machine is where it is looked for" {
	need cpio cpio
	make_debs
	dir=$(xtest image build --deb-dir "$debs" aarch64)
	mkdir "$BATS_TEST_TMPDIR/root"
	(cd "$BATS_TEST_TMPDIR/root" && cpio -id --quiet --no-preserve-owner -f 'dev/*' <"$dir/initramfs")
	cd "$BATS_TEST_TMPDIR/root"
	cmp init "$top_builddir/xtest-runner-aarch64"
	[ "$(cat bin/sh)" = busybox ]
	[ "$(cat sbin/modprobe)" = busybox ]
	[ "$(cat bin/bash)" = bash ]
	grep -q '^root:x:0:0:' etc/passwd
	grep -q '^nobody:' etc/passwd
	[ -e xtest/modules.list ]
	[ -d lib ] && [ -d lib64 ]
}

@test "equal inputs give equal bytes, touched or in another folder; one byte does not" {
	make_debs
	one=$(xtest image build --deb-dir "$debs" aarch64)
	cp -R "$debs" "$BATS_TEST_TMPDIR/copy"
	touch "$BATS_TEST_TMPDIR"/copy/*
	two=$(XTEST_CACHE_DIR=$BATS_TEST_TMPDIR/other xtest image build --deb-dir "$BATS_TEST_TMPDIR/copy" aarch64)
	[ "${one##*/}" = "${two##*/}" ]
	cmp "$one/initramfs" "$two/initramfs"
	cmp "$one/kernel" "$two/kernel"
	echo Busybox >"$BATS_TEST_TMPDIR/busybox-static/bin/busybox"
	rm "$debs"/busybox*
	package busybox-static 1 ''
	three=$(xtest image build --deb-dir "$debs" aarch64)
	[ "$one" != "$three" ]
}

@test "two builds at once both succeed, and nothing half-made is left" {
	make_debs
	# something that takes its time
	head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/bash-static/bin/noise"
	rm "$debs"/bash-static*
	package bash-static 1 ''
	xtest image build --deb-dir "$debs" aarch64 >"$BATS_TEST_TMPDIR/one" 2>"$BATS_TEST_TMPDIR/one.err" &
	pid=$!
	run --separate-stderr xtest image build --deb-dir "$debs" aarch64
	wait $pid
	[ "$status" = 0 ]
	[ "$output" = "$(cat "$BATS_TEST_TMPDIR/one")" ]
	[ -z "$(find "$XTEST_CACHE_DIR" -name '*.part')" ]
}

@test "what is missing is said by name" {
	make_debs
	rm "$debs"/busybox*
	run xtest image build --deb-dir "$debs" aarch64
	[ "$status" = 96 ]
	[[ $output == *"has no package busybox-static for arm64"* ]]
	run xtest image build --deb-dir /nowhere aarch64
	[ "$status" = 96 ]
	PATH=/nowhere run "$top_builddir/xtest" image build aarch64
	[ "$status" = 96 ]
	[[ $output == *"--deb-dir"* ]]
}

@test "no network: said so, with the way out" {
	need apt-get apt
	XTEST_DEBIAN_MIRROR=http://127.0.0.1:9/debian run xtest image build aarch64
	[ "$status" = 96 ]
	[[ $output == *"Debian bookworm's list of packages for arm64 could not be fetched: "* ]]
	[[ $output == *"--deb-dir"* ]]
	[ -z "$(find "$XTEST_CACHE_DIR" -name '*.part' -o -name kernel)" ]
}

# The one test that downloads (30 MB): all of what a first use does.
@test "the real packages of aarch64 are fetched, and asked for once" {
	need apt-get apt
	run --separate-stderr xtest image build aarch64
	case $status/$stderr in
	96/*"could not be fetched"* | 96/*"has no entry for Debian"*) skip "no Debian mirror: ${stderr##*: }" ;;
	esac
	[ "$status" = 0 ]
	# the boot protocol of arm64: "ARM\x64" at 56
	[ "$(dd if="$output/kernel" bs=1 skip=56 count=4 status=none)" = "ARMd" ]
	grep -aq /xtest/modules/virtio_console.ko "$output/initramfs"
	# another run needs neither apt nor network
	first=$output
	mkdir "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin run "$top_builddir/xtest" image build aarch64
	[ "$status" = 0 ]
	[ "$output" = "$first" ]
	# what is pruned is what the image does not need
	run xtest image prune
	[ "$status" = 0 ]
	[ -e "$first/kernel" ]
	[ ! -e "$XTEST_CACHE_DIR/images/apt" ]
}
