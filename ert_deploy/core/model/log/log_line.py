"""Line of a log as a web host returns it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, without secrets, and its Unix time by the clock of its host (0: not known)."""

    at: float
    text: str
