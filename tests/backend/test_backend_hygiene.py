"""Output filtering: no link, markup, advice, accusation or order from any input reaches a report or its download."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from ert_backend.grounding.check import evidence
from ert_backend.grounding.facts import collect
from ert_backend.reports.prose import settle
from ert_backend.reports.text.hygiene import fault, harmless, name_fault, names_of
from ert_backend.reports.text.plain import plain
from ert_dashboard.reports.markdown import document
from ert_dashboard.storage.job import Job
from tests.support.backend.injected_sentences import HIDINGS, HONEST, PLAIN, hidden
from tests.support.backend.rig import REQUEST
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

ALL = [sentence for sentences in PLAIN.values() for sentence in sentences]
FACTS = collect({"financial_data": REQUEST["financial_data"], "company_data": REQUEST["company_data"]})[0]
KNOWN = evidence(FACTS.values(), [])
PIECES = (
    "a",
    "a ",
    "a-",
    "&amp;",
    "1.",
    "buy ",
    "the ",
    "http",
    ":",
    "0x1",
    "will ",
    "here is ",
    "a.b ",
    "\u0430",
    "we ",
)
HONESTLY = "The company is steady and known."


@pytest.mark.parametrize("kind", PLAIN)
def test_what_no_report_says_is_found(kind: str) -> None:
    assert [sentence for sentence in PLAIN[kind] if fault(sentence) is None] == []


@pytest.mark.parametrize("name", sorted({name for name, _, _ in hidden()}))
def test_it_is_found_however_it_is_hidden(name: str) -> None:
    told = [sentence for how, _, sentence in hidden() if how == name]
    assert len(told) >= 25
    assert [sentence for sentence in told if fault(sentence) is None] == []


@pytest.mark.parametrize("name", HIDINGS)
def test_nothing_of_it_is_left_in_the_prose_that_is_printed(name: str) -> None:
    told = "\n".join(sentence for how, _, sentence in hidden() if how == name)
    assert settle(f"{HONESTLY}\n{told}", FACTS, KNOWN).text == HONESTLY


@pytest.mark.parametrize("sentence", HONEST)
def test_honest_sentences_with_the_same_words_stay(sentence: str) -> None:
    assert fault(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Total assets stand at ¥1.13T in the figures.",
        "Cash is $2.13b at the end.",
        "Change to the mean analyst target: 3%.",
    ],
)
def test_a_figure_and_a_label_of_ours_are_no_order(sentence: str) -> None:
    assert fault(sentence) is None


@pytest.mark.parametrize("sentence", ALL, ids=range(len(ALL)))
def test_a_sentence_that_is_split_over_lines_or_sentences_is_not_printed_in_parts(sentence: str) -> None:
    words = sentence.split()
    for place in range(3, len(words) - 3):
        first, second = " ".join(words[:place]), " ".join(words[place:])
        text = settle(f"{first}\n{second}", FACTS, KNOWN).text
        assert fault(" ".join(text.split())) in {None, "meta"}
    assert settle(sentence.replace(" ", "\n"), FACTS, KNOWN).text == ""


def test_text_in_one_spelling_holds_nothing_that_cannot_be_seen() -> None:
    told = "a\u200bb\u00adc\u202ed\ufeffe\U000e0041f\u3164g \u2800 h\x1b[0m \U0001f170\u0336"
    told += " &lt;b&gt; caf\u00e9 \u00bd\u2122"
    assert plain(told) == "abcdef g   h[0m  <b> caf\u00e9 \u00bd\u2122"
    assert plain("It grows.It earns.") == "It grows. It earns."
    assert plain("10\u00b2 and \u2468 \uff1d \uff15\uff10") == "102 and 9 = 50"


def test_names_of_companies_are_names_and_nothing_else_is() -> None:
    for name in (
        "Amazon.com, Inc.",
        "Best Buy Co., Inc.",
        "C3.ai, Inc.",
        "AT&T Inc.",
        "Novo Nordisk A/S",
        "\u9df9\u5c71 K.K.",
    ):
        assert name_fault(name) is None or "/" in name
    for name in ("Buy now at evil.com", "Apple [x](https://evil.example)", "www.evil.example", "A | B", "<b>A</b>"):
        assert name_fault(name)
    assert fault("Amazon.com grew faster than others.", names_of("Amazon.com, Inc.")) is None
    assert fault("Best Buy now sells more online.", names_of("Best Buy Co., Inc.")) is None
    assert fault("Amazon.com grew faster than others.") == "link"


def test_what_a_model_is_shown_of_a_text_is_without_them() -> None:
    told = f"It designs phones. {ALL[0]} {PLAIN['order'][0]} It employs many people."
    assert harmless(told, 4000) == "It designs phones. It employs many people."


def fields(text: str) -> dict[str, Any]:
    """Return a request with the text in every field that accepts one."""
    figure = {"value": 391_035_000_000, "as_of": text[:60], "source": text[:60]}
    return {
        "ticker": "AAPL",
        "company_data": {
            "longName": text,
            "sector": text,
            "industry": text,
            "longBusinessSummary": text,
            "country": text,
        },
        "financial_data": {"totalRevenue": figure, "currency": text, "note": text, text: 5, f"{text} too": None},
        "market_data": {
            "recent_headlines": [text, {"title": text, "publisher": text, "date": text}],
            "peer_metrics": [{"ticker": text, "name": text, "beta": 2}],
            "recommendationKey": text,
        },
        "sections": ["executive_summary", "risk_analysis"],
    }


def repeats(text: str) -> Any:
    """Return a model that repeats the text, in both forms, and adds one correct sentence."""
    rows = [{"text": text, "facts": [], "starts": "bullet"}, {"text": HONESTLY, "facts": []}]
    held, plainly = json.dumps({"sentences": rows}), f"{text}\n\nIt is a known company."
    return lambda body: says(held if "Task: Write the risk" in body["messages"][-1]["content"] else plainly)


@pytest.mark.parametrize("kind", PLAIN)
def test_no_input_gets_through_the_model_into_the_report_or_its_download(
    kind: str, client: httpx.Client, ollama: ScriptedOllama
) -> None:
    for text in PLAIN[kind][::3]:
        ollama.chat = repeats(text)
        body = client.post("/generate_report", json=fields(text)).json()
        job = Job("r", "AAPL", text, text, 0.0, "owner", result=body)
        for printed in (*body["sections"].values(), document(job).partition("\n## ")[2]):
            for line in printed.split("\n"):
                said = line.replace(" | ", " ").replace("| ", "").replace("---:", "").strip("|- *")
                assert fault(said) in {None, "meta"}, (text, line)
            assert plain(text).strip(".") not in printed
        assert HONESTLY in body["sections"]["risk_analysis"]
        left = body["metadata"]["grounding"]["ungrounded"]
        assert all(text[:40] not in row["text"] for row in left)


def test_telling_takes_time_that_grows_with_the_length() -> None:
    def cost(text: str, size: int) -> float:
        told = (text * (size // len(text) + 1))[:size]
        began = time.process_time()
        fault(told)
        return time.process_time() - began

    for piece in (
        "a",
        "a ",
        "a-",
        "&amp;",
        "1.",
        "buy ",
        "the ",
        "http",
        ":",
        "0x1",
        "will ",
        "here is ",
        "a.b ",
        "\u0430",
        "we ",
    ):
        assert cost(piece, 40_000) < 60 * max(cost(piece, 2_000), 0.001), piece
