"""The permission table in docs/keys.md: each command succeeds with exactly those, and fails without any of them.

Keys are created on the sandbox's Vast with permissions, like on Vast. Render's column is tested by rejecting writes, or
the key, for the commands that are documented not to need them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.cli import COMMANDS
from ert_deploy.sandbox.runtime.clock import WorldClock
from ert_deploy.sandbox.vast.user.rights import CATEGORIES
from tests.e2e.conftest import Place

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(280)]
ROOT = Path(__file__).resolve().parents[2]
RENDER_WRITES = ("put_env_var", "delete_env_var", "create_deploy", "put_env_vars", "update_service")


@dataclass(frozen=True)
class Row:
    """The permissions of one command: categories on Vast, those needed in some cases only, and the access on Render."""

    vast: frozenset[str]
    sometimes: frozenset[str]
    render: str


def table() -> dict[str, Row]:
    section = (ROOT / "docs" / "keys.md").read_text().partition("\n## Where the apps' keys are kept\n")[0]
    found: dict[str, Row] = {}
    for names, vast, render in re.findall(r"^\| (`.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE):
        parts = [] if vast == "no key" else re.split(r", (?![^(]*\))", vast)
        words = {part.split(" ")[0]: "(" in part for part in parts}
        row = Row(frozenset(words), frozenset(name for name, some in words.items() if some), render)
        found |= dict.fromkeys(re.findall(r"`([a-z][a-z -]*)`", names), row)
    return found


TABLE = table()


def test_the_table_has_every_command_and_knows_every_category() -> None:
    assert {name.split(" ")[0] for name in TABLE} == set(COMMANDS)
    assert {category for row in TABLE.values() for category in row.vast} <= CATEGORIES
    assert {row.render for row in TABLE.values()} == {"no key", "reads", "writes"}
    assert "user_read" not in {category for row in TABLE.values() for category in row.vast}


@contextmanager
def keys(place: Place, vast: frozenset[str] | None, render: str = "") -> Iterator[None]:
    """Replace the keys in the sandbox's file: one with these permissions (None: an invalid one), and `render`."""
    path = place.folder / ".ert" / "sandbox" / "world.json"
    whole = path.read_text()
    key = "nobody" if vast is None else made(place, vast)
    said: dict[str, Any] = json.loads(whole)
    path.write_text(json.dumps(said | {"vast_key": key} | ({"render_key": render} if render else {})))
    try:
        yield
    finally:
        path.write_text(whole)


def made(place: Place, rights: frozenset[str]) -> str:
    """Return the one key with these permissions, created on first use."""
    kept = place.folder / f"key-{'-'.join(sorted(rights))}"
    if kept.exists():
        return kept.read_text()
    body = {"name": "limited", "permissions": {"api": {name: {} for name in rights}}}
    url = f"{place.world.vast_url}/api/v0/auth/apikeys/"
    answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {place.world.vast_key}"}, timeout=10)
    kept.write_text(answer.json()["key"])
    return kept.read_text()


def refuse_render_writes(place: Place) -> None:
    for operation in RENDER_WRITES:
        place.fault(provider="render", operation=operation, status=403, body='{"message": "forbidden"}', count=99)


def exactly(place: Place, *words: str, row: str = "", rights: frozenset[str] | None = None) -> Any:
    """Run the command with the permissions of its row, and on Render no more than its row allows."""
    mine = TABLE[row or words[0]]
    if mine.render == "reads":
        refuse_render_writes(place)
    with keys(place, rights if rights is not None else mine.vast or None, "nobody" if mine.render == "no key" else ""):
        said = place.data(*words)
    place.fault(provider="render", clear=True)
    return said


def one_less(place: Place, *words: str, row: str = "", but: str = "") -> None:
    """Assert that the command fails without each of its permissions in turn, except `but`."""
    rights = TABLE[row or words[0]].vast
    for missing in sorted(rights - {but}):
        with keys(place, rights - {missing}):
            done = place.start(*words)
            _, err = done.communicate(timeout=100)
        assert done.returncode in (1, 2, 5), f"{words} without {missing}: {done.returncode}"
        assert "Traceback" not in err


def no_render_writes(place: Place, *words: str) -> None:
    refuse_render_writes(place)
    done = place.start(*words)
    done.communicate(timeout=100)
    assert done.returncode != 0, f"{words} needs no right to write at Render"
    place.fault(provider="render", clear=True)


