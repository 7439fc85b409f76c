"""A report as it was asked for and checked: plain values, for the process that writes it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Supplied(Protocol):
    """The part of a request that says what the company is."""

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
    """What to write about. `fingerprint` tells equal requests, `shortened` names the texts that were cut."""

    ticker: str
    company_data: Mapping[str, Any]
    financial_data: Mapping[str, Any]
    market_data: Mapping[str, Any] | None
    sections: Sequence[str] | None
    fingerprint: str
    shortened: Sequence[str] = ()
