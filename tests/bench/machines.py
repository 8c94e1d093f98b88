"""What a machine costs: QEMU system mode against the bare boot of the same kernel and initramfs."""

import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import projects

TARGET = "aarch64"
BOOT_LIMIT, RUN_LIMIT, LONG_LIMIT = 120, 300, 900  # seconds


class Failed(Exception):
    """A step that did not end as it should; the others are measured all the same."""


def median(values):
    return statistics.median(list(values))


def project(root, cases, text="exit 0"):
    """`cases` script tests, each a suite of its own."""
    tree = root / ("machine-%d" % cases)
    if tree.exists():
        return tree
    tree.mkdir(parents=True)
    projects.write(tree / "case.sh", "#!/bin/sh\n%s\n" % text)
    os.chmod(tree / "case.sh", 0o755)
    projects.write(tree / "xtest.json", json.dumps({"suites": [
        {"name": "case%03d" % n, "command": ["./case.sh", str(n)]} for n in range(cases)]}))
    return tree


class Ending:
    """Ends a process that takes longer than it may."""

    def __init__(self, child, limit):
        self.late = False
        self.child = child
        self.timer = threading.Timer(limit, self.end)

    def end(self):
        self.late = True
        self.child.send_signal(signal.SIGKILL)

    def __enter__(self):
        self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()


class Run:
    """One run that passed: seconds to the first verdict and to the end, what the cases took themselves, peaks of
    xtest and of all QEMUs together in MiB."""

    def __init__(self, first, whole, case, peaks):
        self.first, self.whole, self.case, self.peaks = first, whole, case, peaks

    def memory(self):
        return "xtest %.1f MB, QEMU %.0f MB in %d" % (
            self.peaks.get("xtest", 0), self.peaks.get("qemu", 0), self.peaks.get("machines", 0))


