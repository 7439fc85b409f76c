"""Fixtures: a separate sandbox for each test, and the command line as a subprocess in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from ert_deploy.sandbox.world import daemon
from ert_deploy.sandbox.world.control_client import ask
from ert_deploy.sandbox.world.file import WorldFile
from ert_deploy.sandbox.world.rows import ServiceRow
from tests.support.doubles import moto_s3

SAMPLE = Path(__file__).resolve().parents[2] / "configs" / "sandbox.yaml"
COMMAND = (sys.executable, "-m", "ert_deploy.cli")


@dataclass
class Place:
    """A working directory with a running sandbox, and the processes started by the test."""

    folder: Path
    world: WorldFile
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = COMMAND

    def environ(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONPATH")
        return {name: os.environ[name] for name in kept if name in os.environ} | self.extra

    def ert(self, *args: str, code: int = 0, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command to its end and check its exit code."""
        done = subprocess.run(
            [*self.program, *args],
            cwd=self.folder,
            env=self.environ(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def data(self, *args: str, timeout: float = 120) -> Any:
        """Run one command with --json and return the parsed output."""
        return json.loads(self.ert(*args, "--json", timeout=timeout).stdout)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start one command in the background."""
        process = subprocess.Popen(
            [*self.program, *args],
            cwd=self.folder,
            env=self.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def beside(self, name: str, state: str, deployment: str = "ert-sandbox", **extra: str) -> Place:
        """Return another directory, as on another machine, with its own config for the same sandbox."""
        folder = self.folder / name
        folder.mkdir()
        text = SAMPLE.read_text()
        assert "world: .ert/sandbox " in text
        text = text.replace("world: .ert/sandbox ", f"world: {self.folder / '.ert' / 'sandbox'} ")
        assert "deployment: ert-sandbox\n" in text
        text = text.replace("deployment: ert-sandbox\n", f"deployment: {deployment}\n")
        (folder / "mine.yaml").write_text(f"{text}\nstate: {state}\n")
        return Place(folder, self.world, self.started, {"ERT_CONFIG": "mine.yaml", **extra})

    def variables(self) -> dict[str, str]:
        """Return every variable of the service, requested from the sandbox directly."""
        found: dict[str, str] = {}
        cursor = ""
        while True:
            url = f"{self.world.render_url}/services/{self.world.service_id}/env-vars?limit=100&cursor={cursor}"
            page = requests.get(url, headers={"Authorization": f"Bearer {self.world.render_key}"}, timeout=10).json()
            if not page:
                return found
            found.update({row["envVar"]["key"]: row["envVar"]["value"] for row in page})
            cursor = page[-1]["cursor"]

    def deploys(self) -> list[str]:
        """Return the app's deploys, newest first, requested from the sandbox directly."""
        url = f"{self.world.render_url}/services/{self.world.service_id}/deploys?limit=100"
        page = requests.get(url, headers={"Authorization": f"Bearer {self.world.render_key}"}, timeout=10).json()
        return [row["deploy"]["id"] for row in page]

    def instances(self) -> list[str]:
        """Return the existing instances, requested from the sandbox directly."""
        state = ask(self.world, "GET", "/state")
        return [str(row["id"]) for row in state["machines"]]

    def bill(self) -> Any:
        return ask(self.world, "GET", "/bill")

    def fault(self, **fault: Any) -> None:
        ask(self.world, "POST", "/faults", fault)

    def trouble(self, **trouble: Any) -> None:
        ask(self.world, "POST", "/trouble", trouble)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Run a new sandbox with the `toy` model, so that a boot takes a second."""
    yield from run_sandbox(tmp_path, "toy", 60.0)


def run_sandbox(folder: Path, model: str, speed: float, rows: Sequence[ServiceRow] = ()) -> Iterator[Place]:
    """Run a new sandbox in a folder, `speed` times as fast as real time; end it with all that the test started."""
    directory = folder / ".ert" / "sandbox"
    made = Place(folder, daemon.start(directory, speed, model=model, rows=rows))
    try:
        yield made
    finally:
        for process in made.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()
        daemon.stop(directory)


@pytest.fixture
def s3() -> Iterator[tuple[Any, str]]:
    """Yield a client of an empty S3 on loopback, and its endpoint."""
    with moto_s3.running() as url:
        client = moto_s3.client(url)
        yield client, url
        client.close()
