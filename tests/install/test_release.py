"""A release: the version it takes, what is packed, what the workflow may do, and what its last job publishes."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci.release.version import notes, version

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-29\n\n### Added\n- It.\n\n## 1.2.2 - 2026-11-01\n\n- Old.\n"
)


# The version


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "ert_deploy").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "ert_deploy" / "__init__.py").write_text('"""It."""\n\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def test_tag_program_package_and_changelog_say_one_version(tree: Path) -> None:
    assert version(tree, "v1.2.3") == "1.2.3"
    assert notes(tree, "1.2.3") == "### Added\n- It.\n"


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-rc1", "v1.2.3\n", "vert", "", "v1.2.3; true"])
def test_a_tag_that_is_no_version_is_refused(tree: Path, tag: str) -> None:
    with pytest.raises(ValueError, match="is not v and a version"):
        version(tree, tag)


@pytest.mark.parametrize("file", ["pyproject.toml", "ert_deploy/__init__.py"])
def test_another_version_in_the_tree_is_refused(tree: Path, file: str) -> None:
    (tree / file).write_text((tree / file).read_text().replace("1.2.3", "1.2.4"))
    with pytest.raises(ValueError, match=f"{re.escape(file)} says 1.2.4, and the tag v1.2.3"):
        version(tree, "v1.2.3")


@pytest.mark.parametrize("heading", ["## 1.2.3\n", "## 1.2.4 - 2026-11-29\n", "## 1.2.3 - 2026-11-29\n\n## 1.2.3 x\n"])
def test_a_version_without_its_notes_is_refused(tree: Path, heading: str) -> None:
    (tree / "CHANGELOG.md").write_text(CHANGELOG.replace("## 1.2.3 - 2026-11-29\n", heading))
    with pytest.raises(ValueError, match=r"CHANGELOG\.md has no section `## 1\.2\.3 - YYYY-MM-DD`"):
        notes(tree, "1.2.3")


def test_the_version_of_this_tree_can_be_released() -> None:
    found = re.search(r'__version__ = "(.+)"', (ROOT / "ert_deploy" / "__init__.py").read_text())
    assert found
    assert version(ROOT, f"v{found[1]}") == found[1]


# What is packed


@pytest.mark.process
def test_the_sdist_makes_the_same_wheel_and_holds_no_build_of_ours(tmp_path: Path) -> None:
    env = {**os.environ, "SOURCE_DATE_EPOCH": "1764000000"}

    def build(folder: Path, *words: str) -> None:
        argv = [sys.executable, "-I", "-m", "hatchling", "build", *words]
        subprocess.run(argv, cwd=folder, env=env, capture_output=True, check=True, timeout=100)

    build(ROOT, "-d", str(tmp_path / "dist"))
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path / "source", filter="data")
        names = packed.getnames()
    (source,) = (tmp_path / "source").iterdir()
    build(source, "-t", "wheel", "-d", str(tmp_path / "again"))
    assert wheel.read_bytes() == (tmp_path / "again" / wheel.name).read_bytes()
    assert not [name for name in names if re.search(r"/(\.venv|\.git|node_modules|__pycache__|build|\.ert)/", name)]
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {"ert_deploy/_bundled/configs/ert.yaml", "ert_deploy/_bundled/images/llm-backend/Dockerfile"} <= inside


# The workflow


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = JOBS[job]["steps"]
    return found


def test_a_tag_of_a_version_starts_it_and_nothing_else() -> None:
    assert WORKFLOW[True] == {"push": {"tags": ["v*"]}}


def test_no_job_that_runs_code_of_others_may_write_to_the_repository() -> None:
    assert JOBS["dist"]["permissions"] == {"contents": "read"}
    assert JOBS["image"]["permissions"] == {"contents": "read", "packages": "write"}
    rights = {"actions": "read", "attestations": "write", "contents": "write", "id-token": "write"}
    assert JOBS["publish"]["permissions"] == rights
    runs = " ".join(step["run"] for step in steps("publish") if "run" in step)
    assert set(re.findall(r"\b(bash|python\d?|pip|make|docker|gh)\b[ \w]*", runs)) == {"bash", "gh"}
    assert re.findall(r"[\w/.]+\.(?:sh|py)\b", runs) == ["ci/release/publish.sh"]
    script = (ROOT / "ci" / "release" / "publish.sh").read_text()
    assert not re.search(r"python|pip |make |docker", script)


def test_nothing_is_pushed_or_published_before_the_wheel_works() -> None:
    assert JOBS["image"]["needs"] == "dist"
    assert JOBS["publish"]["needs"] == ["dist", "image"]


def test_what_is_attested_to_is_what_was_built_and_pushed() -> None:
    attested = [step["with"] for step in steps("publish") if "attest" in step.get("uses", "")]
    assert [set(one) for one in attested] == [{"subject-path"}, {"subject-name", "subject-digest"}]
    folder = "${{ runner.temp }}/release/dist/"
    assert attested[0]["subject-path"].splitlines() == [f"{folder}*.whl", f"{folder}*.tar.gz"]
    outputs = {name: f"${{{{ steps.push.outputs.{name} }}}}" for name in ("image", "digest")}
    assert JOBS["image"]["outputs"] == outputs
    assert "'image=%s\\ndigest=%s\\n'" in (ROOT / "ci" / "release" / "image.sh").read_text()


def test_what_one_job_hands_over_the_last_one_takes() -> None:
    handed = [
        step["with"]["name"] for job in ("dist", "image") for step in steps(job) if "upload" in step.get("uses", "")
    ]
    (taken,) = [step["run"] for step in steps("publish") if "gh run download" in step.get("run", "")]
    assert f"for name in {' '.join(handed)}; do" in taken


@pytest.mark.parametrize("script", ["dist.sh", "image.sh", "publish.sh"])
def test_every_script_is_used_with_the_tag_as_its_word(script: str) -> None:
    (found,) = [s for job in JOBS for s in steps(job) if f"ci/release/{script}" in s.get("run", "")]
    assert found["run"].rstrip().endswith(f'bash ci/release/{script} "$TAG"')
    assert found["env"]["TAG"] == "${{ github.ref_name }}"


# What the last job publishes

GH = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$RUNNER_TEMP/said"
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    dist = tmp_path / "release" / "dist"
    dist.mkdir(parents=True)
    files = {"it-1.2.3-py3-none-any.whl": b"wheel", "it-1.2.3.tar.gz": b"sdist"}
    for name, data in files.items():
        (dist / name).write_bytes(data)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    (dist / "SHA256SUMS").write_text(sums)
    (dist.parent / "notes.md").write_text("- It.\n")
    (dist.parent / "image.txt").write_text("ghcr.io/me/it:1.2.3@sha256:00\n")
    (dist.parent / "image.cdx.json").write_text("{}")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    return tmp_path


def publish(built: Path) -> int:
    env = {"PATH": f"{built / 'bin'}:{os.environ['PATH']}", "RUNNER_TEMP": str(built), "GITHUB_REPOSITORY": "me/it"}
    script = ["bash", str(ROOT / "ci" / "release" / "publish.sh"), "v1.2.3"]
    return subprocess.run(script, env=env, capture_output=True, check=False, timeout=30).returncode


def test_the_release_is_a_draft_with_files_notes_and_the_image_by_its_digest(built: Path) -> None:
    assert publish(built) == 0
    said = (built / "said").read_text().splitlines()
    assert said[:3] == ["release", "create", "v1.2.3"]
    assert {"--draft", "--verify-tag"} <= set(said)
    files = ["dist/it-1.2.3-py3-none-any.whl", "dist/it-1.2.3.tar.gz", "dist/SHA256SUMS", "image.cdx.json"]
    assert said[-4:] == files
    assert (built / "release" / "notes.md").read_text() == "- It.\n\nImage: ghcr.io/me/it:1.2.3@sha256:00\n"


def test_a_file_that_was_changed_on_the_way_is_not_published(built: Path) -> None:
    (built / "release" / "dist" / "it-1.2.3.tar.gz").write_bytes(b"another")
    assert publish(built) != 0
    assert not (built / "said").exists()
