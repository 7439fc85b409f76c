"""Committed front-end bundle: built from the committed sources, small, self-contained, and cacheable."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from ert_dashboard.web.bundle import FOLDER, read_bundle

FRONTEND = Path(__file__).parents[2] / "images" / "dashboard" / "frontend"
SINGLE = ("package-lock.json", "package.json", "tsconfig.json", "vite.config.ts")
MOST_SCRIPT = 200_000


def test_the_bundle_is_made_from_these_sources() -> None:
    below = [path for top in ("src", "public") for path in (FRONTEND / top).rglob("*") if path.is_file()]
    names = sorted([*SINGLE, *(path.relative_to(FRONTEND).as_posix() for path in below)])
    found = hashlib.sha256()
    for name in names:
        content = (FRONTEND / name).read_bytes()
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    stamp = (FOLDER / "sources.sha256").read_text().strip()
    assert found.hexdigest() == stamp, "the front end has changed: run `make frontend` and commit the bundle"


def test_a_first_visit_loads_less_script_than_promised() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in FOLDER.rglob("*.js")}
    assert 0 < sum(sizes.values()) <= MOST_SCRIPT, sizes


def test_all_that_the_page_links_is_there_and_may_be_kept(client: Any) -> None:
    page = client.get("/").text
    links = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert any(link.endswith(".js") for link in links)
    assert any(link.endswith(".css") for link in links)
    for link in links:
        with client.get(link) as answer:
            assert answer.status_code == 200, link
            assert ("immutable" in answer.headers["Cache-Control"]) == link.startswith("/static/app/assets/"), link


def test_styles_ask_for_nothing_from_elsewhere() -> None:
    for style in read_bundle().styles:
        for url in re.findall(r"url\(([^)]*)\)", (FOLDER.parent / style).read_text()):
            assert url.strip("\"'").startswith("/static/app/assets/"), url


def test_no_source_writes_markup_or_runs_text() -> None:
    forbidden = re.compile(
        r"dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|srcdoc"
    )
    for path in (FRONTEND / "src").rglob("*.ts*"):
        code = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("//"))
        assert not forbidden.search(code), path.name


def test_the_lock_pins_by_hash_and_names_no_registry() -> None:
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []
    wanted = json.loads((FRONTEND / "package.json").read_text())
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert [name for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


@pytest.mark.parametrize("broken", ["", "{}", '{"src/main.tsx": {}}'])
def test_a_build_that_is_not_there_is_said_at_the_start(tmp_path: Path, broken: str) -> None:
    (tmp_path / "manifest.json").write_text(broken)
    with pytest.raises((ValueError, KeyError)):
        read_bundle(tmp_path)
