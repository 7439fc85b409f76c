"""The official `vastai` command line against the sandbox's Vast: unmodified, with a home and a key file of its own.

Its process can reach loopback only: what it tries beyond is blocked and recorded (`refused`). `ERT_VASTAI_PYTHON` names
the interpreter of another environment with `vastai`, such as one with its newest release.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ert_deploy.sandbox.runtime.loopback import REFUSED
from ert_deploy.sandbox.runtime.loopback_only.sitecustomize import HERE, LOG

HOST = Path(__file__).with_name("cli_host.py")
PYTHON = os.environ.get("ERT_VASTAI_PYTHON", sys.executable)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Printed:
    """The output of one command line, without colours, and its exit status."""

    code: int
    out: str
    err: str

    def table(self) -> list[dict[str, str]]:
        """Return the rows of a table by the names of its columns; an empty cell is not supported.

        Raises `AssertionError` when the output has no table.
        """
        lines = [re.split(r"\s{2,}", line.strip()) for line in self.out.splitlines() if line.strip()]
        heads = [n for n, line in enumerate(lines) if line[0] == "#"]
        assert heads, f"no table: {self.out}{self.err}"
        rows: list[dict[str, str]] = [{} for _ in lines[heads[0] + 1 : heads[1] if len(heads) > 1 else None]]
        for head in heads:
            for row, line in zip(rows, lines[head + 1 :], strict=False):
                row.update(zip(lines[head][1:], line[1:], strict=True))
        return rows


class Cli:
    """Runs command lines: `cli("show", "instance", "7")`."""

    def __init__(self, url: str, home: Path) -> None:
        self.home, self.url = home, url
        self._process = subprocess.Popen(
            [PYTHON, str(HOST)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home,
            env=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.home),
            "VAST_URL": self.url,
            "PYTHONPATH": HERE,
            "PYTHONIOENCODING": "utf-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            LOG: str(self.home / REFUSED),
            "COLUMNS": "400",
            "LINES": "5000",
        }

    def __call__(self, *arguments: object) -> Printed:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(one) for one in arguments]) + "\n")
        self._process.stdin.flush()
        said = json.loads(self._process.stdout.readline())
        return Printed(said["code"], _COLOUR.sub("", said["out"]), _COLOUR.sub("", said["err"]))

    def script(self, *arguments: object) -> Printed:
        """Run the installed console script `vastai` in a process of its own."""
        command = [str(Path(PYTHON).with_name("vastai")), *(str(one) for one in arguments)]
        done = subprocess.run(
            command, env=self._environment(), cwd=self.home, capture_output=True, text=True, check=False, timeout=60
        )
        return Printed(done.returncode, _COLOUR.sub("", done.stdout), _COLOUR.sub("", done.stderr))

    def raw(self, *arguments: object) -> Any:
        """Return the JSON of a command line with `--raw`; fails unless it succeeded."""
        said = self(*arguments, "--raw")
        assert (said.code, said.err) == (0, ""), said
        return json.loads(said.out)

    def package(self) -> Path:
        """Return the directory of the package in the client's environment."""
        command = [PYTHON, "-c", "import vastai; print(vastai.__file__)"]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=True, timeout=60)
        return Path(done.stdout.strip()).parent

    def version(self) -> str:
        """Return the version of the package in the client's environment."""
        command = [PYTHON, "-c", "import importlib.metadata as found; print(found.version('vastai'))"]
        done = subprocess.run(command, env=self._environment(), capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    def refused(self) -> str:
        """Return the recorded attempts to reach anything but loopback."""
        record = self.home / REFUSED
        return record.read_text() if record.exists() else ""

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()


@contextmanager
def official_cli(url: str, home: Path, key: str) -> Iterator[Cli]:
    """Run the CLI during the block, logged in as a person does it: `vastai set api-key`. Nothing left loopback."""
    cli = Cli(url, home)
    try:
        assert "has been saved" in cli("set", "api-key", key).out
        yield cli
        assert cli.refused() == ""
    finally:
        cli.close()
