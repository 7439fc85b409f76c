"""Conflicting figures: named in the metadata and in the report, and used in no sentence."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ert_backend.grounding.identities import IDENTITIES
from tests.support.backend.figured import figured, said
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

# One company whose figures all agree, computed by hand: 100 m shares at 50.00, 400 m revenue.
SOUND: dict[str, Any] = {
    "currency": "USD",
    "financialCurrency": "USD",
    "currentPrice": 50.0,
    "previousClose": 49.5,
    "fiftyTwoWeekHigh": 60.0,
    "fiftyTwoWeekLow": 40.0,
    "sharesOutstanding": 100e6,
    "marketCap": 5e9,
    "totalDebt": 1e9,
    "totalCash": 0.5e9,
    "enterpriseValue": 5.5e9,
    "totalRevenue": 400e6 * 5,
    "grossProfits": 900e6,
    "operatingIncome": 500e6,
    "ebitda": 550e6,
    "netIncomeToCommon": 250e6,
    "freeCashflow": 200e6,
    "operatingCashflow": 300e6,
    "totalAssets": 4e9,
    "totalLiabilities": 2e9,
    "stockholdersEquity": 2e9,
    "grossMargins": 0.45,
    "operatingMargins": 0.25,
    "ebitdaMargins": 0.275,
    "profitMargins": 0.125,
    "trailingEps": 2.5,
    "forwardEps": 2.75,
    "bookValue": 20.0,
    "trailingPE": 20.0,
    "forwardPE": 18.2,
    "priceToBook": 2.5,
    "priceToSalesTrailing12Months": 2.5,
    "enterpriseToRevenue": 2.75,
    "enterpriseToEbitda": 10.0,
    "debtToEquity": 50.0,
    "currentRatio": 1.5,
    "quickRatio": 1.2,
    "revenueGrowth": 0.08,
    "earningsGrowth": -0.1,
    "targetLowPrice": 45.0,
    "targetMeanPrice": 55.0,
    "targetHighPrice": 70.0,
    "dividendRate": 1.0,
    "dividendYield": 0.02,
    "payoutRatio": 0.4,
}
# Violations: the identity, and the figures that are changed.
BREAKS: list[tuple[str, dict[str, Any]]] = [
    ("grossMargins", {"grossMargins": 0.6}),
    ("operatingMargins", {"operatingMargins": -0.25}),
    ("profitMargins", {"profitMargins": 12.5}),
    ("ebitdaMargins", {"ebitdaMargins": 0.35}),
    ("marketCap", {"sharesOutstanding": 100e3}),
    ("priceBelowHigh", {"fiftyTwoWeekHigh": 45.0}),
    ("priceAboveLow", {"fiftyTwoWeekLow": 55.0}),
    ("rangeInOrder", {"fiftyTwoWeekLow": 70.0}),
    ("previousClose", {"previousClose": 4950.0}),
    ("trailingPE", {"trailingPE": 40.0}),
    ("forwardPE", {"forwardPE": 9.0}),
    ("priceToBook", {"priceToBook": 250.0}),
    ("priceToSales", {"priceToSalesTrailing12Months": 0.25}),
    ("enterpriseToRevenue", {"enterpriseToRevenue": 5.0}),
    ("enterpriseToEbitda", {"enterpriseToEbitda": 20.0}),
    ("enterpriseValue", {"enterpriseValue": 50e9}),
    ("revenueGrowth", {"revenueGrowth": 8.0}),
    ("earningsGrowth", {"earningsGrowth": -10.0}),
    ("targetsInOrder", {"targetLowPrice": 80.0}),
    ("meanBelowHigh", {"targetHighPrice": 50.0}),
    ("meanAboveLow", {"targetLowPrice": 60.0}),
    ("targetNearPrice", {"targetMeanPrice": 5500.0}),
    ("grossProfits", {"grossProfits": 2.5e9}),
    ("totalCash", {"totalCash": 5e9}),
    ("balance", {"totalLiabilities": 3e9}),
    ("debtToEquity", {"debtToEquity": 0.5}),
    ("freeCashflow", {"freeCashflow": 900e6}),
    ("trailingEps", {"trailingEps": -2.5}),
    ("quickRatio", {"quickRatio": 1.8}),
    ("dividendYield", {"dividendYield": {"value": 0.2, "unit": "ratio"}, "dividendRate": 0.9, "currentPrice": 50.0}),
    ("payoutRatio", {"payoutRatio": 0.9}),
]


def test_there_is_a_case_for_every_identity_and_there_are_many() -> None:
    assert [identity.id for identity in IDENTITIES] == [name for name, _ in BREAKS]
    assert len(IDENTITIES) >= 12


def test_figures_that_agree_are_no_conflict() -> None:
    assert figured(SOUND).conflicts == ()


@pytest.mark.parametrize(
    ("name", "changed"), [case for case in BREAKS if case[0] != "dividendYield"], ids=lambda v: str(v)[:24]
)
def test_a_contradiction_is_found_and_both_sides_stay_out_of_the_sentences(name: str, changed: dict[str, Any]) -> None:
    found = figured({**SOUND, **changed})
    (conflict,) = [conflict for conflict in found.conflicts if conflict.id == name]
    identity = next(identity for identity in IDENTITIES if identity.id == name)
    assert [fact.id for fact in conflict.facts] == [part.rpartition("|")[2] for part in identity.names]
    assert not set(conflict.left_out) & set(found.told)
    assert set(conflict.left_out) <= set(found.facts)
    assert set(changed) <= found.disputed


def test_nothing_is_computed_from_a_figure_that_is_contradicted() -> None:
    found = figured(
        {**SOUND, "grossProfits": 2.5e9, "trailingPE": None, "grossMargins": None, "operatingMargins": None}
    )
    assert {"grossMargin", "operatingMargin", "priceToSales"} & set(found.facts) == set()
    assert "operatingMargin" in figured({**SOUND, "operatingMargins": None}).facts


def test_a_contradicted_multiple_is_not_replaced_by_one_that_is_computed() -> None:
    found = figured({**SOUND, "trailingPE": 40.0})
    assert "priceToEarnings" not in found.facts


def test_figures_of_two_years_or_two_currencies_are_not_compared() -> None:
    older = {"value": 3e9, "as_of": "2021-12-31"}
    newer = {"value": 2e9, "as_of": "2024-12-31"}
    assert figured({**SOUND, "totalLiabilities": older, "totalAssets": {**newer, "value": 4e9}}).conflicts == ()
    abroad = figured({**SOUND, "financialCurrency": "TWD", "trailingEps": {"value": 80, "currency": "TWD"}})
    assert not {"trailingPE", "priceToSales", "marketCap"} & {conflict.id for conflict in abroad.conflicts}


def test_a_peer_s_figures_contradict_nothing() -> None:
    peers = [{"ticker": "BETA", "currentPrice": 5.0, "fiftyTwoWeekHigh": 1.0, "revenueGrowth": 50.0}]
    assert figured(SOUND, market={"peer_metrics": peers}).conflicts == ()


def test_conflicts_are_in_the_metadata_and_in_the_report_and_not_in_the_prose(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: says(
        "The share trades at 40.0x trailing earnings. The share price is $50.00 today. It is a firm."
    )
    financial = {**SOUND, "trailingPE": 40.0}
    asked: dict[str, Any] = {"ticker": "ACME", "company_data": {}, "financial_data": financial}
    body = client.post("/generate_report", json={**asked, "sections": ["executive_summary", "risk_analysis"]}).json()
    (conflict,) = body["metadata"]["conflicts"]
    assert conflict == {
        "id": "trailingPE",
        "rule": "P/E = share price / earnings per share",
        "facts": [
            {"fact_id": "trailingPE", "label": "Trailing P/E", "value": 40.0, "display": "40.0x"},
            {"fact_id": "currentPrice", "label": "Share price", "value": 50.0, "display": "$50.00"},
            {"fact_id": "trailingEps", "label": "Earnings per share", "value": 2.5, "display": "$2.50"},
        ],
        "left_out": ["trailingPE", "currentPrice", "trailingEps"],
    }
    summary = body["sections"]["executive_summary"]
    line = (
        "- Trailing P/E 40.0x, share price $50.00, earnings per share $2.50 (P/E = share price / earnings per share)."
    )
    assert line in summary
    assert "| Share price | $50.00 | financial_data (contradicted, see the notes) |" in summary
    told = summary.replace(line, "").split("**Snapshot**")[0]
    assert "40.0x" not in told
    assert "$50.00" not in told
    prompts = [message["content"] for asked in ollama.bodies("/api/chat") for message in asked["messages"]]
    assert not any("[[trailingPE]]" in prompt for prompt in prompts)
    assert body["metadata"]["report"]["rating"] == "not_rated"


def test_a_report_without_a_summary_names_its_conflicts_too(client: httpx.Client) -> None:
    asked = {
        "ticker": "A",
        "company_data": {},
        "financial_data": {**SOUND, "quickRatio": 1.8},
        "sections": ["risk_analysis"],
    }
    body = client.post("/generate_report", json=asked).json()
    assert "- Quick ratio 1.80x, current ratio 1.50x" in body["sections"]["risk_analysis"]


def test_code_says_nothing_of_a_contradicted_figure() -> None:
    found = figured({**SOUND, "fiftyTwoWeekHigh": 45.0})
    assert "$50.00" not in said(found, "executive_summary")
    assert "The market value is $5.00B." in said(found, "executive_summary")
