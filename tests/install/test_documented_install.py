"""The installation of docs/install.md: its packages, that the command works with them alone, and their size.

The packages are downloaded from the registry configured for pip, as for `make`; they remain in pytest's cache until
the lock changes. The wheel is built from this tree each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ci import licenses
from tests.e2e.conftest import Place, place
from tests.support.action.runner import Job, action, filled

__all__ = ["place"]
pytestmark = [pytest.mark.process, pytest.mark.timeout(500)]
ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "runtime.lock"
WHEEL = "ert_deploy-0.1.0-py3-none-any.whl"
MOST_PACKAGES, MOST_BYTES = 20, 38_000_000
VENV_OWN = {"pip", "setuptools"}  # installed by `python -m venv`


PAGE = ROOT / "docs" / "install.md"


def documented(fence: str) -> str:
    """Return the first code block of the page with this info string."""
    block = re.search(rf"```{fence}\n(.*?)```\n", PAGE.read_text(), re.DOTALL)
    assert block
    return block[1]


@dataclass(frozen=True)
class Installed:
    """The venv created by the commands of the page, and nothing else."""

    root: Path

    def python(self, *argv: str, folder: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run its interpreter, without this tree on its path."""
        env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [str(self.root / "bin" / "python"), *argv],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def packages(self) -> dict[str, dict[str, Any]]:
        """Return the installed packages, without those of an empty venv."""
        listed = "import json; from ci import licenses; print(json.dumps([vars(p) for p in licenses.installed()]))"
        env_path = f"import sys; sys.path.append({str(ROOT)!r}); {listed}"
        found = json.loads(self.python("-I", "-c", env_path).stdout)
        return {row["name"]: row for row in found if row["name"] not in VENV_OWN}

    def size(self) -> int:
        """Return the size of the files below site-packages in bytes, with compiled ones, without an empty venv's."""
        (packages,) = (self.root / "lib").glob("python*/site-packages")
        own = re.compile(r"(pip|setuptools)(-.*)?|pkg_resources|_distutils_hack|distutils-precedence\.pth")
        kept = (entry for entry in packages.iterdir() if not own.fullmatch(entry.name))
        files = (f for entry in kept for f in ([entry] if entry.is_file() else entry.rglob("*")) if f.is_file())
        return sum(file.stat().st_size for file in files)


@pytest.fixture(scope="module")
def installed(pytestconfig: pytest.Config) -> Installed:
    """Run the commands of the page: the first two if the lock has changed, the third with this tree's wheel."""
    kept = Path(pytestconfig.cache.mkdir("documented-install")) if pytestconfig.cache else None
    assert kept is not None, "run pytest with its cache"
    venv, packages, program = documented("").splitlines()
    stamp = kept / "stamp"
    told = hashlib.sha256(f"{sys.version}{venv}{packages}{LOCK.read_text()}".encode()).hexdigest()
    (kept / "requirements").unlink(missing_ok=True)
    (kept / "requirements").symlink_to(LOCK.parent)
    if not stamp.exists() or stamp.read_text() != told:
        stamp.unlink(missing_ok=True)
        shutil.rmtree(kept / "ert", ignore_errors=True)
        shell(kept, venv.replace("python3", f'"{sys.executable}"', 1))
        shell(kept, packages)
        stamp.write_text(told)
    shell(kept, f'cd "{ROOT}" && "{sys.executable}" -m hatchling build -t wheel -d "{kept}"')
    assert f" {WHEEL}" in program
    shell(kept, program.replace("install", "install --force-reinstall --no-index", 1))
    return Installed(kept / "ert")


def shell(folder: Path, line: str) -> None:
    env = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"


