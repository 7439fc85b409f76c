"""Judgement: whether `doctor` named the cause of a world first, and whether `status` had the right verdict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tests.doctor_bench.healthy import Healthy
from tests.doctor_bench.pairs import Pair
from tests.doctor_bench.troubles import Trouble
from tests.doctor_bench.world import Ended

Case = Trouble | Pair | Healthy
NAMES: dict[type[Case], str] = {Trouble: "single", Pair: "pair", Healthy: "healthy"}
VERDICTS = {0: "as wanted", 6: "degraded", 5: "unclear", 2: "unclear"}  # 2: of a config that cannot be read
UNFINISHED = "booting"  # the kind of healthy worlds that may be called unfinished


@dataclass(frozen=True, slots=True)
class Target:
    """How many of a group have to be right: a part of those that were played."""

    group: str
    least: float

    def met(self, right: int, played: int) -> bool:
        """Whether it is; without a world it is not missed."""
        return right >= self.least * played


TARGETS = (
    Target("single", 0.96), Target("pair", 1.0), Target("healthy", 1.0), Target("status", 0.9),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """One world: `lines` are the first lines of `doctor`, one per cause; `verdict` is that of `status`.

    `wanted` is the verdict that is right, empty where either is. `error` is why the world could not be made.
    """

    id: str
    group: str
    expected: str
    right: bool
    lines: tuple[str, ...] = ()
    verdict: str = ""
    wanted: str = ""
    error: str = ""

    @property
    def status_right(self) -> bool:
        """Whether `status` had the verdict that the deployment deserves."""
        return self.verdict == self.wanted or (not self.wanted and not self.error)

    @property
    def line(self) -> str:
        """What is printed of it."""
        first = self.error or " | ".join(self.lines[:2] if self.group == "pair" else self.lines[:1]) or "nothing wrong"
        marks = ("right" if self.right else "WRONG") + ("" if self.status_right else ", status WRONG")
        status = self.verdict + ("" if self.status_right else f", not {self.wanted}")
        return f"{marks}: {self.group} {self.id} ({self.expected}) doctor: {first}; status: {status}"

    @property
    def record(self) -> str:
        """The same as one line of JSON."""
        return json.dumps(asdict(self))


def outcome(case: Case, doctor: Ended, status: Ended) -> Outcome:
    """Judge what the two commands printed with --json. Only a cause's own line counts, not its explanation."""
    lines = causes(doctor)
    return Outcome(
        case.id,
        NAMES[type(case)],
        expected(case),
        _right(case, lines, doctor.code),
        lines,
        VERDICTS.get(status.code, f"exit code {status.code}"),
        _wanted(case),
    )


def not_made(case: Case, error: str) -> Outcome:
    """Return the outcome of a world that could not be made; nothing of it is right."""
    return Outcome(case.id, NAMES[type(case)], expected(case), right=False, wanted=_wanted(case), error=error)


def causes(doctor: Ended) -> tuple[str, ...]:
    """Return the line of each cause in a document of `doctor`; of a failure its own message, which names no cause."""
    try:
        document = json.loads(doctor.out)
        return tuple(str(cause["seen"]) for cause in document["causes"])
    except (ValueError, KeyError, TypeError):
        return (f"no diagnosis (exit code {doctor.code})",)


def expected(case: Case) -> str:
    """Return the cause, or both, in a sentence."""
    match case:
        case Trouble():
            return case.cause
        case Pair():
            return f"{case.first.cause}; and {case.second.cause}"
        case Healthy():
            return "nothing wrong"


def _right(case: Case, lines: tuple[str, ...], code: int) -> bool:
    match case:
        case Trouble():
            return bool(lines) and case.found_in(lines[0])
        case Pair():
            told = "\n".join(lines[:2])  # no finding of the one is one of the other: the tests check it
            return case.first.found_in(told) and case.second.found_in(told)
        case Healthy() if case.kind == UNFINISHED:
            return all("run" in line or "lock" in line for line in lines)
        case Healthy():
            return not lines and code == 0


def _wanted(case: Case) -> str:
    match case:
        case Trouble():
            return case.status
        case Pair():
            both = {case.first.status, case.second.status}
            return next(one for one in ("unclear", "degraded", "as wanted") if one in both)
        case Healthy():
            return "" if case.kind == UNFINISHED else "as wanted"


def totals(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, bool]]:
    """Yield one line per target, and whether it is met; a group of which nothing was played is only mentioned."""
    found = tuple(outcomes)
    for target in TARGETS:
        group = found if target.group == "status" else tuple(one for one in found if one.group == target.group)
        right = sum(one.status_right if target.group == "status" else one.right for one in group)
        if not group:
            yield f"{target.group}: none played", True
            continue
        met = target.met(right, len(group))
        share = f"{right} of {len(group)} right ({100 * right / len(group):.1f} %), wanted {100 * target.least:.0f} %"
        yield f"{target.group}: {share}: {'met' if met else 'MISSED'}", met


def read(lines: Iterable[str]) -> tuple[Outcome, ...]:
    """Return what earlier runs recorded; of a world that was played twice the last."""
    rows: Mapping[tuple[str, str], dict[str, Any]] = {(r["group"], r["id"]): r for r in map(json.loads, lines)}
    return tuple(Outcome(**{**row, "lines": tuple(row["lines"])}) for row in rows.values())
