"""`ert-deploy init`: begins a project with a config and a Blueprint. It calls no provider and asks for no key."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ert_deploy.core.model.errors import UsageError

if TYPE_CHECKING:
    from ert_deploy.config.scaffold.template import Question

OPTIONS = {
    "deployment": "Name of the deployment.",
    "image": "Image of the backend, with a tag or a digest.",
    "model": "Tag of the language model.",
    "max_dph": "Most to pay per hour, in $.",
    "service": "Name of the web service at Render.",
    "health_path": "Where the app answers with JSON.",
    "health_field": "The field there that shows the fingerprint.",
    "repo": "Repository of the app, for the Blueprint; - for the Blueprint's own.",
    "root": "The app's folder in the repository.",
    "build": "Command that builds the app.",
    "start": "Command that starts the app.",
    "region": "Render region of the app.",
}


def _flags(command: Any) -> Any:
    for name, help_text in reversed(OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=help_text)(command)
    return command


@click.command("init")
@click.argument("name", default="ert")
@_flags
@click.option("--defaults", is_flag=True, help="Ask nothing; take what was not given from the defaults.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
@click.option("--blueprint/--no-blueprint", default=True, help="Whether to write render.yaml too.")
@click.option("--reference", is_flag=True, help="Print the reference of every key instead, and write nothing.")
def command(name: str, defaults: bool, force: bool, blueprint: bool, reference: bool, **given: str | None) -> None:
    """Begin a project: write configs/NAME.yaml and render.yaml.

    It asks a few questions, each with a default, and checks what it writes. It never asks for a key: those are read
    from VAST_API_KEY and RENDER_API_KEY, or from files with mode 0600, when a command needs them.
    """
    from ert_deploy.config.scaffold.blueprint import render
    from ert_deploy.config.scaffold.template import draft, validated
    from ert_deploy.config.scaffold.write import write

    if reference:
        click.echo(_reference(), nl=False)
        return
    config = _place(name)
    answers = _answers(name, defaults, {key: value for key, value in given.items() if value is not None})
    text = draft(answers, _owner(config))
    files = {config: text}
    settings = validated(text, config)
    if blueprint:
        files[Path("render.yaml")] = render(settings)
    _mind(files, force=force)
    write(files)
    _say(name, files, placeholder=not settings.desired.launch.image)


def _owner(config: Path) -> str:
    """The owner id of the config that is there already, else a random one: what runs must not lose its owner."""
    import re
    import secrets

    from ert_deploy.core.model.owner import OWNER

    with suppress(OSError, ValueError):
        if kept := re.search(rf"^owner: ({OWNER.pattern})\s*(#.*)?$", config.read_text(encoding="utf-8"), re.MULTILINE):
            return kept[1]
    return f"o{secrets.token_hex(5)}"


def _place(name: str) -> Path:
    import re

    from ert_deploy.config.yaml.problems import shown

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"{shown(name)} cannot be the name of a config", hint="letters, digits and dashes")
    return Path("configs") / f"{name}.yaml"


def _reference() -> str:
    from ert_deploy.config.discovery import reference
    from ert_deploy.config.yaml.file import read_text

    return read_text(reference())


def _answers(name: str, defaults: bool, given: dict[str, str]) -> dict[str, str]:
    from ert_deploy.config.scaffold.detect import start_of, suggestions
    from ert_deploy.config.scaffold.template import QUESTIONS

    if not defaults and not sys.stdin.isatty() and not given:
        raise UsageError("there is no terminal to ask on", hint="give --defaults, or the answers as options")
    asking = not defaults and sys.stdin.isatty()
    known = suggestions(Path(), name) | given
    for question in QUESTIONS:
        if question.name == "start" and "start" not in given:
            known["start"] = start_of(known["root"], known["start"])
        if question.name in given:
            if wrong := question.refusal(given[question.name]):
                raise UsageError(f"--{question.name.replace('_', '-')}: {wrong}")
        elif asking:
            known[question.name] = _ask(question, known[question.name])
    return known


def _ask(question: Question, default: str) -> str:
    def judged(answer: str) -> str:
        if wrong := question.refusal(answer):
            raise click.UsageError(wrong)
        return answer

    click.echo(f"\n{question.why}", err=True)
    answer: str = click.prompt(question.name.replace("_", " "), default=default, value_proc=judged, err=True)
    return answer


def _mind(files: dict[Path, str], *, force: bool) -> None:
    """Show what would be replaced, and stop there unless `--force` was given."""
    from ert_deploy.config.scaffold.write import changes, diff_lines

    found = changes(files)
    for line in diff_lines(found):
        click.echo(line, err=True)
    if found and not force:
        names = " and ".join(str(path) for path in found)
        raise UsageError(
            f"{names} {'are' if len(found) > 1 else 'is'} there already; nothing was written",
            hint="--force replaces what the diff above shows, `ert-deploy init NAME` begins another config",
        )


def _say(name: str, files: dict[Path, str], *, placeholder: bool) -> None:
    for path in files:
        click.echo(f"wrote {path}")
    click.echo("next:", err=True)
    if placeholder:
        click.echo(f"  put the image you pushed into configs/{name}.yaml (launch/image); `up` refuses it", err=True)
    click.echo("  export VAST_API_KEY=... and RENDER_API_KEY=..., or name files with mode 0600 in the config", err=True)
    click.echo(f"  ert-deploy plan -c {name}", err=True)
