"""`ert-deploy init`: create a config and a Blueprint for a project. It calls no provider and reads no key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ert_deploy.app import project
from ert_deploy.app.project import Ask, Draft, Question
from ert_deploy.core.model.errors import UsageError

OPTIONS = {
    "gpu": f"GPU cloud: {' or '.join(project.gpus())} (a server that you have).",
    "web": f"Web host: {' or '.join(project.hosts())}.",
    "deployment": "Name of the deployment.",
    "image": "Image of the backend, with a tag or a digest.",
    "model": "Tag of the language model; of an external server its name there.",
    "url": "https address of an external server with OpenAI's API.",
    "key_variable": "The variable with its key, EXTERNAL_...; or none.",
    "ca": "PEM file with its certificate, where systems do not trust it.",
    "gpu_ram": "Class of GPU memory: 24GB, or 16GB for less money (docs/models.md).",
    "max_dph": "Most to pay per hour, in $.",
    "service": f"Name of the web service at {' or '.join(project.hosts().values())}.",
    "health_path": "Path of the app that returns JSON.",
    "health_field": "The field in it with the fingerprint.",
    "repo": "Repository of the app, for the Blueprint; - for the Blueprint's own.",
    "root": "The app's folder in the repository.",
    "build": "Command that builds the app.",
    "start": "Command that starts the app.",
    "region": "Region of the app at its host.",
    "instances": "How many processes serve it, 1 to 100.",
    "agent": "Name of a private service that wakes the GPU on request; - for none.",
}


def _flags(command: Any) -> Any:
    for name, help_text in reversed(OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=help_text)(command)
    return command


@click.command("init")
@click.argument("name", default="ert")
@_flags
@click.option("--defaults", is_flag=True, help="Do not prompt; use the defaults for missing options.")
@click.option(
    "--force",
    is_flag=True,
    help="Replace files that are there, each kept as NAME.bak; add lines to your own render.yaml.",
)
@click.option("--blueprint/--no-blueprint", default=True, help="Whether to write render.yaml too.")
@click.option(
    "--schema", is_flag=False, flag_value="-", metavar="[FILE]",
    help="Print the JSON Schema of a config instead, or write it to FILE.",
)  # fmt: skip
@click.option("--reference", is_flag=True, help="Print the reference of every key instead; no file is written.")
def command(
    *,
    name: str,
    defaults: bool,
    force: bool,
    blueprint: bool,
    schema: str | None,
    reference: bool,
    **given: str | None,
) -> None:
    """Begin a project: write configs/NAME.yaml and render.yaml.

    It also writes the JSON Schema of the config, for editors. It asks a few questions, each with a default, and
    validates the files. An earlier configs/NAME.yaml, Procfile, packages and an existing render.yaml give the defaults;
    the last stays as it is, and the lines to add are shown. It never requests a key: keys are read from VAST_API_KEY
    and RENDER_API_KEY, or from files with mode 0600, when a command needs them.
    """
    if reference:
        click.echo(project.config_reference(), nl=False)
        return
    if schema is not None:
        _schema(schema, force=force)
        return
    answers = {key: value for key, value in given.items() if value is not None}
    draft = project.draft_project(name, answers, ask=_asker(defaults, answers), blueprint=blueprint)
    for line in draft.diff_lines():
        click.echo(line, err=True)
    for path, copy in project.write_project(draft, force=force).items():
        click.echo(f"{path} as it was is kept as {copy}", err=True)
    _say(name, draft, force=force)


def _schema(file: str, *, force: bool) -> None:
    """Print the JSON Schema of a config, or write it to a file."""
    if file == "-":
        click.echo(project.config_schema(), nl=False)
        return
    project.write_schema(Path(file), force=force)
    click.echo(f"wrote {file}")


def _asker(defaults: bool, given: dict[str, str]) -> Ask | None:
    """Return the function that prompts for missing values; None if the defaults are used."""
    if defaults or (given and not sys.stdin.isatty()):
        return None
    return _ask if sys.stdin.isatty() else _nobody


def _nobody(_question: Question, _default: str) -> str:
    raise UsageError("there is no terminal to prompt on", hint="give --defaults, or the values as options")


def _ask(question: Question, default: str) -> str:
    def judged(answer: str) -> str:
        if wrong := question.refusal(answer) or project.absent(question, answer):
            raise click.UsageError(wrong)
        return answer

    click.echo("\n".join(["", question.why, *(f"  {line}" for line in question.table)]), err=True)
    answer: str = click.prompt(question.name.replace("_", " "), default=default, value_proc=judged, err=True)
    return answer


def _say(name: str, draft: Draft, *, force: bool) -> None:
    for path in [*draft.files, *(draft.merged if force else ())]:
        click.echo(f"wrote {path}")
    for line in () if force and draft.merged else draft.advice:
        click.echo(line, err=True)
    if draft.server:
        click.echo(f"the app's files name the server {draft.server}: --gpu external has the app use it", err=True)
    click.echo("next:", err=True)
    for line in _next(name, draft):
        click.echo(f"  {line}", err=True)


def _next(name: str, draft: Draft) -> list[str]:
    """Return the commands that lead to a running backend; each works once those before it have."""
    lines = []
    if draft.placeholder:
        lines = [
            f"# launch/image in configs/{name}.yaml is a placeholder, which `up` rejects; with your registry's name:",
            f"ert-deploy image build --tag {draft.image}",
            f"ert-deploy image push --tag {draft.image} -c {name}",
        ]
    named = " ".join(f"{key}=..." for key in draft.keys)
    file = f"{draft.keys[-1]}: or {draft.key_file} names a file with mode 0600" if draft.key_file else ""
    keys = f"export {named}   # {file or 'or name files with mode 0600 in the config'}"
    return [*lines, keys, f"ert-deploy plan -c {name}", f"ert-deploy up -c {name}"]
