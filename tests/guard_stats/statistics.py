"""Many machines in parallel, and the distribution of their delays."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from tests.guard_stats.faulty_vast import FaultyVast
from tests.guard_stats.runs import SPEED, Late, in_process, in_thread, scratch

RULES = ("idle", "unclaimed", "lifetime, writing", "unclaimed again")
WEIGHTS = (5, 3, 1, 1)
AT_ONCE, PROCESSES_AT_ONCE = 100, 4
PROMISED = 60.0


def played(n: int, processes: float, rate: float, seed: int) -> tuple[list[Late], Counter[str]]:
    """Return the delays of `n` machines, and the provider's faults by kind."""
    draw = random.Random(seed)
    whole = round(n * processes)
    number = count(1)
    # The provider does not respond for longer than the guard's timeout.
    with FaultyVast(rate, 15.0 / SPEED, seed) as vast, scratch() as folder:

        def threaded(rule: str) -> Late:
            return in_thread(*_place(rule, next(number), Path(folder), vast))

        def separate(rule: str) -> Late:
            return in_process(*_place(rule, next(number), Path(folder), vast))

        with ThreadPoolExecutor(PROCESSES_AT_ONCE) as pool:
            lates = list(pool.map(separate, [RULES[i % 2] for i in range(whole)]))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lates += pool.map(threaded, draw.choices(RULES, WEIGHTS, k=n - whole))
        return lates, vast.faults


def _place(rule: str, machine: int, folder: Path, vast: FaultyVast) -> tuple[int, str, FaultyVast, Path]:
    disk = folder / str(machine)
    disk.mkdir()
    return machine, rule, vast, disk


def table(lates: Sequence[Late]) -> str:
    """Format the delay after the rule, in money seconds, by rule and by kind of run."""
    rows = ["rule                runs   p50   p99  p99.9   max  calls/stop\n"]
    groups: list[tuple[str, list[Late]]] = [(rule, [x for x in lates if x.rule == rule]) for rule in RULES]
    groups += [("whole processes", [x for x in lates if x.process]), ("all", list(lates))]
    for name, group in groups:
        seconds = sorted(late.seconds for late in group if late.seconds is not None)
        if not seconds:
            continue
        calls = sum(late.calls for late in group) / len(group)
        figures = "".join(f"{quantile(seconds, q):6.1f}" for q in (0.5, 0.99, 0.999, 1.0))
        rows.append(f"{name:18}{len(group):6}{figures}{calls:10.2f}\n")
    return "".join(rows)


def kept(lates: Sequence[Late]) -> list[str]:
    """Return the violated requirements."""
    problems = [f"{late.rule}: ordered {late.order or 'nothing'!r}" for late in lates if late.seconds is None]
    problems += [f"{late.rule}: {-(late.seconds or 0):.1f} s too early" for late in lates if late.early]
    for rule in RULES:
        seconds = sorted(late.seconds for late in lates if late.rule == rule and late.seconds is not None)
        if seconds and quantile(seconds, 0.99) > PROMISED:
            problems.append(f"{rule}: p99 is {quantile(seconds, 0.99):.1f} s late, {PROMISED:g} s are promised")
    return problems


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of them do not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1))]
