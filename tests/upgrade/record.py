"""Recorder of upgrade fixtures: runs a release in its sandbox and stores the result as data.

    python -m tests.upgrade.record 85926eb tests/upgrade/recorded/85926eb

Not run by CI. It needs git and the packages of `make check`; it builds the release's wheel, starts the sandbox on
known ports with the toy model, runs `up`, `report`, `key rotate` and `sleep`, and stores the files and provider data
that a later version reads. Every secret is plain text (`tests/support/upgrade/inside_*.py`); the README of
the directory describes each file. Random ids and times are different in every run.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support" / "upgrade"
INSTANCE = 27_000_011  # first instance id in a new sandbox
# Order and location of the instance, without keys and without values that change every second.
FIELDS = (
    "id", "machine_id", "host_id", "label", "image_uuid", "image_args", "image_runtype", "extra_env", "onstart",
    "disk_space", "gpu_name", "num_gpus", "dph_base", "storage_cost", "inet_down_cost", "is_bid", "public_ipaddr",
    "ports", "actual_status",
)  # fmt: skip
NOT_KEPT = ("tls-key.pem", "models", "*.lock", "__pycache__")


def main(revision: str, target: str) -> None:
    """Record `revision` into the directory `target` and keep its README.md."""
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name != "README.md":
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    with tempfile.TemporaryDirectory() as room:
        wheel = build(revision, Path(room))
        shutil.copy(wheel, folder)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(room) / "release")
        Recorder(revision, Path(room), folder).record()


def build(revision: str, room: Path) -> Path:
    """Build the wheel of `revision` from its commit; the build is reproducible."""
    exported = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(exported)) as tree:
        tree.extractall(room / "source", filter="data")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(room / "wheel"), str(room / "source")], check=True)
    (wheel,) = (room / "wheel").glob("*.whl")
    return wheel


class Recorder:
    """One recording, with the release unpacked in `room/release` and the user's directory `room/user`."""

    def __init__(self, revision: str, room: Path, target: Path) -> None:
        self.room, self.target, self.user = room, target, room / "user"
        self.driver = SUPPORT / f"inside_{revision}.py"
        self.database = room / "reports" / "reports.sqlite"
        release = room / "release"
        places = (release, release / "ert_deploy" / "_bundled" / "images" / "llm-backend")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = {**kept, "PYTHONPATH": os.pathsep.join(map(str, places)), "ERT_CONFIG": "ert.yaml"}

    def record(self) -> None:
        """Run the commands of the release and store the results."""
        self.user.mkdir()
        self.database.parent.mkdir(mode=0o700)
        sample = self.room / "release" / "ert_deploy" / "_bundled" / "configs" / "sandbox.yaml"
        shutil.copy(sample, self.user / "ert.yaml")
        world = self.user / ".ert" / "sandbox"
        disk = world / "vast" / "instances" / str(INSTANCE) / "disk"
        with self.running(world):
            disk.mkdir(parents=True, mode=0o700)
            self.inside("certificate", str(disk))
            self.inside("cli", "1", "up")
            self.keep_state("up")
            self.inside("cli", "1", "report", "AAPL")
            self.inside("cli", "2", "key", "rotate")
            self.keep_state("running")
            self.keep_providers(json.loads((world / "world.json").read_text()))
            self.inside("cli", "3", "sleep")
            self.keep_state("asleep")
            shutil.copytree(disk, self.target / "disk", ignore=shutil.ignore_patterns(*NOT_KEPT))
        shutil.copytree(self.database.parent, self.target / "reports", ignore=shutil.ignore_patterns(*NOT_KEPT))
        shutil.copy(self.user / "ert.yaml", self.target)

    @contextmanager
    def running(self, world: Path) -> Iterator[None]:
        """Start the sandbox of that version."""
        argv = [sys.executable, str(self.driver), "world", str(world), str(self.database)]
        process = subprocess.Popen(
            argv, cwd=self.user, env=self.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "the sandbox of the release did not start"
            yield
        finally:
            process.communicate(timeout=60)

    def inside(self, *arguments: str) -> None:
        """Run one script of the release until it exits."""
        subprocess.run(
            [sys.executable, str(self.driver), *arguments], cwd=self.user, env=self.environ, check=True, timeout=300
        )

    def keep_state(self, name: str) -> None:
        """Copy the current state file."""
        (self.target / "state").mkdir(exist_ok=True)
        shutil.copy(self.user / ".ert" / "ert-sandbox.json", self.target / "state" / f"{name}.json")

    def keep_providers(self, world: dict[str, Any]) -> None:
        """Store the data of the two providers."""
        vast = {"Authorization": f"Bearer {world['vast_key']}"}
        render = {"Authorization": f"Bearer {world['render_key']}"}
        url, service = f"{world['vast_url']}/api/v0/instances/{INSTANCE}/", world["service_id"]
        row = requests.get(url, params={"owner": "me"}, headers=vast, timeout=10).json()["instances"]
        self.write("instance.json", {name: row[name] for name in FIELDS})
        base = f"{world['render_url']}/services/{service}"
        rows = requests.get(f"{base}/env-vars", params={"limit": 100}, headers=render, timeout=10).json()
        deploys = requests.get(f"{base}/deploys", params={"limit": 100}, headers=render, timeout=10).json()
        newest = deploys[0]["deploy"]
        self.write(
            "service.json",
            {
                "id": service,
                "name": world["service_name"],
                "deploy": {"id": newest["id"], "status": newest["status"]},
                "variables": {row["envVar"]["key"]: row["envVar"]["value"] for row in rows},
            },
        )

    def write(self, name: str, value: Any) -> None:
        """Write one indented JSON file."""
        (self.target / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
