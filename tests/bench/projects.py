"""The projects that the benchmarks measure: made from nothing, in a folder of their own."""

import os
import pathlib
import shutil
import subprocess

PROGRAMS = 20

UNIT_C = """#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 0;

	printf("unit %d case %%ld\\n", n);
	return n < 0;
}
"""

FLOOD_C = """#include <stdio.h>
#include <string.h>

int main(void)
{
	static char line[4096];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\\n';
	for (int i = 0; i < %d; i++)
		fwrite(line, 1, sizeof line, stdout);
	return 0;
}
"""

GTEST_CC = """#include <gtest/gtest.h>

class Numbers : public testing::TestWithParam<int> {};

TEST_P(Numbers, IsSmall) { EXPECT_LT(GetParam(), %d); }

INSTANTIATE_TEST_SUITE_P(All, Numbers, testing::Range(0, %d));
"""

CMAKE_TOOLCHAIN = """set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR "%s;-L;%s")
"""

MESON_CROSS = """[binaries]
c = 'aarch64-linux-gnu-gcc'
exe_wrapper = ['%s', '-L', '%s']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def write(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(argv, cwd, env=None):
    done = subprocess.run(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit("bench: %s failed:\n%s" % (" ".join(map(str, argv)), done.stdout.decode()))


class Units:
    """`cases` registered tests of PROGRAMS small programs, for Meson and for CMake from the same sources."""

    def __init__(self, root, cases):
        self.each = -(-cases // PROGRAMS)
        self.cases = self.each * PROGRAMS
        self.meson, self.cmake = root / "units-meson", root / "units-cmake"
        for tree in (self.meson, self.cmake):
            for i in range(PROGRAMS):
                write(tree / ("unit%02d.c" % i), UNIT_C % i)
        self.write_meson()
        self.write_cmake()

    def write_meson(self):
        lines = ["project('units', 'c', default_options: ['buildtype=release'])"]
        for i in range(PROGRAMS):
            name = "unit%02d" % i
            lines += ["p = executable('%s', '%s.c')" % (name, name),
                      "foreach n : range(%d)" % self.each,
                      "  test('%s-' + n.to_string(), p, args: [n.to_string()])" % name,
                      "endforeach"]
        write(self.meson / "meson.build", "\n".join(lines) + "\n")

    def write_cmake(self):
        lines = ["cmake_minimum_required(VERSION 3.16)", "project(units C)", "enable_testing()"]
        for i in range(PROGRAMS):
            name = "unit%02d" % i
            lines += ["add_executable(%s %s.c)" % (name, name),
                      "foreach(n RANGE %d)" % (self.each - 1),
                      "  add_test(NAME %s-${n} COMMAND %s ${n})" % (name, name),
                      "endforeach()"]
        write(self.cmake / "CMakeLists.txt", "\n".join(lines) + "\n")

    def configure(self, emulator, sysroot):
        """Build trees for Meson's and CTest's own runners, with the plain emulator in front."""
        cross = write(self.meson / "cross.ini", MESON_CROSS % (emulator, sysroot))
        toolchain = write(self.cmake / "toolchain.cmake", CMAKE_TOOLCHAIN % (emulator, sysroot))
        run(["meson", "setup", "own", "--cross-file", cross], self.meson)
        run(["ninja", "-C", "own"], self.meson)
        run(["cmake", "-B", "own", "-DCMAKE_BUILD_TYPE=Release",
             "-DCMAKE_TOOLCHAIN_FILE=%s" % toolchain], self.cmake)
        run(["cmake", "--build", "own", "-j2"], self.cmake)

    def command_lines(self):
        """One line per case: the program in the build tree and its argument."""
        return "".join("./unit%02d %d\n" % (i, n)
                       for i in range(PROGRAMS) for n in range(self.each))


def flooders(root, jobs, megabytes):
    """`jobs` native tests that print `megabytes` each."""
    tree = root / "flood"
    write(tree / "flood.c", FLOOD_C % (megabytes * 256))
    write(tree / "meson.build",
          "project('flood', 'c')\np = executable('flood', 'flood.c')\n"
          "foreach n : range(%d)\n  test('flood-' + n.to_string(), p)\nendforeach\n" % jobs)
    return tree


def listed(root, binaries, each):
    """`binaries` different GoogleTest programs of `each` cases: one, with a number behind its end."""
    tree = root / "listed"
    source = write(tree / "many.cc", GTEST_CC % (each, each))
    one = tree / "one"
    run(["g++", "-O1", "-o", one, source, "-lgtest", "-lgtest_main", "-pthread"], tree)
    suites = []
    for i in range(binaries):
        name = "many%03d" % i
        shutil.copy(one, tree / name)
        with open(tree / name, "ab") as f:
            f.write(b"%08d" % i)
        suites.append('{"name": "%s", "command": ["./%s"]}' % (name, name))
    write(tree / "xtest.json", '{"suites": [\n%s\n]}\n' % ",\n".join(suites))
    return tree


def payload(root, megabytes):
    """A project with one test and a lot of test data: half of it text, half noise."""
    tree = root / "payload"
    write(tree / "true.c", "int main(void)\n{\n\treturn 0;\n}\n")
    write(tree / "meson.build", "project('payload', 'c')\ntest('one', executable('one', 'true.c'))\n")
    write(tree / "xtest.json",
          '{"archive": {"include": [{"path": "data", "relative-to": "workspace"}]}}\n')
    for kind in ("noise", "text"):
        (tree / "data" / kind).mkdir(parents=True, exist_ok=True)
    for i in range(megabytes // 2):
        text = "".join("line %d of file %d, squared %d\n" % (n, i, n * n) for n in range(32000))
        (tree / "data/text" / ("%03d" % i)).write_bytes(text.encode()[:1 << 20])
        (tree / "data/noise" / ("%03d" % i)).write_bytes(os.urandom(1 << 20))
    return tree
