"""Counts the sentences of the set that are removed, by kind, as a report would remove them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.grounding.companies import Subject, about
from benchmarks.grounding.measure import falls

FOLDER = Path(__file__).parent
OPEN, HELD, VARIANTS = (FOLDER / f"{name}.json" for name in ("open", "held", "variants"))
COMPANIES = FOLDER / "companies.json"


@dataclass(slots=True)
class Share:
    """The counts of false and true sentences that were removed; `wrong` are the misclassified ones."""

    false: int = 0
    false_out: int = 0
    true: int = 0
    true_out: int = 0
    wrong: list[str] = field(default_factory=list)

    def __add__(self, other: Share) -> Share:
        return Share(
            self.false + other.false,
            self.false_out + other.false_out,
            self.true + other.true,
            self.true_out + other.true_out,
            self.wrong + other.wrong,
        )


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file: kind, company, sentence, true, why. Raise OSError or ValueError when unreadable."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(rows, list):
        raise ValueError(f"{path}: a list of sentences is expected")
    return rows


def promised(path: Path) -> str:
    """Return whether the hash of a file was committed in advance, as a text. Raise ValueError when it differs."""
    committed = FOLDER / path.with_suffix(".sha256").name
    if not committed.exists():
        return "read"
    if hashlib.sha256(path.read_bytes()).hexdigest() != committed.read_text().split()[0]:
        raise ValueError(f"{path}: not the file whose hash is in {committed.name}")
    return "the file whose hash was committed"


@cache
def companies() -> dict[str, Subject]:
    """Return the companies of the set by name."""
    return {name: about(request) for name, request in json.loads(COMPANIES.read_text(encoding="utf-8")).items()}


def measure(rows: Iterable[dict[str, Any]]) -> dict[str, Share]:
    """Return the counts by kind, in the order of the file."""
    kinds: dict[str, Share] = {}
    for row in rows:
        share = kinds.setdefault(row["kind"], Share())
        out = falls(companies()[row["company"]], row["sentence"])
        if row["true"]:
            share.true, share.true_out = share.true + 1, share.true_out + out
        else:
            share.false, share.false_out = share.false + 1, share.false_out + out
        if out == row["true"]:
            share.wrong.append(f"{'T' if row['true'] else 'F'} {row['company']}: {row['sentence']}")
    return kinds
