"""Validated report request: plain values for the process that writes the report. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Supplied(Protocol):
    """The part of a request that describes the company."""

    @property
    def ticker(self) -> str:
        """The company's symbol."""
        ...

    @property
    def company_data(self) -> Mapping[str, Any]:
        """Name, sector, description."""
        ...

    @property
    def market_data(self) -> Mapping[str, Any] | None:
        """Peers, estimates, headlines."""
        ...


@dataclass(frozen=True, slots=True)
class Requested:
    """The subject of a report. `fingerprint` identifies duplicates, `shortened` lists the truncated strings."""

    ticker: str
    company_data: Mapping[str, Any]
    financial_data: Mapping[str, Any]
    market_data: Mapping[str, Any] | None
    sections: Sequence[str] | None
    fingerprint: str
    shortened: Sequence[str] = ()
