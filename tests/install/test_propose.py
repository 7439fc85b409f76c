"""The job with write access to the repository: it accepts a patch of locks from the previous job, and nothing else."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$GH_CALLS"
case "$1 $2" in
  "run download") mkdir -p "${@: -1}" && cp "$PATCH" "${@: -1}/locks.patch" ;;
  "pr view") printf '%s\\n' "$OPEN" ;;
esac
"""


@dataclass
class Repository:
    """A checkout with a lock, its remote, and a `gh` that records its calls."""

    folder: Path

    def git(self, *words: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        argv = ["git", "-C", str(self.folder / "checkout"), *who, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def write(self, name: str, text: str) -> None:
        path = self.folder / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def propose(self, patch: str, opened: str = "") -> subprocess.CompletedProcess[str]:
        """Run the job's script on a clean checkout with this patch from the previous job."""
        self.git("reset", "--hard", "--quiet")
        self.git("clean", "-fdq")
        (self.folder / "given.patch").write_text(patch)
        server = f"url.{self.folder / 'server'}.insteadOf"
        env = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "GH_CALLS": str(self.folder / "calls"),
            "PATCH": str(self.folder / "given.patch"),
            "OPEN": opened,
            "RUNNER_TEMP": str(self.folder / "temp"),
            "GITHUB_RUN_ID": "7",
            "GITHUB_REPOSITORY": "me/it",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": server,
            "GIT_CONFIG_VALUE_0": "https://github.com/me/it",
        }
        script = ["bash", str(ROOT / "ci" / "propose.sh")]
        return subprocess.run(
            script, cwd=self.folder / "checkout", env=env, capture_output=True, text=True, timeout=60, check=False
        )

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return [line.split(" --")[0] for line in path.read_text().splitlines()] if path.exists() else []

    def pushed(self) -> list[str]:
        argv = ["git", "-C", str(self.folder / "server"), "branch", "--format", "%(refname:short)"]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path)
    subprocess.run(["git", "init", "-q", str(tmp_path / "checkout")], check=True)
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "server")], check=True)
    made.write("requirements/runtime.lock", "click==1\n")
    made.write("ci/propose.sh", "echo mine\n")
    made.git("add", "-A")
    made.git("commit", "-qm", "first")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    return made


def patch_of(repository: Repository, name: str, text: str) -> str:
    repository.write(name, text)
    repository.git("add", "-N", "-A")
    return repository.git("diff")


def test_a_changed_lock_becomes_a_pull_request_with_its_tests(repository: Repository) -> None:
    done = repository.propose(patch_of(repository, "requirements/runtime.lock", "click==2\n"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert repository.pushed() == ["dependencies"]
    started = ["run download 7", "auth setup-git", "workflow run ci.yml"]
    assert repository.calls() == [*started, "pr view dependencies", "pr create"]


def test_an_open_one_is_renewed_and_not_doubled(repository: Repository) -> None:
    patch = patch_of(repository, "requirements/runtime.lock", "click==2\n")
    assert repository.propose(patch, opened="OPEN").returncode == 0
    assert repository.pushed() == ["dependencies"]
    assert "pr create" not in repository.calls()


def test_nothing_new_is_no_pull_request(repository: Repository) -> None:
    done = repository.propose("")
    assert (done.returncode, done.stdout) == (0, "the locks are up to date\n")
    assert repository.pushed() == []


FOREIGN = ["ci/propose.sh", "requirements/lock", "requirements/x.lock", ".github/workflows/ci.yml"]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_patch_of_anything_else_is_refused(repository: Repository, name: str) -> None:
    done = repository.propose(patch_of(repository, name, "echo theirs\n"))
    assert done.returncode != 0
    assert "::error title=dependencies::the patch" in done.stdout
    assert repository.pushed() == []
    assert repository.calls() == ["run download 7"]


def test_a_lock_that_becomes_a_link_is_refused(repository: Repository) -> None:
    lock = repository.folder / "checkout" / "requirements" / "runtime.lock"
    lock.unlink()
    lock.symlink_to("../ci/propose.sh")
    done = repository.propose(repository.git("diff"))
    assert done.returncode != 0
    assert repository.pushed() == []
