"""`ert-deploy restart`: restart the container on the GPU machine, which is kept."""

from __future__ import annotations

import click

from ert_deploy.app.running import restart as app
from ert_deploy.cli.options import (
    as_id,
    config_option,
    confirmed,
    emit_json,
    interruptible,
    json_option,
    replica_option,
    yes_option,
)
from ert_deploy.cli.view.progress import PlainView
from ert_deploy.core.model.observed import Instance
from ert_deploy.core.model.provider import InstanceId


@click.command("restart")
@config_option
@json_option
@yes_option
@click.option("--instance", metavar="ID", callback=as_id, help="Which instance; default: the newest that runs.")
@replica_option
def command(config: str | None, as_json: bool, yes: bool, instance: InstanceId | None, replica: int | None) -> None:
    """Restart the container on the GPU machine, and wait until the backend serves again.

    The machine, its disk, address and keys are kept; nothing is rented. Reports that are being written are lost.
    """

    def confirm(chosen: Instance) -> bool:
        return confirmed(f"restart the container of instance {chosen.id}? Running reports are lost", yes=yes)

    with interruptible():
        done = app.restart(config, instance=instance, replica=replica, confirm=confirm, progress=PlainView())
    if as_json:
        emit_json({"instance": done.instance if done else None, "seconds": done.seconds if done else None})
    elif done is None:
        click.echo("nothing was done")
    else:
        click.echo(f"instance {done.instance} serves again, {done.seconds:.0f} s after its restart")
