"""Figures given as text, as percent or empty: parsed completely or listed as a gap, and never printed verbatim."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ert_backend.grounding.facts import NOT_MEANINGFUL, Unit
from tests.support.backend.figured import figured, shown
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

USD = {"currency": "USD", "financialCurrency": "USD"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("totalRevenue", "356B", 356e9),
        ("totalRevenue", "1,560,000,000", 1.56e9),
        ("totalRevenue", "1 560 000 000", 1.56e9),
        ("totalRevenue", "1'560'000'000", 1.56e9),
        ("totalRevenue", "1.560.000.000", 1.56e9),
        ("totalRevenue", "1.56e9", 1.56e9),
        ("totalRevenue", "$391.04 billion", 391.04e9),
        ("totalRevenue", "USD 391.04bn", 391.04e9),
        ("totalRevenue", "391.04bn USD", 391.04e9),
        ("totalRevenue", " 12mn ", 12e6),
        ("netIncomeToCommon", "(1.2B)", -1.2e9),
        ("netIncomeToCommon", "-$1.2B", -1.2e9),
        ("netIncomeToCommon", "\u22121.2B", -1.2e9),
        ("profitMargins", "24.0%", 0.24),
        ("profitMargins", "0.24", 0.24),
        ("debtToEquity", "209.1%", 209.1),
        ("debtToEquity", "2.091x", 209.1),
        ("trailingPE", "37.4x", 37.4),
        ("trailingPE", "37.4", 37.4),
        ("beta", "1.24", 1.24),
        ("fullTimeEmployees", "164,000", 164_000),
    ],
)
def test_a_figure_as_text_is_read_whole(name: str, text: str, value: float) -> None:
    fact = figured({**USD, name: text}).facts[name]
    assert fact.number == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("totalRevenue", "about 356B"),
        ("totalRevenue", "356B or more"),
        ("totalRevenue", "1,5"),
        ("totalRevenue", "1,56,00,000"),
        ("totalRevenue", "1.234,56"),
        ("totalRevenue", "12%"),
        ("totalRevenue", "12x"),
        ("totalRevenue", "€356B"),
        ("totalRevenue", "EUR 356B USD"),
        ("totalRevenue", "1e400"),
        ("totalRevenue", "5e-324"),
        ("totalRevenue", "(356B"),
        ("totalRevenue", "<b>356B</b>"),
        ("totalRevenue", "n/a"),
        ("totalRevenue", ""),
        ("currentPrice", "see [here](https://example.com)"),
        ("trailingPE", "$12"),
        ("trailingPE", "12%"),
        ("beta", "high"),
        ("totalRevenue", True),
        ("totalRevenue", ["356B"]),
        ("totalRevenue", 1e300),
        ("totalRevenue", 10**400),
        ("currentPrice", 5e-324),
        ("longName", 7),
        ("sector", "12.5B"),
    ],
)
def test_what_is_no_figure_of_its_field_is_a_gap(name: str, text: object) -> None:
    found = figured({**USD, name: text})
    assert name not in found.facts
    assert name in found.gaps


def test_neither_header_nor_sentences_nor_tables_print_a_text_as_a_figure(client: httpx.Client) -> None:
    raw = "call +1 555 0100 now"
    names = ["currentPrice", "marketCap", "totalRevenue", "netIncomeToCommon", "trailingPE", "freeCashflow", "beta"]
    asked: dict[str, Any] = {
        "ticker": "ACME",
        "company_data": {},
        "financial_data": {**USD, **dict.fromkeys(names, raw)},
    }
    body = client.post("/generate_report", json=asked)
    assert body.status_code == 200
    assert "555" not in body.text
    assert set(body.json()["metadata"]["report"]["data_gaps"]) >= set(names)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [("12.5%", Unit.PERCENT, 12.5), ("3.2x", Unit.MULTIPLE, 3.2), ("1,200", Unit.NUMBER, 1200)],
)
def test_a_figure_as_text_in_an_unknown_field_is_a_number_of_its_kind(text: str, unit: Unit, value: float) -> None:
    fact = figured({"backlogChange": text}).facts["backlogChange"]
    assert (fact.unit, fact.number) == (unit, value)


def test_digits_alone_in_an_unknown_field_are_an_identifier_and_no_figure() -> None:
    assert "zip" not in figured({"zip": "95014"}).facts


def test_a_text_in_an_unknown_field_is_told_in_no_sentence(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("It has a backlog of [[backlog]] this year. The backlog is 356B. It is a firm.")
    asked = {
        "ticker": "A",
        "company_data": {},
        "financial_data": {"backlog": "about 356B"},
        "sections": ["risk_analysis"],
    }
    assert "356" not in client.post("/generate_report", json=asked).json()["sections"]["risk_analysis"]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60))
def test_no_text_stops_a_report_or_becomes_a_figure_unread(text: str) -> None:
    fact = figured({**USD, "totalRevenue": text}).facts.get("totalRevenue")
    assert fact is None or fact.number is not None


@settings(deadline=None, max_examples=60)
@given(st.floats(allow_nan=True, allow_infinity=True), st.floats(), st.floats())
def test_no_number_stops_the_arithmetic(price: float, revenue: float, growth: float) -> None:
    names = ("currentPrice", "marketCap", "fiftyTwoWeekHigh", "trailingEps", "targetMeanPrice", "sharesOutstanding")
    values = dict.fromkeys(names, price) | dict.fromkeys(
        ("totalRevenue", "ebitda", "totalDebt", "freeCashflow"), revenue
    )
    found = figured({**USD, **values, "revenueGrowth": growth, "dividendYield": growth, "totalCash": price})
    for name in found.facts:
        assert shown(found, name)


# Dividend 1.00 on a price of 227.50 is 0.44 %.
@pytest.mark.parametrize("sent", [0.0044, 0.44, "0.44%", {"value": 0.44, "unit": "percent"}, {"value": 0.0044}])
def test_percent_and_fraction_of_a_dividend_yield_are_told_apart_by_dividend_and_price(sent: object) -> None:
    found = figured({**USD, "currentPrice": 227.5, "dividendRate": 1.0, "dividendYield": sent})
    assert shown(found, "dividendYield") == "0.4%"
    assert found.conflicts == ()


@pytest.mark.parametrize(
    ("sent", "printed"), [(0.0044, "0.4%"), (2.5, "2.5%"), (0.31, "0.3%"), (0, "0.0%"), ("0.44%", "0.4%")]
)
def test_without_them_the_only_likely_reading_counts(sent: object, printed: str) -> None:
    assert shown(figured({"dividendYield": sent}), "dividendYield") == printed


@pytest.mark.parametrize("sent", [0.02, 0.031, 0.12])
def test_a_yield_that_may_be_either_is_a_gap(sent: float) -> None:
    found = figured({"dividendYield": sent})
    assert "dividendYield" not in found.facts
    assert "dividendYield" in found.gaps


@pytest.mark.parametrize(("own", "peer", "printed"), [(0.05, 0.031, "3.1%"), (5.0, 0.12, "0.1%")])
def test_payout_and_multiple_decide_too_and_a_peer_is_read_like_the_company(
    own: float, peer: float, printed: str
) -> None:
    peers = [{"ticker": "BETA", "dividendYield": peer}]
    found = figured({"payoutRatio": 0.5, "trailingPE": 10.0, "dividendYield": own}, market={"peer_metrics": peers})
    assert shown(found, "dividendYield") == "5.0%"
    assert shown(found, "peer_metrics.BETA.dividendYield") == printed


def test_the_yield_that_is_a_fraction_by_definition_decides_too() -> None:
    found = figured({"dividendYield": 0.12, "trailingAnnualDividendYield": 0.0012})
    assert found.facts["dividendYield"].number == pytest.approx(0.0012)


def test_a_multiple_below_zero_has_no_meaning_and_is_not_told() -> None:
    found = figured({**USD, "trailingPE": -12.3, "enterpriseToEbitda": -4.0, "debtToEquity": -80.0})
    assert {shown(found, name) for name in ("trailingPE", "enterpriseToEbitda", "debtToEquity")} == {NOT_MEANINGFUL}
    assert not {"trailingPE", "enterpriseToEbitda", "debtToEquity"} & set(found.told)


def test_a_derived_multiple_of_a_loss_has_no_meaning() -> None:
    found = figured({**USD, "marketCap": 1e9, "netIncomeToCommon": -2e7, "ebitda": -1e7, "totalDebt": 5e7})
    assert shown(found, "priceToEarnings") == NOT_MEANINGFUL
    assert shown(found, "debtToEbitda") == NOT_MEANINGFUL


def test_ratios_to_an_equity_below_zero_have_no_meaning() -> None:
    found = figured({**USD, "stockholdersEquity": -5e9, "returnOnEquity": 0.4, "priceToBook": 3.0, "debtToEquity": 120})
    assert {shown(found, name) for name in ("returnOnEquity", "priceToBook", "debtToEquity")} == {NOT_MEANINGFUL}
