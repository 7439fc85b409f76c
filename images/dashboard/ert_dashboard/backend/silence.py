"""Silence of the backend: whether a machine that does not respond is asleep, gone or unreachable. No I/O.

The agent's signed state is used where there is one, then the last message of the machine's own guard. Without them,
what the backend last said of itself is: its guard stops the machine after a known time without work, and after
`ert-deploy sleep` has had it drained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ert_dashboard.backend.guard_word import GuardWord
from ert_dashboard.backend.machine_view import Phase
from ert_dashboard.backend.spend import Sample
from ert_dashboard.base.machine import Machine, amount

Silent = Literal["asleep", "waking", "gone", "unreachable"]
_SLACK_S = 60.0  # of the provider: the guard looks now and then, and stops nothing in the middle of it
_LONGEST_S = 3.2e9
SETTLE_S = 120.0  # in which an agent may still take a machine for ready that has said its last message
DETAILS: Mapping[str, str] = {
    "gone": "the machine is gone, by its agent's word",
    "unreachable": "the backend cannot be reached, and its guard has no reason yet to have stopped it",
}
_BY_AGENT: Mapping[Phase, Silent] = {
    "asleep": "asleep",
    "waking": "waking",
    "gone": "gone",
    "ready": "unreachable",  # it runs, and this process does not reach it
}


@dataclass(frozen=True)
class LastWord:
    """What the backend last said, at monotonic time `at`: seconds without work then, and whether it was draining."""

    at: float
    idle_s: float
    draining: bool = False


def last_word(said: Mapping[str, Any], now: float) -> LastWord | None:
    """Read it from `/status`; None from a backend that does not tell how long it is idle."""
    idle = amount(said.get("idle_seconds"), _LONGEST_S)
    return None if idle is None else LastWord(now, idle, draining=said.get("draining") is True)


def silent_state(
    phase: Phase | None,
    word: LastWord | None,
    known: Machine,
    now: float,
    guard: tuple[GuardWord, float] | None = None,
) -> Silent:
    """Return the state of a backend that does not respond; asleep where nothing speaks for another one.

    `guard` is the last message of its guard, and its age in seconds. Without one it is unreachable as long as its guard
    cannot have stopped it: before its idle time was over.
    """
    told = None if phase is None else _BY_AGENT.get(phase)
    if guard is not None and (told is None or (told == "unreachable" and guard[1] <= SETTLE_S)):
        return by_guard(guard[0])
    if told is not None:
        return told
    if word is None or word.draining or known.idle_stop is None:
        return "asleep"
    idle = (word.idle_s + now - word.at) * known.speed
    return "asleep" if known.idle_stop and idle + _SLACK_S >= known.idle_stop else "unreachable"


def by_guard(word: GuardWord) -> Silent:
    """Return the state of a machine by the last message of its guard."""
    return "gone" if word.state == "destroying" else "asleep"


def silent_since(samples: Iterable[Sample]) -> float | None:
    """Return the Unix time of the last response; None without one."""
    return max((sample.at for sample in samples if sample.uptime is not None), default=None)
