"""The display currency of an amount; no figure is computed across two currencies."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ert_backend.grounding.check import check, evidence
from ert_backend.grounding.derive import RULES, find
from ert_backend.grounding.facts import Unit
from ert_backend.grounding.supplied.currency import Currency, read_currency
from tests.support.backend.figured import figured, said, shown

TWO: dict[str, Any] = {
    "currency": "INR",
    "financialCurrency": "USD",
    "currentPrice": 1500.0,
    "marketCap": 6.2e12,
    "enterpriseValue": 6.0e12,
    "totalRevenue": 19.0e9,
    "netIncomeToCommon": 3.2e9,
    "ebitda": 5.0e9,
    "freeCashflow": 3.9e9,
    "fiftyTwoWeekHigh": 2000.0,
    "targetMeanPrice": 1650.0,
}
CROSSED = {"priceToEarnings", "priceToSales", "freeCashflowYield", "evToSales", "evToEbitda"}
RATE = {"value": 83.1, "from": "USD", "to": "INR", "as_of": "2025-03-31", "source": "Reserve Bank of India"}


@pytest.mark.parametrize(
    ("name", "currency"),
    [
        ("USD", Currency("USD")),
        ("gbp", Currency("GBP")),
        ("GBp", Currency("GBP", 100)),
        ("GBX", Currency("GBP", 100)),
        ("ZAc", Currency("ZAR", 100)),
        ("ILA", Currency("ILS", 100)),
        ("RMB", Currency("CNY")),
        ("dollars", None),
        ("XXQ", None),
        ("", None),
        (840, None),
        (None, None),
    ],
)
def test_a_currency_is_read_as_data_sources_spell_it(name: object, currency: Currency | None) -> None:
    assert read_currency(name) == currency


def test_the_quote_and_the_statements_have_a_currency_each_and_no_ratio_mixes_them() -> None:
    found = figured(TWO)
    assert shown(found, "currentPrice") == "INR 1,500.00"
    assert shown(found, "marketCap") == "INR 6.20T"
    assert shown(found, "targetMeanPrice") == "INR 1,650.00"
    assert shown(found, "totalRevenue") == "$19.00B"
    assert shown(found, "netMargin") == "16.8%"
    assert shown(found, "belowHigh") == "-25.0%"
    assert not CROSSED & set(found.facts)
    assert set(found.gaps) >= CROSSED
    assert "two currencies, INR and USD" in said(found, "valuation_analysis")


def test_the_report_of_a_share_in_two_currencies_says_so(client: httpx.Client) -> None:
    asked = {"ticker": "EXSW.NS", "company_data": {"longName": "Example"}, "financial_data": TWO, "market_data": {}}
    body = client.post(
        "/generate_report", json={**asked, "sections": ["executive_summary", "valuation_analysis"]}
    ).json()
    text = "\n".join(body["sections"].values())
    assert "Share price: INR 1,500.00 | Market capitalisation: INR 6.20T" in text
    assert "$1,500" not in text
    assert "$6.20T" not in text
    assert "Not computed, because price and statements are not known to be in one currency" in text
    assert set(body["metadata"]["report"]["data_gaps"]) >= CROSSED
    rows = {row["fact_id"]: row for table in body["metadata"]["report"]["tables"] for row in table["rows"]}
    assert (rows["currentPrice"]["currency"], rows["totalRevenue"]["currency"]) == ("INR", "USD")
    assert body["metadata"]["report"]["price_target_currency"] == "INR"


def test_an_exchange_rate_with_source_and_date_joins_the_two(client: httpx.Client) -> None:
    found = figured(TWO, market={"exchangeRate": RATE})
    assert shown(found, "priceToEarnings") == "23.3x"  # 6.2e12 / (3.2e9 x 83.1)
    assert shown(found, "priceToSales") == "3.93x"  # 6.2e12 / (19e9 x 83.1)
    assert shown(found, "freeCashflowYield") == "5.2%"  # 3.9e9 / (6.2e12 / 83.1)
    source = found.facts["priceToEarnings"].source
    assert source == (
        "derived: marketCap / (netIncomeToCommon in INR by exchangeRate.USDINR of 2025-03-31, Reserve Bank of India)"
    )
    asked = {"ticker": "EXSW.NS", "company_data": {}, "financial_data": TWO, "market_data": {"exchangeRate": RATE}}
    text = client.post("/generate_report", json={**asked, "sections": ["valuation_analysis"]}).json()["sections"]
    assert "| INR for one USD | 83.1000 | 2025-03-31 | Reserve Bank of India |" in text["valuation_analysis"]


@pytest.mark.parametrize(
    "rate",
    [
        {**RATE, "source": ""},
        {**RATE, "as_of": None},
        {**RATE, "value": 0},
        {**RATE, "value": -83.1},
        {**RATE, "value": "83.1"},
        {**RATE, "from": "EUR"},
        {**RATE, "to": "dollars"},
        83.1,
        [],
    ],
)
def test_an_exchange_rate_without_source_date_pair_or_value_joins_nothing(rate: object) -> None:
    assert not CROSSED & set(figured(TWO, market={"exchangeRate": rate}).facts)


@pytest.mark.parametrize(
    "rates", [{"USDINR": RATE}, [RATE], {"INR/USD": {**RATE, "value": 1 / 83.1, "from": "INR", "to": "USD"}}]
)
def test_rates_may_come_by_pair_in_a_list_or_the_other_way_round(rates: object) -> None:
    assert shown(figured(TWO, market={"exchange_rates": rates}), "priceToEarnings") == "23.3x"


def test_pence_become_pounds_and_what_comes_in_pounds_stays() -> None:
    found = figured(
        {
            "currency": "GBp",
            "financialCurrency": "GBP",
            "currentPrice": 2781.0,
            "fiftyTwoWeekHigh": 3000.0,
            "targetMeanPrice": 3059.1,
            "marketCap": 27.81e9,
            "sharesOutstanding": 1e9,
            "trailingEps": 1.5,
            "trailingPE": 18.54,
            "totalRevenue": 10e9,
        }
    )
    assert shown(found, "currentPrice") == "£27.81"
    assert shown(found, "fiftyTwoWeekHigh") == "£30.00"
    assert shown(found, "marketCap") == "£27.81B"
    assert shown(found, "trailingEps") == "£1.50"
    assert shown(found, "priceToSales") == "2.78x"
    assert shown(found, "impliedUpside") == "10.0%"
    assert found.conflicts == ()


def test_a_market_value_or_earnings_in_pence_are_known_by_what_they_follow_from() -> None:
    quoted = {"currency": "GBX", "financialCurrency": "GBP", "currentPrice": 2781.0, "sharesOutstanding": 1e9}
    pence = {"marketCap": 27.81e11, "enterpriseValue": 30e11, "trailingEps": 150.0, "trailingPE": 18.54}
    found = figured({**quoted, **pence})
    assert shown(found, "marketCap") == "£27.81B"
    assert shown(found, "enterpriseValue") == "£30.00B"
    assert shown(found, "trailingEps") == "£1.50"
    assert found.conflicts == ()


@pytest.mark.parametrize("sent", [{"value": 150.0, "currency": "GBp"}, "150 GBX", {"value": "150", "currency": "GBX"}])
def test_an_amount_that_says_itself_that_it_is_in_pence_is_divided(sent: object) -> None:
    named = figured({"currency": "GBP", "trailingEps": sent, "marketCap": sent, "totalRevenue": sent})
    assert {shown(named, name) for name in ("trailingEps", "marketCap", "totalRevenue")} == {"£1.50"}


@pytest.mark.parametrize("dividend", [0.6, 60.0])
def test_a_dividend_in_pounds_or_pence_is_known_by_the_price(dividend: float) -> None:
    quoted = {"currency": "GBp", "financialCurrency": "GBP", "currentPrice": 2781.0}
    found = figured({**quoted, "dividendRate": dividend, "dividendYield": 0.0216})
    assert (shown(found, "dividendRate"), shown(found, "dividendYield")) == ("£0.60", "2.2%")


@pytest.mark.parametrize(("code", "sign"), [("ZAc", "ZAR 12.50"), ("ILA", "ILS 12.50"), ("GBp", "£12.50")])
def test_every_minor_unit_is_a_hundredth(code: str, sign: str) -> None:
    assert shown(figured({"currency": code, "currentPrice": 1250.0}), "currentPrice") == sign


def test_without_a_currency_there_is_no_sign_and_a_gap() -> None:
    found = figured({"currentPrice": 12.5, "totalRevenue": 5e9, "marketCap": 1e9, "netIncomeToCommon": 1e8})
    assert shown(found, "currentPrice") == "12.50"
    assert shown(found, "totalRevenue") == "5.00B"
    assert set(found.gaps) >= {"currency", "financialCurrency", "priceToEarnings"}
    assert "$" not in said(found, "executive_summary")


def test_one_code_speaks_for_its_own_side_only() -> None:
    found = figured({"currency": "INR", "currentPrice": 12.5, "totalRevenue": 5e9})
    assert (shown(found, "currentPrice"), shown(found, "totalRevenue")) == ("INR 12.50", "5.00B")
    assert "financialCurrency" in found.gaps
    assert "currency" not in found.gaps


def test_two_groups_that_disagree_leave_the_currency_open() -> None:
    found = figured(
        {"currency": "USD", "currentPrice": 12.5}, company={"previousClose": 12.4}, market={"currency": "EUR"}
    )
    assert (shown(found, "currentPrice"), shown(found, "previousClose")) == ("$12.50", "12.40")


def test_a_currency_that_is_null_says_nothing_and_one_that_is_none_leaves_it_open() -> None:
    null = figured({"currency": None, "currentPrice": 12.5}, market={"currency": "EUR"})
    assert shown(null, "currentPrice") == "€12.50"
    assert (
        shown(figured({"currency": "pence", "currentPrice": 12.5}, market={"currency": "EUR"}), "currentPrice")
        == "12.50"
    )


def test_a_figure_of_its_own_currency_keeps_it() -> None:
    found = figured({**TWO, "totalRevenue": {"value": 5e9, "currency": "EUR"}})
    assert shown(found, "totalRevenue") == "€5.00B"
    assert "netMargin" not in found.facts
    assert "netMargin" in found.gaps


def test_a_peer_is_not_lent_the_company_s_currency() -> None:
    peers = [{"ticker": "6758.T", "marketCap": 2e13}, {"ticker": "SAP", "currency": "EUR", "marketCap": 2e11}]
    found = figured(TWO, market={"peer_metrics": peers})
    assert shown(found, "peer_metrics.6758_T.marketCap") == "20.00T"
    assert shown(found, "peer_metrics.SAP.marketCap") == "€200.00B"


def test_earnings_per_share_of_an_adr_have_no_currency_unless_it_is_said() -> None:
    adr = {"currency": "USD", "financialCurrency": "TWD", "currentPrice": 200.0, "trailingPE": 25.0}
    found = figured({**adr, "trailingEps": 8.0})
    assert shown(found, "trailingEps") == "8.00"
    assert "perShareCurrency" in found.gaps
    assert shown(figured({**adr, "trailingEps": {"value": 8.0, "currency": "USD"}}), "trailingEps") == "$8.00"


def test_a_multiple_that_a_source_computed_across_two_currencies_is_named_and_not_told() -> None:
    found = figured({**TWO, "priceToSalesTrailing12Months": 6.2e12 / 19e9})
    assert [conflict.id for conflict in found.conflicts] == ["priceToSalesTrailing12MonthsAcrossCurrencies"]
    assert "priceToSalesTrailing12Months" not in found.told
    assert "totalRevenue" in found.told


@pytest.mark.parametrize("wrong", ["$284.64", "US$284.64", "€284.64", "HKD 284.64", "INR 284.64"])
def test_a_number_in_another_currency_does_not_stand(wrong: str) -> None:
    facts = figured({"currency": "TWD", "currentPrice": 284.64}).told
    assert not check(f"The share price is {wrong}.", evidence(facts.values(), []))[0].stands
    assert check("The share price is TWD 284.64.", evidence(facts.values(), []))[0].stands


CODES = st.sampled_from(["USD", "GBp", "GBP", "TWD", "x", None])
EVERY = sorted({name for rule in RULES for name in (rule.left, rule.right)})


@settings(deadline=None, max_examples=80)
@given(CODES, CODES, st.dictionaries(st.sampled_from(EVERY), CODES, max_size=6), st.data())
def test_no_figure_is_computed_from_amounts_that_may_be_in_two_currencies(
    quoted: str | None, filed: str | None, own: dict[str, str | None], data: st.DataObject
) -> None:
    values = {name: data.draw(st.floats(min_value=1.0, max_value=1e12)) for name in EVERY}
    told: dict[str, Any] = {n: {"value": v, "currency": own[n]} if n in own else v for n, v in values.items()}
    found = figured({**told, "currency": quoted, "financialCurrency": filed})
    for rule in RULES:
        sides = [find(found.facts, rule.left), find(found.facts, rule.right)]
        money = [fact for fact in sides if fact is not None and fact.unit is Unit.MONEY]
        if len({fact.currency for fact in money}) > 1:
            assert rule.id not in found.facts, rule.id
