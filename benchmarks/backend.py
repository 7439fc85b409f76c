"""Backend benchmark: the backend against direct access to the engine and against LiteLLM (`make bench-backend`).

The engine is the sandbox's Ollama double, scripted with a fixed reply at a fixed token rate, as a process on loopback.
The targets are (a) POST /api/chat of the engine, NDJSON, plain HTTP, no key; (b) POST /v1/chat/completions of the
backend process, server-sent events, TLS with its own certificate, with key; (c) the same route of LiteLLM with a master
key, plain HTTP, one worker. The client is one asyncio process; connections are opened before the clock starts. The
targets alternate within every round. Latency is the time from sending the request to the first token at the client.
Exits with 1 if a limit is exceeded: added latency of 3 ms at p50 and 15 ms at p99, throughput of at least 0.97.
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
    """Results of one target at one concurrency: seconds to each first token, and total tokens and seconds."""

    first: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0

    def at(self, share: float) -> float:
        """Return the first-token latency at the quantile `share`."""
        return sorted(self.first)[min(len(self.first) - 1, int(share * len(self.first)))]


class Connection:
    """Persistent connection that implements enough of HTTP/1.1 to read a chunked response."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Target) -> None:
        self.reader, self.writer, self.target = reader, writer, target
        body = json.dumps(target.body).encode()
        self.request = target.head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def ask(self) -> tuple[float, int]:
        """Return the seconds to the first token and the token count; raise RuntimeError unless the status is 200."""
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
    """Open a connection to `target`, with TLS if it has a certificate."""
    tls = ssl.create_default_context(cafile=str(target.certificate)) if target.certificate else None
    return Connection(*await asyncio.open_connection("127.0.0.1", target.port, ssl=tls), target)


async def batch(connections: Sequence[Connection], each: int, tally: Tally, spread: float) -> None:
    """Send `each` requests in sequence on every connection; the starts are distributed over `spread` seconds."""

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
    """Measure all targets at one concurrency, alternating within every round."""
    tallies = {target.name: Tally() for target in targets}
    for target in targets:
        await turn(target, streams, 1, Tally(), delay)  # warm-up
    for number in range(rounds):
        for target in (*targets[number % len(targets) :], *targets[: number % len(targets)]):
            await turn(target, streams, each, tallies[target.name], delay)
    return tallies


async def turn(target: Target, streams: int, each: int, tally: Tally, delay: float) -> None:
    """Measure one target, on new connections that are opened before the clock starts."""
    connections = [await connect(target) for _ in range(streams)]
    await batch(connections, each, tally, delay * TOKENS)
    for connection in connections:
        connection.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await connection.writer.wait_closed()


def show(streams: int, tallies: dict[str, Tally]) -> bool:
    """Print the results of one concurrency; return whether they are within the limits."""
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
    """Measure 1, 8 and 32 concurrent streams; return whether all results are within the limits."""
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
    """Start the processes, run the benchmark and return the exit code."""
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
