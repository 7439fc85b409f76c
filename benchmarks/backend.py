"""Our backend in front of an engine against the engine alone, and the LiteLLM proxy beside it: `make bench-backend`.

The engine is the sandbox's Ollama double with a script: a fixed answer at a fixed token rate, as a process on loopback.
Measured are (a) the engine's own POST /api/chat, NDJSON, plain HTTP, no key; (b) POST /v1/chat/completions of our
backend process, server-sent events, TLS with its own certificate, key checked; (c) the same route of LiteLLM with a
master key, plain HTTP, one worker. The client is one asyncio process; connections are open before the clock starts.
The three take turns within every round. First byte is the first token at the client, from the last byte of the request.
Exits with 1 when a promise is broken: first byte at p50 3 ms and at p99 15 ms later at most, throughput 0.97 at least.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from benchmarks.backend_parts import MODEL, Target, everything

TOKENS = 25
LATER_P50, LATER_P99, THROUGHPUT = 0.003, 0.015, 0.97


@dataclass(slots=True)
class Tally:
    """What one target did at one concurrency: seconds to the first token, and tokens over seconds of whole rounds."""

    first: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0

    def at(self, share: float) -> float:
        """The first-token time at a quantile."""
        return sorted(self.first)[min(len(self.first) - 1, int(share * len(self.first)))]


class Connection:
    """One kept connection that speaks just enough HTTP/1.1 to read a chunked answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        self.reader, self.writer, self.target = reader, writer, target
        body = json.dumps(target.body).encode()
        self.request = target.head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def ask(self) -> tuple[float, int]:
        """One answer: seconds to its first token, and how many pieces with text it had."""
        began = time.perf_counter()
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{self.target.name}: {head[:200]!r}")
        first, text = 0.0, b""
        async for chunk in self._chunks():
            first = first or time.perf_counter() - began
            text += chunk
        return first, text.count(self.target.mark)

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readline(), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readline()


async def connect(target: Target) -> Connection:
    """Open, with TLS where the target has it."""
    tls = ssl.create_default_context(cafile=str(target.certificate)) if target.certificate else None
    return Connection(*await asyncio.open_connection("127.0.0.1", target.port, ssl=tls), target)


async def batch(connections: Sequence[Connection], each: int, tally: Tally, spread: float) -> None:
    """`each` answers in a row on every connection; they start spread over the time of one answer."""

    async def worker(place: int, connection: Connection) -> None:
        await asyncio.sleep(spread * place / len(connections))
        for _ in range(each):
            first, tokens = await connection.ask()
            tally.first.append(first)
            tally.tokens += tokens

    began = time.perf_counter()
    await asyncio.gather(*(worker(place, connection) for place, connection in enumerate(connections)))
    tally.seconds += time.perf_counter() - began


async def measure(targets: Sequence[Target], streams: int, rounds: int, each: int, delay: float) -> dict[str, Tally]:
    """All targets at one concurrency, alternating within every round."""
    tallies = {target.name: Tally() for target in targets}
    for target in targets:
        await turn(target, streams, 1, Tally(), delay)  # warm
    for number in range(rounds):
        for target in (*targets[number % len(targets) :], *targets[: number % len(targets)]):
            await turn(target, streams, each, tallies[target.name], delay)
    return tallies


async def turn(target: Target, streams: int, each: int, tally: Tally, delay: float) -> None:
    """One target's turn on connections of its own, opened before the clock starts."""
    connections = [await connect(target) for _ in range(streams)]
    await batch(connections, each, tally, delay * TOKENS)
    for connection in connections:
        connection.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await connection.writer.wait_closed()


def show(streams: int, tallies: dict[str, Tally]) -> bool:
    """Print one block; whether the promises hold."""
    base, kept = tallies["engine"], True
    print(f"{streams} streams at once, {len(base.first)} answers each")
    for name, tally in tallies.items():
        p50, p99 = (tally.at(q) - base.at(q) for q in (0.5, 0.99))
        rate = (tally.tokens / tally.seconds) / (base.tokens / base.seconds)
        line = f"  {name:<9} first token p50 {tally.at(0.5) * 1e3:7.1f} ms  p99 {tally.at(0.99) * 1e3:7.1f} ms"
        if name != "engine":
            line += f"   later by {p50 * 1e3:5.1f} / {p99 * 1e3:5.1f} ms   throughput x{rate:.3f}"
        print(line)
        if name == "backend":
            kept = p50 <= LATER_P50 and p99 <= LATER_P99 and rate >= THROUGHPUT
    print(f"  promised for the backend: later by 3.0 / 15.0 ms at most, throughput x0.970 at least: {kept}")
    return kept


async def run(targets: Sequence[Target], delay: float, factor: float) -> bool:
    """1, 8 and 32 streams."""
    kept = []
    for streams, rounds, each in ((1, 10, 10), (8, 5, 5), (32, 4, 4)):
        tallies = await measure(targets, streams, max(1, round(rounds * factor)), each, delay)
        kept.append(show(streams, tallies))
        for name, tally in tallies.items():
            if tally.tokens != len(tally.first) * TOKENS:
                print(f"  {name} lost tokens: {tally.tokens} of {len(tally.first) * TOKENS}")
                kept.append(False)
    return all(kept)


def main() -> int:
    """Start the parts, measure, judge."""
    options = argparse.ArgumentParser(prog="make bench-backend")
    options.add_argument("--delay", type=float, default=0.02, help="seconds between tokens")
    options.add_argument("--factor", type=float, default=1.0, help="more or fewer rounds")
    chosen = options.parse_args()
    print(f"{TOKENS} tokens of {MODEL} at {1 / chosen.delay:.0f}/s")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    with everything(chosen.delay, TOKENS) as targets:
        return int(not asyncio.run(run(targets, chosen.delay, chosen.factor)))


if __name__ == "__main__":
    sys.exit(main())
