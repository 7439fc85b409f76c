"""Version of a release: the tag, the program, its package and the changelog have to say the same one.

Prints the version, and what the changelog says of it goes to the file of the second argument.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TAG = re.compile(r"v(\d+\.\d+\.\d+)")


def version(root: Path, tag: str) -> str:
    """Return the version that a tag releases. Raise ValueError where the tree says another one."""
    named = TAG.fullmatch(tag)
    if named is None:
        raise ValueError(f"the tag {tag!a} is not v and a version, such as v0.2.0")
    found = {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
        "ert_deploy/__init__.py": _in_code(root / "ert_deploy" / "__init__.py"),
    }
    for file, said in found.items():
        if said != named[1]:
            raise ValueError(f"{file} says {said}, and the tag {tag}")
    return named[1]


def notes(root: Path, released: str) -> str:
    """Return what CHANGELOG.md says of a version. Raise ValueError when it says nothing."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(released)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section `## {released} - YYYY-MM-DD` with what changed")
    return section[1].strip() + "\n"


def _in_code(file: Path) -> str:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return str(ast.literal_eval(node.value))
    raise ValueError(f"{file.name} has no __version__")


def main(tag: str, file: str) -> int:
    """Print the version of a tag and write its notes; an exit code."""
    try:
        released = version(ROOT, tag)
        Path(file).write_text(notes(ROOT, released), encoding="utf-8")
    except ValueError as wrong:
        sys.stderr.write(f"error: {wrong}\n")
        return 1
    sys.stdout.write(f"{released}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
