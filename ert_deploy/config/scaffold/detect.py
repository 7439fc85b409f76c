"""Project detection: suggests values for a new config from the git remote and the files of a directory.

It checks for a few files and runs git once; credentials in a remote URL are dropped immediately.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from ert_deploy.config.scaffold.blueprint import DASHBOARD, START
from ert_deploy.config.scaffold.template import PLACEHOLDER_IMAGE, QUESTIONS

_HTTPS = re.compile(r"https://(?:[^/@]*@)?(?P<host>[A-Za-z0-9.-]+)/(?P<path>[A-Za-z0-9._/-]+?)(?:\.git)?/?")
_SSH = re.compile(r"(?:ssh://)?git@(?P<host>[A-Za-z0-9.-]+)[:/](?P<path>[A-Za-z0-9._/-]+?)(?:\.git)?/?")
OTHER_START = "gunicorn --bind 0.0.0.0:$PORT app:app"
_APPS = {
    "package.json": ("npm ci", "npm start"),
    "requirements.txt": ("pip install -r requirements.txt", OTHER_START),
}


def suggestions(folder: Path, name: str) -> dict[str, str]:
    """Return a default value for every question, for a config with that name. The image is always the placeholder."""
    found = {question.name: question.default for question in QUESTIONS}
    found |= {"image": PLACEHOLDER_IMAGE, "repo": web_address(_remote(folder)) or "-", "start": START}
    if QUESTIONS[0].refusal(name) == "":
        found["deployment"] = name
    marks = [mark for mark in _APPS if (folder / mark).is_file()]
    if marks and not (folder / DASHBOARD).is_dir():
        build, start = _APPS[marks[0]]
        found |= {"root": ".", "build": build, "start": start, "service": found["deployment"]}
    return found


def start_of(root: str, start: str) -> str:
    """Return the suggested start command for the app directory: that of the dashboard only fits the dashboard."""
    return OTHER_START if root != DASHBOARD and start == START else start


def web_address(remote: str) -> str:
    """Convert a git remote to the https URL that Render accepts, without credentials; empty if it is not possible."""
    match = _HTTPS.fullmatch(remote) or _SSH.fullmatch(remote)
    return f"https://{match['host']}/{match['path']}" if match else ""


def _remote(folder: Path) -> str:
    asked = ["git", "-C", str(folder), "config", "--get", "remote.origin.url"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
