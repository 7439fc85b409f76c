"""Who is older: the provider's clock says so, and no id does."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations

import pytest

from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.state import InstanceRecord, State
from ert_deploy.core.planning.adoption import strays
from ert_deploy.core.planning.age import by_age, newest
from ert_deploy.core.planning.plan import next_step
from ert_deploy.core.planning.situation import Situation
from tests.support.ids import nth
from tests.support.situations import NOW, SLEEP, UP, healthy, instance, seen, served, shown, stopped

IDS = ("10", "9", "i-0f3a", "zz", "A")  # as text, as numbers and by hand they have another order each


def rented(name: str, at: float | None) -> Instance:
    return replace(instance(1), id=InstanceId(name), started=at)


@pytest.mark.parametrize("names", list(permutations(IDS, 3)))
def test_the_order_is_that_of_renting_whatever_the_ids_are(names: tuple[str, ...]) -> None:
    made = [rented(name, 100.0 + n) for n, name in enumerate(names)]
    assert [i.id for i in sorted(reversed(made), key=by_age())] == list(names)
    assert newest(made).id == names[-1]
    assert [i.id for i in strays(reversed(made), State("ert"))] == list(names)


@pytest.mark.parametrize("unsaid", [None, math.nan, math.inf])
def test_where_the_provider_does_not_say_the_state_does(unsaid: float | None) -> None:
    state = State("ert", records=(InstanceRecord("t", nth(1), "", 200.0), InstanceRecord("u", nth(2), "", -50.0)))
    found = [rented("0", unsaid), rented("1", unsaid), rented("2", unsaid), rented("9", 150.0)]
    assert [i.id for i in sorted(found, key=by_age(state))] == ["9", "1", "0", "2"], "a clock of ours is not compared"


@pytest.mark.parametrize(("older", "younger"), [("10", "9"), ("9", "10"), ("i-b", "i-a")])
def test_of_two_that_serve_the_older_is_kept(older: str, younger: str) -> None:
    def named(number: int, name: str, at: float, found: Instance) -> Instance:
        return replace(found, id=InstanceId(name), started=at)

    first, second = named(1, older, NOW - 90, instance(1)), named(2, younger, NOW - 60, instance(2))
    records = (replace(served(1), id=first.id), replace(served(2), id=second.id))
    observed = seen(second, first, records=records, health=(healthy(2), healthy(1)))
    current = Situation(UP, observed).classified.current
    assert current is not None
    assert current.instance.id == older
    asleep = tuple(named(n, name, at, stopped(n)) for n, name, at in ((1, older, NOW - 90), (2, younger, NOW - 60)))
    step = next_step(Situation(SLEEP, seen(*asleep, records=records)))
    assert step is not None
    assert shown(step).startswith(f"Retire {younger} "), "one disk is kept, and it is the older one"