def locked(path: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", path.read_text(), re.MULTILINE))


def test_it_brings_few_packages_and_none_that_was_not_locked(installed: Installed) -> None:
    found = installed.packages()
    assert set(found) == locked(LOCK) | {"ert-deploy"}
    assert len(found) <= MOST_PACKAGES
    assert installed.size() <= MOST_BYTES


def test_nothing_of_it_is_under_agpl(installed: Installed) -> None:
    assert [row for row in installed.packages().values() if licenses.FORBIDDEN.search(row["license"])] == []


def test_the_page_says_how_much_it_is(installed: Installed) -> None:
    words = re.search(r"it is (\d+) packages, (\d+) MB", PAGE.read_text())
    assert words
    assert int(words[1]) == len(installed.packages())
    assert abs(int(words[2]) * 1e6 - installed.size()) < 3e6


def test_the_program_does_its_whole_job_with_nothing_else(installed: Installed, place: Place) -> None:
    """Its environment lacks the packages of the sandbox, the backend and the dashboard; those run in the test's own."""
    place.program = (str(installed.root / "bin" / "python"), "-I", "-m", "ert_deploy.cli")
    assert place.data("plan")["steps"]
    assert place.data("offers")["offers"]
    up = place.data("up")
    assert len(up["backends"]) == 1
    assert place.data("status")["backends"][0]["health"] == "healthy"
    assert place.data("logs")["lines"]
    assert len(place.data("report", "AAPL", timeout=250)["sections"]) == 5
    assert place.data("key", "rotate")["changed"]
    assert place.data("sleep")["changed"]
    assert place.data("wake")["changed"]
    assert place.data("reap", "--dry-run")["strays"] == []
    assert place.data("down")["changed"]
    assert place.bill()["running"] == []


SHELL = """
from pathlib import Path
from ert_deploy.adapters.ssh.known_hosts import KnownHosts
from ert_deploy.adapters.ssh.shell import Door, execute
from ert_deploy.cli.failure import explain
from ert_deploy.core.model.observed import Address
try:
    execute(Door(7, Address("127.0.0.1", 9), KnownHosts(Path("known_hosts"))), "true", print, print)
except Exception as error:
    raise SystemExit(explain(error))
"""


def test_ssh_says_which_extra_it_needs(installed: Installed, tmp_path: Path) -> None:
    said = installed.python("-I", "-c", SHELL, folder=tmp_path, code=2).stderr
    assert "`ert-deploy ssh` needs paramiko, which is not installed" in said
    assert "extra ssh: pip install 'ert-deploy[ssh]'" in said
    assert "requirements/ssh.lock" in said


def test_building_an_image_says_which_extra_it_needs(installed: Installed, tmp_path: Path) -> None:
    words = ("-I", "-m", "ert_deploy.cli", "image", "build", "--tag", "example.org/me/it:1")
    said = installed.python(*words, folder=tmp_path, code=2).stderr
    assert "`ert-deploy image` needs docker, which is not installed" in said
    assert "extra image: pip install 'ert-deploy[image]'" in said


def test_state_in_s3_says_which_extra_it_needs(installed: Installed, tmp_path: Path) -> None:
    sample = (ROOT / "configs" / "sandbox.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(f"{sample}\nstate: s3://my-bucket/it.json\n")
    words = ("-I", "-m", "ert_deploy.cli", "state", "show", "-c", "mine.yaml")
    said = installed.python(*words, folder=tmp_path, code=2).stderr
    assert "state in S3 needs boto3, which is not installed" in said
    assert "extra s3: pip install 'ert-deploy[s3]'" in said


def test_the_sandbox_says_which_extra_it_needs(installed: Installed, tmp_path: Path) -> None:
    said = installed.python("-I", "-m", "ert_deploy.cli", "sandbox", "start", folder=tmp_path, code=2).stderr
    assert "the sandbox needs fastapi, flask, gunicorn, numpy, uvicorn, which are not installed" in said
    assert "extra sandbox" in said


@pytest.mark.parametrize("extra", ["agent", "beside", "image", "keyring", "notify", "s3", "ssh"])
def test_an_extra_adds_to_the_runtime_and_repeats_nothing(extra: str) -> None:
    assert locked(ROOT / "requirements" / f"{extra}.lock")
    assert not locked(ROOT / "requirements" / f"{extra}.lock") & locked(LOCK)


def test_uv_installs_the_same_from_the_same_lock(tmp_path: Path) -> None:
    uv = f'"{sys.executable}" -m uv'
    _, packages, _ = documented("").splitlines()
    assert packages.startswith("ert/bin/pip install ")
    shell(tmp_path, f'{uv} venv -q -p "{sys.executable}" ert')
    shell(ROOT, packages.replace("ert/bin/pip install", f'{uv} pip install -q -p "{tmp_path / "ert"}"'))
    assert set(Installed(tmp_path / "ert").packages()) == locked(LOCK)


def test_the_action_installs_the_same(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    assert pytestconfig.cache is not None
    job = Job(tmp_path, Path(pytestconfig.cache.mkdir("action-install")))
    process = job.start(action()["runs"]["steps"][1], filled({}))
    log = process.communicate(timeout=200)[0]
    assert process.returncode == 0, log
    assert set(Installed(job.temp / "ert-deploy" / "venv").packages()) == locked(LOCK)


def test_a_project_of_uv_with_the_documented_lines_gets_the_same(installed: Installed, tmp_path: Path) -> None:
    wheel = installed.root.parent / WHEEL
    project = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\n'
    project += f'dependencies = ["ert-deploy @ {wheel.as_uri()}"]\n{documented("toml")}'
    (tmp_path / "pyproject.toml").write_text(project)
    argv = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "pyproject.toml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:==| @)", done.stdout, re.MULTILINE))
    assert "borb" not in found
    assert len(found) <= MOST_PACKAGES
    assert found >= {"ert-deploy", "vastai", "requests"}
