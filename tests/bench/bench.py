#!/usr/bin/env python3
"""Measures xtest against the tools it is compared with, and prints one table in Markdown.

Runs of the rivals are interleaved, A B C D A B C D ..., and each is compared with the run of the bare loop in
its own round; the figure is the median of these ratios, so that what else the machine does hits all alike.
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
import threading
import time

sys.dont_write_bytecode = True
import boards  # noqa: E402
import machines  # noqa: E402
import projects  # noqa: E402

ZSTD_LEVEL = 3
LIST_BINARIES, LIST_EACH = 200, 100
FLOOD_JOBS, FLOOD_MEGABYTES = 8, 100


class Measured:
    """One command that has ended: seconds of wall and CPU, and the peaks of the programs that were watched."""

    def __init__(self, wall, cpu, peaks, output):
        self.wall, self.cpu, self.peaks, self.output = wall, cpu, peaks, output


def children(pid):
    try:
        text = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text()
    except OSError:
        return []
    return [int(p) for p in text.split()]


def peak_kib(pid):
    try:
        status = pathlib.Path("/proc/%d/status" % pid).read_text()
    except OSError:
        return None, 0
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return fields["Name"].strip(), int(fields.get("VmHWM", "0 kB").split()[0])


def watch(pid, peaks, done):
    """Notes the high-water marks of the process and of its own children until it ends."""
    while not done.wait(0.02):
        for p in [pid] + children(pid):
            name, kib = peak_kib(p)
            if name:
                peaks[name] = max(peaks.get(name, 0), kib)


def measure(argv, cwd, stdin=None, watched=False, status=(0,)):
    before = os.times()
    start = time.monotonic()
    child = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peaks, done = {}, threading.Event()
    watcher = threading.Thread(target=watch, args=(child.pid, peaks, done))
    if watched:
        watcher.start()
    output = child.communicate(stdin.encode() if stdin else None)[0].decode(errors="replace")
    wall = time.monotonic() - start
    done.set()
    if watched:
        watcher.join()
    after = os.times()
    if child.returncode not in status:
        sys.exit("bench: %s ended with %d:\n%s" % (" ".join(map(str, argv)), child.returncode, output[-4000:]))
    cpu = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    return Measured(wall, cpu, peaks, output)


def interleave(rounds, rivals):
    """{name: [Measured]}: every rival once a round, and the next round backwards, so that a machine that becomes
    slower or faster meanwhile hits all alike."""
    results = {name: [] for name in rivals}
    names = list(rivals)
    for i in range(rounds):
        for name in names if i % 2 == 0 else names[::-1]:
            results[name].append(rivals[name]())
            print("    %s: %.2f s, %.2f s CPU" % (name, results[name][-1].wall, results[name][-1].cpu),
                  file=sys.stderr, flush=True)
    return results


def median(values):
    return statistics.median(list(values))


class Bench:
    def __init__(self, options):
        self.o = options
        self.root = pathlib.Path(options.folder or tempfile.mkdtemp(prefix="xtest-bench-"))
        self.root.mkdir(exist_ok=True)
        self.xtest = str(pathlib.Path(options.xtest).resolve())
        self.emulator = shutil.which("qemu-aarch64") or sys.exit("bench: install qemu-user")
        self.rows = []

    def row(self, what, figure, wanted=""):
        self.rows.append((what, figure, wanted))
        print("  %s: %s%s" % (what, figure, "  (wanted: %s)" % wanted if wanted else ""), file=sys.stderr)

    def against_loop(self, results, what, cases):
        """Rows of one race. The loop's name is "loop"."""
        loop = results["loop"]
        for name, runs in results.items():
            wall = median(r.wall for r in runs)
            figure = "%.2f s, %.2f s CPU" % (wall, median(r.cpu for r in runs))
            if name == "loop":
                self.row("%s: bare loop" % what, figure)
                continue
            ratio = median(r.wall / l.wall for r, l in zip(runs, loop))
            cpu = median((r.cpu - l.cpu) / cases * 1e6 for r, l in zip(runs, loop))
            self.row("%s: %s" % (what, name), "%s, %.3f x the loop, %+.0f µs CPU per case" % (figure, ratio, cpu),
                     "at most 1.05 x" if name == "xtest" and what.startswith("aarch64") else "")

    def loop(self, units, argv, lines):
        """`argv` and one of the lines behind it, as many times as there are lines."""
        all_argv = ["xargs", "-P%d" % self.o.jobs, "-L1"] + argv
        return lambda: measure(all_argv, units.cmake / "own", stdin=lines)

    def run_xtest(self, tree, *more, **how):
        return measure([self.xtest, "run", "-j%d" % self.o.jobs, *more], tree, **how)

    def build(self, tree, *more):
        """Everything xtest would build and keep in its first run, so that all rivals start from built programs."""
        self.run_xtest(tree, *more, "-E", "test(=none)", status=(4,))

    def aarch64(self):
        units = projects.Units(self.root / "aarch64", self.o.cases)
        units.configure(self.emulator, self.o.sysroot)
        self.build(units.cmake, "--target", "aarch64")
        results = interleave(self.o.rounds, {
            "loop": self.loop(units, [self.emulator, "-L", self.o.sysroot], units.command_lines()),
            "xtest": lambda: self.run_xtest(units.cmake, "--target", "aarch64"),
            "ctest": lambda: measure(["ctest", "--test-dir", "own", "-j%d" % self.o.jobs], units.cmake),
            "meson test": lambda: measure(["meson", "test", "-C", "own", "--no-rebuild", "--num-processes",
                                           str(self.o.jobs)], units.meson)})
        for name, runs in results.items():
            if name == "xtest" and "%d passed" % units.cases not in runs[0].output:
                sys.exit("bench: xtest did not pass:\n%s" % runs[0].output[-4000:])
        self.against_loop(results, "aarch64, %d cases" % units.cases, units.cases)
        # Watching takes time, so it has a run of its own.
        run = self.run_xtest(units.cmake, "--target", "aarch64", watched=True)
        self.row("xtest's peak memory in it", "%.1f MB" % (run.peaks["xtest"] / 1024))

    def native(self):
        units = projects.Units(self.root / "native", self.o.cases)
        projects.run(["cmake", "-B", "own", "-DCMAKE_BUILD_TYPE=Release"], units.cmake)
        projects.run(["cmake", "--build", "own", "-j2"], units.cmake)
        self.build(units.cmake)
        results = interleave(self.o.rounds, {
            # (the programs are alike; xargs itself can start only one)
            "loop": self.loop(units, ["./unit00"], "".join("%d\n" % n for n in range(units.cases))),
            "xtest": lambda: self.run_xtest(units.cmake),
            "ctest": lambda: measure(["ctest", "--test-dir", "own", "-j%d" % self.o.jobs], units.cmake)})
        self.against_loop(results, "native, %d cases" % units.cases, units.cases)

    def start(self):
        """A second run of a project in which nothing has changed, up to its first test."""
        units = projects.Units(self.root / "start", self.o.cases)
        for name, tree in (("cmake", units.cmake), ("meson", units.meson)):
            self.build(tree, "--target", "aarch64")
            times = []
            for _ in range(self.o.rounds):
                times.append(self.first_case(tree))
            self.row("first test of an unchanged %s project" % name, "%.0f ms" % (median(times) * 1000),
                     "under 1000 ms")

    def first_case(self, tree):
        start = time.monotonic()
        child = subprocess.Popen([self.xtest, "run", "--target", "aarch64", "--max-fail", "1", "--report",
                                  "jsonl=-"], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        took = None
        for line in child.stdout:
            if b'"case-start"' in line:
                took = time.monotonic() - start
                break
        child.terminate()
        child.communicate()
        return took or sys.exit("bench: no case-start from xtest in %s" % tree)

    def listing(self):
        tree = projects.listed(self.root, LIST_BINARIES, LIST_EACH)
        first = measure([self.xtest, "list"], tree)
        lines = first.output.count("IsSmall")
        if lines != LIST_BINARIES * LIST_EACH:
            sys.exit("bench: list shows %d cases:\n%s" % (lines, first.output[-2000:]))
        runs = [measure([self.xtest, "list"], tree, watched=True) for _ in range(self.o.rounds)]
        what = "`list` of %d cases in %d binaries" % (lines, LIST_BINARIES)
        self.row(what + ", first time", "%.2f s" % first.wall)
        self.row(what + ", from cache", "%.0f ms, %.0f ms CPU" % (
            median(r.wall for r in runs) * 1000, median(r.cpu for r in runs) * 1000), "under 500 ms")
        self.row("its peak memory", "%.1f MB" % (max(r.peaks["xtest"] for r in runs) / 1024))

    def many(self):
        """The host program's memory with ten thousand cases planned."""
        tree = projects.Units(self.root / "many", 10000).meson
        run = self.run_xtest(tree, "-E", "test(=unit00-1)", "--report", "junit=junit.xml", watched=True)
        self.row("xtest's peak memory with 10000 suites, one of them run", "%.1f MB" % (run.peaks["xtest"] / 1024))

    def flood(self):
        tree = projects.flooders(self.root, FLOOD_JOBS, FLOOD_MEGABYTES)
        self.build(tree)
        run = measure([self.xtest, "run", "-j%d" % FLOOD_JOBS], tree, watched=True)
        runner = max(kib for name, kib in run.peaks.items() if name.startswith("xtest-runner"))
        self.row("runner, %d jobs printing %d MB each" % (FLOOD_JOBS, FLOOD_MEGABYTES),
                 "%.2f MB resident at most" % (runner / 1024), "at most 2 MB")
        self.row("xtest in it", "%.1f MB resident at most, %.0f MB/s" % (
            run.peaks["xtest"] / 1024, FLOOD_JOBS * FLOOD_MEGABYTES / run.wall))

    def archive(self):
        tree = projects.payload(self.root, self.o.payload)
        self.build(tree)
        tar = "tar --sort=name -cf - data | zstd -q -f -T0 -%d -o data.tar.zst" % ZSTD_LEVEL
        results = interleave(self.o.rounds, {
            "loop": lambda: measure(["sh", "-c", tar], tree),
            "xtest": lambda: measure([self.xtest, "archive", "--archive-file", "a.tar.zst", "--zstd-level",
                                      str(ZSTD_LEVEL)], tree, watched=True)})
        if (tree / "a.tar.zst").stat().st_size < (self.o.payload // 2) << 20:
            sys.exit("bench: the archive is smaller than the noise that belongs in it")
        ratio = median(x.wall / t.wall for x, t in zip(results["xtest"], results["loop"]))
        for name, shown in (("loop", "`tar | zstd -T0`"), ("xtest", "`xtest archive`")):
            wall = median(r.wall for r in results[name])
            self.row("%s of %d MB at level %d" % (shown, self.o.payload, ZSTD_LEVEL), "%.0f MB/s, %.2f s CPU%s" % (
                self.o.payload / wall, median(r.cpu for r in results[name]),
                ", %.2f x its time" % ratio if name == "xtest" else ""))
        self.row("xtest's peak memory in it", "%.1f MB" % (
            max(r.peaks["xtest"] for r in results["xtest"]) / 1024))

    def system(self):
        machines.measure(self)

    def boards(self):
        boards.measure(self)

    def table(self):
        print("| measured | figure | wanted |\n|---|---|---|")
        for row in self.rows:
            print("| %s | %s | %s |" % row)


SECTIONS = ("aarch64", "native", "start", "listing", "many", "flood", "archive", "system", "boards")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--xtest", default="./xtest", help="the program that is measured")
    parser.add_argument("--sysroot", default="/usr/aarch64-linux-gnu", help="the emulator's")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--payload", type=int, default=200, help="megabytes in the archive")
    parser.add_argument("--folder", help="where the projects are made, and stay")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="of " + ", ".join(SECTIONS))
    options = parser.parse_args()
    unknown = [s for s in options.sections if s not in SECTIONS]
    if unknown:
        parser.error("there is no section %s" % unknown[0])
    bench = Bench(options)
    print("%s, %d processors, Linux %s, load %.1f" % (
        platform.machine(), os.cpu_count(), platform.release(), os.getloadavg()[0]), file=sys.stderr)
    try:
        for section in options.sections or SECTIONS:
            print(section, file=sys.stderr)
            getattr(bench, section)()
    finally:
        if not options.folder:
            shutil.rmtree(bench.root)
    bench.table()


if __name__ == "__main__":
    main()
