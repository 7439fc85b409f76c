"""The claim of a machine: survives crashes and a full disk; a machine that may be claimed is never destroyed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from ert_backend.base.claim import CLAIMED, SERVED, Before, Claim
from ert_backend.base.clock import utc_now
from ert_backend.edge import identity
from ert_backend.guard.off_switch import TICK
from tests.job_schedules.disk import Disk, Trouble
from tests.support.backend.guarded import TOKEN, Machine, settings_for
from tests.support.backend.rig import Backend, running
from tests.support.doubles.scripted_ollama import ScriptedOllama
from tests.support.doubles.vast_self_api import FakeVast


def asked(machine: Machine, vast: FakeVast) -> list[str]:
    machine.switch.tick()
    return [call.method for call in vast.calls]


def unkept(machine: Machine) -> bool:
    return machine.ledger.unkept


def test_an_app_that_crashes_after_the_boot_deadline_leaves_a_claimed_machine_running(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url, ERT_IDLE_STOP="9000"), age=2690)
        machine.ledger.claim()
        machine.ledger.ready()
        machine.switch.clock = replace(machine.switch.clock, origin=machine.switch.clock.origin - 0.1)
        machine.another_app()
        assert machine.ledger.record.claimed_at is None
        assert machine.switch.tick() == TICK
        assert vast.calls == []


def test_what_the_crashed_app_did_last_still_keeps_the_machine_from_being_idle(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=2600)
        now = machine.switch.clock.origin
        machine.record(claimed_at=now + 0.1, ready_at=now + 0.2, work_at=now + 2.5)
        machine.another_app()
        assert asked(machine, vast) == []
        view = machine.switch.view()
        assert view.work_at == pytest.approx(2500, abs=1)


def test_the_readiness_of_an_app_that_came_back_is_not_work(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=1600)
        now = machine.switch.clock.origin
        machine.record(claimed_at=now + 0.1, ready_at=now + 0.2)
        machine.another_app()
        machine.ledger.ready()
        assert asked(machine, vast) == ["PUT"]


def test_a_claim_takes_no_room_of_the_disk() -> None:
    disk = Disk()
    claim = Claim(cast(Path, disk), TOKEN)
    assert claim.before() is Before.NEVER
    assert claim.prepare()
    disk.trouble.full = True
    assert claim.before() is Before.UNKNOWN
    assert claim.keep()
    assert claim.before() is Before.CLAIMED


def test_a_claim_that_a_full_disk_refused_is_tried_again_with_each_request_and_by_the_guard(tmp_path: Path) -> None:
    machine = Machine(settings_for(tmp_path), age=100)
    disk = Disk(trouble=Trouble(full=True))
    machine.ledger.disk_record = machine.switch.claim = Claim(cast(Path, disk), TOKEN)
    machine.ledger.claim()
    machine.ledger.claim()
    assert unkept(machine)
    disk.trouble.full = False
    machine.ledger.claim()
    assert not unkept(machine)
    assert machine.switch.claim.before() is Before.CLAIMED
    disk.files.clear()
    machine.record(claimed_at=machine.ledger.record.claimed_at or 0.0)
    machine.switch.note()
    machine.switch.memory.claim_kept = False
    machine.switch.keep_claim()
    assert machine.switch.claim.before() is Before.CLAIMED


@pytest.mark.parametrize("full", ["full", "dead"])
def test_a_claimed_machine_whose_disk_took_no_claim_is_not_destroyed_after_a_restart(tmp_path: Path, full: str) -> None:
    disk = Disk()
    disk.files[SERVED] = "a certificate, without which nobody was answered"
    with FakeVast() as vast:
        first = Machine(settings_for(tmp_path, vast.url), age=100)
        first.ledger.disk_record = Claim(cast(Path, replace(disk, trouble=Trouble(**{full: True}))), TOKEN)
        first.ledger.claim()
        assert first.ledger.unkept
        again = Machine(settings_for(tmp_path, vast.url), age=2700)
        again.switch.claim = Claim(cast(Path, disk), TOKEN)
        again.switch.read_disk()
        assert asked(again, vast) == ["PUT"]


@pytest.mark.parametrize("text", ["", "\0" * 64, "claimed", "claimed " + "f" * 32, "open " + TOKEN, "never"])
def test_a_record_that_says_nothing_is_not_taken_for_never(tmp_path: Path, text: str) -> None:
    (tmp_path / CLAIMED).write_text(text)
    assert Claim(tmp_path, TOKEN).before() is Before.UNKNOWN


def test_a_record_that_cannot_be_read_is_not_taken_for_never(tmp_path: Path) -> None:
    (tmp_path / CLAIMED).mkdir()
    assert Claim(tmp_path, TOKEN).before() is Before.UNKNOWN
    assert not Claim(tmp_path, TOKEN).keep()


def test_what_an_older_release_wrote_is_a_claim(tmp_path: Path) -> None:
    (tmp_path / CLAIMED).write_text(TOKEN)
    assert Claim(tmp_path, TOKEN).before() is Before.CLAIMED
    assert Claim(tmp_path, "").before() is Before.UNKNOWN


def test_the_certificate_by_which_the_guard_tells_is_the_one_that_the_app_makes(tmp_path: Path) -> None:
    made = identity.ensure(tmp_path, "ert", "127.0.0.1", utc_now())
    assert made.certificate == tmp_path / SERVED


def test_a_board_that_the_app_cannot_see_makes_nothing_certain(tmp_path: Path) -> None:
    machine = Machine(settings_for(tmp_path), age=2700)
    machine.switch.board.__class__ = type("Own", (type(machine.board).__mro__[1],), {})
    view = machine.switch.view()
    assert (view.unheard, view.silent) == (True, True)


def test_a_claim_that_the_disk_does_not_take_is_in_the_status_and_a_metric(tmp_path: Path) -> None:
    with ScriptedOllama() as ollama, running(tmp_path, ollama.host) as backend:
        backend.wait_ready()
        (tmp_path / CLAIMED).unlink(missing_ok=True)
        (tmp_path / CLAIMED).mkdir()
        assert shown(backend) == (False, 1.0)
        (tmp_path / CLAIMED).rmdir()
        assert shown(backend) == (True, 0.0)
        assert Claim(tmp_path, TOKEN).before() is Before.CLAIMED


def shown(backend: Backend) -> tuple[bool, float]:
    with backend.client() as client:
        kept = client.get("/status").json()["claim_kept"]
        lines = client.get("/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith("ert_claim_not_kept ")]
    return bool(kept), float(line.split()[1])
