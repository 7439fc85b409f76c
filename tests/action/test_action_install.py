"""The install step with the real pip and no network: a lock of one small wheel, built here."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.action.runner import ROOT, Job, action, filled

NAME = "click-8.99.0-py3-none-any.whl"


def wheel(folder: Path, source: str) -> str:
    """Write a wheel named click with this source; return its sha256."""
    files = {
        "click.py": source,
        "click-8.99.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: click\nVersion: 8.99.0\n",
        "click-8.99.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}\n"
        for name, text in files.items()
    )
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / NAME, "w") as archive:
        for name, text in {**files, "click-8.99.0.dist-info/RECORD": record}.items():
            archive.writestr(name, text)
    return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def install(checkout: Path, digest: str = "") -> subprocess.CompletedProcess[str]:
    """Run the step with a lock of that wheel and hash."""
    pinned = f" --hash=sha256:{digest}" if digest else ""
    (checkout / "requirements" / "runtime.lock").write_text(f"click==8.99.0{pinned}\n")
    wheels = str(checkout.parent / "wheels")
    pip = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels}
    job = Job(checkout.parent, checkout.parent / "runner", checkout, extra=pip)
    process = job.start(action()["runs"]["steps"][1], filled({}))
    log = process.communicate(timeout=100)[0]
    return subprocess.CompletedProcess([], process.returncode, log)


def test_locked_wheels_and_the_checkout_itself_make_a_program(checkout: Path, tmp_path: Path) -> None:
    digest = wheel(tmp_path / "wheels", "WHO = 'the locked one'")
    first = install(checkout, digest)
    assert first.returncode == 0, first.stdout
    assert "the locked one" in first.stdout
    again = install(checkout, digest)
    assert again.stdout == "ert-deploy is installed already\n"

    newer = install(checkout, wheel(tmp_path / "wheels", "WHO = 'the next one'"))
    assert "the next one" in newer.stdout


def test_a_wheel_that_is_not_the_locked_one_is_refused(checkout: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "WHO = 'somebody else'")
    done = install(checkout, "0" * 64)
    assert done.returncode != 0
    assert "somebody else" not in done.stdout
    assert "DO NOT MATCH THE HASHES" in done.stdout
    assert not (tmp_path / "runner" / "ert-deploy" / "venv" / "stamp").exists()


def test_a_lock_without_a_hash_is_refused(checkout: Path, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "WHO = 'anybody'")
    done = install(checkout)
    assert done.returncode != 0
    assert "anybody" not in done.stdout


def test_a_module_in_the_workspace_is_not_ours(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("WHO = 'planted'")
    done = install(checkout, wheel(tmp_path / "wheels", "WHO = 'the locked one'"))
    assert "planted" not in done.stdout
    assert "the locked one" in done.stdout


def test_the_lock_of_this_repository_has_a_hash_for_everything() -> None:
    lines = (ROOT / "requirements" / "runtime.lock").read_text().splitlines()
    pins = [n for n, line in enumerate(lines) if "==" in line and not line.startswith("#")]
    assert pins
    assert all("--hash=sha256:" in lines[n + 1] for n in pins)


def wants_more(checkout: Path, **extra: str) -> str:
    """Return the step's log, with extra locks of missing wheels: pip fails only if the step installs such a lock."""
    runner = checkout.parent / "runner"
    for lock, package in (("s3", "boto3"), ("postgres", "psycopg")):
        (checkout / "requirements" / f"{lock}.lock").write_text(f"{package}==0.0.1 --hash=sha256:{'0' * 64}\n")
    pip = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout.parent / "wheels")}
    inputs = {name: value for name, value in extra.items() if name.startswith("aws_")}
    own = {name: value for name, value in extra.items() if name not in inputs}
    job = Job(checkout.parent, runner, checkout, extra=pip | own)
    return job.start(action()["runs"]["steps"][1], filled(inputs)).communicate(timeout=100)[0]


@pytest.mark.nightly  # `test_action_shared_state.py` installs it too
def test_what_a_shared_state_needs_is_installed_for_it_alone(checkout: Path, tmp_path: Path) -> None:
    digest = wheel(tmp_path / "wheels", "WHO = 'the locked one'")
    (checkout / "requirements" / "runtime.lock").write_text(f"click==8.99.0 --hash=sha256:{digest}\n")
    assert "the locked one" in wants_more(checkout)
    assert wants_more(checkout) == "ert-deploy is installed already\n"
    assert "boto3" in wants_more(checkout, aws_region="eu-central-1")
    assert "boto3" in wants_more(checkout, AWS_PROFILE="anything")
    assert "psycopg" in wants_more(checkout, ERT_STATE_DATABASE_URL="postgres://u@127.0.0.1/d")
    assert "the locked one" in wants_more(checkout), "what failed in between left a venv behind that counts as one"
