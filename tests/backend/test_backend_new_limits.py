"""Limits of the off-switch that the owner sets while the machine runs: the route, the guard, the disk."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from ert_backend.base.activity import Ledger, read_activity
from ert_backend.base.board import Board
from ert_backend.base.clock import boot_seconds
from ert_backend.base.limits import FILE, MOST, Limits, keep_limits, kept_limits
from ert_backend.edge.key_store import admin_token
from ert_backend.guard.off_switch import AGAIN, TICK
from ert_backend.terms import read_terms
from tests.support.backend.guarded import Machine, settings_for
from tests.support.backend.rig import KEY, SECRET, running
from tests.support.doubles.scripted_ollama import ScriptedOllama
from tests.support.doubles.vast_self_api import FakeVast

TOKEN = "aa" * 16
NEW = {"idle_stop": 60, "boot_deadline": 0, "max_lifetime": 7200}
GUARDED = {"ERT_RUN": "a-run", "ERT_IDLE_STOP": "1200", "ERT_BOOT_DEADLINE": "2700", "ERT_MAX_LIFETIME": "43200"}


@pytest.mark.parametrize("given", [(0, 2700, 0), (-1, 0, 60), (60, 0, MOST + 1), (True, 0, 60), (1.5, 0, 60)])
def test_limits_with_which_it_might_never_stop_are_none(given: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"limit|both 0"):
        Limits(*given)


def test_they_are_kept_for_this_rental_alone(tmp_path: Path) -> None:
    assert kept_limits(tmp_path, TOKEN) is None
    keep_limits(tmp_path, TOKEN, Limits(60, 0, 7200))
    assert kept_limits(tmp_path, TOKEN) == Limits(60, 0, 7200)
    assert kept_limits(tmp_path, "bb" * 16) is None
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"origin": 1}', b"\xff"])
def test_a_damaged_file_leaves_those_of_the_environment(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert kept_limits(tmp_path, TOKEN) is None


def test_the_app_passes_them_on_now_and_after_a_restart(tmp_path: Path) -> None:
    board = Board.create(tmp_path)
    ledger = Ledger(board, "a-run", TOKEN, tmp_path)
    assert ledger.record.limits() is None
    ledger.limit(Limits(60, 0, 7200))
    again = Ledger(Board.create(tmp_path), "another-run", TOKEN, tmp_path)
    said = read_activity(board, "a-run")
    assert said is not None
    assert (said.limits(), again.record.limits()) == (Limits(60, 0, 7200), Limits(60, 0, 7200))


def test_an_owner_that_keeps_it_awake_begins_its_idle_time_anew_and_nothing_else(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine, silent = (Machine(settings_for(tmp_path, vast.url), age=1300) for _ in range(2))
        idle = {"claimed_at": boot_seconds() - 1.29, "ready_at": boot_seconds() - 1.28}
        machine.record(**idle, work_at=boot_seconds() - 0.01)
        assert machine.switch.tick() == TICK
        silent.record(**idle, work_at=boot_seconds() - 1.25)
        assert silent.switch.tick() == AGAIN, "its owner says nothing any more"
    ledger = Ledger(Board.create(tmp_path), "a-run", TOKEN, tmp_path)
    assert not ledger.used(Limits(60, 0, 7200))
    assert ledger.record.limits() is None
    assert ledger.record.work_at is not None
    ledger.limit(Limits(60, 0, 7200))
    assert ledger.used(Limits(60, 0, 7200))


def test_a_disk_that_takes_nothing_changes_nothing(tmp_path: Path) -> None:
    ledger = Ledger(Board.create(tmp_path), "a-run", TOKEN, tmp_path / "absent")
    with pytest.raises(OSError, match="absent"):
        ledger.limit(Limits(60, 0, 7200))
    assert ledger.record.limits() is None


def test_the_guard_acts_by_the_new_limits(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=1300)
        long_idle = {"claimed_at": boot_seconds() - 1.29, "ready_at": boot_seconds() - 1.28}
        machine.record(**long_idle, idle_stop=7200, boot_deadline=0, max_lifetime=0)
        assert machine.switch.tick() == TICK, "it would be idle by the limits of its environment"
        machine.record(**long_idle, idle_stop=0, boot_deadline=0, max_lifetime=0)
        assert machine.switch.tick() == AGAIN, "limits with which it never stops are not taken"
    assert any("new limits: idle 7200" in line for line in machine.said)


def test_without_a_guard_there_are_none() -> None:
    guarded = read_terms(GUARDED)
    assert guarded.limits(None) == Limits(1200, 2700, 43200)
    assert guarded.limits(Limits(60, 0, 7200)) == Limits(60, 0, 7200)
    assert guarded.shown(Limits(60, 0, 7200))["idle_stop_seconds"] == 60
    for env in ({**GUARDED, "ERT_GUARD": "off"}, {}, {**GUARDED, "ERT_IDLE_STOP": "0.5"}):
        assert read_terms(env).limits(Limits(60, 0, 7200)) is None


def test_the_route_takes_them_from_the_owner_alone(tmp_path: Path, ollama: ScriptedOllama) -> None:
    guarded = read_terms(GUARDED)
    with running(tmp_path, ollama.host, terms=guarded) as backend, backend.client(None) as http:

        def put(body: object, key: str = admin_token(bytes.fromhex(SECRET))) -> httpx.Response:
            return http.put("/admin/limits", json=body, headers={"Authorization": f"Bearer {key}"})

        assert http.get("/health").json()["limits"]["idle_stop"] == 1200
        assert put(NEW, KEY).status_code == 401
        for wrong in ({}, {**NEW, "more": 1}, {**NEW, "idle_stop": "60"}, {**NEW, "idle_stop": 0, "max_lifetime": 0}):
            assert put(wrong).status_code == 422
        assert put(NEW).json() == NEW
        assert http.get("/health").json()["limits"] == NEW
        (tmp_path / FILE).unlink(missing_ok=True)
        assert put({**NEW, "in_use": "yes"}).status_code == 422
        assert put({**NEW, "in_use": True}).json() == NEW
        assert not (tmp_path / FILE).exists(), "what has not changed is not written again"

        def budget(body: object, key: str = admin_token(bytes.fromhex(SECRET))) -> httpx.Response:
            return http.put("/admin/budget", json=body, headers={"Authorization": f"Bearer {key}"})

        assert budget({"seconds": 7200, "serial": 1}, KEY).status_code == 401
        for wrong in ({}, {"seconds": 7200}, {"seconds": -1, "serial": 1}, {"seconds": 1, "serial": 0}):
            assert budget(wrong).status_code == 422
        assert budget({"seconds": 7200, "serial": 1}).json() == {"seconds": 7200, "serial": 1}
