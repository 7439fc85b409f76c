"""Copies of the repository in which one mutant of the product is tested."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def copy_into(top: Path) -> None:
    """Copy product and tests into an existing folder, and link everything else."""
    for entry in ROOT.iterdir():
        if entry.name not in ("ert_deploy", "tests", ".git", ".venv"):
            (top / entry.name).symlink_to(entry)
    ignored = shutil.ignore_patterns("__pycache__", "screenshots", "node_modules")
    for part in ("ert_deploy", "tests"):
        shutil.copytree(ROOT / part, top / part, ignore=ignored)
