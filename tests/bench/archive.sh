#!/bin/sh
# xtest archive and its reading, against tar and zstd with the same files, level and threads.
#
# usage: tests/bench/archive.sh [MIB [ROUNDS]]     (in the build directory: ../tests/bench/archive.sh)
#
# The files are this machine's own programs and libraries, with their first bytes changed: else xtest would add what
# they load. Both sides take turns, so that what else the machine
# does falls on both; a line is one round, and the last one is the quickest of each. "cpu" is user and system time of
# all threads, which a busy machine changes least. Prints the table for docs/performance.md.
set -eu
mib=${1:-220}
rounds=${2:-5}
xtest=${XTEST:-$PWD/xtest}
[ -x "$xtest" ] || { echo "$0: no $xtest: call it in the build directory, or set XTEST" >&2; exit 2; }
for tool in zstd python3; do
	command -v $tool >/dev/null || { echo "$0: no $tool: install $tool" >&2; exit 77; }
done
bed=$(mktemp -d "${TMPDIR:-/tmp}/xtest-bench-XXXXXX")
trap 'rm -rf "$bed"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$bed/p/data"
cat >"$bed/p/xtest.json" <<'JSON'
{
	"adapter": "manifest",
	"archive": {"include": [{"path": "data"}]},
	"suites": [{"name": "one", "command": ["true"], "platform": "target"}]
}
JSON
python3 - "$mib" "$bed/p/data" <<'PY'
import os, sys

left, number = int(sys.argv[1]) << 20, 0
for top in "/usr/lib", "/usr/bin", "/usr/share":
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(folder, name)
            if left > 0 and os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK):
                size = os.path.getsize(path)
                if 4096 < size < 12 << 20 and sum(path.encode()) % 7 == 0:
                    with open(path, "rb") as old, open("%s/%05d-%s" % (sys.argv[2], number, name), "wb") as new:
                        new.write(b"DATA" + old.read()[4:])
                    number += 1
                    left -= size
PY
cat >"$bed/measure.py" <<'PY'
import os, subprocess, sys, time

def run(command, cwd):
    start, before = time.monotonic(), os.times()
    # The peak of one process at a time: ru_maxrss of all children would only ever rise.
    child = subprocess.Popen(["sh", "-c", command], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    after = os.times()
    if status:
        sys.exit("%s: failed\n%s" % (command, text.decode()))
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.monotonic() - start, cpu, usage.ru_maxrss / 1024

xtest, bed, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
cases = [
    ("pack", "tar | zstd -T0 -3", "tar c p | zstd -q -T0 -3 -f -o a.tar.zst", bed),
    ("pack", "xtest archive", "exec %s archive --archive-file ../b.tar.zst --zstd-level 3" % xtest, bed + "/p"),
    ("unpack", "zstd -d | tar x", "rm -rf x && mkdir x && zstd -q -d -c a.tar.zst | tar x -C x", bed),
    ("unpack", "xtest list", "rm -rf y && exec %s list --archive-file b.tar.zst --extract-to y" % xtest, bed),
]
for command in cases:
    run(command[2], command[3])
best = {}
for turn in range(rounds):
    for what, name, command, cwd in cases:
        got = run(command, cwd)
        best[name] = tuple(map(min, best.get(name, got), got))
        print("# round %d  %-18s %6.2f s  %6.2f s cpu  %4.0f MiB" % (turn + 1, name, *got), flush=True)
size = sum(os.path.getsize(os.path.join(bed, "p/data", f)) for f in os.listdir(bed + "/p/data")) / 2**20
print("\n%.0f MiB in %d files, level 3, %d processors, best of %d\n" % (
    size, len(os.listdir(bed + "/p/data")), os.cpu_count(), rounds))
print("| | wall | MiB/s | cpu | result |\n|---|---|---|---|---|")
for what, name, command, cwd in cases:
    wall, cpu, memory = best[name]
    made = {"tar | zstd -T0 -3": "a.tar.zst", "xtest archive": "b.tar.zst"}.get(name)
    print("| %s: `%s` | %.2f s | %.0f | %.2f s | %s |" % (what, name, wall, size / wall, cpu,
        "%.1f MiB" % (os.path.getsize(os.path.join(bed, made)) / 2**20) if made else ""))
PY
python3 "$bed/measure.py" "$xtest" "$bed" "$rounds"
