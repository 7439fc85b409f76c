"""Claims in the phrasings of four styles: each true sentence is kept and its false twin removed."""

from __future__ import annotations

import pytest

from benchmarks.grounding.claims.measure import companies
from benchmarks.grounding.measure import falls

PAIRS = [
    # The date of a standard of comparison is not that of the figure compared.
    (
        "Torvale Industries SE",
        "Operating income covered interest 2.52 times, as against 1.94 times in the year before.",
        "Operating income covered interest 3.52 times, as against 1.94 times in the year before.",
    ),
    (
        "Castemoor Stores",
        "Total debt now equals four times the cash balance, compared to a factor of about 1.3 in FY2022.",
        "Total debt now equals six times the cash balance, compared to a factor of about 1.3 in FY2022.",
    ),
    (
        "Torvale Industries SE",
        "Net debt of EUR 4.05bn corresponds to 3.7x EBITDA (FY2023: 5.2x).",
        "Net debt of EUR 4.05bn corresponds to 6.7x EBITDA (FY2023: 5.2x).",
    ),
    # A value of another company, whose name follows it.
    (
        "Brennholm Bank",
        "The 6% dividend yield of Norvane Savings surpasses the 5% offered by Brennholm.",
        "The 6% dividend yield of Norvane Savings surpasses the 4% offered by Brennholm.",
    ),
    (
        "Halberic Air",
        "Halberic achieves the highest gross margin of the three carriers, with 25% against 22% and 12%.",
        "Halberic achieves the lowest gross margin of the three carriers, with 25% against 22% and 12%.",
    ),
    # Earlier values in their order.
    (
        "Zephyrion Motors",
        "Gross margin turned positive in FY2024 at 5%, following readings of -50% and -20% in the two prior years.",
        "Gross margin turned positive in FY2024 at 5%, following readings of -40% and -30% in the two prior years.",
    ),
    # Nobody in the group.
    (
        "Palisend Airways",
        "No company in the peer set earns a higher return on equity than Palisend's 30%.",
        "No company in the peer set earns a lower return on equity than Palisend's 30%.",
    ),
    # Other names of cash and of interest.
    (
        "Halberic Air",
        "With cash of $3.2 billion and debt of $8 billion, borrowings comfortably outweigh liquid resources.",
        "With cash of $3.2 billion and debt of $8 billion, liquid resources comfortably outweigh borrowings.",
    ),
    # Absences.
    (
        "Tarnwick Minerals",
        "Some free cash flow was left in FY2025.",
        "There was no free cash flow left in FY2025.",
    ),
    (
        "Pellworth Stores Ltd",
        "Pellworth reported no net loss in FY2024.",
        "Pellworth reported no quarterly loss at any point in FY2024.",
    ),
    (
        "Drossel Präzision",
        "Drossel is unencumbered by borrowings.",
        "Drossel is unencumbered by borrowings, but there was no free cash flow in FY2024.",
    ),
    (
        "Northmere Bancorp",
        "Northmere Bancorp is not debt free.",
        "Northmere Bancorp is unencumbered by borrowings.",
    ),
    # Ranks.
    (
        "Tarnwick Minerals",
        "On operating margin, Tarnwick does not lead both Gorsehall and Velcairn.",
        "On operating margin, Tarnwick leads both Gorsehall and Velcairn, reflecting its cost position.",
    ),
    (
        "Northmere Bancorp",
        "Northmere does not have the highest return on equity of its peer group.",
        "Northmere tops its peer group on return on equity.",
    ),
    # Rates of growth.
    (
        "Orthelis Medical",
        "EBIT grew at more than the pace of sales in FY2024.",
        "EBIT grew at less than half the pace of sales in FY2024.",
    ),
    (
        "Kestmark Industries",
        "Net income growth of 20% was four times the 5% increase in revenue.",
        "Net income growth of 20% was six times the 5% increase in revenue.",
    ),
    # Net positions of the wrong sign.
    (
        "Veltrane Software",
        "Net cash amounts to $900 million, with liquidity of $1.4 billion set against $500 million of borrowings.",
        "Net debt amounts to $900 million, with liquidity of $1.4 billion set against $500 million of borrowings.",
    ),
    (
        "Tarnwick Minerals",
        "After deducting cash, borrowings amounted to $2 billion at the end of FY2025, against $3.2 billion in FY2024.",
        "After deducting cash, borrowings amounted to $2 billion at the end of FY2025, against $4.2 billion in FY2024.",
    ),
    # Several changes.
    (
        "Cobaltine Mining",
        "Revenue, EBITDA and net income declined by 20%, 41% and 72% respectively; debt was reduced by 47%.",
        "Revenue, EBITDA and net income declined by 20%, 72% and 41% respectively; debt was reduced by 47%.",
    ),
    (
        "Palisend Airways",
        "From FY2022 to FY2024 revenue doubled, gross profit more than tripled.",
        "From FY2022 to FY2024 revenue tripled, gross profit more than tripled.",
    ),
    (
        "Veltrane Software",
        "Veltrane has not paid a dividend in any of the last three fiscal years, while free cash flow has more than"
        " tripled over the period.",
        "Veltrane has not paid a dividend in any of the last three fiscal years, while free cash flow has more than"
        " quadrupled over the period.",
    ),
]


@pytest.mark.parametrize(("name", "true", "false"), PAIRS, ids=[true for _, true, _ in PAIRS])
def test_a_true_claim_in_that_style_is_kept_and_its_false_twin_removed(name: str, true: str, false: str) -> None:
    assert not falls(companies()[name], true)
    assert falls(companies()[name], false)


UNDECIDED = [
    # A second change after a first one is of another date.
    ("Veristane Therapeutics Inc", "Net cash bottomed at USD 84m in the second quarter of 2024, then recovered."),
    # An attribute of a date, and every quarter but one.
    ("Halberic Air", "Excluding the first quarter, no quarter of 2024 ended in a net loss."),
    # A previous state.
    ("Zephyrion Motors", "The company slipped into a net debt position in FY2024, having held net cash in FY2023."),
    # A narrower loss is no lower margin.
    ("Ostrivene Therapeutics", "The operating margin narrowed to minus 420% in FY2023."),
]


@pytest.mark.parametrize(("name", "sentence"), UNDECIDED, ids=[sentence for _, sentence in UNDECIDED])
def test_a_claim_whose_date_or_subject_is_open_is_kept(name: str, sentence: str) -> None:
    assert not falls(companies()[name], sentence)


SWAPPED = [
    ("Veltrane Software", "Operating margin was 15% and net margin was 18%."),
    ("Veltrane Software", "The company earned 18% in net margin and 15% in operating margin."),
]


@pytest.mark.parametrize(("name", "sentence"), SWAPPED, ids=[sentence for _, sentence in SWAPPED])
def test_a_number_beside_a_name_is_not_the_figure_of_another_name(name: str, sentence: str) -> None:
    assert falls(companies()[name], sentence)
