"""Reference pages: identical to the output of `make reference`. `tests/backend` checks the metrics of a backend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci import reference
from ert_deploy.cli import COMMANDS
from ert_deploy.config.schema.keys import keys
from ert_deploy.config.schema.parts import Field, Many


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (reference.DOCS / name).read_text() == reference.page(name), "run `make reference`"


def test_a_page_without_its_marker_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.md").write_text("# Config keys\n")
    monkeypatch.setattr(reference, "DOCS", tmp_path)
    with pytest.raises(ValueError, match=r"docs/config\.md needs the marker line once"):
        reference.page("config.md")


def test_every_command_and_every_key_is_there_with_words() -> None:
    assert {path.split(" ")[0] for path, _ in reference.every_command()} == set(COMMANDS)
    rows = dict(re.findall(r"^\| `([\w/*]+)` \| (.+?) \|", reference.config(), re.MULTILINE))
    assert set(rows) == {path for path, part in keys() if isinstance(part, Field | Many)}


def test_the_table_of_exit_codes_names_each_code_that_the_program_can_end_with_and_no_other() -> None:
    by_hand = (reference.DOCS / "exit-codes.md").read_text().partition(reference.MARKER)[0]
    generated = reference.exit_codes()
    rows = re.compile(r"^\| (\d+) \|", re.MULTILINE)
    assert sorted(rows.findall(by_hand), key=int) == sorted(set(rows.findall(generated)), key=int)
    assert {"0", "1", "2", "3", "4", "5", "6", "130", "141"} == set(rows.findall(by_hand))
