"""All values that a report may print: input and derived figures, conflicts and gaps of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ert_backend.grounding.derive import Rule, across, derive, find
from ert_backend.grounding.exchange import rates
from ert_backend.grounding.facts import Fact, Unit, collect
from ert_backend.grounding.identities import Conflict, conflicts
from ert_backend.grounding.sector import Kind, beside_the_point, kind_of, missed
from ert_backend.grounding.settle import settle
from ert_backend.grounding.supplied.currency import request_scope
from ert_backend.grounding.vocabulary import KNOWN, OF_QUOTE, PER_SHARE

# Expected in every report; a missing one is listed there as missing.
EXPECTED = (
    "currentPrice",
    "marketCap",
    "totalRevenue",
    "operatingIncome",
    "netIncomeToCommon",
    "freeCashflow",
    "totalDebt",
    "totalCash",
    "revenueGrowth",
    "trailingPE",
    "forwardPE",
    "beta",
    "targetMeanPrice",
)
MOST_GAPS = 60


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a request. `facts`: those shown in tables, by id. `gaps`: missing ids. `uncomputed`: rules skipped
    because they mix two currencies. `unsigned`: missing currency fields. `hidden`: not applicable to this `kind`."""

    facts: Mapping[str, Fact]
    conflicts: tuple[Conflict, ...] = ()
    gaps: tuple[str, ...] = ()
    uncomputed: tuple[Rule, ...] = ()
    unsigned: tuple[str, ...] = ()
    hidden: tuple[Fact, ...] = ()
    kind: Kind = Kind.OTHER

    @property
    def disputed(self) -> frozenset[str]:
        """The ids of figures that conflict with another one."""
        return frozenset(name for conflict in self.conflicts for name in conflict.left_out)

    @property
    def told(self) -> dict[str, Fact]:
        """The facts that sentences may use: none in conflict, no `n.m.` values, and of text fields only names."""
        disputed = self.disputed
        firm = {name: fact for name, fact in self.facts.items() if name not in disputed}
        return {name: fact for name, fact in firm.items() if fact.number is not None or _is_name(fact)}


class Supplied(Protocol):
    """The company data of a request."""

    @property
    def ticker(self) -> str: ...
    @property
    def company_data(self) -> Mapping[str, Any]: ...
    @property
    def financial_data(self) -> Mapping[str, Any]: ...
    @property
    def market_data(self) -> Mapping[str, Any] | None: ...


def figures(request: Supplied) -> Figures:
    """Collect the figures of a request."""
    groups: dict[str, object] = {
        "company_data": request.company_data,
        "financial_data": request.financial_data,
        "market_data": request.market_data or {},
    }
    supplied, missing = collect(groups, request.ticker)
    settled, open_ones = settle(supplied, request_scope(groups.values()))
    kind = kind_of(settled)
    beside = beside_the_point(kind)
    shown = {name: fact for name, fact in settled.items() if name not in beside} | rates(groups)
    found = conflicts(shown)
    disputed = {name for conflict in found for name in conflict.left_out}
    firm = {name: fact for name, fact in shown.items() if name not in disputed}
    derived = {name: fact for name, fact in derive(firm, shown).items() if name not in beside}
    facts = {**shown, **{name: fact for name, fact in derived.items() if name not in shown}}
    uncomputed = tuple(rule for rule in across(firm, shown) if rule.id not in facts and rule.id not in beside)
    unsigned = _unsigned(facts)
    expected = [name for name in EXPECTED if find(facts, name) is None and missed(kind, name)]
    gaps = dict.fromkeys([*expected, *missing, *open_ones, *(rule.id for rule in uncomputed), *unsigned])
    return Figures(
        facts,
        tuple(found),
        tuple(name for name in gaps if name not in facts)[:MOST_GAPS],
        uncomputed,
        unsigned,
        tuple(fact for name, fact in settled.items() if name in beside),
        kind,
    )


def _is_name(fact: Fact) -> bool:
    """Whether a text is a name: the value of a known field, or of a peer's name field."""
    peer = fact.subject is not None and fact.id.rpartition(".")[2] in {"longName", "shortName", "name"}
    return fact.unit is Unit.TEXT and (fact.id in KNOWN or peer)


def _unsigned(facts: Mapping[str, Fact]) -> tuple[str, ...]:
    """Return the names of the missing currency fields of figures without a currency."""
    own = [fact for fact in facts.values() if fact.unit is Unit.MONEY and fact.currency is None and not fact.subject]
    sides = {
        "currency": [fact for fact in own if fact.id in OF_QUOTE],
        "financialCurrency": [fact for fact in own if fact.id not in OF_QUOTE | PER_SHARE],
        "perShareCurrency": [fact for fact in own if fact.id in PER_SHARE],
    }
    return tuple(name for name, found in sides.items() if found)