class Machines:
    def __init__(self, bench):
        self.bench = bench
        self.cache = bench.root / "cache"
        self.cache.mkdir(exist_ok=True)
        # Kernels are not fetched again; the states of the benchmark are its own.
        images = pathlib.Path(os.environ.get("XTEST_CACHE_DIR") or pathlib.Path(
            os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "xtest") / "images"
        if images.is_dir() and not (self.cache / "images").exists():
            (self.cache / "images").symlink_to(images.resolve())

    def environment(self):
        return dict(os.environ, XTEST_CACHE_DIR=str(self.cache))

    def forget_states(self):
        shutil.rmtree(self.cache / "states", ignore_errors=True)

    def run(self, tree, *more, limit=RUN_LIMIT):
        words = ["--on", "system", *more]
        began = time.monotonic()
        child = subprocess.Popen(
            [self.bench.xtest, "run", "--target", TARGET, "--report", "jsonl=-", *words], cwd=tree,
            env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        peaks, done = {}, threading.Event()
        watcher = threading.Thread(target=watch, args=(child.pid, peaks, done), daemon=True)
        watcher.start()
        first, cases = None, []
        with Ending(child, limit) as ending:
            for line in child.stdout:
                if b'"case-end"' in line:
                    first = first or time.monotonic() - began
                    cases.append(json.loads(line)["wall_us"] / 1e6)
            status = child.wait()
        whole = time.monotonic() - began
        done.set()
        watcher.join()
        if ending.late:
            raise Failed("%s: no end within %d s, %d cases done" % (" ".join(words), limit, len(cases)))
        if status != 0 or not first:
            raise Failed("%s: exit code %d, %d cases done" % (" ".join(words), status, len(cases)))
        print("    %s: %.2f s, first verdict after %.2f s" % (" ".join(words), whole, first), file=sys.stderr, flush=True)
        return Run(first, whole, median(cases), peaks)

    def command_line(self, tree):
        """QEMU's, as xtest would boot this project's machine."""
        text = subprocess.run(
            [self.bench.xtest, "shell", "--target", TARGET, "--on", "system", "--print-command"], cwd=tree,
            env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=RUN_LIMIT, check=True)
        return shlex.split(text.stdout.decode())

    def bare_boot(self, argv):
        """Seconds from QEMU's start until the runner has opened its port: the same words, without xtest."""
        ours, theirs = socket.socketpair()
        port, port_end = socket.socketpair()
        words = {"mon:stdio": "null", "null,id=port": "socket,id=port,fd=%d" % port_end.fileno()}
        began = time.monotonic()
        child = subprocess.Popen(
            [words.get(word, word) for word in argv] + [
                "-chardev", "socket,id=qmp,fd=%d" % theirs.fileno(), "-mon", "chardev=qmp,mode=control"],
            pass_fds=(theirs.fileno(), port_end.fileno()), stdin=subprocess.DEVNULL)
        theirs.close()
        port_end.close()
        opened = False
        with Ending(child, BOOT_LIMIT):
            ours.sendall(b'{"execute":"qmp_capabilities"}\n')
            for line in ours.makefile("rb"):
                event = json.loads(line)
                opened = event.get("event") == "VSERPORT_CHANGE" and event["data"]["open"]
                if opened:
                    break
            took = time.monotonic() - began
            child.kill()
            child.wait()
        port.close()
        if not opened:
            raise Failed("the bare boot did not open its port")
        print("    bare boot: %.2f s" % took, file=sys.stderr, flush=True)
        return took


def number_of(text, key):
    return int(text.split(key)[1].split()[0]) / 1024


def watch(pid, peaks, done):
    """High-water marks: xtest's resident memory, and the proportional share of all QEMUs together."""
    while not done.wait(0.05):
        pss = count = 0
        try:
            peaks["xtest"] = max(peaks.get("xtest", 0), number_of(
                pathlib.Path("/proc/%d/status" % pid).read_text(), "VmHWM:"))
            children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
        except (OSError, IndexError):
            continue
        for child in children:
            try:
                if pathlib.Path("/proc/%s/comm" % child).read_text().startswith("qemu"):
                    pss += number_of(pathlib.Path("/proc/%s/smaps_rollup" % child).read_text(), "Pss:")
                    count += 1
            except (OSError, IndexError):
                continue
        if pss > peaks.get("qemu", 0):
            peaks["qemu"], peaks["machines"] = pss, count


def first_verdicts(m, rounds):
    tree = project(m.bench.root, 1)
    m.run(tree)
    argv = m.command_line(tree)
    bare, cold, warm = [], [], []
    for _ in range(rounds):
        bare.append(m.bare_boot(argv))
        m.forget_states()
        cold.append(m.run(tree).first)
        warm.append(m.run(tree).first)
    m.bench.row("bare boot of kernel and initramfs to the runner", "%.2f s" % median(bare))
    m.bench.row("first verdict, cold (image there, no state)", "%.2f s, %.2f x the bare boot" % (
        median(cold), median(c / b for c, b in zip(cold, bare))), "at most 1.25 x")
    m.bench.row("first verdict, warm", "%.2f s" % median(warm), "at most 0.4 s")


def pristine(m, rounds):
    hundred = project(m.bench.root, 100)
    m.run(hundred, "--fresh", "case", limit=LONG_LIMIT)
    runs = [m.run(hundred, "--fresh", "case", limit=LONG_LIMIT) for _ in range(rounds)]
    m.bench.row("100 cases with `--fresh case`", "%.1f s, %.2f s each beyond the case's own %.3f s; %s" % (
        median(r.whole for r in runs), median(r.whole / 100 - r.case / os.cpu_count() for r in runs), median(r.case for r in runs),
        runs[0].memory()), "at most 0.2 s each")


def booted(m, rounds):
    del rounds  # one is long enough
    ten = m.run(project(m.bench.root, 10), "--fresh", "case", "--no-snapshots", limit=LONG_LIMIT)
    m.bench.row("10 of them with a boot each", "%.1f s, %.2f s each" % (ten.whole, ten.whole / 10))


def short_cases(m, rounds):
    short = project(m.bench.root, 300)
    both = {"-j1": [], "-j4": []}
    for jobs in both:
        m.run(short, jobs, "--cpus", "2", limit=LONG_LIMIT)
    for _ in range(rounds):
        for jobs, runs in both.items():
            runs.append(m.run(short, jobs, "--cpus", "2", limit=LONG_LIMIT))
    for jobs, runs in both.items():
        m.bench.row("300 short cases in one machine, %s" % jobs, "%.2f s; %s" % (
            median(r.whole for r in runs), runs[0].memory()))


def measure(bench):
    """The section "system" of bench.py."""
    m = Machines(bench)
    for step in (first_verdicts, pristine, booted, short_cases):
        try:
            step(m, bench.o.rounds)
        except (Failed, OSError, ValueError, subprocess.SubprocessError) as why:
            bench.row(step.__name__.replace("_", " "), "not measured: %s" % why)
