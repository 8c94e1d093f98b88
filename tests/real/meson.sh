# Sourced by the tests with Meson projects, after real.sh.
options= inside=
need meson meson ninja ninja-build

build_and_test() {
	{
		rm -f "$2/meson-logs/testlog.junit.xml"
		meson setup "$2" "$1" $options ${3:-} && ninja -C "$2" && ${4:-} meson test -C "$2"
	} >&2
	"$here/verdicts" meson "$2/meson-logs/testlog.junit.xml"
}

native() {
	build_and_test "$1" "$2"
}

emulated() {
	cat >"$2.ini" <<-EOF
		[binaries]
		c = 'aarch64-linux-gnu-gcc'
		cpp = 'aarch64-linux-gnu-g++'
		ar = 'aarch64-linux-gnu-ar'
		strip = 'aarch64-linux-gnu-strip'
		pkgconfig = 'false'
		exe_wrapper = ['$xtest', 'exec', '--target', 'aarch64', '--']
		[host_machine]
		system = 'linux'
		cpu_family = 'aarch64'
		cpu = 'aarch64'
		endian = 'little'
	EOF
	build_and_test "$1" "$2" "--cross-file=$2.ini" "$inside"
}
