"""Launch: command line and environment of the daemon, and the end of its log."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

_TAIL = 20
# Other variables are not inherited: a daemon runs for hours, and its log should not contain any secret.
INHERITED = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_CACHE_HOME|SSL_CERT_FILE|OPENBLAS_\w+"
    r"|PYTHON(?:DONTWRITEBYTECODE|WARNINGS|HASHSEED)"
)


def foreground_command(directory: Path, speed: float, model: str) -> list[str]:
    """Return the command line of the daemon."""
    options = ["--world", str(directory), "--speed", str(speed), "--model", model, "--foreground"]
    return [sys.executable, "-m", "ert_deploy.sandbox", "start", *options]


def environment() -> dict[str, str]:
    """Return an environment without keys, proxies and package index, in which this package can be imported."""
    places = [str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, places))}


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-_TAIL:])
