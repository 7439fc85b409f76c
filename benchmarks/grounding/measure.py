"""Counts the detected errors by kind, and the true sentences removed, for templates and for model output."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.grounding.companies import TICKERS, Subject, invented, subject
from benchmarks.grounding.plants import plants
from benchmarks.grounding.written import true_sentences
from ert_backend.reports.draft import Unit
from ert_backend.reports.prose import Dropped, judge

FOLDER = Path(__file__).parent
REAL = ("AAPL", "BRK-B", "MSFT", "NVDA")


@dataclass(slots=True)
class Count:
    """Of `all` sentences `hit` were removed; `others` are the misclassified ones."""

    all: int = 0
    hit: int = 0
    others: list[str] = field(default_factory=list)


def falls(about: Subject, text: str) -> bool:
    """Whether the sentence would be removed from a report."""
    return isinstance(judge(Unit(text, " "), about.facts, about.known), Dropped)


def caught(each: int, seed: int) -> tuple[dict[str, Count], Count]:
    """Count the detected errors by kind, and the removed true sentences from which they were made."""
    subjects = {name: subject(name) for name in REAL}
    every = subjects | {"NRDC": invented()}
    families: dict[str, Count] = {}
    true: dict[str, str] = {}
    for plant in plants(list(subjects.values()), each, seed):
        count = families.setdefault(plant.family, Count())
        count.all += 1
        true[plant.true] = plant.ticker
        if falls(every[plant.ticker], plant.false):
            count.hit += 1
        else:
            count.others.append(plant.false)
    return families, _false_alarms((every[ticker], text) for text, ticker in true.items())


def templates() -> Count:
    """Count the removed true sentences of manually written templates in many formats."""
    return _false_alarms((about, text) for about in map(subject, REAL) for text in true_sentences(about))


def model_texts() -> tuple[Count, Counter[str]]:
    """Count the removed sentences of real model output; one is a false alarm unless a reviewer judged it incorrect."""
    lines = (FOLDER / "corpus_model.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    judged = {(row["ticker"], row["text"]): row["why"] for row in json.loads((FOLDER / "judged.json").read_text())}
    subjects = {name: subject(name) for name in TICKERS}
    count, kinds = Count(), Counter[str]()
    for line in lines:
        row = json.loads(line)
        count.all += 1
        fell, why = falls(subjects[row["ticker"]], row["text"]), judged.get((row["ticker"], row["text"]))
        kinds["wrong and taken out" if fell and why else "wrong and kept" if why else "right"] += 1
        if fell and not why:
            count.hit += 1
            count.others.append(row["text"])
    return count, kinds


def _false_alarms(sentences: Iterable[tuple[Subject, str]]) -> Count:
    count = Count()
    for about, text in sentences:
        count.all += 1
        if falls(about, text):
            count.hit += 1
            count.others.append(text)
    return count
