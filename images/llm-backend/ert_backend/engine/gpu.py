"""GPU status from `nvidia-smi`. Without that tool (a sandbox, a broken driver) the status is None, not an error.

With a hung card the tool blocks in the kernel, where it cannot be killed: it is left there, and no other is started.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil

from typing_extensions import TypedDict

PATIENCE = 3.0
FIELDS = ("name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu")


class Card(TypedDict):
    """One card, in MiB, percent and degrees Celsius; null where the tool does not say."""

    name: str
    memory_total_mb: float | None
    memory_used_mb: float | None
    utilization_percent: float | None
    temperature_c: float | None


async def read() -> list[Card] | None:
    """Return one row per card in MiB, percent and degrees Celsius; None without a result within 3 seconds."""
    tool = shutil.which("nvidia-smi")
    if tool is None or any(process.returncode is None for process in _left):
        return None
    _left.clear()
    process = await asyncio.create_subprocess_exec(
        tool,
        f"--query-gpu={','.join(FIELDS)}",
        "--format=csv,noheader,nounits",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    except TimeoutError:
        _left.append(process)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    return parse(output.decode(errors="replace")) if process.returncode == 0 else None


_left: list[asyncio.subprocess.Process] = []


async def names() -> list[str]:
    """Return the names of the cards; an empty list when they are unknown."""
    return [str(row["name"]) for row in await read() or []]


def parse(text: str) -> list[Card] | None:
    """Parse the tool's CSV output; a field that it does not support is None."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    return [_card(*row) for row in rows if len(row) == 5] or None


def _card(name: str, total: str, used: str, utilization: str, temperature: str) -> Card:
    return {
        "name": name,
        "memory_total_mb": _number(total),
        "memory_used_mb": _number(used),
        "utilization_percent": _number(utilization),
        "temperature_c": _number(temperature),
    }


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
