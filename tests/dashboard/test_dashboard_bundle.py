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


TEXTS = sorted(path for path in FOLDER.parent.rglob("*") if path.suffix in (".js", ".css", ".svg", ".md", ".json"))


@pytest.mark.parametrize("file", TEXTS, ids=lambda path: str(path.name))
def test_a_text_is_compressed_for_who_takes_it_and_cached_apart(client: Any, file: Path) -> None:
    path = f"/static/{file.relative_to(FOLDER.parent)}"
    kinds = {"gzip": "gzip, deflate, br", "plain": "br, gzip;q=0"}
    found = {kind: client.get(path, headers={"Accept-Encoding": accepted}) for kind, accepted in kinds.items()}
    content = file.read_bytes()
    assert found["gzip"].headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(found["gzip"].data) == content
    assert "Content-Encoding" not in found["plain"].headers
    assert found["plain"].data == content
    assert len(found["gzip"].data) == int(found["gzip"].headers["Content-Length"])
    same = ("Content-Type", "Last-Modified", "Cache-Control", "Content-Security-Policy")
    assert [found["gzip"].headers[name] for name in same] == [found["plain"].headers[name] for name in same]
    tags = {kind: answer.headers["ETag"] for kind, answer in found.items()}
    assert len(set(tags.values())) == 2
    for kind, answer in found.items():
        assert answer.headers["Vary"] == "Accept-Encoding"
        headers = {"Accept-Encoding": kinds[kind], "If-None-Match": tags[kind]}
        with client.get(path, headers=headers) as again:
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tags[kind])
            assert again.headers["Vary"] == "Accept-Encoding"
        headers["If-None-Match"] = tags["plain" if kind == "gzip" else "gzip"]
        with client.get(path, headers=headers) as other:
            assert other.status_code == 200, "a tag of the other form is no proof of this one"
        answer.close()


def test_a_part_of_a_file_is_of_the_plain_one_and_fonts_are_as_they_are(client: Any) -> None:
    script = f"/static/{read_bundle().script}"
    with client.get(script, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-9"}) as part:
        assert (part.status_code, len(part.data), part.headers.get("Content-Encoding")) == (206, 10, None)
    with client.get(f"/static/{read_bundle().font}", headers={"Accept-Encoding": "gzip"}) as font:
        assert (font.status_code, font.headers.get("Content-Encoding"), font.headers.get("Vary")) == (200, None, None)
    head = client.head(script, headers={"Accept-Encoding": "gzip"})
    assert (head.status_code, head.data, head.headers["Content-Encoding"]) == (200, b"", "gzip")
    with client.get("/static/none.js", headers={"Accept-Encoding": "gzip"}) as missing:
        assert missing.status_code == 404


def test_what_may_have_a_secret_is_never_compressed(client: Any) -> None:
    report = "/api/reports/none"
    for path in ("/", "/health", "/api/status", "/api/deployment", "/api/reports", "/api/export", "/nothing", report):
        for accept in ("text/html", "*/*"):
            answer = client.get(path, headers={"Accept-Encoding": "gzip, br", "Accept": accept})
            assert "Content-Encoding" not in answer.headers, path


@pytest.mark.parametrize("path", ["/nothing", "/reports", "/reports/a/b", "/login", "/%00"])
def test_a_path_that_does_not_exist_is_a_page_with_a_way_back(client: Any, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert '<a href="/">' in page.text
    assert "nothing" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert page.headers["Cache-Control"] == "no-store"
    for link in re.findall(r'href="(/static[^"]+)"', page.text):
        with client.get(link) as linked:
            assert linked.status_code == 200
    told = client.get(path)
    assert (told.status_code, told.json["success"]) == (404, False)


@pytest.mark.parametrize("path", ["/api/nothing", "/api/reports/none", "/static/none.js"])
def test_a_missing_path_of_the_api_is_json_for_everybody(client: Any, path: str) -> None:
    told = client.get(path, headers={"Accept": "text/html"})
    assert (told.status_code, told.json["success"]) == (404, False)


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
