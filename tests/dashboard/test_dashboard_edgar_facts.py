"""SEC facts: selection of values by period, restatement, tag, unit, currency and quarter."""

from __future__ import annotations

from typing import Any

import pytest

from ert_dashboard.market.company_file import read_company
from ert_dashboard.market.edgar_company import company_document
from ert_dashboard.market.model import Company
from tests.support.dashboard.filed_facts import plain_company, row, tag, year


def company(facts: dict[str, Any]) -> Company:
    document = company_document("ACME", "Acme Inc.", facts, {"sicDescription": "Widgets"})
    assert document is not None
    return read_company(document, "SEC filings")


def value(facts: dict[str, Any], name: str) -> float | None:
    return company(facts).facts[name].value


def gaap(**tags: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a plain company, updated with the given tags."""
    facts = plain_company()
    facts["us-gaap"].update(tags)
    return facts


def test_a_plain_company_is_read_with_its_ratios_and_sources() -> None:
    found = company(plain_company())
    assert (found.as_of, found.currency, found.profile["industry"]) == ("2025-12-31", "USD", "Widgets")
    figures = {name: fact.value for name, fact in found.facts.items()}
    assert figures["totalRevenue"] == 1000
    assert figures["priorTotalRevenue"] == 900
    assert figures["revenueGrowth"] == pytest.approx(0.111111)
    assert figures["grossMargins"] == 0.4
    assert figures["returnOnEquity"] == 0.2
    assert figures["trailingEps"] == 1.2
    assert figures["sharesOutstanding"] == 100
    assert figures["operatingIncome"] is None
    assert "us-gaap:Revenues" in found.facts["totalRevenue"].source
    assert "filed 2026-02-10" in found.facts["totalRevenue"].source
    assert found.facts["sharesOutstanding"].as_of == "2026-01-31"


def test_each_figure_has_the_address_of_its_filing_where_the_company_s_number_is_known() -> None:
    filed = row("2025-12-31", 1000.0, "2026-02-10", start="2025-01-01")
    facts = gaap(Revenues=tag("USD", {**filed, "accn": "0000320193-24-000123"}))
    document = company_document("ACME", "Acme Inc.", facts, {}, 320193)
    assert document is not None
    found = read_company(document, "SEC filings").facts
    assert found["totalRevenue"].link == "https://www.sec.gov/Archives/edgar/data/320193/000032019324000123/"
    assert company(facts).facts["totalRevenue"].link is None


def test_of_a_restated_year_the_last_filed_value_counts() -> None:
    restated = tag(
        "USD",
        year(2025, 950.0, "2026-06-01", form="10-K/A"),
        year(2024, 870.0, "2026-02-10"),  # the previous year, as restated in the newer filing
        year(2024, 900.0, "2025-02-10", fy=2024),
        year(2025, 1000.0, "2026-02-10"),
    )
    assert value(gaap(Revenues=restated), "totalRevenue") == 950
    assert value(gaap(Revenues=restated), "priorTotalRevenue") == 870


def test_the_period_comes_from_its_dates_and_not_from_the_filings_year() -> None:
    """Every row of that filing has `fy` 2025 and `fp` FY, including earlier years and single quarters."""
    mixed = tag(
        "USD",
        year(2025, 1000.0, "2026-02-10"),
        year(2023, 1.0, "2026-02-10"),
        row("2025-12-31", 270.0, "2026-02-10", start="2025-10-01"),
        row("2025-12-31", 3000.0, "2026-02-10", start="2023-01-01"),
    )
    assert value(gaap(Revenues=mixed), "totalRevenue") == 1000


def test_a_tag_a_company_has_given_up_does_not_hide_the_one_it_uses() -> None:
    facts = gaap(
        SalesRevenueNet=tag("USD", year(2017, 5.0, "2018-02-10", fy=2017)),
        Revenues=tag("USD", year(2018, 6.0, "2019-02-10", fy=2018)),
        RevenueFromContractWithCustomerExcludingAssessedTax=tag("USD", year(2025, 1000.0, "2026-02-10")),
    )
    assert value(facts, "totalRevenue") == 1000


def test_the_total_comes_before_its_largest_part() -> None:
    part = tag("USD", year(2025, 800.0, "2026-02-10"))
    facts = gaap(RevenueFromContractWithCustomerExcludingAssessedTax=part)
    assert value(facts, "totalRevenue") == 1000


@pytest.mark.parametrize(("start", "end"), [("2024-09-29", "2025-09-27"), ("2024-09-29", "2025-10-04")])
def test_fiscal_years_of_52_and_53_weeks_that_are_no_calendar_years(start: str, end: str) -> None:
    facts = {
        "us-gaap": {
            "Revenues": tag("USD", row(end, 10.0, "2025-11-01", start=start)),
            "Assets": tag("USD", row(end, 20.0, "2025-11-01"), row("2025-12-31", 99.0, "2026-01-30", form="10-Q")),
        }
    }
    assert (company(facts).as_of, value(facts, "totalRevenue"), value(facts, "totalAssets")) == (end, 10, 20)


def test_a_year_in_a_quarterly_report_is_not_an_audited_one() -> None:
    trailing = row("2026-03-31", 1100.0, "2026-05-01", start="2025-04-01", form="10-Q", fp="Q1")
    facts = gaap(Revenues=tag("USD", year(2025, 1000.0, "2026-02-10"), trailing))
    assert value(facts, "totalRevenue") == 1000


def test_the_latest_quarter_as_filed() -> None:
    quarter = row("2026-03-31", 280.0, "2026-05-01", start="2026-01-01", form="10-Q", fp="Q1", fy=2026)
    facts = gaap(Revenues=tag("USD", year(2025, 1000.0, "2026-02-10"), quarter))
    found = company(facts).facts["latestQuarterRevenue"]
    assert (found.value, found.as_of) == (280, "2026-03-31")


def test_the_fourth_quarter_is_the_year_less_its_nine_months() -> None:
    nine = row("2025-09-30", 730.0, "2025-11-01", start="2025-01-01", form="10-Q", fp="Q3")
    third = row("2025-09-30", 260.0, "2025-11-01", start="2025-07-01", form="10-Q", fp="Q3")
    facts = gaap(Revenues=tag("USD", year(2025, 1000.0, "2026-02-10"), nine, third))
    found = company(facts).facts["latestQuarterRevenue"]
    assert (found.value, found.as_of) == (270, "2025-12-31")
    assert "less its first nine months" in found.source


def test_a_quarter_older_than_the_year_tells_nothing() -> None:
    third = row("2025-09-30", 260.0, "2025-11-01", start="2025-07-01", form="10-Q", fp="Q3")
    assert value(gaap(Revenues=tag("USD", year(2025, 1000.0, "2026-02-10"), third)), "latestQuarterRevenue") is None


def test_a_convenience_translation_does_not_replace_the_reporting_currency() -> None:
    years = [year(at, float(at), f"{at + 1}-04-20", form="20-F") for at in (2023, 2024, 2025)]
    translated = year(2025, 140.0, "2026-04-20", form="20-F")
    facts = {
        "ifrs-full": {
            "Revenue": {"units": {"TWD": years, "USD": [translated]}},
            "Assets": {"units": {"TWD": [row("2025-12-31", 5000.0, "2026-04-20", form="20-F")]}},
        }
    }
    assert (company(facts).currency, value(facts, "totalRevenue"), value(facts, "totalAssets")) == ("TWD", 2025, 5000)


def test_money_is_never_mixed_with_other_units() -> None:
    shares = {"units": {"shares": [year(2025, 7.0, "2026-02-10")], "USD": []}}
    assert value(gaap(GrossProfit=shares), "grossProfits") is None


def test_negative_equity_gives_no_ratio() -> None:
    found = company(gaap(StockholdersEquity=tag("USD", row("2025-12-31", -50.0, "2026-02-10"))))
    assert found.facts["stockholdersEquity"].value == -50
    assert "returnOnEquity" not in found.facts


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"us-gaap": None},
        {"us-gaap": {"Revenues": {"units": {"USD": None}}}},
        {"us-gaap": {"Revenues": {"units": {"USD": [None, 7, {}, {"end": "x", "val": 1, "filed": "2026-01-01"}]}}}},
        {"us-gaap": {"Revenues": tag("USD", year(2025, True, "2026-02-10"))}},
        {"us-gaap": {"Revenues": tag("USD", row("2025-03-31", 1.0, "2025-05-01", start="2025-01-01", form="10-Q"))}},
        {"us-gaap": {"Assets": tag("USD", row("2025-12-31", 1.0, "2026-02-10"))}},
    ],
)
def test_without_a_whole_year_there_is_no_company(facts: dict[str, Any]) -> None:
    assert company_document("ACME", "Acme", facts, {}) is None