@pytest.mark.nightly
def test_from_nothing_to_nothing_with_the_least_rights(place: Place) -> None:
    assert exactly(place, "offers")["offers"]
    one_less(place, "offers")
    said = exactly(place, "plan")
    assert said["steps"]
    assert any("were not read" in f["what"] for f in said["findings"])
    one_less(place, "plan")
    one_less(place, "up")
    assert place.instances() == []
    # The rejected create remains under observation with the key it was sent with; the next key is a different one.
    (place.folder / ".ert" / "ert-sandbox.json").unlink()
    no_render_writes(place, "up")
    assert len(exactly(place, "up")["backends"]) == 1

    assert exactly(place, "status")["backends"][0]["health"] == "healthy"
    one_less(place, "status")
    assert exactly(place, "cost")["month"]["charged_usd"] > 0
    plain = exactly(place, "cost", rights=TABLE["cost"].vast - TABLE["cost"].sometimes)
    assert any("billing_read" in note for note in plain["notes"])
    assert exactly(place, "logs")["lines"]
    one_less(place, "logs")
    with keys(place, None):
        done = place.start("report", "NOSUCH")
        assert "no data for this ticker" in done.communicate(timeout=100)[1], "the app was not asked"
    no_render_writes(place, "key", "rotate")
    one_less(place, "key", "rotate", row="key rotate")
    exactly(place, "key", "rotate", row="key rotate")
    exactly(place, "state", "rebuild", row="state rebuild")
    one_less(place, "state", "rebuild", row="state rebuild")

    one_less(place, "sleep")
    assert exactly(place, "sleep")["changed"]
    one_less(place, "wake", but="misc")
    assert exactly(place, "wake", rights=TABLE["wake"].vast - TABLE["wake"].sometimes)["changed"]
    one_less(place, "down")
    assert exactly(place, "down")["changed"]
    assert place.instances() == []


def forget(place: Place, id: int, label: str) -> None:
    """Delete the state and edit the instance's label: an operator has to decide on it then."""
    (place.folder / ".ert" / "ert-sandbox.json").unlink(missing_ok=True)
    url = f"{place.world.vast_url}/api/v0/instances/{id}/"
    headers = {"Authorization": f"Bearer {place.world.vast_key}"}
    assert requests.put(url, json={"label": label}, headers=headers, timeout=10).json()["success"]


def test_what_a_person_decides_takes_no_more_than_the_table_says(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    id = backend["instance"]
    token = json.loads((place.folder / ".ert" / "ert-sandbox.json").read_text())["state"]["records"][0]["token"]
    forget(place, id, "mine")
    for word in ("ignore", "adopt"):
        one_less(place, word, str(id), "--yes")
        assert exactly(place, word, str(id), "--yes")["decision"]
    place.data("sleep")
    forget(place, id, f"ert1:ert-sandbox:{token}")
    strays = ("reap", "--state-is-lost", "--yes")
    some = TABLE["reap"].vast - TABLE["reap"].sometimes
    assert exactly(place, "reap", "--dry-run", rights=some)["strays"]
    one_less(place, *strays)
    assert place.instances() == [id]
    assert exactly(place, *strays)["destroyed"] == [id]


def test_destroying_one_that_nobody_knows_takes_the_right_to_write(place: Place) -> None:
    (backend,) = place.data("up")["backends"]
    id = backend["instance"]
    forget(place, id, "mine")
    one_less(place, "destroy", str(id), "--yes")
    assert place.instances() == [id]
    assert exactly(place, "destroy", str(id), "--yes")["decision"] == "destroyed"
    assert place.instances() == []


def test_plan_names_what_the_account_puts_into_every_container_and_never_a_value(place: Place) -> None:
    url, headers = f"{place.world.vast_url}/api/v0/secrets/", {"Authorization": f"Bearer {place.world.vast_key}"}
    assert not any("account" in found["what"] for found in place.data("plan")["findings"])
    for number in range(7):
        body = {"key": f"TOKEN_{number}", "value": f"canary-{number}"}
        assert requests.post(url, json=body, headers=headers, timeout=10).json()["success"]
        WorldClock(place.world.speed).sleep(3.5)  # one write in 3 s is Vast's limit
    said = place.ert("plan")
    names = ", ".join(f"TOKEN_{number}" for number in range(5))
    shown = " ".join(said.stdout.split())
    assert f"! the GPU account puts {names} and 2 more into every container, also into this one" in shown
    (found,) = [f for f in place.data("plan")["findings"] if "account" in f["what"]]
    assert found["stops"] is False
    assert "canary" not in said.stdout + said.stderr
    assert place.data("plan", "--down")["findings"] == []
    place.fault(provider="vast", operation="secrets", status=502, body="<html>", count=50)
    assert any("were not read" in found["what"] for found in place.data("plan")["findings"])
