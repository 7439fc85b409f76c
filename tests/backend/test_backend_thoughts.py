"""Model reasoning never reaches a report, in any of the forms in which it is mixed with the content."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from ert_backend.engine.thoughts import split
from ert_backend.reports.draft import units
from ert_backend.reports.text.answer import read
from tests.support.backend.rig import REQUEST
from tests.support.doubles.scripted_ollama import ScriptedOllama, says

SAID = "Revenue came to [[totalRevenue]] in the year."
THOUGHT = "We need to write prose with ids. The user wants three paragraphs. It is a strong buy."
ROWS = json.dumps({"sentences": [{"text": SAID, "facts": ["totalRevenue"], "starts": "paragraph"}]})
DRAFT = json.dumps({"sentences": [{"text": "A first try that is not good yet.", "facts": [], "starts": "sentence"}]})

BEFORE = {
    "harmony": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>",
    "harmony, opening marker lost": f"{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>",
    "harmony, constrained": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final "
    "<|constrain|>json<|message|>",
    "harmony, a tool called on the way": '<|channel|>commentary to=functions.find<|message|>{"query": "x"}<|call|>'
    "<|start|>assistant<|channel|>final<|message|>",
    "harmony, twice thought": f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|channel|>analysis<|message|>"
    f"{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>",
    "harmony, no message marker": f"<|channel|>analysis {THOUGHT}<|end|><|start|>assistant<|channel|>final ",
    "words of harmony": f"analysis{THOUGHT}assistantfinal",
    "words of harmony on lines": f"analysis\n{THOUGHT}\nassistant\nfinal\n",
    "last words of harmony": f"{THOUGHT}assistantfinal",
    "words of harmony, with a tool": f"analysis{THOUGHT}assistantcommentary to=functions.find{{}}assistantfinal",
    "tag": f"<think>{THOUGHT}</think>\n\n",
    "tag in capitals": f"<THINK>{THOUGHT}</THINK>",
    "thinking tag": f"<thinking>{THOUGHT}</thinking>",
    "tag with a prefix": f"<seed:think>{THOUGHT}</seed:think>",
    "tag with another prefix": f"<mm:think>{THOUGHT}</mm:think>",
    "tag with an attribute": f'<thinking budget="200">{THOUGHT}</thinking>',
    "closing tag only": f"{THOUGHT}\n</think>\n\n",
    "prefixed closing tag only": f"{THOUGHT}\n</mm:think>\n\n",
    "closed twice": f"<think>{THOUGHT}</think>{THOUGHT}</think>",
    "nested": f"<think>{THOUGHT}<think>hm</think>{THOUGHT}</think>",
    "brackets": f"[THINK]{THOUGHT}[/THINK]",
    "triangles": f"\u25c1think\u25b7{THOUGHT}\u25c1/think\u25b7",
    "escaped": f"&lt;think&gt;{THOUGHT}&lt;/think&gt;",
    "full width": f"\uff1cthink\uff1e{THOUGHT}\uff1c/think\uff1e",
    "markers of a thought": f"<|begin_of_thought|>{THOUGHT}<|end_of_thought|>",
    "markers of thinking": f"<|START_THINKING|>{THOUGHT}<|END_THINKING|>",
    "one-sided channel": f"<|channel>thought\n{THOUGHT}<channel|>",
    "told": f"Thinking process:\n\n{THOUGHT}\n\n**Final answer:** ",
    "told by the command line": f"Thinking...\n{THOUGHT}\n...done thinking.\n\n",
    "a draft among the thoughts": f"<think>{THOUGHT} {DRAFT}</think>",
    "a draft among thoughts of harmony": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|channel|>final<|message|>",
}
ONLY_THOUGHT = {
    "never closed": f"<think>{THOUGHT}",
    "never closed, a draft in it": f"<thinking>{THOUGHT} {DRAFT}",
    "analysis alone": f"<|channel|>analysis<|message|>{THOUGHT}",
    "commentary": '<|channel|>commentary to=functions.web_search<|message|>{"query":"latest revenue"}<|call|>',
    "words of analysis alone": f"analysis{THOUGHT}",
    "words of a call": 'commentary to=functions.find{"query": "x"}',
    "told without an end": f"Thinking process:\n\n{THOUGHT}",
}
WRAPPED = {
    "as it is": ROWS,
    "fenced": f"```json\n{ROWS}\n```",
    "fenced with text around it": f"Here is the section as JSON:\n\n```json\n{ROWS}\n```\nI hope that this helps you!",
    "text around it": f"Sure, this is the answer. {ROWS} Tell me whether it should be longer.",
    "within an object": json.dumps({"answer": json.loads(ROWS), "comment": "This is what was asked for."}),
    "after another object": f'{{"thought": "{THOUGHT}"}}\n{ROWS}',
    "behind a brace": f"The form {{ is JSON: {ROWS}",
    "lines in a text": ROWS.replace(" in the", "\n in the"),
    "a list of texts": json.dumps({"sentences": [SAID]}),
}


def said(answer: str) -> list[str]:
    return [unit.text for unit in units(answer, complete=True)]


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("answer", [SAID, ROWS], ids=["text", "json"])
def test_only_what_follows_the_thoughts_is_read(before: str, answer: str) -> None:
    assert said(before + answer) == [SAID]


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_the_thoughts_are_told_apart_and_carry_no_marker(before: str) -> None:
    spoken = split(before + SAID)
    assert spoken.content == SAID
    assert "<" not in spoken.thinking.replace("\u25c1", "<")
    assert "[THINK" not in spoken.thinking


@pytest.mark.parametrize("answer", ONLY_THOUGHT.values(), ids=ONLY_THOUGHT)
def test_an_answer_that_is_only_thought_says_nothing(answer: str) -> None:
    assert said(answer) == []


@pytest.mark.parametrize("answer", WRAPPED.values(), ids=WRAPPED)
def test_an_object_with_sentences_anywhere_is_the_answer(answer: str) -> None:
    assert said(answer) == [SAID]


def test_a_thought_behind_the_answer_is_left_out() -> None:
    assert said(f"{SAID} <think>{THOUGHT}") == [SAID]
    assert said(f"<think>hm</think>{SAID}\n<think>{THOUGHT}") == [SAID]


def test_a_tag_within_a_sentence_hides_no_other_sentence() -> None:
    rows = [{"text": SAID, "facts": []}, {"text": "It </think> earns well enough.", "facts": []}]
    assert said(json.dumps({"sentences": rows})) == [SAID, "earns well enough."]


def test_a_tag_that_is_written_as_code_is_text() -> None:
    told = "Models think between `<think>` and `</think>`, then they answer."
    assert split(told).content == told
    assert split(f"<think>hm</think>{told}").content == told


def test_a_tool_call_is_no_prose() -> None:
    assert said('{"name": "find", "arguments": {"query": "revenue"}}') == []
    assert said('It earns well enough. {"name": "find"} It grows all the time.') == [
        "It earns well enough.",
        "It grows all the time.",
    ]


PIECES = (
    *("<think>", "</think>", "<|channel|>", "<|channel|>final<|message|>", "`", "```\n", "[THINK]", "&lt;", "<|"),
    *(
        "{",
        '{"a":',
        '{"',
        "[{",
        '{"sentences":[{"text":"a b."},',
        "analysis",
        "assistantfinal",
        "<<",
        ">",
        "\\",
        "a. A",
    ),
)


@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_time_that_grows_with_the_length(piece: str) -> None:
    def cost(size: int) -> float:
        text = piece * (size // len(piece))
        began = time.process_time()
        split(text)
        read(text)
        return time.process_time() - began

    assert cost(80_000) < 60 * max(cost(4_000), 0.01)


def test_no_thought_is_printed_counted_or_traced(client: httpx.Client, ollama: ScriptedOllama) -> None:
    ollama.chat = lambda body: says(BEFORE["words of harmony"], SAID)
    body = client.post("/generate_report", json={**REQUEST, "sections": ["risk_analysis"]}).json()
    assert body["sections"]["risk_analysis"].startswith("Revenue came to $391.04B in the year.")
    record = body["metadata"]["grounding"]
    assert record["checked"] == 1
    assert [row["text"] for row in record["trace"]] == ["Revenue came to $391.04B in the year."]
