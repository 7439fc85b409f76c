"""Which causes follow from what was read, and in which order: one row per trouble, pairs, and what is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.diagnosis.cause import Cause, Repair, ranked
from ert_deploy.core.diagnosis.deploys import STUCK
from ert_deploy.core.diagnosis.diagnose import diagnose
from ert_deploy.core.diagnosis.evidence import Deploy, Evidence, Problem, Source
from ert_deploy.core.diagnosis.setup import LONG_HELD
from ert_deploy.core.model.boot.failure import Failure
from ert_deploy.core.model.machine.figures import Figures, LastReport
from ert_deploy.core.model.observed import DeployKind, Health, OffSwitch, Power, Vital, WebDeploy
from ert_deploy.core.verdict.facts import Asleep, Credit, Facts
from ert_deploy.core.verdict.links import Missing
from tests.support.ids import nth
from tests.support.situations import DASH, NOW, OTHER_KEY, UP, app, instance, record, stopped
from tests.support.verdicts import BUSY, ENV, SEVEN, WELL, empty, env, serving, sleeping

CLOSED = Health(Vital.UNREACHABLE, "no connection to 203.0.113.7:40007 (refused)")
GONE_BAD = Health(Vital.UNHEALTHY, "CUDA error: out of memory", "failed", certificate=WELL.certificate)
FAILED = WebDeploy("dep-1", "update_failed", DeployKind.FAILED, 1.0)
BUILDING = WebDeploy("dep-2", "update_in_progress", DeployKind.IN_FLIGHT, 1.0)
LEFT = Failure(nth(5), "8", 9.0, "the container is exited", message="Exited (3)", exit_code="3", log="ValueError: no")


def codes(evidence: Evidence) -> list[str]:
    return [cause.code for cause in diagnose(evidence)]


def of(facts: Facts, **more: Any) -> Evidence:
    return Evidence(facts=facts, **more)


AT_WORK: dict[str, Any] = {"holder": "me@here, process 7", "held": 60.0}
OLD = env(key=OTHER_KEY)
ELSEWHERE = env(at="https://203.0.113.99:1")
OTHER_PEM = env(pem="another")
STALE = replace(app(ENV), live_fingerprint="0" * 16)
SILENT = replace(app(ENV), live_fingerprint=None)
LIVE = WebDeploy("dep-3", "live", DeployKind.LIVE, 1.0)
FAILING = replace(BUSY, last=LastReport(False, "the model wrote no text", 9.0))
SINGLE: dict[str, tuple[Evidence, str, str]] = {
    "no credit": (of(serving(credit=Credit(0.0, "add credit"))), "no-credit", "add credit, then `ert-deploy wake`"),
    "little credit": (of(serving(credit=Credit(0.1, "add credit"))), "little-credit", "add credit"),
    "stopped for credit": (of(sleeping(Asleep.CREDIT, credit=Credit(-0.1, "add credit"))), "no-credit", "wake"),
    "outbid": (of(sleeping(Asleep.OUTBID)), "outbid", "`ert-deploy wake` rents another one"),
    "exited": (of(serving(instance(7, status="exited"), health=CLOSED)), "container", "`ert-deploy logs`"),
    "closed port": (of(serving(health=CLOSED)), "port-closed", "`ert-deploy up`"),
    "never there": (
        of(serving(health=CLOSED, pinned=False, apps=(app({}),), records=(record(7, at=NOW - 4000),)), **AT_WORK),
        "port-closed", "`ert-deploy up`",
    ),
    "impostor": (of(serving(health=Health(Vital.IMPOSTOR, "another certificate"))), "identity", "`ert-deploy up`"),
    "no port": (of(serving(instance(7, address=None), health=None)), "no-port", "`ert-deploy up`"),
    "host offline": (
        of(serving(instance(7, status="offline", power=Power.UNKNOWN), health=CLOSED)), "host-offline",
        "`ert-deploy up`",
    ),
    "off-switch": (of(serving(health=replace(WELL, off_switch=OffSwitch.REFUSED))), "guard", "`ert-deploy sleep`"),
    "engine": (of(serving(health=GONE_BAD)), "engine", "`ert-deploy logs`"),
    "another model": (of(serving(health=replace(WELL, model="toy"))), "model", "launch/model"),
    "wrong key": (of(serving(apps=(app(OLD),))), "app-key", "gives the app its key again"),
    "no key": (of(serving(apps=(app({k: v for k, v in ENV.items() if k != DASH.names.key}),))), "app-key", "key"),
    "wrong url": (of(serving(apps=(app(ELSEWHERE),))), "app-config", "writes them and deploys"),
    "wrong certificate": (of(serving(apps=(app(OTHER_PEM),))), "app-config", "writes them and deploys"),
    "suspended": (of(serving(apps=(replace(app(ENV), suspended="by the user"),))), "suspended", "resume it"),
    "stale process": (of(serving(apps=(STALE,))), "app-instance", "`ert-deploy up` deploys"),
    "silent app": (of(serving(apps=(SILENT,))), "app-instance", "host's own log"),
    "report": (of(serving(figures=FAILING)), "last-report", "`ert-deploy logs`"),
    "too dear": (of(serving(instance(7, dph=0.9))), "contract", "`ert-deploy plan`"),
    "failed deploy": (
        of(serving(apps=(STALE,)), deploys={STALE.name: Deploy(FAILED, "build failed\nlog")}), "deploy-failed",
        "reason",
    ),
    "stuck deploy": (
        of(serving(apps=(STALE,)), deploys={STALE.name: Deploy(BUILDING, "", STUCK)}), "deploy-stuck", "cancel it",
    ),
    "failed launch": (of(empty(), failures=(LEFT, replace(LEFT, at=10.0))), "launch", "`ert-deploy up`"),
    "lock": (of(serving(), holder="me@here, process 7", held=LONG_HELD), "lock", "state unlock"),
    "unread cloud": (of(serving(credit=Missing("Vast.ai did not respond"))), "unread", "another network"),
    "unread app": (
        of(serving(apps=(), unread={"dash": "Render did not respond"})), "unread", "the key of the web host",
    ),
    **{
        source.value: (Evidence((Problem(source, "what"),)), source.name.lower(), "")
        for source in Source
    },
    "private image": (
        Evidence((Problem(Source.IMAGE, "the image is private", hint="make it public"),)), "image", "make it public",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_trouble_is_the_first_and_only_cause(name: str) -> None:
    evidence, code, fix = SINGLE[name]
    assert codes(evidence) == [code]
    (cause,) = diagnose(evidence)
    assert fix in cause.fix
    assert cause.seen
    assert cause.why


def test_of_two_providers_that_do_not_answer_the_cloud_comes_first() -> None:
    both = of(serving(credit=Missing("Vast.ai did not respond"), apps=(), unread={"dash": "Render did not respond"}))
    fixes = [cause.fix for cause in diagnose(both)]
    assert ["network" in fix for fix in fixes] == [True, False]
    assert codes(both) == ["unread", "unread"]


@pytest.mark.parametrize(("minutes", "expected"), [(4.9, []), (5.0, ["port-closed"])])
def test_a_machine_that_was_never_there_is_told_after_the_time_that_a_run_waits(
    minutes: float, expected: list[str]
) -> None:
    rented = record(7, at=NOW - minutes * 60)
    facts = serving(health=CLOSED, pinned=False, apps=(app({}),), records=(rented,), provider_now=NOW)
    assert codes(of(facts, **AT_WORK)) == expected


LOADING = Health(Vital.LOADING, "", "pulling", 10, 100, certificate=WELL.certificate)
WELL_OFF = {
    "serving": of(serving()),
    "loading": of(serving(health=LOADING, figures=Missing("it loads"), pinned=False, apps=(app({}),)), **AT_WORK),
    "booting": of(
        serving(instance(7, status="loading", address=None), health=None, pinned=False, apps=(app({}),)), **AT_WORK
    ),
    "waking": of(serving(instance(7, status="loading", address=None), health=None)),
    "not there yet": of(serving(health=CLOSED, pinned=False, apps=(app({}),), records=(record(7),)), **AT_WORK),
    "booting app": of(serving(health=LOADING, pinned=False, apps=(app({}),), answers={"dash": 200}), **AT_WORK),
    "asked": of(sleeping(Asleep.ASKED)),
    "unknown sleep": of(sleeping(Missing("its log was not read"))),
    "down": of(empty()),
    "not deployed": of(empty(apps=(app({}),))),
    "deploying": of(serving(apps=(STALE,)), deploys={STALE.name: Deploy(BUILDING, "", 60.0)}),
    "stopped when idle": of(serving(apps=(SILENT,)), deploys={SILENT.name: Deploy(LIVE, sleeps=True)}),
    "an old failure": of(serving(), deploys={STALE.name: Deploy(FAILED)}),
    "after failures": of(serving(), failures=(LEFT,)),
    "moving the app": of(serving(apps=(app({}),)), holder="me@here, process 7", held=60.0),
    "working": of(serving(), holder="me@here, process 7", held=60.0),
    "credit not shown": of(serving(credit=Credit(float("inf")))),
    "no evidence": Evidence(),
    "no figures": of(serving(figures=Figures())),
}


@pytest.mark.parametrize("name", WELL_OFF)
def test_what_is_well_or_only_slow_has_no_cause(name: str) -> None:
    assert codes(WELL_OFF[name]) == []


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (of(serving(credit=Credit(0.0), health=CLOSED)), ["no-credit"]),
        (of(serving(health=GONE_BAD, apps=(app(OLD),))), ["engine", "app-key"]),
        (of(serving(health=CLOSED, apps=(replace(app(ENV), suspended="by the user"),))), ["port-closed", "suspended"]),
        (of(serving(health=GONE_BAD, figures=FAILING)), ["engine"]),
        (of(serving(apps=(replace(app(OLD), live_fingerprint="0" * 16),))), ["app-key"]),
        (
            of(serving(health=CLOSED), problems=(Problem(Source.IMAGE, "the image is private"),)),
            ["port-closed", "image"],
        ),
        (
            of(serving(apps=(STALE,)), problems=(Problem(Source.APP, "it returns 401", subject=STALE.name),)),
            ["app"],
        ),
    ],
)
def test_of_two_troubles_both_are_told_and_what_follows_from_one_is_not(
    evidence: Evidence, expected: list[str]
) -> None:
    assert codes(evidence) == expected


def test_only_variables_are_repaired_without_a_person() -> None:
    assert [c.repair for c in diagnose(of(serving(apps=(app(OLD),))))] == [Repair.WRITE]
    for name in ("suspended", "closed port", "no credit", "stale process"):
        assert [c.repair for c in diagnose(SINGLE[name][0])] == [Repair.NONE], name


def test_a_lost_machine_is_the_cause_and_not_the_variables_of_the_app() -> None:
    facts = serving()
    assert not isinstance(facts.situation, Missing)
    gone = replace(facts.situation.observed, instances=())
    lost = replace(facts, situation=replace(facts.situation, observed=gone, placed=None))
    assert codes(of(lost)) == ["lost"]


def test_an_instance_without_an_owner_has_to_be_decided_first() -> None:
    doubtful = instance(9, mark=None, born=None, spec="", owner="")
    facts = serving(instance(7), replace(doubtful, claims="ert"))
    assert codes(of(facts))[0] == "stray"


def test_causes_are_told_once_and_by_rank() -> None:
    late, early = Cause("b", 2, "b", "", "", of="x"), Cause("a", 1, "a", "", "", explains=frozenset({"x"}))
    again = Cause("c", 3, "a", "", "")
    assert ranked([again, late, early]) == (early,)


def test_a_sleeping_backend_with_a_lost_address_is_well() -> None:
    assert codes(of(serving(stopped(7), health=None, asleep=Asleep.ASKED))) == []
    assert nth(7) == SEVEN
    assert UP.deployment == "ert"
