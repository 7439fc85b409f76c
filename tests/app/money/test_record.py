"""The ledger of a run on fakes: it has what the run saw, and is never in its way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.metered_host import MeteredHost
from ert_deploy.app.deployment import Deployment
from ert_deploy.app.lifecycle import down, sleep, up, wake
from ert_deploy.app.money.record import written
from ert_deploy.core.ledger.days import days
from ert_deploy.core.ledger.model import Ledger, Transition
from ert_deploy.core.model.errors import CannotObserve, Failed, StateConflict
from ert_deploy.core.model.events import Trouble
from ert_deploy.ports import Audience
from ert_deploy.wiring import Session
from tests.support.fakes import behaviours
from tests.support.fakes.deployment import Watcher, on_fakes
from tests.support.fakes.loopback import FakeWorld, world
from tests.support.ids import nth


@pytest.fixture
def made() -> FakeWorld:
    return world()


@pytest.fixture
def deployment(made: FakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment whose machines are metered, with its ledger in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return metered(made)


def metered(made: FakeWorld) -> Deployment:
    plain = on_fakes(made)

    def connect(settings: Any, audience: Audience, **which: bool) -> Session:
        session = plain.connector(settings, audience, **which)
        return replace(session, ports=replace(session.ports, gpu=MeteredHost(session.ports.gpu, session.ports.clock)))

    return replace(plain, connector=connect)


def ledger() -> Ledger:
    from ert_deploy.adapters.state.ledger_file import LedgerFile

    return LedgerFile(Path(".ert") / "ert.ledger.json", "ert").load()


def test_a_life_is_in_the_ledger_and_costs_what_the_fake_bills(made: FakeWorld, deployment: Deployment) -> None:
    up(deployment)
    made.clock.go_on(3600.0)
    sleep(deployment)
    made.clock.go_on(7200.0)
    wake(deployment)
    down(deployment)
    found = ledger()
    whats = [one.what for one in found.transitions]
    assert whats[0] == "rented"
    assert whats[-1] == "gone"
    assert [what for what in whats if what in ("running", "stopped")] == ["running", "stopped", "running"]
    assert sum(what == "traffic" for what in whats) == 1
    assert sum(one.gpu for one in days(found, made.clock.now()).values()) > 0.0
    generation = found.generation
    down(deployment)
    assert ledger().generation == generation


def test_a_ledger_that_cannot_be_written_fails_no_run_and_is_made_good_by_the_next(
    made: FakeWorld, deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / ".ert").write_text("in the way")
    watcher = Watcher()
    up(deployment, progress=watcher)
    said = [one for one in watcher.events if isinstance(one, Trouble) and "ledger" in one.what]
    assert len(said) == 1
    (tmp_path / ".ert").unlink()
    made.clock.go_on(3600.0)
    sleep(metered(made))
    running = next(one for one in ledger().transitions if one.what == "running")
    assert made.clock.now() - running.at > 3600.0
    assert running.gpu > 0.0
    assert [one.what for one in ledger().transitions][-1] == "stopped"


def test_a_machine_that_stopped_itself_is_paid_until_then_by_the_log_of_its_guard(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(deployment)
    began = next(one.at for one in ledger().transitions if one.what == "running")
    line = "guard: off-switch active\nguard: idle for 1200 s: asked to stop this instance: ok; 1800 s after its start"
    monkeypatch.setattr(made.gpu, "logs", lambda *_: line)
    made.gpu.stop(made.gpu.only().id)
    made.clock.go_on(36_000.0)
    sleep(deployment)
    stop = next(one for one in ledger().transitions if one.what == "stopped")
    assert (stop.at, stop.since) == (began + 1800.0, 0.0)


def test_without_its_log_the_whole_time_counts(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(deployment)

    def fails(*_: Any) -> str:
        raise CannotObserve("no log")

    monkeypatch.setattr(made.gpu, "logs", fails)
    made.gpu.stop(made.gpu.only().id)
    made.clock.go_on(36_000.0)
    sleep(deployment)
    stop = next(one for one in ledger().transitions if one.what == "stopped")
    assert stop.since > 0.0
    assert sum(one.unsure for one in days(ledger(), made.clock.now()).values()) > 0.0


def test_a_ledger_that_others_write_is_read_again_a_few_times() -> None:
    class Contested:
        where, ledger, conflicts = "here", Ledger("ert"), 2

        def load(self) -> Ledger:
            return self.ledger

        def save(self, new: Ledger) -> Ledger:
            if self.conflicts:
                self.conflicts -= 1
                raise StateConflict("another run wrote it")
            self.ledger = replace(new, generation=new.generation + 1)
            return self.ledger

    store: Any = Contested()
    one = Transition("a" * 32, nth(1), "running", 5.0, gpu=1.0)
    assert written(store, lambda ledger: ledger.adding([one])).transitions == (one,)
    assert written(store, lambda ledger: ledger.adding([one])).generation == 1
    store.conflicts = 99
    with pytest.raises(StateConflict):
        written(store, lambda ledger: ledger.adding([replace(one, at=6.0)]))


def test_a_run_that_fails_is_in_the_ledger_and_one_that_is_interrupted_waits_for_none(
    made: FakeWorld, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.gpu.conduct = dict.fromkeys(map(str, range(1001, 1013)), behaviours.sick)
    with pytest.raises(Failed):
        up(deployment)
    assert {one.what for one in ledger().transitions} >= {"rented", "gone"}
    generation = ledger().generation

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ert_deploy.app.lifecycle.run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        up(deployment)
    assert ledger().generation == generation
