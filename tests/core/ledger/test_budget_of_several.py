"""Machines that know nothing of each other stay within one budget: any order of rentals, renewals and ends of a day."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from ert_deploy.core.ledger.budget import given as given_to
from ert_deploy.core.ledger.budget import left, share
from ert_deploy.core.ledger.model import DAY, HOUR, Ledger, Transition
from ert_deploy.core.ledger.policy import Budget
from tests.support.ids import nth

START, SLOTS = 20_000 * DAY, 2
MOST = Budget(per_day=3.0, per_month=5.0)


@dataclass
class Account:
    """Machines whose guards stop them when their own allowance is used up, and a ledger that sees it later."""

    ledger: Ledger = field(default_factory=lambda: Ledger("ert"))
    now: float = START
    running: dict[str, tuple[float, float]] = field(default_factory=dict)  # when it stops by itself, and its price
    made: int = 0
    paid: dict[int, float] = field(default_factory=dict)  # GPU $ by day

    def pass_time(self, hours: float) -> None:
        """Let the GPUs run, each until its guard stops it."""
        end = self.now + hours * HOUR
        for token, (stops, price) in list(self.running.items()):
            at, until = self.now, min(end, stops)
            while at < until:
                step = min(until, (at // DAY + 1) * DAY)
                self.paid[int(at // DAY)] = self.paid.get(int(at // DAY), 0.0) + (step - at) / HOUR * price
                at = step
            if stops <= end:
                self._add(token, "stopped", end, since=self.now)
                del self.running[token]
        self.now = end

    def rent(self, price: float) -> None:
        """Rent a machine, as a run does if there is a slot."""
        alive = len(self.running)
        dollars = share(left(self.ledger, MOST, self.now).free(), SLOTS, alive)
        if alive == SLOTS or dollars <= 0.01:
            return
        self.made += 1
        token = f"{self.made:04x}" * 8
        self._add(token, "rented", self.now)
        self._add(token, "running", self.now, gpu=price)
        self._grant(token, dollars, price)

    def renew(self) -> None:
        """Give the first machine that runs a new allowance, as each run does at its end."""
        for token, (_, price) in list(self.running.items())[:1]:
            free = left(self.ledger, MOST, self.now).free(given_to(self.ledger, token, self.now))
            self._grant(token, share(free, SLOTS, len(self.running) - 1), price)

    def destroy(self) -> None:
        """Destroy the oldest one."""
        for token in list(self.running)[:1]:
            self._add(token, "gone", self.now)
            del self.running[token]

    def _grant(self, token: str, dollars: float, price: float) -> None:
        self._add(token, "granted", self.now, amount=dollars)
        self.running[token] = self.now + dollars / price * HOUR, price
        self.now += 1.0

    def _add(self, token: str, what: str, at: float, **more: float) -> None:
        self.ledger = self.ledger.adding([Transition(token, nth(int(token[:4], 16)), what, at, **more)])


ACTS = st.one_of(
    st.tuples(st.just("time"), st.floats(0.1, 9.0)), st.tuples(st.just("rent"), st.floats(0.1, 0.9)),
    st.tuples(st.just("renew"), st.just(0.0)), st.tuples(st.just("destroy"), st.just(0.0)),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, min_size=5, max_size=40))
def test_all_machines_together_never_cost_more_than_the_budget(acts: list[tuple[str, float]]) -> None:
    account = Account()
    for act, value in acts:
        if act == "time":
            account.pass_time(value)
        elif act == "rent":
            account.rent(value)
        elif act == "renew":
            account.renew()
        else:
            account.destroy()
    account.pass_time(99.0)
    assert max(account.paid.values(), default=0.0) <= 3.0 + 0.01
    month = {day: cost for day, cost in account.paid.items() if day <= 20_027}
    assert sum(month.values()) <= 5.0 + 0.01


def test_without_the_allowances_of_others_it_would_be_more() -> None:
    account = Account()
    account.rent(0.5)
    spendable = left(account.ledger, MOST, account.now)
    assert spendable.least is not None
    assert spendable.free() < spendable.least
    account.rent(0.5)
    account.pass_time(24.0)
    assert sum(account.paid.values()) > 2.9
