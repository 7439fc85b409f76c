"""Streams of `/v1` through HAProxy and reports of the dashboard, requested all the time, counted by phase."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.support.dashboard.following import FINISHED, until

CHAT = {"messages": [{"role": "user", "content": "Say hello."}], "stream": True, "max_tokens": 24}
AT_ONCE = 2  # reports that are not finished


@dataclass
class Load:
    """Clients of both ways. A stream is whole with its last event, rejected with another code than 200, or cut.

    It counts in the phase in which it ends, a report in that in which it was requested.
    """

    v1: str
    app: str
    model: str
    clients: int = 6
    phase: str = ""
    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reports: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Start the clients."""
        self.threads = [threading.Thread(target=self.stream) for _ in range(self.clients)]
        self.threads.append(threading.Thread(target=self.write))
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        """Let each client end what it has begun, and wait for that."""
        self.over.set()
        for thread in self.threads:
            thread.join()

    def count(self, phase: str, name: str, wrong: str = "") -> None:
        self.counts[phase][name] += 1
        if wrong:
            self.wrong.append(f"{phase}: {wrong}")

    def stream(self) -> None:
        """Send one request after the other on a connection that is kept open."""
        with requests.Session() as session:
            session.trust_env = False
            while not self.over.is_set():
                name, wrong = self._streamed(session)
                self.count(self.phase, name, wrong)

    def _streamed(self, session: requests.Session) -> tuple[str, str]:
        body = {**CHAT, "model": self.model}
        try:
            with session.post(f"{self.v1}/chat/completions", json=body, stream=True, timeout=120) as found:
                if found.status_code != 200:
                    return "rejected", f"{found.status_code} {found.text[:120]!r}"
                lines = [line for line in found.iter_lines() if line]
        except requests.RequestException as error:
            return "cut", repr(error)[:200]
        return ("whole", "") if lines and lines[-1] == b"data: [DONE]" else ("cut", f"ends with {lines[-1:]}")

    def write(self) -> None:
        """Have the dashboard write reports, so many at once."""
        while not self.over.wait(0.3):
            if sum(one not in FINISHED for one in self.states().values()) < AT_ONCE:
                self._report()

    def _report(self) -> None:
        try:
            found = requests.post(f"{self.app}/api/generate", json={"ticker": "AAPL"}, timeout=20)
            self.reports[found.json()["report_id"]] = self.phase
        except (requests.RequestException, KeyError, json.JSONDecodeError) as error:
            self.count(self.phase, "report not taken", repr(error)[:200])

    def states(self) -> dict[str, str]:
        """Return the state of each report that was taken; "" while the dashboard does not respond."""
        return {report: self._state(report) for report in list(self.reports)}

    def _state(self, report: str) -> str:
        try:
            found = requests.get(f"{self.app}/api/reports/{report}", timeout=20)
            return str(found.json()["data"]["status"])
        except (requests.RequestException, KeyError, json.JSONDecodeError):
            return ""

    def ended(self, seconds: float) -> None:
        """Stop, wait until each report is finished, and count it in the phase in which it was requested."""
        self.stop()
        until(lambda: set(self.states().values()) <= FINISHED, seconds, 0.5)
        for report, state in self.states().items():
            self.count(self.reports[report], f"report {state}", "" if state == "completed" else f"{report} {state}")

    def lines(self) -> str:
        """Return the counts of each phase and what was wrong, as text."""
        return "\n".join([*(f"{phase}: {dict(counts)}" for phase, counts in self.counts.items()), *self.wrong])

    def lost(self, phase: str) -> int:
        """Return how many streams of a phase were cut or rejected."""
        return self.counts[phase]["cut"] + self.counts[phase]["rejected"]


@contextmanager
def load(v1: str, app: str, phase: str, clients: int = 6) -> Iterator[Load]:
    """Run the clients until the block is left."""
    (model, *_) = requests.get(f"{v1}/models", timeout=20).json()["data"]
    found = Load(v1, app, model["id"], clients, phase)
    found.start()
    try:
        yield found
    finally:
        found.stop()
