"""Reasoning is separated from content, at any chunk boundaries."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ert_backend.api.thoughts import Splitter, split

SAID = "Revenue came to 5."
THOUGHTS = "We need to write it.\n\nPerhaps it is a strong buy."
FORMS = {
    "harmony": f"<|channel|>analysis<|message|>{THOUGHTS}<|end|><|start|>assistant<|channel|>final<|message|>{SAID}",
    "harmony, commentary too": f"<|channel|>analysis<|message|>{THOUGHTS}<|end|><|start|>assistant"
    f"<|channel|>commentary to=functions.f <|constrain|>json<|message|><|call|><|start|>assistant<|channel|>final"
    f"<|message|>{SAID}<|return|>",
    "harmony without markers": f"analysis{THOUGHTS}assistantfinal{SAID}",
    **{
        name: f"<{name}>{THOUGHTS}</{name}>\n\n{SAID}"
        for name in ("think", "thinking", "seed:think", "mm:think", "Think", "thought", "reasoning", "ns:reason")
    },
    "tag with an attribute": f'<thinking budget="200">{THOUGHTS}</thinking>\n{SAID}',
    "brackets": f"[THINK]{THOUGHTS}[/THINK]{SAID}",
    "triangles": f"\u25c1think\u25b7{THOUGHTS}\u25c1/think\u25b7{SAID}",
    "full width": f"\uff1cthink\uff1e{THOUGHTS}\uff1c/think\uff1e{SAID}",
    "escaped": f"&lt;think&gt;{THOUGHTS}&lt;/think&gt;{SAID}",
    "markers of a thought": f"<|begin_of_thought|>{THOUGHTS}<|end_of_thought|>{SAID}",
    "markers of thinking": f"<|START_THINKING|>{THOUGHTS}<|END_THINKING|>{SAID}",
    "one-sided channel": f"<|channel>thought\n{THOUGHTS}<channel|>{SAID}",
}
UNPAIRED = f"{THOUGHTS}\n</think>\n\n{SAID}"
PLAIN = (
    "Hello.",
    "a < b, <b>x</b> and 3<4",
    "analysis of it",
    "Analysis: good",
    "commentary",
    "",
    "  indented",
    "the tags `<think>` and `</think>` mark it",
    "<",
    "x <|",
    "R&D at AT&T, a list [1] and [THAT]",
    "<analysis>what the user asked for</analysis>",
    "Thinking process: to be told. Final answer: 5",
)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_thoughts_is_known(name: str) -> None:
    assert split(FORMS[name]) == (SAID, THOUGHTS)


def test_before_a_closing_tag_without_an_opening_one_all_is_thought() -> None:
    assert split(UNPAIRED) == (SAID, THOUGHTS)


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert split(text) == (text, "")


def test_thoughts_that_never_end_are_thoughts() -> None:
    assert split("<think>hm, so") == ("", "hm, so")
    assert split("<|channel|>analysis<|message|>hm, so") == ("", "hm, so")
    assert split("analysisHm, so on and on and on and on") == ("", "Hm, so on and on and on and on")


@given(st.sampled_from([*FORMS.values(), *PLAIN]), st.lists(st.integers(1, 12), max_size=80))
def test_a_stream_gives_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    splitter, place, said, thought = Splitter(), 0, "", ""
    for length in [*cuts, len(text)]:
        a, b = splitter.feed(text[place : place + length])
        said, thought, place = said + a, thought + b, place + length
    a, b = splitter.close()
    whole = split(text)
    assert (splitter.answer, splitter.thought) == whole
    assert ((said + a).lstrip() if whole[1] else said + a, (thought + b).strip()) == whole


def test_a_closing_tag_alone_takes_nothing_from_what_a_stream_says_behind_it() -> None:
    splitter = Splitter()
    told = [splitter.feed(piece) for piece in ("We ", "need", " it.</think>Revenue", " came", " to 5.")]
    told.append(splitter.close())
    assert "".join(said for said, _ in told) == "We need it.Revenue came to 5."
    assert "".join(thought for _, thought in told) == ""
    assert (splitter.answer, splitter.thought) == ("Revenue came to 5.", "We need it.")


def test_what_was_thought_stays_in_its_order() -> None:
    assert split("<think>First.</think> Second. </think>Third.") == ("Third.", "First. Second.")


def test_many_closing_tags_cost_time_that_grows_with_their_number() -> None:
    def cost(number: int) -> float:
        began = time.process_time()
        split("a</think>" * number)
        return time.process_time() - began

    assert cost(20_000) < 60 * max(cost(1_000), 0.004)
