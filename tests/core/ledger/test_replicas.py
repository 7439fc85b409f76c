"""Ledger of several replicas: the machines of all of them, by the parts of the one state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ert_deploy.core.ledger.model import DAY, HOUR, Ledger, Transition
from ert_deploy.core.ledger.observing import observed
from ert_deploy.core.ledger.summary import summary
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.state import InstanceRecord, State
from tests.support.ids import nth

A, B = "a" * 32, "b" * 32
FIRST = Instance(nth(1), Mark("ert", A), dph=0.5, disk_dph=0.1, started=1000.0, power=Power.RUNNING)
SECOND = replace(FIRST, id=nth(2), mark=Mark("ert.2", B))
PART = State("ert.2").put_record(InstanceRecord(B, nth(2), "8", 0.0))
DOCUMENT = replace(State("ert").put_record(InstanceRecord(A, nth(1), "7", 0.0)), replicas=(PART,))


def seen(ledger: Ledger, at: float, *boxes: Instance, state: State = DOCUMENT) -> Ledger:
    return ledger.adding(observed(ledger, state, boxes, at))


def test_each_machine_of_them_is_in_it_and_no_other() -> None:
    other = replace(FIRST, id=nth(3), mark=Mark("other.2", "c" * 32))
    assert set(seen(Ledger("ert"), 2000.0, FIRST, SECOND, other).machines()) == {A, B}


def test_one_that_a_list_lacks_is_there_while_its_part_has_it() -> None:
    ledger = seen(Ledger("ert"), 2000.0, FIRST, SECOND)
    assert seen(ledger, 3000.0, FIRST) is ledger
    gone = seen(ledger, 3000.0, FIRST, state=replace(DOCUMENT, replicas=()))
    assert [(one.token, one.what) for one in gone.transitions[len(ledger.transitions) :]] == [(B, "gone")]


def test_its_stop_is_known_by_the_history_of_its_part() -> None:
    ledger = seen(Ledger("ert"), 2000.0, FIRST, SECOND)
    part = replace(PART, history=(Happened(2500.0, "stopped", nth(2)),))
    later = seen(ledger, 9000.0, FIRST, replace(SECOND, power=Power.STOPPED), state=replace(DOCUMENT, replicas=(part,)))
    assert [(one.what, one.at, one.since) for one in later.machines()[B]][-1] == ("stopped", 2500.0, 0.0)


def test_always_on_counts_them_all() -> None:
    ledger = Ledger("ert").adding([Transition(A, nth(1), "running", DAY, gpu=0.1)])
    assert summary(ledger, DAY + HOUR, 3).always_on == pytest.approx(0.3)
    assert summary(ledger, DAY + HOUR).always_on == pytest.approx(0.1)


def test_what_is_kept_awake_costs_as_much_as_the_last_machine_for_a_month() -> None:
    ledger = Ledger("ert").adding([Transition(A, nth(1), "running", DAY, gpu=0.1)])
    assert summary(ledger, DAY + HOUR, 3, 2).kept == pytest.approx(2 * 0.1 * 730)
    assert summary(ledger, DAY + HOUR, 3).kept is None
    assert summary(Ledger("ert"), DAY + HOUR, 3, 2).kept is None
