"""The off-switch against a fake provider: retries until it succeeds, drains first, and cannot be disarmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ert_backend.base.activity import read_activity
from ert_backend.base.board import Half
from ert_backend.base.clock import boot_seconds
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.clouds.calls import ask
from ert_backend.guard.clouds.cloud import Outcome
from ert_backend.guard.clouds.vast import Vast
from ert_backend.guard.memory import LatestTimes
from ert_backend.guard.off_switch import AGAIN, BACKOFF, TICK
from ert_backend.guard.rules import Action
from ert_backend.guard.settings import GuardSettings
from tests.support.backend.guarded import Machine, settings_for
from tests.support.doubles.vast_self_api import FakeVast


def test_an_unclaimed_machine_destroys_itself_through_its_own_id_and_key(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=2700)
        assert machine.switch.tick() == AGAIN
        (call,) = vast.calls
    assert (call.method, call.path, call.key) == ("DELETE", "/api/v0/instances/4711/", "Bearer instance-key")
    assert not any("instance-key" in line for line in machine.said)


def test_an_idle_machine_stops_itself(tmp_path: Path) -> None:
    with FakeVast() as vast:
        settings = settings_for(tmp_path, vast.url)
        machine = Machine(settings, age=1300)
        machine.record(claimed_at=boot_seconds() - 1.29, ready_at=boot_seconds() - 1.0)
        assert machine.switch.tick() == TICK
        machine.record(claimed_at=boot_seconds() - 1.29, ready_at=boot_seconds() - 1.28)
        machine.switch.memory = LatestTimes()
        assert machine.switch.tick() == AGAIN
        (call,) = vast.calls
    assert (call.method, call.body) == ("PUT", {"state": "stopped"})
    assert machine.draining()
    assert not machine.ledger.begin(), "a report that arrives now is not admitted"


@pytest.mark.parametrize(
    "fault",
    [
        (500, {"success": True}),
        (200, {"success": False, "error": "nope"}),
        (200, {"success": "true"}),
        (200, b"<html>busy</html>"),
        (200, []),
        (429, {"error": "too many requests"}),
        (404, {"success": False, "error": "auth_error"}),
        "redirect",
        "drop",
    ],
)
def test_only_a_clear_yes_is_success_and_it_asks_again_soon(tmp_path: Path, fault: tuple[int, object] | str) -> None:
    with FakeVast([fault, (200, {"success": True})]) as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=2700)
        pause = machine.switch.tick()
        assert BACKOFF[0] <= pause <= BACKOFF[1]
        assert machine.switch.tick() == AGAIN
        assert [call.path for call in vast.calls] == ["/api/v0/instances/4711/"] * 2


def test_a_provider_that_never_answers_costs_one_timeout(tmp_path: Path) -> None:
    with FakeVast(["hang"]) as vast:
        started = boot_seconds()
        outcome = ask(settings_for(tmp_path, vast.url), Action.STOP, timeout=0.2)
        assert boot_seconds() - started < 2
    assert not outcome.success


def test_a_provider_that_is_not_there_is_survived(tmp_path: Path) -> None:
    assert ask(settings_for(tmp_path), Action.STOP) == Outcome(False, "URLError")
    assert not ask(settings_for(tmp_path, "not a url"), Action.STOP).success


def test_an_answer_counts_only_when_it_is_200_and_true() -> None:
    assert Vast().judge(200, b'{"success": true}').success
    assert not Vast().judge(202, b'{"success": true}').success
    assert not Vast().judge(200, b'{"success": 1}').success


def test_a_report_that_comes_between_the_flag_and_the_second_look_lifts_the_drain(tmp_path: Path) -> None:
    with FakeVast() as vast:
        settings = settings_for(tmp_path, vast.url)
        machine = Machine(settings, age=2700)
        looks: list[bool] = []

        def arrives_after_the_first_look(pid: int) -> bool:
            looks.append(machine.draining())
            machine.ledger.claim()
            machine.ledger.ready()
            return True

        machine.switch.app_alive = arrives_after_the_first_look
        assert machine.switch.tick() == TICK
        assert looks == [False, True]
        assert vast.calls == []
    assert not machine.draining()
    assert machine.ledger.begin()


def test_the_lifetime_waits_for_a_report_in_flight_and_then_stops(tmp_path: Path) -> None:
    with FakeVast() as vast:
        settings = settings_for(tmp_path, vast.url, ERT_MAX_LIFETIME="3000", ERT_BOOT_DEADLINE="0")
        machine = Machine(settings, age=3001)
        assert machine.ledger.begin()
        assert machine.switch.tick() == TICK
        assert vast.calls == []
        assert machine.draining()
        machine.ledger.end()
        assert machine.switch.tick() == AGAIN


def test_a_dead_app_has_no_report_in_flight(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url, ERT_MAX_LIFETIME="3000"), age=3001, alive=False)
        machine.ledger.claim()
        machine.ledger.begin()
        assert machine.switch.tick() == AGAIN


@pytest.mark.parametrize(
    "text", ["", "\0" * 40, "{", "0000000000", "00000000000a0000000000", "35af061e0002[]", "ffffffff0002{}", "x" * 1024]
)
def test_a_broken_record_never_keeps_a_machine_running(tmp_path: Path, text: str) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=2700)
        machine.board._own[Half.APP] = text.encode()
        assert machine.switch.tick() == AGAIN
        assert vast.calls


def test_a_record_from_the_future_is_no_alibi(tmp_path: Path) -> None:
    machine = Machine(settings_for(tmp_path), age=100)
    machine.record(work_at=boot_seconds() + 1e9, ready_at=boot_seconds() + 1e9)
    view = machine.switch.view()
    assert view.work_at is not None
    assert view.work_at <= view.now


def test_a_claim_of_an_earlier_boot_turns_destroy_into_stop(tmp_path: Path) -> None:
    with FakeVast() as vast:
        Machine(settings_for(tmp_path), age=0).ledger.claim()
        Machine(settings_for(tmp_path, vast.url), age=2700).switch.tick()
        assert [call.method for call in vast.calls] == ["PUT"]


def test_a_disk_that_is_not_there_does_not_stop_the_off_switch(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path / "gone", vast.url), age=2700)
        assert machine.switch.tick() == AGAIN
        assert vast.calls


def test_no_error_ends_the_loop(tmp_path: Path) -> None:
    machine = Machine(settings_for(tmp_path), age=2700)

    calls: list[Action] = []

    def broken(settings: GuardSettings, action: Action) -> Outcome:
        calls.append(action)
        if len(calls) > 2:
            machine.switch.stopping.set()
        raise MemoryError

    machine.switch.ask = broken
    machine.switch.run()
    assert len(calls) == 3
    assert any("MemoryError" in line for line in machine.said)


def test_bad_numbers_are_replaced_and_said_and_ollama_stays_on_loopback() -> None:
    settings = guard_settings.load({"ERT_IDLE_STOP": "soon", "ERT_MAX_LIFETIME": "nan", "ERT_BOOT_DEADLINE": "0"})
    assert (settings.idle_stop, settings.max_lifetime, settings.boot_deadline) == (1200, 43200, 0)
    assert len(settings.problems) == 2
    assert not settings.can_act
    for given in ("0.0.0.0:11434", "0.0.0.0", "[::]:11434", "http://10.0.0.5:11434", "", "*"):
        assert guard_settings.ollama_host(given) == "127.0.0.1:11434"
    assert guard_settings.ollama_host("127.0.0.1:4000") == "127.0.0.1:4000"


def test_each_child_gets_only_the_secrets_it_needs(tmp_path: Path) -> None:
    env = {"CONTAINER_API_KEY": "a", "ERT_BOOT_SECRET": "b", "ERT_KEY_HASHES": "c", "ERT_TOKEN": "d", "PATH": "/bin"}
    settings = settings_for(tmp_path)
    app = guard_settings.app_environment(env, settings)
    ollama = guard_settings.ollama_environment(env, settings)
    assert "CONTAINER_API_KEY" not in app
    assert not {"CONTAINER_API_KEY", "ERT_BOOT_SECRET", "ERT_KEY_HASHES", "ERT_TOKEN"} & set(ollama)
    assert ollama["OLLAMA_NUM_PARALLEL"] == "1"
    assert ollama["OLLAMA_KEEP_ALIVE"] == "-1"
    assert ollama["OLLAMA_MODELS"] == str(tmp_path / "models")
    assert app["ERT_RUN"] == settings.run


def test_the_containers_label_stands_in_for_its_id() -> None:
    assert guard_settings.load({"VAST_CONTAINERLABEL": "C.99"}).container_id == "99"
    assert guard_settings.load({"CONTAINER_ID": "../1"}).container_id == ""


def test_a_report_that_is_refused_is_no_work(tmp_path: Path) -> None:
    with FakeVast([(500, {})]) as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=1300)
        machine.record(claimed_at=boot_seconds() - 1.29, ready_at=boot_seconds() - 1.28)
        machine.ledger.record = read_activity(machine.board, machine.switch.settings.run) or machine.ledger.record
        machine.switch.tick()
        assert not machine.ledger.begin()
        assert machine.ledger.record.work_at is None
        machine.switch.tick()
        assert len(vast.calls) == 2, "who is refused again and again keeps no machine running"
