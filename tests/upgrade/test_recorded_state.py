"""State files of earlier releases: the current store reads them, and keeps every value when saving them again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ert_deploy.adapters.clock import RealClock
from ert_deploy.adapters.state.file import StateFile
from ert_deploy.config import ConfigProblems, load

RECORDED = Path(__file__).parent / "recorded"
FILES = sorted(RECORDED.glob("*/state/*.json"))
FACTS = ("records", "rollouts", "intents", "tombstones", "denied")


def test_nothing_in_a_recording_opens_anything() -> None:
    """The API key and the boot secret are plain text, and there is no private key."""
    for path in RECORDED.rglob("*"):
        if path.is_file() and path.suffix not in (".whl", ".md"):
            content = path.read_bytes()
            assert b"PRIVATE KEY" not in content, path
            keys = re.findall(rb"ert-[A-Za-z0-9_-]{32}", content)
            assert all(key.startswith(b"ert-NOT-A-SECRET-ONLY-A-TEST-") for key in keys), path
    for path in RECORDED.glob("*/instance.json"):
        variables = dict(json.loads(path.read_text())["extra_env"])
        assert bytes.fromhex(variables["ERT_BOOT_SECRET"]) == b"not a secret: an upgrade fixture"
        assert "CONTAINER_API_KEY" not in variables


def leaves(value: Any) -> Iterator[Any]:
    """Yield every scalar value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


def test_there_are_some() -> None:
    assert {path.stem for path in FILES} >= {"up", "running", "asleep"}


def test_a_recorded_config_is_told_the_one_line_to_change_and_goes_down_as_it_is() -> None:
    (config,) = RECORDED.glob("85926eb/ert.yaml")
    with pytest.raises(ConfigProblems) as refused:
        load(config)
    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (36, "timings/settle")
    assert problem.hint == "settle: 13m, or a shorter call_within"
    assert load(config, going_down=True).desired.timings.settle == 13 * 60


@pytest.mark.parametrize("recorded", FILES, ids=lambda path: str(path.relative_to(RECORDED)))
def test_a_recorded_state_is_read_and_written_back_without_losing_a_fact(recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    shutil.copy(recorded, path)
    then = json.loads(recorded.read_text())["state"]
    store = StateFile(path, then["deployment"], RealClock())

    state = store.load()
    assert [record.id for record in state.records] == [str(row["id"]) for row in then["records"]]
    assert [record.token for record in state.records] == [row["token"] for row in then["records"]]
    written = store.save(state)
    assert store.load() == written == replace(state, generation=state.generation + 1)

    now = json.loads(path.read_text())["state"]
    kept = set(leaves(now))
    facts = [str(value) if type(value) is int else value for name in FACTS for value in leaves(then[name])]
    assert [fact for fact in facts if fact not in kept] == [], "only ids were numbers, and are text now"
