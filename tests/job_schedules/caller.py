"""Clients that request reports: the dashboard's own `ReportRun`, and clients that repeat their requests.

Calls use the backend's own key check, errors, descriptions and event stream, and fail with the errors of the
dashboard's client; the network drops requests and responses.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from ert_backend.api.events import attended, follow
from ert_backend.api.responses import known
from ert_dashboard.backend import protocol
from ert_dashboard.backend.client import BackendClient
from ert_dashboard.backend.errors import BackendError, Unavailable
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.reports.runner import Failed, ReportRun
from ert_dashboard.reports.waking import Unwoken
from ert_dashboard.storage.job import Job
from tests.job_schedules.machine import App
from tests.job_schedules.network import Published, Wire, show, submit
from tests.job_schedules.virtual import VirtualLoop

T = TypeVar("T")
WAKE, TOTAL = 1500.0, 1500.0


class Scrap:
    """A draft store that is not used here."""

    def keep(self, section: str, text: str) -> None:
        """Discard the section."""

    def clear(self) -> None:
        """Do nothing."""

    def sections(self) -> dict[str, str]:
        """Return none."""
        return {}


class VirtualInterrupt:
    """`Interrupt` on the virtual clock: the same limits and reasons, without sockets."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop, self.deadline = loop, float("inf")
        self.reason: Reason | None = None
        self.cut_short = asyncio.Event()

    def limit(self, seconds: float | None) -> None:
        self.deadline = float("inf") if seconds is None else self.loop.time() + seconds

    def cut(self, reason: Reason) -> None:
        self.reason = self.reason or reason
        self.cut_short.set()

    def check(self) -> None:
        if self.reason is None and self.loop.time() >= self.deadline:
            self.reason = Reason.DEADLINE
        if self.reason is not None:
            raise Interrupted(self.reason)

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run the loop until `work` is done; None when the limit is reached or an interrupt occurs first."""

        async def bounded() -> T | None:
            task = asyncio.ensure_future(work)
            cut = asyncio.ensure_future(self.cut_short.wait())
            left = max(0.0, min(self.deadline - self.loop.time(), 1e9))
            await asyncio.wait({task, cut}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            cut.cancel()
            done = task.done()
            task.cancel()
            await asyncio.wait({task, cut})
            return task.result() if done else None

        result = self.loop.run_until_complete(bounded())
        self.check()
        return result


class Client:
    """The backend client for `ReportRun`, over the virtual network."""

    total_s = TOTAL

    def __init__(self, network: Wire, at: Published, interrupt: VirtualInterrupt) -> None:
        self.wire, self.at, self.interrupt = network, at, interrupt

    def _exchange(self, do: Callable[[App], T]) -> T:
        self.interrupt.check()
        self.interrupt.wait(0.05)
        return self.wire.exchange(self.at, do)

    def submit(self, report_id: str, request: Mapping[str, Any], _: object) -> protocol.Update:
        return protocol.read_snapshot(self._exchange(lambda app: submit(app, {"id": report_id, **request})))

    def snapshot(self, report_id: str, _: object) -> protocol.Update:
        return protocol.read_snapshot(self._exchange(lambda app: show(app, report_id)))

    def health(self, _: object) -> tuple[int, dict[str, Any]]:
        raise Unavailable("not asked here")

    def generate_report(self, request: Mapping[str, Any], _: object) -> dict[str, Any]:
        raise AssertionError("this backend has /reports")

    def events(self, report_id: str, last: str | None, _: object) -> Generator[protocol.StreamEvent, None, None]:
        app, job = self._exchange(lambda app: (app, known(app.jobs, report_id)))
        stream = attended(app.jobs.attend(job), follow(job, int(last or 0)))
        yield from protocol.stream_events(self._chunks(app, stream))

    def _chunks(self, app: App, stream: Any) -> Iterator[bytes]:
        try:
            while True:
                chunk = self.interrupt.run(self._next(app, stream))
                if chunk is None:
                    return
                self.wire.note(f"the dashboard hears {chunk[:40]!r}")
                yield chunk
                if self.wire.random.random() < self.wire.lossy:
                    raise Unavailable("the connection was lost")
        finally:
            # Left to the garbage collector, the stream would end at a time that does not depend on the seed.
            self.wire.loop.run_until_complete(stream.aclose())

    async def _next(self, app: App, stream: Any) -> bytes | None:
        """Return the next bytes; None at the end. Raise Unavailable when the process dies first."""
        step = asyncio.ensure_future(anext(stream, None))
        gone = asyncio.ensure_future(app.gone.wait())
        try:
            await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                raise Unavailable("the connection was lost")
            return cast("bytes | None", step.result())
        finally:
            step.cancel()
            gone.cancel()
            await asyncio.wait({step, gone})


@dataclass
class Ending:
    """The outcome of one report for its client: the count of endings, and the result or the reason for its absence."""

    count: int = 0
    result: Mapping[str, Any] | None = None
    why: str = ""

    def done(self, result: Mapping[str, Any] | None, why: str = "") -> None:
        self.count += 1
        self.result, self.why = result, why


class Dashboard:
    """One report through the real `ReportRun`; a restart (a redeploy) keeps only the stored state."""

    def __init__(self, network: Wire, report_id: str, request: Mapping[str, Any], published: Published) -> None:
        self.wire, self.published, self.ending = network, published, Ending()
        self.job = Job(report_id, "AAPL", "Apple", "x", created=network.loop.time(), owner="a", request=request)
        self.interrupt: VirtualInterrupt | None = None

    def wall(self) -> float:
        return self.wire.loop.time() + 1.0

    monotonic = wall

    def save(self, **fields: Any) -> Job:
        assert self.interrupt is not None
        self.interrupt.check()
        self.job = replace(self.job, **fields)
        return self.job

    def ask(self) -> None:
        """Run until the report is finished, with or without a result, through every restart."""
        self.job = replace(self.job, started=self.wall())
        while self.ending.count == 0:
            at = replace(self.published)
            self.interrupt = VirtualInterrupt(self.wire.loop)
            client = cast(BackendClient, Client(self.wire, at, self.interrupt))
            interrupt = cast(Interrupt, self.interrupt)
            run = ReportRun(
                self.job,
                client,
                self.save,
                interrupt=interrupt,
                clock=self,
                wake_s=WAKE,
                draft=Scrap(),
                waking=Unwoken(),
            )
            try:
                self.ending.done(run.write())
            except Failed as failure:
                self.ending.done(None, str(failure))
            except Interrupted as stop:
                if stop.reason is Reason.CLOSING:
                    self.wire.loop.run_until_complete(asyncio.sleep(self.wire.random.uniform(0.5, 5)))
                    continue
                self.ending.done(None, "deadline")

    def redeploy(self) -> None:
        """Replace the process: its work is cut, its stored state is kept."""
        if self.interrupt is not None:
            self.interrupt.cut(Reason.CLOSING)


async def repeat(
    network: Wire, report_id: str, request: Mapping[str, Any], published: Published, ending: Ending
) -> None:
    """Submit one id repeatedly without a stream, sometimes twice at once."""
    body = {"id": report_id, **request}
    until = network.loop.time() + WAKE + TOTAL
    while network.loop.time() < until:
        await asyncio.sleep(network.random.uniform(0.5, 4))
        try:
            for _ in range(1 + (network.random.random() < 0.2)):
                update = protocol.read_snapshot(network.exchange(replace(published), lambda app: submit(app, body)))
        except BackendError as error:
            if not isinstance(error, Unavailable):
                return ending.done(None, str(error))
            continue
        if update.phase is protocol.Phase.DONE:
            with contextlib.suppress(BackendError):
                network.exchange(replace(published), lambda app: show(app, report_id))
            return ending.done(update.result)
        if update.phase in (protocol.Phase.FAILED, protocol.Phase.CANCELED):
            return ending.done(None, update.error or str(update.phase))
    return ending.done(None, "deadline")
