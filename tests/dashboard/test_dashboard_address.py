"""A changed address: taken from the agent's signed state, with neither a deploy nor a restart, and only if proven."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ert_dashboard.backend.machine_view import machine_key
from ert_dashboard.base.secret import Secret
from ert_dashboard.reports import follower, waker
from ert_dashboard.web.app import Dashboard
from tests.support.dashboard.fake_backend import KEY, FakeBackend
from tests.support.dashboard.fingerprint import sealed
from tests.support.dashboard.following import ask, data, ended, until
from tests.support.doubles.agent import KEY as AGENT_KEY
from tests.support.doubles.agent import WAKING, AgentDouble

Start = Callable[[dict[str, str]], Dashboard]
STATUS = {"uptime": 5.0}
LOGIN = {"ERT_DASHBOARD_LOGIN_HEADER": "X-User", "ERT_DASHBOARD_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "EVERY_S", 0.05)
    for name in ("EVERY_S", "_LOOK_S"):
        monkeypatch.setattr(waker, name, 0.05)
    monkeypatch.setattr(waker.Waker, "longest_pause_s", 0.2)


@pytest.fixture
def elsewhere() -> Iterator[FakeBackend]:
    """Return a backend on another machine: another address, another certificate, the same key."""
    found = FakeBackend()
    found.status = dict(STATUS)
    yield found
    found.close()


@pytest.fixture
def agent() -> Iterator[AgentDouble]:
    found = AgentDouble()
    yield found
    found.kill()


def at(agent: AgentDouble, backend: FakeBackend, **changes: Any) -> None:
    """Have the agent tell that the backend is there, ready."""
    told = {"phase": "ready", "url": backend.url, "certificate": backend.pem, "generation": 8}
    agent.state.update({**told, **changes})


def shown(dashboard: Dashboard) -> str:
    client: Any = dashboard.app.test_client()
    return str(client.get("/health").json["fingerprint"])


def moved(environ: dict[str, str], backend: FakeBackend) -> str:
    """Return the fingerprint that a deployer would write for the new address."""
    there = {"ERT_LLM_BACKEND_URL": backend.url, "ERT_LLM_CA_CERT": backend.pem}
    return sealed({**environ, **there})["ERT_LLM_CONFIG_FINGERPRINT"]


def test_every_process_moves_and_shows_the_new_fingerprint(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend, elsewhere: FakeBackend
) -> None:
    processes = [start({**environ, **agent.environ()}) for _ in range(2)]
    assert {shown(one) for one in processes} == {environ["ERT_LLM_CONFIG_FINGERPRINT"]}
    at(agent, elsewhere)
    until(lambda: {shown(one) for one in processes} == {moved(environ, elsewhere)})
    client = processes[0].app.test_client()
    report_id = ask(client)
    assert ended(client, report_id)["status"] == "completed"
    assert (list(elsewhere.reports), backend.reports) == ([report_id], {})
    at(agent, backend, generation=9)
    backend.status = dict(STATUS)
    until(lambda: shown(processes[0]) == environ["ERT_LLM_CONFIG_FINGERPRINT"])


def test_another_machine_gets_the_key_that_is_derived_for_it_and_never_the_old_one(
    environ: dict[str, str],
    start: Start,
    agent: AgentDouble,
    elsewhere: FakeBackend,
    caplog: pytest.LogCaptureFixture,
) -> None:
    secret, token = "s" * 32, "ab" * 16
    key = machine_key(Secret(secret), token, 1).reveal()
    elsewhere.key = key
    dashboard = start({**environ, **agent.environ(), "ERT_MACHINE_SECRET": secret})
    at(agent, elsewhere)  # it names no machine
    until(lambda: "not derived from a token" in caplog.text)
    assert elsewhere.seen == [], "another machine got a request"
    at(agent, elsewhere, generation=9, machine={"token": token, "key_generation": 1})
    until(lambda: shown(dashboard) == moved({**environ, "ERT_LLM_API_KEY": key}, elsewhere))
    client = dashboard.app.test_client()
    assert ended(client, ask(client))["status"] == "completed"


def test_a_state_from_before_a_rotation_does_not_bring_the_old_key_back(
    environ: dict[str, str], start: Start, agent: AgentDouble, elsewhere: FakeBackend
) -> None:
    secret, token = "s" * 32, "ab" * 16
    older, newer = (machine_key(Secret(secret), token, number).reveal() for number in (0, 1))
    elsewhere.key, elsewhere.next_key = newer, older
    dashboard = start({**environ, **agent.environ(), "ERT_MACHINE_SECRET": secret})
    at(agent, elsewhere, machine={"token": token, "key_generation": 1})
    until(lambda: shown(dashboard) == moved({**environ, "ERT_LLM_API_KEY": newer}, elsewhere))
    at(agent, elsewhere, generation=9, machine={"token": token, "key_generation": 0})
    asked = len(agent.asked)
    until(lambda: len(agent.asked) >= asked + 3)
    assert shown(dashboard) == moved({**environ, "ERT_LLM_API_KEY": newer}, elsewhere)
    elsewhere.key = older
    until(lambda: shown(dashboard) == moved({**environ, "ERT_LLM_API_KEY": older}, elsewhere))


def test_a_report_whose_machine_was_replaced_is_written_by_the_new_one(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend, elsewhere: FakeBackend
) -> None:
    """The old address goes to a stranger, whose server has another certificate."""
    backend.held = True
    agent.wakes_needed = 10**6
    client: Any = start({**environ, **LOGIN, **agent.environ()}).app.test_client()
    client.environ_base["HTTP_X_USER"] = "somebody"
    report_id = ask(client)
    until(lambda: backend.reports.get(report_id)).write(2)
    until(lambda: data(client, report_id)["sections_done"] == 2)
    backend.closing.set()
    backend.sleep()
    backend.seen.clear()
    own, stranger = (backend.pem, backend._key_pem), FakeBackend()
    backend.pem, backend._key_pem = stranger.pem, stranger._key_pem
    stranger.close()
    backend.closing.clear()
    backend.wake()
    until(lambda: agent.wakes > 0)
    until(lambda: data(client, report_id)["current_section"].endswith("the GPU is being woken"))
    at(agent, elsewhere)
    done = ended(client, report_id)
    assert (done["status"], done["sections_done"]) == ("completed", 5)
    assert list(elsewhere.reports) == [f"{report_id}-m1"], "the first two sections are there already"
    assert len(elsewhere.only().request["sections"]) == 3
    assert backend.seen == [], "the stranger got a request"
    backend.pem, backend._key_pem = own


@pytest.mark.parametrize("what", ["unsigned", "waking", "plain", "no certificate", "another certificate", "key"])
def test_an_address_that_is_not_proven_is_not_used(
    environ: dict[str, str],
    start: Start,
    agent: AgentDouble,
    backend: FakeBackend,
    elsewhere: FakeBackend,
    what: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    agent.unsigned = what == "unsigned"
    if what == "key":
        elsewhere.refusal = (401, {"detail": "Invalid API key"})
    changes: dict[str, dict[str, Any]] = {
        "waking": {"phase": "waking"},
        "plain": {"url": elsewhere.url.replace("https", "http")},
        "no certificate": {"certificate": "-----BEGIN CERTIFICATE-----\nx\n"},
        "another certificate": {"certificate": backend.pem},
    }
    at(agent, elsewhere, **changes.get(what, {}))
    dashboard = start({**environ, **agent.environ()})
    until(lambda: len(agent.asked) >= 3)
    assert shown(dashboard) == environ["ERT_LLM_CONFIG_FINGERPRINT"]
    client = dashboard.app.test_client()
    assert ended(client, ask(client))["status"] == "completed"
    assert elsewhere.reports == {}
    asked = [seen for seen in elsewhere.seen if "Authorization" in seen.headers]
    assert bool(asked) is (what == "key"), "the key is sent to the certificate of the signed state only"
    assert caplog.text.count("is not used") <= 1
    assert KEY not in caplog.text
    assert AGENT_KEY not in caplog.text


def test_an_older_state_of_a_second_agent_moves_nothing_back(
    environ: dict[str, str], start: Start, agent: AgentDouble, backend: FakeBackend, elsewhere: FakeBackend
) -> None:
    backend.status = dict(STATUS)
    dashboard = start({**environ, **agent.environ()})
    at(agent, elsewhere)
    until(lambda: shown(dashboard) == moved(environ, elsewhere))
    at(agent, backend, generation=7)
    asked = len(agent.asked)
    until(lambda: len(agent.asked) >= asked + 3)
    assert shown(dashboard) == moved(environ, elsewhere)


def test_an_agent_that_hangs_does_not_keep_the_process_from_ending(
    environ: dict[str, str], start: Start, agent: AgentDouble
) -> None:
    dashboard = start({**environ, **agent.environ()})
    until(lambda: agent.asked)
    dashboard.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "address"]


def test_a_scrape_has_the_contract_by_the_agent(environ: dict[str, str], start: Start, agent: AgentDouble) -> None:
    token = "metrics-token-0123456789"
    dashboard = start({**environ, **agent.environ(), "ERT_METRICS_TOKEN": token})

    def scraped() -> str:
        return str(dashboard.app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}"}).text)

    assert "ert_contract_end" not in scraped()
    prices = {"price_per_hour_usd": 0.4, "agreed_price_per_hour_usd": 0.32}
    agent.state.update(phase="ready", generation=8, contract_ends=1.8e9, **prices)
    until(lambda: "ert_agreed_price_usd_per_hour 0.32" in scraped())
    assert "ert_contract_end_timestamp_seconds 1800000000" in scraped()
    assert "ert_listed_price_usd_per_hour 0.4" in scraped()
    agent.state.update(phase="asleep")
    until(lambda: "ert_listed_price" not in scraped())
    assert "ert_contract_end_timestamp_seconds 1800000000" in scraped()
    agent.kill()
    until(lambda: "ert_contract_end" not in scraped())
    agent.start()


def test_it_looks_more_often_while_the_backend_is_woken(
    environ: dict[str, str], start: Start, agent: AgentDouble, elsewhere: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower, "EVERY_S", 60.0)
    monkeypatch.setattr(follower, "WAKING_S", 0.05)
    agent.state.update(WAKING)
    dashboard = start({**environ, **agent.environ()})
    until(lambda: len(agent.asked) >= 3)
    at(agent, elsewhere)
    until(lambda: shown(dashboard) == moved(environ, elsewhere))
    asked = len(agent.asked)
    found = dashboard.service.follower
    assert found is not None
    until(lambda: found.seen is not None and found.seen.phase == "ready")
    assert len(agent.asked) <= asked + 1, "it goes on to look as often"
