"""Fixtures: a job in the directory of a sandbox, and a checkout with a stub of ert-deploy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Place, place, s3
from tests.support.action.issuer import Issuer, issuing
from tests.support.action.runner import ROOT, Job

__all__ = ["checkout", "issuer", "job", "place", "s3"]


@pytest.fixture
def job(place: Place, tmp_path: Path) -> Iterator[Job]:
    """Yield a job whose workspace is the sandbox's directory, with ert-deploy installed."""
    made = Job(workspace=place.folder, temp=tmp_path / "runner")
    made.settle_in()
    yield made
    made.end()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with the action's scripts, a stub command with the real core, and an empty lock."""
    root = tmp_path / "check out"
    shutil.copytree(ROOT / "ci", root / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "requirements").mkdir()
    for extra in ("s3", "postgres"):
        (root / "requirements" / f"{extra}.lock").touch()
    for part in ("core", "config"):  # what the scripts import of ert-deploy
        from_here = Path("ert_deploy", part)
        shutil.copytree(ROOT / from_here, root / from_here, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "ert_deploy" / "cli").mkdir(parents=True)
    (root / "ert_deploy" / "__init__.py").touch()
    (root / "ert_deploy" / "cli" / "__init__.py").touch()
    (root / "ert_deploy" / "cli" / "__main__.py").write_text("import click\nprint(click.WHO)\n")
    return root


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an OIDC token endpoint like GitHub's."""
    with issuing() as told:
        yield told
