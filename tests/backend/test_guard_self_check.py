"""Guard self-check: does the provider accept the key? Run when armed and every 10 min; only a denial is reported."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import httpx
import pytest

from ert_backend.base.activity import OffSwitch, read_guard
from ert_backend.guard.clouds.calls import read_own
from ert_backend.guard.clouds.vast import Vast
from ert_backend.guard.off_switch import BACKOFF, REFUSED_BACKOFF, TICK
from ert_backend.guard.self_check import AT_ONCE, EVERY, SILENCES, SOONER, SelfCheck
from tests.backend.test_guard_process import guard
from tests.support.backend.guarded import Machine, settings_for
from tests.support.backend.rig import KEY, wait_for
from tests.support.doubles.vast_self_api import FakeVast

PROVEN, REFUSED, UNKNOWN = OffSwitch.PROVEN, OffSwitch.REFUSED, OffSwitch.UNKNOWN
NOT_KNOWN = {"success": False, "error": "auth_error", "msg": "Unable to authorize instance API key"}


@pytest.mark.parametrize(
    ("status", "value", "expected"),
    [
        (200, {"instances": {"id": 4711, "actual_status": "running"}}, PROVEN),
        (200, {"instances": {"id": 4712}}, UNKNOWN),
        (200, {"instances": None}, UNKNOWN),
        (200, {"instances": [{"id": 4711}]}, UNKNOWN),
        (200, {"success": True}, UNKNOWN),
        (200, b"<html>welcome</html>", UNKNOWN),
        (401, NOT_KNOWN, REFUSED),
        (403, {"success": False, "error": "auth_error", "msg": "This action requires login."}, REFUSED),
        (404, {"success": False, "error": "auth_error", "msg": "Invalid user key"}, REFUSED),
        (403, {"success": False, "error": "not_authorized", "msg": "This key may only stop."}, UNKNOWN),
        (404, {"success": False, "error": "no_such_instance"}, UNKNOWN),
        (401, b"<html>log in to the airport</html>", UNKNOWN),
        (429, {"detail": "API requests too frequent"}, UNKNOWN),
        (500, NOT_KNOWN, UNKNOWN),
    ],
)
def test_what_an_answer_says_about_the_switch(status: int, value: object, expected: OffSwitch) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    assert Vast().judge_reading(status, body, "4711") is expected


def test_the_own_instance_is_read_with_the_own_key(tmp_path: Path) -> None:
    with FakeVast() as vast:
        assert read_own(settings_for(tmp_path, vast.url)) is PROVEN
        (read,) = vast.reads
        assert (read.method, read.path) == ("GET", "/api/v0/instances/4711/?owner=me")
        assert read.key == "Bearer instance-key"
    assert read_own(settings_for(tmp_path)) is UNKNOWN
    assert read_own(settings_for(tmp_path, "not a url")) is UNKNOWN


def test_a_provider_that_never_answers_leaves_it_unknown(tmp_path: Path) -> None:
    with FakeVast(shown="hang") as vast:
        assert read_own(settings_for(tmp_path, vast.url), timeout=0.2) is UNKNOWN


def test_one_refusal_is_not_believed_and_what_is_proven_outlives_a_few_silences() -> None:
    check = SelfCheck()
    assert check.due(0)
    check.heard(REFUSED, 0)
    assert (check.state, check.next_at) == (UNKNOWN, AT_ONCE)
    check.heard(PROVEN, 10)
    assert (check.state, check.next_at) == (PROVEN, 10 + EVERY)
    assert not check.due(600)
    for number in range(SILENCES):
        assert check.state is PROVEN
        check.heard(UNKNOWN, 700 + number)
    assert (check.state, check.next_at) == (UNKNOWN, 702 + SOONER)
    check.heard(REFUSED, 800)
    check.heard(REFUSED, 810)
    assert (check.state, check.next_at) == (REFUSED, 810 + SOONER)
    check.heard(UNKNOWN, 900)
    assert check.state is REFUSED, "silence takes no refusal back"


def test_the_switch_is_read_at_the_first_tick_and_told_to_the_app(tmp_path: Path) -> None:
    with FakeVast() as vast:
        machine = Machine(settings_for(tmp_path, vast.url), age=0)
        assert machine.ledger.guard().off_switch is UNKNOWN
        assert machine.switch.tick() == TICK
        assert machine.ledger.guard().off_switch is PROVEN
        machine.switch.tick()
        assert len(vast.reads) == 1
        vast.shown = (401, NOT_KNOWN)
        machine.switch.check.next_at = 0
        machine.switch.tick()
        assert machine.ledger.guard().off_switch is PROVEN
        machine.switch.check.next_at = 0
        machine.switch.tick()
        assert machine.ledger.guard().off_switch is REFUSED
        assert vast.calls == []


def test_a_refused_order_is_repeated_within_a_minute_and_any_other_within_seconds(tmp_path: Path) -> None:
    pauses = {}
    for status, answer in ((401, NOT_KNOWN), (500, {"success": False})):
        with FakeVast([(status, answer)]) as vast:
            machine = Machine(settings_for(tmp_path, vast.url), age=2700)
            pauses[status] = [machine.switch.tick() for _ in range(40)]
            word = read_guard(machine.board, machine.switch.settings.run)
            assert word is not None
            assert word.off_switch is (REFUSED if status == 401 else UNKNOWN)
    assert BACKOFF[1] < max(pauses[401]) <= REFUSED_BACKOFF
    assert max(pauses[500]) <= BACKOFF[1]
    assert min(pauses[401]) >= BACKOFF[0]


def test_an_order_that_was_taken_proves_it() -> None:
    assert Vast().judge(200, b'{"success": true}').success
    assert Vast().judge(401, json.dumps(NOT_KNOWN).encode()).refused
    assert not Vast().judge(200, b'{"success": true, "error": "auth_error"}').refused
    assert not Vast().judge(404, b'{"success": false, "error": "no_such_instance"}').refused


def test_the_status_and_the_metrics_of_a_whole_machine_say_it(tmp_path: Path) -> None:
    no_rule = dict.fromkeys(("ERT_BOOT_DEADLINE", "ERT_IDLE_STOP", "ERT_MAX_LIFETIME"), "0")
    with FakeVast() as vast, guard(tmp_path, ERT_VAST_API=vast.url, ERT_CLOCK_SPEED="1000", **no_rule) as running:

        def says(expected: OffSwitch) -> None:
            wait_for(lambda: (running.health() or {}).get("off_switch") == expected.value, 20)
            tls = ssl.create_default_context(cafile=str(running.data / "tls-cert.pem"))
            with httpx.Client(verify=tls, trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as client:
                url = f"https://127.0.0.1:{running.port}"
                assert client.get(f"{url}/status").json()["off_switch"] == expected.value
                lines = client.get(f"{url}/metrics").text.splitlines()
            for state in (PROVEN, REFUSED):
                assert f"ert_off_switch_{state.value} {float(state is expected)}" in lines

        says(PROVEN)
        vast.shown = (404, NOT_KNOWN)
        says(REFUSED)
        assert vast.calls == []
        assert "instance-key" not in running.log
