"""What a machine costs: QEMU system mode against the bare boot of the same kernel and initramfs."""

import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

import projects

TARGET = "aarch64"
BARE = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a57", "-m", "256", "-nodefaults",
        "-no-user-config", "-no-reboot", "-display", "none", "-device", "virtio-serial-device", "-device",
        "virtserialport,id=port0,name=org.xtest.0,chardev=port", "-append", "console=ttyAMA0 quiet panic=-1"]


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


class Machines:
    def __init__(self, bench):
        self.bench = bench
        self.cache = bench.root / "cache"
        self.cache.mkdir(exist_ok=True)

    def environment(self):
        return dict(os.environ, XTEST_CACHE_DIR=str(self.cache))

    def forget_states(self):
        shutil.rmtree(self.cache / "states", ignore_errors=True)

    def start(self, tree, *more):
        return subprocess.Popen([self.bench.xtest, "run", "--target", TARGET, "--on", "system", "--report", "jsonl=-",
                                 *more], cwd=tree, env=self.environment(), stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)

    def run(self, tree, *more):
        """Seconds to the first verdict and to the end, peaks of xtest and of all QEMUs together, in MiB."""
        began = time.monotonic()
        child = self.start(tree, *more)
        peaks, done = {}, threading.Event()
        watcher = threading.Thread(target=watch, args=(child.pid, peaks, done))
        watcher.start()
        first, passed = None, 0
        for line in child.stdout:
            if b'"case-end"' in line:
                first = first or time.monotonic() - began
                passed += b'"verdict":"pass"' in line.replace(b" ", b"")
        status = child.wait()
        whole = time.monotonic() - began
        done.set()
        watcher.join()
        if status != 0 or not first:
            sys.exit("bench: xtest --on system %s ended with %d after %d passes" % (" ".join(more), status, passed))
        return first, whole, peaks

    def image(self):
        """Kernel and initramfs xtest boots; built by a first run."""
        self.run(project(self.bench.root, 1))
        kept = max((self.cache / "images").iterdir(), key=lambda p: p.stat().st_mtime)
        names = {p.name: p for p in kept.iterdir()}
        kernel = next(p for n, p in names.items() if n.startswith(("kernel", "vmlinu", "Image")))
        return kernel, next(p for n, p in names.items() if n.startswith("initr"))

    def bare_boot(self, kernel, initramfs):
        """Seconds from QEMU's start until the runner has opened its port."""
        ours, theirs = socket.socketpair()
        port, port_end = socket.socketpair()
        began = time.monotonic()
        child = subprocess.Popen(
            BARE + ["-kernel", str(kernel), "-initrd", str(initramfs),
                    "-chardev", "socket,id=qmp,fd=%d" % theirs.fileno(), "-mon", "chardev=qmp,mode=control",
                    "-chardev", "socket,id=port,fd=%d" % port_end.fileno()],
            pass_fds=(theirs.fileno(), port_end.fileno()), stdin=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(60)
        ours.sendall(b'{"execute":"qmp_capabilities"}\n')
        for line in ours.makefile("rb"):
            event = json.loads(line)
            if event.get("event") == "VSERPORT_CHANGE" and event["data"]["open"]:
                break
        took = time.monotonic() - began
        child.kill()
        child.wait()
        port.close()
        port_end.close()
        return took


def watch(pid, peaks, done):
    """High-water marks: xtest's resident memory, and the proportional share of all QEMUs together."""
    while not done.wait(0.05):
        pss = count = 0
        try:
            status = pathlib.Path("/proc/%d/status" % pid).read_text()
            mine = int(status.split("VmHWM:")[1].split()[0]) / 1024
            children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
            for child in children:
                text = pathlib.Path("/proc/%s/smaps_rollup" % child).read_text()
                if pathlib.Path("/proc/%s/comm" % child).read_text().startswith("qemu"):
                    pss += int(text.split("Pss:")[1].split()[0]) / 1024
                    count += 1
        except (OSError, IndexError):
            continue
        peaks["xtest"] = max(peaks.get("xtest", 0), mine)
        if pss > peaks.get("qemu", 0):
            peaks["qemu"], peaks["machines"] = pss, count


def measure(bench):
    """The section "system" of bench.py."""
    m = Machines(bench)
    rounds = bench.o.rounds
    kernel, initramfs = m.image()
    one = project(bench.root, 1)
    bare, cold, warm = [], [], []
    for _ in range(rounds):
        bare.append(m.bare_boot(kernel, initramfs))
        m.forget_states()
        cold.append(m.run(one)[0])
        warm.append(m.run(one)[0])
    bench.row("bare boot of kernel and initramfs to the runner", "%.2f s" % median(bare))
    bench.row("first verdict, cold (image there, no state)", "%.2f s, %.2f x the bare boot" % (
        median(cold), median(c / b for c, b in zip(cold, bare))), "at most 1.25 x")
    bench.row("first verdict, warm", "%.2f s" % median(warm), "at most 0.4 s")
    hundred = project(bench.root, 100)
    m.run(hundred, "--fresh", "case")
    fresh = [m.run(hundred, "--fresh", "case") for _ in range(rounds)]
    bench.row("100 cases with `--fresh case`", "%.1f s, %.2f s each; xtest %.1f MB, QEMU %.0f MB in %d machines" % (
        median(f[1] for f in fresh), median(f[1] for f in fresh) / 100, fresh[0][2]["xtest"], fresh[0][2]["qemu"],
        fresh[0][2]["machines"]), "at most 0.2 s each")
    ten = project(bench.root, 10)
    booted = m.run(ten, "--fresh", "case", "--no-snapshots")[1]
    bench.row("10 of them with a boot each", "%.1f s, %.2f s each" % (booted, booted / 10))
    short = project(bench.root, 300)
    for jobs in ("-j1", "-j4"):
        m.run(short, jobs)
        runs = [m.run(short, jobs) for _ in range(rounds)]
        bench.row("300 short cases in one machine, %s" % jobs, "%.2f s; xtest %.1f MB, QEMU %.0f MB" % (
            median(r[1] for r in runs), runs[0][2]["xtest"], runs[0][2].get("qemu", 0)))
