"""Project detection: suggests values for a new config from the git remote and the files of a directory.

It checks for a few files and runs git once; credentials in a remote URL are dropped immediately.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from ert_deploy.config.scaffold.blueprint import DASHBOARD, START
from ert_deploy.config.scaffold.existing import OURS, answers
from ert_deploy.config.scaffold.frameworks import OTHER_START, commands, read
from ert_deploy.config.scaffold.server import SERVER, used_already
from ert_deploy.config.scaffold.template import PLACEHOLDER_IMAGE, choices, questions
from ert_deploy.config.schema.external import EXTERNAL, reachable

_HTTPS = re.compile(r"https://(?:[^/@]*@)?(?P<host>[A-Za-z0-9.-]+)/(?P<path>[A-Za-z0-9._/-]+?)(?:\.git)?/?")
_SSH = re.compile(r"(?:ssh://)?git@(?P<host>[A-Za-z0-9.-]+)[:/](?P<path>[A-Za-z0-9._/-]+?)(?:\.git)?/?")
_OWNER = re.compile(r"https://github\.com/([A-Za-z0-9-]{1,39})/")
BLUEPRINT = "render.yaml"


def suggestions(folder: Path, name: str) -> dict[str, str]:
    """Return a default value for every question, for a config with that name. The image is always the placeholder."""
    found = {question.name: question.default for question in (*choices(), *questions())}
    found |= {"image": PLACEHOLDER_IMAGE, "repo": web_address(_remote(folder)) or "-", "start": START}
    if questions()[0].refusal(name) == "":
        found["deployment"] = name
    if (folder / DASHBOARD).is_dir():
        return found
    told = known_answers(folder, name)
    root = told.get("root", ".")
    made = commands(folder / root) if ".." not in Path(root).parts and not Path(root).is_absolute() else None
    if made is not None:
        found |= {"build": made[0], "start": made[1], "service": found["deployment"], "root": root}
    elif told:
        found |= {"start": OTHER_START, "root": root}
    return found | told


def of_a_server(folder: Path, name: str, answers: Mapping[str, str]) -> dict[str, str]:
    """Return default values for an external server: what the app has already, and an app that is not the dashboard."""
    asked = questions(dict(answers) | {"gpu": EXTERNAL})
    used, names = used_already(folder, BLUEPRINT), [row[0] for row in SERVER]
    fit = {q.name: [value for value, _ in used.get(q.name, ()) if not q.refusal(value)] for q in asked}
    found = {q.name: fit[q.name][0] if fit[q.name] else q.default for q in asked if q.name in names}
    if answers["root"] == DASHBOARD:  # it needs the report routes of a rented backend
        found |= {"root": ".", "start": OTHER_START, "service": name}
    return found


def unused_server(folder: Path) -> str:
    """Return why none of the addresses of a server in the app's files can be suggested; empty if there is none."""
    question = next(q for q in questions({"gpu": EXTERNAL}) if q.name == "url")
    refused = [(file, question.refusal(value)) for value, file in used_already(folder, BLUEPRINT).get("url", ())]
    return f"that in {refused[0][0]} is not used: {refused[0][1]}" if refused and all(why for _, why in refused) else ""


def server_beside(folder: Path) -> str:
    """Return the address of a server in the app's files that apps elsewhere can reach; empty without one."""
    found = of_a_server(folder, "", {"root": ""})["url"]
    return found if found and reachable(found, EXTERNAL, sandbox=False) is None else ""


def known_answers(folder: Path, name: str) -> dict[str, str]:
    """Return the values that an existing Blueprint gives, of its service `name` or its first one; only valid ones."""
    text = read(folder / BLUEPRINT)
    said = {} if text.startswith(OURS) else answers(text, name)
    return {q.name: said[q.name] for q in questions() if said.get(q.name) and not q.refusal(said[q.name])}


def image_of(answered: str, repo: str) -> str:
    """Return the given image; for the placeholder one in the registry of the owner of a GitHub repository."""
    owner = _OWNER.match(repo)
    return (
        f"ghcr.io/{owner[1].lower()}/{PLACEHOLDER_IMAGE.rpartition('/')[2]}"
        if owner and answered == PLACEHOLDER_IMAGE
        else answered
    )


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
