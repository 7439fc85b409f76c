"""A hanging engine: detected by its client, restarted by the guard, counted, and sick when a restart does not help."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import threading
from collections.abc import AsyncGenerator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from ert_backend.base import clock
from ert_backend.base.activity import GuardWord, write_guard
from ert_backend.base.clock import boot_seconds
from ert_backend.engine import gpu
from ert_backend.engine.bring_up import BringUp, Phase
from ert_backend.engine.protocol import EngineDown, LlmEngine, Piece
from ert_backend.engine.pulse import LOADING, QUIET, Pulse, Watched, keep_telling
from ert_backend.guard.engine_care import DEAF, EngineCare, EngineWord
from ert_backend.guard.supervisor import Child, Nursery
from tests.backend.test_guard_process import gone, guard
from tests.support.backend.guarded import Machine, settings_for
from tests.support.backend.rig import KEY, REQUEST, running, wait_for
from tests.support.doubles.scripted_ollama import ScriptedOllama

HANG = 180.0


class Told:
    """`EngineCare` with given reports from the app, checked every second."""

    def __init__(self) -> None:
        self.owes: float | None = None
        self.heard: float | None = None
        self.care = EngineCare(HANG, lambda: EngineWord(self.owes, self.heard))
        self.now = 0.0

    def due_until(self, now: float, began: float = 0.0, *, alive: bool = True) -> bool:
        """Whether a restart is due at some check until `now`."""
        found = False
        while self.now < now:
            self.now += 1.0
            found = self.care.due(self.now, began, alive=alive) or found
        return found


def test_an_answer_that_is_owed_too_long_restarts_it() -> None:
    told = Told()
    assert not told.due_until(1000)
    told.owes = 1000.0
    assert not told.due_until(1100)
    assert not told.due_until(1250, began=1100), "it is a young process"
    assert told.due_until(1280, began=1100)
    assert told.care.restarts == 1
    assert not told.due_until(1600, began=1100), "one restart for one hang"
    dead = Told()
    dead.owes = 0.0
    assert not dead.due_until(1000, alive=False)


def test_a_token_or_a_sleep_of_the_machine_in_between_makes_it_wait_anew() -> None:
    told = Told()
    told.owes = 0.0
    assert not told.due_until(170)
    told.owes = 169.0
    assert not told.due_until(330)
    told.now += 7000.0
    assert not told.due_until(told.now + 2), "what slept could not write"
    assert told.due_until(told.now + 20)


def test_a_restart_that_brings_no_token_did_not_help_and_the_next_ones_come_later() -> None:
    told, began = Told(), 0.0
    told.owes = 0.0
    times: list[float] = []
    for now in range(1, 20_000):
        assert told.care.sick(now, began, alive=True) is (len(times) > 1)
        if told.due_until(now, began):
            times.append(now)
            began = now + 1.0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert times[0] == HANG
    assert gaps == sorted(gaps)
    assert 2 * HANG <= gaps[0] <= 2 * HANG + 10
    assert gaps[-1] <= 32 * HANG + 10
    told.owes, told.heard = None, 20_000.0
    assert not told.due_until(20_000, began)
    assert not told.care.sick(20_000, began, alive=True)
    assert told.care.restarts == len(times), "what happened stays counted"


def test_one_that_does_not_die_is_sick() -> None:
    told = Told()
    told.owes = 0.0
    assert told.due_until(HANG)
    assert not told.care.sick(HANG + DEAF, 0, alive=True)
    assert told.care.sick(HANG + DEAF + 1, 0, alive=True)
    assert not told.care.sick(HANG + DEAF + 1, HANG + 2, alive=True), "it is another process"


def test_without_a_limit_or_a_word_nothing_is_restarted() -> None:
    assert not EngineCare(0.0, lambda: EngineWord(0.0, None)).due(1e6, 0.0, alive=True)
    assert not EngineCare(HANG, lambda: None).due(1e6, 0.0, alive=True)


def test_a_stopped_child_is_killed_with_its_group_and_started_again() -> None:
    said: list[str] = []
    child = Child("engine", ("sleep", "300"), dict(os.environ))
    nursery = Nursery((child,), said.append, lambda dead: said.append(f"{dead.name} died"))
    nursery.tend()
    first = child.pid
    os.kill(first, signal.SIGSTOP)
    nursery.kill(child)
    wait_for(lambda: nursery.reap() or not child.alive)  # type: ignore[func-returns-value]
    child.due = 0.0
    nursery.tend()
    assert child.alive
    assert child.pid != first
    assert said[1:3] == [f"engine (pid {first}) ended with -9", "engine died"]
    nursery.end(child, 1.0, threading.Event())


def test_a_child_that_hangs_in_the_kernel_does_not_hold_up_the_end() -> None:
    nursery = Nursery((), lambda _: None, lambda _: None)
    child = Child("engine", (), {})
    child.process = cast("subprocess.Popen[bytes]", SimpleNamespace(returncode=None, pid=2**22 + 1))
    started = boot_seconds()
    nursery.end(child, 0.1, threading.Event())
    assert boot_seconds() - started < 5


class Engine:
    """An engine whose next chunk is released by the test."""

    name, title = "ollama", "Ollama"

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def chat(self, *given: object) -> AsyncGenerator[Piece, None]:
        for _ in range(2):
            await self.go.wait()
            self.go.clear()
            yield Piece("word")

    async def load(self, model: str) -> None:
        await self.go.wait()

    async def measure(self, model: str, tokens: int) -> None:
        raise EngineDown("gone")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The boot clock, set manually."""
    at = [1000.0]
    clock.drive(lambda: at[0])
    yield at
    clock.drive(None)


