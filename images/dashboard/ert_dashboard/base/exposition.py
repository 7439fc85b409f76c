"""Text format of Prometheus (version 0.0.4): families of samples, and histograms. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Family:
    """One metric: its name in Prometheus, its kind, its labels and its description."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Sample:
    """One value of a family; `suffix` is that of a histogram's series."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


class Histogram:
    """Counts of values by upper bounds, which are in ascending order. Not thread-safe."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value."""
        at = next(i for i, bound in enumerate(self._bounds) if value <= bound)
        self._counts[at] += 1
        self._sum += value

    def samples(self) -> Iterator[Sample]:
        """Yield the cumulative buckets, the sum and the count."""
        total = 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            yield Sample(total, {"le": _number(bound)}, "_bucket")
        yield Sample(self._sum, suffix="_sum")
        yield Sample(total, suffix="_count")


def exposition(families: Iterable[tuple[Family, Iterable[Sample]]]) -> str:
    """Return the text of all families that have a sample."""
    return "".join(f"{line}\n" for family, samples in families for line in _lines(family, tuple(samples)))


def _lines(family: Family, samples: tuple[Sample, ...]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP {family.name} {family.text}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        yield f"{family.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _number(value: float) -> str:
    return "+Inf" if value == math.inf else repr(float(value))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
