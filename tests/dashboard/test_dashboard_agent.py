"""Agent's client and its settings: what is accepted, what is believed, and that the key stays secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ert_dashboard.backend import agent_client
from ert_dashboard.backend.agent_client import AWAY, AgentClient, AgentTrouble, Wake
from ert_dashboard.backend.machine_view import MachineView
from ert_dashboard.base.agent import Agent, read_agent
from ert_dashboard.base.env import BadSetting
from ert_dashboard.base.interrupt import Interrupt, Interrupted, Reason
from ert_dashboard.base.secret import Secret
from tests.support.certificates.self_signed import certificate, server_context
from tests.support.doubles.agent import KEY, WAKING, AgentDouble, Refusal
from tests.support.doubles.scripted_http import Answer, scripted

PEM = certificate()[0]
GIVEN = {"ERT_AGENT_URL": "https://agent.example.org:8443", "ERT_AGENT_KEY": KEY}


@pytest.fixture
def agent() -> Iterator[AgentDouble]:
    found = AgentDouble()
    yield found
    found.kill()


@pytest.fixture
def connect() -> Iterator[Callable[..., AgentClient]]:
    made: list[AgentClient] = []

    def one(url: str, **fields: Any) -> AgentClient:
        made.append(AgentClient(replace(Agent(url, Secret(KEY)), **fields)))
        return made[-1]

    yield one
    for client in made:
        client.close()


def look(client: AgentClient) -> MachineView:
    with Interrupt() as interrupt:
        return client.look(interrupt)


def wake(client: AgentClient) -> Wake:
    with Interrupt() as interrupt:
        return client.wake(interrupt)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ERT_AGENT_URL": "https://agent.example.org"}, "ERT_AGENT_URL needs ERT_AGENT_KEY"),
        ({"ERT_AGENT_KEY": KEY}, "ERT_AGENT_KEY is set without ERT_AGENT_URL"),
        ({"ERT_AGENT_DEPLOYMENT": "ert"}, "ERT_AGENT_DEPLOYMENT is set without ERT_AGENT_URL"),
        ({**GIVEN, "ERT_AGENT_KEY": "short"}, "16 to 512"),
        ({**GIVEN, "ERT_MACHINE_SECRET": "short"}, "ERT_MACHINE_SECRET is not 32 to 512"),
        ({"ERT_MACHINE_SECRET": "s" * 32}, "ERT_MACHINE_SECRET is set without ERT_AGENT_URL"),
        ({**GIVEN, "ERT_AGENT_KEY": "with a space in it, which no header has"}, "16 to 512"),
        ({**GIVEN, "ERT_AGENT_URL": "http://agent.example.org:8443"}, "must begin with https"),
        ({**GIVEN, "ERT_AGENT_URL": "http://93.184.216.34:80"}, "must begin with https"),
        ({**GIVEN, "ERT_AGENT_URL": "https://agent.example.org/path"}, "without a path"),
        ({**GIVEN, "ERT_AGENT_URL": "https://user:secret@agent.example.org"}, "without a path"),
        ({**GIVEN, "ERT_AGENT_URL": "ftp://agent"}, "https://HOST:PORT"),
        ({**GIVEN, "ERT_AGENT_URL": "https://agent:99999"}, "https://HOST:PORT"),
        ({**GIVEN, "ERT_AGENT_CA_CERT": "no certificate"}, "not a PEM certificate"),
        ({**GIVEN, "ERT_AGENT_URL": "http://agent:8443", "ERT_AGENT_CA_CERT": PEM}, "is not https"),
        ({**GIVEN, "ERT_AGENT_DEPLOYMENT": "../x"}, "not the name of a deployment"),
        ({**GIVEN, "ERT_DASHBOARD_WAKES_PER_HOUR": "-1"}, "ERT_DASHBOARD_WAKES_PER_HOUR must be a number"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(given: dict[str, str], says: str) -> None:
    with pytest.raises(BadSetting, match=says) as error:
        read_agent(given, preview=False)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://agent.example.org/", "https://agent.example.org:443"),
        ("http://127.0.0.1:8443", "http://127.0.0.1:8443"),
        ("http://10.1.2.3", "http://10.1.2.3:80"),
        ("http://[fd00::1]:8443", "http://[fd00::1]:8443"),
        ("http://ert-agent:10000", "http://ert-agent:10000"),
    ],
)
def test_https_anywhere_and_http_only_in_a_private_network(url: str, origin: str) -> None:
    found = read_agent({**GIVEN, "ERT_AGENT_URL": url}, preview=False)
    assert found is not None
    assert (found.url, found.ca_pem, found.deployment, found.wakes_per_hour) == (origin, None, None, 2)
    assert KEY not in repr(found)


def test_a_preview_and_a_dashboard_without_an_agent_have_none() -> None:
    assert read_agent(GIVEN, preview=True) is None
    assert read_agent({}, preview=False) is None


def test_a_signed_state_is_believed(agent: AgentDouble, connect: Any) -> None:
    agent.state.update(WAKING, reason="woken by a report")
    found = look(connect(agent.url))
    assert found == MachineView(
        "waking", 7, "load", 0.5, (80, 240), 0.31, 0.02, reason="woken by a report", url=None, certificate=None
    )


@pytest.mark.parametrize("what", ["another key", "no signature", "older", "another version", "another deployment"])
def test_a_state_that_is_not_to_be_believed(agent: AgentDouble, connect: Any, what: str) -> None:
    client = connect(agent.url)
    assert look(client).generation == 7
    says = "not signed"
    if what == "another key":
        agent.signing_key = f"{KEY}x"
    elif what == "no signature":
        agent.unsigned = True
    elif what == "older":
        agent.state["generation"], says = 6, "older than one"
    elif what == "another version":
        agent.state["version"], says = 2, "version"
    else:
        client, says = connect(agent.url, deployment="ert"), "another deployment"
        agent.state["deployment"] = "other"
    with pytest.raises(AgentTrouble, match=says):
        look(client)


def test_an_answer_that_was_overtaken_is_asked_for_again(agent: AgentDouble, connect: Any) -> None:
    client = connect(agent.url)
    agent.generations = [8, 7, 8]
    assert [look(client).generation for _ in range(2)] == [8, 8]


def test_an_agent_that_has_not_looked_yet_tells_nothing_and_forgets_nothing(agent: AgentDouble, connect: Any) -> None:
    client = connect(agent.url)
    assert look(client).generation == 7
    agent.state.update(WAKING, phase="unknown", generation=0, reason="it was not looked at yet", url="https://x")
    assert look(client) == MachineView("unknown", 7, reason="it was not looked at yet")
    agent.state.update(phase="asleep", generation=6)
    with pytest.raises(AgentTrouble, match="older than one"):
        look(client)


def test_every_look_has_a_nonce_of_its_own(connect: Any) -> None:
    with scripted({"GET /backend": Answer(200, {"version": 1})}) as script:
        for _ in range(2):
            with pytest.raises(AgentTrouble, match="not signed"):
                look(connect(script.url))
        nonces = {asked.headers["X-Ert-Nonce"] for asked in script.seen}
    assert len(nonces) == 2
    assert all(8 <= len(nonce) <= 64 for nonce in nonces)


@pytest.mark.parametrize(
    "odd",
    [
        {"phase": "dancing"},
        {"stage": 7, "progress": 3, "eta_seconds": {"p50": "x", "p95": 1}},
        {"progress": 10**400, "eta_seconds": {"p50": 10**400, "p95": 1}, "cost_to_ready_usd": -(10**400)},
        {"price_per_hour_usd": -1, "cost_to_ready_usd": True, "url": 5, "certificate": "", "reason": ["x"]},
    ],
)
def test_odd_values_are_not_known(agent: AgentDouble, connect: Any, odd: dict[str, Any]) -> None:
    agent.state.update({"phase": "asleep", **odd})
    assert look(connect(agent.url)) == MachineView(
        "unknown" if "phase" in odd else "asleep", 0 if "phase" in odd else 7
    )


@pytest.mark.parametrize(
    ("refusal", "result"),
    [
        (Refusal(429, "wakes_per_hour", "6 starts in this hour.", 40), Wake(problem="6 starts in this hour", after=40)),
        (Refusal(409, "budget", "the day's budget is spent"), Wake(problem="the day's budget is spent", lasting=True)),
        (Refusal(503, "provider", "Vast.ai cannot be read", 5), Wake(problem="Vast.ai cannot be read", after=5)),
        (Refusal(429, "wakes_per_hour", f"key {KEY}", 999_999), Wake(problem="key ***", after=3600)),
    ],
)
def test_a_refused_wake_says_why_and_when(agent: AgentDouble, connect: Any, refusal: Refusal, result: Wake) -> None:
    agent.refusals = [refusal]
    assert wake(connect(agent.url)) == result


def test_a_wake_goes_on_and_ends(agent: AgentDouble, connect: Any) -> None:
    agent.wakes_needed = 2
    client = connect(agent.url, deployment="ert")
    assert [wake(client).ready for _ in range(3)] == [False, False, True]
    assert set(agent.asked) == {"POST /wake?deployment=ert"}


def test_a_key_or_a_deployment_that_the_agent_does_not_know(agent: AgentDouble, connect: Any) -> None:
    with pytest.raises(AgentTrouble, match="ERT_AGENT_KEY"):
        wake(connect(agent.url, key=Secret("another-key-0123456789")))
    with pytest.raises(AgentTrouble, match="ERT_AGENT_DEPLOYMENT"):
        look(connect(agent.url, deployment="unknown"))


def test_an_agent_that_is_away_redirects_trickles_or_floods(
    agent: AgentDouble, connect: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(agent_client, "WAKE_S", 0.3)
    troubles = {
        "redirect": Answer(302, {}, {"Location": f"{agent.url}/wake"}),
        "trickle": Answer(202, b"x" * 1000, trickle=0.1),
        "silence": Answer(202, endless=0.05),
        "flood": Answer(202, b"x" * 300_000),
    }
    for trouble in troubles.values():
        with scripted({"POST /wake": trouble}) as script, pytest.raises(AgentTrouble) as error:
            wake(connect(script.url))
        assert KEY not in str(error.value)
    assert agent.asked == [], "a redirect was followed"
    agent.kill()
    with pytest.raises(AgentTrouble, match=AWAY):
        wake(connect(agent.url))
    agent.start()
    assert KEY not in caplog.text


def test_a_call_ends_with_its_process(connect: Any) -> None:
    with scripted({"POST /wake": Answer(202, b"x" * 1000, trickle=0.05)}) as script, Interrupt() as interrupt:
        interrupt.cut(Reason.CLOSING)
        with pytest.raises(Interrupted):
            connect(script.url).wake(interrupt)


def test_an_agent_with_another_certificate_gets_no_key(connect: Any) -> None:
    with (
        scripted({"POST /wake": Answer(202, {})}, tls=server_context(*certificate())) as script,
        pytest.raises(AgentTrouble, match="ERT_AGENT_CA_CERT"),
    ):
        wake(connect(script.url, ca_pem=PEM))
    assert script.seen == []
