"""The currency of an amount: the quote's, the statements', or its own; minor units such as pence.

A code applies to its own side only: `currency` to market data, `financialCurrency` to filed figures. An amount
without a known currency is printed without a currency sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# ISO 4217, the currencies in use.
_LISTED = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY
COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS
INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP
MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR
SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV
WST XAF XCD XOF XPF YER ZAR ZMW
"""
CODES = frozenset(_LISTED.split())
# Minor units that exchanges quote in, and other names of a code.
MINOR = {"GBp": ("GBP", 100), "GBX": ("GBP", 100), "ZAc": ("ZAR", 100), "ZAC": ("ZAR", 100), "ILA": ("ILS", 100)}
ALIASES = {"RMB": "CNY", "CNH": "CNY", "NTD": "TWD"}
# Ambiguous: each is the sign of any of these.
SHARED = {"$": frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD", "TWD"}), "¥": frozenset({"JPY", "CNY"})}
SYMBOLS = {"US$": "USD", "€": "EUR", "£": "GBP", "HK$": "HKD", "NT$": "TWD", "C$": "CAD", "A$": "AUD", "₹": "INR"}


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency as the client specifies it: its ISO code, and how many of the named unit make one (100 for pence)."""

    code: str
    parts: int = 1


def read_currency(raw: object) -> Currency | None:
    """Parse a code as spelled by data sources (`USD`, `GBp`, `ILA`); return None for anything else."""
    if not isinstance(raw, str):
        return None
    name = raw.strip()
    if name in MINOR:
        return Currency(*MINOR[name])
    code = ALIASES.get(name.upper(), name.upper())
    return Currency(code) if code in CODES else None


@dataclass(frozen=True, slots=True)
class Scope:
    """The currencies that apply to a part of the request; None if not specified."""

    quote: Currency | None = None
    statements: Currency | None = None

    def within(self, node: Mapping[object, object]) -> Scope:
        """Return the scope inside `node`: its own fields have priority, and an invalid one resets that side to None."""
        quote, statements = node.get("currency"), node.get("financialCurrency")
        return Scope(
            self.quote if quote is None else read_currency(quote),
            self.statements if statements is None else read_currency(statements),
        )

    @property
    def same(self) -> bool:
        """Whether quote and statements are known to be in one currency."""
        return bool(self.quote and self.statements and self.quote.code == self.statements.code)


def request_scope(groups: Iterable[object]) -> Scope:
    """Return the scope of all groups of a request; a side with two different values is None."""
    scopes = [Scope().within(group) for group in groups if isinstance(group, Mapping)]
    quotes = {scope.quote for scope in scopes if scope.quote}
    statements = {scope.statements for scope in scopes if scope.statements}
    return Scope(
        quotes.pop() if len(quotes) == 1 else None,
        statements.pop() if len(statements) == 1 else None,
    )
