"""Cost of one machine until a time: exact by the ledger, or not known."""

from __future__ import annotations

from ert_deploy.core.ledger.model import Ledger, Transition
from ert_deploy.core.ledger.spent import Spent, spent
from ert_deploy.core.model.provider import InstanceId

FIVE = InstanceId("5")


def made(*rows: tuple[str, float, float]) -> Ledger:
    """Return a ledger with transitions at these hours; `since` is another one's hour, or 0."""
    return Ledger("ert", 0, tuple(
        Transition("t", FIVE, what, at * 3600.0, 0.2, 0.01, since=since * 3600.0) for what, at, since in rows
    ))  # fmt: skip


def test_it_is_what_was_paid_by_then() -> None:
    ledger = made(("rented", 1, 0), ("running", 2, 0), ("stopped", 4, 0), ("gone", 6, 0))
    found = [spent(ledger, FIVE, at * 3600.0) or Spent(-1.0, exact=False) for at in (1, 2, 3, 5, 6, 9)]
    assert [round(one.cost, 4) for one in found] == [0.0, 0.01, 0.22, 0.44, 0.45, 0.45]
    assert all(one.exact for one in found)
    assert spent(ledger, InstanceId("6"), 3 * 3600.0) is None


def test_from_a_stop_at_an_unknown_time_on_it_is_the_most() -> None:
    ledger = made(("rented", 1, 0), ("running", 2, 0), ("stopped", 4, 3))
    before, within, after = (spent(ledger, FIVE, at * 3600.0) for at in (2.5, 3.5, 5))
    assert before is not None
    assert within is not None
    assert after is not None
    assert (before.exact, within.exact, after.exact) == (True, False, False)
    assert round(after.cost, 4) == 0.44
    seen = [spent(ledger, FIVE, at * 3600.0, 3.6 * 3600.0) for at in (3.5, 3.7, 5)]
    assert [one is not None and one.exact for one in seen] == [True, False, False]


def test_of_a_machine_whose_rental_is_not_known_exactly_it_is_not_known() -> None:
    assert spent(made(("running", 2, 0)), FIVE, 3 * 3600.0) is None
    assert spent(made(("rented", 2, 1), ("running", 2, 0)), FIVE, 3 * 3600.0) is None
