"""Drawn ledgers, with the provider's charges in some of them, and their sums, as one line of figures each."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ert_deploy.core.ledger.budget import left, share, warnings
from ert_deploy.core.ledger.days import days
from ert_deploy.core.ledger.folding import folded
from ert_deploy.core.ledger.model import DAY, DISK, GPU, HOUR, TRAFFIC, Charge, Ledger, Transition
from ert_deploy.core.ledger.months import date_of
from ert_deploy.core.ledger.policy import Budget
from ert_deploy.core.ledger.summary import summary
from tests.core.recorded.launches import figures
from tests.support.ids import nth

START = 20_000 * DAY  # 2024-10-04
LEDGERS = 60


def lines() -> Iterator[str]:
    """Yield all lines: kind, number, figures."""
    yield from (f"ledger {number}: {_ledger(Random(number))}" for number in range(LEDGERS))


def _life(random: Random, number: int, begin: float) -> Iterator[Transition]:
    token, own, at, gpu = f"{number:032x}", nth(number), begin, random.uniform(0.1, 0.6)
    yield Transition(token, own, "rented", at, disk=random.choice((0.0, random.uniform(0.005, 0.1))))
    yield Transition(token, own, "traffic", at, amount=random.uniform(0.0, 0.4))
    for _ in range(random.randrange(4)):
        at += random.uniform(60, 9 * HOUR)
        yield Transition(token, own, "granted", at, amount=random.uniform(0.1, 4.0))
        yield Transition(token, own, "running", at, gpu=gpu, since=random.choice((0.0, at - random.uniform(1, 50))))
        if random.random() < 0.8:
            at += random.uniform(60, 30 * HOUR)
            yield Transition(token, own, "stopped", at, since=random.choice((0.0, at - random.uniform(1, 900))))
    if random.random() < 0.7:
        yield Transition(token, own, "gone", at + random.choice((30.0, random.uniform(0, 9 * DAY))))


def _charges(random: Random, number: int, begin: float) -> Iterator[Charge]:
    first = int(begin // DAY)
    for day in range(first, first + random.randrange(4)):
        for kind in (GPU, DISK, TRAFFIC):
            if random.random() < 0.6:
                until = min((day + 1) * DAY, begin + random.uniform(0, 3) * DAY)
                yield Charge(nth(number), kind, day, random.uniform(0, 2.0), max(until, day * DAY), until + 3 * HOUR)


def _ledger(random: Random) -> str:
    ledger, charged = Ledger("ert"), random.random() < 0.5
    for number in range(1, random.randrange(2, 7)):
        begin = START + random.uniform(-40, 30) * DAY
        ledger = ledger.adding(_life(random, number, begin))
        if charged:
            ledger = ledger.charging(_charges(random, number, begin))
    now = START + random.choice((31 * DAY, random.uniform(-10, 45) * DAY))
    small = folded(ledger, now)
    told, budget = summary(small, now), Budget(random.uniform(0.1, 6.0), random.uniform(1.0, 30.0))
    free = left(small, budget, now)
    by_day = [(day, one) for day, one in sorted(days(ledger, now).items())]
    parts = [figures(one.gpu, one.disk, one.traffic, one.charged, one.corrected, one.unsure) for _, one in by_day[-4:]]
    sums = (told.today.total, told.month.total, sum(told.earlier.values()), told.forecast or 0.0, told.saved or 0.0)
    owed = (free.spent_day, free.spent_month, free.given, free.free(), share(free.least or 0.0, 3, random.randrange(4)))
    months = " ".join(f"{date_of(int(first))[:2]}".replace(" ", "") for first in told.earlier)
    counts = f"{len(small.transitions)} {len(small.charges)} {len(small.months)} {len(told.days)} {len(by_day)}"
    return f"{figures(*sums)} | {figures(*owed)} | {'; '.join(parts)} | {months} | {counts} | {warnings(free, budget)}"
