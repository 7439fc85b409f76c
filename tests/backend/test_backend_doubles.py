"""Figures over the whole range of doubles, singly and combined: each results in a report, none in an error."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ert_backend.grounding.derive import RULES, derive
from ert_backend.grounding.facts import collect
from ert_backend.grounding.numerals import read
from ert_backend.reports.display import show
from tests.support.backend.rig import REQUEST

EDGES = (5e-324, 1e-320, sys.float_info.min, 1e-300, 1e-17, 1e-9, 0.0, -0.0, 1.0, 1e15, 1e16, 9.9e16, 1e17, 1e308)
NAMES = sorted({name for rule in RULES for name in (rule.left, rule.right)})


def derived(figures: Mapping[str, object]) -> list[float]:
    """Return the figures derived from these; format and parse each of them."""
    facts = derive(collect({"financial_data": figures})[0])
    for fact in facts.values():
        read(f"{fact.label} is {show(fact)} now.")
    return [fact.number for fact in facts.values() if fact.number is not None]


@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1)])
def test_all_pairs_of_edges_derive_finite_figures_that_can_be_shown(signs: tuple[int, int]) -> None:
    for left, right in itertools.product(EDGES, EDGES):
        figures = dict.fromkeys((rule.left for rule in RULES), left * signs[0])
        figures |= dict.fromkeys((rule.right for rule in RULES), right * signs[1])
        assert all(math.isfinite(number) and abs(number) < 1e17 for number in derived(figures)), (left, right)


@settings(deadline=None, max_examples=50)
@given(
    st.fixed_dictionaries({name: st.floats() | st.integers() | st.booleans() | st.text(max_size=9) for name in NAMES})
)
def test_any_numbers_derive_finite_figures_that_can_be_shown(figures: dict[str, object]) -> None:
    assert all(math.isfinite(number) for number in derived(figures))


@pytest.mark.parametrize(
    "figures",
    [
        {"totalRevenue": 1e-320, "marketCap": 3e12, "ebitda": 5e9, "enterpriseValue": 3e12},
        {"currentPrice": 5e-324, "targetMeanPrice": 250.0, "fiftyTwoWeekHigh": 260.0},
        {"totalRevenue": -1e-320, "netIncome": 5e-324, "totalDebt": 1e16, "totalAssets": 2.3e-308},
    ],
)
def test_a_number_that_is_next_to_nothing_gives_a_report_without_it(
    client: httpx.Client, figures: dict[str, float]
) -> None:
    answer = client.post("/generate_report", json={**REQUEST, "financial_data": figures})
    assert answer.status_code == 200
    shown = {row["fact_id"] for table in answer.json()["metadata"]["report"]["tables"] for row in table["rows"]}
    assert not shown & {name for name, value in figures.items() if abs(value) < 1e-9}
    json.dumps(answer.json(), allow_nan=False)


@pytest.mark.parametrize("text", ["hundred " * 400, "about 1" + "0" * 400, "9" * 700, "minus " + "trillion " * 90])
def test_a_number_in_words_or_digits_that_no_double_holds_gives_a_report(client: httpx.Client, text: str) -> None:
    company = {**REQUEST["company_data"], "longBusinessSummary": f"It has {text} shops."}  # type: ignore[dict-item]
    answer = client.post("/generate_report", json={**REQUEST, "company_data": company})
    assert answer.status_code == 200
    json.dumps(answer.json(), allow_nan=False)
