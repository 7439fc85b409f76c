"""Section generation: validated against a schema, repaired once, every number traced to a fact."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import httpx

from ert_backend.grounding.numerals import read
from ert_backend.grounding.periods import find
from ert_backend.reports.draft import schema, units
from tests.support.backend.rig import REQUEST
from tests.support.doubles.scripted_ollama import Line, ScriptedOllama, says

ONE = {**REQUEST, "sections": ["risk_analysis"]}


def answer(*sentences: tuple[str, list[str]]) -> str:
    rows = [{"text": text, "facts": facts, "starts": "sentence"} for text, facts in sentences]
    return json.dumps({"sentences": rows})


def chats(ollama: ScriptedOllama) -> list[Line]:
    return [body for body in ollama.bodies("/api/chat") if body["messages"]]


def in_turn(ollama: ScriptedOllama, *texts: str) -> None:
    left = list(texts)
    ollama.chat = lambda body: says(left.pop(0) if left else "The company is steady and known.")


def grounding(client: httpx.Client, request: Any = ONE) -> Any:
    return client.post("/generate_report", json=request).json()


def test_the_schema_admits_the_supplied_facts_and_no_other(client: httpx.Client, ollama: ScriptedOllama) -> None:
    client.post("/generate_report", json=ONE)
    form = chats(ollama)[0]["format"]
    allowed = form["properties"]["sentences"]["items"]["properties"]["facts"]["items"]["enum"]
    assert set(allowed) == {"totalRevenue", "operatingIncome", "trailingPE", "operatingMargin"}


def test_a_structured_answer_becomes_prose_whose_numbers_are_traced(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    revenue = ("Revenue came to [[totalRevenue]] in all.", ["totalRevenue"])
    margin = ("The margin is [[operatingMargin]] of it.", ["operatingMargin"])
    in_turn(ollama, answer(revenue, ("It is a big firm.", []), margin))
    body = grounding(client)
    assert body["sections"]["risk_analysis"].startswith("Revenue came to $391.04B in all. It is a big firm.")
    first = body["metadata"]["grounding"]["trace"][0]
    assert first["facts"] == ["totalRevenue"]
    assert first["numbers"] == [{"text": "$391.04B", "fact_id": "totalRevenue"}]
    assert body["metadata"]["quality"] == "full"


def test_what_does_not_stand_is_repaired_once(client: httpx.Client, ollama: ScriptedOllama) -> None:
    in_turn(
        ollama,
        answer(("Revenue came to $500 billion this year.", ["totalRevenue"]), ("It is a big firm.", [])),
        answer(("Revenue came to [[totalRevenue]] this year.", ["totalRevenue"])),
    )
    body = grounding(client)
    assert len(chats(ollama)) == 2
    assert "$500 billion" in chats(ollama)[1]["messages"][-1]["content"]
    assert body["sections"]["risk_analysis"].startswith("Revenue came to $391.04B this year. It is a big firm.")
    record = body["metadata"]["grounding"]
    assert record["repaired"][0]["reason"] == "ungrounded"
    assert record["ungrounded"] == []
    assert record["calls"] == 2


def test_a_repair_that_does_not_stand_either_takes_the_sentence_out(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    wrong = answer(("Its [[madeUp]] is $7 billion strong.", []), ("It is a big firm.", []))
    in_turn(ollama, wrong, answer(("Its worth is $9 billion strong.", [])))
    body = grounding(client)
    assert len(chats(ollama)) == 2
    assert "9 billion" not in body["sections"]["risk_analysis"]
    assert body["metadata"]["grounding"]["ungrounded"][0]["reason"] == "unknown placeholder"
    assert body["metadata"]["quality"] == "partial"


def test_every_number_of_a_report_is_in_the_trace_or_in_a_table(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says("Revenue of $391 billion and an operating margin of 31.5% are large.")
    body = grounding(client, REQUEST)
    trace = body["metadata"]["grounding"]["trace"]
    for name, text in body["sections"].items():
        prose = re.sub(r"^\|.*$|^\*\*[A-Z][^|]*\*\*$|^.* written by the .*$", "", text, flags=re.MULTILINE)
        traced = {row["text"] for item in trace if item["section"] == name for row in item["numbers"]}
        written = {numeral.text for numeral in read(prose, [mention.span for mention in find(prose)])}
        assert written <= traced, (name, written - traced)
    assert all(row["fact_id"] for item in trace for row in item["numbers"])
    cells = [row for table in body["metadata"]["report"]["tables"] for row in table["rows"]]
    assert cells
    assert all(row["fact_id"] for row in cells)


def test_thinking_that_ate_the_answer_is_met_with_a_second_call_without_schema(
    client: httpx.Client, ollama: ScriptedOllama
) -> None:
    answers: list[Iterable[Line]] = [says(thinking="hm", reason="length"), says("The company is steady and known.")]
    ollama.chat = lambda body: answers.pop(0)
    body = grounding(client)
    first, second = chats(ollama)
    assert "format" in first
    assert "format" not in second
    assert first["think"] == second["think"] == "low"
    assert body["metadata"]["tokens"]["thinking"] == 1
    assert body["metadata"]["grounding"]["written_by_code"] == []


def test_a_model_that_writes_only_blanks_is_stopped(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: [*says(*([" \n" * 20] * 200))]
    body = grounding(client)
    assert body["metadata"]["grounding"]["written_by_code"] == ["risk_analysis"]


def test_a_cut_answer_keeps_its_whole_sentences_and_plain_text_is_read_as_such() -> None:
    whole = answer(("It earns well enough.", ["a"]), ("It grows each and every year.", []))
    assert [unit.text for unit in units(whole[:-30], complete=False)] == ["It earns well enough."]
    assert units(whole, complete=True)[0].cited == ("a",)
    assert [unit.text for unit in units("It earns. It grows.", complete=True)] == ["It earns.", "It grows."]


def test_a_schema_without_facts_admits_no_reference() -> None:
    form: Any = schema([])
    assert form["properties"]["sentences"]["items"]["properties"]["facts"]["maxItems"] == 0
