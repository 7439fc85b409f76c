"""Fault injection: a plan of faults by call number, generated from a `seed` or given.

A fault applies before the call, after it, or changes the result of the call. SIGKILL and external events are faults as
well, so that one plan contains every difference from a run without faults and can be reduced fault by fault.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ert_deploy.core.model import errors as x
from ert_deploy.engine.effects import Method
from ert_deploy.ports import AppProbe, BackendProbe, GpuHost, StateStore, WebHost

Fault: TypeAlias = tuple[str, float]
Plan: TypeAlias = dict[int, Fault]
SETTLE = 240.0
LATEST, LONG_LATE = 120.0, 1800.0  # maximum delay of an accepted call in seconds; one of a create adds its time-out
BEHIND = 60.0  # maximum lag of a listing in seconds
LONG_BOOT = 6000.0  # maximum seconds by which a boot takes longer
TIMEOUT = 30.0

# Seconds until a failing call returns, by the name of the fault.
TAKES = {"timeout": TIMEOUT, "timeout-after": TIMEOUT, "429": 20.0, "5xx": 2.0, "5xx-after": 2.0, "malformed": 0.2}
KILLS = ("kill-before", "kill-after")
CONSOLE = (
    "relabel",
    "env-lost",
    "clone",
    "console-stop",
    "console-start",
    "console-destroy",
)  # by a user of the provider's website
EVENTS = (
    "exit",
    "offline",
    "self-stop",
    "oci",
    "sick",
    "impostor",
    "redeploy",
    "taken",
    "jump",
    "dearer",
    "limited",
    "outbid",
    "bids rise",
    "rollback",
    "contract-end",
    *CONSOLE,
    "nap",
)
# Range of the strength of a fault, in seconds.
RANGES = {
    "outbid": (1.0, LONG_LATE), "queued": (1.0, LONG_LATE), "nap": (30.0, 7200.0), "hidden": (1.0, BEHIND),
    "hidden-by-id": (1.0, BEHIND), "lingers": (1.0, BEHIND), "unlisted": (1.0, BEHIND), "crawls": (BEHIND, LONG_BOOT),
    "dearer": (600.0, 20_000.0), "bids rise": (600.0, 20_000.0),
}  # fmt: skip
FOR_GOOD = "for good"  # every later call of this type fails in the same way until `World.mend`
AFTER = frozenset({
    "timeout-after", "5xx-after", "malformed-after", "refused-after", "save-after", "own-conflict", "empty",
    "unknown-after",
})  # fmt: skip

Strikes: TypeAlias = dict[str, Callable[[str], x.ErtError]]
_READ: Strikes = dict.fromkeys(("timeout", "429", "5xx", "malformed"), x.CannotObserve)
_WRITE: Strikes = dict.fromkeys(("timeout", "timeout-after", "429", "5xx", "5xx-after", "malformed-after"), x.Transient)
# The error of a call by fault. Only types that are documented in `ports`.
STRIKES: dict[Method, Strikes] = {
    GpuHost.list_instances: _READ,
    GpuHost.get_instance: _READ,
    GpuHost.search: _READ,
    GpuHost.quote: _READ,
    GpuHost.logs: _READ,
    GpuHost.account: _READ,
    WebHost.service: _READ,
    WebHost.read_groups: _READ,
    WebHost.read_env: _READ,
    WebHost.newest_deploy: _READ,
    WebHost.get_deploy: {**_READ, "vanished": x.Gone},
    GpuHost.destroy: _WRITE,
    GpuHost.start: {**_WRITE, "refused": x.StartRefused},
    GpuHost.stop: _WRITE,
    WebHost.put_env: _WRITE,
    WebHost.delete_env: _WRITE,
    StateStore.load: {"timeout": x.UsageError, "malformed": x.UsageError},
    StateStore.save: {"save-before": x.Failed, "save-after": x.Failed, "own-conflict": x.StateConflict},
    GpuHost.create: {
        "timeout": x.OutcomeUnknown, "timeout-after": x.OutcomeUnknown, "429": x.OutcomeUnknown,
        "5xx": x.OutcomeUnknown, "5xx-after": x.OutcomeUnknown, "malformed-after": x.OutcomeUnknown,
        "refused": x.CreateRefused, "refused-after": x.CreateRefused, "taken": x.OfferGone,
    },
    WebHost.deploy: {
        "429": x.Transient, "rejected": x.Rejected, "timeout": x.OutcomeUnknown, "unknown-after": x.OutcomeUnknown,
    },
    BackendProbe.accepts: {"timeout": x.Transient},
    BackendProbe.busy: {"timeout": x.Transient},
    BackendProbe.keys_in_force: dict.fromkeys(("timeout", "429", "5xx", "malformed"), x.Transient),
    BackendProbe.set_keys: {**_WRITE, "refused": x.Rejected},
    BackendProbe.set_limits: {},
    BackendProbe.probe: {},
    AppProbe.fingerprint: {},
    AppProbe.answer: {},
    WebHost.failure: {},
}  # fmt: skip
# The error of a call that fails permanently. List and read by id fail together.
LASTING: dict[Method, Callable[[str], x.ErtError]] = {
    GpuHost.list_instances: x.CannotObserve,
    GpuHost.destroy: x.CannotObserve,
    GpuHost.start: x.Rejected,
    GpuHost.stop: x.Rejected,
    GpuHost.create: x.CreateRefused,
    StateStore.load: x.UsageError,
    StateStore.save: x.Failed,
}
# Faults that execute the call and change the result. "silent": no response (a value, not an error).
TURNS: dict[Method, tuple[str, ...]] = {
    GpuHost.create: ("late", "late", "duplicate", "hidden", "hidden-by-id", "taken-late", "overpriced", "crawls"),
    GpuHost.destroy: ("late", "lingers", "unlisted", "ghost"),
    GpuHost.start: ("late", "moves", "moves", "stuck", "stuck", "queued"),
    GpuHost.stop: ("late", "lingers", "acts late"),
    BackendProbe.busy: ("busy",),
    WebHost.deploy: ("empty", "empty", "fails", "fails", "superseded", "superseded"),
    BackendProbe.probe: ("silent",),
    AppProbe.fingerprint: ("silent",),
}
# Maximum seconds of a slow successful call: its own deadline, or less if the settle time includes the call.
SLOW: dict[Method, float] = {StateStore.save: 120.0, GpuHost.create: 25.0, StateStore.load: 25.0}


def kinds(call: Method) -> tuple[str, ...]:
    """Return every fault that is possible for this type of call."""
    lasting = (FOR_GOOD,) if call in LASTING else ()
    return (*STRIKES[call], *TURNS.get(call, ()), *lasting, "slow", *KILLS, *EVENTS)


KINDS = {call: kinds(call) for call in STRIKES}
CALLS = {call: tuple(name for name in names if name not in EVENTS) for call, names in KINDS.items()}
# Events that matter most at a type of call: what makes a write late comes while it is written.
APT: dict[Method, tuple[str, ...]] = {StateStore.save: ("nap", "nap", "jump")}
APT_SHARE = 0.5  # of the events at such a call
LATEST_SHARE = 0.3  # of the late calls take the longest time that the provider may
EVENT_SHARE = 0.1  # of the random faults are external events; with more, no backend would become ready
QUEUED_SHARE = 0.5  # of the starts after which the command is killed
RARE_SHARE = 0.3  # of the rare calls get a fault
FAMILIES = tuple(sorted({name for names in KINDS.values() for name in names}))


class Faults:
    """The faults of one history. `next` is the number of the call that gets the next fault; 0 for none."""

    def __init__(self, draw: random.Random | None = None, plan: Iterable[tuple[int, Fault]] = ()) -> None:
        self.draw = draw
        self.plan: Plan = {}
        self.given = dict(plan)
        self.long_late = False
        self.next = 0
        self.rate = 0.0
        self.on: frozenset[str] = frozenset()
        if draw is not None:
            self._swarm(draw)
        else:
            self.waiting = sorted(self.given)
            self._following()

    def _swarm(self, draw: random.Random) -> None:
        """Choose the enabled types of faults and their rate by `seed` (swarm testing)."""
        self.rate = draw.choice((0.02, 0.1, 0.1, 0.3))
        share = draw.choice((0.15, 0.4, 1.0))
        self.on = frozenset([f for f in FAMILIES if draw.random() < share]) | {draw.choice(FAMILIES)}
        self.long_late = draw.random() < 0.05
        if draw.random() < 0.6:
            self.on -= {FOR_GOOD}  # such a fault often stops a history early
        self._gap = 1.0 / math.log(1.0 - self.rate)
        self._skip(0)

    def begin(self, after: int) -> None:
        """Inject faults into the calls with a number above `after`."""
        if self.draw is not None:
            self._skip(after)
        else:
            self.waiting = [number for number in sorted(self.given) if number > after]
            self._following()

    def _skip(self, after: int) -> None:
        assert self.draw is not None
        self.next = after + 1 + int(math.log(1.0 - self.draw.random()) * self._gap)

    def _following(self) -> None:
        self.next = self.waiting.pop(0) if self.waiting else 0

    def take(self, number: int, call: Method) -> Fault | None:
        """Return the fault due at this call, or None if no enabled fault is possible for its type."""
        if self.draw is None:
            fault = self.given[number] if self.given[number][0] in KINDS[call] else None
            self._following()
        else:
            fault = self._drawn(call)
            self._skip(number)
        if fault is not None:
            self.plan[number] = fault
        return fault

    def also(self) -> bool:
        """Whether a rare call gets a fault although none is due. In the replay of a plan this fault is a due one."""
        return self.draw is not None and self.next > 0 and self.draw.random() < RARE_SHARE

    def _drawn(self, call: Method) -> Fault | None:
        assert self.draw is not None
        struck = EVENTS if self.draw.random() < EVENT_SHARE else CALLS[call]
        if struck is EVENTS and call in APT and self.draw.random() < APT_SHARE:
            struck = APT[call]
        possible = [name for name in struck if name in self.on]
        if not possible:
            return None
        name = self.draw.choice(possible)
        return name, self._strength(name, call)

    def _strength(self, name: str, call: Method) -> float:
        assert self.draw is not None
        if name in ("late", "taken-late", "acts late"):
            if self.long_late and call is GpuHost.create:
                self.long_late = False  # only one call of a history may complete after the settle time
                return round(self.draw.uniform(SETTLE, LONG_LATE), 1)
            latest = LATEST + TIMEOUT if call is GpuHost.create else LATEST
            longest = self.draw.random() < LATEST_SHARE
            return latest if longest else round(self.draw.uniform(1.0, latest), 1)
        if name == "slow":
            return round(self.draw.uniform(1.0, SLOW.get(call, 120.0)), 1)
        if name == "jump":
            return self.draw.choice((-3600.0, 3600.0))
        if name == "kill-after" and call is GpuHost.start:  # one that is not seen may also have been queued
            return round(self.draw.uniform(*RANGES["queued"]), 1) if self.draw.random() < QUEUED_SHARE else 0.0
        if name == "ghost":
            return round(self.draw.choice((self.draw.uniform(BEHIND, 900.0), 1e9)), 1)
        return round(self.draw.uniform(*RANGES[name]), 1) if name in RANGES else 0.0

    def stop(self) -> None:
        """Inject no more faults."""
        self.next = 0

    def count(self) -> Counter[str]:
        """Return the number of injected faults by type."""
        return Counter(name for name, _ in self.plan.values())
