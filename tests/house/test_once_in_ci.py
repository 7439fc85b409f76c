"""CI runs each test once: what `make test` leaves out after `make check` is what `make check` has run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Of each kind: house rules, core, engine with and without processes, and a folder that `make check` does not run.
FILES = (
    "tests/house/test_security_page.py", "tests/core/test_age.py", "tests/engine/test_rotating.py",
    "tests/docs/test_known_exceptions.py",
)  # fmt: skip


def collected(*arguments: str, **environ: str) -> set[str]:
    """Return the ids of the tests that pytest would run."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--collect-only", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ERT_")}
    done = subprocess.run(command, cwd=ROOT, env=kept | environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if "::" in line}


def runs_of_check() -> list[list[str]]:
    """Return the arguments of each run of pytest that the recipe of `make coverage` always makes, with our files."""
    recipe = re.search(r"^coverage:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    found = re.findall(r"^\t(?:\$\(BIN\)/pytest -q \$\(COMPUTING\)|\$\(COVERED\)) (.*)$", recipe[1], re.MULTILINE)
    runs = []
    for words in map(shlex.split, found):
        folders = tuple(f"{word}/" for word in words if word.startswith("tests/"))
        options = [word for word in words if not word.startswith("tests/")]
        runs.append([*options, *(file for file in FILES if file.startswith(folders))])
    return runs


def test_make_check_and_then_make_test_run_each_test_once() -> None:
    checked = [collected(*run) for run in runs_of_check()]
    after = collected(*FILES, ERT_AFTER_CHECK="1")
    assert len(checked) == 2
    assert all([*checked, after])
    assert set.union(*checked) & after == set()
    assert set.union(*checked) | after == collected(*FILES)


def test_ci_leaves_out_only_after_the_check() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line.partition(" #")[0] for line in lines]
    assert "set -euo pipefail" in commands, "a check that fails ends the run"
    assert commands.index("part check") < commands.index("ERT_AFTER_CHECK=1 part test")
    assert sum("ERT_AFTER_CHECK" in line for line in lines) == 1
