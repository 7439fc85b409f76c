"""A minimal GitHub Actions runner: executes the steps of action.yml with the environment that GitHub provides.

Supports only the features used by action.yml: inputs in `env`, `if` as alternatives of one comparison, composite `run`
steps, the files behind $GITHUB_OUTPUT and $GITHUB_STEP_SUMMARY, and workflow commands in the log.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
SHELL = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]
KEPT = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
INPUT = re.compile(r"inputs\.([a-z-]+)")
EXPRESSION = re.compile(r"\$\{\{ (?:\(([^()]+)\) && )?inputs\.([a-z-]+)(?: \|\| inputs\.([a-z-]+))? \}\}")
ORDER = re.compile(r"^\s*::([^:]+)::(.*)$")


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return document


@dataclass
class Ran:
    """The result of a whole action or of one of its steps."""

    code: int
    log: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass
class Job:
    """The directories of one job. `workspace` is where the repository is checked out."""

    workspace: Path
    temp: Path
    root: Path = ROOT
    extra: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def environ(self, script: str) -> dict[str, str]:
        self.temp.mkdir(parents=True, exist_ok=True)
        files = {name: self.temp / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for path in files.values():
            path.touch()
        return {
            **{name: os.environ[name] for name in KEPT if name in os.environ},
            **{name: str(path) for name, path in files.items()},
            "GITHUB_ACTIONS": "true",
            "CI": "true",
            "GITHUB_ACTION_PATH": str(self.root),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_RUN_ID": "4711",
            "RUNNER_TEMP": str(self.temp),
            **self.extra,
        }

    def start(self, step: Mapping[str, Any], inputs: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start one `run` step. Its text is passed to bash as a file, unmodified: no expression is substituted."""
        assert step["shell"] == "bash"
        environ = self.environ(step["run"])
        environ |= {name: filled_in(value, inputs) for name, value in step.get("env", {}).items()}
        script = self.temp / "step.sh"
        script.write_text(step["run"])
        process = subprocess.Popen(
            [*SHELL, str(script)],
            cwd=self.workspace,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Terminate the processes that a failed test may have left running."""
        for process in self.started:
            if process.poll() is None:
                process.terminate()
            if process.stdout is not None and not process.stdout.closed:
                process.communicate()

    def use(self, **given: str) -> Ran:
        """Run the whole action with these inputs (underscores for dashes), up to the first step that fails."""
        inputs = filled(given)
        log, code = "", 0
        for step in action()["runs"]["steps"]:
            if not holds(step.get("if"), inputs):
                continue
            process = self.start(step, inputs)
            log += process.communicate(timeout=200)[0]
            code = process.returncode
            if code:
                break
        return Ran(code, log, self.take_outputs(), self.take("GITHUB_STEP_SUMMARY"))

    def take(self, variable: str) -> str:
        path = self.temp / variable.lower()
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return text

    def take_outputs(self) -> dict[str, str]:
        """Parse $GITHUB_OUTPUT like the runner: NAME=VALUE, or NAME<<END, lines, END."""
        found, lines = {}, iter(self.take("GITHUB_OUTPUT").splitlines())
        for line in lines:
            if "<<" in line:
                name, end = line.split("<<", 1)
                value = []
                while (following := next(lines)) != end:
                    value.append(following)
                found[name] = "\n".join(value)
            else:
                name, _, text = line.partition("=")
                found[name] = text
        return found

    def settle_in(self) -> None:
        """Provide this interpreter's packages, and the stamp, where the install step would put the locked ones."""
        venv = self.temp / "ert-deploy" / "venv"
        subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)], check=True)
        python = venv / "bin" / "python"
        shown = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = subprocess.run([str(python), "-I", "-c", shown], capture_output=True, text=True, check=True).stdout
        here = sysconfig.get_path("purelib")
        (Path(packages.strip()) / "ert_deploy.pth").write_text(f"{self.root}\n{here}\n")
        locks = (self.root / "requirements" / f"{name}.lock" for name in ("runtime", "s3"))
        digest = hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()
        (venv / "stamp").write_text(f"{sys.executable} {self.root} {digest}  - s3\n")


def filled(given: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs with their defaults; `python` is the running interpreter."""
    inputs = {name: about.get("default", "") for name, about in action()["inputs"].items()}
    return {**inputs, "python": sys.executable, **{name.replace("_", "-"): value for name, value in given.items()}}


def filled_in(value: str, inputs: Mapping[str, str]) -> str:
    """Evaluate a value of `env` like the runner: `(CONDITION) && INPUT || INPUT`, or a part of it."""
    found = EXPRESSION.fullmatch(value)
    assert found, value
    condition, first, otherwise = found.groups()
    chosen = inputs[first] if condition is None or _any(condition, inputs) else ""
    return chosen or (inputs[otherwise] if otherwise else "")


def holds(condition: str | None, inputs: Mapping[str, str]) -> bool:
    """Whether the `if` of a step is true."""
    if condition is None:
        return True
    inner = re.fullmatch(r"\$\{\{ (.*) \}\}", condition)
    assert inner, condition
    return _any(inner[1], inputs)


def _any(alternatives: str, inputs: Mapping[str, str]) -> bool:
    parts = [re.fullmatch(r"inputs\.([a-z-]+) == '([a-z]+)'", part) for part in alternatives.split(" || ")]
    assert all(parts), alternatives
    return any(inputs[part[1]] == part[2] for part in parts if part)


def orders(log: str) -> list[str]:
    """Return the workflow commands that a runner executes: none between `stop-commands` and its end token."""
    obeyed, muted = [], ""
    for line in log.splitlines():
        order = ORDER.match(line)
        if order is None:
            continue
        if muted:
            muted = "" if order[1] == muted else muted
        elif order[1] == "stop-commands":
            muted = order[2]
        else:
            obeyed.append(order[1])
    return obeyed
