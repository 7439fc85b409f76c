"""Locked packages: by hash, wheels only, and with every dependency."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([*ROOT.glob("requirements/*.lock"), *ROOT.glob("images/*/requirements.lock")])
LOCKS.append(ROOT / "images" / "dashboard" / "requirements.txt")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return dict(PIN.findall(path.read_text()))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_is_pinned_and_has_a_hash(path: Path) -> None:
    entries = [e for e in re.split(r"\n(?=\S)", path.read_text().strip()) if not e.startswith("--only-binary")]
    assert entries
    for entry in entries:
        assert PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_dashboard_is_installed_by_hash_with_the_plain_command_of_its_host() -> None:
    """One hash in a file makes pip require one for every package; the option in its first line excludes sources."""
    folder = ROOT / "images" / "dashboard"
    locked = folder / "requirements.txt"
    assert locked.read_text().startswith("--only-binary :all:\n")
    direct = {re.sub(r"\[\w+\]", "", line) for line in (folder / "requirements.in").read_text().split()}
    assert direct <= {f"{name}=={version}" for name, version in pins(locked).items()}
    assert len(pins(locked)) > 2 * len(direct)


def test_one_version_of_a_package_everywhere() -> None:
    """So that the tested version is the deployed one. Tools with a separate venv are exempt."""
    seen: dict[str, set[str]] = {}
    for path in LOCKS:
        if path.name not in ("audit.lock", "bench.lock") and not path.name.startswith("clients-"):
            for name, version in pins(path).items():
                seen.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_nothing_is_built_from_source_where_somebody_else_s_package_is_installed() -> None:
    places = ["Makefile", "ci/action/install.sh", "images/llm-backend/Dockerfile", "docs/install.md"]
    lines = [line for place in places for line in (ROOT / place).read_text().splitlines() if "pip install" in line]
    others = [line for line in lines if re.search(r"-r |locks\[@\]", line)]
    assert len(others) >= 5
    assert [line for line in others if "--only-binary :all:" not in line] == []
    assert "--only-binary :all:" in (ROOT / "requirements" / "lock").read_text()
