"""External server in a new config: its questions, its section, and the server that an app already uses. Few reads.

Of files with variables only the lines with an address or a model are read, never one with a key.
"""

from __future__ import annotations

import re
from pathlib import Path

from ert_deploy.config.scaffold.frameworks import read
from ert_deploy.config.schema.external import EXTERNAL, KEY, NONE
from ert_deploy.config.yaml.tree import Listing, Scalar, Table, Tree, read_tree

NO_CA, NO_KEY = "-", NONE
# Name, key in the config, explanation and default of each question.
SERVER = (
    ("url", f"{EXTERNAL}/url", "Its https address, with or without /v1 (OpenAI's API).", ""),
    ("model", f"{EXTERNAL}/model", "The model to ask for, as its /v1/models lists it.", ""),
    ("key_variable", f"{EXTERNAL}/key", "The variable with its key, EXTERNAL_...; none for no key.", KEY),
    ("ca", f"{EXTERNAL}/ca", "A PEM file with its certificate; - if systems trust it.", NO_CA),
)
NEEDED = ("url", "model")
# Variables that OpenAI's clients and common frameworks read -> question.
_VARIABLES = {"OPENAI_BASE_URL": "url", "OPENAI_API_BASE": "url", "OPENAI_MODEL": "model", "LLM_MODEL": "model"}
_LINE = re.compile(
    rf"^[ \t]*(?:export[ \t]+)?({'|'.join(_VARIABLES)})[ \t]*=[ \t]*([\"']?)([^\s\"'#]+)\2(?:[ \t]+#.*|[ \t]*)$",
    re.MULTILINE,
)
FILES = (".env", ".env.example")  # the one that is in use first


def server_section(answers: dict[str, str], shown: dict[str, str]) -> str:
    """Return the section of the config; `shown` are the same values as YAML."""
    lines = [
        "\n# A server with OpenAI's API that is not rented here; see docs/your-app.md. `up` checks it first.",
        f"{EXTERNAL}:",
        f"  url: {shown['url']}",
        "  # As its /v1/models lists it.",
        f"  model: {shown['model']}",
    ]
    if answers["key_variable"] != KEY:
        lines.append(f"  # The variable with its key, or none.\n  key: {shown['key_variable']}")
    if answers["ca"] != NO_CA:
        lines.append(f"  # Its certificate, or that of its CA; the app gets the text.\n  ca: {shown['ca']}")
    return "\n".join(lines) + "\n"


def used_already(folder: Path, blueprint: str) -> dict[str, list[tuple[str, str]]]:
    """Return by question what the app's Blueprint and its files of variables name: each value with its file."""
    found: dict[str, list[tuple[str, str]]] = {}
    for question, value in _of_blueprint(read_tree(read(folder / blueprint))[0]):
        found.setdefault(question, []).append((value, blueprint))
    for name in FILES:
        for variable, _, value in _LINE.findall(read(folder / name)):
            found.setdefault(_VARIABLES[variable], []).append((value, name))
    return found


def _of_blueprint(tree: Tree | None) -> list[tuple[str, str]]:
    """Return the values of known variables, wherever a list of them is."""
    match tree:
        case Table(items=items):
            name, value = items.get("key"), items.get("value")
            if isinstance(name, Scalar) and isinstance(value, Scalar) and name.text in _VARIABLES:
                return [(_VARIABLES[name.text], value.text)]
            return [pair for inner in items.values() for pair in _of_blueprint(inner)]
        case Listing(items=rows):
            return [pair for row in rows for pair in _of_blueprint(row)]
        case _:
            return []
