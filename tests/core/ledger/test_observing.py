"""Transitions from lists of instances and the history: once each, also if an earlier run could not write them."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import pytest

from ert_deploy.core.ledger.days import days
from ert_deploy.core.ledger.model import HOUR, Ledger, Transition
from ert_deploy.core.ledger.observing import Known, observed, stopped_by_itself
from ert_deploy.core.ledger.update import updated
from ert_deploy.core.model.boot.container import Container
from ert_deploy.core.model.labels import Mark
from ert_deploy.core.model.log.happened import Happened
from ert_deploy.core.model.observed import Instance, Power
from ert_deploy.core.model.state import InstanceRecord, State
from tests.support.ids import nth

A = "a" * 32
ONE = nth(1)
EMPTY, STATE = Ledger("ert"), State("ert")
KEPT = STATE.put_record(InstanceRecord(A, ONE, "7", 0.0))
BOX = Instance(ONE, Mark("ert", A), dph=0.5, disk_dph=0.1, started=1000.0)
RUNS, STOPPED = replace(BOX, power=Power.RUNNING), replace(BOX, power=Power.STOPPED)


def seen(ledger: Ledger, at: float, *boxes: Instance, state: State = KEPT, more: Known | None = None) -> Ledger:
    return ledger.adding(observed(ledger, state, boxes, at, more or Known()))


def what(ledger: Ledger) -> list[tuple[str, float, float]]:
    return [(one.what, one.at, one.since) for one in ledger.transitions]


def test_a_life_is_seen_step_by_step() -> None:
    ledger = seen(EMPTY, 1010.0, BOX)
    assert what(ledger) == [("rented", 1000.0, 0.0)]
    ledger = seen(ledger, 1100.0, RUNS)
    assert seen(ledger, 1200.0, RUNS) is ledger
    ledger = seen(seen(ledger, 5000.0, STOPPED), 6000.0, RUNS)
    assert seen(ledger, 7000.0) is ledger  # its record is still there: a list may lack it
    ledger = seen(ledger, 8000.0, state=STATE)
    assert what(ledger)[1:] == [
        ("running", 1100.0, 0.0), ("stopped", 5000.0, 1100.0), ("running", 6000.0, 0.0), ("gone", 8000.0, 6000.0),
    ]  # fmt: skip
    assert ledger.transitions[1].gpu == 0.4
    assert seen(ledger, 9000.0, state=STATE) is ledger


def test_other_deployments_and_unmarked_machines_are_none_of_it() -> None:
    assert seen(EMPTY, 2000.0, replace(RUNS, mark=None), replace(RUNS, mark=Mark("other", A))) is EMPTY


@pytest.mark.parametrize(("dph", "gpu"), [(inf, 0.0), (0.05, 0.0)])
def test_prices_that_are_not_known_cost_nothing_yet(dph: float, gpu: float) -> None:
    ledger = seen(EMPTY, 2000.0, replace(RUNS, dph=dph, disk_dph=0.1))
    assert [one.gpu for one in ledger.transitions if one.what == "running"] == [gpu]
    assert seen(EMPTY, 2000.0, replace(BOX, disk_dph=nan)).transitions[0].disk == 0.0


def test_another_price_begins_another_interval() -> None:
    ledger = seen(seen(EMPTY, 1100.0, RUNS), 2000.0, replace(RUNS, dph=0.8, disk_dph=0.2))
    assert what(ledger)[2:] == [("rented", 2000.0, 0.0), ("running", 2000.0, 0.0)]
    assert seen(ledger, 3000.0, replace(RUNS, dph=0.80001, disk_dph=0.2)) is ledger


def test_the_history_knows_when_a_run_stopped_or_destroyed_it() -> None:
    ledger = seen(EMPTY, 1100.0, RUNS)
    events = (Happened(900.0, "stopped", ONE), Happened(1500.0, "stopped", ONE), Happened(1600.0, "stopped", nth(2)))
    state = replace(KEPT, history=events)
    assert what(seen(ledger, 9000.0, STOPPED, state=state))[-1] == ("stopped", 1500.0, 0.0)
    gone = replace(STATE, history=(Happened(1700.0, "destroyed", ONE),))
    assert what(seen(ledger, 9000.0, state=gone))[-1] == ("gone", 1700.0, 0.0)
    assert what(seen(ledger, 9000.0, state=gone, more=Known(ended={ONE: 1650.0})))[-1] == ("gone", 1650.0, 0.0)


def test_its_guard_knows_how_long_it_ran() -> None:
    ledger = seen(seen(EMPTY, 1010.0, BOX), 1100.0, RUNS)
    assert stopped_by_itself(ledger, KEPT, [STOPPED, RUNS, replace(STOPPED, mark=None)], 9000.0) == (STOPPED,)
    assert stopped_by_itself(EMPTY, KEPT, [STOPPED], 9000.0) == ()
    told = seen(ledger, 9000.0, STOPPED, more=Known(ran={ONE: 500.0}))
    assert stopped_by_itself(told, KEPT, [STOPPED], 9500.0) == ()
    assert what(told)[-1] == ("stopped", 1600.0, 0.0)
    assert what(seen(ledger, 9000.0, STOPPED, more=Known(ran={ONE: 1e9})))[-1] == ("stopped", 9000.0, 0.0)


def test_what_no_run_wrote_is_derived_by_the_next_one() -> None:
    events = (
        Happened(1000.0, "rented", ONE), Happened(2000.0, "stopped", ONE), Happened(-5.0, "stopped", ONE),
        Happened(3000.0, "started", ONE), Happened(3000.0, "started", nth(2)), Happened(9999.0, "stopped", ONE),
    )  # fmt: skip
    lost = seen(EMPTY, 4000.0, RUNS, state=replace(KEPT, history=events))
    assert what(lost) == [
        ("rented", 1000.0, 0.0), ("running", 1000.0, 0.0), ("stopped", 2000.0, 0.0), ("running", 3000.0, 0.0),
    ]  # fmt: skip
    assert what(seen(EMPTY, 4000.0, STOPPED))[1:] == [("running", 1000.0, 0.0), ("stopped", 4000.0, 1000.0)]
    unknown = seen(EMPTY, 4000.0, replace(RUNS, started=None))
    assert what(unknown) == [("rented", 4000.0, 0.0), ("running", 4000.0, 0.0)]


def test_one_that_is_there_again_was_never_gone() -> None:
    ledger = seen(seen(seen(EMPTY, 1010.0, BOX), 1100.0, RUNS), 2000.0, state=STATE)
    again = seen(ledger, 5600.0, RUNS)
    assert days(again, 5600.0)[0].gpu == pytest.approx(0.4 * (4500 - 1) / HOUR)
    assert days(again, 5600.0)[0].disk == pytest.approx(0.1 * (4600 - 1) / HOUR)


def test_a_container_says_what_its_guard_may_spend() -> None:
    box = replace(BOX, container=Container(env=(("ERT_BUDGET_SECONDS", "7200"),)))
    given = [one for one in seen(EMPTY, 1010.0, box).transitions if one.what == "granted"]
    assert [(one.at, one.amount) for one in given] == [(1000.0, 1.0)]
    assert what(seen(EMPTY, 1010.0, replace(box, dph=inf))) == [("rented", 1000.0, 0.0)]


def test_a_run_adds_all_that_it_saw_and_its_downloads_once() -> None:
    looks = [(1010.0, (BOX,)), (1100.0, (RUNS,)), (5000.0, ())]
    more = Known(traffic={ONE: 0.3, nth(2): 0.4})
    ledger = updated(EMPTY, STATE, looks, more, 6000.0)
    assert Transition(A, ONE, "traffic", 1000.0, amount=0.3) in ledger.transitions
    assert len(ledger.transitions) == 4
    assert updated(ledger, STATE, looks, more, 6000.0) is ledger
    assert updated(EMPTY, STATE, looks, Known(traffic={ONE: 0.0}), 6000.0).transitions[1].what == "running"
