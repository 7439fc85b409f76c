"""The limits of `make grounding` on a smaller sample: every planted error is found, true sentences are kept."""

from __future__ import annotations

from benchmarks.grounding.measure import caught, model_texts, templates

PROMISE = 0.02


def test_every_planted_error_is_found_and_the_true_sentence_stands() -> None:
    families, base = caught(40, seed=5)
    assert {name: count.others for name, count in families.items() if count.others} == {}
    assert sum(count.all for count in families.values()) == 40 * len(families) >= 480
    assert base.others == []


def test_true_sentences_in_many_notations_stand() -> None:
    count = templates()
    assert count.all > 200
    assert count.others == []


def test_real_model_texts_lose_hardly_a_right_sentence_and_keep_no_wrong_one() -> None:
    count, kinds = model_texts()
    assert count.all > 150
    assert count.hit < PROMISE * count.all, count.others
    assert kinds["wrong and kept"] == 0
    assert kinds["wrong and taken out"] > 50
