"""Ignored files: adds local state and files with keys to the `.gitignore` of a project. Entries are only appended."""

from __future__ import annotations

from pathlib import Path

NAME = ".gitignore"
HEAD = "# ert-deploy: local state, and files that may hold keys"
ENTRIES = (".ert/", "*.key", ".env")


def ignoring(folder: Path, text: str) -> str | None:
    """Return the text with the entries that it lacks; None if it lacks none, or the folder is in no git repository."""
    has = {line.strip().lstrip("/").rstrip("/") for line in text.splitlines()}
    lacks = [entry for entry in ENTRIES if entry.rstrip("/") not in has]
    if not lacks or not (text or _in_git(folder)):
        return None
    start = text if not text or text.endswith("\n") else f"{text}\n"
    return "\n".join([start + HEAD, *lacks]) + "\n"


def _in_git(folder: Path) -> bool:
    here = folder.absolute()
    return any((one / ".git").exists() for one in (here, *here.parents))
