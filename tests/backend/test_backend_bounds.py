"""Cost of supplied text: every parser takes time proportional to it and reads only a bounded part of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ert_backend.grounding import labels
from ert_backend.grounding.bounds import MAX_QUOTED
from ert_backend.grounding.check import check, evidence
from ert_backend.grounding.facts import collect
from ert_backend.grounding.numerals import read
from ert_backend.grounding.spans import Spans
from ert_backend.reports.draft import CONTROL, MAX_UNITS, clean, units
from ert_backend.reports.prose import Dropped, defuse, judge
from tests.support.backend.costly_texts import PIECES, filled

SMALL, LARGE = 1_000, 8_000
FACTS, _ = collect({"financial_data": {"totalRevenue": 391e9, "netIncome": 94e9, "trailingPE": 37.4}})
KNOWN = evidence(FACTS.values(), [])


def assign(text: str) -> object:
    return labels.assign(text, read(text), labels.find(text, KNOWN.words))


READERS: dict[str, Callable[[str], object]] = {
    "read": read,
    "assign": assign,
    "evidence": lambda text: evidence(FACTS.values(), [text]),
    "defuse": defuse,
    "clean": lambda text: clean(text, complete=False),
    "units": lambda text: units(text, complete=False),
}


def seconds(reader: Callable[[str], object], text: str) -> float:
    """Measure the CPU time of this thread, in seconds."""
    began = time.thread_time()
    reader(text)
    return time.thread_time() - began


@pytest.mark.parametrize("name", READERS)
def test_eight_times_the_text_costs_about_eight_times_as_much(name: str) -> None:
    reader = READERS[name]
    for piece in PIECES:
        small, large = (seconds(reader, filled(piece, size)) for size in (SMALL, LARGE))
        assert large < 24 * max(small, 0.0005), (piece, small, large)
        assert large < 1.0, (piece, large)


@pytest.mark.parametrize("piece", PIECES)
def test_a_hundred_kilobytes_are_judged_as_prose_within_a_second(piece: str) -> None:
    text = filled(piece, 100_000)
    began = time.thread_time()
    written = units(text, complete=False)
    judged = [judge(unit, FACTS, KNOWN) for unit in written]
    assert time.thread_time() - began < 1.0
    assert len(judged) <= MAX_UNITS


def test_a_sentence_as_long_as_an_answer_is_no_sentence() -> None:
    (unit,) = units("The company sells " + filled("parts and ", 3_000) + "more.", complete=True)
    fallen = judge(unit, FACTS, KNOWN)
    assert isinstance(fallen, Dropped)
    assert fallen.reason == "too long"


def test_numbers_of_a_long_table_still_prove_what_the_model_says() -> None:
    table = " | ".join(f"Region {row}: {1000 + row} stores" for row in range(300))
    known = evidence(FACTS.values(), [table])
    assert len(known.quoted) >= 300
    (claim,) = check("It has 1299 shops there.", known)
    assert claim.stands


def test_what_is_quoted_is_bounded() -> None:
    known = evidence(FACTS.values(), [" ".join(f"{n}." for n in range(100_000))])
    assert len(known.quoted) == MAX_QUOTED


def test_no_number_is_too_large_to_be_read() -> None:
    for text in (
        "about 1" + "0" * 400,
        "9" * 5000,
        "hundred " * 400 + "dollars",
        "one point " + "nine " * 500,
        "trillion " * 400,
    ):
        for numeral in read(f"It was {text} then."):
            assert abs(numeral.value) < float("inf"), text[:20]
            assert numeral.tolerance < float("inf"), text[:20]


@pytest.mark.parametrize(
    "piece", [*PIECES, "<|<|a|>", "</th</think>ink>", "<<SYS>", "<\uff5c", "[[INST]", "<|im\u200b_", "|>"]
)
def test_what_is_defused_holds_no_control_token_and_stays_as_it_is(piece: str) -> None:
    for text in (filled(piece, 5_000), f"<{piece}|{piece}>" * 40, f"{piece}<|a|>{piece}" * 40):
        harmless = defuse(text)
        assert not CONTROL.search(harmless), harmless[:80]
        assert defuse(harmless) == harmless


def test_spans_say_what_they_touch() -> None:
    spans = Spans([(5, 8), (1, 3), (2, 4), (20, 21)])
    touched = [place for place in range(25) if spans.touch(place, place + 1)]
    assert touched == [1, 2, 3, 5, 6, 7, 20]
    assert spans.touch(0, 30)
    assert not spans.touch(8, 20)
    assert not Spans([]).touch(0, 9)
