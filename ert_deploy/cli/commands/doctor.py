"""`ert-deploy doctor`: what is wrong, why it matters, and the command that ends it."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ert_deploy.app.doctor import bundle, examine
from ert_deploy.app.doctor.examine import Diagnosis
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.causes import cause_lines
from ert_deploy.cli.view.progress import make_view

VERSION = 1  # of the JSON document


@click.command("doctor")
@config_option
@json_option
@click.option("--fix", "fixing", is_flag=True, help="Repair what needs no machine: variables and deploys of the apps.")
@click.option(
    "--bundle", "path", type=click.Path(path_type=Path), help="Write a zip for a bug report, without secrets."
)
def command(config: str | None, as_json: bool, fixing: bool, path: Path | None) -> None:
    """Say what is wrong with the deployment, most likely first, and how to end it.

    Of several replicas it looks at all, and each line names the one that it is about. Reads config, keys, state,
    providers, images, backend and apps; writes, rents and destroys nothing. An external server is asked for a short
    completion. Exit code 0 if nothing is wrong (slow, booting and sleeping as wanted are not), 6 if something is, 5 if
    a provider cannot be read or an instance has no certain owner. `--fix` never rents, starts, stops or destroys a
    machine.
    """
    with interruptible(), make_view() as view:
        fixed = examine.fix(config, progress=view) if fixing else ()
        found = examine.doctor(config, progress=view)
        names = bundle.write_bundle(path, found, config, progress=view) if path is not None else ()
    if as_json:
        emit_json({"version": VERSION, **_document(found), "fixed": [c.code for c in fixed], "bundle": list(names)})
    else:
        for cause in fixed:
            click.echo(f"fixed: {cause.seen}")
        _show(found)
        if names:
            click.echo(f"{path} has {', '.join(names)}")
    if found.exit_code:
        raise click.exceptions.Exit(found.exit_code)


def _document(found: Diagnosis) -> dict[str, Any]:
    causes = [{**asdict(c), "explains": sorted(c.explains), "fixable": c in found.fixable} for c in found.causes]
    return {"deployment": found.deployment, "causes": causes}


def _show(found: Diagnosis) -> None:
    name = found.deployment or "this config"
    if not found.causes:
        click.echo(f"{name}: nothing wrong found")
        return
    for line in cause_lines(found.causes, shutil.get_terminal_size((80, 24)).columns):
        click.echo(line)
    if found.fixable:
        click.echo("\n`ert-deploy doctor --fix` writes them and deploys; it touches no machine")
    elif found.refused:
        click.echo(f"\n`ert-deploy doctor --fix` does not help: {found.refused}")
