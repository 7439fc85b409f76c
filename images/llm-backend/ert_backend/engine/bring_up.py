"""Model bring-up: loads the model in the background and keeps it loaded, while the app already serves requests.

    starting -> pulling -> loading -> (smoke test) -> ready      any of them -> failed -> (a pause) -> starting

A host that fails the smoke test stays `failed` and `sick` until it passes: it is never reported as loading in between.
No other code pulls or loads: a health check only reads this state. When the engine stops after it was ready, the
bring-up starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ert_backend.base.clock import boot_seconds
from ert_backend.engine.protocol import EngineDown, EngineError, EngineFailed, LlmEngine, Loaded, Model, NotAsConfigured
from ert_backend.engine.smoke_test import Finding, HostSick, Standards, examine

SANDBOX = "sandbox"


class Phase(StrEnum):
    """Phase of the bring-up; the values are those in `/health`."""

    STARTING = "starting"
    PULLING = "pulling"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pace:
    """Real seconds: between polls of the engine, of a pull without data, after a failure, after a failed smoke test."""

    look: float = 0.5
    watch: float = 5.0
    pull_stall: float = 120.0
    retry: float = 10.0
    sick: float = 60.0


@dataclass(slots=True)
class BringUp:
    """State of the engine and the model. Names are the engine's own. `entered` is in boot seconds.

    `misconfigured` is whether the failure would occur on every machine.
    """

    wanted: str
    name: str = "ollama"
    title: str = "Ollama"
    wanted_digest: str | None = None
    phase: Phase = Phase.STARTING
    completed: int = 0
    total: int = 0
    detail: str = "waiting for the engine"
    version: str = ""
    model: str = ""
    digest: str = ""
    loaded: Loaded | None = None
    finding: Finding | None = None
    sick: bool = False
    misconfigured: bool = False
    was_ready: bool = False
    entered: float = field(default_factory=boot_seconds)
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ready(self) -> bool:
        """Whether a report can be written now."""
        return self.phase is Phase.READY

    @property
    def engine(self) -> str:
        """The engine's name with the version that it reports."""
        return f"{self.name} {self.version}" if self.version else self.name

    @property
    def sandbox(self) -> bool:
        """Whether the engine's version marks it as a sandbox."""
        return SANDBOX in self.version.lower()

    def fail(self, error: EngineError) -> None:
        """Record a failure, and whether it would occur on every machine."""
        self.enter(Phase.FAILED, str(error))
        self.misconfigured = isinstance(error, NotAsConfigured)

    def enter(self, phase: Phase, detail: str) -> None:
        """Enter a phase; the counters are reset, except on a failure, so that they stay visible."""
        self.misconfigured = False
        if phase is not Phase.FAILED:
            self.completed = self.total = 0
        if phase is not self.phase:
            self.entered = boot_seconds()
        self.phase, self.detail = phase, detail
        self.sick = self.sick and phase is Phase.FAILED
        if phase is Phase.READY:
            self.was_ready = True
            self.settled.set()
        else:
            self.settled.clear()


async def keep_up(
    state: BringUp, engine: LlmEngine, pace: Pace, on_ready: Callable[[], None], standards: Standards
) -> None:
    """Bring up, watch, and bring up again; never returns. Failures are recorded in the state and retried."""
    while True:
        try:
            await _bring_up(state, engine, pace)
            await _pass(state, engine, pace, standards)
            state.enter(Phase.READY, "")
            on_ready()
            await _watch(state, engine, pace)
        except EngineDown as error:
            state.enter(Phase.STARTING, str(error))
            await asyncio.sleep(pace.look)
        except EngineError as error:
            state.sick = False
            state.fail(error)
            await asyncio.sleep(pace.retry)


async def _bring_up(state: BringUp, engine: LlmEngine, pace: Pace) -> None:
    state.version = await _wait_for_engine(state, engine, pace)
    found = await fetch(state, engine, pace.pull_stall)
    state.model, state.digest = found.name, found.digest
    state.enter(Phase.LOADING, "loading the model")
    state.total = found.size
    await engine.load(state.wanted)
    state.loaded = _pick(await engine.loaded(), state.wanted)


async def fetch(state: BringUp, engine: LlmEngine, stall: float) -> Model:
    """Return the model on the engine's disk, downloaded if missing; raise EngineError when that fails or stalls."""
    found = await _find(engine, state.wanted)
    if found is None:
        state.enter(Phase.PULLING, "asking the registry")
        await _pull(state, engine, stall)
        found = await _find(engine, state.wanted)
    if found is None:
        raise EngineFailed("the download succeeded, but the model is not listed")
    _check_digest(found, state)
    return found


def _check_digest(found: Model, state: BringUp) -> None:
    """Raise NotAsConfigured unless the model has the configured digest: a tag may be moved to other weights."""
    wanted = state.wanted_digest
    if wanted is None:
        return
    if not found.digest:
        raise NotAsConfigured(f"{state.title} names no digest of {found.name}, but one is required")
    if found.digest.lower().removeprefix("sha256:") != wanted:
        raise NotAsConfigured(f"{found.name} has the digest {found.digest[:19]}, and {wanted[:12]} is required")


async def _wait_for_engine(state: BringUp, engine: LlmEngine, pace: Pace) -> str:
    while True:
        try:
            return await engine.version()
        except EngineError as error:
            state.enter(Phase.STARTING, str(error))
            await asyncio.sleep(pace.look)


async def _pull(state: BringUp, engine: LlmEngine, stall: float) -> None:
    """Follow the download; after `stall` seconds without progress it is closed, and resumed on the next attempt."""
    moved_at, seen = boot_seconds(), ("", 0)
    async with contextlib.aclosing(engine.pull(state.wanted)) as steps:
        while True:
            try:
                step = await asyncio.wait_for(anext(steps), stall)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise EngineFailed(f"the download stood still for {stall:.0f} s") from None
            state.completed, state.total, state.detail = step.completed, step.total, step.status
            if (step.status, step.completed) != seen:
                moved_at, seen = boot_seconds(), (step.status, step.completed)
            elif boot_seconds() - moved_at > stall:
                raise EngineFailed(f"the download stood still for {stall:.0f} s")


async def _watch(state: BringUp, engine: LlmEngine, pace: Pace) -> None:
    """Poll until the engine is down or has unloaded the model, then raise EngineDown. A slow response is no failure."""
    while True:
        await asyncio.sleep(pace.watch)
        loaded = _pick(await engine.loaded(), state.wanted)
        if loaded is None:
            raise EngineDown(f"{state.title} no longer has the model in memory")
        state.loaded = loaded


async def _find(engine: LlmEngine, wanted: str) -> Model | None:
    rows = await engine.models()
    return next((row for row in rows if same_tag(row.name, wanted)), None)


def _pick(rows: Sequence[Loaded], wanted: str) -> Loaded | None:
    return next((row for row in rows if same_tag(row.name, wanted)), None)


async def _pass(state: BringUp, engine: LlmEngine, pace: Pace, standards: Standards) -> None:
    """Repeat the smoke test until the host passes; a failure is recorded as sick."""
    while True:
        try:
            state.finding = await examine(engine, state.loaded, standards, sandbox=state.sandbox)
            return
        except HostSick as error:
            state.sick = True
            state.fail(error)
            await asyncio.sleep(pace.sick)
            state.loaded = _pick(await engine.loaded(), state.wanted)


def same_tag(listed: str, wanted: str) -> bool:
    """Whether two model names are equal: a name without a tag is `:latest`."""

    def full(name: str) -> str:
        return name if ":" in name.rpartition("/")[2] else f"{name}:latest"

    return full(listed) == full(wanted)
