"""`ert-deploy render-yaml`: the Blueprint of the app, for a first deploy at Render."""

from __future__ import annotations

import os

import click

from ert_deploy.cli.options import config_option


@click.command("render-yaml")
@config_option
def command(config: str | None) -> None:
    """Print the Render Blueprint of the app.

    Save it as render.yaml in the app's repository. The variables that `up` writes are left to it (`sync: false`).
    """
    from ert_deploy.config.credentials import allowed_hosts
    from ert_deploy.config.discovery import PRODUCTION, find
    from ert_deploy.config.load import load
    from ert_deploy.config.scaffold.blueprint import render

    # A Blueprint needs neither image nor key: a config that waits for them will do, and no sandbox is meant.
    click.echo(render(load(find(config or PRODUCTION), draft=True, hosts=allowed_hosts(os.environ))), nl=False)
