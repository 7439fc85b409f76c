"""Neighbours: whether a process that this user can read has the agent's variables. Names alone, never a value."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

PROC = Path("/proc")


def telling(names: Collection[str], proc: Path = PROC) -> Iterator[str]:
    """Yield a line for each process whose environment can be read and has one of these, this process included."""
    for folder in sorted(proc.iterdir()):
        if not folder.name.isdecimal():
            continue
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
            program = (folder / "comm").read_text(errors="replace").strip()
        except OSError:
            continue
        found = {entry.partition(b"=")[0].decode("ascii", "replace") for entry in entries if entry[-1:] != b"="}
        if shown := sorted(found.intersection(names)):
            yield f"the dashboard can read {', '.join(shown)} of process {folder.name} ({program})"
