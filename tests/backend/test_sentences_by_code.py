"""Sentences written by code: signs in plain text, no mention of absent figures, none lost for a single missing one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ert_backend.grounding.check import check, evidence
from ert_backend.reports.sections import DEFAULT_ORDER
from ert_backend.reports.sentences import sentences
from tests.support.backend.figured import figured, said

USD: dict[str, Any] = {"currency": "USD", "financialCurrency": "USD"}
LOSS = {**USD, "totalRevenue": 2e9, "netIncomeToCommon": -3e8, "operatingIncome": -2.5e8, "freeCashflow": -1e8}
BANK = {"sector": "Financial Services", "industry": "Banks - Diversified"}


def test_a_loss_is_called_a_loss_and_shown_without_its_minus() -> None:
    found = figured({**LOSS, "trailingPE": -8.0, "revenueGrowth": -0.04, "marketCap": 3e9})
    summary, analysis = said(found, "executive_summary"), said(found, "financial_analysis")
    assert "It earned revenue of $2.00B and made a net loss of $300.00M." in summary
    assert "A multiple of earnings is not meaningful (n.m.), because the company makes a loss." in summary
    assert "Revenue is $2.00B, 4.0% less than a year before." in analysis
    assert "The operating loss is $250.00M." in analysis
    assert "The net loss is $300.00M, a net margin of -15.0%." in analysis
    assert "Free cash flow is negative at -$100.00M." in analysis
    thesis = said(found, "investment_thesis")
    assert "The operating margin is negative at -12.5%, so the case needs a way to profit." in thesis
    assert "Free cash flow is negative at -$100.00M and has to be financed." in thesis
    assert "Revenue fell by 4.0%, and the case needs that to end." in thesis


def test_negative_equity_leaves_no_ratio_to_it() -> None:
    found = figured({**USD, "stockholdersEquity": -3.9e9, "returnOnEquity": 3.0, "debtToEquity": 900.0})
    text = said(found, "financial_analysis") + said(found, "risk_analysis")
    assert "Shareholders' equity is negative at -$3.90B" in text
    assert "300" not in text
    assert "900" not in text


def test_a_company_without_revenue_is_told_by_its_runway() -> None:
    found = figured({**USD, "totalRevenue": 0, "netIncomeToCommon": -5e7, "totalCash": 1.2e8, "freeCashflow": -4.8e7})
    summary = said(found, "executive_summary")
    assert "It has no revenue yet and made a net loss of $50.00M." in summary
    assert "cash of $120.00M lasts for about 2.50 years" in summary
    assert "margin" not in said(found, "financial_analysis")


def test_a_runway_follows_from_operations_where_free_cash_flow_is_not_there() -> None:
    found = figured({**USD, "totalCash": 1.2e8, "operatingCashflow": -4e7})
    assert "lasts for about 3 years" in said(found, "risk_analysis")


@pytest.mark.parametrize("industry", ["Banks - Diversified", "Insurance - Property & Casualty"])
def test_a_bank_has_no_gross_margin_and_no_net_debt(industry: str) -> None:
    figures = {
        **USD,
        "totalRevenue": 2e11,
        "grossProfits": 2e11,
        "grossMargins": 0.0,
        "totalDebt": 5e11,
        "totalCash": 1e12,
    }
    found = figured({**figures, "totalAssets": 4e12, "netIncomeToCommon": 5e10}, company={**BANK, "industry": industry})
    assert not {"grossMargins", "grossProfits", "grossMargin", "netDebt"} & set(found.facts)
    assert not {"freeCashflow", "operatingIncome", "grossMargins"} & set(found.gaps)
    text = said(found, "financial_analysis")
    assert "Total assets are $4.00T." in text
    assert "exceeds" not in text
    assert "ross" not in text


@pytest.mark.parametrize("industry", ["Credit Rating Bureau", "Insurance Brokers", "Asset Management"])
def test_other_financial_companies_keep_theirs(industry: str) -> None:
    found = figured({**USD, "totalDebt": 5e9, "totalCash": 1e9}, company={**BANK, "industry": industry})
    assert "Debt of $5.00B exceeds cash of $1.00B by $4.00B." in said(found, "financial_analysis")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (45.0, "$45.00, 10.0% below the share price."),
        (55.0, "$55.00, 10.0% above the share price."),
        (50.0, "$50.00, the same as the share price."),
    ],
)
def test_a_target_is_above_or_below_the_price_as_it_is(target: float, words: str) -> None:
    found = figured({**USD, "currentPrice": 50.0, "targetMeanPrice": target})
    assert f"The mean analyst target is {words}" in said(found, "valuation_analysis")


@pytest.mark.parametrize(
    ("debt", "cash", "words"),
    [
        (5e9, 1e9, "Debt of $5.00B exceeds cash of $1.00B by $4.00B."),
        (1e9, 5e9, "Cash of $5.00B exceeds debt of $1.00B by $4.00B."),
        (0, 5e9, "The company has no debt and cash of $5.00B."),
        (0, None, "The company has no debt."),
        (5e9, None, "Debt is $5.00B."),
        (None, 1e9, "Cash is $1.00B."),
    ],
)
def test_debt_and_cash_are_compared_as_they_are(debt: float | None, cash: float | None, words: str) -> None:
    assert words in said(figured({**USD, "totalDebt": debt, "totalCash": cash}), "financial_analysis")


FULL: dict[str, Any] = {
    **USD,
    "currentPrice": 50.0,
    "marketCap": 5e9,
    "totalRevenue": 2e9,
    "grossProfits": 9e8,
    "operatingIncome": 5e8,
    "netIncomeToCommon": 2.5e8,
    "freeCashflow": 2e8,
    "totalDebt": 1e9,
    "totalCash": 5e8,
    "revenueGrowth": 0.08,
    "returnOnEquity": 0.125,
    "returnOnAssets": 0.06,
    "trailingPE": 20.0,
    "forwardPE": 18.0,
    "enterpriseValue": 5.5e9,
    "priceToBook": 2.5,
    "targetMeanPrice": 45.0,
    "fiftyTwoWeekHigh": 60.0,
    "beta": 1.1,
    "debtToEquity": 50.0,
    "currentRatio": 1.5,
    "dividendYield": 0.02,
}
COMPANY = {"sector": "Industrials", "industry": "Tools"}


def test_one_missing_figure_takes_only_what_is_said_of_it() -> None:
    whole = {name: sentences(name, figured(FULL, company=COMPANY), "Acme") for name in DEFAULT_ORDER}
    for missing in FULL.keys() - USD.keys():
        found = figured({**FULL, missing: None}, company=COMPANY)
        for section, before in whole.items():
            left = " ".join(sentence.text for sentence in sentences(section, found, "Acme"))
            kept = {number for sentence in before for number in sentence.numbers if number[1] in found.told}
            assert {number for number, name in kept if number not in left} <= (
                {"$500.00M"} if missing in {"totalDebt", "totalCash"} else set()
            ), (section, missing)


@pytest.mark.parametrize("figures", [FULL, LOSS, {**FULL, **LOSS, "trailingPE": None, "totalCash": 0}, USD])
def test_what_code_writes_holds_before_the_checker_and_names_every_number(figures: dict[str, Any]) -> None:
    found = figured(figures, company=COMPANY)
    known = evidence(found.told.values(), [])
    for sentence in itertools.chain.from_iterable(sentences(name, found, "Acme") for name in DEFAULT_ORDER):
        claims = check(sentence.text, known)
        assert [claim.numeral.text for claim in claims if not claim.stands] == [], sentence.text
        assert {claim.numeral.text for claim in claims} <= {number for number, _ in sentence.numbers}, sentence.text


def test_no_figures_at_all_say_that_nothing_is_covered() -> None:
    for name in DEFAULT_ORDER:
        assert said(figured({}), name) == "The data supplied with the request does not cover this section."
