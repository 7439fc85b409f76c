"""Verdict on an app that uses an external server: each link by the first part of the server that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.app.external import NO_KEY, External, Part, Trouble
from ert_deploy.core.model.desired import Desired
from ert_deploy.core.model.provider import Cloud
from ert_deploy.core.model.secret import HIDDEN, Secret
from ert_deploy.core.planning.app_env import connected, withdrawn
from ert_deploy.core.verdict.external import ServerSeen
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Missing, Name, Standing, standing
from tests.support.situations import DASH, UP, app, instance
from tests.support.verdicts import RICH, brief, empty, serving

SERVER = External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY", Secret("sk-1"), "a PEM")
ENV = connected(DASH, SERVER.url, Secret("sk-1"), SERVER.certificate, SERVER.model)
WELL = ServerSeen(None, keyed=True)
NO_CLOUD = Cloud(keeps_disk=False, bids=False, readable=False)


def trouble(part: Part) -> ServerSeen:
    return ServerSeen(Trouble(part, "it is wrong", "put it right"), keyed=True)


def facts(seen: ServerSeen = WELL, server: External = SERVER, env: dict[str, Secret] | None = None) -> Facts:
    """Return the facts of an app on the server, and of no instance."""
    found = empty(apps=(app(ENV if env is None else env),), desired=replace(UP, external=server))
    return replace(found, server=seen)


def machine_left() -> Facts:
    found = serving(instance(7), desired=replace(UP, external=SERVER), apps=(app(ENV),))
    return replace(found, server=WELL)


def without_cloud() -> Facts:
    return replace(facts(), situation=empty(apps=(app(ENV),), desired=_unlisted()).situation, desired=_unlisted())


def _unlisted() -> Desired:
    return replace(UP, external=SERVER, cloud=NO_CLOUD)


CASES: dict[str, tuple[Facts, Standing, tuple[str, ...]]] = {
    "as wanted": (
        facts(), Standing.AS_WANTED,
        ("good account", "good contract : none", "good endpoint : https://llm.example.org", "good key : accepted (",
         "good model : qwen3:8b", "good app config dash: all variables", "good app instance dash: fingerprint"),
    ),
    "it lists its models to anybody": (
        facts(ServerSeen(None)), Standing.AS_WANTED, ("unknown key : not asked for", "to anybody"),
    ),
    "without keys": (
        facts(ServerSeen(None), replace(SERVER, variable="", key=NO_KEY), {**ENV, DASH.names.key: NO_KEY}),
        Standing.DEGRADED, ("good key : none is needed", "differs in ERT_LLM_CONFIG_FINGERPRINT"),
    ),
    "no response": (
        facts(trouble(Part.ADDRESS)), Standing.DEGRADED,
        ("bad endpoint : failed", "it is wrong: put it right", "unknown key : not asked", "unknown model"),
    ),
    "another certificate": (facts(trouble(Part.CERTIFICATE)), Standing.DEGRADED, ("bad endpoint", "unknown key")),
    "it fails": (facts(trouble(Part.ANSWER)), Standing.DEGRADED, ("bad endpoint", "unknown model")),
    "a wrong key": (
        facts(trouble(Part.KEY)), Standing.DEGRADED, ("good endpoint", "bad key : rejected", "unknown model"),
    ),
    "a wrong key in this shell alone": (
        facts(ServerSeen(None, keyed=True, here=trouble(Part.KEY).trouble), replace(SERVER, holder="dash")),
        Standing.DEGRADED,
        ("good endpoint", "bad key : rejected", "dash has another one, which is accepted", "good model"),
    ),
    "another model": (
        facts(trouble(Part.MODEL)), Standing.DEGRADED, ("good endpoint", "good key", "bad model : failed"),
    ),
    "a key that nobody tells": (
        facts(WELL, replace(SERVER, key=None)), Standing.DEGRADED,
        ("good endpoint", "unknown key : not known", "EXTERNAL_API_KEY is not set here", "unknown model : not asked"),
    ),
    "no app uses it": (
        facts(ServerSeen(None, unused=True), env=withdrawn(DASH)), Standing.AS_WANTED,
        ("good endpoint : not asked (wanted: no app uses it)", "good app config dash: switched off"),
    ),
    "the app has another address": (
        facts(env={**ENV, DASH.names.url: Secret("https://203.0.113.7:1")}), Standing.DEGRADED,
        ("bad app config dash: differs in ERT_LLM_BACKEND_URL", "not the server's of the config"),
    ),
    "the app has no key": (
        facts(env={name: value for name, value in ENV.items() if name != DASH.names.key}), Standing.DEGRADED,
        ("bad app config dash: no ERT_LLM_API_KEY",),
    ),
    "nobody shows the key": (
        facts(WELL, replace(SERVER, key=None), {**ENV, DASH.names.key: HIDDEN}), Standing.DEGRADED,
        ("unknown key : not known", "good app config dash: all variables"),
    ),
    "the host shows no key": (
        facts(env={**ENV, DASH.names.key: HIDDEN}), Standing.AS_WANTED, ("good app config dash: all variables",),
    ),
    "a machine is left": (
        machine_left(), Standing.DEGRADED,
        ("bad contract 7: running", "it is not the one in use and it bills: `ert-deploy up` retires it"),
    ),
    "there is no key of a GPU cloud": (
        without_cloud(), Standing.AS_WANTED, ("unknown contract : not listed", "the state names none", "good endpoint"),
    ),
    "the state cannot be read": (
        replace(facts(), situation=Missing("no state")), Standing.UNCLEAR,
        ("unknown contract : not read", "good endpoint", "good app config dash"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    found, wanted, pieces = CASES[case]
    lines = "\n".join(brief(link) for link in links(found))
    assert standing(links(found)) is wanted, lines
    assert [piece for piece in pieces if piece not in lines] == [], lines
    assert "sk-1" not in lines


def test_without_a_key_of_a_cloud_its_account_is_not_judged() -> None:
    assert "account" not in {link.name.value for link in links(without_cloud())}
    assert "account" in {link.name.value for link in links(replace(facts(), credit=RICH))}


def test_the_links_are_in_the_order_of_a_request() -> None:
    machine = (Name.CONTAINER, Name.GUARD, Name.IDENTITY, Name.ENGINE, Name.REPORT, Name.STRAY, Name.STATE)
    absent = (*machine, Name.PROCESS)
    assert [link.name for link in links(facts())] == [name for name in Name if name not in absent]
