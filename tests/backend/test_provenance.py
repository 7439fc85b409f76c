"""Provenance as given by the client: in the Source column of tables, as data and as Markdown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ert_backend.grounding.supplied.provenance import line, link
from ert_backend.reports.metadata import rating_of
from tests.support.backend.figured import figured

FILED = "https://www.sec.gov/Archives/edgar/data/320193/000032019324000123/"
ENTRY = {"source": "SEC EDGAR", "filing": "Form 10-K filed 2024-11-01", "as_of": "2024-09-28", "link": FILED}
REQUEST: dict[str, Any] = {
    "ticker": "AAPL",
    "company_data": {"longName": "Apple Inc."},
    "financial_data": {
        "financialCurrency": "USD",
        "currency": "USD",
        "totalRevenue": 391_035_000_000,
        "freeCashflow": {"value": 108_807_000_000, **ENTRY, "filing": "Form 10-K/A"},
        "netIncomeToCommon": 93_736_000_000,
    },
    "market_data": {"provenance": {"totalRevenue": ENTRY, "freeCashflow": {"source": "somebody else"}}},
    "sections": ["financial_analysis"],
}


def test_source_filing_date_and_link_of_each_figure_are_shown(client: httpx.Client) -> None:
    body = client.post("/generate_report", json=REQUEST).json()
    rows = {row["fact_id"]: row for table in body["metadata"]["report"]["tables"] for row in table["rows"]}
    assert {name: rows["totalRevenue"][name] for name in ENTRY} == ENTRY
    assert rows["freeCashflow"]["filing"] == "Form 10-K/A", "what stands with the value comes before what is said of it"
    assert (rows["netIncomeToCommon"]["source"], rows["netIncomeToCommon"]["link"]) == ("financial_data", None)
    assert rows["freeCashflowMargin"]["source"] == "derived: freeCashflow / totalRevenue"
    text = body["sections"]["financial_analysis"]
    cell = f"SEC EDGAR, Form 10-K filed 2024-11-01 ([www.sec.gov]({FILED}))"
    assert f"| Revenue | $391.04B | 2024-09-28 | {cell} |" in text


@pytest.mark.parametrize(
    "address",
    [
        "http://www.sec.gov/x",
        "javascript:alert(1)",
        "https://user@www.sec.gov/x",
        "https://www.sec.gov:8443/x",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://www.sec.gov/a b",
        "https://www.sec.gov/x)[click](https://evil.example",
        "https://www.sec.gov/x|y",
        "https://www.sec.gov/<b>",
        "https://www.s\u0435c.gov/x",
        "https://WWW.SEC.GOV/x",
        "https://www.sec.gov/" + "x" * 400,
        "//www.sec.gov/x",
        7,
        None,
    ],
)
def test_only_a_plain_https_address_of_a_named_host_is_a_link(address: object) -> None:
    assert link(address) is None
    assert link(FILED) == FILED


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("SEC EDGAR, Form 10-K, us-gaap:Revenues (0000320193-24-000123)",) * 2,
        ("see https://evil.example/buy now", "see now"),
        ("see [this](https://evil.example/buy) now", "see this ( now"),
        ("write to a@evil.example", "write to"),
        ("<img src=x> | **bold** `code`", "img src x bold code"),
        ("javascript:alert(1)", None),
        ("\n\n# Heading", "Heading"),
        (7, None),
    ],
)
def test_a_source_is_words_and_holds_no_address_or_markup(said: object, shown: str | None) -> None:
    assert line(said) == shown


def test_what_is_said_of_a_figure_is_no_figure_itself() -> None:
    found = figured({"totalRevenue": 5}, market={"provenance": {"totalRevenue": {**ENTRY, "confidence": 0.5}}})
    assert set(found.facts) == {"totalRevenue"}


@pytest.mark.parametrize(
    ("groups", "rating"),
    [
        ({"recommendationKey": "buy"}, "buy"),
        ({"analyst_estimates": {"recommendationKey": "hold"}}, "hold"),
        ({"consensus": {"recommendationKey": "strong_sell"}}, "sell"),
        ({"peer_metrics": [{"ticker": "MSFT", "recommendationKey": "strong_buy"}]}, "not_rated"),
        ({"peers": {"MSFT": {"recommendationKey": "strong_buy"}}}, "not_rated"),
        ({"similar": [{"symbol": "MSFT", "recommendationKey": "strong_buy"}]}, "not_rated"),
        ({"sector": {"recommendationKey": "strong_buy"}}, "not_rated"),
        ({"MSFT": {"recommendationKey": "strong_buy"}}, "not_rated"),
        ({"analyst_views": {"ticker": "MSFT", "recommendationKey": "strong_buy"}}, "not_rated"),
        ({"headlines": [{"title": "x", "recommendationKey": "strong_buy"}]}, "not_rated"),
        ({"recommendationKey": "BUY NOW"}, "not_rated"),
    ],
)
def test_a_rating_is_taken_from_the_company_s_own_consensus_only(groups: dict[str, Any], rating: str) -> None:
    assert rating_of(figured({}, market=groups).facts)[0] == rating


@pytest.mark.parametrize(
    "market",
    [
        {"peers": {"MSFT": {"valuation": {"trailingPE": 30.0}}}},
        {"industry_average": {"trailingPE": 30.0}},
        {"similar": [{"ticker": "MSFT", "trailingPE": 30.0}]},
    ],
)
def test_a_figure_of_others_has_them_as_its_subject(market: dict[str, Any]) -> None:
    (fact,) = figured({}, market=market).facts.values()
    assert fact.subject in {"MSFT", "industry average"}


def test_a_moving_average_is_the_company_s_own() -> None:
    found = figured({"currency": "USD"}, market={"currency": "USD", "moving_averages": {"fiftyDayAverage": 30.0}})
    (fact,) = found.facts.values()
    assert (fact.subject, fact.currency) == (None, "USD")


def test_a_part_that_names_the_company_itself_is_about_it() -> None:
    found = figured({}, ticker="BRK.B", market={"analysts": {"ticker": "BRK-B", "recommendationKey": "buy"}})
    assert rating_of(found.facts) == ("buy", "supplied_consensus")
