"""Reads for a verdict: what fails makes its own links unknown, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ert_deploy.core.model.errors import CannotObserve, NeedsAttention, Rejected, Transient, UsageError
from ert_deploy.core.model.machine.figures import Figures, LastReport
from ert_deploy.core.model.observed import Health, OffSwitch, Vital
from ert_deploy.core.verdict.facts import KEY_REJECTED, Asleep, Credit, Facts
from ert_deploy.core.verdict.judge import links
from ert_deploy.core.verdict.links import Level, Missing, Name, Standing, standing
from ert_deploy.engine.run import run
from ert_deploy.engine.run_context import RunMemory
from ert_deploy.engine.verdict.read import NO_KEY, read_facts
from ert_deploy.ports import AppAnswer
from tests.support.fakes.history import WANTED, down, served
from tests.support.fakes.loopback import FakeWorld, certificate, world

IDLE = "guard: off-switch active for instance 500: idle\nguard: idle for 1200 s: asked to stop this instance: done"
FIGURES = Figures(claimed=True, last=LastReport(True, "", 5.0))
BOTH = replace(WANTED, targets=(*WANTED.targets, replace(WANTED.targets[0], service="admin")))
WRITES = {"save", "create", "destroy", "start", "stop", "put_env", "delete_env", "deploy", "set_keys"}


def healthy(desired: object = WANTED) -> FakeWorld:
    """Return an environment in which everything is as wanted."""
    made = served(BOTH if desired is BOTH else WANTED)
    one = made.gpu.only()
    one.health = Health(
        Vital.HEALTHY, certificate=certificate(one.order.mark.token), model=WANTED.launch.model, engine="ollama 0.35.0",
        off_switch=OffSwitch.PROVEN,
    )  # fmt: skip
    made.backend.reported = FIGURES
    return made


def facts(made: FakeWorld, desired: object = WANTED) -> Facts:
    """Read everything; fail on a write."""
    sides = (made.gpu.faults, made.web.faults, made.backend.faults, made.store.faults)
    for side in sides:
        side.calls.clear()
    found = run(read_facts(BOTH if desired is BOTH else WANTED, RunMemory()), made.ports)
    assert WRITES.isdisjoint(call for side in sides for call in side.calls)
    return found


def verdict(found: Facts) -> Standing:
    return standing(links(found))


def level(found: Facts, name: Name) -> Level:
    return next(link.level for link in links(found) if link.name is name)


def test_a_deployment_that_serves_is_as_wanted() -> None:
    found = facts(healthy())
    assert verdict(found) is Standing.AS_WANTED, links(found)
    assert found.credit == Credit(10.0, "add credit")
    assert found.instance is not None
    assert found.figures == {found.instance.id: FIGURES}
    assert level(found, Name.REPORT) is Level.GOOD


def test_after_down_and_before_the_first_up_it_is_as_wanted() -> None:
    made = healthy()
    down(made)
    assert verdict(facts(made)) is Standing.AS_WANTED
    assert verdict(facts(world())) is Standing.AS_WANTED


def test_a_list_that_cannot_be_read_leaves_the_apps_to_be_seen() -> None:
    made = healthy()
    made.gpu.faults.queued["list"] = [CannotObserve("no list")]
    found = facts(made)
    assert found.situation == Missing("no list")
    assert (found.main, found.instance, found.sleeps) == (None, None, False)
    assert verdict(found) is Standing.UNCLEAR
    assert level(found, Name.APP) is Level.GOOD


def test_an_app_that_cannot_be_read_leaves_the_others_to_be_seen() -> None:
    made = healthy(BOTH)
    made.web.faults.queued["read_env"] = [Rejected("forbidden")]
    found = facts(made, BOTH)
    assert found.unread == {"dash": "forbidden"}
    assert verdict(found) is Standing.UNCLEAR
    assert level(found, Name.ENGINE) is Level.GOOD
    assert [link.level for link in links(found) if link.name is Name.APP_CONFIG] == [Level.UNKNOWN, Level.GOOD]


def test_a_key_that_the_web_host_rejects_is_invalid_input() -> None:
    made = healthy()
    made.web.faults.queued["read_env"] = [UsageError("Render does not accept the key")]
    with pytest.raises(UsageError):
        facts(made)


def test_a_service_that_does_not_exist_hides_nothing_else() -> None:
    made = healthy(BOTH)
    del made.web.services["dash"]
    found = facts(made, BOTH)
    assert (found.unread, found.absent) == ({}, {"dash": "there is no service dash"})
    assert verdict(found) is Standing.DEGRADED
    assert level(found, Name.ENGINE) is Level.GOOD
    (gone, other) = [link for link in links(found) if link.name is Name.APP_CONFIG]
    assert (gone.level, gone.seen, gone.subject, other.level) == (Level.BAD, "no such service", "dash", Level.GOOD)


def test_credit_that_cannot_be_read_is_unknown() -> None:
    made = healthy()
    made.gpu.faults.queued["account"] = [None, CannotObserve("no account")]
    found = facts(made)
    assert found.credit == Missing("no account")
    assert verdict(found) is Standing.UNCLEAR


def test_the_key_of_another_account_ends_it() -> None:
    made = healthy()
    made.gpu.account_id = "13"
    with pytest.raises(NeedsAttention):
        facts(made)


@pytest.mark.parametrize("error", [Transient("it rejects the key"), NeedsAttention("not proven")])
def test_a_backend_that_says_nothing_of_itself_leaves_its_reports_unknown(error: Exception) -> None:
    made = healthy()
    made.backend.faults.queued["figures"] = [error]  # type: ignore[list-item]
    found = facts(made)
    assert found.instance is not None
    assert found.figures[found.instance.id] == Missing(str(error))
    assert verdict(found) is Standing.AS_WANTED


def wrong_key(made: FakeWorld) -> None:
    names, env = WANTED.targets[0].names, made.web.services["dash"].env
    env[names.key] = type(env[names.key])("ert-" + "x" * 32)


def unreachable(made: FakeWorld) -> None:
    made.gpu.only().health = Health(Vital.UNREACHABLE, "no route")


@pytest.mark.parametrize(
    ("spoil", "why", "link"),
    [(wrong_key, NO_KEY, Name.APP_CONFIG), (unreachable, "unreachable: no route", Name.IDENTITY)],
)
def test_without_a_key_or_a_proof_it_is_not_asked(spoil: Callable[[FakeWorld], None], why: str, link: Name) -> None:
    made = healthy()
    spoil(made)
    found = facts(made)
    assert found.instance is not None
    assert found.figures[found.instance.id] == Missing(why)
    assert "figures" not in made.backend.faults.calls
    assert level(found, link) is Level.BAD


@pytest.mark.parametrize(
    ("log", "credit", "outbid", "why", "seen"),
    [
        (IDLE, 10.0, False, Asleep.IDLE, Standing.AS_WANTED),
        (IDLE.splitlines()[0], 10.0, False, Asleep.OUTSIDE, Standing.DEGRADED),
        (IDLE.splitlines()[0], 10.0, True, Asleep.OUTBID, Standing.DEGRADED),
        (IDLE.splitlines()[0], 0.0, False, Asleep.CREDIT, Standing.DEGRADED),
        (None, 10.0, False, Missing("no log"), Standing.AS_WANTED),
    ],
)
def test_why_it_sleeps(log: str | None, credit: float, outbid: bool, why: Asleep | Missing, seen: Standing) -> None:
    made = healthy()
    one = made.gpu.only()
    one.halted = True
    one.override = lambda shown: replace(shown, outbid=outbid)
    made.gpu.credit, made.gpu.log = credit, log or ""
    if log is None:
        made.gpu.faults.queued["logs"] = [CannotObserve("no log")]
    found = facts(made)
    assert found.asleep == {one.id: why}
    assert verdict(found) is seen, links(found)


def test_an_invalid_key_while_its_log_is_read_is_invalid_input() -> None:
    made = healthy()
    made.gpu.only().halted = True
    made.gpu.faults.queued["logs"] = [UsageError("the key is invalid")]
    with pytest.raises(UsageError):
        facts(made)


@pytest.mark.parametrize(("status", "seen"), [(0, Level.UNKNOWN), (200, Level.BAD), (502, Level.BAD)])
def test_an_app_without_a_fingerprint_is_asked_for_its_status(status: int, seen: Level) -> None:
    made = healthy()
    made.web.shows = None
    made.web.answers["https://dash.example.org"] = AppAnswer(status)
    found = facts(made)
    assert found.answers == {"dash": status}
    assert level(found, Name.APP) is seen


def test_a_key_that_is_rejected_is_told_apart_from_figures_that_are_only_missing() -> None:
    made, why = healthy(), Transient("it rejects the key")
    made.backend.faults.chance = lambda call: why if call == "figures" else None
    made.backend.refuses_key = True
    found = facts(made)
    assert found.instance is not None
    assert found.figures[found.instance.id] is KEY_REJECTED
    assert level(found, Name.APP_CONFIG) is Level.BAD
    made.backend.faults.chance = lambda call: why if call in ("figures", "accepts") else None
    assert facts(made).figures[found.instance.id] == Missing("it rejects the key")
