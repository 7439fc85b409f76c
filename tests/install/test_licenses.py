"""Licences: the list is current, and no locked package has a licence that forbids its use here."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci import licenses
from ci.licenses import Package

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "images" / "dashboard" / "ert_dashboard" / "static" / "app"


def environment(**changes: str) -> list[Package]:
    """Return the packages of this environment, with other metadata for some of them."""
    return [Package(p.name, p.version, changes.get(p.name, p.license)) for p in licenses.installed()]


def test_the_list_is_what_the_packages_say() -> None:
    assert licenses.text(licenses.installed()) == licenses.OUT.read_text(), "run `make licenses`"


@pytest.mark.parametrize("terms", ["AGPL-3.0-only", "GNU Affero General Public License v3", "MIT or AGPLv3+"])
def test_a_package_under_agpl_ends_the_check(terms: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"click .* is under .*, which is not allowed here"):
        licenses.text(environment(click=terms))


def test_a_package_that_says_nothing_ends_the_check() -> None:
    with pytest.raises(ValueError, match="declares no licence"):
        licenses.text(environment(click=""))


def test_a_package_that_is_not_there_or_another_ends_the_check() -> None:
    with pytest.raises(ValueError, match=r"click .* is not installed"):
        licenses.text(p for p in licenses.installed() if p.name != "click")
    with pytest.raises(ValueError, match="click 0 is installed"):
        licenses.text(Package(p.name, "0" if p.name == "click" else p.version, p.license) for p in environment())


def test_the_sdk_is_locked_without_its_pdf_writer() -> None:
    locks = sorted([*ROOT.glob("requirements/*.lock"), *ROOT.glob("images/*/requirements*")])
    assert len(locks) == 23
    assert [path.name for path in locks if "borb" in path.read_text()] == []


def test_the_font_is_shipped_with_its_licence_and_named_in_the_notice() -> None:
    text = (APP / "inter-OFL.txt").read_text()
    assert text.startswith("Copyright 2016 The Inter Project Authors")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert {path.name.split("-")[0] for path in APP.rglob("*.woff2")} == {"inter"}
    notice = (ROOT / "NOTICE").read_text()
    assert "Inter" in notice
    assert (APP / "inter-OFL.txt").relative_to(ROOT).as_posix() in notice
    assert (APP / "licenses.md").relative_to(ROOT).as_posix() in notice


def test_every_package_of_the_page_is_in_the_notices_that_the_build_wrote() -> None:
    told = (APP / "licenses.md").read_text()
    for name in ("react", "react-dom", "marked", "socket.io-client"):
        assert f"## {name} - " in told
