"""Numbered sets of the deployer's variables: one backend each, and what becomes of torn and withdrawn ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.base import redaction
from ert_dashboard.base.owned import Configuration
from ert_dashboard.settings import read_settings
from ert_dashboard.storage.process import Process
from ert_dashboard.web.app import Dashboard
from ert_deploy.core.model.app.target import Target
from ert_deploy.core.model.replica import one_replica
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected, withdrawn
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import complete, entry, listed, numbered, replica, replicas, sealed
from tests.support.dashboard.following import ask, ended, until
from tests.support.dashboard.timed_backend import TimedBackend
from tests.support.fakes.history import WANTED

Start = Callable[[dict[str, str]], Dashboard]
WITHDRAWN = {"REMOTE_LLM_INTEGRATION": "false"}
FIRST_WITHDRAWN = {**WITHDRAWN, "OLLAMA_INTEGRATION": "false", "OPENAI_INTEGRATION": "false"}
SECOND, THIRD = "ERT_LLM_CONFIG_FINGERPRINT_2", "ERT_LLM_CONFIG_FINGERPRINT_3"


@pytest.fixture
def three() -> Iterator[list[FakeBackend]]:
    found = [FakeBackend() for _ in range(3)]
    for at, backend in enumerate(found):
        backend.key = backend.next_key = KEY if at == 0 else f"{KEY}-{at}"
        backend.status = {"draining": False}
    yield found
    for backend in found:
        backend.close()


@pytest.fixture
def environ(three: list[FakeBackend], tmp_path: Path) -> dict[str, str]:
    """Return the variables of three replicas."""
    return replicas(three, tmp_path)


def withdrawn_first(environ: dict[str, str]) -> dict[str, str]:
    """Return the environment after the first replica was withdrawn."""
    kept = {name: value for name, value in environ.items() if name[-2:] in ("_2", "_3") or name == "ERT_DASHBOARD_DB"}
    return sealed({**kept, **FIRST_WITHDRAWN})


def client_of(dashboard: Dashboard) -> Any:
    return dashboard.app.test_client()


def of(client: Any) -> tuple[Any, dict[str, str], Any]:
    """Return the configuration, the fingerprints and the number of backends that `/health` shows."""
    body = client.get("/health").json
    shown = {name: value for name, value in body.items() if name.startswith("fingerprint")}
    return body["configuration"], shown, body["backends"]


def test_each_set_is_a_backend_with_its_own_key_and_fingerprint(
    three: list[FakeBackend], environ: dict[str, str], start: Start
) -> None:
    for backend in three:
        backend.held = True
    client = client_of(start(environ))
    until(lambda: client.get("/health").json["backends"] == {"up": 3, "of": 3})
    made = [ask(client) for _ in range(5)]
    until(lambda: [len(backend.reports) for backend in three] == [1, 1, 1])
    for backend in three:
        backend.held = False
        for report in backend.reports.values():
            report.write(5)
            report.finish()
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert of(client)[1] == {
        "fingerprint": environ["ERT_LLM_CONFIG_FINGERPRINT"],
        "fingerprint_2": environ[SECOND],
        "fingerprint_3": environ[THIRD],
    }
    for backend in three:
        assert {seen.headers["Authorization"] for seen in backend.posts()} == {f"Bearer {backend.key}"}
    assert redaction.clean(f"key {three[2].key}") == "key ***"


def test_a_set_is_read_as_the_engine_publishes_and_withdraws_it(three: list[FakeBackend]) -> None:
    environ: dict[str, str] = {}
    for number, backend in enumerate(three, 1):
        values = connected(published(number), backend.url, Secret(backend.key), backend.pem)
        environ |= {name: value.reveal() for name, value in values.items()}
    settings = read_settings(environ)
    assert [one.url for one in settings.backends] == [backend.url for backend in three]
    assert dict(settings.numbered) == {2: environ[SECOND], 3: environ[THIRD]}
    gone = {name: value.reveal() for name, value in withdrawn(published(2)).items()}
    settings = read_settings({name: value for name, value in environ.items() if not name.endswith("_2")} | gone)
    assert [one.url for one in settings.backends] == [three[0].url, three[2].url]
    assert (settings.numbered[2], settings.left_out) == (gone[SECOND], ())


def published(number: int) -> Target:
    """Return the target of a replica, as the engine publishes to it."""
    (found,) = one_replica(
        replace(WANTED, replicas=3, targets=(Target("srv-1", previews=number == 2),)), number
    ).targets
    return found


def test_one_set_is_answered_as_before(three: list[FakeBackend], tmp_path: Path, start: Start) -> None:
    one = complete(three[0], tmp_path)
    dashboard = start(one)
    body = client_of(dashboard).get("/health").json
    assert set(body) == {
        "status", "timestamp", "version", "fingerprint", "instance", "configuration", "active_reports", "queue_size",
        "forgets", "shared", "backends", "features",
    }  # fmt: skip
    assert (body["fingerprint"], body["backends"]) == (one["ERT_LLM_CONFIG_FINGERPRINT"], None)
    assert dashboard.service.settings.backends[0].weight is None
    with_one_withdrawn = read_settings(numbered(one, 2, **WITHDRAWN))
    assert (with_one_withdrawn.backends[0].weight, list(with_one_withdrawn.numbered)) == (None, [2])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ERT_LLM_BACKEND_URL_2": ""}, "ERT_LLM_BACKEND_URL_2 not set"),
        ({SECOND: ""}, f"{SECOND} not set"),
        ({"ERT_LLM_MODEL_2": "another"}, f"{SECOND} does not match the other variables"),
    ],
)
def test_a_set_is_torn_by_whatever_it_lacks(changed: dict[str, str], says: str, environ: dict[str, str]) -> None:
    settings = read_settings({**environ, **changed})
    assert (len(settings.backends), set(settings.numbered)) == (2, {3})
    (line,) = settings.left_out
    assert line.endswith(says)


def test_a_torn_set_is_left_out_alone(three: list[FakeBackend], environ: dict[str, str], start: Start) -> None:
    client = client_of(start({**environ, "ERT_LLM_API_KEY_2": f"{KEY}-x"}))
    says = f"{SECOND} does not match the other variables"
    until(lambda: client.get("/health").json["backends"] == {"up": 2, "of": 2})
    made = [ask(client) for _ in range(4)]
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert (three[1].connections, three[1].seen) == (0, [])
    configuration, shown, _ = of(client)
    assert (configuration, set(shown)) == ("complete", {"fingerprint", "fingerprint_3"})
    for path in ("/health", "/api/deployment"):
        (line,) = client.get(path).json["left_out"]
        assert line.startswith("set 2 of the backend's variables is left out: ")
        assert line.endswith(says)
    assert says in client.get("/ready").json["reason"]
    assert f"{KEY}-x" not in client.get("/health").text


def test_a_set_that_does_not_match_is_torn_also_where_the_others_are_withdrawn(environ: dict[str, str]) -> None:
    gone = numbered(withdrawn_first(environ), 3, **WITHDRAWN)
    for name in ("ERT_LLM_BACKEND_URL_3", "ERT_LLM_API_KEY_3", "ERT_LLM_TIMEOUT_3", "ERT_LLM_CA_CERT_3"):
        del gone[name]
    settings = read_settings({**gone, "ERT_LLM_TIMEOUT_2": "31"})
    assert (settings.configuration, settings.backends, settings.left_out) == (Configuration.TORN, (), ())
    assert settings.problem is not None
    assert settings.problem.endswith(f"{SECOND} does not match the other variables")
    assert dict(settings.numbered) == {3: gone[THIRD]}


def test_the_first_replica_may_be_withdrawn_while_others_serve(
    three: list[FakeBackend], environ: dict[str, str], start: Start
) -> None:
    without = withdrawn_first(environ)
    client = client_of(start(without))
    made = [ask(client) for _ in range(3)]
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert three[0].connections == 0
    configuration, shown, backends = of(client)
    assert (configuration, backends["of"]) == ("complete", 2)
    assert shown["fingerprint"] == without["ERT_LLM_CONFIG_FINGERPRINT"]
    assert "left_out" not in client.get("/health").json


def test_a_torn_first_set_stops_no_other(three: list[FakeBackend], environ: dict[str, str], start: Start) -> None:
    client = client_of(start({**environ, "ERT_LLM_API_KEY": f"{KEY}-x"}))
    assert ended(client, ask(client))["status"] == "completed"
    assert three[0].connections == 0
    assert of(client)[:2] == (
        "complete",
        {"fingerprint": None, "fingerprint_2": environ[SECOND], "fingerprint_3": environ[THIRD]},
    )


def test_no_set_at_all_and_all_withdrawn_are_absent(environ: dict[str, str]) -> None:
    assert read_settings({}).configuration is Configuration.ABSENT
    gone = withdrawn_first(environ)
    for number in (2, 3):
        for name in ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "ERT_LLM_TIMEOUT", "ERT_LLM_CA_CERT"):
            del gone[f"{name}_{number}"]
        gone = numbered(gone, number, **WITHDRAWN)
    settings = read_settings(gone)
    assert (settings.configuration, settings.backends) == (Configuration.ABSENT, ())
    assert settings.problem == "no LLM backend is configured for this dashboard"
    assert dict(settings.numbered) == {2: gone[SECOND], 3: gone[THIRD]}


def test_an_address_that_two_sets_have_counts_once(three: list[FakeBackend], tmp_path: Path) -> None:
    settings = read_settings(replica(complete(three[0], tmp_path), 2, three[0]))
    assert [backend.url for backend in settings.backends] == [three[0].url]
    (line,) = settings.left_out
    assert line.endswith("ERT_LLM_BACKEND_URL_2 is that of set 1")


def test_sets_beside_a_list_are_further_backends(three: list[FakeBackend], tmp_path: Path) -> None:
    settings = read_settings(replica(listed([entry(three[0], 3)], tmp_path), 2, three[1]))
    assert [(one.url, one.weight, one.measured) for one in settings.backends] == [
        (three[0].url, 3, False),
        (three[1].url, 1, True),
    ]


def test_one_replica_becomes_two_and_loses_no_report(three: list[FakeBackend], tmp_path: Path, start: Start) -> None:
    for backend in three:
        backend.held = True
    before = start(replicas(three[:1], tmp_path))
    made = [ask(client_of(before)) for _ in range(5)]
    until(lambda: len(three[0].reports) == 2)
    before.close()
    client = client_of(start(replicas(three[:2], tmp_path)))
    until(lambda: len(three[1].reports) == 1)
    for backend in three[:2]:
        backend.held = False
        for report in backend.reports.values():
            report.write(5)
            report.finish()
    assert {ended(client, one)["status"] for one in made} == {"completed"}
    assert sorted(report_id for one in three for report_id in one.reports) == sorted(made)


def test_keys_change_and_a_machine_is_replaced_under_load(tmp_path: Path, start: Start) -> None:
    """Each replica gets another key, one also another machine: a deploy for each, while reports are written."""
    backends = [TimedBackend(0.1) for _ in range(4)]
    in_use = backends[:3]
    try:
        before = start(replicas(in_use, tmp_path))
        made = [ask(client_of(before)) for _ in range(12)]
        for at in range(3):
            old = in_use[at]
            in_use[at] = backends[3] if at == 1 else old
            in_use[at].next_key = f"{KEY}-{at}"
            changed = replicas([WithKey(one, one.next_key) for one in in_use], tmp_path)
            after = start(changed)
            before.close()
            in_use[at].key = in_use[at].next_key
            made += [ask(client_of(after)) for _ in range(4)]
            before = after
        client = client_of(before)
        assert {ended(client, one, 30)["status"] for one in made} == {"completed"}
    finally:
        for backend in backends:
            backend.close()


class WithKey:
    """A backend, and the key that the app is given for it."""

    def __init__(self, backend: FakeBackend, key: str) -> None:
        self.url, self.pem, self.key = backend.url, backend.pem, key


def test_the_weight_is_what_a_backend_says_and_may_change(
    three: list[FakeBackend], environ: dict[str, str], start: Start
) -> None:
    for backend in three:
        backend.held = True
    three[1].status = {"draining": False, "report_slots": 3, "slots": 4}
    three[2].status = {"draining": False, "report_slots": True, "slots": 4}
    client = client_of(start(environ))
    until(lambda: client.get("/health").json["backends"] == {"up": 3, "of": 3})
    made = [ask(client) for _ in range(7)]
    until(lambda: [len(backend.reports) for backend in three] == [1, 3, 1])
    for backend in three:
        backend.held = False
        for report in backend.reports.values():
            report.write(5)
            report.finish()
    assert {ended(client, one)["status"] for one in made} == {"completed"}


def test_previews_use_no_set_unless_each_allows_it(three: list[FakeBackend], environ: dict[str, str]) -> None:
    assert read_settings({**environ, "IS_PULL_REQUEST": "true"}).backends == ()
    allowed = numbered(
        environ,
        2,
        **{
            name: environ[f"{name}_2"]
            for name in (
                "REMOTE_LLM_INTEGRATION",
                "ERT_LLM_BACKEND_URL",
                "ERT_LLM_API_KEY",
                "ERT_LLM_TIMEOUT",
                "ERT_LLM_CA_CERT",
            )
        },
        ERT_LLM_PREVIEWS="use",
    )
    (only,) = read_settings({**allowed, "IS_PULL_REQUEST": "true"}).backends
    assert (only.url, only.measured) == (three[1].url, True)


@pytest.mark.parametrize("numbers", [{}, {2: "b" * 16}, {2: "b" * 16, 5: "c" * 16}])
@pytest.mark.parametrize("first", [None, "a" * 16])
def test_a_process_keeps_all_fingerprints_in_one_text(first: str | None, numbers: dict[int, str]) -> None:
    said = Process("srv-1", "worker", first, numbers)
    assert Process.unpacked("srv-1", "worker", said.packed()) == said
    assert numbers or said.packed() == first