def test_what_is_owed_counts_from_the_last_token_of_any_answer(now: list[float]) -> None:
    async def play() -> None:
        engine, pulse, state = Engine(), Pulse(), BringUp("m", phase=Phase.READY)
        watched = Watched(cast(LlmEngine, engine), pulse)
        pieces = watched.chat("m", [], 0)
        first = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        now[0] = 1010.0
        assert pulse.owes(state) == 1000.0
        engine.go.set()
        await first
        assert pulse.owes(state) == pulse.heard == 1010.0
        other = asyncio.ensure_future(anext(watched.chat("m", [], 0)))
        await asyncio.sleep(0)
        now[0] = 1020.0
        await pieces.aclose()
        assert pulse.owes(state) == 1010.0
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)

    asyncio.run(play())


def test_a_load_may_be_silent_for_longer_and_an_engine_that_is_gone_owes_since_then(now: list[float]) -> None:
    async def play() -> None:
        engine, pulse, state = Engine(), Pulse(), BringUp("m", phase=Phase.LOADING)
        loading = asyncio.ensure_future(Watched(cast(LlmEngine, engine), pulse).load("m"))
        await asyncio.sleep(0)
        assert pulse.owes(state) == 1000.0 + LOADING
        engine.go.set()
        await loading
        assert pulse.owes(state) is None
        now[0] = 1500.0
        state.enter(Phase.STARTING, "it does not answer")
        now[0] = 1600.0
        state.enter(Phase.STARTING, "nor now")
        assert pulse.owes(state) == 1500.0

    asyncio.run(play())


def test_an_engine_that_nobody_asks_is_asked_for_a_token_now_and_then(tmp_path: Path, now: list[float]) -> None:
    async def play() -> None:
        machine = Machine(settings_for(tmp_path), age=0)
        pulse, state = Pulse(), BringUp("m", phase=Phase.READY)
        watched = Watched(cast(LlmEngine, Engine()), pulse)
        asked: list[str] = []
        with_pulse = watched.measure

        async def measure(model: str, tokens: int) -> Any:
            asked.append(model)
            await with_pulse(model, tokens)

        watched.measure = measure  # type: ignore[method-assign]
        for moment in (0.0, QUIET + 1):
            now[0] = 1000.0 + moment
            telling = asyncio.ensure_future(keep_telling(state, watched, pulse, machine.ledger))
            await asyncio.sleep(0.02)
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            assert asked == (["m"] if moment else [])
        assert machine.ledger.record.at == now[0]

    asyncio.run(play())


def test_health_is_sick_while_a_restart_does_not_help(tmp_path: Path) -> None:
    with ScriptedOllama() as ollama, running(tmp_path, ollama.host) as backend, backend.client() as client:
        backend.wait_ready()
        run = backend.settings.run
        write_guard(backend.service.ledger.board, GuardWord(run, engine_restarts=2, engine_sick=True))
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "sick")
        assert health.json()["progress"]["phase"] == "failed"
        assert client.get("/status").json()["engine_restarts"] == 2
        assert {"ert_engine_restarts 2.0", "ert_engine_sick 1.0"} <= set(client.get("/metrics").text.splitlines())
        write_guard(backend.service.ledger.board, GuardWord(run, engine_restarts=2))
        assert client.get("/health").json()["status"] == "healthy"


def test_a_stopped_engine_of_a_whole_machine_is_restarted_and_counted(tmp_path: Path) -> None:
    with guard(tmp_path, ERT_ENGINE_HANG="6") as machine:  # longer than BEAT, so that it is no old word
        wait_for(machine.healthy, 20)
        engine = machine.pid("ollama")
        os.kill(engine, signal.SIGSTOP)
        tls = ssl.create_default_context(cafile=str(machine.data / "tls-cert.pem"))
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(verify=tls, trust_env=False, headers=headers, timeout=30) as client:
            url = f"https://127.0.0.1:{machine.port}"
            assert client.post(f"{url}/generate_report", json=REQUEST).status_code == 200  # by the restarted engine
            wait_for(lambda: "ollama had a pending request and no output: killed, number 1" in machine.log, 20)
            wait_for(lambda: gone(engine))
            wait_for(machine.healthy, 20)
            assert client.get(f"{url}/status").json()["engine_restarts"] == 1


HANGING_TOOL = """#!/bin/sh
echo started >> {log}
trap '' TERM
exec sleep 300
"""


def test_a_tool_that_waits_in_the_kernel_is_left_there_and_no_other_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, log = tmp_path / "nvidia-smi", tmp_path / "log"
    tool.write_text(HANGING_TOOL.format(log=log))
    tool.chmod(0o755)
    monkeypatch.setattr(gpu, "PATIENCE", 0.3)
    monkeypatch.setattr(gpu, "_left", [])
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    async def play() -> tuple[float, Any]:
        # A process that hangs in the kernel handles no signal, SIGKILL included.
        monkeypatch.setattr(asyncio.subprocess.Process, "kill", lambda _: None)
        started = boot_seconds()
        readings = [await gpu.read() for _ in range(3)]
        took = boot_seconds() - started
        monkeypatch.undo()
        for process in gpu._left or left:
            process.kill()
            await process.wait()
        return took, readings

    left = gpu._left
    took, readings = asyncio.run(play())
    assert readings == [None, None, None]
    assert took < 2
    assert log.read_text() == "started\n"
