"""What boards cost: bytes on the wire, a slow link against scp, short cases against ssh, and many boards at once."""

import json
import os
import pathlib
import platform
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

import projects

SLOW = 1000000
CASES, CALLS = 1000, 100
BOARDS, MANY = 16, 2000
PROXY = pathlib.Path(__file__).resolve().parent.parent / "board/proxy.py"
SERVER = """ListenAddress 127.0.0.1:{port}
HostKey {dir}/host_key
PidFile none
AuthorizedKeysFile {dir}/key.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
SetEnv XDG_CACHE_HOME={dir}/cache HOME={dir}
"""
CLIENT = """Host *
	IdentityFile {dir}/key
	IdentitiesOnly yes
	UserKnownHostsFile {dir}/known_hosts
	GlobalKnownHostsFile /dev/null
	StrictHostKeyChecking yes
"""


def median(values):
    return statistics.median(list(values))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tool(name, package):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or sys.exit("bench: install " + package)


class Board:
    """OpenSSH's server on loopback, with a cache of its own, as a board."""

    def __init__(self, folder, shared=None):
        self.dir = folder
        (folder / "cache").mkdir(parents=True, mode=0o700)
        keygen = tool("ssh-keygen", "openssh-client")
        for name in ("key", "host_key"):
            if shared:
                shutil.copy(shared.dir / name, folder / name)
                shutil.copy(shared.dir / (name + ".pub"), folder / (name + ".pub"))
            else:
                projects.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], folder)
        self.config = (shared or self).dir / "config"
        self.known = (shared or self).dir / "known_hosts"
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.port = free_port()
        (folder / "sshd_config").write_text(SERVER.format(port=self.port, dir=folder))
        if not shared:
            self.config.write_text(CLIENT.format(dir=folder))
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.know(self.port)
        with open(folder / "log", "wb") as log:
            self.child = subprocess.Popen([tool("sshd", "openssh-server"), "-D", "-e", "-f", folder / "sshd_config"],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while subprocess.run(self.ssh(self.port, "true"), stderr=subprocess.DEVNULL).returncode:
            if time.monotonic() > deadline:
                sys.exit("bench: sshd lets nobody in:\n" + (folder / "log").read_text()[-2000:])
            time.sleep(0.1)

    def know(self, port):
        with open(self.known, "a") as f:
            f.write("[127.0.0.1]:%d %s\n" % (port, " ".join((self.dir / "host_key.pub").read_text().split()[:2])))

    def url(self, port=None):
        return "ssh://%s@127.0.0.1:%d" % (self.user, port or self.port)

    def ssh(self, port, *words):
        return [tool("ssh", "openssh-client"), "-F", str(self.config), "-p", str(port), "-l", self.user, "127.0.0.1", *words]

    def forget(self):
        shutil.rmtree(self.dir / "cache/xtest", ignore_errors=True)

    def close(self):
        self.child.terminate()
        self.child.wait()


class Wire:
    """The network before a board, which counts."""

    def __init__(self, board, *options):
        self.dir = board.dir / "wire"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir()
        self.child = subprocess.Popen([sys.executable, PROXY, "--to", "127.0.0.1:%d" % board.port, "--folder", self.dir,
                                       *map(str, options)])
        while not (self.dir / "port").exists():
            time.sleep(0.02)
        self.port = int((self.dir / "port").read_text())
        board.know(self.port)

    def close(self):
        """Bytes, both ways together."""
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()
        count = json.loads((self.dir / "count").read_text())
        return count["up"] + count["down"]


EDITED_C = """#include <stdio.h>

int edited(int n);

int edited(int n)
{
	if (n > 1000)
		printf("large %%d\\n", n);
%s\treturn n * 3;
}
"""
LARGE_C = """#include <stdio.h>

int edited(int n);

int main(int argc, char **argv)
{
	(void)argv;
	return edited(argc) != 3;
}
"""
LOOP = """	for (int k = 0; k < n - 1; k++) {
		n ^= k * 77;
		printf("edited %d\\n", n);
	}
"""


class Large:
    """A program of 5 MB, nearly all of it a real library, and one function of it to be edited. In the last object of
    the link little moves by that, in the first one everything behind it."""

    def __init__(self, root, order):
        self.tree = root / ("board-large-" + order)
        self.order = order
        self.tree.mkdir(parents=True, exist_ok=True)
        found = subprocess.run(["gcc", "-print-file-name=libcrypto.a"], stdout=subprocess.PIPE).stdout.decode().strip()
        if not found.startswith("/"):
            sys.exit("bench: install libssl-dev")
        self.library = ["-Wl,--whole-archive", found, "-Wl,--no-whole-archive"]
        projects.write(self.tree / "large.c", LARGE_C)
        projects.write(self.tree / "xtest.json", json.dumps({"adapter": "manifest", "suites": [
            {"name": "large", "command": ["./large"], "platform": "target"}]}))
        self.edit(0)

    def edit(self, edit):
        projects.write(self.tree / "edited.c", EDITED_C % (LOOP * edit))
        projects.run(["gcc", "-O1", "-c", "edited.c", "large.c"], self.tree)
        objects = ["edited.o", "large.o"]
        words = objects + self.library if self.order == "first" else self.library + objects[::-1]
        projects.run(["gcc", "-o", "large", *words, "-ldl", "-pthread"], self.tree)
        projects.run(["./large"], self.tree)
        if self.size() < 5000000:
            sys.exit("bench: the large program has only %d bytes" % self.size())

    def size(self):
        return (self.tree / "large").stat().st_size


def scripts(root, cases, text):
    """`cases` script tests, each a suite of its own."""
    tree = root / ("board-%d" % cases)
    tree.mkdir(parents=True, exist_ok=True)
    projects.write(tree / "case.sh", "#!/bin/sh\n%s\n" % text)
    os.chmod(tree / "case.sh", 0o755)
    projects.write(tree / "xtest.json", json.dumps({"adapter": "manifest", "suites": [
        {"name": "case%04d" % n, "command": ["./case.sh", str(n)], "platform": "target"} for n in range(cases)]}))
    return tree


class Boards:
    def __init__(self, bench):
        self.bench = bench
        self.root = bench.root / "boards"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        self.target = platform.machine()
        self.open = []

    def board(self, name, shared=None):
        self.open.append(Board(self.root / name, shared))
        return self.open[-1]

    def run(self, tree, board, urls, *more):
        """Seconds, CPU seconds, peak memory in KiB of the program and its helpers, and the events."""
        events = self.root / "events.jsonl"
        command = [self.bench.xtest, "run", "--target", self.target, "--ssh-config", str(board.config),
                   *(w for u in urls for w in ("--on", u)), "--report", "jsonl=%s" % events, *more]
        with open(self.root / "out", "wb") as out:
            before = os.times()
            began = time.monotonic()
            child = subprocess.Popen(command, cwd=tree, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            peaks, done = {}, threading.Event()
            watcher = threading.Thread(target=watch, args=(child.pid, peaks, done))
            watcher.start()
            status = child.wait()
            wall = time.monotonic() - began
            done.set()
            watcher.join()
            after = os.times()
        if status:
            sys.exit("bench: %s ended with %d:\n%s" % (" ".join(command), status,
                                                       (self.root / "out").read_text(errors="replace")[-4000:]))
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return wall, cpu, peaks.get("all", 0), [json.loads(line) for line in events.read_text().splitlines()]

    def wired(self, tree, board, *options):
        """One run through the network: seconds and bytes."""
        wire = Wire(board, *options)
        wall = self.run(tree, board, [board.url(wire.port)])[0]
        return wall, wire.close()

    def close(self):
        for board in self.open:
            board.close()


def watch(pid, peaks, done):
    """The most memory that the program and its children had together, as their proportional shares."""
    while not done.wait(0.05):
        total = 0
        try:
            children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
            for p in [pid, *children]:
                text = pathlib.Path("/proc/%s/smaps_rollup" % p).read_text()
                total += int(text.split("Pss:")[1].split()[0])
        except (OSError, IndexError):
            continue
        peaks["all"] = max(peaks.get("all", 0), total)


def kib(count):
    return "%.1f KiB" % (count / 1024)


def shipping(m):
    bench, board = m.bench, m.board("one")
    one = scripts(bench.root, 1, "exit 0")
    first = m.wired(one, board)[1]
    bench.row("the runner and one script on an empty board", kib(first))
    for order in ("last", "first"):
        large = Large(m.root, order)
        # The runner goes along, as it is in the archive.
        board.forget()
        cold = m.wired(large.tree, board)[1]
        same = m.wired(large.tree, board)[1]
        packed = len(subprocess.run(["zstd", "-q", "-3", "-c", "large"], cwd=large.tree, stdout=subprocess.PIPE,
                                    check=True).stdout)
        large.edit(1)
        edited = m.wired(large.tree, board)[1]
        if order == "last":
            projects.run([bench.xtest, "archive", "--target", m.target, "--archive-file", "a.tar.zst"], large.tree)
            archive = (large.tree / "a.tar.zst").stat().st_size
            bench.row("cold ship of a project, whose archive has %s" % kib(archive),
                      "%s, %.3f x the archive" % (kib(cold), cold / archive), "at most 1.03 x")
            bench.row("nothing changed: bytes on the wire", kib(same), "at most 64 KiB")
        bench.row("one function edited in %.1f MB (%s compressed), the %s object of the link" % (
            large.size() / 1e6, kib(packed), order),
            "%s, of which %s an unchanged run has not: %.2f %%" % (kib(edited), kib(edited - same),
                                                                   100 * (edited - same) / packed),
            "at most 2 %" if order == "last" else "")


def slow(m):
    """Wall times at SLOW bytes a second, against scp of the archive."""
    bench, board, large = m.bench, m.open[0], Large(m.root, "last")
    projects.run([bench.xtest, "archive", "--target", m.target, "--archive-file", "a.tar.zst"], large.tree)
    wire = Wire(board, "--rate", SLOW)
    began = time.monotonic()
    projects.run([tool("scp", "openssh-client"), "-F", str(board.config), "-P", str(wire.port), "a.tar.zst",
                  "%s@127.0.0.1:%s/" % (board.user, board.dir)], large.tree)
    copy = time.monotonic() - began
    wire.close()
    bench.row("at 1 MB/s: scp of the archive", "%.2f s" % copy)
    board.forget()
    m.run(scripts(bench.root, 1, "exit 0"), board, [board.url()])
    for what, edit in (("cold ship and run", 0), ("nothing changed", 0), ("one function edited", 1)):
        large.edit(edit)
        wall = m.wired(large.tree, board, "--rate", SLOW)[0]
        bench.row("at 1 MB/s: " + what, "%.2f s, %.2f x scp" % (wall, wall / copy))


def overhead(m):
    bench, board = m.bench, m.board("short", m.open[0])
    tree = scripts(bench.root, CASES, "exit 0")
    m.run(tree, board, [board.url()])
    kept = board.ssh(board.port)[:-1] + ["-o", "ControlMaster=auto", "-o", "ControlPath=%s" % (m.root / "kept"), "-o",
                                         "ControlPersist=120", "127.0.0.1"]
    subprocess.run(kept + ["true"], check=True)
    calls, cases = [], []
    for _ in range(bench.o.rounds):
        began = time.monotonic()
        for _ in range(CALLS):
            subprocess.run(kept + ["true"], check=True)
        calls.append((time.monotonic() - began) / CALLS)
        cases.append(m.run(tree, board, [board.url()])[0] / CASES)
    subprocess.run(kept[:-1] + ["-O", "exit", "127.0.0.1"], stderr=subprocess.DEVNULL)
    bench.row("`ssh host true` over a kept connection", "%.2f ms" % (median(calls) * 1000))
    bench.row("a trivial case of %d, connection and all" % CASES, "%.2f ms, %.1f x faster" % (
        median(cases) * 1000, median(c / x for c, x in zip(calls, cases))), "at least 10 x")


def many(m):
    """All boards are busy until the last second within one longest case."""
    bench, first = m.bench, m.open[0]
    boards = [m.board("many%d" % i, first) for i in range(BOARDS)]
    # 0.05 to 0.8 s, and a few of 2 s at the end of the list.
    tree = scripts(bench.root, MANY, "[ $1 -lt %d ] || exec sleep 2\nsleep 0.$(($1 * 7 %% 76 + 5))" % (MANY - 20))
    urls = [b.url() for b in boards]
    m.run(tree, first, urls)  # durations are known from now on
    wall, cpu, peak, events = m.run(tree, first, urls)
    ends = [e for e in events if e["event"] == "case-end"]
    last, longest = {}, max(e["wall_us"] for e in ends) / 1000
    for e in ends:
        last[e["board"]] = max(last.get(e["board"], 0), e["time_ms"])
    spread = max(last.values()) - min(last.values())
    bench.row("%d cases on %d boards" % (MANY, BOARDS), "%.1f s, %.2f s CPU of everything here, %.1f MB" % (
        wall, cpu, peak / 1024))
    bench.row("boards that had work: %d; the first one out of it before the last one" % len(last),
              "%.2f s, the longest case %.2f s" % (spread / 1000, longest / 1000), "within one longest case")


def measure(bench):
    """The section "boards" of bench.py."""
    m = Boards(bench)
    try:
        shipping(m)
        slow(m)
        overhead(m)
        many(m)
    finally:
        m.close()
