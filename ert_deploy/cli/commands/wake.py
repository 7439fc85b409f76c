"""`ert-deploy wake`: have a sleeping backend serve again."""

from __future__ import annotations

import click

from ert_deploy.cli.attention import doubtful, named_in_json
from ert_deploy.cli.options import config_option, emit_json, interruptible, json_option
from ert_deploy.cli.running import converge
from ert_deploy.cli.view.outcome import show_backend
from ert_deploy.core.model.desired import Phase


@click.command("wake")
@config_option
@json_option
def command(config: str | None, as_json: bool) -> None:
    """Have a sleeping backend serve again, on its old GPU or a new one.

    The stopped instance is started: its disk still holds the image and the model. When its GPU went to somebody else,
    another one is rented, the app is moved over, and the old disk is destroyed. Nothing is rented where nothing was.
    """
    with interruptible(), named_in_json(as_json):
        outcome = converge(config, Phase.RUNNING, begin=False)
    if as_json:
        emit_json(outcome.as_dict())
    else:
        show_backend(outcome)
    if left := outcome.left or doubtful(outcome):
        raise left
