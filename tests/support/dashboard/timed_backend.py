"""A backend that writes one report at a time, in a fixed time each; `python -m` runs it as a process of its own."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.dashboard.fake_backend import FakeBackend
from tests.support.dashboard.fake_report import Report


class TimedBackend(FakeBackend):
    """`service_s` seconds for each report, in the order in which they come; with a `seed`, exponential by that mean.

    `began` has the monotonic time of each report by its id, and `took` its length in seconds.
    """

    def __init__(self, service_s: float, seed: int | None = None) -> None:
        self.service_s = service_s
        self._random = None if seed is None else random.Random(seed)
        self.finished: list[str] = []
        self.began: dict[str, float] = {}
        self.took: dict[str, float] = {}
        super().__init__()
        self.held = True
        self.status = {"draining": False}
        self._writer = threading.Thread(target=self._write, name="writer", daemon=True)
        self._writer.start()

    def _write(self) -> None:
        begun = 0
        while not self.closing.is_set():
            self.arrived.wait(0.2)
            self.arrived.clear()
            for report in list(self.reports.values())[begun:]:
                begun += 1
                if report.status == "queued":
                    self._one_report(report)

    def _one_report(self, report: Report) -> None:
        length = self.service_s if self._random is None else self._random.expovariate(1 / self.service_s)
        begun = self.began[report.report_id] = time.monotonic()
        self.took[report.report_id] = length
        report.tell("started", {}, "running")
        sections = len(report.request["sections"])
        for number in range(1, sections + 1):
            if self.closing.wait(max(0.0, begun + length * number / sections - time.monotonic())):
                return
            report.write(number, begin=number)
        report.finish()
        self.finished.append(report.report_id)


@dataclass
class Run:
    """A backend that runs as a process."""

    url: str
    pem: str
    key: str
    process: subprocess.Popen[str]

    def told(self) -> dict[str, dict[str, float]]:
        """Return when each report began, in seconds of the monotonic clock, and how long each takes."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("told\n")
        self.process.stdin.flush()
        found: dict[str, dict[str, float]] = json.loads(self.process.stdout.readline())
        return found

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def processes(count: int, service_s: float, seed: int = 0) -> Iterator[list[Run]]:
    """Start so many backends, each with a certificate of its own, and kill those that are left; 0 is no seed."""
    found: list[Run] = []
    try:
        for at in range(count):
            seeds = [str(seed + at)] if seed else []
            command = [sys.executable, "-m", "tests.support.dashboard.timed_backend", str(service_s), *seeds]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
            found.append(Run("", "", "", process))
        for run in found:
            assert run.process.stdout is not None
            said: dict[str, Any] = json.loads(run.process.stdout.readline())
            run.url, run.pem, run.key = said["url"], said["pem"], said["key"]
        yield found
    finally:
        for run in found:
            run.kill()
            for stream in (run.process.stdin, run.process.stdout):
                if stream is not None:
                    stream.close()


def main() -> None:
    """Serve until the standard input is closed; each line of it has the times of the reports printed."""
    backend = TimedBackend(float(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(json.dumps({"url": backend.url, "pem": backend.pem, "key": backend.key}), flush=True)  # noqa: T201 the caller reads it
    for _ in sys.stdin:
        print(json.dumps({"began": backend.began, "took": backend.took}), flush=True)  # noqa: T201 likewise
    backend.close()


if __name__ == "__main__":
    main()
