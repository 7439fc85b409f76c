"""GPU status from `nvidia-smi`. Without that tool (a sandbox, a broken driver) the status is None, not an error.

With a hung card the tool blocks in the kernel, where it cannot be killed: it is left there, and no other is started.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil

PATIENCE = 3.0
FIELDS = ("name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu")


async def read() -> list[dict[str, str | float | None]] | None:
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


def parse(text: str) -> list[dict[str, str | float | None]] | None:
    """Parse the tool's CSV output; a field that it does not support is None."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    keys = ("memory_total_mb", "memory_used_mb", "utilization_percent", "temperature_c")
    return [
        {"name": row[0], **dict(zip(keys, map(_number, row[1:]), strict=True))} for row in rows if len(row) == 5
    ] or None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
