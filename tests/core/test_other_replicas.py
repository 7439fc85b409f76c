"""What a replica knows of the others, its part of the document, and its wait for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.model.boot.others import ALONE, Others
from ert_deploy.core.model.boot.watch import Lag
from ert_deploy.core.model.claims import Claims
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Address, Instance
from ert_deploy.core.model.state import InstanceRecord, Intent, Rollout, State, Tombstone
from ert_deploy.core.model.steps import AwaitTurn
from ert_deploy.core.planning.forecast.assumed import assumed
from ert_deploy.core.planning.offers import choose
from ert_deploy.core.planning.plan import next_step, plan
from ert_deploy.core.planning.replicas.others import beside, each_of, left_in, marked, pointed, refuses
from ert_deploy.core.planning.replicas.parts import (
    is_clean,
    part_of,
    stored_part,
    traces,
    with_part,
    without_part,
    without_places,
)
from ert_deploy.core.planning.situation import Situation
from tests.support.fakes.market import offer
from tests.support.ids import nth
from tests.support.situations import (
    KEY,
    NOW,
    UP,
    app,
    env,
    healthy,
    instance,
    intent,
    off,
    record,
    rollout,
    seen,
    served,
    still,
    token,
)

FLEET = replace(UP, replicas=3)
PLACED = InstanceRecord(token(5), nth(5), "1005", NOW, host_id="h5", ip="192.0.2.5")
COMING = Intent(token(6), NOW, "6", "1006", host_id="h6", ip="192.0.2.6")


def of(number: int, replica: int, **changes: object) -> Instance:
    """Return an instance of a replica."""
    name = f"ert.{replica}" if replica > 1 else "ert"
    mark = Mark(name, token(number))
    marks: dict[str, object] = {"mark": mark, "born": mark, "claims": name}
    return replace(instance(number), **(marks | changes))  # type: ignore[arg-type]


def document(*parts: State, **changes: object) -> State:
    return replace(State("ert", 20, replicas=parts), **changes)  # type: ignore[arg-type]


def others_of(replica: int, stored: State, listed: tuple[Instance, ...]) -> Others:
    return beside(replica, each_of(FLEET, stored, listed))


@pytest.mark.parametrize(
    ("stored", "listed", "crowded"),
    [
        (document(), (), 0),
        (document(), (of(5, 2), of(6, 3), of(7, 1)), 0),
        (document(), (of(5, 2), of(6, 2)), 1),
        (document(State("ert.2", 1, records=(record(5),))), (of(5, 2), of(6, 2)), 1),
        (document(State("ert.2", 1, records=(PLACED,), intents=(COMING,))), (), 1),
        (document(State("ert.2", 1, intents=(intent(6, 10),))), (), 2),
        (document(State("ert.2", 1, intents=(intent(6, 10),))), (of(6, 2),), 0),
        (document(State("ert.2", 1, records=(PLACED,), intents=(intent(6, 10, gone=True),))), (), 0),
        (document(State("ert.2", 1, (), (PLACED,), (Tombstone(token(6), nth(6), NOW, "old"),))), (of(5, 2),), 1),
        (document(), (of(5, 4),), 1),
        (document(), (of(5, 2), of(6, 2), of(7, 3), of(8, 3)), 2),
        (document(State("ert.2", 1, records=(record(5),))), (), 2),
        (document(), (of(5, 2), of(6, 2, mark=None, claims=None)), 1),
        (document(), (of(5, 2), of(6, 2, mark=None, born=None)), 0),
        (document(), (of(5, 2), of(6, 2, mark=None, born=Mark("", token(6)))), 0),
        (document(State("ert.2", 1, claims=Claims((), (), (), (nth(6),)))), (of(5, 2), of(6, 2, mark=None)), 0),
    ],
    ids=(
        "nothing", "one each", "two listed", "a stored one and a listed one", "a record and a create",
        "a create on a host that is not known",
        "a create that is listed", "a taken offer", "a tombstone", "one above their number", "two with two each",
        "one that is nowhere to be seen", "an environment without a label", "a label alone", "a token alone",
        "one that the user excluded",
    ),
)  # fmt: skip
def test_what_others_have_beyond_one_each_is_counted(stored: State, listed: tuple[Instance, ...], crowded: int) -> None:
    assert others_of(1, stored, listed).crowded == crowded


def test_own_instances_do_not_count() -> None:
    assert others_of(2, document(), (of(5, 2), of(6, 2))).crowded == 0
    assert others_of(1, document(records=(record(5), record(6))), ()) == ALONE


def test_places_come_from_the_list_and_from_the_document() -> None:
    there = of(7, 3, host_id="h7", address=Address("192.0.2.7", 1))
    found = others_of(
        1, document(State("ert.2", 1, (COMING,), (PLACED,))), (there, of(8, 2, address=None, machine_id=""))
    )
    assert found.machines == {"1005", "1006", "1007"}
    assert found.hosts == {"h5", "h6", "h7"}
    assert found.ips == {"192.0.2.5", "192.0.2.6", "192.0.2.7"}


def test_marks_name_a_replica_unless_they_are_another_owners() -> None:
    one = of(5, 2)
    assert marked(FLEET, one) == {2}
    assert marked(FLEET, replace(one, mark=None, claims=None)) == {2}
    assert marked(FLEET, replace(one, mark=None, born=None)) == {2}
    assert marked(FLEET, replace(one, mark=None, born=None, claims=None)) == frozenset()
    assert marked(FLEET, replace(one, owner="their-project:")) == frozenset()
    assert marked(replace(FLEET, deployment="other"), one) == frozenset()


def test_variables_of_an_app_name_the_replicas_whose_address_they_are() -> None:
    (target,) = FLEET.targets
    held = dict.fromkeys((target.names.url, f"{target.names.url}_8", f"{target.names.key}_3", "OTHER_2"), KEY)
    assert pointed(FLEET, held) == {1, 8}
    assert left_in(FLEET, held) == {1, 3, 8}


def refused(before: State, after: State, seen: Others, now: Others) -> str:
    return refuses(FLEET, before, after, seen, lambda: now)


def test_a_create_is_refused_once_others_are_there() -> None:
    before = State("ert.2", 1, records=(record(1),))
    asked = before.intend(Intent(token(9), NOW, "9", "1009", host_id="h9", ip="192.0.2.9"))
    assert refused(before, asked, ALONE, ALONE) == ""
    assert refused(before, asked, Others(1), Others(1)) == ""
    assert "has a second instance now" in refused(before, asked, ALONE, Others(1))
    for place in (Others(machines=frozenset({"1009"})), Others(hosts=frozenset({"h9"}))):
        assert "is there now" in refused(before, asked, ALONE, place)
    again = before.drop_record(nth(1)).intend(intent(1, 60))  # not a create, but one whose record was dropped
    assert refused(before, again, ALONE, Others(1, machines=frozenset({"1001"}))) == ""


def test_an_offer_near_another_replica_is_rejected_with_the_reason() -> None:
    offers = [offer(1), offer(2, host_id="h"), offer(3, ip="192.0.2.3"), offer(4, host_id="x", ip="192.0.2.4")]
    near = Others(machines=frozenset({"1001"}), hosts=frozenset({"h"}), ips=frozenset({"192.0.2.3"}))
    found = choose(offers, UP, others=near)
    assert [one.offer.id for one in found.ranked] == ["4"]
    assert found.removed_by() == (("another replica", 3),)


def parts_of(made: State) -> list[tuple[str, int]]:
    return [(part.deployment, part.generation) for part in (part_of(made, k) for k in (1, 2, 3))]


def test_each_part_counts_its_own_writes() -> None:
    made = State("ert", 4)
    assert stored_part(made, 1) is made
    made = replace(with_part(made, 3, State("ert.3", 1, account="7")), generation=5)
    made = replace(with_part(made, 2, State("ert.2", 1)), generation=6)
    made = replace(with_part(made, 2, part_of(made, 2)), generation=7)
    assert parts_of(made) == [("ert", 4), ("ert.2", 2), ("ert.3", 1)]
    made = replace(with_part(made, 1, part_of(made, 1).intend(intent(1, 5))), generation=8)
    assert parts_of(made) == [("ert", 5), ("ert.2", 2), ("ert.3", 1)]
    assert len(made.intents) == 1


def test_a_missing_part_is_blank_only_where_there_was_no_document() -> None:
    assert part_of(State("ert"), 2) == part_of(State("ert", 3), 2, blank=True) == State("ert.2")
    assert part_of(State("ert", 3, account="7", begun=5.0), 2) == State("ert.2", 1, account="7", begun=5.0)


def test_a_removed_replica_leaves_nothing_but_what_the_user_excluded() -> None:
    made = document(State("ert.2", 3, rollouts=(Rollout("s", "f", "d", 1.0),)), records=(PLACED,))
    assert without_part(made, 2) == document(records=(replace(PLACED, host_id="", ip=""),))
    assert without_part(made, 3) is made
    kept = document(State("ert.2", 3, claims=Claims(("o",), ("s",), (), (nth(5),)), account="7"), State("ert.3", 1))
    assert without_part(kept, 2).replicas[0] == State("ert.2", 4, account="7", claims=Claims(ignored=(nth(5),)))
    assert without_part(kept, 3) == replace(kept, replicas=kept.replicas[:1])


def test_traces_are_parts_with_something_in_them() -> None:
    parts = (
        State("ert.2", 1, account="7", claims=Claims(ignored=(nth(9),))),
        State("ert.3", 1, rollouts=(Rollout("s", "f", "d", 1.0),)),
        State("ert.4", 1, begun=5.0), State("ert.5", 1, intents=(intent(5, 5),)),
        State("ert.6", 1, history=(Happened(1.0, "rented"),)), State("ert.7", 1, account="7"),
    )  # fmt: skip
    assert traces(document(*parts)) == {3, 4, 5, 6, 7}
    assert [is_clean(part) for part in parts] == [True, True, False, False, True, True]


def test_only_places_are_forgotten() -> None:
    made = State("ert", 2, (Intent("t", 1.0, "7", "1007", host_id="h"),), (PLACED, record(1)))
    plain = without_places(made)
    assert plain == State("ert", 2, (Intent("t", 1.0, "7", "1007"),), (replace(PLACED, host_id="", ip=""), record(1)))
    assert without_places(plain) is plain


def situation(others: Others, *instances: Instance, slots: int = 2, **more: object) -> Situation:
    return Situation(replace(FLEET, slots=slots), seen(*instances, apps=(app(off()),), others=others, **more))  # type: ignore[arg-type]


def named(made: Situation) -> list[str]:
    return [type(step).__name__ for step in plan(made)]


@pytest.mark.parametrize(
    ("crowded", "slots", "expected"), [(0, 2, 2), (1, 2, 1), (2, 2, 0), (3, 2, 0), (0, 1, 1), (1, 1, 1), (2, 1, 0)]
)
def test_slots_are_what_others_leave(crowded: int, slots: int, expected: int) -> None:
    assert situation(Others(crowded), slots=slots).slots == expected


def test_a_replacement_waits_for_its_turn_and_a_first_instance_only_for_removed_replicas() -> None:
    old, known = instance(1, spec="another config"), (served(1),)
    assert named(situation(Others(1), old, records=known, health=(healthy(1),)))[:2] == ["AwaitTurn", "Rent"]
    assert named(situation(ALONE, old, records=known, health=(healthy(1),)))[0] == "Rent"
    assert named(situation(Others(1)))[0] == "Rent"
    assert named(situation(Others(2)))[0] == "AwaitTurn"


def test_a_create_of_its_own_is_waited_for_first() -> None:
    assert named(situation(Others(1), intents=(intent(1, 10),)))[:2] == ["Settle", "AwaitTurn"]


def test_a_full_replica_fails_as_a_single_one_would() -> None:
    old = (instance(1, spec="x"), instance(2, spec="x"))
    full = situation(Others(1), *old, records=(record(1), record(2)), health=(None, None))
    assert "AwaitTurn" not in named(full)


def test_a_start_without_the_web_host_waits_too() -> None:
    made = situation(Others(2))
    alone = replace(made.desired, publishes=False)
    assert named(Situation(alone, made.observed)) == ["AwaitTurn", "Rent"]


def test_no_hedge_is_rented_while_another_replica_has_one() -> None:
    behind = {1: replace(still(60.0), lag=Lag.BEHIND, why="it pulls slowly")}
    hedged = replace(FLEET, launch=replace(FLEET.launch, hedge=2))
    for others, first in ((ALONE, "Rent"), (Others(1), "AwaitBoot")):
        observed = seen(instance(1), records=(record(1),), apps=(app(off()),), watches=behind, others=others)
        assert type(next_step(Situation(hedged, observed))).__name__ == first


def test_publishing_waits_for_others_until_it_is_time() -> None:
    for join, first in ((NOW + 60.0, "AwaitTurn"), (NOW, "Publish"), (0.0, "Publish")):
        made = situation(
            Others(join=join), instance(1), records=(record(1, pinned=True),), health=(healthy(1),),
            made={1: KEY},
        )  # fmt: skip
        assert type(next_step(made)).__name__ == first
    there = seen(
        instance(1), records=(served(1),), health=(healthy(1),), apps=(app(env(1)),), rollouts=(rollout(env(1), NOW),),
        others=Others(join=NOW + 60.0),
    )  # fmt: skip
    assert next_step(Situation(FLEET, there)) is None


def test_a_forecast_takes_every_wait_for_others_as_over() -> None:
    made = situation(Others(1, join=NOW + 60.0), instance(1, spec="x"), records=(served(1),), health=(healthy(1),))
    (step,) = [one for one in plan(made) if isinstance(one, AwaitTurn)]
    after = assumed(made, step)
    assert after.observed.others == ALONE
    assert after.observed.now > NOW
    until = assumed(made, replace(step, until=NOW + 30.0))
    assert until.observed.now == NOW + 30.0
