"""Past rentals in the state, and the machines and hosts that are denied because of them."""

from __future__ import annotations

import pytest

from ert_deploy.core.market.learned import Pulled, learn
from ert_deploy.core.market.odds import works
from ert_deploy.core.market.rates import pull_rate, unpacking
from ert_deploy.core.model.plain.state import from_json, to_json
from ert_deploy.core.model.stamps import none_ahead
from ert_deploy.core.model.state import MOST_LAUNCHES, Denied, Launched, State
from tests.support.fakes.market import offer

EMPTY = State("ert")
LAUNCHED = {"machine_id": "8", "host_id": "7", "at": 1.0, "healthy": False}


def test_only_the_newest_rentals_are_remembered() -> None:
    state = EMPTY
    for number in range(MOST_LAUNCHES + 3):
        state = state.launched(Launched(str(number), "", 1.0, healthy=True))
    assert [one.machine_id for one in state.launches] == [str(n) for n in range(3, MOST_LAUNCHES + 3)]
    forged = {**to_json(state), "launches": [LAUNCHED] * 1000}
    assert len(from_json(forged).launches) == MOST_LAUNCHES


def test_a_host_is_denied_apart_from_its_machines() -> None:
    state = EMPTY.deny(Denied("1", 100.0, "slow", "7"), 0.0).deny(Denied("", 200.0, "slow", "7", "failed on 1, 2"), 0.0)
    assert state.denied_machines(50.0) == {"1"}
    assert state.denied_machines(150.0) == set()
    assert state.denied_hosts(50.0) == state.denied_hosts(150.0) == {"7"}
    assert state.denied_hosts(200.0) == set()
    assert [d.subject for d in state.denied] == ["machine 1", "host 7"]
    assert [d.until for d in state.deny(Denied("", 300.0, "sick", "7"), 50.0).denied] == [100.0, 300.0]


def test_a_machine_that_was_not_at_fault_loses_its_denial_its_failure_and_that_of_its_host() -> None:
    state = EMPTY.launched(Launched("1", "7", 1.0, healthy=False)).launched(Launched("2", "8", 1.0, healthy=True))
    state = state.launched(Launched("1", "7", 2.0, healthy=False)).launched(Launched("3", "9", 2.0, healthy=False))
    for machine, host in (("1", "7"), ("", "7"), ("2", "8"), ("", "9")):
        state = state.deny(Denied(machine, 9.0, "exited", host), 0.0)
    freed = state.allow(["1", "2"])
    assert [d.subject for d in freed.denied] == ["host 9"]
    assert [(one.machine_id, one.at) for one in freed.launches] == [("1", 1.0), ("2", 1.0), ("3", 2.0)]
    assert state.allow([]) is state


def test_a_rental_that_ended_in_the_future_did_so_by_another_clock() -> None:
    state = none_ahead(EMPTY.launched(Launched("1", "7", 5000.0, healthy=False)), 100.0)
    assert [one.at for one in state.launches] == [-5000.0]


def test_the_pulls_of_a_run_show_the_link_and_no_end() -> None:
    slow = Pulled("m1", "h1", 1000.0, 40.0)
    seen, before = learn((), [slow]), learn(())
    same, other = offer(1, host_id="h1"), offer(2, host_id="h2")
    rates = [learned.delivery(one, 0.84)[0] for learned in (seen, before) for one in (same, other)]
    assert rates[0] < rates[1] < rates[2] == rates[3] == 1.0
    assert works(same, seen) == works(same, before), "nothing says whether it becomes healthy"


def test_the_rate_of_a_pull_leaves_out_what_no_link_saves() -> None:
    assert pull_rate(4.0, 30.0 + unpacking(4.0) + 200.0) == pytest.approx(160.0)
    assert pull_rate(4.0, 10.0) == pytest.approx(32_000.0), "at most as if it had taken a second"
