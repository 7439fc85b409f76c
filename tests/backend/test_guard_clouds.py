"""The guard at another cloud than Vast.ai: same rules, another id, key, order and reading, and nothing of Vast's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from ert_backend.base.activity import OffSwitch
from ert_backend.guard import settings as guard_settings
from ert_backend.guard.clouds import known
from ert_backend.guard.clouds.calls import read_own
from ert_backend.guard.clouds.cloud import Call, Cloud, Outcome, json_object
from ert_backend.guard.clouds.vast import Vast
from ert_backend.guard.off_switch import AGAIN, REFUSED_BACKOFF
from ert_backend.guard.rules import Action
from tests.support.backend.guarded import Machine, settings_for
from tests.support.doubles.vast_self_api import FakeVast

KEY = "key-of-this-server"
AT_OTHER = {"ERT_CLOUD": "other", "OTHER_SERVER": "srv-7f", "OTHER_SERVER_KEY": KEY}


class Other:
    """A made-up cloud: ids with letters, one call for the power, accepted orders answered with 202 and a phase."""

    name = "other"
    url = "http://127.0.0.1:9"
    url_variable = "OTHER_API"
    key_variable = "OTHER_SERVER_KEY"

    def own_id(self, env: Mapping[str, str]) -> str:
        return env.get("OTHER_SERVER", "")

    def order(self, action: Action, machine: str, key: str) -> Call:
        power = "off" if action is Action.STOP else "gone"
        headers = {"Authorization": f"Token {key}"}
        return Call("PUT", f"/servers/{machine}/power", headers, json.dumps({"power": power}).encode())

    def reading(self, machine: str, key: str) -> Call:
        return Call("GET", f"/servers/{machine}", {"Authorization": f"Token {key}"})

    def judge(self, status: int, body: bytes) -> Outcome:
        return Outcome(status == 202, f"status {status}", refused=status == 401)

    def judge_reading(self, status: int, body: bytes, machine: str) -> OffSwitch:
        if status == 401:
            return OffSwitch.REFUSED
        return OffSwitch.PROVEN if (json_object(body) or {}).get("server") == machine else OffSwitch.UNKNOWN


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Other()
    monkeypatch.setattr(known, "CLOUDS", (Vast(), cloud))
    return cloud


@pytest.mark.usefixtures("other")
def test_a_machine_of_another_cloud_destroys_and_reads_itself_there(tmp_path: Path) -> None:
    with FakeVast(answers=[(202, {})], shown=(200, {"server": "srv-7f"})) as api:
        settings = settings_for(tmp_path, OTHER_API=api.url, **AT_OTHER)
        assert settings.can_act
        assert read_own(settings) is OffSwitch.PROVEN
        machine = Machine(settings, age=2700)
        assert machine.switch.tick() == AGAIN
        (call,) = api.calls
    assert (call.method, call.path, call.body) == ("PUT", "/servers/srv-7f/power", {"power": "gone"})
    assert call.key == f"Token {KEY}"
    assert not any(KEY in line for line in machine.said)


@pytest.mark.usefixtures("other")
def test_a_key_that_the_other_cloud_refuses_is_tried_at_the_slow_pace(tmp_path: Path) -> None:
    with FakeVast(answers=[(401, {})], shown=(401, {})) as api:
        settings = settings_for(tmp_path, OTHER_API=api.url, **AT_OTHER)
        assert read_own(settings) is OffSwitch.REFUSED
        machine = Machine(settings, age=2700)
        pauses = [machine.switch.tick() for _ in range(30)]
        assert len(api.calls) == 30
    assert max(pauses) <= REFUSED_BACKOFF
    assert machine.switch.word.off_switch is OffSwitch.REFUSED


def test_what_is_missing_is_named_by_the_cloud_in_use(other: Cloud, tmp_path: Path) -> None:
    settings = guard_settings.load({"ERT_CLOUD": "other", "CONTAINER_ID": "4711", "CONTAINER_API_KEY": "not this one"})
    assert settings.cloud is other
    assert not settings.can_act


def test_a_cloud_that_nobody_knows_is_reported_and_the_switch_is_armed_at_the_usual_one(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, ERT_CLOUD="elsewhere")
    assert settings.can_act
    assert settings.problems == ("ERT_CLOUD is not vast, vast is used",)


def test_no_other_process_gets_the_key_of_the_machine() -> None:
    env = {"CONTAINER_API_KEY": "instance-key", "CONTAINER_ID": "1", "OTHER": "kept"}
    settings = guard_settings.load(env)
    for given in (guard_settings.app_environment(env, settings), guard_settings.ollama_environment(env, settings)):
        assert "instance-key" not in given.values()
        assert given["OTHER"] == "kept"
    assert frozenset({"CONTAINER_API_KEY"}) == known.KEYS


def test_a_call_shows_no_key() -> None:
    assert KEY not in repr(Other().order(Action.STOP, "srv-7f", KEY))
