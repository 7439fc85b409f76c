"""`init` and `render-yaml`: begin a project with a config and a Blueprint. Calls no provider and asks for no key."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ert_deploy.config.scaffold.template import QUESTIONS, Question, draft, validated
from ert_deploy.core.model.errors import UsageError
from ert_deploy.core.model.owner import OWNER

__all__ = [
    "Ask", "Draft", "Question", "config_reference", "draft_project", "render_yaml", "write_project",
]  # fmt: skip

Ask = Callable[[Question, str], str]  # a question and its default; the answer, which has no refusal


@dataclass(frozen=True, slots=True)
class Draft:
    """The files that would be written, and the diff of each that is there already and differs.

    `placeholder`: the config waits for its image, and `up` refuses it until then.
    """

    files: dict[Path, str]
    changes: dict[Path, str]
    placeholder: bool

    def diff_lines(self) -> Iterator[str]:
        """Every line of the diffs, without the values of secrets."""
        from ert_deploy.config.scaffold.write import diff_lines

        return diff_lines(self.changes)


def draft_project(
    name: str = "ert", answers: Mapping[str, str] | None = None, *, ask: Ask | None = None, blueprint: bool = True
) -> Draft:
    """configs/NAME.yaml, and with `blueprint` render.yaml, checked and not written.

    What is not in `answers` is asked with `ask`, or has its default. Raises UsageError for a name or an answer that
    will not do, and ConfigProblems for what does not fit together.
    """
    from ert_deploy.config.scaffold.blueprint import render
    from ert_deploy.config.scaffold.write import changes

    config = _place(name)
    text = draft(_answers(name, dict(answers or {}), ask), _owner(config))
    files = {config: text}
    settings = validated(text, config)
    if blueprint:
        files[Path("render.yaml")] = render(settings)
    return Draft(files, changes(files), placeholder=not settings.desired.launch.image)


def write_project(draft: Draft, *, force: bool = False) -> None:
    """Write the files of a draft. UsageError, and nothing written, where `force` is needed to replace one."""
    from ert_deploy.config.scaffold.write import write

    if draft.changes and not force:
        names = " and ".join(str(path) for path in draft.changes)
        raise UsageError(
            f"{names} {'are' if len(draft.changes) > 1 else 'is'} there already; nothing was written",
            hint="--force applies the diff above, `ert-deploy init NAME` creates another config",
        )
    write(draft.files)


def config_reference() -> str:
    """The commented sample config: every key with its meaning and default. Raises UsageError where it is missing."""
    from ert_deploy.config.discovery import reference
    from ert_deploy.config.yaml.file import read_text

    return read_text(reference())


def render_yaml(config: str | None = None) -> str:
    """The Render Blueprint of the app, by default of the config `ert`; one that waits for its image will do.

    Raises UsageError for a config that cannot be a Blueprint, of which ConfigProblems names all that is wrong.
    """
    from ert_deploy.config.credentials import allowed_hosts
    from ert_deploy.config.discovery import PRODUCTION, find
    from ert_deploy.config.load import load
    from ert_deploy.config.scaffold.blueprint import render

    return render(load(find(config or PRODUCTION), draft=True, hosts=allowed_hosts(os.environ)))


def _owner(config: Path) -> str:
    """The owner id of the config that is there already, else a random one: what runs must not lose its owner."""
    with suppress(OSError, ValueError):
        if kept := re.search(rf"^owner: ({OWNER.pattern})\s*(#.*)?$", config.read_text(encoding="utf-8"), re.MULTILINE):
            return kept[1]
    return f"o{secrets.token_hex(5)}"


def _place(name: str) -> Path:
    from ert_deploy.config.yaml.problems import shown

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"{shown(name)} cannot be the name of a config", hint="letters, digits and dashes")
    return Path("configs") / f"{name}.yaml"


def _answers(name: str, given: dict[str, str], ask: Ask | None) -> dict[str, str]:
    from ert_deploy.config.scaffold.detect import start_of, suggestions

    known = suggestions(Path(), name) | given
    for question in QUESTIONS:
        if question.name == "start" and "start" not in given:
            known["start"] = start_of(known["root"], known["start"])
        if question.name in given:
            if wrong := question.refusal(given[question.name]):
                raise UsageError(f"--{question.name.replace('_', '-')}: {wrong}")
        elif ask is not None:
            known[question.name] = ask(question, known[question.name])
    return known
