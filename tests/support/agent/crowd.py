"""A crowd of clients of the gateway: many requests at once, repeated after a 503 as OpenAI's clients do.

The agent is a process of its own, so that what it holds is known; its machine sleeps at first.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.agent.alone import alone
from tests.support.agent.gateway import ASKED
from tests.support.agent.gateway import KEY as GATEWAY_KEY
from tests.support.agent.served import KEY, LONG, eventually
from tests.support.doubles.streaming_tls import EVENTS, upstream

GREETING = b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\ndata: [DONE]\n\n'
OPEN = 64  # requests at a time, by default
MORE_OPENED = 4  # descriptors
PAUSE = 0.05  # real seconds in place of the 5 that a 503 names
MB = 1_000_000


@dataclass
class Crowd:
    """Clients of the agent at a port. `statuses` counts responses, `answers` are the bodies of complete ones."""

    port: int
    statuses: Counter[int] = field(default_factory=Counter)
    answers: Counter[bytes] = field(default_factory=Counter)

    def ask(self, count: int, at_once: int) -> None:
        """Make so many requests, every second one a stream, until each has a response."""
        asyncio.run(self._all(count, at_once))

    async def _all(self, count: int, at_once: int) -> None:
        turns = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with turns:
                await self._until_answered(stream=number % 2 == 0)

        async with asyncio.timeout(6 * LONG):
            await asyncio.gather(*(one(number) for number in range(count)))

    async def _until_answered(self, *, stream: bool) -> None:
        while True:
            status, body = await self._once(stream=stream)
            self.statuses[status] += 1
            if status != 503:
                self.answers[body] += 1
                return
            assert b"too_many_requests" in body, body
            await asyncio.sleep(PAUSE)

    async def _once(self, *, stream: bool) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            body = json.dumps(ASKED | {"stream": stream}).encode()
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {GATEWAY_KEY.reveal()}\r\n"
            writer.write(f"{head}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            found = await reader.read()
        finally:
            writer.close()
        first, _, rest = found.partition(b"\r\n\r\n")
        return int(first.split()[1]), rest


@dataclass(frozen=True)
class Held:
    """What the process of the agent holds: memory in MB, descriptors, and requests that wait."""

    memory: float
    opened: int
    waiting: int


def held(port: int) -> Held:
    """Return it, by the agent's own metrics."""
    headers = {"Authorization": f"Bearer {KEY.reveal()}"}
    text = requests.get(f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=LONG).text
    found = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    memory, opened = found["process_resident_memory_bytes"] / MB, int(found["process_open_fds"])
    return Held(memory, opened, int(found["ert_agent_gateway_held"]))


@dataclass(frozen=True)
class Played:
    """Result of a crowd: how often a machine was started, what the agent held, and what the backend got."""

    crowd: Crowd
    starts: int
    before: Held
    after_half: Held
    after_all: Held
    bodies: int

    def line(self) -> str:
        """Return it as text."""
        memory = ", ".join(f"{one.memory:.0f}" for one in (self.before, self.after_half, self.after_all))
        answered = f"{sum(self.crowd.answers.values())} requests answered, {self.crowd.statuses[503]} times not at once"
        opened = self.after_all.opened - self.before.opened
        return f"{answered}; {self.starts} start; agent {memory} MB, {opened:+d} descriptors"


def played(folder: Path, count: int, at_once: int) -> Played:
    """Have half of the requests made while the machine sleeps, and the other half afterwards."""
    with upstream() as one, alone(one, folder / "pem") as agent:
        one.parts = [EVENTS + GREETING]
        crowd, before = Crowd(agent.port), held(agent.port)
        first = threading.Thread(target=crowd.ask, args=(count // 2, at_once))
        first.start()
        eventually(lambda: held(agent.port).waiting == OPEN)
        agent.go()
        first.join()
        after_half = _settled(agent.port, before)
        crowd.ask(count - count // 2, at_once)
        after_all = _settled(agent.port, before)
        return Played(crowd, agent.end(), before, after_half, after_all, len(one.bodies))


def _settled(port: int, before: Held) -> Held:
    """Return what it holds once no request is left."""
    eventually(lambda: held(port).waiting == 0 and held(port).opened <= before.opened + MORE_OPENED)
    return held(port)
