"""Earlier config: its values as defaults for `init` that writes it anew, and the owner id of what runs. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ert_deploy.config.scaffold.template import Question, choices, questions
from ert_deploy.config.yaml.tree import Listing, Scalar, Table, Tree, read_tree
from ert_deploy.core.model.owner import OWNER

_LINE = re.compile(rf"^owner:\s*[\"']?({OWNER.pattern})[\"']?\s*(#.*)?$", re.MULTILINE)


def earlier_answers(text: str, chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the valid values of the config for the questions of `init`; of several services those of the first.

    They are those for the providers in `chosen`, by default those of the config itself.
    """
    tree, _ = read_tree(text)
    named = _valid(tree, choices())
    return named | _valid(tree, questions(named if chosen is None else chosen))


def _valid(tree: Tree | None, asked: Iterable[Question]) -> dict[str, str]:
    found = ((question, _at(tree, question.key.split("/"))) for question in asked)
    return {
        question.name: value.text
        for question, value in found
        if value is not None and (value.kind == "str") is question.text and not question.refusal(value.text)
    }


def earlier_owner(text: str) -> str:
    """Return the owner id, also of a file that is no valid config any more; empty without one."""
    found = _at(read_tree(text)[0], ["owner"])
    if found is not None and OWNER.fullmatch(found.text):
        return found.text
    line = _LINE.search(text)
    return line[1] if line else ""


def _at(tree: Tree | None, path: list[str]) -> Scalar | None:
    """Return the scalar at the path, in which `*` is the first entry of a list."""
    for name in path:
        if isinstance(tree, Table):
            tree = tree.items.get(name)
        elif isinstance(tree, Listing):
            tree = tree.items[0] if tree.items else None
    return tree if isinstance(tree, Scalar) else None
