"""Several backends: one queue, a report per place, and what becomes of the reports of one that is lost or drained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.owned import Configuration, fingerprint_of
from ert_dashboard.settings import read_settings
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fake_report import SECTIONS
from tests.support.dashboard.fingerprint import complete, entry, listed, sealed
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.dashboard.timed_backend import TimedBackend

Start = Callable[[dict[str, str]], Dashboard]


@pytest.fixture
def three() -> Iterator[list[FakeBackend]]:
    found = [FakeBackend() for _ in range(3)]
    for backend in found:
        backend.held = True
        backend.status = {"draining": False}
    yield found
    for backend in found:
        backend.close()


def started(start: Start, environ: dict[str, str]) -> Any:
    dashboard = start(environ)
    return dashboard.app.test_client()


def reports(backends: list[FakeBackend]) -> list[int]:
    return [len(backend.reports) for backend in backends]


def finish(backend: FakeBackend) -> None:
    """Finish what a backend has, and what it gets from now on."""
    backend.held = False
    for report in list(backend.reports.values()):
        if report.status == "queued":
            report.write(len(report.request["sections"]))
            report.finish()


def up(client: Any) -> int:
    found: int = client.get("/health").json["backends"]["up"]
    return found


def test_a_free_backend_takes_the_oldest_report(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    client = started(start, listed([entry(backend) for backend in three], tmp_path))
    made = [ask(client) for _ in range(5)]
    until(lambda: reports(three) == [1, 1, 1])
    assert until(lambda: up(client) == 3)
    assert {report_id for backend in three for report_id in backend.reports} == set(made[:3])
    finish(three[1])
    until(lambda: all(data(client, one)["status"] == "completed" for one in made[3:]))
    assert reports(three) == [1, 3, 1]
    assert list(three[1].reports)[1:] == made[3:]
    for backend in three:
        finish(backend)
    assert {ended(client, one)["status"] for one in made} == {"completed"}


def test_a_weight_is_the_number_of_reports_at_once(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    entries = [entry(three[0], 3), entry(three[1]), entry(three[2], 0)]
    client = started(start, listed(entries, tmp_path))
    made = [ask(client) for _ in range(6)]
    until(lambda: reports(three) == [3, 1, 0])
    assert client.get("/health").json["active_reports"] == 4
    finish(three[1])
    until(lambda: reports(three) == [3, 3, 0])
    finish(three[0])
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert reports(three) == [3, 3, 0]


def test_two_processes_keep_to_the_weight_together(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    environ = listed([entry(three[0]), entry(three[1])], tmp_path)
    clients = [started(start, environ) for _ in range(2)]
    made = [ask(client) for client in clients for _ in range(3)]
    until(lambda: reports(three) == [1, 1, 0])
    for backend in three[:2]:
        finish(backend)
    assert {ended(clients[0], one)["status"] for one in made} == {"completed"}
    assert sum(reports(three)) == 6


def test_a_backend_with_weight_0_gets_none_also_while_the_other_is_lost(
    three: list[FakeBackend], start: Start, tmp_path: Path
) -> None:
    client = started(start, listed([entry(three[0]), entry(three[1], 0)], tmp_path))
    report_id = ask(client)
    until(lambda: three[0].reports)
    three[0].only().write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    cut(three[0])
    until(lambda: "Reconnecting" in data(client, report_id)["current_section"])
    three[0].only().write(5, begin=3)
    three[0].only().finish()
    three[0].wake()
    assert ended(client, report_id)["status"] == "completed"
    assert three[1].posts() == []


def test_the_report_of_a_lost_backend_is_written_by_another(
    three: list[FakeBackend], start: Start, tmp_path: Path
) -> None:
    client = started(start, listed([entry(backend) for backend in three[:2]], tmp_path))
    first = ask(client)
    until(lambda: sum(reports(three)) == 1)
    lost, other = sorted(three[:2], key=lambda backend: -len(backend.reports))
    until(lambda: up(client) == 2)
    lost.only().write(2)
    until(lambda: data(client, first)["sections_done"] == 2)
    other.texts = {name: f"by the other: {name}" for name in SECTIONS}
    cut(lost)
    until(lambda: other.reports)
    assert other.only().request["sections"] == SECTIONS[2:]
    assert (other.only().report_id, until(lambda: up(client) == 1)) == (f"{first}-m1", True)
    finish(other)
    assert ended(client, first)["status"] == "completed"
    text = client.get(f"/reports/{first}.md").text
    assert (text.count("Revenue grew."), text.count("by the other")) == (2, 3)
    lost.wake()
    until(lambda: up(client) == 2)


def cut(backend: FakeBackend) -> None:
    """End a backend as SIGKILL does: its connections break, and new ones are refused."""
    backend.closing.set()
    backend.sleep()
    backend.closing.clear()


def test_a_stranger_gets_no_request(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    entries = [entry(three[0], certificate=three[1].pem), entry(three[2])]
    client = started(start, listed(entries, tmp_path))
    three[2].held = False
    made = [ask(client) for _ in range(8)]
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert three[0].connections > 0
    assert three[0].seen == []
    assert client.get("/health").json["backends"] == {"up": 1, "of": 2}


def test_a_key_that_one_backend_refuses_fails_no_report(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    three[0].key = three[0].next_key = f"{KEY}-another"
    three[1].held = three[0].held = False
    client = started(start, listed([entry(three[0], key=KEY), entry(three[1])], tmp_path))
    made = [ask(client) for _ in range(6)]
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert reports(three) == [0, 6, 0]
    three[0].key = KEY
    until(lambda: up(client) == 2)


def test_a_backend_that_drains_gets_no_new_report_and_ends_its_own(
    three: list[FakeBackend], start: Start, tmp_path: Path
) -> None:
    before = start(listed([entry(three[0]), entry(three[1])], tmp_path))
    client = before.app.test_client()
    first, second = ask(client), ask(client)
    until(lambda: reports(three) == [1, 1, 0])
    three[0].status = {"draining": True}
    before.close()
    again = started(start, listed([entry(three[0], 0), entry(three[1])], tmp_path))
    until(lambda: up(again) == 1)
    later = [ask(again) for _ in range(3)]
    finish(three[1])
    assert {ended(again, one)["status"] for one in later} == {"completed"}
    held = {one: data(again, one)["status"] for one in (first, second)}
    assert "generating_sections" in held.values()
    finish(three[0])
    assert {ended(again, one)["status"] for one in (first, second)} == {"completed"}
    assert reports(three)[0] == 1


def test_keys_are_changed_one_after_the_other_under_load(start: Start, tmp_path: Path) -> None:
    """Each key is added, given to a new deploy, and dropped after it; one backend drains meanwhile."""
    backends = [TimedBackend(0.1) for _ in range(3)]
    try:
        before = start(listed([entry(backend) for backend in backends], tmp_path))
        made = [ask(before.app.test_client()) for _ in range(12)]
        for at, backend in enumerate(backends):
            backend.next_key = f"{KEY}-{at}"
            entries = [entry(one, key=one.next_key, weight=int(one is not backend)) for one in backends]
            after = start(listed(entries, tmp_path))
            before.close()
            backend.key = backend.next_key
            made += [ask(after.app.test_client()) for _ in range(4)]
            before = after
        client = before.app.test_client()
        assert {ended(client, one, 30)["status"] for one in made} == {"completed"}
        assert sum(len(backend.finished) for backend in backends) == len(made)
    finally:
        for backend in backends:
            backend.close()


def test_while_none_is_up_reports_wait(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    for backend in three:
        backend.sleep()
    client = started(start, listed([entry(backend) for backend in three], tmp_path))
    made = [ask(client) for _ in range(4)]
    until(lambda: data(client, made[0])["status"] == "preparing_data")
    three[2].held = False
    three[2].wake()
    assert {ended(client, one, 30)["status"] for one in made} == {"completed"}
    for backend in three[:2]:
        backend.wake()


def test_a_report_that_stops_every_backend_fails(three: list[FakeBackend], start: Start, tmp_path: Path) -> None:
    dashboard = start(listed([entry(backend) for backend in three[:2]], tmp_path))
    client = dashboard.app.test_client()
    report_id = ask(client)
    has = until(lambda: [backend for backend in three[:2] if backend.reports])[0]
    until(lambda: data(client, report_id)["status"] == "generating_sections")
    dashboard.service.store.change(report_id, moves=5)
    cut(has)
    assert ended(client, report_id)["error_message"] == "6 backends stopped while they wrote this report"
    has.wake()


def test_the_list_is_in_the_fingerprint_and_one_backend_keeps_its_own(three: list[FakeBackend], tmp_path: Path) -> None:
    entries = [entry(three[0]), entry(three[1])]
    environ = listed(entries, tmp_path)
    assert read_settings(environ).fingerprint == fingerprint_of(environ)
    changed = {**environ, "ERT_LLM_BACKENDS": json.dumps([entries[0], {**entries[1], "key": f"{KEY}-new"}])}
    assert fingerprint_of(changed) != fingerprint_of(environ)
    settings = read_settings(changed)
    assert (settings.configuration, settings.fingerprint) == (Configuration.TORN, None)
    alone = complete(three[0], tmp_path)
    assert read_settings(alone).backends[0].weight is None
    assert alone["ERT_LLM_CONFIG_FINGERPRINT"] == fingerprint_of(alone)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{", "ERT_LLM_BACKENDS is not JSON"),
        ("{}", "ERT_LLM_BACKENDS must be a list of 1 to 32 backends"),
        ("[]", "ERT_LLM_BACKENDS must be a list of 1 to 32 backends"),
        ([3], "ERT_LLM_BACKENDS, backend 1 is not an object with url, certificate, key, weight"),
        ([{"ulr": 1}], "backend 1 has an unknown field; it may have url, certificate, key, weight"),
        ([{"url": None}], "backend 1: url is not a text"),
        ([{"url": "http://10.0.0.1"}], "backend 1: url is not of the form https://host:port"),
        ([{"key": "a b"}], "backend 1: key holds characters a header cannot carry, or has a strange length"),
        ([{"certificate": "x"}], "backend 1: certificate is not a PEM certificate"),
        ([{"weight": True}], "backend 1: weight is not a whole number from 0 to 64"),
        ([{"weight": 65}], "backend 1: weight is not a whole number from 0 to 64"),
        ([{}, {}], "backend 2: url is that of backend 1"),
        ([{"weight": 0}], "every weight is 0, so none would write a report"),
    ],
)
def test_a_bad_list_is_one_line_and_the_process_does_not_start(
    value: Any, says: str, three: list[FakeBackend], tmp_path: Path
) -> None:
    key = "ert-planted-secret-0123456789"
    if isinstance(value, list):
        full = entry(three[0], key=key)
        value = json.dumps([{**full, **row} if isinstance(row, dict) else row for row in value])
    environ = sealed({**listed([entry(three[0])], tmp_path), "ERT_LLM_BACKENDS": value})
    with pytest.raises(BadSetting) as raised:
        read_settings(environ)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert key not in str(raised.value)
