"""RUNBOOK, "First real run": its config is accepted, and the lines to expect are those that `up` and `down` print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ert_deploy.config import load

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "RUNBOOK.md").read_text().split("\n## First real run\n")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^ *```\n(.*?)^ *```$", SECTION, re.MULTILINE | re.DOTALL)
PRINTED = (ROOT / "docs" / "evidence.md").read_text().split("$ ert-deploy up\n")[1]
WORDS = re.compile(r"\b(?:N|GPU|PLACE|WORDS|ID|URL|MODEL|ENGINE|SERVICE|NAMES|DEPLOYMENT)\b|\\\$P\b")


def pattern(line: str) -> re.Pattern[str]:
    """Return what a line of the runbook stands for; names in capitals stand for anything."""
    return re.compile(WORDS.sub(".+", re.escape(line.strip())))


def test_the_lines_to_expect_are_printed_in_this_order() -> None:
    lines, at = PRINTED.splitlines(), 0
    expected = BLOCKS[1].splitlines()
    assert len(expected) == 9
    for line in expected:
        found = [n for n in range(at, len(lines)) if pattern(line).fullmatch(lines[n])]
        assert found, f"`up` does not print {line.strip()!r} after line {at}"
        at = found[0] + 1


def test_what_down_ends_with_is_printed() -> None:
    (said,) = re.findall(r"It has to end with `(.+?)`", SECTION)
    assert any(pattern(said).fullmatch(line) for line in PRINTED.splitlines())


def test_the_config_of_the_first_run_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "first.yaml"
    path.write_text(
        "deployment: first\noffer: {max_dph: 0.4}\nrender: {services: [{name: shop}]}\n"
        + BLOCKS[0].replace("launch:\n", "launch:\n  image: ghcr.io/me/backend:1\n  model: gpt-oss:20b\n")
    )
    settings = load(path)
    assert settings.desired.max_cost == pytest.approx(0.5)
