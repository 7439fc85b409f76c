"""The causes as data: enough of them, one line each, and a way to tell the right finding."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.doctor_bench.healthy import KINDS, worlds
from tests.doctor_bench.pairs import PAIRS
from tests.doctor_bench.troubles import BY_ID, SINGLES, Trouble


def test_there_are_enough_of_each() -> None:
    assert len(SINGLES) >= 40
    assert len({one.plant for one in SINGLES}) == len(SINGLES)
    assert len(PAIRS) == len({pair.id for pair in PAIRS}) == 20
    assert len({world.id for world in worlds()}) == 100
    assert set(Counter(world.kind for world in worlds()).values()) == {100 // len(KINDS)}


@pytest.mark.parametrize("trouble", SINGLES, ids=lambda one: one.id)
def test_a_cause_is_one_sentence_and_would_be_found_by_its_words(trouble: Trouble) -> None:
    assert "\n" not in trouble.cause
    assert len(trouble.cause) <= 100
    assert trouble.words
    assert all(word == word.lower() for word in trouble.words)
    assert trouble.found_in(trouble.cause), "none of its words is in its own cause"
    assert not trouble.found_in("")


@pytest.mark.parametrize(
    ("id", "finding"),
    [
        ("port-moved", "a report"),
        ("locked", "the clock"),
        ("deploy-fails", "run `ert-deploy up`"),
        ("outbid", "forbidden"),
    ],
)
def test_a_word_inside_of_another_one_is_not_found(id: str, finding: str) -> None:
    assert not BY_ID[id].found_in(finding)


def test_a_pair_begins_with_what_needs_a_launch_and_both_need_the_same_world() -> None:
    for pair in PAIRS:
        assert not pair.second.launch, pair.id
        assert pair.first is not pair.second
        assert not (pair.own_app and pair.first.launch), pair.id
