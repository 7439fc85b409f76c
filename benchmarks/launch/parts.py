"""Parts of a long run over the points: its launches, kept as lines of a file, so that it can be stopped.

A line is the launches of one policy on the markets of one point with the numbers `first` to `first + count - 1`. In
the grid only what the target compares is run: the product, and the hedging peers. All peers are run on the same markets
and on further ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchmarks.launch.claims import P95, Found, grid, sweeps
from benchmarks.launch.measure import NAMES, PRODUCT, Case, Tally, chunk
from benchmarks.launch.rules import HEDGING

ROOT = Path(__file__).resolve().parents[2]
# What a result depends on: the product's engine with its core, and the market with its policies.
SOURCES = ("ert_deploy/core", "ert_deploy/engine", "ert_deploy/ports.py", "benchmarks/launch")
SHOWING = frozenset(("__main__", "bound", "chart", "claims", "gains", "page", "parts", "printed", "tables"))
PART = 20  # launches of the product
PEER_TIMES = 10  # launches of a peer for each of the product's, which take a hundred times as long
PLAYED = (PRODUCT, *(rule.name for rule in HEDGING))


class OtherPartsError(Exception):
    """Raised for a file with parts of another market or of other policies, or with anything else."""


class Key(NamedTuple):
    """One part: its point, its policy, and the numbers of its markets."""

    case: Case
    policy: str
    first: int
    launches: int


@cache
def fingerprint() -> str:
    """Return a digest of all source text on which a result depends: market, parameters, peers and product."""
    digest = hashlib.sha256()
    for name in SOURCES:
        files = sorted((ROOT / name).rglob("*.py")) or [ROOT / name]
        for path in files:
            if "launch" not in path.parts or path.stem not in SHOWING:
                digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


class Parts:
    """Launches by part, in memory and, if there is a path, in a file."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file, without a last line that was not written to its end. Raises OtherPartsError, OSError."""
        self._path = path
        self._found: dict[Key, Tally] = {}
        text = path.read_text() if path is not None and path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            self._read(line, f"{path}, line {number}")
        if path is not None and whole != text:
            path.write_text(whole)

    def _read(self, line: str, place: str) -> None:
        try:
            part = json.loads(line)
            code, case = part["code"], Case(part["mood"], tuple((name, value) for name, value in part["point"]))
            key, tally = Key(case, part["policy"], part["first"], part["count"]), Tally(**part["tally"])
        except (ValueError, KeyError, TypeError) as error:
            raise OtherPartsError(f"{place} is no part of the grid") from error
        if code != fingerprint():
            raise OtherPartsError(f"{place} is of other parameters or policies ({code}, now {fingerprint()})")
        self._found[key] = tally

    def add(self, key: Key, tally: Tally) -> None:
        """Keep one part. Raises OSError."""
        self._found[key] = tally
        if self._path is None:
            return
        line = {
            "code": fingerprint(), "mood": key.case.mood, "point": key.case.changed, "policy": key.policy,
            "first": key.first, "count": key.launches, "p95": tally.quantile(P95), "tally": asdict(tally),
        }  # fmt: skip
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the parts that are not there yet."""
        return [key for key in keys if key not in self._found]

    def tallies(self, keys: Iterable[Key]) -> Found:
        """Return the launches of these parts, all of which are there, by point and policy."""
        found: dict[Case, dict[str, Tally]] = {}
        for key in keys:
            found.setdefault(key.case, {}).setdefault(key.policy, Tally()).merge(self._found[key])
        return found


def plan(cases: Sequence[Case], launches: int, names: Sequence[str] = PLAYED) -> Iterator[Key]:
    """Yield every part, some of each point before more of any, so that a run that is stopped has all points."""
    for at in range(0, launches, PART):
        count = min(PART, launches - at)
        for case in cases:
            for name in names:
                times = 1 if name == PRODUCT else PEER_TIMES
                yield Key(case, name, at * times, count * times)


def sweep(launches: int, parts: Parts, *, workers: int = 1) -> Found:
    """Return the same of every policy with one knob changed, and with none. Raises OSError."""
    return play(launches, parts, cases=sweeps(), names=NAMES, workers=workers)


def play(
    launches: int, parts: Parts, *, cases: Sequence[Case] = (), names: Sequence[str] = PLAYED, workers: int = 1
) -> Found:
    """Play what is missing of so many launches of the product in each point, and return all. Raises OSError."""
    keys = list(plan(cases or grid(), launches, names))
    missing = parts.missing(keys)
    if workers == 1:
        for key in missing:
            parts.add(key, _played(key))
    else:
        with ProcessPoolExecutor(workers) as pool:
            for key, tally in zip(missing, pool.map(_played, missing), strict=True):
                parts.add(key, tally)
    return parts.tallies(keys)


def _played(key: Key) -> Tally:
    return chunk(key.case, key.first, key.launches, (key.policy,))[key.policy]
