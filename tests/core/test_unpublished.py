"""Plans without the web host: what is retired, what is stored before agents name it, and what is left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ert_deploy.core.model import steps
from ert_deploy.core.model.boot.others import Others
from ert_deploy.core.model.keys import machine_key
from ert_deploy.core.model.observed import Health, Instance, Power, Vital
from ert_deploy.core.model.secret import Secret
from ert_deploy.core.model.state import InstanceRecord
from ert_deploy.core.planning.adoption import as_found
from ert_deploy.core.planning.forecast.assumed import assumed
from ert_deploy.core.planning.plan import next_step, plan
from ert_deploy.core.planning.situation import Situation
from ert_deploy.core.verdict.facts import Credit, Facts
from ert_deploy.core.verdict.waking import Phase, waking
from tests.support.situations import (
    DASH,
    KEY,
    NOW,
    OLD,
    UP,
    app,
    env,
    healthy,
    instance,
    intent,
    mark,
    pem,
    record,
    seen,
    served,
    stopped,
    token,
    tombstone,
)

SECRET = Secret("only-operator-agent-and-app-have-this-one")
ALONE = replace(UP, publishes=False, targets=(replace(DASH, follows=60.0),), machine_secret=SECRET)
LOADING = Health(Vital.LOADING)
STRANDED = served(1, woken=NOW - 3000, stranded=NOW - 2000)


def derived(number: int, **changes: Any) -> Instance:
    """Return an instance whose key follows from its token."""
    return instance(number, key_hashes=(_hash(number),), **changes)


def _hash(number: int) -> str:
    return machine_key(SECRET, token(number), 0).sha256()


def rented(number: int, **changes: Any) -> InstanceRecord:
    """Return the record of an instance that was rented and not verified."""
    return replace(record(number), keys=(_hash(number),), **changes)


def steps_of(*instances: Instance, desired: Any = ALONE, **more: Any) -> list[str]:
    return [f"{type(step).__name__}: {step.reason}" for step in plan(Situation(desired, seen(*instances, **more)))]


def test_a_machine_is_verified_and_then_an_unusable_disk_is_retired() -> None:
    found = steps_of(stopped(1), derived(2), records=(STRANDED, rented(2)), health=(None, healthy(2)))
    assert found == [
        "Pin: agents name it to apps after that",
        "Retire: another instance serves, and it cannot be started",
    ]


def test_apps_may_be_told_after_that() -> None:
    before = Situation(ALONE, seen(derived(2), records=(rented(2),), health=(healthy(2),)))
    step = next_step(before)
    assert step is not None
    after = assumed(before, step).observed.state.record(derived(2).id)
    assert after is not None
    assert (after.published, after.certificate) == (True, pem(2))
    without = assumed(Situation(UP, before.observed), step).observed.state.record(derived(2).id)
    assert without is not None
    assert not without.published


@pytest.mark.parametrize(
    ("known", "named"),
    [
        (None, False),
        (record(2), False),
        (record(2, published=True), False),
        (rented(2), False),
        (rented(2, asked=(_hash(2),)), False),
        (rented(2, published=True), True),
        (rented(2, certificate=pem(2)), True),
    ],
)
def test_no_agent_names_a_machine_before_the_state_has_its_keys_and_one_of_its_marks(
    known: InstanceRecord | None, named: bool
) -> None:
    records = (known,) if known is not None else ()
    situation = Situation(ALONE, seen(derived(2), records=records, health=(healthy(2),)))
    pinned = [step for step in plan(situation) if isinstance(step, steps.Pin)]
    shown = waking(Facts(ALONE, Credit(1.0), situation)).phase
    assert (shown, pinned == []) == ((Phase.READY, True) if named else (Phase.WAKING, False))
    without = Situation(replace(ALONE, machine_secret=None), situation.observed)
    assert waking(Facts(without.desired, Credit(1.0), without)).phase is Phase.READY


@pytest.mark.parametrize(
    ("known", "left"),
    [
        (rented(2), "Retire: it does not fit the config"),
        (rented(2, stranded=NOW - 1), "Retire: it cannot be started"),
        (replace(rented(2), published=True), "Rent: no instance that the apps may know can serve"),
        (replace(rented(2), certificate=pem(2)), "Rent: no instance that the apps may know can serve"),
        (replace(rented(2), asked=(_hash(2),)), "Rent: no instance that the apps may know can serve"),
        (replace(rented(2), keys=(KEY.sha256(),)), "Rent: no instance that the apps may know can serve"),
        (record(2), "Rent: no instance that the apps may know can serve"),
    ],
)
def test_what_does_not_fit_is_retired_if_no_app_can_know_it(known: InstanceRecord, left: str) -> None:
    assert steps_of(derived(2, **OLD), records=(known,), health=(LOADING,))[0] == left


def test_of_two_that_boot_one_is_retired_unless_they_race() -> None:
    both: dict[str, Any] = {"records": (rented(1), rented(2)), "health": (LOADING, LOADING)}
    assert steps_of(derived(1), derived(2), **both)[0] == "Retire: another instance is kept"
    raced = replace(ALONE, launch=replace(ALONE.launch, hedge=2))
    assert steps_of(derived(1), derived(2), desired=raced, **both) == ["AwaitBoot: running"]


def test_a_failed_one_is_retired_if_no_app_can_know_it() -> None:
    dear = derived(2, dph=9.0)
    assert steps_of(dear, records=(rented(2),), health=(LOADING,))[0].startswith("Retire: ")
    assert steps_of(dear, records=(record(2),), health=(LOADING,))[0].startswith("Rent: ")


def test_with_full_slots_one_of_two_disks_makes_way() -> None:
    rent = "Rent: no instance that the apps may know can serve"
    slot = "Retire: it cannot be started, and its slot is needed"
    gone = replace(served(2), woken=NOW - 3000, stranded=NOW - 2000)
    both: dict[str, Any] = {"records": (STRANDED, gone)}
    assert steps_of(stopped(1), stopped(2), **both) == [slot, rent]
    assert steps_of(stopped(1), stopped(2), desired=replace(ALONE, machine_secret=None), **both) == [rent]
    coming: dict[str, Any] = {"records": (STRANDED,), "intents": (intent(3, 10.0),)}
    assert steps_of(stopped(1), **coming) == ["Settle: a create call with unknown outcome", rent]
    leaving: dict[str, Any] = {"records": (STRANDED,), "tombstones": (tombstone(3),), "due": {}}
    assert steps_of(stopped(1), **leaving) == ["ConfirmDeleted: seen gone", rent]
    crowded = Others(crowded=2)
    assert steps_of(desired=ALONE, others=crowded)[0] == "AwaitTurn: another replica has a second instance"


@pytest.mark.parametrize(("offer", "keys"), [("7", (_hash(2),)), ("", ())])
def test_one_that_was_missing_for_a_while_may_be_known_to_apps(offer: str, keys: tuple[str, ...]) -> None:
    made = replace(intent(2, 30.0), offer_id=offer)
    found = as_found(seen(derived(2), intents=(made,), health=(LOADING,)), derived(2), token(2))
    assert (found.keys, found.published) == (keys, False)


@pytest.mark.parametrize(
    ("health", "power", "published"),
    [
        (healthy(2), Power.RUNNING, True),
        (healthy(2), Power.STARTING, True),
        (Health(Vital.UNREACHABLE), Power.RUNNING, True),
        (Health(Vital.UNREACHABLE), Power.STARTING, False),
        (LOADING, Power.RUNNING, False),
        (None, Power.RUNNING, False),
    ],
)
def test_a_healthy_one_without_a_record_may_serve_an_app(health: Health | None, power: Power, published: bool) -> None:
    row = derived(2, power=power)
    assert as_found(seen(row, health=(health,)), row, token(2)).published is published


FOLLOWED = replace(served(2), keys=(_hash(2),))


@pytest.mark.parametrize(
    ("known", "shows", "secret", "usable"),
    [
        (FOLLOWED, "of another machine", SECRET, True),
        (FOLLOWED, "of another machine", None, False),
        (FOLLOWED, "the same", SECRET, False),
        (FOLLOWED, None, SECRET, False),
        (replace(FOLLOWED, published=False), "of another machine", SECRET, False),
        (None, "of another machine", SECRET, False),
    ],
)
def test_what_an_agent_named_to_an_app_is_usable_by_it(
    known: InstanceRecord | None, shows: str | None, secret: Secret | None, usable: bool
) -> None:
    records = (known,) if known is not None else ()
    observed = seen(derived(2), records=records, apps=(app(env(1), shows=shows),), health=(None,))
    assert Situation(replace(UP, machine_secret=secret), observed).usable_by_an_app(derived(2)) is usable


def test_an_app_that_runs_with_another_one_does_not_use_it() -> None:
    key = machine_key(SECRET, token(3), 0)
    shown = app(env(1), shows=mark(env(3, key=key)))
    observed = seen(derived(2), derived(3), records=(FOLLOWED, rented(3)), apps=(shown,), health=(None, healthy(3)))
    assert not Situation(replace(UP, machine_secret=SECRET), observed).usable_by_an_app(derived(2))
