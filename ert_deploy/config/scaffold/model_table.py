"""Model table: what to know before a model is chosen, for `init` and docs/models.md. Only data, with its sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A model: its download in GB, its memory with 8k tokens of context, its size, and tokens/s of one stream.

    The cards are a GeForce 3090 (24 GB) and a 4080 (16 GB); `measured` is False for the speed of a model alike.
    """

    tag: str
    gb: float
    memory: str
    quality: str
    speed_24: int
    speed_16: int
    measured: bool = True


# smeltcore.com gpt-oss recipes (2026-05), XiongjieDai/GPU-Benchmarks-on-LLM-Inference (2024-05); sizes: the registry's.
ROWS = (
    Row("gpt-oss:20b", 13.8, "13-15 GB", "best, 20.9B", 147, 139),
    Row("llama3.1:8b", 4.9, "6-8 GB", "plain, 8B", 112, 106),
    Row("mistral:7b", 4.4, "6-8 GB", "plain, 7B", 112, 106, measured=False),
)
BUDGET = (
    "gpu_ram 16GB is the budget choice: more offers match. gpt-oss:20b just fits,",
    "with a context of at most 16k; docs/models.md has sources and prices.",
)


def lines() -> list[str]:
    """Return the table for a terminal of 80 columns."""
    head = "model        download  memory    tokens/s 3090  4080 16GB  quality"
    return [head, *(_line(row) for row in ROWS), *BUDGET]


def _line(row: Row) -> str:
    speeds = [f"{'' if row.measured else '~'}{speed}" for speed in (row.speed_24, row.speed_16)]
    return f"{row.tag:12} {row.gb:5.1f} GB  {row.memory:9} {speeds[0]:>13}  {speeds[1]:>9}  {row.quality}"
