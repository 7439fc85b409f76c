"""Billing: computes the price of everything that was rented. No I/O.

Rules (Vast docs, guides/instances/pricing): the GPU costs per second from `running` until the instance is stopped,
storage from creation until deletion, including while stopped, and network traffic per byte. Time is in `WorldClock`
seconds, money in $. The spans are opened and closed by the lifecycle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Span:
    """A period with one price: `rate` in $/h; open while `end` is None."""

    start: float
    rate: float
    end: float | None = None

    def seconds(self, now: float) -> float:
        """Return the duration until `now`, or until the end."""
        return max(0.0, (now if self.end is None else self.end) - self.start)

    def cost(self, now: float) -> float:
        """Return the price until `now`, in $."""
        return self.seconds(now) / HOUR * self.rate


@dataclass(frozen=True, slots=True)
class Transfer:
    """A download of up to `limit` GB at `speed` GB/s, for `price` $/GB; open while `end` is None."""

    start: float
    speed: float
    limit: float
    price: float
    end: float | None = None

    def gigabytes(self, now: float) -> float:
        """Return the GB downloaded until `now`, which may be before the end."""
        until = now if self.end is None else min(now, self.end)
        return min(self.limit, max(0.0, until - self.start) * self.speed)


@dataclass(slots=True)
class Meter:
    """The spans of one instance. Only the last span of each kind may be open."""

    gpu: list[Span] = field(default_factory=list)
    storage: list[Span] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)


def open_span(spans: list[Span], at: float, rate: float) -> None:
    """Open a span at `rate`; one that is open with another `rate` is closed, with the same it is kept."""
    if spans and spans[-1].end is None:
        if spans[-1].rate == rate:
            return
        close_span(spans, at)
    spans.append(Span(at, rate))


def close_span(spans: list[Span], at: float) -> None:
    """Close the open span, if there is one."""
    if spans and spans[-1].end is None:
        last = spans[-1]
        spans[-1] = Span(last.start, last.rate, max(at, last.start))


def close_transfers(transfers: list[Transfer], at: float) -> None:
    """Close every open download."""
    for index, one in enumerate(transfers):
        if one.end is None:
            transfers[index] = Transfer(one.start, one.speed, one.limit, one.price, max(at, one.start))


@dataclass(frozen=True, slots=True)
class Row:
    """One instance in seconds, GB and $; `billing` is true while it uses the GPU or storage."""

    instance_id: int
    label: str | None
    gpu_name: str
    gpu_seconds: float
    gpu_cost: float
    storage_seconds: float
    storage_cost: float
    download_gb: float
    download_cost: float
    billing: bool

    @property
    def total(self) -> float:
        """Total of this instance, in $."""
        return self.gpu_cost + self.storage_cost + self.download_cost


@dataclass(frozen=True, slots=True)
class Bill:
    """All instances in the order of creation, including destroyed ones."""

    at: float
    rows: tuple[Row, ...] = ()

    @property
    def total(self) -> float:
        """Total of all instances, in $."""
        return sum(row.total for row in self.rows)

    @property
    def running(self) -> tuple[int, ...]:
        """The instances that still cost money; must be empty after `down`."""
        return tuple(row.instance_id for row in self.rows if row.billing)

    def as_dict(self) -> dict[str, Any]:
        """Return the bill as JSON: `at`, `running`, `rows`, `totals` (gpu, storage, download, all)."""
        return {
            "at": self.at,
            "running": list(self.running),
            "rows": [{**asdict(row), "total": row.total} for row in self.rows],
            "totals": {
                "gpu": sum(row.gpu_cost for row in self.rows),
                "storage": sum(row.storage_cost for row in self.rows),
                "download": sum(row.download_cost for row in self.rows),
                "all": self.total,
            },
        }

    def render_text(self) -> str:
        """Return the bill as a text table; the last line lists `running`."""
        lines = [f"{'instance':>10}  {'gpu':<12} {'gpu h':>8} {'stored h':>9} {'GB in':>7} {'$':>9}"]
        lines += [
            f"{row.instance_id:>10}  {row.gpu_name:<12.12} {row.gpu_seconds / HOUR:>8.3f} "
            f"{row.storage_seconds / HOUR:>9.3f} {row.download_gb:>7.2f} {row.total:>9.4f}"
            for row in self.rows
        ]
        still = ", ".join(map(str, self.running)) or "nothing"
        return "\n".join([*lines, f"total ${self.total:.4f}; still running: {still}", ""])


def row_of(instance_id: int, label: str | None, gpu_name: str, meter: Meter, now: float) -> Row:
    """Return the row of one instance at `now`."""
    gigabytes = [one.gigabytes(now) for one in meter.transfers]
    return Row(
        instance_id,
        label,
        gpu_name,
        gpu_seconds=_sum(span.seconds(now) for span in meter.gpu),
        gpu_cost=_sum(span.cost(now) for span in meter.gpu),
        storage_seconds=_sum(span.seconds(now) for span in meter.storage),
        storage_cost=_sum(span.cost(now) for span in meter.storage),
        download_gb=_sum(gigabytes),
        download_cost=_sum(gb * one.price for gb, one in zip(gigabytes, meter.transfers, strict=True)),
        billing=_is_open(meter.gpu) or _is_open(meter.storage),
    )


def _sum(values: Iterable[float]) -> float:
    return sum(values, 0.0)


def _is_open(spans: Sequence[Span]) -> bool:
    return bool(spans) and spans[-1].end is None
