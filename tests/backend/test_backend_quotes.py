"""Values from an input text: never used as a figure of the company, printed only as a quote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from benchmarks.grounding.companies import subject
from benchmarks.grounding.measure import REAL
from benchmarks.grounding.written import true_sentences
from ert_backend.grounding.check import check, evidence
from ert_backend.grounding.derive import derive
from ert_backend.grounding.facts import collect
from ert_backend.reports.draft import Unit
from ert_backend.reports.prose import judge
from ert_backend.reports.quotes import attributed, sources
from ert_backend.reports.report import brief_of
from ert_backend.reports.text.hygiene import names_of
from tests.support.backend.injected_sentences import UNKNOWN
from tests.support.backend.rig import REQUEST
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

FIGURES = {"totalRevenue": 391.035e9, "netIncomeToCommon": 93.736e9, "trailingPE": 37.4, "operatingMargins": 0.315}
FACTS = derive(collect({"financial_data": {**FIGURES, "currency": "USD", "financialCurrency": "USD"}})[0])

PLACED = {
    "Net income was $1.00T": "Net income was $1.00T.",
    "Net income of a trillion dollars: $1.00T": "The bottom line was $1.00T last year.",
    "Apple earned net income of $1.00T, says nobody": "The company earned $1.00T.",
    "Revenue fell to $12 billion": "Revenue fell to $12 billion.",
    "Record: revenue of $999bn in one year": "In one year revenue came to $999 billion.",
    "P/E ratio of 2.0x makes it cheap": "The P/E ratio is 2.0x.",
    "Operating margin hit 77%": "Its operating margin is 77%.",
    "It employs 164,000 people and net income was $1.00T": "It employs 164,000 people.",
}


@pytest.mark.parametrize(("headline", "sentence"), PLACED.items(), ids=range(len(PLACED)))
def test_a_number_of_a_text_never_stands_under_the_name_of_a_fact_with_another_value(
    headline: str, sentence: str
) -> None:
    known = evidence(FACTS.values(), {"recent_headlines.1": headline})
    assert not all(claim.stands for claim in check(sentence, known))


def test_a_text_that_says_what_the_facts_say_is_no_contradiction() -> None:
    known = evidence(FACTS.values(), {"recent_headlines.1": "Revenue of $391bn, from 42 countries"})
    (claim,) = check("It sells in 42 countries.", known)
    assert claim.stands
    assert claim.quote == "Revenue of $391bn, from 42 countries"


def report(client: httpx.Client, **texts: Any) -> Any:
    market = {"recent_headlines": texts.pop("headlines", [])}
    company: Any = REQUEST["company_data"]
    request = {**REQUEST, "company_data": company | texts, "market_data": market, "sections": ["risk_analysis"]}
    return client.post("/generate_report", json=request).json()


def printed(body: Any) -> str:
    return str(body["sections"]["risk_analysis"]).partition("\n")[0]


def test_a_number_of_the_description_is_printed_as_its_words_with_the_source(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: says("The staff numbers 164,000 people at present.")
    body = report(client, longBusinessSummary="It designs phones. It employs 164,000 people as of now.")
    assert printed(body) == 'The supplied company description says: "It employs 164,000 people as of now."'
    (row,) = body["metadata"]["grounding"]["trace"]
    assert row["by"] == "quote"
    assert row["numbers"] == [{"text": "164,000", "fact_id": "longBusinessSummary"}]


def test_a_headline_is_quoted_with_its_publisher_and_date(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("The maker will open 12 new shops in Spain.")
    line = {"title": "Maker opens 12 shops in Spain", "publisher": "Example <b>News", "date": "2025-05-02"}
    assert printed(report(client, headlines=[line])) == (
        'A supplied headline (Example News, 2025-05-02) says: "Maker opens 12 shops in Spain"'
    )


def test_a_sentence_with_a_figure_and_a_quoted_number_is_followed_by_the_quote(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = lambda body: says("With 164,000 people it earned revenue of $391 billion.")
    body = report(client, longBusinessSummary="It employs 164,000 people.")
    assert printed(body) == (
        "With 164,000 people it earned revenue of $391 billion."
        ' The supplied company description says: "It employs 164,000 people."'
    )


HONEST = "The company is steady and known."
COPIED = "New phones are expected to lift demand in every region of the world"


def test_words_of_the_description_are_a_quote(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("As known, it designs phones and watches for all the world.")
    assert printed(report(client, longBusinessSummary="It designs phones and watches for all people.")) == (
        'The supplied company description says: "It designs phones and watches for all people."'
    )


@pytest.mark.parametrize(
    "sentence",
    [
        f"{COPIED}.",
        f"Overall, {COPIED.lower()} this spring.",
        "Demand is up: new phones are expected to lift demand.",
        "In every region phones lift what the world is expected to ask for.",
    ],
)
def test_words_of_a_headline_are_nobodys_finding(sentence: str, client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says(f"{sentence} The company is steady.")
    body = report(client, headlines=[COPIED])
    assert printed(body) == "The company is steady."
    (left,) = body["metadata"]["grounding"]["ungrounded"]
    assert left["reason"] == "rests on a supplied text"
    assert left["text"] == "(not repeated)"


def batched(texts: Sequence[str], size: int) -> list[Sequence[str]]:
    return [texts[i : i + size] for i in range(0, len(texts), size)]


def echoed(text: str) -> dict[str, str]:
    """Return the output of a model that follows the text."""
    bare = text.rstrip(".")
    return {
        "as it is": text,
        "introduced": f"As is known, {bare[:1].lower()}{bare[1:]}.",
        "continued": f"{bare}, as all the analysts know by now.",
        "in bold": f"**Key risk**: {bare}.",
        "in capitals": text.upper(),
        "in quotation marks": f'The market says: "{text}"',
    }


@pytest.mark.parametrize("how", echoed(""))
@pytest.mark.parametrize("place", ["headlines", "longBusinessSummary"])
def test_a_sentence_that_no_pattern_knows_gets_into_no_report(
    place: str, how: str, client: httpx.Client, ollama: ScriptedOllama
) -> None:
    for some in batched(UNKNOWN, 12 if place == "headlines" else len(UNKNOWN)):
        told = "\n".join([*(echoed(text)[how] for text in some), HONEST])
        ollama.chat = lambda body, told=told: says(told)  # type: ignore[misc]
        texts: Any = [*some] if place == "headlines" else " ".join(some)
        assert printed(report(client, **{place: texts})) == HONEST


def test_sentences_of_its_own_are_no_quotes(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Demand for new phones in the world decides about sales.")
    body = report(client, headlines=[COPIED], longBusinessSummary="It sells new phones in the world.")
    assert printed(body) == "Demand for new phones in the world decides about sales."


def test_a_text_that_cannot_be_printed_is_not_quoted_either(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("The maker opens twelve 12 shops in Spain for everybody. The company is steady.")
    body = report(client, headlines=["Maker opens 12 shops in Spain, see www.evil.example for more"])
    assert printed(body) == "The company is steady."


@pytest.mark.parametrize("ticker", REAL)
def test_true_sentences_about_the_sample_companies_rest_on_no_text(ticker: str) -> None:
    about = subject(ticker)
    brief = brief_of(about.request, about.facts)
    given = sources(brief, about.known, names_of(brief.company))
    judged = [judge(Unit(text, " "), about.facts, about.known) for text in true_sentences(about)]
    assert len(judged) > 30
    assert [item for item in judged if attributed(item, given) is not item] == []
