"""Which causes follow from an external server: its first fault, and what of the apps follows from that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Evidence
from ert_deploy.core.diagnosis.server import NEXT
from ert_deploy.core.model.app.external import NO_KEY, External, Part, Trouble
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.planning.app_env import connected, withdrawn
from ert_deploy.core.verdict.external import ServerSeen
from ert_deploy.core.verdict.facts import Facts
from tests.support.ids import nth
from tests.support.situations import DASH, UP, app
from tests.support.verdicts import empty

SERVER = External("https://llm.example.org", "qwen3:8b", "EXTERNAL_API_KEY", Secret("sk-1"), "a PEM")
ENV = connected(DASH, SERVER.url, Secret("sk-1"), SERVER.certificate, SERVER.model)
OFF = withdrawn(DASH)


def facts(part: Part | None = None, server: External = SERVER, env: dict[str, Secret] | None = None) -> Facts:
    """Return the facts of an app with these variables, by default as wanted, and of a server with one fault."""
    found = empty(apps=(app(ENV if env is None else env),), desired=replace(UP, external=server))
    trouble = None if part is None else Trouble(part, f"the {part} is wrong", f"change the {part}")
    return replace(found, server=ServerSeen(trouble, keyed=True, unused=env == OFF))


def codes(found: Facts) -> list[str]:
    return [cause.code for cause in diagnose(Evidence(facts=found))]


CASES = {
    Part.ADDRESS: ("server-unreachable", "change the address, then `ert-deploy up`"),
    Part.CERTIFICATE: ("server-certificate", "change the certificate, then `ert-deploy up`"),
    Part.API: ("server-api", "change the API, then `ert-deploy up`"),
    Part.KEY: ("server-key", "change the key, then `ert-deploy up`"),
    Part.MODEL: ("server-model", "name one of them in external/model, then `ert-deploy up`"),
    Part.ANSWER: ("server-answer", "change the answer; `ert-deploy ask` tries it again"),
}


@pytest.mark.parametrize("part", Part)
def test_the_first_fault_of_a_server_is_the_only_cause(part: Part) -> None:
    (cause,) = diagnose(Evidence(facts=facts(part)))
    assert (cause.code, cause.fix) == CASES[part]
    assert f"the {part} is wrong" in cause.seen
    assert cause.why


def test_a_server_that_serves_is_no_cause() -> None:
    assert codes(facts()) == []
    assert codes(facts(env=OFF)) == []


def test_a_server_that_no_app_uses_is_what_the_next_up_meets() -> None:
    (cause,) = diagnose(Evidence(facts=facts(Part.ADDRESS, env=OFF)))
    assert (cause.code, cause.why) == ("server-unreachable", "`up` stops here before it writes anything")


def test_a_key_that_nobody_tells_is_asked_for() -> None:
    (cause,) = diagnose(Evidence(facts=facts(server=replace(SERVER, key=None))))
    assert (cause.code, cause.fix) == ("server-key", "`export EXTERNAL_API_KEY=...`, then `ert-deploy doctor`")
    assert cause.seen.startswith("EXTERNAL_API_KEY is not set here")


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        (Part.KEY, replace(SERVER, key=Secret("sk-2"))),
        (Part.MODEL, replace(SERVER, model="qwen3:14b")),
        (Part.ADDRESS, replace(SERVER, url="https://other.example.org")),
        (Part.CERTIFICATE, replace(SERVER, certificate="another PEM")),
    ],
)
def test_variables_that_only_lack_what_the_server_refuses_follow_from_it(part: Part, changed: External) -> None:
    assert codes(facts(part, changed)) == [CASES[part][0]]
    assert codes(facts(None, changed)) == ["app-config"]
    twice = replace(changed, url="https://x.example.org", model="x", certificate="x")
    assert codes(facts(part, twice)) == [CASES[part][0], "app-config"]


def test_an_app_without_the_key_or_without_the_address_is_told_by_itself() -> None:
    names = DASH.names
    (cause,) = diagnose(Evidence(facts=facts(env={k: v for k, v in ENV.items() if k != names.key})))
    assert (cause.code, cause.fix) == ("app-key", "`ert-deploy up` gives the app its key again")
    assert "machine" not in cause.why
    assert codes(facts(env={k: v for k, v in ENV.items() if k != names.url})) == ["app-config"]
    free = replace(SERVER, variable="", key=NO_KEY)
    assert codes(facts(server=free)) == ["app-config"]


def test_what_failed_while_machines_were_rented_is_no_cause_any_more() -> None:
    left = Failure(nth(5), "8", 9.0, "the container is exited")
    assert diagnose(Evidence(facts=facts(), failures=(left,))) == ()


def test_the_key_of_this_shell_alone_is_what_up_stops_at() -> None:
    held, here = replace(SERVER, holder="dash", another=True), Trouble(Part.KEY, "sk is rejected", "export it")
    (cause,) = diagnose(Evidence(facts=replace(facts(server=held), server=ServerSeen(None, keyed=True, here=here))))
    assert cause.seen == "sk is rejected, as this shell has it; dash has another one, which is accepted"
    assert (cause.why, cause.fix) == (NEXT, "export it, then `ert-deploy doctor`")


def test_a_key_that_only_an_app_has_is_told_once() -> None:
    held = replace(SERVER, holder="dash")
    (cause,) = diagnose(Evidence(facts=facts(server=held)))
    assert cause.seen.startswith("EXTERNAL_API_KEY is not set here")
    assert codes(facts(Part.MODEL, held)) == ["server-model", "server-key"]
    assert codes(facts(Part.KEY, held)) == ["server-key"]
