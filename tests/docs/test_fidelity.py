"""docs/fidelity.md: every route, field group, timing and assumption of the doubles is there, with a true source."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ci import fidelity

TEXT = fidelity.PAGE.read_text()


def test_page_and_code_name_the_same_routes_groups_timings_and_assumptions() -> None:
    assert list(fidelity.differences(TEXT)) == []


@pytest.mark.parametrize(
    ("line", "difference"),
    [
        (r"^\| F12 \|.*\n", "assumption F12 is in the code and not in docs/fidelity.md"),
        (r"^\| `Pace.stop` .*\n", "timing `Pace.stop` is in the code and not in docs/fidelity.md"),
        (r"^\| `GET /v1/users` .*\n", "route GET /v1/users is in the code and not in docs/fidelity.md"),
        (
            r"^\| `vast/serialize.py` `_money` .*\n",
            "field group `vast/serialize.py` `_money` is in the code and not in",
        ),
    ],
)
def test_a_line_that_is_missing_is_noticed(line: str, difference: str) -> None:
    text, count = re.subn(line, "", TEXT, flags=re.MULTILINE)
    assert count == 1
    assert any(found.startswith(difference) for found in fidelity.differences(text))


def test_an_id_without_a_place_in_the_code_is_noticed() -> None:
    text = TEXT.replace("| F12 | yes |", "| F999 | yes |")
    found = set(fidelity.differences(text))
    assert "assumption F999 is in docs/fidelity.md and not in the code" in found
    assert "assumption F12 is named and has no row" in found


def test_the_count_is_printed_with_what_money_depends_on() -> None:
    command = [sys.executable, "-m", "ci.fidelity"]
    done = subprocess.run(command, cwd=fidelity.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    rows = fidelity.assumptions(TEXT)
    money = [one.id for one in rows if one.money]
    first, *rest = done.stdout.splitlines()
    assert first.endswith(f"; {len(rows)} assumed entries, money depends on {len(money)}")
    assert [line.split()[0] for line in rest] == money


def test_every_route_has_a_source_and_the_client_really_has_the_route() -> None:
    spec = importlib.util.find_spec("vastai")
    assert spec is not None
    assert spec.origin is not None
    code = "\n".join(path.read_text(errors="replace") for path in Path(spec.origin).parent.rglob("*.py"))
    for route, sources in fidelity.routes_of_page(TEXT).items():
        assert set(sources.replace("`", "").split(", ")) <= {"contract", "recording", "client"}, route
        fixed = re.sub(r"^\S+ /api/v\d|\{.*", "", route).rstrip("/")
        assert "client" not in sources or fixed in code, f"{route}: {fixed} is not in the package"


@pytest.mark.contract
def test_what_is_called_contract_or_recording_is_in_the_files(shared: Path) -> None:
    def plain(method: str, path: str) -> str:
        return f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path).rstrip('/')}"

    folder = shared / "contracts"
    vast = yaml.load((folder / "vast-openapi.yaml").read_text(), yaml.CSafeLoader)["paths"]
    render = json.loads((folder / "render-openapi.json").read_text())["paths"]
    exchanges = json.loads((folder / "render-recorded-exchanges.json").read_text())["exchanges"]
    published = {plain(method, path) for path, methods in vast.items() for method in methods}
    published |= {plain(method, f"/v1{path}") for path, methods in render.items() for method in methods}
    recorded = {plain(one["method"], f"/v1{one['path_template']}") for one in exchanges}
    for route, sources in fidelity.routes_of_page(TEXT).items():
        method, path = route.split(" ")
        assert ("contract" in sources) == (plain(method, path) in published), route
        assert ("recording" in sources) == (plain(method, path) in recorded), route
