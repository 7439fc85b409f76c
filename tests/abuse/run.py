"""Sends a list of inputs to the servers and counts the results by kind of input."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.abuse.curated import curated
from tests.abuse.generated import generated
from tests.abuse.inputs import Input
from tests.abuse.reports import Health, watch
from tests.abuse.sender import Outcome, send
from tests.abuse.stage import Stage

AT_ONCE, SLOW_AT_ONCE, REPORTS_AT_ONCE = 48, 150, 6
STRANGERS = ("auth", "auth~", "path", "path~")


@dataclass(slots=True)
class Row:
    """The counts of one kind of input. `early`: responses that arrived while the declared body was withheld."""

    sent: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    hangs: int = 0
    echoes: int = 0
    withheld: int = 0
    early: int = 0
    worst: list[str] = field(default_factory=list)

    def add(self, given: Input, outcome: Outcome) -> None:
        """Add one result."""
        self.sent += 1
        self.classes[_class(outcome)] += 1
        self.hangs += outcome.hung
        self.echoes += outcome.echoed
        self.withheld += given.withheld
        self.early += outcome.answered_first
        if (
            outcome.hung
            or outcome.echoed
            or _class(outcome) == "5xx"
            or (given.withheld and not outcome.answered_first)
        ):
            self.worst.append(f"{given.family}: {given.name} -> {outcome}")


@dataclass(slots=True)
class Tally:
    """The whole run. `stranger_bytes`: body bytes read by the servers from unauthenticated clients."""

    rows: dict[str, Row] = field(default_factory=dict)
    distinct: int = 0
    stranger_bytes: float = 0.0
    leaks: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Count of inputs sent."""
        return sum(row.sent for row in self.rows.values())

    def problems(self) -> list[str]:
        """Return every violation."""
        found = [text for row in self.rows.values() for text in row.worst]
        found += [f"a canary or a secret is in {name}" for name in self.leaks]
        if self.stranger_bytes:
            found.append(f"{self.stranger_bytes:.0f} body bytes of strangers were read")
        return found


def corpus(count: int, seed: int) -> list[Input]:
    """Return every curated input and generated ones, with at least `count` in all."""
    known = list(curated())
    return [*known, *generated(max(0, count - len(known)) * 102 // 100, seed)]


async def play(inputs: Sequence[Input], stage: Stage) -> Tally:
    """Send the unauthenticated inputs first, with the servers' count of body bytes around them; then all others."""
    tally = Tally(distinct=len({given.digest for given in inputs}))
    numbered = list(enumerate(inputs))
    strangers = [(n, i) for n, i in numbered if i.family in STRANGERS]
    before = await asyncio.to_thread(stage.counter, "ert_request_body_bytes_total")
    await _send_all(strangers, stage, tally)
    tally.stranger_bytes = await asyncio.to_thread(stage.counter, "ert_request_body_bytes_total") - before
    slow = [(n, i) for n, i in numbered if i.family.startswith("silence")]
    others = [(n, i) for n, i in numbered if i.family not in STRANGERS and not i.family.startswith("silence")]
    await asyncio.gather(_send_all(others, stage, tally), _send_all(slow, stage, tally, SLOW_AT_ONCE))
    tally.leaks = await asyncio.to_thread(stage.leaks)
    return tally


async def play_reports(inputs: Sequence[Input], stage: Stage) -> tuple[Tally, Health]:
    """Send valid reports while measuring /health."""
    tally, health = Tally(distinct=len({given.digest for given in inputs})), Health()
    watching = asyncio.create_task(watch(stage, health))
    await _send_all(list(enumerate(inputs)), stage, tally, REPORTS_AT_ONCE)
    watching.cancel()
    ended = (await asyncio.gather(watching, return_exceptions=True))[0]
    health.failed += not isinstance(ended, asyncio.CancelledError)
    tally.leaks = await asyncio.to_thread(stage.leaks)
    return tally, health


async def _send_all(numbered: Iterable[tuple[int, Input]], stage: Stage, tally: Tally, at_once: int = AT_ONCE) -> None:
    waiting = iter(numbered)

    async def worker() -> None:
        for number, given in waiting:
            tally.rows.setdefault(given.family, Row()).add(given, await send(given, stage, number))

    await asyncio.gather(*(worker() for _ in range(at_once)))


def _class(outcome: Outcome) -> str:
    if not outcome.statuses:
        return "closed"
    return "5xx" if any(code >= 500 for code in outcome.statuses) else f"{outcome.statuses[-1] // 100}xx"


def table(tally: Tally) -> str:
    """Return the results by kind of input."""
    columns = ("2xx", "4xx", "5xx", "closed")
    head = "".join(f"{name:>9}" for name in (*columns, "hangs", "echoes", "withheld", "early"))
    lines = [f"{'family':<10}{'sent':>7}{head}"]
    for name in sorted(tally.rows):
        row = tally.rows[name]
        counts = (*(row.classes[c] for c in columns), row.hangs, row.echoes, row.withheld, row.early)
        lines.append(f"{name:<10}{row.sent:>7}" + "".join(f"{count:>9}" for count in counts))
    return "\n".join(lines)
