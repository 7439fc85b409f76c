"""The `full` status of a report, and its footer on the sentences written by the model and by code."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.backend.rig import REQUEST
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

FIGURES = ("Revenue came to [[totalRevenue]] in {}.", "Operating income of [[operatingIncome]] was made in {}.")
FULL = tuple(FIGURES)
TASKS = {
    "executive summary": "all of it",
    "financial analysis": "the accounts",
    "investment thesis": "the thesis",
    "valuation analysis": "the valuation",
    "risk analysis": "the risks",
}


def place(body: Line) -> str:
    """Return a text that is unique to the section."""
    task = body["messages"][-1]["content"].partition("Task: ")[2]
    return next((words for name, words in TASKS.items() if f"Write the {name}" in task), "a repair")


def writes(*sentences: str) -> Any:
    """Return a model that writes the sentences in every section, with that section's unique text."""

    def chat(body: Line) -> list[Line]:
        rows = [{"text": text.format(place(body)), "facts": [], "starts": "sentence"} for text in sentences]
        return says(json.dumps({"sentences": rows}))

    return chat


def report(client: httpx.Client, **changes: Any) -> Any:
    return client.post("/generate_report", json={**REQUEST, **changes}).json()


def test_two_sentences_with_a_figure_in_every_section_make_a_report_full(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = writes(*FULL)
    metadata = report(client)["metadata"]
    assert metadata["quality_reasons"] == []
    assert metadata["quality"] == "full"
    assert set(metadata["grounding"]["sentences_with_a_figure"].values()) == {2}


@pytest.mark.parametrize(
    ("sentences", "reason"),
    [
        (FIGURES[:1], "risk_analysis: 1 of 2 sentences with a figure"),
        ((*FIGURES[:1], "It is a steady business in {}."), "risk_analysis: 1 of 2 sentences with a figure"),
        (("It is a steady business in {}.",), "risk_analysis: 0 of 2 sentences with a figure"),
        (("Its worth is $9 billion in {}.", *FULL), "risk_analysis: 1 left out"),
        ((*FULL, "Buy now for the sake of {}."), "risk_analysis: 1 left out"),
        ((*FULL[:1], "In 2024 it was steady, in {}."), "risk_analysis: 1 of 2 sentences with a figure"),
        (("It employs 164,000 people in {}.", *FULL[:1]), "risk_analysis: 1 of 2 sentences with a figure"),
    ],
    ids=["one sentence", "one figure", "none", "a wrong number", "advice", "a year", "a quote"],
)
def test_less_than_that_is_partial_with_the_reason(
    sentences: tuple[str, ...], reason: str, client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = writes(*sentences)
    company = {**REQUEST["company_data"], "longBusinessSummary": "It employs 164,000 people since 2024."}  # type: ignore[dict-item]
    metadata = report(client, company_data=company, sections=["risk_analysis"])["metadata"]
    assert metadata["quality"] == "partial"
    assert reason in metadata["quality_reasons"]


def test_talk_of_the_model_about_itself_is_left_out_counted_and_costs_nothing(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    ollama.chat = writes("Here is how it can be written for {}.", *FULL)
    body = report(client, sections=["risk_analysis"])
    assert body["sections"]["risk_analysis"].startswith("Revenue came to $391.04B in the risks.")
    assert body["metadata"]["quality"] == "full"
    assert body["metadata"]["grounding"]["left_out"] == {"meta": 1}
    assert body["metadata"]["grounding"]["ungrounded"] == []


def test_what_a_section_said_is_not_said_again_by_another(client: httpx.Client, ollama: ScriptedOllama) -> None:
    same = "Revenue came to [[totalRevenue]] all in all."
    ollama.chat = writes(same, same, *FULL)
    body = report(client)
    assert [text.count("all in all") for text in body["sections"].values()] == [1, 0, 0, 0, 0]
    assert body["metadata"]["grounding"]["left_out"] == {"repeat": 9}
    assert body["metadata"]["quality"] == "full"


@pytest.mark.parametrize("tokens", [lambda sent: 40, lambda sent: sent // 12, lambda sent: 900])
def test_a_prompt_that_was_read_in_part_is_no_full_report(
    tokens: Any, client: httpx.Client, ollama: ScriptedOllama
) -> None:
    told = writes(*FULL)

    def chat(body: Line) -> list[Line]:
        sent = sum(len(message["content"]) for message in body["messages"])
        return [{**line, "prompt_eval_count": tokens(sent)} if line["done"] else line for line in told(body)]

    ollama.chat = chat
    metadata = report(client)["metadata"]
    assert metadata["quality"] == "partial"
    assert metadata["quality_reasons"] == ["the engine read a part of the prompt only"]


def test_an_engine_that_counts_nothing_is_not_said_to_have_cut(client: httpx.Client, ollama: ScriptedOllama) -> None:
    told = writes(*FULL)
    ollama.chat = lambda body: [{**line, "prompt_eval_count": 0} if line["done"] else line for line in told(body)]
    assert report(client)["metadata"]["quality"] == "full"


def test_figures_that_did_not_fit_into_the_prompt_are_said(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = writes(*FULL)
    many = {f"someFigureWithAName{number}": number + 0.5 for number in range(240)}
    wide = {f"segment_{name}_of_the_{'very_' * 8}long_name": value for name, value in many.items()}
    body = report(client, financial_data={**REQUEST["financial_data"], **wide}, sections=["risk_analysis"])  # type: ignore[dict-item]
    (reason,) = body["metadata"]["quality_reasons"]
    assert reason.endswith(" figures did not fit into the prompt")


def test_the_footer_says_what_the_model_and_what_code_wrote(client: httpx.Client, ollama: ScriptedOllama) -> None:
    told = writes(*FULL, "It employs 164,000 people in {}.")
    ollama.chat = lambda body: told(body) if place(body) != "the risks" else says(thinking="hm", reason="length")
    company = {**REQUEST["company_data"], "longBusinessSummary": "It employs 164,000 people."}  # type: ignore[dict-item]
    body = report(client, company_data=company)
    footer = body["sections"]["executive_summary"].rpartition("\n\n")[2]
    assert footer == (
        "8 sentences written by the language model gpt-oss:20b and checked against the figures supplied;"
        " 1 quote from texts supplied; header, tables and figures by code, and all of risk analysis."
        " Not investment advice."
    )
    assert sum("Not investment advice" in text for text in body["sections"].values()) == 1


def test_a_report_without_a_summary_has_its_footer_at_the_end(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = writes(*FULL)
    sections = report(client, sections=["risk_analysis", "valuation_analysis"])["sections"]
    assert sections["valuation_analysis"].endswith("Not investment advice.")
    assert "Not investment advice" not in sections["risk_analysis"]
