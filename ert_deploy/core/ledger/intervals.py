"""Paid intervals: what the transitions of a ledger amount to, by machine and kind of cost."""

from __future__ import annotations

from collections.abc import Iterator

from ert_deploy.core.ledger.model import DISK, GONE, GPU, GRANTED, HOUR, RENTED, RUNNING, TRAFFIC, Ledger, Transition
from ert_deploy.core.model.provider import InstanceId
from ert_deploy.core.model.quick_dataclass import changed, quick_dataclass


@quick_dataclass
class Interval:
    """A time in which a machine cost `rate` $/h, or for traffic the time at which it cost `fixed` $.

    `end` is None while it goes on. `earliest` is the earliest possible end; the cost is that of `end`, the most that it
    may be.
    """

    token: str
    instance: InstanceId
    kind: str
    begin: float
    end: float | None
    rate: float = 0.0
    fixed: float = 0.0
    earliest: float = 0.0

    def cost(self, first: float, last: float) -> float:
        """Return the $ between two times, the second of which is not in the future."""
        seconds = min(last, last if self.end is None else self.end) - max(first, self.begin)
        return max(0.0, seconds) / HOUR * self.rate + (self.fixed if first <= self.begin < last else 0.0)


@quick_dataclass
class Standing:
    """What a machine costs now, by its transitions: $/h, `gpu` 0 while it is stopped, both 0 once it is `gone`.

    `since` is the time of its last transition; `amount` its last grant in $, None without one, made at `granted`.
    """

    instance: InstanceId
    rented: bool = False
    gone: bool = False
    gpu: float = 0.0
    disk: float = 0.0
    since: float = 0.0
    amount: float | None = None
    granted: float = 0.0


def intervals(ledger: Ledger) -> tuple[Interval, ...]:
    """Return all paid intervals, by machine."""
    return tuple(one for own in ledger.machines().values() for one in _of(own))


def standing(transitions: tuple[Transition, ...]) -> Standing:
    """Return what a machine with these transitions, at least one, costs now."""
    found = Standing(transitions[0].instance)
    for one in transitions:
        found = _after(found, one)
    return found


def _after(before: Standing, one: Transition) -> Standing:
    match one.what:
        case "granted":
            return changed(before, amount=one.amount, granted=one.at)
        case "traffic":
            return before
        case "rented":
            return changed(before, rented=True, gone=False, disk=one.disk, since=one.at)
        case "running":
            return changed(before, gpu=one.gpu, since=one.at)
        case "stopped":
            return changed(before, gpu=0.0, since=one.at)
        case _:
            return changed(before, gone=True, gpu=0.0, disk=0.0, since=one.at)


def _of(transitions: tuple[Transition, ...]) -> Iterator[Interval]:
    running: dict[str, Transition] = {}
    for one in transitions:
        if one.what == TRAFFIC:
            yield Interval(one.token, one.instance, TRAFFIC, one.at, one.at, fixed=one.amount)
        elif one.what == RENTED:
            yield from _begin(running, DISK, one.disk, one)
        elif one.what == RUNNING:
            yield from _begin(running, GPU, one.gpu, one)
        elif one.what != GRANTED:
            for kind in (GPU, DISK) if one.what == GONE else (GPU,):
                if (begun := running.pop(kind, None)) is not None:
                    yield _interval(begun, kind, one)
    for kind, begun in running.items():
        yield _interval(begun, kind, None)


def _begin(running: dict[str, Transition], kind: str, rate: float, one: Transition) -> Iterator[Interval]:
    """Begin an interval, and end one with another price."""
    begun = running.get(kind)
    if begun is not None and _rate(begun, kind) == rate:
        return
    if begun is not None:
        yield _interval(begun, kind, one)
    running[kind] = one


def _interval(begun: Transition, kind: str, end: Transition | None) -> Interval:
    at = end.at if end is not None else None
    earliest = 0.0 if end is None else min(end.at, max(begun.at, end.since or end.at))
    return Interval(begun.token, begun.instance, kind, begun.at, at, _rate(begun, kind), earliest=earliest)


def _rate(begun: Transition, kind: str) -> float:
    return begun.gpu if kind == GPU else begun.disk
