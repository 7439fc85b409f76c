"""`ert-deploy logs`: the last lines of the backend's log."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.core.model.errors import ErtError, UsageError

if TYPE_CHECKING:
    from ert_deploy.wiring import House


@click.command("logs")
@config_option
@json_option
@click.option("--tail", type=click.IntRange(1, 10000), default=100, show_default=True, help="How many lines.")
@click.option("--instance", type=int, help="Which instance of the deployment; default: the newest.")
def command(config: str | None, as_json: bool, tail: int, instance: int | None) -> None:
    """Show the last lines of the backend's log."""
    from ert_deploy.cli.running import accessible
    from ert_deploy.cli.view.progress import make_view
    from ert_deploy.wiring import assemble

    with interruptible(), make_view() as view:
        house = assemble(config, view, start_sandbox=False, web=False)
        deployment = house.desired.deployment
        mine = [i.id for i in accessible(house)]
        if not mine:
            raise UsageError(f"{deployment} has no instance", hint="`ert-deploy up` rents one")
        if instance is not None and instance not in mine:
            raise UsageError(f"instance {instance} is not one of {deployment}", hint=f"there are: {mine}")
        chosen = instance if instance is not None else max(mine)
        _hold_keys(house)
        text = house.ports.gpu.logs(chosen, tail)
    if as_json:
        emit_json({"instance": chosen, "lines": text.splitlines()})
    else:
        click.echo(text)


def _hold_keys(house: House) -> None:
    """Meet the key that the apps send to the backend, so that no log shows it. A log is shown without it, too."""
    for target in house.desired.targets:
        with suppress(ErtError):
            house.ports.web.read_env(house.ports.web.service(target.service).id)
