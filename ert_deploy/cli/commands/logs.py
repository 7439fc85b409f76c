"""`ert-deploy logs`: the last lines of the backend's log."""

from __future__ import annotations

import click

from ert_deploy.app import logs as app
from ert_deploy.cli.options import as_id, complete_instances, config_option, emit_json, interruptible, json_option
from ert_deploy.cli.view.progress import make_view
from ert_deploy.core.model.provider import InstanceId


@click.command("logs")
@config_option
@json_option
@click.option("--tail", type=click.IntRange(1, 10000), default=100, show_default=True, help="How many lines.")
@click.option(
    "--instance", metavar="ID", callback=as_id, shell_complete=complete_instances,
    help="Which instance of the deployment; default: the newest.",
)  # fmt: skip
def command(config: str | None, as_json: bool, tail: int, instance: InstanceId | None) -> None:
    """Show the last lines of the backend's log."""
    with interruptible(), make_view() as view:
        log = app.logs(config, tail=tail, instance=instance, progress=view)
    if as_json:
        emit_json({"instance": log.instance, "lines": log.text.splitlines()})
    else:
        click.echo(log.text)
