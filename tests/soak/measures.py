"""Measures of a soak: memory and descriptors of processes, sizes of logs and state, and whether they grow."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MB, KB = 1_000_000, 1_000
FIRST, LAST = 2, 7  # dates between which nothing may grow by more than the limits
MOST_MEMORY = 8.0  # MB of each process
MOST_OPEN = 4  # descriptors of each process
MOST_STATE = 32.0  # kB of state and ledger together
MOST_LOGS = 256.0  # kB of all logs together, for each day
PARTS = ("agent", "dashboard", "guard")


@dataclass(slots=True)
class Day:
    """The largest values of one day by part, and the sizes in kB at its end. `memory` is in MB."""

    memory: dict[str, float] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)
    state: float = 0.0
    logs: float = 0.0
    reports: int = 0
    starts: int = 0

    def see(self, part: str, pids: Iterable[int]) -> None:
        """Note what the processes of a part hold now, all together."""
        memory, opened = held(pids)
        if opened:
            self.memory[part] = max(self.memory.get(part, 0.0), memory)
            self.opened[part] = max(self.opened.get(part, 0), opened)


def held(pids: Iterable[int]) -> tuple[float, int]:
    """Return the resident memory of the processes in MB, and their open descriptors; of those that exist."""
    memory, opened = 0.0, 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = re.search(r"^VmRSS:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
            memory += int(found[1]) * 1024 / MB if found is not None else 0.0
            opened += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return memory, opened


def size(files: Iterable[Path]) -> float:
    """Return the size of files in kB; one that is gone has none."""
    total = 0
    for one in files:
        with contextlib.suppress(OSError):
            total += one.stat().st_size
    return total / KB


def growth(days: Sequence[Day]) -> list[str]:
    """Return what has grown beyond its limit from the second day to the last one; empty if nothing has."""
    first, last = days[FIRST - 1], days[-1]
    found = [
        f"{part}: {last.memory[part] - first.memory[part]:+.1f} MB, at most {MOST_MEMORY:+.1f} are accepted"
        for part in PARTS
        if _more(first.memory, last.memory, part) > MOST_MEMORY
    ]
    found += [
        f"{part}: {last.opened[part] - first.opened[part]:+d} descriptors, at most {MOST_OPEN:+d} are accepted"
        for part in PARTS
        if _more(first.opened, last.opened, part) > MOST_OPEN
    ]
    if last.state - first.state > MOST_STATE:
        found.append(f"state: {last.state - first.state:+.0f} kB, at most {MOST_STATE:+.0f} are accepted")
    between = len(days) - FIRST
    if last.logs - first.logs > MOST_LOGS * between:
        found.append(f"logs: {last.logs - first.logs:+.0f} kB in {between} days, {MOST_LOGS:.0f} a day are accepted")
    return found


def _more(first: Mapping[str, float], last: Mapping[str, float], part: str) -> float:
    return last[part] - first[part] if part in first and part in last else 0.0


def table(days: Sequence[Day]) -> str:
    """Return a line for each day."""
    head = [f"{part} {what}" for part in PARTS for what in ("MB", "open")]
    rows = [["day", "reports", "starts", *head, "state kB", "logs kB"]]
    for number, day in enumerate(days, 1):
        parts = [text for part in PARTS for text in (f"{day.memory.get(part, 0):.1f}", str(day.opened.get(part, 0)))]
        counts = [str(number), str(day.reports), str(day.starts)]
        rows.append([*counts, *parts, f"{day.state:.1f}", f"{day.logs:.1f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
