"""Instances of an app: each one that its host lists is shown with the configuration that it runs with."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ert_deploy.adapters.app.probe import HttpAppProbe
from ert_deploy.adapters.bounded_http import Bounds
from ert_deploy.adapters.clock import RealClock
from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Deploy, Evidence
from ert_deploy.core.model.desired import Target
from ert_deploy.core.model.errors import CannotObserve
from ert_deploy.core.model.observed import DeployKind, WebDeploy
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.verdict.facts import Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Missing, Name, Standing, standing
from ert_deploy.engine.diagnosis.read import read_evidence
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import read_facts
from ert_deploy.providers.render.web import RenderWeb, ids_of
from tests.engine.test_verdict_read import healthy
from tests.support.doubles.scripted_http import Answer, scripted
from tests.support.fakes.history import WANTED
from tests.support.fakes.loopback import FakeWorld
from tests.support.fakes.timing import FakeClock
from tests.support.render.world import KEY, running, until
from tests.support.situations import app
from tests.support.verdicts import ENV, brief, serving

APP = Path(__file__).parents[1] / "kills" / "standin_app.py"
ONE, TWO = "srv-1-abcde", "srv-1-fghij"
MARK = ENV[WANTED.targets[0].names.fingerprint].reveal()
OLD = "0123456789abcdef"


def read(made: FakeWorld) -> Facts:
    return run(read_facts(WANTED, RunMemory()), made.ports)


def lines(facts: Facts) -> list[str]:
    return [brief(link) for link in links(facts) if link.name is Name.PROCESS]


def test_the_only_instance_is_the_one_that_answered() -> None:
    made = healthy()
    made.web.processes = {ONE: "not asked"}
    shown = made.web.fingerprint("https://dash.example.org", WANTED.targets[0])
    assert read(made).processes == {"dash": {ONE: shown}}
    made.web.shows = None
    assert read(made).processes == {"dash": {ONE: ""}}
    made.web.answers["https://dash.example.org"] = replace(made.web.answer("", WANTED.targets[0]), status=502)
    assert read(made).processes == {"dash": {ONE: None}}
    assert "fingerprints" not in made.web.faults.calls


@pytest.mark.parametrize(("named", "second"), [(True, OLD), (False, None)])
def test_several_are_asked_through_their_address(named: bool, second: str | None) -> None:
    made = healthy()
    made.web.processes, made.web.named = {ONE: MARK, TWO: OLD}, named
    assert read(made).processes == {"dash": {ONE: MARK if named else None, TWO: second}}


def test_a_list_that_cannot_be_read_is_no_trouble_of_the_deployment() -> None:
    made = healthy()
    made.web.faults.queued["instances"] = [CannotObserve("Render does not respond")]
    found = read(made)
    assert found.processes == {"dash": Missing("Render does not respond")}
    assert standing(links(found)) is Standing.AS_WANTED
    made.web.processes = {}
    assert read(made).processes == {"dash": {}}


@pytest.mark.parametrize(
    ("processes", "verdict", "said"),
    [
        ({ONE: MARK, TWO: MARK}, Standing.AS_WANTED,
         [f"good app process dash {one}: fingerprint {MARK} (wanted: fingerprint {MARK})" for one in (ONE, TWO)]),
        ({ONE: OLD}, Standing.DEGRADED, [f"bad app process dash {ONE}: fingerprint {OLD} (wanted: fingerprint {MARK}) "
                                         "this one runs with another configuration"]),
        ({ONE: ""}, Standing.DEGRADED, [f"bad app process dash {ONE}: no fingerprint"]),
        ({ONE: None}, Standing.AS_WANTED, [f"unknown app process dash {ONE}: not seen"]),
        (Missing("no answer"), Standing.AS_WANTED, ["unknown app process dash: not listed"]),
        ({}, Standing.AS_WANTED, []),
    ],
)  # fmt: skip
def test_one_line_is_shown_for_each(
    processes: Mapping[str, str | None] | Missing, verdict: Standing, said: list[str]
) -> None:
    facts = serving(processes={"dash": processes})
    shown = lines(facts)
    assert standing(links(facts)) is verdict
    assert [line.startswith(start) for line, start in zip(shown, said, strict=True)] == [True] * len(said), shown


def test_without_a_backend_an_instance_without_a_fingerprint_is_as_wanted() -> None:
    facts = replace(serving(apps=(app({}),)), processes={"dash": {ONE: ""}})
    assert lines(facts) == [f"good app process dash {ONE}: no fingerprint (wanted: no fingerprint)"]


def codes(facts: Facts, **more: object) -> list[str]:
    return [cause.code for cause in diagnose(Evidence(facts=facts, **more))]  # type: ignore[arg-type]


def test_one_that_was_left_behind_is_a_cause_unless_it_is_replaced_now_or_its_app_has_one() -> None:
    facts = serving(processes={"dash": {ONE: OLD, TWO: MARK}})
    flight = Deploy(WebDeploy("dep-1", "update_in_progress", DeployKind.IN_FLIGHT, 1.0), age=60.0)
    assert codes(facts) == ["app-process"]
    assert codes(facts, deploys={"dash": flight}) == []
    assert codes(facts, deploys={"dash": replace(flight, age=3600.0)}) == ["deploy-stuck", "app-process"]
    assert codes(facts, holder="me@here, process 7", held=60.0) == []
    whole = serving(apps=(app(ENV, shows=OLD),), processes={"dash": {ONE: OLD}})
    assert codes(whole) == ["app-instance"]


def test_a_service_that_does_not_exist_is_told_once() -> None:
    made = healthy()
    del made.web.services["dash"]
    evidence = run(read_evidence(WANTED), made.ports)
    assert [(cause.code, cause.seen) for cause in diagnose(evidence)] == [("web", "there is no service dash")]


def test_the_real_adapters_tell_two_instances_apart() -> None:
    with running(command=lambda port: [sys.executable, "-I", "-S", str(APP)]) as world:
        world.call("POST", "{s}/scale", json={"numInstances": 2})
        host, probe = RenderWeb(Secret(KEY), world.double.url, RealClock()), HttpAppProbe(RealClock())
        target = Target(world.service)
        until(lambda: len(host.instances(world.service)) == 2)
        until(lambda: set(probe.fingerprints(world.app, target, 4)) == set(host.instances(world.service)))
        assert set(probe.fingerprints(world.app, target, 4).values()) == {""}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([Answer(200, {"instance": ONE, "fingerprint": OLD}), Answer(200, {"instance": TWO})], {ONE: OLD, TWO: ""}),
        ([Answer(200, {"fingerprint": OLD})], {}),
        ([Answer(200, {"instance": "\x1b[2J"})], {}),
        ([Answer(200, b"no JSON")], {}),
        ([Answer(503, {"instance": ONE})], {}),
        ([Answer(reset=True)], {}),
    ],
)
def test_only_an_id_that_the_app_reports_counts(answers: list[Answer], found: dict[str, str]) -> None:
    quick = Bounds(connect=1, read=0.3, total=0.5, size=4096)
    with scripted({"GET /health": answers}) as double:
        assert HttpAppProbe(FakeClock(), quick).fingerprints(double.url, Target("dash"), len(answers)) == found


def test_a_list_of_instances_is_read_strictly() -> None:
    assert ids_of([{"id": ONE}, {"id": 5}, {"id": "\x1b"}, "x"]) == (ONE,)
    with pytest.raises(ValueError, match="no list"):
        ids_of({"id": ONE})
