"""Claims in uncommon phrasings: each true sentence is kept and its false twin removed."""

from __future__ import annotations

import pytest

from benchmarks.grounding.claims.measure import companies
from benchmarks.grounding.measure import falls

PAIRS = [
    (
        "Drossel Präzision",
        "The company has rid itself of all debt.",
        "Drossel repaid its remaining debt in FY2023.",
    ),
    (
        "Castemoor Stores",
        "A profit of $120 million in FY2023 gave way to a loss of $36 million.",
        "Castemoor went from a loss in FY2023 to a profit in FY2024.",
    ),
    (
        "Castemoor Stores",
        "Only one quarter of 2024, the fourth, ended with a profit.",
        "Only two quarters of 2024 ended with a profit.",
    ),
    (
        "Veltrane Software",
        "The company has never reported a loss in the years shown.",
        "The company has never reported a profit in the years shown.",
    ),
    (
        "Drossel Präzision",
        "Drossel holds cash and has no interest to pay.",
        "Drossel has no cash.",
    ),
    (
        "Corvanta Telecom",
        "The slide in sales was halted in FY2024.",
        "The slide in free cash flow was halted in FY2023.",
    ),
    (
        "Palisend Airways",
        "The airline's sales growth slowed in FY2024.",
        "The airline's sales growth came to a halt in FY2024.",
    ),
    (
        "Palisend Airways",
        "Relative to equity, no carrier in the group is as heavily indebted as Celjet.",
        "Relative to equity, no carrier in the group is as heavily indebted as Palisend.",
    ),
    (
        "Corvanta Telecom",
        "Neither debt nor interest expense rose in FY2024.",
        "Neither revenue nor net income rose in FY2024.",
    ),
    (
        "Palisend Airways",
        "Cash rose by EUR 200 million and revenue by EUR 1.5 billion.",
        "Cash rose by EUR 200 million and debt by EUR 600 million.",
    ),
    (
        "Cobaltine Mining",
        "Redgrave is worth four times as much as Cobaltine on the stock market.",
        "Redgrave is worth nine times as much as Cobaltine on the stock market.",
    ),
    (
        "Zephyrion Motors",
        "For every dollar of sales Zephyrion lost 75 cents.",
        "For every dollar of sales Zephyrion lost 25 cents.",
    ),
    (
        "Drossel Präzision",
        "Of every 100 francs of sales, 14 remain as profit.",
        "One in ten francs of sales ended up as operating income.",
    ),
    (
        "Larkfield Software Inc",
        "Debt to equity has halved, from 40% to 20%.",
        "Debt to equity has doubled, from 40% to 20%.",
    ),
    (
        "Zephyrion Motors",
        "Although revenue doubled, the company still lost $750 million.",
        "Although revenue halved, the company still lost $750 million.",
    ),
    (
        "Zephyrion Motors",
        "It is Amperra that turns a profit.",
        "It is Voltquist that turns a profit.",
    ),
    (
        "Corvanta Telecom",
        "Corvanta has the lowest leverage after Telkarna.",
        "Corvanta has the lowest leverage after Belfonte.",
    ),
    (
        "Halberic Air",
        "At 1.9 times EBITDA, net debt is moderate.",
        "Net debt is larger than EBITDA by a factor of three.",
    ),
    (
        "Palisend Airways",
        "Palisend is valued at 10x trailing earnings, 0.6x sales and 5x EV/EBITDA.",
        "Palisend is valued at 10x trailing earnings, 6x sales and 5x EV/EBITDA.",
    ),
    (
        "Cobaltine Mining",
        "Cash has doubled since FY2022 while debt has more than halved.",
        "Cash has doubled since FY2022 while debt has tripled.",
    ),
    (
        "Marlowick Property Trust",
        "Earnings do not cover the dividend.",
        "The dividend is paid for out of earnings alone.",
    ),
    (
        "Larkfield Software Inc",
        "Operating cash flow covers total debt in full.",
        "Operating cash flow covers total debt only in part.",
    ),
    (
        "Palisend Airways",
        "The net margin stood at 6% in FY2024, after minus 2%.",
        "The net margin stood at minus 6% in FY2024.",
    ),
    (
        "Marlowick Property Trust",
        "Marlowick's net income reached a three-year low in FY2023.",
        "Marlowick's net income reached a three-year high in FY2024.",
    ),
    (
        "Cobaltine Mining",
        "Cobaltine moved from net debt to net cash in FY2024.",
        "Cobaltine moved from net debt to net cash in FY2023.",
    ),
    (
        "Northmere Bancorp",
        "Interest expense is half of revenue.",
        "Interest expense is less than half of revenue.",
    ),
]


@pytest.mark.parametrize(("company", "true", "false"), PAIRS)
def test_uncommon_phrasings_are_judged_by_the_figures(company: str, true: str, false: str) -> None:
    about = companies()[company]
    assert not falls(about, true)
    assert falls(about, false)
