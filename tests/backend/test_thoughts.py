"""Thoughts are told from answers, however the text is cut into pieces."""

from __future__ import annotations

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
        for name in ("think", "thinking", "seed:think", "mm:think", "Think")
    },
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
