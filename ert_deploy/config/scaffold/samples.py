"""Sample configs: what their comments say about every key, for the reference page and the JSON Schema."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.config.discovery import SANDBOX, reference
from ert_deploy.config.yaml.file import read_text

_KEY = re.compile(r"(?P<indent> *(?:- )?)(?P<name>[a-z_]+):(?P<rest>.*)")


@dataclass(frozen=True, slots=True)
class Comment:
    """The comment above a key, in one line; and the note behind it: `required`, or the default as it is written."""

    text: str
    note: str


def key_comments() -> dict[str, Comment]:
    """Return the comment of every key of the schema by its path. Raise `UsageError` where a sample is missing."""
    sample = reference()
    found = _of_file(sample)
    for other in sorted((sample.parent / "providers").glob(f"*{sample.suffix}")):  # those that are not chosen there
        found = _of_file(other) | found
    sandbox = _of_file(sample.with_name(f"{SANDBOX}{sample.suffix}"))
    return found | {path: said for path, said in sandbox.items() if path.startswith(f"{SANDBOX}/")}


def _of_file(sample: Path) -> dict[str, Comment]:
    return comments(read_text(sample))


def comments(text: str) -> dict[str, Comment]:
    """Return the comment of each key of a commented config by its path, in which an entry of a list is `*`."""
    found: dict[str, Comment] = {}
    stack: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            above = [] if set(stripped) <= set("# -") else [*above, stripped.removeprefix("#").strip()]
        elif key := _KEY.match(line):
            indent = len(key["indent"])
            while stack and stack[-1][0] >= indent:
                stack.pop()
            if "- " in key["indent"]:
                stack.append((indent - 1, "*"))
            stack.append((indent, key["name"]))
            note = key["rest"].partition("  # ")[2].strip().removeprefix("default ")
            found["/".join(name for _, name in stack)] = Comment(" ".join(above), note)
            above = []
        else:
            above = []
    return found
