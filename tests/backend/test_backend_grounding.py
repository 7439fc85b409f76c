"""Numbers in text: parsed at the precision written, compared with facts of the same kind, kept or removed."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ert_backend.grounding.check import NumberResult, check, evidence
from ert_backend.grounding.derive import derive
from ert_backend.grounding.facts import Fact, Unit, collect
from ert_backend.grounding.numerals import Kind, read
from ert_backend.reports.display import show
from ert_backend.reports.prose import clean, defuse, settle

COMPANY = {"longName": "Apple Inc.", "sector": "Technology", "longBusinessSummary": "It employs 164,000 people."}
FIGURES = {
    "currency": "USD",
    "financialCurrency": "USD",
    "currentPrice": 227.5,
    "marketCap": 3.46e12,
    "totalRevenue": 391.035e9,
    "operatingIncome": 123.216e9,
    "netIncomeToCommon": 93.736e9,
    "totalCash": 65.171e9,
    "profitMargins": 0.2397,
    "revenueGrowth": -0.028,
    "debtToEquity": 209.1,
    "trailingPE": 37.4,
    "beta": 1.24,
}
FACTS = derive(collect({"company_data": COMPANY, "financial_data": FIGURES})[0])
KNOWN = evidence(FACTS.values(), [COMPANY["longBusinessSummary"], "Record 2024 quarter"])


@pytest.mark.parametrize(
    ("text", "value", "tolerance", "kind"),
    [
        ("$383.3B", 383.3e9, 0.05e9, Kind.MONEY),
        ("US$3.46 trillion", 3.46e12, 0.005e12, Kind.MONEY),
        ("-$1,200", -1200, 0.5, Kind.MONEY),
        ("$-1.5 million", -1.5e6, 0.05e6, Kind.MONEY),
        ("EUR 12.5bn", 12.5e9, 0.05e9, Kind.MONEY),
        ("391 billion dollars", 391e9, 0.5e9, Kind.MONEY),
        ("2,781 pence", 27.81, 0.005, Kind.MONEY),
        ("45.5p", 0.455, 0.0005, Kind.MONEY),
        ("27 cents", 0.27, 0.005, Kind.MONEY),
        ("27c", 0.27, 0.005, Kind.MONEY),
        ("25%", 25, 0.5, Kind.PERCENT),
        ("+2.5 percent", 2.5, 0.05, Kind.PERCENT),
        ("150bps", 1.5, 0.005, Kind.PERCENT),
        ("37.4x", 37.4, 0.05, Kind.MULTIPLE),
        ("8 times", 8, 0.5, Kind.MULTIPLE),
        ("164,000", 164_000, 0.5, Kind.PLAIN),
        (".75", 0.75, 0.005, Kind.PLAIN),
        ("15k", 15_000, 500, Kind.PLAIN),
    ],
)
def test_a_numeral_is_read_with_its_sign_scale_unit_and_precision(
    text: str, value: float, tolerance: float, kind: Kind
) -> None:
    (numeral,) = read(f"It was {text} then.")
    assert numeral.value == pytest.approx(value)
    assert numeral.tolerance == pytest.approx(tolerance)
    assert numeral.kind is kind


def test_names_with_digits_are_not_claims() -> None:
    assert read("1. The 52-week high, the S&P 500, the 10-K, Q3, FY2024, COVID-19 and 12-month targets.") == []


def test_pence_and_cents_are_hundredths_of_the_price() -> None:
    london = {"currency": "GBp", "financialCurrency": "GBP", "currentPrice": 2781.0, "trailingEps": 0.61}
    known = evidence(derive(collect({"company_data": COMPANY, "financial_data": london})[0]).values(), [])

    def fit(sentence: str) -> list[NumberResult]:
        return [claim.verdict for claim in check(sentence, known)]

    assert fit("The share price is 2,781 pence.") == fit("The share price is 2781p.") == [NumberResult.GROUNDED]
    assert fit("The share price is \u00a327.81.") == [NumberResult.GROUNDED]
    assert fit("The share price is 27.81 pence.") == fit("The share price is 27.81p.") == [NumberResult.UNGROUNDED]
    assert fit("The share price is 2,781 cents.") == [NumberResult.UNGROUNDED]
    assert fit("Earnings per share came to 61 pence.") == [NumberResult.GROUNDED]


def verdicts(sentence: str) -> list[NumberResult]:
    return [claim.verdict for claim in check(sentence, KNOWN)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Revenue came to $391 billion.",
        "Revenue came to 391.04 billion dollars.",
        "Revenue fell 2.8%.",
        "Net margin is 24%.",
        "The share trades at 37.4x earnings with a beta of 1.24.",
        "Debt to equity is 209%, or 2.1x.",
        "It employs 164,000 people.",
        "It had a record quarter in 2024.",
        "The market values the equity at $3.46 trillion.",
    ],
)
def test_right_numbers_stand(sentence: str) -> None:
    assert verdicts(sentence)
    assert set(verdicts(sentence)) == {NumberResult.GROUNDED}


def test_a_derived_number_stands_as_derived() -> None:
    assert verdicts("The operating margin is 31.5%.") == [NumberResult.DERIVED]


@pytest.mark.parametrize(
    "sentence",
    [
        "Revenue came to $392 billion.",  # incorrect digit
        "Revenue came to $391 million.",  # incorrect scale
        "Revenue came to $400 billion.",  # more rounded than the precision allows
        "Revenue grew +2.8%.",  # incorrect sign
        "The multiple is 24x.",  # a ratio is not a multiple
        "Net margin is $24.",  # and not an amount of money
        "It was founded in 1976.",  # not in the input
        "We expect growth of 8% next year.",
    ],
)
def test_wrong_numbers_fall(sentence: str) -> None:
    assert NumberResult.UNGROUNDED in verdicts(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Net income came to $391 billion.",
        "It earned $65.17B in cash flow from operations.",
        "The gross margin is 24.0%.",
    ],
)
def test_a_right_number_under_a_wrong_name_falls(sentence: str) -> None:
    assert verdicts(sentence) == [NumberResult.MISLABELLED]


def test_an_ungrounded_number_names_the_nearest_fact() -> None:
    (claim,) = check("Revenue came to $392 billion.", KNOWN)
    assert claim.nearest == "totalRevenue"


def test_placeholders_become_figures_and_what_does_not_stand_is_taken_out_with_a_reason() -> None:
    prose = settle(
        "Revenue came to [[totalRevenue]] and the net margin to [[ profitMargins ]]. It will reach $500 billion soon."
        " Its [[madeUp]] is strong. The share costs $[[currentPrice]] today.\n\n- It is a steady business.\n- Yes.",
        FACTS,
        KNOWN,
    )
    assert prose.text == (
        "Revenue came to $391.04B and the net margin to 24.0%. The share costs $227.50 today.\n\n"
        "- It is a steady business."
    )
    assert [item.reason for item in prose.dropped] == ["ungrounded", "unknown placeholder"]
    assert prose.dropped[0].value == 500e9


def test_repeats_and_copied_instructions_are_taken_out() -> None:
    told = "Write the risk analysis: how severe each risk is."
    text = "It is a steady business. It is a steady business. Write the risk analysis: how severe each risk is."
    assert settle(text, FACTS, KNOWN, told).text == "It is a steady business."


def test_cleaning_takes_out_thinking_tokens_markup_and_an_unfinished_end() -> None:
    raw = "<think>hm, 42</think><|start|># Title\n```\nIt <b>earns</b> money. It also has a\n"
    assert clean(raw, complete=False) == "It earns money."
    assert clean("No end", complete=False) == ""
    assert clean("No end", complete=True) == "No end"


def test_untrusted_text_loses_its_control_tokens() -> None:
    assert "<|" not in defuse("a <|im_start|> b <| c <<||>>")
    assert "[[" not in defuse("see [[totalRevenue]]")


def test_facts_keep_dates_and_sources_drop_non_values_and_name_the_gaps() -> None:
    facts, gaps = collect(
        {
            "company_data": {"sector": "N/A", "employees": float("nan")},
            "financial_data": {
                "as_of": "2024-09-28",
                "totalRevenue": {"value": 5e6, "as_of": "2023-12-31", "source": "SEC 10-K"},
                "beta": 1.1,
                "trailingPE": None,
                "marketCap": float("inf"),
                "isin": True,
            },
            "market_data": {"peer_metrics": [{"ticker": "MSFT", "trailingPE": 35.2}], "recent_headlines": ["x"]},
        }
    )
    assert (facts["totalRevenue"].as_of, facts["totalRevenue"].source) == ("2023-12-31", "SEC 10-K")
    assert (facts["beta"].as_of, facts["beta"].source) == ("2024-09-28", "financial_data")
    assert facts["peer_metrics.MSFT.trailingPE"].value == 35.2
    assert set(gaps) == {"sector", "employees", "trailingPE", "marketCap"} - {"employees", "marketCap"} | {
        gap for gap in gaps if gap in {"employees", "marketCap"}
    }
    assert not {"trailingPE", "marketCap", "employees", "isin"} & set(facts)


def test_nothing_is_derived_from_a_missing_zero_or_negative_base() -> None:
    facts, _ = collect(
        {"financial_data": {"operatingIncome": 5.0, "totalRevenue": 0, "marketCap": 10, "netIncome": -2}}
    )
    derived = derive(facts)
    assert "operatingMargin" not in derived
    assert "priceToEarnings" not in derived


def test_a_supplied_figure_is_not_replaced_by_a_derived_one() -> None:
    facts, _ = collect({"financial_data": {"operatingIncome": 5, "totalRevenue": 10, "operatingMargins": 0.4}})
    assert "operatingMargin" not in derive(facts)


@settings(deadline=None)  # the first example compiles the patterns
@example(-0.03125, Unit.PERCENT)
@given(
    st.floats(min_value=-1e14, max_value=1e14).filter(lambda value: abs(value) > 1e-2),
    st.sampled_from([Unit.MONEY, Unit.RATIO, Unit.PERCENT, Unit.MULTIPLE, Unit.COUNT, Unit.NUMBER]),
)
def test_what_is_displayed_is_read_back_as_the_same_fact(value: float, unit: Unit) -> None:
    fact = Fact("x", "Some figure", value, unit, None, "financial_data")
    claims = check(f"Some figure is {show(fact)} now.", evidence([fact], []))
    assert [claim.verdict for claim in claims] == [NumberResult.GROUNDED]


@settings(deadline=None)
@given(st.integers(min_value=100, max_value=999), st.integers(min_value=1, max_value=9), st.integers(0, 2))
def test_a_planted_wrong_digit_is_always_found(number: int, shift: int, place: int) -> None:
    digits = list(str(number))
    digits[place] = str((int(digits[place]) + shift) % 10)
    wrong = int("".join(digits))
    fact = Fact("totalRevenue", "Revenue", float(number) * 1e9, Unit.MONEY, None, "financial_data")
    (claim,) = check(f"Revenue came to ${wrong} billion.", evidence([fact], []))
    assert claim.verdict is NumberResult.UNGROUNDED
