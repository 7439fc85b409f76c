"""Statements about figures without a number: removed when a figure contradicts them, kept when it supports them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.grounding.claims.measure import HELD, OPEN, VARIANTS, Share, companies, measure, promised, read
from benchmarks.grounding.companies import about
from benchmarks.grounding.measure import falls
from ert_backend.grounding.check import WINDOW, NumberResult, check, evidence
from ert_backend.grounding.facts import Fact, Unit

FIGURES = {
    "currency": "USD",
    "financialCurrency": "USD",
    "as_of": "2025-12-31",
    "currentPrice": 40.0,
    "fiftyTwoWeekHigh": 50.0,
    "fiftyTwoWeekLow": 20.0,
    "targetMeanPrice": 44.0,
    "totalRevenue": 8_431_000_000,
    "operatingIncome": 1_276_000_000,
    "netIncomeToCommon": 986_000_000,
    "freeCashflow": 700_000_000,
    "totalCash": 1_900_000_000,
    "totalDebt": 950_000_000,
    "profitMargins": 0.117,
    "revenueGrowth": -0.064,
    "dividendRate": 0.8,
    "dividendYield": 0.02,
    "currentRatio": 0.9,
    "trailingPE": 21.7,
    "history": {"FY2024": {"totalRevenue": 9_007_000_000}, "FY2023": {"totalRevenue": 7_654_000_000}},
}
NORDIC = about(
    {
        "ticker": "NRDC",
        "company_data": {"longName": "Nordic Compute Inc."},
        "financial_data": FIGURES,
        "market_data": {
            "peer_metrics": [
                {
                    "ticker": "ALFA",
                    "longName": "Alfa Systems plc",
                    "trailingPE": 33.9,
                    "totalRevenue": 15_700_000_000,
                    "financialCurrency": "USD",
                },
                {
                    "ticker": "BETA",
                    "longName": "Betamark AG",
                    "trailingPE": 14.2,
                    "totalRevenue": 3_300_000_000,
                    "financialCurrency": "USD",
                },
            ]
        },
    }
)
PAIRS = [
    ("Revenue fell in 2025.", "Revenue grew in 2025."),
    (
        "Revenue rose from $7.654 billion in 2023 to $9.007 billion in 2024.",
        "Revenue fell from $7.654 billion to $9.007 billion.",
    ),
    ("Cash exceeds debt.", "Debt exceeds cash."),
    ("Nordic Compute holds more cash than debt.", "Nordic Compute holds more debt than cash."),
    ("Free cash flow does not exceed net income.", "Free cash flow exceeds net income."),
    ("Cash covers debt twice.", "Cash covers debt four times."),
    ("The share price is 20% below its 52-week high.", "The share price is above its 52-week high."),
    ("The company pays a dividend.", "The company pays no dividend."),
    ("The company is not free of debt.", "The company is debt-free."),
    ("Current assets do not cover current liabilities.", "Current assets exceed current liabilities."),
    ("The current ratio is below one.", "The current ratio is above one."),
    (
        "Alfa Systems trades on a higher P/E than Nordic Compute.",
        "Betamark trades on a higher P/E than Nordic Compute.",
    ),
    ("Betamark has the smallest revenue of the three.", "Nordic Compute has the smallest revenue of the three."),
    ("Revenue peaked in 2024.", "Revenue peaked in 2025."),
    ("Net debt is negative.", "The company is in a net debt position."),
    (
        "Alfa Systems and Betamark trade at 33.9x and 14.2x, respectively.",
        "Alfa Systems and Betamark trade at 14.2x and 33.9x, respectively.",
    ),
    ("Revenue was $9.007 billion a year earlier.", "Revenue was $9.007 billion in the latest year."),
    ("Revenue was $8.431 billion in 2025.", "Last quarter's revenue was $8.431 billion."),
    (
        "Cash of $1.9 billion covers the $950 million of debt twice over.",
        "Cash of $1.9 billion covers the $950 million of debt four times over.",
    ),
    ("The stock has not broken through its 52-week high.", "The stock has broken through its 52-week high."),
    ("Nordic Compute is anything but debt-free.", "Debt is only partly covered by cash."),
    (
        "Revenue rose in FY2024 before slipping back the following year.",
        "Revenue fell in FY2024 before recovering the following year.",
    ),
    ("Nordic Compute earned $986 million.", "Nordic Compute earned $1.276 billion."),
    (
        "Betamark's $3.3 billion of revenue is less than half of Nordic Compute's $8.431 billion.",
        "Betamark's $3.3 billion of revenue is more than half of Nordic Compute's $8.431 billion.",
    ),
    ("Nordic Compute is larger than Betamark by revenue.", "Nordic Compute is larger than Alfa Systems by revenue."),
    (
        "It keeps twelve cents of every dollar of revenue as profit.",
        "It keeps twenty cents of every dollar of revenue as profit.",
    ),
]
HARMLESS = [
    "Revenue could fall if demand weakens.",
    "Higher interest rates would weigh on the share price.",
    "Competition is fierce and rivals are well funded.",
    "Operating income covers the cost of debt many times over.",
    "Management expects revenue to recover.",
    "A lower P/E than that of its peers would need slower growth.",
    "The company's debt matures over several years.",
    "Inventories rose faster than expected.",
]


@pytest.mark.parametrize("path", [path for path in (OPEN, HELD, VARIANTS) if path.exists()], ids=lambda path: path.stem)
def test_false_claims_are_taken_out_and_true_ones_stay(path: Path) -> None:
    promised(path)
    total = sum(measure(read(path)).values(), Share())
    assert total.false >= 100 <= total.true
    assert total.false_out >= 0.95 * total.false, total.wrong
    assert total.true_out <= 0.02 * total.true, total.wrong


def test_another_file_than_the_promised_one_is_not_measured(tmp_path: Path) -> None:
    other = tmp_path / "held.json"
    other.write_text("[]")
    with pytest.raises(ValueError, match="not the file whose hash"):
        promised(other)


@pytest.mark.parametrize(("true", "false"), PAIRS)
def test_what_the_figures_contradict_falls(true: str, false: str) -> None:
    assert not falls(NORDIC, true)
    assert falls(NORDIC, false)


@pytest.mark.parametrize("sentence", HARMLESS)
def test_what_cannot_be_decided_stays(sentence: str) -> None:
    assert not falls(NORDIC, sentence)


def test_figures_of_two_currencies_are_not_compared() -> None:
    def claims(currency: str) -> list[NumberResult]:
        facts = [
            Fact("totalCash", "Cash", 5e9, Unit.MONEY, None, "x", "USD"),
            Fact("totalDebt", "Total debt", 9e9, Unit.MONEY, None, "x", currency),
        ]
        return [claim.verdict for claim in check("Cash exceeds debt.", evidence(facts, []))]

    assert claims("USD") == [NumberResult.CONTRADICTED]
    assert claims("JPY") == []


@pytest.mark.parametrize(
    "number",
    ["4e11 dollars", "$4.0e11", "four hundred billion dollars", "$400bn", "US$400 billion", "0.4 trillion dollars"],
)
def test_numbers_are_read_in_many_forms(number: str) -> None:
    known = evidence([Fact("totalRevenue", "Revenue", 4e11, Unit.MONEY, None, "x", "USD")], [])
    assert [claim.verdict for claim in check(f"Revenue was {number}.", known)] == [NumberResult.GROUNDED]
    wrong = evidence([Fact("totalRevenue", "Revenue", 4e10, Unit.MONEY, None, "x", "USD")], [])
    assert [claim.verdict for claim in check(f"Revenue was {number}.", wrong)] == [NumberResult.UNGROUNDED]


def test_a_text_without_an_end_is_read_to_its_end_in_linear_time() -> None:
    known = companies()["Veltrane Software"].known
    told = "The company sells software and services to firms of all sizes, "
    (claim,) = check(told * 30 + "debt exceeds cash.", known)
    assert claim.verdict is NumberResult.CONTRADICTED
    assert claim.numeral.start > 2 * WINDOW
    for hostile in ("rose fell grew ", "net debt in FY2022 to ", "(( , the the ", "Orlenta's 1 2 3 "):
        short, long = (_seconds(hostile * (size // len(hostile)), known) for size in (1_200, 9_600))
        assert long < 24 * short


def _seconds(text: str, known: object) -> float:
    """Return the lower time of two runs."""

    def once() -> float:
        started = time.process_time()
        check(text, known)  # type: ignore[arg-type]
        return time.process_time() - started

    return min(once(), once())


@pytest.mark.parametrize(
    ("company", "true", "false"),
    [
        (
            "Halberic Air",
            "A net loss of USD 300 million was reported by Tarnwing, not by Halberic.",
            "A net loss of USD 300 million was reported by Skyvarn, not by Halberic.",
        ),
        (
            "Kestmark Industries",
            "The second half of 2024 brought higher revenue than the first half.",
            "The second half of 2024 brought lower revenue than the first half.",
        ),
        (
            "Kestmark Industries",
            "Net income compounded at about 21% a year between FY2022 and FY2024.",
            "Net income compounded at about 46% a year between FY2022 and FY2024.",
        ),
        (
            "Castemoor Stores",
            "Losses of the first three quarters came to $56 million in total.",
            "Losses of the first three quarters came to $65 million in total.",
        ),
        (
            "Larkfield Software Inc",
            "EBITDA came in above operating income, at $440 million against $351 million.",
            "EBITDA came in above operating income, at $351 million against $440 million.",
        ),
    ],
)
def test_a_kind_is_decided_by_arithmetic_both_ways(company: str, true: str, false: str) -> None:
    assert not falls(companies()[company], true)
    assert falls(companies()[company], false)
