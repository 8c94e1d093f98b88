#!/usr/bin/env python3
"""Measures xtest against cargo-nextest, with the same programs and the same number of jobs, and prints one table in
Markdown.

Both take turns, and a figure is the median of the ratios of the rounds (xtest over nextest), so that what else the
machine does hits both alike. Everything is built before anything is measured. The part `user` needs a rustc with a
standard library for aarch64: RUSTC may name it.
"""

import argparse
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

PARTS = ("run", "list", "archive", "user")
BINARIES = 100
LEVEL = 3
AARCH64 = "aarch64-unknown-linux-gnu"


def workspace(root, cases, binaries):
    """One crate with many cases in its library, and one with many test programs."""
    for name in ("many", "wide"):
        (root / name / "src").mkdir(parents=True)
        (root / name / "Cargo.toml").write_text(
            '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n' % name)
    (root / "Cargo.toml").write_text('[workspace]\nmembers = ["many", "wide"]\nresolver = "2"\n')
    (root / "many/src/lib.rs").write_text(
        "".join("#[test]\nfn case_%04d() {\n\tassert_eq!(%d, %d);\n}\n" % (i, i, i) for i in range(cases)))
    (root / "wide/src/lib.rs").write_text("")
    (root / "wide/tests").mkdir()
    for i in range(binaries):
        (root / ("wide/tests/t%03d.rs" % i)).write_text("#[test]\nfn a() {}\n#[test]\nfn b() {}\n")


class Bench:
    def __init__(self, options):
        self.o = options
        self.root = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="xtest-bench-"))
        self.ws = self.root / "ws"
        self.rows = []
        self.env = dict(os.environ, CARGO_TERM_COLOR="never", XTEST_USER_CONFIG="none")
        for name in ("CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "NEXTEST_PROFILE", "XTEST_STATE_DIR"):
            self.env.pop(name, None)
        if not self.ws.exists():
            workspace(self.ws, options.cases, BINARIES)

    def command(self, argv, **more):
        start = time.monotonic()
        done = subprocess.run([str(a) for a in argv], cwd=self.ws, env=dict(self.env, **more),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        took = time.monotonic() - start
        if done.returncode:
            sys.exit("%s: status %d\n%s" % (" ".join(map(str, argv)), done.returncode,
                                            done.stdout.decode(errors="replace")[-4000:]))
        return took

    def fresh(self):
        """A state without a memory of earlier listings."""
        state = self.root / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        return {"XTEST_STATE_DIR": str(state)}

    def duel(self, what, wanted, ours, theirs):
        """Each returns the seconds of one go."""
        ours(), theirs()
        rounds = []
        for _ in range(self.o.rounds):
            rounds.append((ours(), theirs()))
            print("# %-48s xtest %7.3f s, nextest %7.3f s" % ((what,) + rounds[-1]), file=sys.stderr)
        ratio = statistics.median(a / b for a, b in rounds)
        self.rows.append((what, "%.3f s" % statistics.median(a for a, _ in rounds),
                          "%.3f s" % statistics.median(b for _, b in rounds), "%.2f" % ratio, wanted))

    def nextest_archive(self, package, *more, **env):
        file = self.root / ("%s%s.tar.zst" % (package, "-" + more[1] if more else ""))
        if not file.exists():
            self.command(["cargo", "nextest", "archive", "--offline", "-p", package, "--archive-file", file, *more],
                         **env)
        return file

    def both(self, verb, what, wanted, file, jobs, cached=False, **env):
        xtest = [self.o.xtest, verb, "--archive-file", file]
        nextest = ["cargo", "nextest", verb, "--archive-file", file, "--workspace-remap", self.ws]
        if verb == "run":
            xtest += ["--jobs", jobs, "--no-record"]
            nextest += ["--test-threads", jobs, "--no-fail-fast"]
        state = self.fresh()
        self.duel(what, wanted, lambda: self.command(xtest, **(state if cached else self.fresh())),
                  lambda: self.command(nextest, **env))

    def run(self):
        self.both("run", "%d native cases of an archive, -j%d" % (self.o.cases, self.o.jobs), "<= 1.00",
                  self.nextest_archive("many"), self.o.jobs)

    def list(self):
        file = self.nextest_archive("wide")
        self.both("list", "listing %d programs of an archive" % BINARIES, "<= 0.50", file, self.o.jobs)
        self.both("list", "the same again", "<= 0.50", file, self.o.jobs, cached=True)

    def archive(self):
        mine, other = self.root / "mine.tar.zst", self.root / "other.tar.zst"
        self.duel("writing the archive of the workspace, level %d" % LEVEL, "<= 1.00",
                  lambda: self.command([self.o.xtest, "archive", "--archive-format", "nextest", "--zstd-level", LEVEL,
                                        "--archive-file", mine]),
                  lambda: self.command(["cargo", "nextest", "archive", "--offline", "--workspace", "--zstd-level", LEVEL,
                                        "--archive-file", other]))
        sizes = [file.stat().st_size / 2**20 for file in (mine, other)]
        self.rows.append(("its size", "%.2f MiB" % sizes[0], "%.2f MiB" % sizes[1], "%.2f" % (sizes[0] / sizes[1]),
                          "<= 1.00"))

    def user(self):
        emulator = shutil.which("qemu-aarch64")
        if not emulator:
            sys.exit("user: install qemu-user")
        self.env.setdefault("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc")
        file = self.nextest_archive("many", "--target", AARCH64)
        self.both("run", "%d cases under qemu-user, -j%d" % (self.o.cases, self.o.jobs), "<= 1.00", file, self.o.jobs,
                  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="%s -L %s" % (emulator, self.o.sysroot))

    def table(self):
        print("| measured | xtest | nextest | ratio | wanted |\n|---|---|---|---|---|")
        for row in self.rows:
            print("| %s | %s | %s | %s | %s |" % row)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xtest", default="./xtest", help="the program that is measured")
    parser.add_argument("--sysroot", default="/usr/aarch64-linux-gnu", help="the emulator's")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--folder", help="where the workspace is made, and stays")
    parser.add_argument("parts", nargs="*", metavar="PART", help="of " + ", ".join(PARTS) + " (default: all but user)")
    options = parser.parse_args()
    unknown = [p for p in options.parts if p not in PARTS]
    if unknown:
        parser.error("there is no part %s" % unknown[0])
    for tool in ("cargo", "cargo-nextest"):
        if not shutil.which(tool):
            sys.exit("%s is not installed" % tool)
    options.xtest = os.path.abspath(options.xtest)
    bench = Bench(options)
    print("%s, %d processors, Linux %s, load %.1f" % (
        platform.machine(), os.cpu_count(), platform.release(), os.getloadavg()[0]), file=sys.stderr)
    try:
        for part in options.parts or PARTS[:-1]:
            getattr(bench, part)()
    finally:
        if not options.folder:
            shutil.rmtree(bench.root)
    bench.table()


if __name__ == "__main__":
    main()
