#!/usr/bin/env python3
"""A bad network: forwards a TCP port on loopback, and breaks what goes through it as it is told.

    proxy.py --to HOST:PORT --folder DIR [OPTION...]

It writes DIR/port once it listens, and DIR/count, a line of JSON, four times a second and at its end: bytes in both
directions, connections, cuts, stalls. What it breaks:

    --close-every S      every connection is reset S seconds after it was made
    --stall-every S --stall-for T
                         every S seconds nothing moves for T seconds, in either direction
    --cut-at N,N,...     the connection that carries byte N (of all connections and both directions) is reset there
    --cut-random COUNT --cut-within BYTES --seed N
                         the same at COUNT random positions below BYTES
    --rate B             bytes a second, each direction for itself, all connections together
    --delay MS           what goes in comes out that much later, each way
    --refuse-for S       for S seconds after a cut new connections are reset at once
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import signal
import socket
import struct
import sys
import time

CHUNK = 16384


class Cut(Exception):
    """This connection ends here."""


class Proxy:
    def __init__(self, option):
        self.o = option
        self.up = self.down = self.connections = self.cuts = self.stalls = 0
        self.began = time.monotonic()
        self.stalled_until = self.refused_until = 0.0
        self.free_at = {"up": 0.0, "down": 0.0}
        positions = [int(n) for n in option.cut_at.split(",") if n]
        dice = random.Random(option.seed)
        positions += [dice.randrange(option.cut_within) for _ in range(option.cut_random)]
        self.positions = collections.deque(sorted(set(positions)))

    def count(self):
        text = json.dumps({"up": self.up, "down": self.down, "connections": self.connections, "cuts": self.cuts,
                           "stalls": self.stalls, "left": len(self.positions)})
        path = pathlib.Path(self.o.folder, "count")
        path.with_suffix(".new").write_text(text + "\n")
        os.replace(path.with_suffix(".new"), path)

    async def tick(self):
        next_stall = self.began + self.o.stall_every
        while True:
            self.count()
            await asyncio.sleep(0.25)
            now = time.monotonic()
            if self.o.stall_every and now >= next_stall:
                self.stalled_until = now + self.o.stall_for
                self.stalls += 1
                next_stall = self.stalled_until + self.o.stall_every

    async def pause(self, way, size):
        """The link's rate and its stalls."""
        if self.o.rate:
            start = max(time.monotonic(), self.free_at[way])
            self.free_at[way] = start + size / self.o.rate
            await asyncio.sleep(self.free_at[way] - time.monotonic())
        while time.monotonic() < self.stalled_until:
            await asyncio.sleep(min(0.25, max(0.0, self.stalled_until - time.monotonic())))

    def allowed(self, size):
        """How much of `size` bytes may go before the next cut."""
        if not self.positions:
            return size
        return min(size, max(0, self.positions[0] - self.up - self.down))

    async def pump(self, way, reader, queue):
        while True:
            data = await reader.read(min(CHUNK, max(512, self.o.rate // 20)) if self.o.rate else CHUNK)
            await queue.put((time.monotonic() + self.o.delay / 1000, data))
            if not data:
                return

    async def drain(self, way, writer, queue):
        while True:
            due, data = await queue.get()
            if due > time.monotonic():
                await asyncio.sleep(due - time.monotonic())
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            await self.pause(way, len(data))
            size = self.allowed(len(data))
            setattr(self, way, getattr(self, way) + size)
            writer.write(data[:size])
            await writer.drain()
            if size < len(data):
                while self.positions and self.positions[0] <= self.up + self.down:
                    self.positions.popleft()
                raise Cut

    async def expire(self):
        await asyncio.sleep(self.o.close_every)
        raise Cut

    async def serve(self, reader, writer):
        self.connections += 1
        if time.monotonic() < self.refused_until:
            return reset(writer)
        host, port = self.o.to.rsplit(":", 1)
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            return reset(writer)
        for w in (writer, far_writer):
            w.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        up, down = asyncio.Queue(64), asyncio.Queue(64)
        work = [self.pump("up", reader, up), self.drain("up", far_writer, up),
                self.pump("down", far_reader, down), self.drain("down", writer, down)]
        tasks = [asyncio.ensure_future(w) for w in work]
        both = asyncio.gather(*tasks)
        clock = asyncio.ensure_future(self.expire()) if self.o.close_every else None
        try:
            await asyncio.wait([f for f in (both, clock) if f], return_when=asyncio.FIRST_COMPLETED)
            if not both.done():
                both.cancel()
                raise Cut
            both.result()
            for w in (writer, far_writer):
                w.close()
                await w.wait_closed()
        except Cut:
            self.cuts += 1
            self.refused_until = time.monotonic() + self.o.refuse_for
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for t in tasks + ([clock] if clock else []):
                t.cancel()
            await asyncio.gather(both, *tasks, *([clock] if clock else []), return_exceptions=True)
            reset(writer)
            reset(far_writer)

    async def main(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", self.o.port)
        port = server.sockets[0].getsockname()[1]
        path = pathlib.Path(self.o.folder, "port")
        path.with_suffix(".new").write_text("%d\n" % port)
        os.replace(path.with_suffix(".new"), path)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        ticking = asyncio.ensure_future(self.tick())
        await asyncio.wait([asyncio.ensure_future(stop.wait()), ticking], timeout=self.o.life,
                           return_when=asyncio.FIRST_COMPLETED)
        self.count()


def reset(writer):
    """Closes as a link that breaks does: with no farewell."""
    peer = writer.get_extra_info("socket")
    if peer is not None:
        try:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--close-every", type=float, default=0)
    parser.add_argument("--stall-every", type=float, default=0)
    parser.add_argument("--stall-for", type=float, default=0)
    parser.add_argument("--cut-at", default="")
    parser.add_argument("--cut-random", type=int, default=0)
    parser.add_argument("--cut-within", type=int, default=1 << 20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--refuse-for", type=float, default=0)
    parser.add_argument("--life", type=float, default=3600, help="seconds until it ends by itself")
    asyncio.run(Proxy(parser.parse_args()).main())
    return 0


if __name__ == "__main__":
    sys.exit(main())
